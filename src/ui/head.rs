//! The edges of the screen's parts: a rule with a title, a frame, a mark where there is more.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};
use unicode_width::UnicodeWidthStr;

use super::theme::Theme;
use crate::settings::theme::Tone;
use crate::text::shortened;

/// The state of a part of the screen that may have the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameFocus {
    Focused,
    Unfocused,
}

impl FrameFocus {
    pub fn of(has_keys: bool) -> FrameFocus {
        if has_keys { FrameFocus::Focused } else { FrameFocus::Unfocused }
    }
}

/// A frame; the focused one is said by bold and by `*` in its title.
pub fn frame_block<'a>(title: String, right: String, focus: FrameFocus, theme: Theme) -> Block<'a> {
    let (style, title) = match focus {
        FrameFocus::Focused => (theme.focused_border(), format!("*{title}")),
        FrameFocus::Unfocused => (theme.line(), title),
    };
    // A title is text: it has not the faint colour of the line that it stands on.
    let text = match focus {
        FrameFocus::Focused => Style::new(),
        FrameFocus::Unfocused => Style::reset().patch(theme.tone(Tone::Plain)),
    };
    Block::bordered()
        .border_set(theme.border())
        .border_style(style)
        .title(Line::styled(title, text))
        .title(Line::styled(right, text).right_aligned())
}

/// The first row of an area, for a head, and the rest of it.
pub fn with_head(area: Rect) -> [Rect; 2] {
    Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area)
}

/// A rule with a title in it, and what there is to say at its right; `*` and bold letters say that keys go there.
pub fn draw_head(
    frame: &mut Frame<'_>,
    area: Rect,
    (title, right): (&str, &str),
    focus: FrameFocus,
    theme: Theme,
) {
    let style = match focus {
        FrameFocus::Focused => theme.focused_border(),
        FrameFocus::Unfocused => theme.bold(),
    };
    let sign = usize::from(focus == FrameFocus::Focused);
    let room = usize::from(area.width).saturating_sub(sign + 1);
    let title = vec![Span::styled(shortened(title, room), style)];
    draw_head_of(frame, area, title, right, focus, theme);
}

/// The same for a title in several styles.
pub fn draw_head_of(
    frame: &mut Frame<'_>,
    area: Rect,
    title: Vec<Span<'static>>,
    right: &str,
    focus: FrameFocus,
    theme: Theme,
) {
    let mut spans = Vec::new();
    if focus == FrameFocus::Focused {
        spans.push(Span::styled("*", theme.focused_border()));
    }
    spans.extend(title);
    spans.push(Span::raw(" "));

    let columns = usize::from(area.width);
    let taken: usize = spans.iter().map(Span::width).sum();
    let right = if right.is_empty() { String::new() } else { format!(" {right}") };
    let right = if taken + right.width() <= columns { right } else { String::new() };
    let rule = columns.saturating_sub(taken + right.width());
    spans.push(Span::styled(theme.border().horizontal_top.repeat(rule), theme.line()));
    spans.push(Span::styled(right, theme.dim()));
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}

/// At the right end of an area's last row: that there is more below it.
pub fn draw_more(frame: &mut Frame<'_>, area: Rect, text: &str, below: usize, theme: Theme) {
    let width = text.width() as u16;
    if below == 0 || area.height == 0 || area.width < width + 4 {
        return;
    }
    let place = Rect { x: area.right() - width, y: area.bottom() - 1, width, height: 1 };
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(text).style(theme.dim()), place);
}
