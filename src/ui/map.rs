//! Drawing the map: the cells that it is laid out in, each in the style of what it means.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::theme::Theme;
use crate::app::{LessonView, MapPictures, PicturePlace};
use crate::diff::ChangeKind;
use crate::map::{
    Canvas, CanvasCell, Glyphs, MapLens, MapScene, MapSpacing, MapTone, MapWant, draw_spaced,
};

/// A smaller place has no room for boxes: rows of text say more there.
const LEAST: (u16, u16) = (36, 4);

/// True if a map can be drawn in a place of this size.
pub fn fits(area: Rect) -> bool {
    area.width >= LEAST.0 && area.height >= LEAST.1
}

/// Rows that the whole map would take in so many columns.
pub fn wanted_height(view: &LessonView, columns: u16) -> u16 {
    let rows = view.panes.pictures.wanted_height(view.map_lens(), usize::from(columns));
    u16::try_from(rows).unwrap_or(u16::MAX)
}

/// The map that the focused pane asks for.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &LessonView, theme: Theme) {
    draw_picture(frame, area, &view.panes.pictures, (view.map_lens(), view.map_wants()), theme);
}

/// One of the pictures of what was made in a lab, with what is wanted in it.
pub fn draw_picture(
    frame: &mut Frame<'_>,
    area: Rect,
    pictures: &MapPictures,
    (lens, wants): (MapLens, Vec<MapWant>),
    theme: Theme,
) {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let place = PicturePlace { width, height, glyphs: glyphs(theme) };
    if let Some(canvas) = pictures.canvas(lens, place, wants) {
        put(frame, area, &canvas, theme);
    }
}

/// A map that fills its place, to be read from afar.
pub fn draw_filling(frame: &mut Frame<'_>, area: Rect, scene: &MapScene, theme: Theme) {
    let size = (usize::from(area.width), usize::from(area.height));
    let canvas = draw_spaced(scene, size, MapSpacing::Filling, glyphs(theme));
    put(frame, area, &canvas, theme);
}

fn glyphs(theme: Theme) -> Glyphs {
    if theme.ascii { Glyphs::Ascii } else { Glyphs::Unicode }
}

fn put(frame: &mut Frame<'_>, area: Rect, canvas: &Canvas, theme: Theme) {
    let buffer = frame.buffer_mut();
    for (y, row) in (area.y..area.bottom()).zip(canvas.rows()) {
        for (x, CanvasCell { letter, tone }) in (area.x..area.right()).zip(row) {
            let Some(cell) = buffer.cell_mut((x, y)) else { continue };
            match letter {
                Some(letter) => cell.set_char(*letter),
                // Behind a character that is two columns wide.
                None => cell.set_symbol(""),
            };
            // Names in a wall are read: they are no fainter than other text.
            let tone = match (tone, letter) {
                (MapTone::Line, Some(letter)) if letter.is_alphanumeric() => MapTone::Quiet,
                (tone, _) => *tone,
            };
            cell.set_style(style(tone, theme));
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
        MapTone::Refused => theme.bad(),
        MapTone::Change(mark) => theme.change_style(mark).add_modifier(Modifier::BOLD),
    }
}
