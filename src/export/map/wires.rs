//! Wires: out through a wall, along a lane of the gap, in through another wall. A collar stands where one passes a wall.

use maud::{Markup, html};
use unicode_width::UnicodeWidthStr;

use super::{Anchor, SMALL, Side, Text, class, columns, number};
use crate::map::{MapWire, WireKind};

/// Between two lanes.
const LANE: f64 = 14.0;
/// The radius of bends.
const BEND: f64 = 7.0;

/// The space between two columns of boxes in which each wire finds a lane.
pub(super) fn gap(wires: &[MapWire]) -> f64 {
    let label = wires.iter().map(|wire| wire.label.width()).max().unwrap_or(0);
    let lanes = 30.0 + LANE * wires.len().min(8) as f64;
    lanes.max(columns(label, SMALL) + 34.0)
}

/// The space beside a single column.
pub(super) fn margin(wires: &[MapWire]) -> f64 {
    if wires.is_empty() { 0.0 } else { gap(wires) }
}

pub(super) fn draw(wires: &[MapWire], anchors: &[Anchor], corridor: (f64, f64)) -> Markup {
    let (mut lanes, mut inner_lanes) = (0, 0);
    let mut drawn = Vec::new();
    for wire in wires {
        let ends = wire.ends.map(|end| anchors.iter().find(|anchor| anchor.of == end).copied());
        let [Some(a), Some(b)] = ends else { continue };
        let way = if a.side == b.side && is_one_box(a, b) {
            inner_lanes += 1;
            // Past the longer text, inside the wall.
            let from = a.text.1.max(b.text.1) + 10.0;
            let lane = (a.walls.1 - 6.0 - 10.0 * f64::from(inner_lanes)).max(from);
            Way {
                points: [(a.text.1 + 5.0, a.y), (lane, a.y), (lane, b.y), (b.text.1 + 5.0, b.y)],
                collars: Vec::new(),
            }
        } else {
            let room = corridor.1 - corridor.0 - 30.0;
            let lane = corridor.0 + 15.0 + (LANE * f64::from(lanes)) % room.max(LANE);
            if (a.y - b.y).abs() > 0.5 {
                lanes += 1;
            }
            Way {
                points: [(a.start(), a.y), (lane, a.y), (lane, b.y), (b.start(), b.y)],
                collars: vec![(a.wall(), a.y), (b.wall(), b.y)],
            }
        };
        drawn.push(html! { (one(wire, &way, corridor)) });
    }
    html! { @for wire in &drawn { (wire) } }
}

/// The course of a wire, and where it passes walls.
struct Way {
    points: [(f64, f64); 4],
    collars: Vec<(f64, f64)>,
}

impl Anchor {
    /// The place where a wire begins.
    fn start(self) -> f64 {
        match self.side {
            Side::Left => self.text.1 + 5.0,
            Side::Right => self.text.0 - 3.0,
        }
    }

    /// The wall that it goes through.
    fn wall(self) -> f64 {
        match self.side {
            Side::Left => self.walls.1,
            Side::Right => self.walls.0,
        }
    }
}

/// Two rows of one box, so that a wire between them passes no wall.
fn is_one_box(a: Anchor, b: Anchor) -> bool {
    a.top == b.top
}

fn one(wire: &MapWire, way: &Way, corridor: (f64, f64)) -> Markup {
    let course = course(&way.points);
    let kind = match wire.kind {
        WireKind::Cable => "cable",
        WireKind::DeadCable => "cable dead",
        WireKind::Peers => "peers",
        WireKind::Identity => "thread",
    };
    let label = Text::new(SMALL, &wire.label).class("wire-label");
    let [_, (lane, y), ..] = way.points;
    let middle =
        if way.points[1].1 == way.points[2].1 { (corridor.0 + corridor.1) / 2.0 } else { lane };
    html! {
        g data-wire=(kind) {
            path class={ (kind) " " (class(wire.mark)) } d=(course) {}
            // A bright core makes two lines of one.
            @if wire.kind == WireKind::Cable { path.core d=(course) {} }
            @for (x, y) in &way.collars {
                @if wire.kind == WireKind::Peers {
                    path class={ "lozenge " (class(wire.mark)) } d={ "M" (number(x - 7.0)) " " (number(*y)) "l7 -7l7 7l-7 7z" } {}
                } @else {
                    rect.collar x=(number(x - 3.5)) y=(number(y - 8.0)) width="7" height="16" rx="3" {}
                }
            }
            @if !wire.label.is_empty() { (label.centred_at(middle, y - 7.0)) }
        }
    }
}

/// A path with round bends.
fn course(points: &[(f64, f64); 4]) -> String {
    let [from, upper, lower, to] = *points;
    if (upper.1 - lower.1).abs() < 0.5 {
        return format!("M{} {}H{}", number(from.0), number(from.1), number(to.0));
    }
    let down = (lower.1 - upper.1).signum();
    let bend = BEND.min((lower.1 - upper.1).abs() / 2.0);
    let into = (upper.0 - from.0).signum();
    let out = (to.0 - lower.0).signum();
    format!(
        "M{} {}H{}Q{} {} {} {}V{}Q{} {} {} {}H{}",
        number(from.0),
        number(from.1),
        number(upper.0 - into * bend),
        number(upper.0),
        number(upper.1),
        number(upper.0),
        number(upper.1 + down * bend),
        number(lower.1 - down * bend),
        number(lower.0),
        number(lower.1),
        number(lower.0 + out * bend),
        number(lower.1),
        number(to.0)
    )
}
