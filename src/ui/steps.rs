//! The list of a lesson's steps, beside the story.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::DrawOptions;
use super::pane::{FrameFocus, frame_block};
use crate::app::LessonView;
use crate::text::{padded, prose};

pub fn draw(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let block = frame_block(" Steps ".into(), " t ".into(), FrameFocus::Unfocused, look.theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);

    let height = usize::from(inner.height);
    let at = view.story_step();
    let count = view.lesson.steps.len();
    let top = at.saturating_sub(height / 2).min(count.saturating_sub(height));

    let lines: Vec<Line<'_>> = (top..count.min(top + height))
        .map(|index| {
            let step = &view.lesson.steps[index];
            let text = format!("{}{:>3} {}", view.step_sign(index), index + 1, prose(&step.title));
            let line = Line::from(padded(&text, usize::from(inner.width)));
            if index == at { line.style(look.theme.selected()) } else { line }
        })
        .collect();

    frame.render_widget(Paragraph::new(lines), inner);
}
