//! One step of the page: its story, what was done, what came of it, what could have been done instead, questions.

use maud::{Markup, html};

use super::super::played_lesson::{PlayedActions, PlayedLesson, PlayedStep};
use super::super::prose;
use super::super::step_map::StepMap;
use super::pane::Folding;
use super::{actions, chart, lab_map, pane, part, question};
use crate::lesson::model::{Branch, Hint};
use crate::report::StepStatus;
use crate::text::{one_line, safe_lines};
use crate::words;

pub fn step_article(
    played_lesson: &PlayedLesson<'_>,
    played: &PlayedStep<'_>,
    map: Option<&StepMap>,
) -> Markup {
    let PlayedStep { number, step, actions: played_actions, branches, questions: asked } = played;
    let id = step.id.as_str();
    let title = part(id, "title");

    html! {
        article.step id=(id) aria-labelledby=(title) data-watch=(pane::first_pane_number(played_actions.watch)) {
            @if let Some(chapter) = words::chapter_begin(played_lesson.lesson, number - 1) { p.summary { (chapter) } }
            h2 id=(title) tabindex="-1" {
                span.number { (number) " of " (played_lesson.steps.len()) } " " (step.title)
            }
            div.tell {
                div.story { (prose::to_html(&step.story)) }
                @for asked in asked.iter().filter(|asked| asked.is_prediction()) { (question::question_section(asked)) }
                @if let StepStatus::Skipped { why, cure } = &played_actions.record.status { (left_out(&words::blocker(why), &words::cure(cure))) }
                @if !played_actions.broken.is_empty() {
                    h3 { "What is broken first" }
                    (actions::terminal_session(played_lesson, &played_actions.broken))
                }
                h3 { "What is typed" }
                (actions::terminal_session(played_lesson, &played_actions.typed))
                (actions::calls_section(played_actions, id))
                @if !step.docker.trim().is_empty() { (beside(played_lesson, &step.docker, &step.oci)) }
            }
            div.see {
                h3 { "What to see" }
                @if let Some(map) = map { (lab_map::map_figure(map, id)) }
                (came_of_it(played_actions, &step.after, id))
                (on_real_machine(played_actions, &step.real))
                (pane::folded_panes(played_actions, id, if map.is_some() { Folding::Folded } else { Folding::Open }))
            }
            div.more {
                @for (branch, played_actions) in branches { (what_if(played_lesson, id, branch, played_actions)) }
                @if !step.hints.is_empty() { (hints(&step.hints)) }
                @for asked in asked.iter().filter(|asked| !asked.is_prediction()) { (question::question_section(asked)) }
                @if !step.notes.trim().is_empty() {
                    details.notes { summary { "Speaker notes" } (prose::to_html(&step.notes)) }
                }
            }
        }
    }
}

fn left_out(why: &str, cure: &str) -> Markup {
    html! {
        p.bad { "Left out where this was recorded: " (one_line(why)) ". To change that: " (one_line(cure)) "." }
    }
}

/// The text on what to see, the expectations, the charts.
fn came_of_it(played_actions: &PlayedActions<'_>, after: &str, id: &str) -> Markup {
    html! {
        div.story { (prose::to_html(&words::came_of_step(Some(played_actions.record), after))) }
        (actions::verdict_list(played_actions))
        @for (index, series) in played_actions.record.charts.iter().enumerate() {
            (chart::chart_figure(series, &part(id, &format!("chart{index}"))))
        }
        (chart::bar_figure(&played_actions.record.ops))
    }
}

/// The difference between a real machine and the lab, where there is one.
fn on_real_machine(played_actions: &PlayedActions<'_>, real: &str) -> Markup {
    let words = words::on_real_machine(Some(played_actions.record), real);
    html! { @if !words.is_empty() { div.story.real { (prose::to_html(&words)) } } }
}

/// The command for docker, and the fragment of an OCI runtime's config.json.
fn beside(played_lesson: &PlayedLesson<'_>, docker: &str, oci: &str) -> Markup {
    html! {
        details {
            summary { "The same by docker, and in an OCI config.json" }
            p { code { (safe_lines(docker.trim())) } }
            @if !oci.trim().is_empty() {
                pre.scroll tabindex="0" role="region" aria-label="OCI config.json" {
                    code { @for line in oci.trim_end().lines() { (actions::highlighted_code(played_lesson, line)) "\n" } }
                }
            }
        }
    }
}

fn what_if(
    played_lesson: &PlayedLesson<'_>,
    step: &str,
    branch: &Branch,
    played_actions: &PlayedActions<'_>,
) -> Markup {
    let id = part(step, &format!("if-{}", branch.id));
    html! {
        details.what-if id=(id) {
            summary { h3 { (branch.title) } }
            div.story { (prose::to_html(&branch.story)) }
            (actions::terminal_session(played_lesson, &played_actions.typed))
            (actions::calls_section(played_actions, &id))
            (came_of_it(played_actions, &branch.after, &id))
            (pane::changed_panes(played_actions, &id))
        }
    }
}

fn hints(hints: &[Hint]) -> Markup {
    html! {
        details.hints {
            summary { "Hints, for whoever does it by hand" }
            ul {
                @for hint in hints {
                    li { (prose::to_inline_html(&hint.nudge)) " Read: " (prose::to_inline_html(&hint.man)) }
                }
            }
        }
    }
}
