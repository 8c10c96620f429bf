//! Drawing a shell: the cells of its screen, never its bytes, so that no escape sequence gets to the real terminal.

use std::ops::Range;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use super::DrawOptions;
use super::head::{self, FrameFocus};
use super::theme::Theme;
use crate::app::LessonView;
use crate::app::keymap::keys;
use crate::app::pointing::PointTarget;
use crate::app::shells::{ShellFocus, ShellSide};
use crate::text::{safe, shortened};

pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &LessonView, look: &DrawOptions) {
    let theme = look.theme;
    let shells = &view.shells;
    let Some(tab) = shells.current_tab() else { return };
    let typing = shells.is_typing();
    let types = keys::lesson::SHELL;
    let right = match shells.focus {
        ShellFocus::Typing => {
            let (leave, or) = (keys::shell::LEAVE_TOO, keys::shell::LEAVE);
            format!(" keys go to the shell; {leave} or {or} leaves ")
        }
        ShellFocus::Looking if tab.is_scrolled() => {
            format!(" looking back: {} to the end, {types} types ", keys::everywhere::LAST)
        }
        ShellFocus::Looking => {
            let (down, up) = (keys::everywhere::DOWN, keys::everywhere::UP);
            format!(" {types} types, {down}/{up} scroll, {} hides ", keys::shell::HIDE)
        }
        ShellFocus::Shown | ShellFocus::Hidden => format!(" {types} types "),
    };

    // A rule of two before the tabs, and a bit of it between them and the words at the right.
    let room = usize::from(area.width.saturating_sub(8)).saturating_sub(right.len());
    let all = tabs(view);
    let has_room = all.width() <= room;
    let title = if has_room { all } else { shortened(&current_tab(view), room) };
    let focus = FrameFocus::of(typing || shells.focus == ShellFocus::Looking);
    let side = ShellSide::of_actor(tab.actor());
    let [head, inner] = head::with_head(area);
    let title = format!("{}{title}", theme.border().horizontal_top);
    let text_style = if typing { theme.side(side) } else { theme.bold() };
    let chosen = theme.side(side).add_modifier(Modifier::REVERSED);
    let title = with_marked_tab(&title, text_style, chosen);
    head::draw_head_of(frame, head, title, right.trim_start(), focus, theme);
    look.hits.note(inner, PointTarget::Shell);
    if has_room {
        // Behind the sign of the focus and a bit of the rule.
        let first = head.x + u16::from(focus == FrameFocus::Focused) + 1;
        for (tab, place) in tab_places(view).into_iter().enumerate() {
            let (x, width) = (first + place.start as u16, place.len() as u16);
            let place = Rect { x, width, ..head }.intersection(head);
            look.hits.note(place, PointTarget::ShellTab(tab));
        }
    }

    let screen = tab.screen();
    draw_cells(frame.buffer_mut(), inner, screen, theme);

    let (row, column) = screen.cursor_position();
    if typing
        && !screen.hide_cursor()
        && screen.scrollback() == 0
        && row < inner.height
        && column < inner.width
    {
        frame.set_cursor_position(Position { x: inner.x + column, y: inner.y + row });
    }
}

/// The title with the tab in front marked by the colour of its side.
fn with_marked_tab(title: &str, text: Style, chosen: Style) -> Vec<Span<'static>> {
    let tab = title.find('[').zip(title.find(']').map(|end| end + 1));
    let Some((before, after)) = tab.filter(|(start, end)| start < end) else {
        return vec![Span::styled(title.to_owned(), text)];
    };
    vec![
        Span::styled(title[..before].to_owned(), text),
        Span::styled(title[before..after].to_owned(), chosen),
        Span::styled(title[after..].to_owned(), text),
    ]
}

const TABS_START: &str = " Shell ";
const TABS_GAP: &str = "  ";

/// ` Shell [1 host] 2 container `
fn tabs(view: &LessonView) -> String {
    format!("{TABS_START}{}", tab_names(view).join(TABS_GAP))
}

fn tab_names(view: &LessonView) -> Vec<String> {
    let tabs = view.shells.tabs().iter().enumerate();
    tabs.map(|(index, tab)| {
        let name = format!("{} {}", index + 1, safe(tab.actor().as_str()));
        if view.shells.is_current_tab(index) { format!("[{name}]") } else { name }
    })
    .collect()
}

/// The columns that the name of each tab has in `tabs`.
fn tab_places(view: &LessonView) -> Vec<Range<usize>> {
    let mut at = TABS_START.width();
    let names = tab_names(view).into_iter();
    names
        .map(|name| {
            let place = at..at + name.width();
            at = place.end + TABS_GAP.width();
            place
        })
        .collect()
}

/// ` Shell [2 container] of 3 `
fn current_tab(view: &LessonView) -> String {
    let tabs = view.shells.tabs();
    let current = tabs.iter().enumerate().find(|(index, _)| view.shells.is_current_tab(*index));
    let name = current.map_or(String::new(), |(index, tab)| {
        format!("{} {}", index + 1, safe(tab.actor().as_str()))
    });
    format!(" Shell [{name}] of {}", tabs.len())
}

fn draw_cells(buffer: &mut Buffer, area: Rect, screen: &vt100::Screen, theme: Theme) {
    for row in 0..area.height {
        for column in 0..area.width {
            let Some(cell) = screen.cell(row, column).filter(|cell| !cell.is_wide_continuation())
            else {
                continue;
            };
            let place = Position { x: area.x + column, y: area.y + row };
            let Some(target) = buffer.cell_mut(place) else { continue };

            let shown = cell.contents();
            // A wide character in the last column would hang over the edge.
            let fits = !cell.is_wide() || column + 1 < area.width;
            let is_text = !shown.is_empty() && fits && !shown.chars().any(char::is_control);

            target.set_symbol(if is_text { shown } else { " " });
            target.set_style(style(cell, theme));
        }
    }
}

fn style(cell: &vt100::Cell, theme: Theme) -> Style {
    let mut style = Style::new();
    if theme.has_colors() {
        style = style.fg(color(cell.fgcolor())).bg(color(cell.bgcolor()));
    }

    for (is_set, modifier) in [
        (cell.bold(), Modifier::BOLD),
        (cell.dim(), Modifier::DIM),
        (cell.italic(), Modifier::ITALIC),
        (cell.underline(), Modifier::UNDERLINED),
        (cell.inverse(), Modifier::REVERSED),
    ] {
        if is_set {
            style = style.add_modifier(modifier);
        }
    }

    style
}

fn color(color: vt100::Color) -> Color {
    match color {
        vt100::Color::Default => Color::Reset,
        vt100::Color::Idx(index) => Color::Indexed(index),
        vt100::Color::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    }
}
