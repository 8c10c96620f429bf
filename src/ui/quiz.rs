//! The panel that asks, and says what came of the answer; and the score of a check.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use super::expectations::Sign;
use super::head::{self, FrameFocus, frame_block};
use super::step_text::StepText;
use super::theme::Theme;
use super::{DrawOptions, markdown, tell};
use crate::app::LessonView;
use crate::app::exam::Exam;
use crate::app::keymap::keys;
use crate::app::quiz::{QuizStage, QuizView};
use crate::lesson::expect::verdict::Verdict;
use crate::lesson::quiz::{AnswerMark, Grade, Question, QuestionKind};
use crate::text::{prose, safe, shortened, wrapped};
use crate::words;

/// Rows that a question would like to have, its title included.
pub fn wanted_height(view: &LessonView, columns: u16, theme: Theme) -> u16 {
    let Some(quiz) = &view.quiz else { return 0 };
    lines(view, quiz, usize::from(columns.saturating_sub(2)), theme).len() as u16 + 1
}

pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &LessonView, look: &DrawOptions) {
    let Some(quiz) = &view.quiz else { return };
    let (at, of) = quiz.position();
    let words = quiz.question(&view.lesson).map_or("", |question| question.kind.instruction());
    let title = match quiz.warm_up() {
        _ if quiz.stage == QuizStage::Over => "Check yourself".to_owned(),
        Some(asked) => format!("Warm-up {at} of {of}, from \"{}\": {words}", prose(&asked.title)),
        None => format!("Question {at} of {of}: {words}"),
    };
    let right = format!("{} right, {} asked", quiz.right_count(), quiz.marks.len());

    let place = tell::inner(area);
    let [head, rest] = head::with_head(place);
    head::draw_head(frame, head, (&title, &right), FrameFocus::Focused, look.theme);
    let lines = lines(view, quiz, usize::from(rest.width), look.theme);
    let text = StepText { lines, ..StepText::default() };
    tell::draw_text(view, look, text, rest, frame);
}

fn lines(view: &LessonView, quiz: &QuizView, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let Some(question) = quiz.question(&view.lesson) else {
        return vec![
            Line::from("That was all."),
            Line::from(format!("{}: go on", keys::quiz::ENTER)),
        ];
    };

    let mut lines = Vec::new();
    if quiz.stage == QuizStage::Preparing {
        lines.push(Line::styled("The lab is brought to where this is asked ...", theme.dim()));
        return lines;
    }
    if let QuizStage::Answered(grade) = &quiz.stage {
        answered(quiz, question, grade, columns, theme, &mut lines);
        return lines;
    }

    lines.extend(markdown::lines(&question.ask, columns, theme));
    lines.push(Line::default());
    match &question.kind {
        QuestionKind::Value(_) => {
            lines.push(Line::styled(format!("> {}_", safe(&quiz.text)), theme.bold()))
        }
        QuestionKind::Task(_) => lines.extend(task(view, quiz, columns, theme)),
        QuestionKind::Choose(_)
        | QuestionKind::ChooseAll(_)
        | QuestionKind::Order(_)
        | QuestionKind::Predict(_) => {
            lines.extend(options(quiz, question, columns, theme));
        }
    }

    lines.push(Line::default());
    let unknown = keys::quiz::UNKNOWN;
    if quiz.hint && !question.hint.is_empty() {
        lines.extend(markdown::lines(&format!("Hint: {}", question.hint), columns, theme));
    } else if !question.hint.is_empty() {
        let text = format!("Not sure? {} = hint, {unknown} = I do not know", keys::quiz::HINT);
        lines.push(Line::styled(text, theme.dim()));
    } else {
        lines.push(Line::styled(format!("Not sure? {unknown} = I do not know"), theme.dim()));
    }

    lines
}

fn options(
    quiz: &QuizView,
    question: &Question,
    columns: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let texts = question.options();
    let all = matches!(question.kind, QuestionKind::ChooseAll(_));
    let order = matches!(question.kind, QuestionKind::Order(_));

    quiz.shown
        .iter()
        .enumerate()
        .map(|(place, option)| {
            let letter = char::from(b'a' + (place % 26) as u8);
            let sign = match (all, order) {
                (true, _) if quiz.chosen.contains(option) => "[x] ",
                (true, _) => "[ ] ",
                (_, true) if quiz.lifted && place == quiz.cursor => "<> ",
                (_, true) => "   ",
                (false, false) => "",
            };
            let text = texts.get(*option).copied().unwrap_or_default();
            let cursor = if place == quiz.cursor { '>' } else { ' ' };
            let line =
                Line::from(shortened(&format!("{cursor} {letter}  {sign}{}", safe(text)), columns));
            if place == quiz.cursor { line.style(theme.selected()) } else { line }
        })
        .collect()
}

/// The goals of a task, with ticks once it has begun.
fn task(view: &LessonView, quiz: &QuizView, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    if quiz.stage == QuizStage::Asking {
        let (begin, shell) = (keys::quiz::ENTER, keys::lesson::SHELL);
        let text = format!("{begin} begins; then {shell} opens a shell, and the kernel judges.");
        return vec![Line::from(text)];
    }
    let verdicts =
        view.learning.turn.as_ref().map(|turn| turn.verdicts.as_slice()).unwrap_or_default();
    verdicts.iter().map(|verdict| tick(verdict, columns, theme)).collect()
}

fn tick(verdict: &Verdict, columns: usize, theme: Theme) -> Line<'static> {
    let sign = if verdict.ok { Sign::Held } else { Sign::NotYet };
    let room = columns.saturating_sub(sign.text(theme).width());
    let text = shortened(&safe(&words::expected(&verdict.expected)), room);
    Line::from(vec![Span::styled(sign.text(theme), sign.style(theme)), Span::raw(text)])
}

fn answered(
    quiz: &QuizView,
    question: &Question,
    grade: &Grade,
    columns: usize,
    theme: Theme,
    lines: &mut Vec<Line<'static>>,
) {
    let (word, style) = match grade.mark {
        AnswerMark::Right => ("RIGHT", theme.good()),
        AnswerMark::Wrong => ("WRONG", theme.bad()),
        AnswerMark::Open => ("OPEN", theme.bold()),
    };

    let ask = question.ask.lines().next().unwrap_or_default();
    lines.push(Line::styled(shortened(&safe(ask), columns), theme.dim()));
    lines.push(Line::from(vec![Span::styled(format!("{word}  "), style)]));
    let is_typed = matches!(question.kind, QuestionKind::Value(_));
    if !grade.own.is_empty() && (grade.mark != AnswerMark::Right || is_typed) {
        // As it was typed: no Markdown.
        lines.extend(
            wrapped(&format!("You:   {}", safe(&grade.own)), columns).into_iter().map(Line::from),
        );
    }
    if grade.mark != AnswerMark::Right || question.is_prediction() {
        lines.extend(markdown::lines(&format!("Right: {}", grade.right), columns, theme));
    }
    for why in &grade.why {
        lines.extend(markdown::lines(why, columns, theme));
    }

    if !quiz.seen.is_empty() {
        lines.push(Line::styled("The kernel decided, in the rows marked <== :", theme.dim()));
        lines.extend(
            quiz.seen
                .iter()
                .map(|seen| Line::from(shortened(&format!("  {}", safe(seen)), columns))),
        );
    }

    lines.push(Line::default());
    lines.extend(markdown::lines(&question.explain, columns, theme));
    lines.push(Line::default());
    let (on, visit, later) = (keys::quiz::ENTER, keys::quiz::VISIT, keys::quiz::LATER);
    let text = match quiz.warm_up() {
        Some(_) => format!("{on}: go on    {later}: later"),
        None => format!("{on}: go on    {visit}: the step that shows it    {later}: later"),
    };
    lines.push(Line::styled(text, theme.dim()));
}

/// Draw the score of a check of lessons.
pub fn draw_score(frame: &mut Frame<'_>, area: Rect, exam: &Exam, scroll: usize, theme: Theme) {
    let (right, asked) = exam
        .results
        .iter()
        .fold((0, 0), |(right, asked), one| (right + one.right, asked + one.asked));
    let block = frame_block(
        " Your score ".into(),
        format!(" {right} of {asked} "),
        FrameFocus::Unfocused,
        theme,
    );
    let inner = block.inner(area);
    frame.render_widget(block, area);

    let mut lines =
        vec![Line::styled(format!("{right} of {asked} right."), theme.bold()), Line::default()];
    for result in &exam.results {
        lines.push(Line::styled(
            format!("{}: {} of {}", prose(&result.title), result.right, result.asked),
            theme.bold(),
        ));
        for (ask, step) in &result.again {
            let text = format!("  look again at `{}`: {}", safe(step), safe(ask));
            lines.push(Line::from(shortened(&text, usize::from(inner.width))));
        }
        if result.asked > 0 && result.again.is_empty() {
            lines.push(Line::styled("  nothing to look at again", theme.good()));
        }
        lines.push(Line::default());
    }
    lines.push(Line::from(format!("{}: leave", keys::everywhere::QUIT)));

    let height = usize::from(inner.height);
    let top = scroll.min(lines.len().saturating_sub(height));
    let hidden = lines.len().saturating_sub(top + height);
    let mut shown: Vec<Line<'_>> = lines.into_iter().skip(top).take(height).collect();
    if let Some(last) = shown.last_mut().filter(|_| hidden > 0) {
        let (down, page) = (keys::everywhere::DOWN, keys::everywhere::PAGE_DOWN);
        let text = format!("... {down}, {page}: {} lines more", hidden + 1);
        *last = Line::styled(text, theme.dim());
    }

    frame.render_widget(Paragraph::new(shown), inner);
}
