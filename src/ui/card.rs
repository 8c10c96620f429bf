//! A card on something, drawn over the screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::overlays::{centred_area, draw_box};
use super::theme::Theme;
use crate::app::CardView;
use crate::app::keymap::keys;
use crate::explain::card::{CardLine, CardLineKind, See};
use crate::text::shortened;

pub fn draw(shown: &CardView, size: (u16, u16), theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    let (columns, height) = CardView::text_area_size(size);
    let all = shown.card.screen_lines(columns);
    let count = all.len();
    let top = shown.scroll.min(count.saturating_sub(height));
    let below = count.saturating_sub(top + height);

    let mut lines: Vec<Line<'_>> =
        all.into_iter().skip(top).take(height).map(|row| line(row, theme)).collect();
    let hint = shortened(&hint(shown, below), columns);
    lines.push(Line::styled(hint, theme.bold()));

    let title = format!(" {} ", shortened(&shown.card.title, columns.saturating_sub(2)));
    let place = centred_area(area, columns as u16 + 4, lines.len() as u16 + 2);
    draw_box(lines, &title, theme, place, frame);
}

fn line(row: CardLine, theme: Theme) -> Line<'static> {
    let text = format!(" {}", row.text);
    match row.kind {
        CardLineKind::Plain => Line::from(text),
        CardLineKind::Heading => Line::styled(text, theme.bold()),
        CardLineKind::Code => Line::styled(text, theme.code()),
    }
}

/// The keys that do something with this card.
fn hint(shown: &CardView, below: usize) -> String {
    let mut parts = Vec::new();
    if below > 0 {
        parts.push(format!("{} {below} more", keys::everywhere::DOWN));
    }
    if let See::Line(_) = shown.card.see {
        parts.push(format!("{} copy line", keys::card::COPY));
        parts.push(format!("{} to a shell", keys::card::TYPE));
    }
    if shown.card.reading().is_some() {
        parts.push(format!("{} manual", keys::card::MANUAL));
    }
    parts.push(format!("{} words", keys::card::WORDS));
    parts.push(format!("{} close", keys::overlay::CLOSE));
    format!(" {}", parts.join("  "))
}
