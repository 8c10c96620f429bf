//! The commands and their output, the calls behind them, and the kernel's verdicts on the expectations.

use maud::{Markup, html};

use super::super::reel::{Deed, Reel, Said, Typed, said};
use super::part;
use crate::text::{safe, shortened};
use crate::ui::highlight::Token;
use crate::words;

/// Lines shown of what one op printed.
const OUTPUT_LINES: usize = 200;
/// Columns shown of what the kernel showed.
const SEEN: usize = 120;

/// A session at the prompts of the actors.
pub fn commands(reel: &Reel<'_>, all: &[Typed<'_>]) -> Markup {
    html! {
        pre.terminal.scroll tabindex="0" role="region" aria-label="Commands and what they printed" {
            code {
                @for typed in all {
                    @for line in &typed.lines { span.command { span.prompt { (safe(typed.actor.as_str())) "# " } (highlighted(reel, line)) } "\n" }
                    @for said in typed.ops.iter().flat_map(|op| said(op, OUTPUT_LINES)) {
                        @match said {
                            Said::Printed { text, .. } => { span.out { (text) } "\n" }
                            Said::Bad(text) => { span.bad { (text) } "\n" }
                        }
                    }
                }
            }
        }
    }
}

/// One line of code.
pub fn highlighted(reel: &Reel<'_>, line: &str) -> Markup {
    html! {
        @for (token, text) in reel.pieces(line) {
            @match class(token) {
                Some(class) => span class=(class) { (safe(&text)) },
                None => (safe(&text)),
            }
        }
    }
}

fn class(token: Token) -> Option<&'static str> {
    match token {
        Token::Plain => None,
        Token::Keyword => Some("keyword"),
        Token::Text => Some("text"),
        Token::Constant => Some("constant"),
        Token::Comment => Some("comment"),
        Token::Name => Some("name"),
    }
}

/// Every call that was made, to be opened.
pub fn calls(deed: &Deed<'_>, id: &str) -> Markup {
    let ops = &deed.record.ops;
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
pub fn verdicts(deed: &Deed<'_>) -> Markup {
    let verdicts = &deed.record.verdicts;

    html! {
        @if !verdicts.is_empty() {
            div.scroll.verdicts tabindex="0" role="region" aria-label="Expectations" {
                table {
                    thead { tr { th scope="col" { "Held" } th scope="col" { "Expected" } th scope="col" { "The kernel shows" } } }
                    tbody {
                        @for verdict in verdicts {
                            tr {
                                td { @if verdict.ok { span.good { "ok" } } @else { span.bad { "NO" } } }
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
