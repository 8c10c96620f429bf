//! The map as a drawing (SVG): real shapes for walls, cables, plugs and bars, with the words of the same scene. It has
//! what the map in cells has, row by row; only the places are its own.

mod boxes;
mod lanes;
mod wires;

use maud::{Markup, PreEscaped, html};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::diff::ChangeKind;
use crate::map::{MapScene, MapTone, RowAnchor, sign};
use crate::text::safe;

/// The style of a drawing that stands for itself: the colours of pages, and what drawings add to them.
const STYLE: &str = concat!(
    include_str!("../../../assets/export/colors.css"),
    include_str!("../../../assets/export/map.css")
);

/// Units that a column of text takes, as a part of its size: no font of one width is wider.
const COLUMN: f64 = 0.62;
/// The size of text in rows, titles and lamps.
const TEXT: f64 = 13.0;
const TITLE: f64 = 15.0;
const SMALL: f64 = 11.0;
/// Around everything.
const MARGIN: f64 = 6.0;
/// The drawing of one scene is not higher than so many rows in a column; all others are counted.
const MAX_LINES: usize = 44;

/// A drawing, and the size that it wants to be shown at.
struct Drawing {
    width: f64,
    height: f64,
    content: Markup,
}

/// The place of a row that a wire may come to.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    of: RowAnchor,
    y: f64,
    /// The two walls of the outermost box that the row is in.
    walls: (f64, f64),
    /// The upper edge of that box.
    top: f64,
    /// The beginning and the end of the row's text.
    text: (f64, f64),
    side: Side,
}

/// The side of the picture that a column of boxes is on; wires leave it towards the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

fn draw(scene: &MapScene) -> Drawing {
    let scene = &*scene.with_stacks_in_boxes();
    if let Some(lanes) = &scene.lanes {
        return lanes::draw(lanes);
    }
    if scene.is_empty() {
        let text = Text::new(TEXT, "nothing of this kind is there").class("quiet");
        let content = html! { (text.at(MARGIN, 20.0)) };
        return Drawing { width: 2.0 * MARGIN + columns(29, TEXT), height: 30.0, content };
    }

    let gap = if scene.right.is_empty() { 0.0 } else { wires::gap(&scene.wires) };
    let margin = if scene.right.is_empty() { wires::margin(&scene.wires) } else { 0.0 };
    let left = boxes::place(scene, MARGIN, Side::Left);
    let right = boxes::place(scene, left.right() + gap, Side::Right);
    let end = if scene.right.is_empty() { left.right() + margin } else { right.right() };
    let anchors = [left.anchors(), right.anchors()].concat();
    let corridor = (left.right(), left.right() + gap.max(margin));

    let content = html! {
        (left.draw_walls()) (right.draw_walls())
        (wires::draw(&scene.wires, &anchors, corridor))
        (left.draw_rows()) (right.draw_rows())
    };
    Drawing { width: end + MARGIN, height: left.bottom().max(right.bottom()) + MARGIN, content }
}

/// A drawing within a page that has the style, and the words elsewhere: `name` says what it is, and the element of the
/// id `described_by` what is on it.
pub fn figure_drawing(scene: &MapScene, name: &str, described_by: &str) -> Markup {
    let Drawing { width, height, content } = draw(scene);
    html! {
        svg.lab-map viewBox={ "0 0 " (number(width)) " " (number(height)) } width=(number(width)) height=(number(height))
            role="img" aria-label=(safe(name)) aria-describedby=(described_by) { (content) }
    }
}

/// A drawing that stands for itself, as a file.
pub fn document(scene: &MapScene, name: &str, words: &str) -> String {
    let Drawing { width, height, content } = draw(scene);
    let drawing = html! {
        svg.lab-map xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (number(width)) " " (number(height)) }
            width=(number(width)) height=(number(height)) role="img" aria-labelledby="name words" {
            title id="name" { (safe(name)) }
            desc id="words" { (safe(words)) }
            style { (PreEscaped(STYLE)) }
            rect.ground width=(number(width)) height=(number(height)) {}
            (content)
        }
    };
    drawing.into_string()
}

/// A number with at most one digit behind the point.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The units that so many columns take.
fn columns(count: usize, size: f64) -> f64 {
    count as f64 * size * COLUMN
}

/// The columns that fit into so many units.
fn fitting_columns(units: f64, size: f64) -> usize {
    (units / (size * COLUMN) + 0.01).max(0.0) as usize
}

/// The class of what has a mark.
fn class(mark: ChangeKind) -> &'static str {
    match mark {
        ChangeKind::Added => "added",
        ChangeKind::Gone => "gone",
        ChangeKind::Changed => "changed",
        ChangeKind::Moved => "moved",
        ChangeKind::Same | ChangeKind::Quiet | ChangeKind::Unknown => "same",
    }
}

fn tone_class(tone: MapTone) -> &'static str {
    match tone {
        MapTone::Plain => "plain",
        MapTone::Quiet => "quiet",
        MapTone::Line => "faint",
        MapTone::Title => "title",
        MapTone::Change(mark) if mark.is_change() => class(mark),
        MapTone::Change(_) => "quiet",
        MapTone::Act => "moved",
        MapTone::Refused => "gone",
        MapTone::Wanted => "changed",
    }
}

/// The sign of a mark in a disc: it is read without its colour.
fn badge(mark: ChangeKind, x: f64, y: f64) -> Markup {
    html! {
        @if mark.is_change() || mark == ChangeKind::Unknown {
            circle.badge.(class(mark)) cx=(number(x)) cy=(number(y)) r="7.5" {}
            text.sign x=(number(x)) y=(number(y + 4.5)) font-size="13" text-anchor="middle" { (sign(mark)) }
        }
    }
}

/// One text of one tone, with nothing in it that can't be seen.
struct Text {
    size: f64,
    text: String,
    class: &'static str,
}

impl Text {
    fn new(size: f64, text: &str) -> Text {
        let letters = safe(text);
        // Blanks at its ends would be lost; whoever places it has left their room.
        Text { size, text: letters.trim().to_owned(), class: "plain" }
    }

    fn class(self, class: &'static str) -> Text {
        Text { class, ..self }
    }

    fn at(&self, x: f64, y: f64) -> Markup {
        html! {
            @if !self.text.is_empty() {
                text.(self.class) x=(number(x)) y=(number(y)) font-size=(number(self.size)) { (self.text) }
            }
        }
    }

    fn centred_at(&self, x: f64, y: f64) -> Markup {
        html! {
            text.(self.class) x=(number(x)) y=(number(y)) font-size=(number(self.size)) text-anchor="middle" { (self.text) }
        }
    }

    fn width(&self) -> f64 {
        columns(self.text.width(), self.size)
    }
}

/// The columns of the blanks that a text begins with.
fn blanks_before(text: &str) -> usize {
    text.chars().take_while(|letter| *letter == ' ').filter_map(UnicodeWidthChar::width).sum()
}
