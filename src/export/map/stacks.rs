//! Overlays: a slanted plate for each layer, and tiles where a layer has a name. The look-up falls from above to the first
//! that answers.

use maud::{Markup, html};
use unicode_width::UnicodeWidthStr;

use super::{Drawing, MARGIN, SMALL, TEXT, TITLE, Text, act_line, badge, class, columns, number};
use crate::map::{LayerAccess, LayerStack, PlateCell, PlateColumn, is_asked};
use crate::text::{safe, shortened};

/// The widest that a stack is drawn; names that find no room are counted.
const MAX_WIDTH: f64 = 720.0;
const LONGEST_NAME: usize = 24;
const NAMES: f64 = 54.0;
const PLATE: f64 = 30.0;
const PITCH: f64 = 56.0;
const SLANT: f64 = 16.0;
const TILE: f64 = 64.0;
const ACT: f64 = 20.0;

/// A name, and the middle of its column.
struct Placed<'a> {
    column: &'a PlateColumn,
    x: f64,
}

pub(super) fn draw(stack: &LayerStack) -> Drawing {
    let labels = stack.plates.iter().map(|plate| safe(&plate.name).width().min(20)).max();
    let from = MARGIN + columns(labels.unwrap_or(0) + 7, TEXT) + SLANT;
    let (placed, end) = place(&stack.columns, from + SLANT);
    let more = &stack.columns[placed.len()..];
    let changed: usize = more.iter().map(|column| column.changed).sum();
    let title = stack.title.join(" · ");
    let rest = format!("+{}", more.len());
    let width = (end + SLANT + columns(rest.width(), TEXT) + 10.0).max(from + 120.0);
    let room = super::fitting_columns(width - 2.0 * MARGIN - 24.0, TITLE);
    let plates_end = NAMES + 24.0 + PITCH * stack.plates.len() as f64;

    let content = html! {
        @if let Some(mark) = stack.mark {
            g data-mark=[mark.is_change().then(|| class(mark))] { (badge(mark, MARGIN + 8.0, 17.0)) }
        }
        (Text::new(TITLE, &shortened(&safe(&title), room)).class("title").at(MARGIN + 20.0, 22.0))
        @for (index, plate) in stack.plates.iter().enumerate() {
            @let y = plate_y(index);
            @let (kind, word) = match plate.access {
                LayerAccess::Write => ("plate upper", "write"),
                LayerAccess::Read => ("plate", "read"),
            };
            path class=(kind) d={ "M" (number(from)) " " (number(y + PLATE)) "l" (number(SLANT)) " " (number(-PLATE)) "H" (number(width - MARGIN)) "l" (number(-SLANT)) " " (number(PLATE)) "z" } {}
            (Text::new(TEXT, &shortened(&safe(&plate.name), 20)).class("title").at(MARGIN, y + 20.0))
            (Text::new(SMALL, word).class("quiet").at(from - SLANT - columns(5, SMALL), y + 20.0))
        }
        @for one in &placed { (draw_column(one)) }
        @if !more.is_empty() {
            g data-changed=[(changed > 0).then_some(changed)] {
                (Text::new(TEXT, &rest).class("quiet").at(end + 6.0, NAMES))
            }
        }
        @for (place, row) in stack.acts.iter().enumerate() {
            (act_line(row, MARGIN, plates_end + ACT * place as f64 + 4.0, width))
        }
    };
    Drawing { width, height: plates_end + ACT * stack.acts.len() as f64, content }
}

fn plate_y(index: usize) -> f64 {
    NAMES + 24.0 + PITCH * index as f64
}

/// As many columns as fit side by side, and where they end.
fn place(all: &[PlateColumn], from: f64) -> (Vec<Placed<'_>>, f64) {
    let mut placed = Vec::new();
    let mut x = from;
    for column in all {
        let name = columns(safe(&column.name).width().min(LONGEST_NAME) + 4, TEXT);
        let width = name.max(TILE + 12.0);
        if x + width > MAX_WIDTH {
            break;
        }
        placed.push(Placed { column, x: x + width / 2.0 });
        x += width;
    }
    (placed, x)
}

fn draw_column(one: &Placed<'_>) -> Markup {
    let (column, x) = (one.column, one.x);
    let mark = column.mark.is_change().then(|| class(column.mark));
    let name = Text::new(TEXT, &shortened(&safe(&column.name), LONGEST_NAME));
    let name = name.class(mark.unwrap_or("plain"));
    let half = name.width() / 2.0;
    let middle = |index: usize| plate_y(index) + PLATE / 2.0;
    let last = (0..column.cells.len()).rfind(|index| is_asked(column, *index));

    html! {
        g data-mark=[mark] data-changed=[(column.changed > 0).then_some(column.changed)] {
            (badge(column.mark, x - half - 11.0, NAMES - 4.5))
            (name.centred_at(x, NAMES))
            @if let Some(last) = last {
                path class={ "beam " (class(column.mark)) } d={ "M" (number(x)) " " (number(NAMES + 6.0)) "V" (number(middle(last))) } {}
            }
            @for (index, cell) in column.cells.iter().enumerate() { (draw_cell(column, *cell, index, (x, middle(index)))) }
            @if let Some(from) = column.copied_from {
                @let side = x + TILE / 2.0 + 5.0;
                path class={ "copied " (class(column.mark)) } d={ "M" (number(side)) " " (number(middle(from))) "V" (number(middle(0))) "m-4 6l4 -6l4 6" } {}
            }
        }
    }
}

/// A tile with what the layer does about the name, or a ring where a look-up passes.
fn draw_cell(column: &PlateColumn, cell: PlateCell, index: usize, (x, y): (f64, f64)) -> Markup {
    let (kind, word) = match cell {
        PlateCell::Passed if is_asked(column, index) => {
            return html! { circle.hole cx=(number(x)) cy=(number(y)) r="5" {} };
        }
        PlateCell::Passed | PlateCell::Empty => return html! {},
        PlateCell::Answers => ("tile answers", "answers"),
        PlateCell::Merged => ("tile answers", "merged"),
        PlateCell::Hidden => ("tile hidden", "hidden"),
        PlateCell::Whiteout => ("tile answers", "deleted"),
        PlateCell::Opaque => ("tile answers", "opaque"),
    };
    html! {
        rect class={ (kind) " " (class(column.mark)) } x=(number(x - TILE / 2.0)) y=(number(y - 9.0)) width=(number(TILE)) height="18" rx="3" {}
        (Text::new(SMALL, word).class("plain").centred_at(x, y + 4.0))
    }
}
