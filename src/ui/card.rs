//! A card on something, drawn over the screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use unicode_width::UnicodeWidthStr;

use super::DrawOptions;
use super::overlays::{centred_area, draw_box};
use super::theme::Theme;
use crate::app::CardView;
use crate::app::keymap::{Key, keys, press_named};
use crate::app::pointing::PointTarget;
use crate::explain::card::{CardLine, CardLineKind, See};
use crate::text::shortened;

pub fn draw(
    shown: &CardView,
    size: (u16, u16),
    look: &DrawOptions,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let theme = look.theme;
    let (columns, height) = CardView::text_area_size(size);
    let all = shown.card.screen_lines(columns);
    let count = all.len();
    let top = shown.scroll.min(count.saturating_sub(height));
    let below = count.saturating_sub(top + height);

    let mut lines: Vec<Line<'_>> =
        all.into_iter().skip(top).take(height).map(|row| line(row, theme)).collect();
    let keys = keys_of(shown, below);
    let hint: Vec<String> = keys.iter().map(|(key, words)| format!("{key} {words}")).collect();
    let hint = shortened(&format!(" {}", hint.join(KEYS_GAP)), columns);
    lines.push(Line::styled(hint, theme.bold()));

    let title = format!(" {} ", shortened(&shown.card.title, columns.saturating_sub(2)));
    let place = centred_area(area, columns as u16 + 4, lines.len() as u16 + 2);
    draw_box(lines, &title, theme, place, frame);
    look.hits.note(place, PointTarget::Card);
    note_keys(keys, look, Rect { y: place.bottom().saturating_sub(2), height: 1, ..place });
}

fn line(row: CardLine, theme: Theme) -> Line<'static> {
    let text = format!(" {}", row.text);
    match row.kind {
        CardLineKind::Plain => Line::from(text),
        CardLineKind::Heading => Line::styled(text, theme.bold()),
        CardLineKind::Code => Line::styled(text, theme.code()),
    }
}

const KEYS_GAP: &str = "  ";

/// The keys that do something with this card, and what.
fn keys_of(shown: &CardView, below: usize) -> Vec<(Key, String)> {
    let mut keys = Vec::new();
    if below > 0 {
        keys.push((keys::everywhere::DOWN, format!("{below} more")));
    }
    if let See::Line(_) = shown.card.see {
        keys.push((keys::card::COPY, "copy line".into()));
        keys.push((keys::card::TYPE, "to a shell".into()));
    }
    if shown.card.reading().is_some() {
        keys.push((keys::card::MANUAL, "manual".into()));
    }
    keys.push((keys::card::WORDS, "words".into()));
    keys.push((keys::overlay::CLOSE, "close".into()));
    keys
}

/// A click on the name of a key, or on what it does, presses it.
fn note_keys(keys: Vec<(Key, String)>, look: &DrawOptions, row: Rect) {
    // The border, and a blank.
    let mut x = row.x + 2;
    for (key, words) in keys {
        let name = key.to_string();
        let width = (name.width() + 1 + words.width()) as u16;
        if let Some(press) = press_named(&name) {
            let inside = Rect { width: row.width.saturating_sub(1), ..row };
            look.hits.note(Rect { x, width, ..row }.intersection(inside), PointTarget::Key(press));
        }
        x += width + KEYS_GAP.width() as u16;
    }
}
