//! Drawing the map: the cells that it is laid out in, each in the style of what it means.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::theme::Theme;
use crate::app::{LessonView, PicturePlace};
use crate::diff::ChangeKind;
use crate::map::{CanvasCell, Glyphs, MapTone};

/// A smaller place has no room for boxes: rows of text say more there.
const LEAST: (u16, u16) = (36, 4);

/// True if a map can be drawn in a place of this size.
pub fn fits(area: Rect) -> bool {
    area.width >= LEAST.0 && area.height >= LEAST.1
}

/// The map that the focused pane asks for.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &LessonView, theme: Theme) {
    let glyphs = if theme.ascii { Glyphs::Ascii } else { Glyphs::Unicode };
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let place = PicturePlace { width, height, glyphs };
    let Some(canvas) = view.panes.pictures.canvas(view.map_lens(), place, view.map_wants()) else {
        return;
    };
    let buffer = frame.buffer_mut();
    for (y, row) in (area.y..area.bottom()).zip(canvas.rows()) {
        for (x, CanvasCell { letter, tone }) in (area.x..area.right()).zip(row) {
            let Some(cell) = buffer.cell_mut((x, y)) else { continue };
            match letter {
                Some(letter) => cell.set_char(*letter),
                // Behind a character that is two columns wide.
                None => cell.set_symbol(""),
            };
            cell.set_style(style(*tone, theme));
        }
    }
}

fn style(tone: MapTone, theme: Theme) -> Style {
    match tone {
        MapTone::Plain => Style::new(),
        MapTone::Quiet => theme.dim(),
        MapTone::Line => theme.line(),
        MapTone::Title => theme.bold(),
        MapTone::Act => theme.change_style(ChangeKind::Moved).add_modifier(Modifier::BOLD),
        MapTone::Wanted => theme.change_style(ChangeKind::Changed).add_modifier(Modifier::BOLD),
        MapTone::Refused => theme.change_style(ChangeKind::Gone).add_modifier(Modifier::BOLD),
        MapTone::Change(mark) => theme.change_style(mark).add_modifier(Modifier::BOLD),
    }
}
