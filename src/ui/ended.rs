//! The last screen of a lesson: what was learnt and done, the lab at last, what is left on the machine, what comes next.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::head::{FrameFocus, frame_block};
use super::theme::Theme;
use super::{map, markdown, proof};
use crate::app::keymap::keys;
use crate::app::{EndedItem, EndedLesson, MissedQuestion};
use crate::proof::Proof;
use crate::text::{one_line, padded, prose, safe, shortened, wrapped};
use crate::words;

/// Longer rows are hard to read.
const MAX_COLUMNS: usize = 100;
/// Rows that the items have at least, where there are so many.
const MIN_ITEMS: u16 = 4;

pub fn draw(ended: &EndedLesson, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    if let Some(item) = ended.reading {
        return draw_reading(ended, item, theme, area, frame);
    }
    // A column to spare at either side.
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let columns = usize::from(area.width);
    let above = above(ended, columns.min(MAX_COLUMNS), theme);
    let below = below(ended, columns.min(MAX_COLUMNS), theme);
    let (above_rows, below_rows) = (above.len() as u16, below.len() as u16);
    let wanted = ended.items().len() as u16;
    let left = area.height.saturating_sub(above_rows + below_rows);
    let items = wanted.min((left / 3).max(MIN_ITEMS));

    let [top, picture, low, list] = Layout::vertical([
        Constraint::Length(above_rows),
        Constraint::Min(0),
        Constraint::Length(below_rows),
        Constraint::Length(items),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(above), top);
    draw_map(ended, theme, picture, frame);
    frame.render_widget(Paragraph::new(below), low);
    draw_items(ended, theme, list, frame);
}

/// Title, counts, score, and what to keep in mind.
fn above(ended: &EndedLesson, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let is_over = ended.steps.reached() >= ended.steps.total;
    let state = if is_over { "done" } else { "left in the middle" };
    let title = format!("{}: {state}", prose(&ended.lesson.title));
    let mut lines = vec![Line::styled(shortened(&title, columns), theme.bold())];

    let mut told = vec![words::ended_steps(ended.steps, ended.typed, ended.shown)];
    if ended.expected > 0 {
        let (held, expected) = (ended.held, ended.expected);
        told.push(format!("{held} of {expected} expectations held, judged by the kernel."));
    }
    if ended.asked > 0 {
        let (right, asked) = (ended.right, ended.asked);
        told.push(format!("Questions: {right} of {asked} that were asked answered right."));
    }
    if let Some(origin) = &ended.tape {
        told.push(format!("This was a tape: {}.", safe(origin)));
    }
    let told = wrapped(&told.join(" "), columns).into_iter();
    lines.extend(told.map(Line::from));
    if is_over && !ended.lesson.recap.is_empty() {
        lines.push(Line::default());
        lines.extend(markdown::lines(&ended.lesson.recap, columns, theme));
    }
    lines
}

/// The state of the machine, and the lines to take along.
fn below(ended: &EndedLesson, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let (text, style) = match &ended.proof {
        None => ("The lab is being taken down ...".to_owned(), theme.dim()),
        Some(_) if ended.tape.is_some() => ("A tape changes nothing.".to_owned(), theme.dim()),
        Some(proof) => {
            let style = if proof.is_clean() { theme.good() } else { theme.bad() };
            (words::left_on_machine(proof), style)
        }
    };
    lines.extend(wrapped(&text, columns).into_iter().map(|row| Line::styled(row, style)));

    let count: usize = ended.lines.iter().map(|step| step.lines.len()).sum();
    if count > 0 {
        let (copy, save) = (keys::ended::COPY, keys::ended::SAVE);
        let text = format!(
            "{}, as shell lines ({count}): {copy} copies them, {save} saves them.",
            words::shell_lines_title(&ended.lesson)
        );
        lines.extend(wrapped(&text, columns).into_iter().map(Line::from));
    }
    lines
}

fn draw_map(ended: &EndedLesson, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    let Some(lens) = ended.lenses.get(ended.map) else { return };
    let next = format!(" {}: {} of {} ", keys::ended::MAP, ended.map + 1, ended.lenses.len());
    let title = format!(" The lab at last: {} ", lens.view().title());
    let block = frame_block(title, next, FrameFocus::Unfocused, theme);
    let inner = block.inner(area);
    if map::fits(inner) {
        frame.render_widget(block, area);
        map::draw_picture(frame, inner, &ended.pictures, (*lens, Vec::new()), theme);
    }
}

fn draw_items(ended: &EndedLesson, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    let height = usize::from(area.height);
    let top = (ended.chosen + 1).saturating_sub(height);
    let columns = usize::from(area.width);
    let items = ended.items().into_iter().enumerate().skip(top).take(height);
    let rows = items.map(|(place, item)| {
        let is_chosen = place == ended.chosen;
        let mark = if is_chosen { ">" } else { " " };
        let row = shortened(&format!("{mark} {}", item_text(ended, item)), columns);
        let line = Line::from(padded(&row, columns));
        if is_chosen { line.style(theme.selected()) } else { line }
    });
    frame.render_widget(Paragraph::new(rows.collect::<Vec<_>>()), area);
}

fn item_text(ended: &EndedLesson, item: EndedItem) -> String {
    match item {
        EndedItem::Missed(place) => ended.missed.get(place).map_or_else(String::new, |missed| {
            format!(
                "You missed: {}",
                safe(&one_line(missed.ask.lines().next().unwrap_or_default()))
            )
        }),
        EndedItem::GoOn => words::go_on(&ended.lesson, ended.steps.reached() + 1),
        EndedItem::Next => ended
            .next
            .as_ref()
            .map_or_else(String::new, |(_, title)| format!("Next lesson: {}", prose(title))),
        EndedItem::Machine => "Your machine, before and after the lesson".into(),
        EndedItem::Catalogue => "Back to the lessons".into(),
    }
}

/// A missed question or the machine's comparison in full.
fn draw_reading(
    ended: &EndedLesson,
    item: EndedItem,
    theme: Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let close = format!(" {}: close ", keys::ended::OPEN);
    let columns = usize::from(area.width).saturating_sub(4);
    let (title, lines) = match (item, &ended.proof) {
        (EndedItem::Missed(place), _) => {
            let missed = ended.missed.get(place);
            let lines = missed.map_or_else(Vec::new, |missed| {
                missed_lines(missed, columns.min(MAX_COLUMNS), theme)
            });
            (" A question that you missed ", lines)
        }
        (_, Some(proof)) => {
            (" Your machine, before and after the lesson ", proof_lines(proof, columns, theme))
        }
        (_, None) => (" Your machine ", Vec::new()),
    };

    let block = frame_block(title.to_owned(), close, FrameFocus::Focused, theme);
    let inner = block.inner(area);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    frame.render_widget(block, area);
    let top = ended.scroll.min(lines.len().saturating_sub(usize::from(inner.height)));
    let lines = lines.into_iter().skip(top).take(usize::from(inner.height));
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
}

fn proof_lines(proof: &Proof, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    proof::lines(proof, columns, theme)
}

/// The question, the learner's answer beside the right one, the reasons, and the step that shows it.
fn missed_lines(missed: &MissedQuestion, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = markdown::lines(&missed.ask, columns, theme);
    lines.push(Line::default());
    let own = if missed.grade.own.is_empty() { "you did not know" } else { &missed.grade.own };
    for (label, text, style) in [
        ("Yours:  ", safe(own), theme.bad()),
        ("Right:  ", safe(&missed.grade.right), theme.good()),
    ] {
        for (row, text) in
            wrapped(&text, columns.saturating_sub(label.len())).into_iter().enumerate()
        {
            let label = if row == 0 { label } else { "        " };
            lines.push(Line::from(vec![Span::styled(label, style), Span::raw(text)]));
        }
    }
    lines.push(Line::default());
    for why in missed.grade.why.iter().chain([&missed.explain]) {
        lines.extend(markdown::lines(why, columns, theme));
    }
    lines.push(Line::default());
    let step = format!("The step that shows it: {}", prose(&missed.step));
    lines.push(Line::styled(shortened(&step, columns), theme.dim()));
    lines
}
