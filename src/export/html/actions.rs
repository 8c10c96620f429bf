//! The commands and their output, the calls behind them, and the kernel's verdicts on the expectations.

use maud::{Markup, html};

use super::super::played_lesson::{
    OutputLine, PlayedActions, PlayedLesson, TypedAction, output_lines,
};
use super::part;
use crate::text::{safe, shortened};
use crate::ui::highlight::TokenKind;
use crate::words;

/// Lines shown of what one op printed.
const MAX_OUTPUT_LINES: usize = 200;
/// Columns shown of what the kernel showed.
const SEEN: usize = 120;

/// A session at the prompts of the actors.
pub fn terminal_session(played_lesson: &PlayedLesson<'_>, all: &[TypedAction<'_>]) -> Markup {
    html! {
        pre.terminal.scroll tabindex="0" role="region" aria-label="Commands and what they printed" {
            code {
                @for typed in all {
                    @for line in &typed.lines { span.command { span.prompt { (safe(typed.actor.as_str())) "# " } (highlighted_code(played_lesson, line)) } "\n" }
                    @for said in typed.ops.iter().flat_map(|op| output_lines(op, MAX_OUTPUT_LINES)) {
                        @match said {
                            OutputLine::Printed { text, .. } => { span.out { (text) } "\n" }
                            OutputLine::Error(text) => { span.bad { (text) } "\n" }
                        }
                    }
                }
            }
        }
    }
}

/// One line of code.
pub fn highlighted_code(played_lesson: &PlayedLesson<'_>, line: &str) -> Markup {
    html! {
        @for (token, text) in played_lesson.highlighted_line(line) {
            @match class(token) {
                Some(class) => span class=(class) { (safe(&text)) },
                None => (safe(&text)),
            }
        }
    }
}

fn class(token: TokenKind) -> Option<&'static str> {
    match token {
        TokenKind::Plain => None,
        TokenKind::Keyword => Some("keyword"),
        TokenKind::StringLiteral => Some("text"),
        TokenKind::Constant => Some("constant"),
        TokenKind::Comment => Some("comment"),
        TokenKind::Name => Some("name"),
    }
}

/// Every call that was made, to be opened.
pub fn calls_section(played_actions: &PlayedActions<'_>, id: &str) -> Markup {
    let ops = &played_actions.record.ops;
    let count: usize = ops.iter().map(|op| op.calls.len()).sum();

    html! {
        @if count > 0 {
            details.calls id=(part(id, "calls")) {
                summary { (count) " system " @if count == 1 { "call" } @else { "calls" } }
                div.scroll tabindex="0" role="region" aria-label="System calls" {
                    table {
                        thead { tr { th scope="col" { "Who" } th scope="col" { "Call and result" } th scope="col" { "Took" } } }
                        tbody {
                            @for (op, call) in ops.iter().flat_map(|op| op.calls.iter().map(move |call| (op, call))) {
                                tr.bad[!call.result.is_ok()] {
                                    td { (safe(op.actor.as_str())) }
                                    td { code { (safe(&call.to_string())) } }
                                    td.took { (call.nanos / 1000) " us" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The expectations: for each if it held, what was expected, what was seen.
pub fn verdict_list(played_actions: &PlayedActions<'_>) -> Markup {
    let verdicts = &played_actions.record.verdicts;

    html! {
        @if !verdicts.is_empty() {
            div.scroll.verdicts tabindex="0" role="region" aria-label="Expectations" {
                table {
                    thead { tr { th scope="col" { "Held" } th scope="col" { "Expected" } th scope="col" { "The kernel shows" } } }
                    tbody {
                        @for verdict in verdicts {
                            tr {
                                td { span.good[verdict.ok].bad[verdict.has_failed()] { (words::verdict_word(verdict)) } }
                                td { (safe(&words::expected(&verdict.expected))) }
                                td { (shortened(&safe(&words::seen(&verdict.seen)), SEEN)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
