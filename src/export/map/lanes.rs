//! Namespaces as lanes: a column for each kind, a row for each actor. Who shares a namespace hangs on the same wire.

use maud::{Markup, html};
use unicode_width::UnicodeWidthStr;

use super::{
    Drawing, MARGIN, SMALL, TEXT, TITLE, Text, badge, class, columns, fitting_columns, number,
};
use crate::map::{LaneLamp, LaneRow, Lanes};
use crate::op::NamespaceKind;
use crate::text::{safe, shortened};

const KIND: f64 = 84.0;
const HEAD: f64 = 34.0;
const ROW: f64 = 56.0;
/// From one lane to the next.
const LANE: f64 = 18.0;
/// Actors that are drawn; all others are counted.
const MAX_ACTORS: usize = 16;
const LEGEND: &str =
    "Filled: in the namespace. With a ring: new. A line down: shared. A gap to the right: its own.";

pub(super) fn draw(lanes: &Lanes) -> Drawing {
    let shown = &lanes.actors[..lanes.actors.len().min(MAX_ACTORS)];
    let longest = shown.iter().map(|row| safe(&row.name).width()).max().unwrap_or(0).clamp(4, 16);
    let names = MARGIN + 26.0 + columns(longest, TITLE) + 18.0;
    let width = names + KIND * NamespaceKind::ALL.len() as f64 + MARGIN;
    let left_out = lanes.actors.len() - shown.len();
    let end = HEAD + ROW * shown.len() as f64;
    let x_of = |kind: usize, lane: usize| {
        names + KIND * kind as f64 + 10.0 + (LANE * lane as f64).min(KIND - 24.0)
    };
    let y_of = |row: usize| HEAD + ROW * row as f64 + 16.0;

    let content = html! {
        @for (place, kind) in NamespaceKind::ALL.into_iter().enumerate() {
            (Text::new(TEXT, kind.proc_link_name()).class("title").centred_at(x_of(place, 0), 20.0))
        }
        @for (place, row) in shown.iter().enumerate() {
            @for (kind, lamp) in row.lamps.iter().enumerate().filter_map(|(kind, lamp)| Some((kind, lamp.as_ref()?))) {
                @if let Some(below) = next_in_lane(&shown[place + 1..], kind, lamp.lane) {
                    @let x = number(x_of(kind, lamp.lane));
                    path.lane d={ "M" (x) " " (number(y_of(place))) "V" (number(y_of(place + 1 + below))) } {}
                }
            }
        }
        @for (place, row) in shown.iter().enumerate() {
            g data-mark=[row.mark.is_change().then(|| class(row.mark))] { (badge(row.mark, MARGIN + 10.0, y_of(place))) }
            (Text::new(TITLE, &shortened(&safe(&row.name), longest)).class("title").at(MARGIN + 26.0, y_of(place) + 5.0))
            @for (kind, lamp) in row.lamps.iter().enumerate().filter_map(|(kind, lamp)| Some((kind, lamp.as_ref()?))) {
                // A text does not stand on a wire.
                @let is_wired = next_in_lane(&shown[place + 1..], kind, lamp.lane).is_some();
                @let text = x_of(kind, lamp.lane) + if is_wired { 6.0 } else { -8.0 };
                @let until = names + KIND * (kind + 1) as f64;
                (draw_lamp(lamp, NamespaceKind::ALL[kind], (x_of(kind, lamp.lane), y_of(place)), (text, until)))
            }
        }
        @if left_out > 0 {
            (Text::new(TEXT, &format!("… {left_out} more")).class("quiet").at(MARGIN, end + 8.0))
        }
        (Text::new(SMALL, LEGEND).class("quiet").at(MARGIN, end + 26.0))
    };
    Drawing { width, height: end + 34.0, content }
}

/// The next row in which somebody is in the same namespace.
fn next_in_lane(rows: &[LaneRow], kind: usize, lane: usize) -> Option<usize> {
    let lamp = |row: &LaneRow| row.lamps.get(kind).and_then(Option::as_ref).map(|it| it.lane);
    rows.iter().position(|row| lamp(row) == Some(lane))
}

fn draw_lamp(
    lamp: &LaneLamp,
    kind: NamespaceKind,
    (x, y): (f64, f64),
    (text, until): (f64, f64),
) -> Markup {
    let mark = lamp.mark.is_change().then(|| class(lamp.mark));
    let content = content(lamp, kind);
    let room = fitting_columns(until - text + 4.0, SMALL);
    html! {
        g data-mark=[mark] {
            @if mark.is_some() { circle class={ "halo " (class(lamp.mark)) } cx=(number(x)) cy=(number(y)) r="13" {} }
            circle class={ "node " (class(lamp.mark)) } cx=(number(x)) cy=(number(y)) r="7" {}
            @if mark.is_some() { (badge(lamp.mark, x + 13.0, y - 9.0)) }
            (Text::new(SMALL, &shortened(&content, room)).class(if mark.is_some() { class(lamp.mark) } else { "quiet" }).at(text, y + 26.0))
        }
    }
}

/// `19 mounts`: what is in a namespace, with its unit where that is a number.
fn content(lamp: &LaneLamp, kind: NamespaceKind) -> String {
    let unit = match kind {
        NamespaceKind::Mount => "mount",
        NamespaceKind::Pid => "PID",
        NamespaceKind::Net => "link",
        NamespaceKind::Uts
        | NamespaceKind::Ipc
        | NamespaceKind::User
        | NamespaceKind::Cgroup
        | NamespaceKind::Time => "",
    };
    let content = safe(&lamp.content);
    match content.parse::<usize>() {
        Ok(1) if !unit.is_empty() => format!("1 {unit}"),
        Ok(count) if !unit.is_empty() => format!("{count} {unit}s"),
        _ => content,
    }
}
