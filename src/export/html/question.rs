//! A question; its answer is there for who asks for it.

use maud::{Markup, html};

use super::super::answered_question::{AnsweredQuestion, OptionMark};
use super::super::prose;
use crate::text::safe;

pub fn question_section(asked: &AnsweredQuestion<'_>) -> Markup {
    let question = asked.question;
    let title = format!("_question-{}", asked.number);

    html! {
        section.question aria-labelledby=(title) {
            h3 id=(title) { "Question " (asked.number) ": " (question.kind.instruction()) }
            (prose::to_html(&question.ask))
            @if !asked.options.is_empty() {
                ul.options { @for option in &asked.options { li { b { (option.letter) ")" } " " (safe(option.say)) } } }
            }
            @if !asked.goals.is_empty() { ul { @for goal in &asked.goals { li { (safe(goal)) } } } }
            @if !question.hint.trim().is_empty() {
                details { summary { "A hint" } (prose::to_html(&question.hint)) }
            }
            details.answer {
                summary { "Show the answer" }
                (answer(asked))
            }
        }
    }
}

fn answer(asked: &AnsweredQuestion<'_>) -> Markup {
    let letters = asked.right_letters();

    html! {
        p {
            b { "Right: " @if !letters.is_empty() { (letters) ") " } (safe(&asked.right)) }
            @if asked.is_prediction() { " (decided by the kernel)" }
        }
        @if asked.options.iter().any(|option| option.mark != OptionMark::Open) {
            ul.options {
                @for option in &asked.options {
                    li {
                        b { (option.letter) ")" } " " (safe(option.say)) " "
                        @match option.mark {
                            OptionMark::Right => { span.good { "right" } }
                            OptionMark::Wrong => { span.bad { "wrong" } }
                            OptionMark::Open => {}
                        }
                        @if !option.why.is_empty() { ": " (prose::to_inline_html(option.why)) }
                    }
                }
            }
        }
        (prose::to_html(&asked.question.explain))
    }
}
