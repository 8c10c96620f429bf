//! The beginning of a lesson: what it is about, in the place of panes that have nothing to show yet.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::head::{FrameFocus, frame_block};
use super::markdown;
use super::theme::Theme;
use crate::app::LessonView;
use crate::app::keymap::keys;
use crate::text::{prose, safe, wrapped};
use crate::words;

pub fn draw(view: &LessonView, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    let title = format!(" {} ", prose(&view.lesson.title));
    let next = format!(" {}: the panes ", keys::lesson::NEXT_PANE);
    let block = frame_block(title, next, FrameFocus::Unfocused, theme);
    // A column to spare at either side.
    let inner = block.inner(area);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    frame.render_widget(block, area);
    // Longer rows are hard to read.
    let columns = usize::from(inner.width.min(76));
    frame.render_widget(Paragraph::new(lines(view, columns, theme)), inner);
}

fn lines(view: &LessonView, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let lesson = &view.lesson;
    let mut lines = markdown::lines(&lesson.summary, columns, theme);
    if !lesson.goal.is_empty() {
        let heading = words::goal_heading(lesson);
        lines.extend([Line::default(), Line::styled(heading, theme.bold())]);
        lines.extend(markdown::lines(&lesson.goal, columns, theme));
    }
    lines.push(Line::default());
    lines.extend(markdown::lines(&words::lesson_size(lesson), columns, theme));
    if let Some(needs) = words::lesson_needs(lesson) {
        lines.extend(markdown::lines(&needs, columns, theme));
    }
    if let Some(asked) = view.warm_up.first() {
        lines.extend([Line::default(), Line::styled("Do you still know?", theme.bold())]);
        lines.extend(markdown::lines(&asked.question.ask, columns, theme));
        let text = words::warm_up(keys::lesson::CHECK_YOURSELF, view.warm_up.len());
        lines.extend(
            wrapped(&text, columns).into_iter().map(|line| Line::styled(line, theme.dim())),
        );
    }
    if !view.not_possible.is_empty() {
        let steps = safe(&view.not_possible.join(", "));
        let text = format!("Not possible here: {steps} (`unboxed doctor` says why).");
        lines.extend(markdown::lines(&text, columns, theme));
    }
    lines
}
