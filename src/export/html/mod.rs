//! A lesson as one page that needs nothing else: no network, no other file. Without its script it reads from top to
//! bottom; with it, it shows a step at a time. Whatever a lesson or a tape says is text: the templates escape it, and
//! what can't be seen in it.

mod actions;
mod chart;
mod lab_map;
mod pane;
mod question;
mod step;

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::played_lesson::PlayedLesson;
use super::prose;
use super::step_map::step_maps;
use crate::text::{prose_lines, safe};
use crate::view::ViewKind;
use crate::words;

const STYLE: &str = concat!(
    include_str!("../../../assets/export/colors.css"),
    include_str!("../../../assets/export/page.css"),
    include_str!("../../../assets/export/map.css")
);
const SCRIPT: &str = include_str!("../../../assets/export/page.js");

/// The page's own style and script, and nothing else, ever: SHA-256 of the two texts, in base64. A test compares them.
const STYLE_HASH: &str = "sha256-IJDAVLwZ1K8Ydn47jH6SP/vVXxkt4OAtu6DfmEnD4v4=";
const SCRIPT_HASH: &str = "sha256-hMZr+4/DmIq8UZ7K0vJvA5iyqoozTB5dHWlROhKhJn0=";

/// The keys and what they do, for the page's help; `assets/export/page.js` does it.
fn keys() -> Vec<(String, String)> {
    let names: Vec<&str> = ViewKind::of_state().map(ViewKind::name).collect();
    let numbers: Vec<usize> = ViewKind::of_state().map(ViewKind::number).collect();
    let panes = match numbers[..] {
        [first, .., last] => format!("{first} to {last}"),
        _ => String::new(),
    };
    let calls = ViewKind::Calls.number().to_string();

    [
        ("right, n", "the next step"),
        ("left, p", "the step before"),
        ("Home, End", "the first step, the last one"),
        (&panes, &format!("a pane: {}", names.join(", "))),
        (&calls, "the system calls"),
        ("d", "what changed; before and after; before; after"),
        ("c", "changed rows only, or all"),
        ("Tab", "from one thing to the next"),
        ("?", "this help"),
    ]
    .map(|(key, what)| (key.to_owned(), what.to_owned()))
    .to_vec()
}

pub fn write(played_lesson: &PlayedLesson<'_>, mut out: impl Write) -> io::Result<()> {
    writeln!(out, "{}", prose_lines(&page(played_lesson).into_string()))?;
    out.flush()
}

fn page(played_lesson: &PlayedLesson<'_>) -> Markup {
    let policy = format!(
        "default-src 'none'; style-src '{STYLE_HASH}'; script-src '{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'"
    );

    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content={ "unboxed " (env!("CARGO_PKG_VERSION")) };
                title { (played_lesson.lesson.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#_steps" { "To the step" }
                (head(played_lesson))
                (contents(played_lesson))
                main id="_steps" tabindex="-1" {
                    (controls(played_lesson))
                    @for (played, map) in played_lesson.steps.iter().zip(step_maps(played_lesson)) {
                        "\n" (step::step_article(played_lesson, played, map.as_ref()))
                    }
                }
                (recap(played_lesson))
                (foot(played_lesson))
                p.sr id="_said" role="status" aria-live="polite" {}
                (help())
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn head(played_lesson: &PlayedLesson<'_>) -> Markup {
    html! {
        header {
            h1 { (played_lesson.lesson.title) }
            p.summary { (prose::to_inline_html(&played_lesson.lesson.summary)) }
            @if !played_lesson.lesson.goal.is_empty() {
                p.summary { "After this lesson you can " (prose::to_inline_html(&played_lesson.lesson.goal)) }
            }
            p.origin {
                "Recorded with real system calls: " (played_lesson.tape.header.origin())
                @if played_lesson.tape.header.as_root { ", as root" } @else { ", as an ordinary user" }
                ". "
                span.legend {
                    "Marks: "
                    span.added { "+" } " new or mounted, " span.gone { "-" } " gone or unmounted, "
                    span.changed { "~" } " changed, " span.moved { ">" } " moved."
                }
            }
        }
    }
}

/// The words to keep in mind.
fn recap(played_lesson: &PlayedLesson<'_>) -> Markup {
    let recap = &played_lesson.lesson.recap;
    html! {
        @if !recap.is_empty() {
            section.recap aria-labelledby="_recap" {
                h2 id="_recap" { "To keep in mind" }
                (prose::to_html(recap))
            }
        }
    }
}

fn contents(played_lesson: &PlayedLesson<'_>) -> Markup {
    html! {
        nav aria-label="Steps" {
            details.contents open {
                summary { "Steps" }
                ol {
                    @for played in &played_lesson.steps {
                        @if let Some(chapter) = words::chapter_begin(played_lesson.lesson, played.number - 1) {
                            li.chapter role="presentation" { b { (chapter) } }
                        }
                        li { a href={ "#" (played.step.id) } { (played.step.title) } }
                    }
                }
            }
        }
    }
}

/// The controls for the script; without it they are not there.
fn controls(played_lesson: &PlayedLesson<'_>) -> Markup {
    html! {
        div.controls role="group" aria-label="Controls" hidden {
            button type="button" data-go="before" aria-keyshortcuts="ArrowLeft P" { "Back" }
            span.place { span id="_place" { "1" } " of " (played_lesson.steps.len()) }
            button type="button" data-go="next" aria-keyshortcuts="ArrowRight N" { "Next" }
            button.quiet type="button" data-help aria-keyshortcuts="?" { "Keys" }
        }
    }
}

fn help() -> Markup {
    html! {
        dialog id="_help" aria-labelledby="_help-title" {
            h2 id="_help-title" { "Keys" }
            table {
                thead { tr { th scope="col" { "Key" } th scope="col" { "What it does" } } }
                tbody { @for (key, what) in keys() { tr { th scope="row" { kbd { (key) } } td { (what) } } } }
            }
            form method="dialog" { button { "Close" } }
        }
    }
}

fn foot(played_lesson: &PlayedLesson<'_>) -> Markup {
    let proof = &played_lesson.tape.proof;

    html! {
        footer {
            details {
                summary {
                    "The machine, before and after: "
                    @if proof.is_clean() { "as it was" } @else { "different" }
                }
                table {
                    thead {
                        tr { th scope="col" { "What" } th scope="col" { "Before" } th scope="col" { "After" } }
                    }
                    tbody {
                        @for row in &proof.rows {
                            tr { th scope="row" { (safe(&row.what)) } td { (row.before) } td { (row.after) } }
                        }
                    }
                }
            }
            p { "Made by unboxed " (played_lesson.tape.header.program) "." }
        }
    }
}

/// The id of a part of a step. Ids of steps have no underscore.
fn part(step: &str, what: &str) -> String {
    format!("{step}_{what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_has_the_key_that_the_help_names_for_calls() {
        assert!(SCRIPT.contains(&format!("{}: openCalls", ViewKind::Calls.number())));
    }
}
