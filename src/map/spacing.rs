//! Room between rows: where a picture has more than it needs, it fills it, to be read from afar.

use super::folding::line_count;
use super::scene::{BoxPart, MapBox, MapRow};
use crate::diff::ChangeKind;

/// The distance of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapSpacing {
    /// Row by row; what is not needed stays empty.
    Tight,
    /// A blank row between any two, as far as there is room, and boxes down to the lower edge.
    Filling,
}

/// True if these boxes have room for a blank row between any two.
pub(super) fn has_room(boxes: &[MapBox], height: usize) -> bool {
    let lines: usize = boxes.iter().map(|one| line_count(&aired(one))).sum();
    lines <= height
}

/// The same boxes over all of the height.
pub(super) fn filling(boxes: Vec<MapBox>, height: usize, is_airy: bool) -> Vec<MapBox> {
    let mut boxes: Vec<MapBox> = if is_airy { boxes.iter().map(aired).collect() } else { boxes };
    let lines: usize = boxes.iter().map(line_count).sum();
    if let Some(last) = boxes.last_mut() {
        for _ in lines..height {
            last.push(blank());
        }
    }
    boxes
}

/// The same box with a blank row between any two.
fn aired(one: &MapBox) -> MapBox {
    let mut parts = Vec::new();
    for (place, part) in one.parts.iter().enumerate() {
        if place > 0 {
            parts.push(BoxPart::Row(blank()));
        }
        parts.push(match part {
            BoxPart::Box(inner) => BoxPart::Box(aired(inner)),
            BoxPart::Row(row) => BoxPart::Row(row.clone()),
        });
    }
    MapBox { parts, ..one.clone() }
}

fn blank() -> MapRow {
    MapRow::new(ChangeKind::Same, "").standing_for(0, 0)
}
