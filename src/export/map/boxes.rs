//! Boxes one below the other, with their rows: places first, then walls, and rows after the wires that pass below them.

use maud::{Markup, html};
use unicode_width::UnicodeWidthStr;

use super::{
    Anchor, MARGIN, MAX_LINES, SMALL, Side, TEXT, TITLE, Text, badge, blanks_before, class,
    columns, fitting_columns, number, tone_class,
};
use crate::diff::ChangeKind;
use crate::map::{
    BoxEdge, BoxPart, MapBox, MapLine, MapRow, MapScene, MapTone, MapWire, PieceShape, act_sign,
    folded, heights, left_out_text, with_packs_in_rows,
};
use crate::text::{safe, shortened};

const MIN_WIDTH: f64 = 250.0;
/// A box beside another is not wider than this, and one that stands alone not wider than that.
const MAX_WIDTH: f64 = 500.0;
const MAX_WIDTH_ALONE: f64 = 680.0;
/// From a wall to a row's mark, to its text, and from its text to the other wall.
const TO_MARK: f64 = 15.0;
const TO_TEXT: f64 = 29.0;
const BEHIND: f64 = 14.0;
const ROW: f64 = 22.0;
const HEAD: f64 = 36.0;
const FOOT: f64 = 20.0;
/// Between two boxes; lamps reach into it.
const GAP: f64 = 24.0;
/// From the walls of a box to those of one in it.
const INSET: f64 = 13.0;
/// The part of a row that a wire is seen in.
const WIRE_ROOM: f64 = 34.0;

/// A column of boxes that all have their place.
pub(super) struct Column {
    x: f64,
    width: f64,
    bottom: f64,
    boxes: Vec<PlacedBox>,
    rows: Vec<PlacedRow>,
    side: Side,
}

struct PlacedBox {
    edge: BoxEdge,
    mark: Option<ChangeKind>,
    title: Vec<String>,
    foot: Vec<String>,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

struct PlacedRow {
    row: MapRow,
    /// The middle of it.
    y: f64,
    /// The wall at its left, and the width of its box.
    x: f64,
    width: f64,
    /// The upper edge of the outermost box.
    top: f64,
    has_wire: bool,
}

/// Places for the boxes of one side, from `x` on.
pub(super) fn place(scene: &MapScene, x: f64, side: Side) -> Column {
    let wires = &scene.wires;
    let (boxes, others) = match side {
        Side::Left => (&scene.left, &scene.right),
        Side::Right => (&scene.right, &scene.left),
    };
    let most = if others.is_empty() { MAX_WIDTH_ALONE } else { MAX_WIDTH };
    let wanted = boxes.iter().map(|one| wanted_width(one, wires)).fold(MIN_WIDTH, f64::max);
    let width = if boxes.is_empty() { 0.0 } else { wanted.min(most) };
    let mut column = Column { x, width, bottom: MARGIN, boxes: Vec::new(), rows: Vec::new(), side };
    let within = fitting_columns(width - TO_TEXT - BEHIND, TEXT);
    let boxes: Vec<MapBox> = boxes.iter().map(|one| with_packs_in_rows(one, within)).collect();

    let mut y = MARGIN;
    for (place, (one, lines)) in boxes.iter().zip(heights(&boxes, MAX_LINES)).enumerate() {
        if lines == 0 {
            let changed: usize = boxes[place..].iter().map(MapBox::changed).sum();
            let text = format!("… more boxes: {}, changes in them: {changed}", boxes.len() - place);
            column.rows.push(column.left_out(&text, y + ROW / 2.0, 0, changed));
            y += ROW;
            break;
        }
        y = column.add(one, lines, y, wires);
        y += GAP;
    }
    column.bottom = if column.boxes.is_empty() { MARGIN } else { y - GAP + FOOT / 2.0 + 2.0 };
    column
}

/// The width that shows each row as a whole.
fn wanted_width(one: &MapBox, wires: &[MapWire]) -> f64 {
    let rows = one.parts.iter().map(|part| match part {
        BoxPart::Box(inner) => wanted_width(inner, wires) + 2.0 * INSET,
        BoxPart::Row(row) => {
            let wire = if has_wire(row, wires) { WIRE_ROOM } else { 0.0 };
            // A pack of names goes on in the next row.
            let names = row.names.iter().map(|name| name.width() + 2).sum::<usize>().min(30);
            let text = row.lead.width() + text_columns(row) + names;
            TO_TEXT + columns(text, TEXT) + wire + BEHIND
        }
    });
    let title = one.title.iter().take(2).map(|word| columns(word.width() + 2, TITLE)).sum::<f64>();
    let lamps = match one.edge {
        BoxEdge::Namespace => one.foot.iter().map(|word| lamp_width(word) + 3.0).sum::<f64>(),
        BoxEdge::Group => 0.0,
    };
    rows.fold((title + 50.0).max(lamps + 28.0), f64::max)
}

fn has_wire(row: &MapRow, wires: &[MapWire]) -> bool {
    row.anchor.is_some_and(|anchor| wires.iter().any(|wire| wire.ends.contains(&anchor)))
}

fn text_columns(row: &MapRow) -> usize {
    row.text.iter().map(|piece| safe(&piece.text).width()).sum()
}

fn lamp_width(word: &str) -> f64 {
    columns(word.width(), SMALL) + 9.0
}

impl Column {
    pub(super) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.bottom
    }

    /// Places for one box and all in it, in at most so many lines; returns where it ends.
    fn add(&mut self, one: &MapBox, lines: usize, top: f64, wires: &[MapWire]) -> f64 {
        let mut y = top;
        let mut open: Vec<usize> = Vec::new();
        for line in folded(one, lines) {
            match line {
                MapLine::Top(inner, depth) => {
                    let y_top = if depth == 0 { y } else { y + 6.0 };
                    open.push(self.boxes.len());
                    let (x, width) = self.walls(depth);
                    self.boxes.push(PlacedBox {
                        edge: inner.edge,
                        mark: inner.mark,
                        title: inner.title.clone(),
                        foot: inner.foot.clone(),
                        x,
                        y: y_top,
                        width,
                        height: 0.0,
                    });
                    y = y_top + HEAD;
                }
                MapLine::Row(row, depth) => {
                    let (x, width) = self.walls(depth);
                    let has_wire = has_wire(row, wires);
                    let row = row.clone();
                    self.rows.push(PlacedRow { row, y: y + ROW / 2.0, x, width, top, has_wire });
                    y += ROW;
                }
                MapLine::LeftOut { rows, changed, depth } => {
                    let text = left_out_text(rows, changed);
                    self.rows.push(self.left_out(&text, y + ROW / 2.0, depth, changed));
                    y += ROW;
                }
                MapLine::Bottom(..) => {
                    y += FOOT;
                    if let Some(placed) = open.pop().and_then(|place| self.boxes.get_mut(place)) {
                        placed.height = y - placed.y;
                    }
                    if !open.is_empty() {
                        y += 8.0;
                    }
                }
            }
        }
        y
    }

    /// The left wall of a box so deep, and its width.
    fn walls(&self, depth: usize) -> (f64, f64) {
        let inset = INSET * depth as f64;
        (self.x + inset, (self.width - 2.0 * inset).max(0.0))
    }

    fn left_out(&self, text: &str, y: f64, depth: usize, changed: usize) -> PlacedRow {
        let (x, width) = self.walls(depth);
        let row = MapRow::new(ChangeKind::Same, text).standing_for(0, changed);
        PlacedRow { row, y, x, width, top: y, has_wire: false }
    }

    pub(super) fn anchors(&self) -> Vec<Anchor> {
        let wired = self.rows.iter().filter(|placed| placed.has_wire);
        let anchors = wired.filter_map(|placed| {
            let text = placed.pieces();
            let from = placed.x + TO_TEXT;
            Some(Anchor {
                of: placed.row.anchor?,
                y: placed.y,
                walls: (self.x, self.x + self.width),
                top: placed.top,
                text: (from, text.last().map_or(from, |(x, piece)| x + piece.width())),
                side: self.side,
            })
        });
        anchors.collect()
    }

    pub(super) fn draw_walls(&self) -> Markup {
        html! {
            @for placed in &self.boxes { (placed.draw()) }
            // Below the wires that go through them.
            @for placed in &self.rows { (placed.draw_glow()) }
        }
    }

    pub(super) fn draw_rows(&self) -> Markup {
        html! { @for placed in &self.rows { (placed.draw()) } }
    }
}

impl PlacedBox {
    fn draw(&self) -> Markup {
        let mark = self.mark.unwrap_or(ChangeKind::Same);
        let (edge, round) = match self.edge {
            BoxEdge::Namespace if self.has_own_lamp() => ("wall own", "14"),
            BoxEdge::Namespace => ("wall", "14"),
            BoxEdge::Group => ("group", "0"),
        };
        let base = self.y + 24.0;

        html! {
            g data-mark=[mark.is_change().then(|| class(mark))] {
                rect class={ (edge) " " (class(mark)) } x=(number(self.x)) y=(number(self.y)) width=(number(self.width)) height=(number(self.height)) rx=(round) {}
                (badge(mark, self.x + TO_MARK + 8.0, base - 5.0))
                @for (x, text) in self.title_texts() { (text.at(x, base)) }
                (self.draw_foot())
            }
        }
    }

    /// The words of the title that have room, each with its place.
    fn title_texts(&self) -> Vec<(f64, Text)> {
        let mark = self.mark.filter(|mark| mark.is_change());
        let mut x = self.x + TO_MARK + if mark.is_some() { 20.0 } else { 2.0 };
        let until = self.x + self.width - BEHIND;
        let mut texts = Vec::new();
        for (place, word) in self.title.iter().enumerate() {
            let (size, class) = if place == 0 { (TITLE, "title") } else { (TEXT, "quiet") };
            let room = fitting_columns(until - x, size);
            if room < 2 {
                break;
            }
            let text = Text::new(size, &shortened(&safe(word), room)).class(class);
            let width = text.width();
            texts.push((x, text));
            x += width + 12.0;
        }
        texts
    }

    /// The lamps or names that have room in the lower wall, each with its place.
    fn foot_places(&self) -> impl Iterator<Item = (f64, &str)> {
        let until = self.x + self.width - 6.0;
        let places = self.foot.iter().scan(self.x + 14.0, |next, word| {
            let x = *next;
            *next += lamp_width(word) + 3.0;
            Some((x, word.as_str()))
        });
        places.take_while(move |(x, word)| x + lamp_width(word) < until)
    }

    fn has_own_lamp(&self) -> bool {
        self.foot.iter().any(|word| is_own(word))
    }

    /// Lamps in the wall of a namespace, or the names of hierarchies in that of a group.
    fn draw_foot(&self) -> Markup {
        let y = self.y + self.height;
        let round = if self.edge == BoxEdge::Group { "0" } else { "9" };
        html! {
            @for (x, word) in self.foot_places() {
                @let width = lamp_width(word);
                @let (lamp, letters) = match (self.edge, is_own(word)) {
                    (BoxEdge::Group, _) => ("tag", "tag-name"),
                    (BoxEdge::Namespace, true) => ("lamp own", "lamp-name own"),
                    (BoxEdge::Namespace, false) => ("lamp", "lamp-name"),
                };
                rect class=(lamp) x=(number(x)) y=(number(y - 9.0)) width=(number(width)) height="18" rx=(round) {}
                (Text::new(SMALL, word).class(letters).centred_at(x + width / 2.0, y + 4.0))
            }
        }
    }
}

/// The lamp of a namespace that is a process's own is in capitals.
fn is_own(word: &str) -> bool {
    word.chars().any(char::is_alphabetic) && !word.chars().any(char::is_lowercase)
}

/// A text or a shape of a row.
enum Piece {
    Text(Text),
    Shape(PieceShape, f64, &'static str),
    /// The lines of a tree, by their letters.
    Branch(String),
}

impl Piece {
    fn width(&self) -> f64 {
        match self {
            Piece::Text(text) => text.width(),
            Piece::Shape(_, width, _) => *width,
            Piece::Branch(letters) => columns(letters.chars().count(), TEXT),
        }
    }
}

impl PlacedRow {
    /// The pieces that have room, each with its place.
    fn pieces(&self) -> Vec<(f64, Piece)> {
        let from = self.x + TO_TEXT;
        let wire = if self.has_wire { WIRE_ROOM } else { 0.0 };
        let room = fitting_columns(self.width - TO_TEXT - BEHIND - wire, TEXT);
        let mut taken = 0;
        let mut pieces = Vec::new();
        let place = |taken: usize| from + columns(taken, TEXT);

        let lead = self.row.lead.chars().take(room).collect::<String>();
        taken += lead.width();
        pieces.push((from, Piece::Branch(lead)));

        for piece in &self.row.text {
            let text = safe(&piece.text);
            let (width, left) = (text.width(), room.saturating_sub(taken));
            let class = tone_class(piece.tone);
            if left == 0 && width > 0 {
                return pieces;
            }
            let drawn = match piece.shape {
                Some(shape) if width <= left => Piece::Shape(shape, columns(width, TEXT), class),
                _ if piece.tone == MapTone::Line && width <= left => Piece::Branch(text.clone()),
                _ => Piece::Text(Text::new(TEXT, &shortened(&text, left)).class(class)),
            };
            let before = if matches!(drawn, Piece::Text(_)) { blanks_before(&text) } else { 0 };
            pieces.push((place(taken + before), drawn));
            if width > left {
                return pieces;
            }
            taken += width;
        }

        let class = tone_class(MapTone::of_mark(self.row.mark));
        for (index, name) in self.row.names.iter().enumerate() {
            let gap = if index == 0 && self.row.text.is_empty() { 0 } else { 2 };
            let name = safe(name);
            let left = self.row.names.len() - index;
            let more = format!("+{left}");
            let reserved = if left > 1 { more.len() + 2 } else { 0 };
            if taken + gap + name.width() + reserved > room {
                pieces.push((place(taken + gap), Piece::Text(Text::new(TEXT, &more).class(class))));
                return pieces;
            }
            pieces.push((place(taken + gap), Piece::Text(Text::new(TEXT, &name).class(class))));
            taken += gap + name.width();
        }
        pieces
    }

    fn draw_glow(&self) -> Markup {
        let (x, y, width) = (self.x + 5.0, self.y - 10.0, self.width - 10.0);
        html! {
            @if self.row.mark.is_change() {
                rect class={ "glow " (class(self.row.mark)) } x=(number(x)) y=(number(y)) width=(number(width)) height="20" rx="6" {}
            }
        }
    }

    fn draw(&self) -> Markup {
        let row = &self.row;
        let pieces = self.pieces();
        let mark = row.mark.is_change().then(|| class(row.mark));
        html! {
            g data-mark=[mark] data-changed=[(row.changed > 0).then_some(row.changed)] {
                @match row.act {
                    // Neither new nor gone: a call, and how it ended.
                    Some(end) => (Text::new(TEXT, &act_sign(end).to_string()).class(act_class(row)).centred_at(self.x + TO_MARK, self.y + 4.5)),
                    None => (badge(row.mark, self.x + TO_MARK, self.y)),
                }
                @for (x, piece) in &pieces {
                    @match piece {
                        Piece::Text(text) => (text.at(*x, self.y + 4.5)),
                        Piece::Shape(shape, width, class) => (draw_shape(*shape, (*x, self.y), *width, class)),
                        Piece::Branch(letters) => (draw_branch(letters, *x, self.y)),
                    }
                }
            }
        }
    }
}

fn act_class(row: &MapRow) -> &'static str {
    row.text.first().map_or("moved", |piece| tone_class(piece.tone))
}

fn draw_shape(shape: PieceShape, (x, y): (f64, f64), width: f64, class: &str) -> Markup {
    match shape {
        PieceShape::Plug { is_up } => {
            let up = if is_up { "up" } else { "down" };
            html! { circle class={ "plug " (up) " " (class) } cx=(number(x + width / 2.0)) cy=(number(y)) r="5" {} }
        }
        PieceShape::Gauge { used, limit } => {
            let filled = (width - 12.0) * PieceShape::share(used, limit);
            // A use of a few bytes is one that can be seen.
            let filled = if used > 0 { filled.max(2.0) } else { filled };
            html! {
                rect.gauge x=(number(x + 4.0)) y=(number(y - 6.0)) width=(number(width - 8.0)) height="12" rx="3" {}
                rect class={ "fill " (class) } x=(number(x + 6.0)) y=(number(y - 4.0)) width=(number(filled)) height="8" rx="1.5" {}
            }
        }
    }
}

/// The lines of a tree: a corner for each that is made of letters.
fn draw_branch(letters: &str, x: f64, y: f64) -> Markup {
    let wide = columns(1, TEXT);
    let mut path = String::new();
    let mut other = String::new();
    for (place, letter) in letters.chars().enumerate() {
        let middle = x + columns(place, TEXT) + wide / 2.0;
        let (top, end) = (number(y - 11.0), number(middle + wide / 2.0));
        let down = |to: f64| format!("M{} {top}V{}", number(middle), number(to));
        match letter {
            '└' => path.push_str(&format!("{}H{end}", down(y))),
            '├' => {
                path.push_str(&format!("{}M{} {}H{end}", down(y + 11.0), number(middle), number(y)))
            }
            '│' => path.push_str(&down(y + 11.0)),
            '─' => {
                path.push_str(&format!("M{} {}H{end}", number(middle - wide / 2.0), number(y)))
            }
            ' ' => {}
            letter => other.push(letter),
        }
    }
    html! {
        @if !path.is_empty() { path.tree d=(path) {} }
        (Text::new(TEXT, &other).class("quiet").at(x, y + 4.5))
    }
}
