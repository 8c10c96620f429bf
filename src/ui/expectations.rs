//! Expectations of a step in words: the goals of the learner's turn with their hints, and the verdicts on a step
//! that has run.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::DrawOptions;
use super::code_lines::commands;
use super::markdown;
use super::step_text::{FirstPart, StepText};
use super::theme::Theme;
use crate::app::LessonView;
use crate::app::keymap::keys;
use crate::engine::TurnState;
use crate::lesson::expect::verdict::Verdict;
use crate::lesson::model::Step;
use crate::text::{safe, wrapped};
use crate::words;

/// The learner's goals, ticked as they come true; with what the kernel shows for each that has not, or where there is
/// little room for the first of those; and a hint.
pub fn goals(
    view: &LessonView,
    step: &Step,
    turn: &TurnState,
    columns: usize,
    first: FirstPart,
    look: &DrawOptions,
) -> StepText {
    let theme = look.theme;
    let mut text = StepText::default();
    if first == FirstPart::Story {
        let heading = if turn.is_fulfilled() {
            "Done: all of this holds."
        } else {
            "Make this true, by any means:"
        };
        text.lines.push(Line::styled(heading, theme.bold()));
    }

    let open = view.learning.first_unmet_goal();
    for (index, (verdict, earned)) in turn.verdicts.iter().zip(&turn.earned).enumerate() {
        let sign = match (verdict.ok, earned) {
            (true, _) => Sign::Held,
            (false, true) => Sign::BrokenAgain,
            (false, false) => Sign::NotYet,
        };
        text.lines.extend(signed_lines(sign, verdict, columns, theme));

        if !verdict.ok && (first == FirstPart::Story || open == Some(index)) {
            let place = verdict
                .pane
                .map_or(String::new(), |pane| format!(" ({} {})", pane.number(), pane.title()));
            let was = if *earned { "it was true; now: " } else { "now: " };
            let indent = " ".repeat(sign.text(theme).width());
            let seen = wrapped(
                &format!("{was}{}{place}", safe(&words::seen(&verdict.seen))),
                columns.saturating_sub(indent.len()),
            );
            let seen = seen.into_iter();
            text.lines
                .extend(seen.map(|line| Line::styled(format!("{indent}{line}"), theme.dim())));
        }
        if open == Some(index) {
            let hint = hint_lines(view, step, columns, look);
            // Who asks for it wants to see it.
            text.now = text.lines.len()..text.lines.len() + hint.len();
            text.lines.extend(hint);
        }
    }

    if text.now.is_empty() {
        text.now = 0..text.lines.len();
    }
    text
}

/// The words for an expectation behind a sign.
fn signed_lines(sign: Sign, verdict: &Verdict, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let word = sign.text(theme);
    let indent = " ".repeat(word.width());
    let text = safe(&words::expected(&verdict.expected));
    let lines = wrapped(&text, columns.saturating_sub(indent.len())).into_iter().enumerate();
    lines
        .map(|(row, text)| {
            let before = if row == 0 {
                Span::styled(word, sign.style(theme))
            } else {
                Span::raw(indent.clone())
            };
            Line::from(vec![before, Span::raw(text)])
        })
        .collect()
}

fn hint_lines(
    view: &LessonView,
    step: &Step,
    columns: usize,
    look: &DrawOptions,
) -> Vec<Line<'static>> {
    let Some(shown) = view.learning.shown_hint(step) else { return Vec::new() };
    let mut lines = Vec::new();
    if let Some(hint) = shown.hint {
        lines.extend(markdown::lines(&format!("Hint: {}", hint.nudge), columns, look.theme));
        if shown.stage >= 2 {
            lines.extend(markdown::lines(&format!("Read: {}", hint.man), columns, look.theme));
        }
    }

    if shown.tells_command() {
        lines.push(Line::styled("The step would do:", look.theme.dim()));
        lines.extend(commands(view, columns, look));
    } else {
        lines.push(Line::styled(format!("{}: more", keys::lesson::HINT), look.theme.dim()));
    }

    lines
}

/// The sign before an expectation, by what became of it; in ASCII it is a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Held,
    Failed,
    NotYet,
    /// It was true, and is no more.
    BrokenAgain,
    Unsure,
}

impl Sign {
    pub fn text(self, theme: Theme) -> &'static str {
        match (self, theme.ascii) {
            (Sign::Held, false) => "✔ ",
            (Sign::Held, true) => "ok ",
            (Sign::Failed, false) => "✘ ",
            (Sign::Failed, true) => "failed ",
            (Sign::NotYet, false) => "○ ",
            (Sign::NotYet, true) => "not yet ",
            (Sign::BrokenAgain, _) => "broken again ",
            (Sign::Unsure, _) => "unsure ",
        }
    }

    pub fn style(self, theme: Theme) -> Style {
        match self {
            Sign::Held => theme.good(),
            Sign::Failed | Sign::BrokenAgain => theme.bad(),
            Sign::NotYet | Sign::Unsure => theme.bold(),
        }
    }
}

/// The lines of a verdict, with `unmet` as the sign of one that does not hold.
pub fn verdict_lines(
    verdict: &Verdict,
    unmet: Sign,
    columns: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let sign = match verdict.ok {
        true => Sign::Held,
        false if verdict.is_unjudged() => Sign::Unsure,
        false => unmet,
    };
    let mut lines = signed_lines(sign, verdict, columns, theme);
    let indent = " ".repeat(sign.text(theme).width());
    let room = columns.saturating_sub(indent.len());
    if !verdict.ok {
        let seen =
            wrapped(&format!("the kernel shows: {}", safe(&words::seen(&verdict.seen))), room);
        lines.extend(seen.into_iter().map(|text| Line::from(format!("{indent}{text}"))));
    }
    lines
}
