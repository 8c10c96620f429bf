//! One step of the page: its story, what was done, what came of it, what could have been done instead, questions.

use maud::{Markup, html};

use super::super::prose;
use super::super::reel::{Deed, Played, Reel};
use super::{chart, deed, pane, part, question};
use crate::lesson::model::{Branch, Hint};
use crate::report::StepStatus;
use crate::text::{one_line, safe_lines};
use crate::words;

pub fn article(reel: &Reel<'_>, played: &Played<'_>) -> Markup {
    let Played { number, step, deed, branches, asked } = played;
    let id = step.id.as_str();
    let title = part(id, "title");

    html! {
        article.step id=(id) aria-labelledby=(title) data-watch=(pane::first(deed.watch)) {
            h2 id=(title) tabindex="-1" {
                span.number { (number) " of " (reel.steps.len()) } " " (step.title)
            }
            div.tell {
                div.story { (prose::to_html(&step.story)) }
                @for asked in asked.iter().filter(|asked| asked.is_prediction()) { (question::section(asked)) }
                @if let StepStatus::Skipped { why, cure } = &deed.record.status { (left_out(&words::blocker(why), &words::cure(cure))) }
                @if !deed.broken.is_empty() {
                    h3 { "What is broken first" }
                    (deed::commands(reel, &deed.broken))
                }
                h3 { "What is typed" }
                (deed::commands(reel, &deed.typed))
                (deed::calls(deed, id))
                @if !step.docker.trim().is_empty() { (beside(reel, &step.docker, &step.oci)) }
            }
            div.see {
                h3 { "What to see" }
                (came_of_it(deed, &step.after, id))
                (pane::all(deed, id))
            }
            div.more {
                @for (branch, deed) in branches { (what_if(reel, id, branch, deed)) }
                @if !step.hints.is_empty() { (hints(&step.hints)) }
                @for asked in asked.iter().filter(|asked| !asked.is_prediction()) { (question::section(asked)) }
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
fn came_of_it(deed: &Deed<'_>, after: &str, id: &str) -> Markup {
    html! {
        div.story { (prose::to_html(after)) }
        (deed::verdicts(deed))
        @for (index, series) in deed.record.charts.iter().enumerate() {
            (chart::figure(series, &part(id, &format!("chart{index}"))))
        }
    }
}

/// The command for docker, and the fragment of an OCI runtime's config.json.
fn beside(reel: &Reel<'_>, docker: &str, oci: &str) -> Markup {
    html! {
        details {
            summary { "The same by docker, and in an OCI config.json" }
            p { code { (safe_lines(docker.trim())) } }
            @if !oci.trim().is_empty() {
                pre.scroll tabindex="0" role="region" aria-label="OCI config.json" {
                    code { @for line in oci.trim_end().lines() { (deed::highlighted(reel, line)) "\n" } }
                }
            }
        }
    }
}

fn what_if(reel: &Reel<'_>, step: &str, branch: &Branch, deed: &Deed<'_>) -> Markup {
    let id = part(step, &format!("if-{}", branch.id));
    html! {
        details.what-if id=(id) {
            summary { h3 { (branch.title) } }
            div.story { (prose::to_html(&branch.story)) }
            (deed::commands(reel, &deed.typed))
            (deed::calls(deed, &id))
            (came_of_it(deed, &branch.after, &id))
            (pane::changed(deed, &id))
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
