//! Wires between rows: out through a wall, along a lane of the gap between boxes, in through another wall.

use std::collections::BTreeMap;

use super::canvas::{Canvas, MapTone};
use super::scene::{MapWire, RowAnchor, WireKind};

/// The wall that a row's wires go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Left,
    Right,
}

/// The place where the wire of a row begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WireEnd {
    pub y: usize,
    /// The column of the wall that it goes through.
    pub wall: usize,
    /// The column next to the row's text.
    pub text: usize,
    pub exit: Exit,
    /// The row of the upper wall of its box.
    pub top: usize,
    /// The row has a mark, which the wire leaves in sight.
    pub is_marked: bool,
}

/// The columns between or beside boxes, in which wires change rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Corridor {
    pub from: usize,
    pub to: usize,
}

impl Corridor {
    /// The columns in which these wires find a lane each.
    pub fn wanted(wires: &[MapWire]) -> usize {
        let label = wires.iter().map(|wire| wire.label.chars().count()).max().unwrap_or(0);
        (2 + wires.len()).max(label + 2)
    }
}

struct WireGlyphs {
    along: char,
    down: char,
    through: char,
    /// Corners that join: west and south, west and north, east and south, east and north.
    corners: [char; 4],
}

fn glyphs(kind: WireKind) -> WireGlyphs {
    const THIN: [char; 4] = ['┐', '┘', '┌', '└'];
    let (along, down, through, corners) = match kind {
        WireKind::Cable => ('═', '║', '╪', ['╗', '╝', '╔', '╚']),
        WireKind::DeadCable => ('┄', '┆', '┼', THIN),
        WireKind::Peers => ('─', '│', '┼', THIN),
        WireKind::Identity => ('╌', '╎', '┼', THIN),
    };
    WireGlyphs { along, down, through, corners }
}

pub(super) fn draw_wires(
    wires: &[MapWire],
    ends: &BTreeMap<RowAnchor, WireEnd>,
    corridor: Corridor,
    canvas: &mut Canvas,
) {
    let (mut lanes, mut inner_lanes) = (0, 0);
    for wire in wires {
        let [Some(a), Some(b)] = wire.ends.map(|end| ends.get(&end).copied()) else { continue };
        let tone = match (wire.entered_at, wire.mark.is_change()) {
            (Some(_), _) => MapTone::Act,
            (None, true) => MapTone::of_mark(wire.mark),
            (None, false) => MapTone::Line,
        };
        let drawn = glyphs(wire.kind);

        // Both ends in one box: the wire needs no wall.
        if (a.wall, a.top) == (b.wall, b.top) {
            let lane = a.wall.max(b.wall).saturating_sub(2 + 2 * inner_lanes);
            inner_lanes += 1;
            if a.exit == Exit::Right {
                for end in [a, b] {
                    along(canvas, (end.text + 1, lane), end.y, &drawn, tone);
                }
                bend(canvas, lane, (a, b), &drawn, tone);
            }
            continue;
        }

        if a.y == b.y {
            let (from, to) = if a.wall < b.wall { (a, b) } else { (b, a) };
            leave(canvas, from, &drawn, tone);
            leave(canvas, to, &drawn, tone);
            along(canvas, (from.wall + 1, to.wall), a.y, &drawn, tone);
        } else {
            let lane =
                corridor.from + 1 + lanes % (corridor.to - corridor.from).saturating_sub(2).max(1);
            lanes += 1;
            for end in [a, b] {
                leave(canvas, end, &drawn, tone);
                let (from, to) = if end.exit == Exit::Right {
                    (end.wall + 1, lane)
                } else {
                    (lane + 1, end.wall)
                };
                along(canvas, (from, to), end.y, &drawn, tone);
            }
            bend(canvas, lane, (a, b), &drawn, tone);
        }

        if let Some(entered_at) = wire.entered_at {
            // Between the walls, on the row of the end that it went out at.
            let (from, into) = if entered_at == 0 { (a, b) } else { (b, a) };
            let glyph = if from.wall < into.wall { '▸' } else { '◂' };
            let x = match into.exit {
                Exit::Left => into.wall.saturating_sub(1),
                Exit::Right => into.wall + 1,
            };
            canvas.put(x, into.y, glyph, tone);
        }
        if !wire.label.is_empty() {
            let x = corridor.from
                + (corridor.to - corridor.from).saturating_sub(wire.label.chars().count()) / 2;
            canvas.write(x, a.y, corridor.to.saturating_sub(x), &wire.label, tone);
        }
    }
}

/// From the row's text through the wall.
fn leave(canvas: &mut Canvas, end: WireEnd, drawn: &WireGlyphs, tone: MapTone) {
    match end.exit {
        Exit::Right => along(canvas, (end.text + 1, end.wall), end.y, drawn, tone),
        Exit::Left if !end.is_marked => canvas.put(end.text, end.y, drawn.along, tone),
        Exit::Left => {}
    }
    canvas.put(end.wall, end.y, drawn.through, tone);
}

fn along(
    canvas: &mut Canvas,
    (from, to): (usize, usize),
    y: usize,
    drawn: &WireGlyphs,
    tone: MapTone,
) {
    for x in from..to {
        let is_crossing = matches!(canvas.letter(x, y), Some('║' | '┆' | '│' | '╎'));
        canvas.put(x, y, if is_crossing { '┼' } else { drawn.along }, tone);
    }
}

/// The part of a wire that runs down, with its two corners.
fn bend(
    canvas: &mut Canvas,
    lane: usize,
    (a, b): (WireEnd, WireEnd),
    drawn: &WireGlyphs,
    tone: MapTone,
) {
    let (upper, lower) = if a.y <= b.y { (a, b) } else { (b, a) };
    for y in upper.y + 1..lower.y {
        let is_crossing = matches!(canvas.letter(lane, y), Some('═' | '┄' | '─' | '╌'));
        canvas.put(lane, y, if is_crossing { '┼' } else { drawn.down }, tone);
    }
    let corner = |end: WireEnd, is_upper: bool| match (end.exit, is_upper) {
        (Exit::Right, true) => drawn.corners[0],
        (Exit::Right, false) => drawn.corners[1],
        (Exit::Left, true) => drawn.corners[2],
        (Exit::Left, false) => drawn.corners[3],
    };
    canvas.put(lane, upper.y, corner(upper, true), tone);
    canvas.put(lane, lower.y, corner(lower, false), tone);
}
