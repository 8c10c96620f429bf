//! The lines of a box, and which of them are left out where there is little room.

use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr;

use super::scene::{BoxPart, MapBox, MapRow};

/// One line of a box, with the number of boxes that it stands in besides the outermost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MapLine<'a> {
    Top(&'a MapBox, usize),
    Row(&'a MapRow, usize),
    /// Rows of panes that found no room, and how many of those changed.
    LeftOut {
        rows: usize,
        changed: usize,
        depth: usize,
    },
    Bottom(&'a MapBox, usize),
}

/// The same box with each pack of names in as many rows as it takes, at most four, in so many columns.
pub fn with_packs_in_rows(one: &MapBox, columns: usize) -> MapBox {
    let mut parts = Vec::new();
    for part in &one.parts {
        match part {
            BoxPart::Row(row) => {
                parts.extend(pack_rows(row, columns).into_iter().map(BoxPart::Row))
            }
            BoxPart::Box(inner) => {
                parts.push(BoxPart::Box(with_packs_in_rows(inner, columns.saturating_sub(4))));
            }
        }
    }
    MapBox { parts, ..one.clone() }
}

fn pack_rows(row: &MapRow, columns: usize) -> Vec<MapRow> {
    const MOST: usize = 4;
    let text: usize = row.text.iter().map(|piece| piece.text.width()).sum();
    let mut rows = vec![MapRow { names: Vec::new(), ..row.clone() }];
    let mut taken = row.lead.width() + text;
    for name in &row.names {
        let width = name.width() + 2;
        if taken + width > columns
            && rows.len() < MOST
            && let Some(last) = rows.last().filter(|last| !last.names.is_empty())
        {
            // All that the first one stands for is counted there.
            let lead = " ".repeat(last.lead.width());
            rows.push(MapRow {
                lead,
                names: Vec::new(),
                text: Vec::new(),
                anchor: None,
                ..row.clone().standing_for(0, 0)
            });
            taken = row.lead.width();
        }
        taken += width;
        if let Some(last) = rows.last_mut() {
            last.names.push(name.clone());
        }
    }
    rows
}

/// The lines that each box of a column gets: what it wants where there is room, and else those with most lines give some
/// up. Boxes for which there are not even three get none, and the line that says so.
pub fn heights(boxes: &[MapBox], room: usize) -> Vec<usize> {
    const LEAST: usize = 3;
    let mut heights: Vec<usize> = boxes.iter().map(line_count).collect();
    let fitting =
        if boxes.len() * LEAST <= room { boxes.len() } else { room.saturating_sub(1) / LEAST };
    let room = if fitting < boxes.len() { room.saturating_sub(1) } else { room };
    for height in heights.iter_mut().skip(fitting) {
        *height = 0;
    }

    while heights.iter().sum::<usize>() > room {
        let Some(tallest) = heights.iter_mut().max_by_key(|height| **height) else { break };
        if *tallest <= LEAST {
            break;
        }
        *tallest -= 1;
    }
    heights
}

/// The sentence for lines of a box that found no room. Those that another box stands for are not counted again.
pub fn left_out_text(rows: usize, changed: usize) -> String {
    match (rows, changed) {
        (0, 0) => "…".to_owned(),
        (_, 0) => format!("… {rows} more"),
        (..) => format!("… {rows} more, {changed} changed"),
    }
}

pub(super) fn line_count(one: &MapBox) -> usize {
    lines(one).len()
}

/// All lines of a box.
pub(super) fn lines(one: &MapBox) -> Vec<MapLine<'_>> {
    let mut all = Vec::new();
    add(one, 0, &mut all);
    all
}

fn add<'a>(one: &'a MapBox, depth: usize, all: &mut Vec<MapLine<'a>>) {
    all.push(MapLine::Top(one, depth));
    for part in &one.parts {
        match part {
            BoxPart::Row(row) => all.push(MapLine::Row(row, depth)),
            BoxPart::Box(inner) => add(inner, depth + 1, all),
        }
    }
    all.push(MapLine::Bottom(one, depth));
}

/// At most so many lines of a box: unchanged rows are left out first, those without a wire before those with one. The
/// others are counted in the last line before the lower wall.
pub fn folded(one: &MapBox, height: usize) -> Vec<MapLine<'_>> {
    let all = lines(one);
    if all.len() <= height {
        return all;
    }
    let (Some(first), Some(last)) = (all.first().copied(), all.last().copied()) else {
        return Vec::new();
    };
    // The two walls, and the line that counts.
    let room = height.saturating_sub(3);

    let inner = &all[1..all.len() - 1];
    let around = boxes_around(inner);
    let mut order: Vec<usize> = (0..inner.len()).collect();
    order.sort_by_key(|place| (rank(&inner[*place]), *place));

    // A row is drawn with both walls of each box that it stands in, or not at all.
    let mut kept: BTreeSet<usize> = BTreeSet::new();
    for place in order {
        let wanted = around[place].iter().flat_map(|(top, bottom)| [*top, *bottom]);
        let wanted: BTreeSet<usize> = wanted.chain([place]).collect();
        if kept.union(&wanted).count() <= room {
            kept.extend(wanted);
        }
    }

    let mut shown = vec![first];
    shown.extend(kept.iter().filter_map(|place| inner.get(*place).copied()));
    let out = inner.iter().enumerate().filter(|(place, _)| !kept.contains(place));
    let (mut rows, mut changed) = (0, 0);
    for (_, line) in out {
        if let MapLine::Row(row, _) = line {
            rows += row.stands_for;
            changed += row.changed;
        }
    }
    shown.push(MapLine::LeftOut { rows, changed, depth: 0 });
    shown.push(last);
    shown
}

/// The boxes that each line stands in or is a wall of, by the places of their two walls.
fn boxes_around(lines: &[MapLine<'_>]) -> Vec<Vec<(usize, usize)>> {
    let mut walls = Vec::new();
    let mut open = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        match line {
            MapLine::Top(..) => open.push(place),
            MapLine::Bottom(..) => walls.extend(open.pop().map(|top| (top, place))),
            MapLine::Row(..) | MapLine::LeftOut { .. } => {}
        }
    }

    let is_in = |place: usize, (top, bottom): &(usize, usize)| (*top..=*bottom).contains(&place);
    (0..lines.len())
        .map(|place| walls.iter().filter(|wall| is_in(place, wall)).copied().collect())
        .collect()
}

/// The place in the order in which lines are kept.
fn rank(line: &MapLine<'_>) -> usize {
    match line {
        MapLine::Row(row, _) if row.mark.is_change() || row.act.is_some() => 0,
        MapLine::Row(row, _) if row.anchor.is_some() => 1,
        MapLine::Row(row, _) if row.changed > 0 => 2,
        MapLine::Row(..) => 3,
        MapLine::Top(..) | MapLine::Bottom(..) | MapLine::LeftOut { .. } => 4,
    }
}
