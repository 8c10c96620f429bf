//! Places for all that a scene has, on a grid of cells: the host at the left and the others at the right, or one below
//! the other where there is little room; wires straight across, with at most two bends.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthStr;

use super::act_rows::put_sign;
use super::canvas::{Canvas, MapTone, sign};
use super::folding::{MapLine, folded, heights, left_out_text, with_packs_in_rows};
use super::lanes;
use super::scene::{BoxEdge, MapBox, MapRow, MapScene, MapWire, RowAnchor};
use super::spacing::{self, MapSpacing};
use super::stacks;
use super::wires::{Corridor, Exit, WireEnd, draw_wires};

/// Narrower than this, boxes stand one below the other.
const SIDE_BY_SIDE: usize = 70;
/// Columns that two walls, the column of marks and a blank take.
const FRAME: usize = 4;

/// The characters that a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    Unicode,
    Ascii,
}

/// The area that a column of boxes has.
#[derive(Debug, Clone, Copy)]
struct Column {
    x: usize,
    width: usize,
    /// The first row of the uppermost box.
    top: usize,
    exit: Exit,
}

/// The map on a grid of so many columns and rows. What finds no room is counted on it.
pub fn draw(scene: &MapScene, width: usize, height: usize, glyphs: Glyphs) -> Canvas {
    draw_spaced(scene, (width, height), MapSpacing::Tight, glyphs)
}

/// The same, with a choice of the distance of rows.
pub fn draw_spaced(
    scene: &MapScene,
    (width, height): (usize, usize),
    spacing: MapSpacing,
    glyphs: Glyphs,
) -> Canvas {
    let mut canvas = Canvas::new(width, height);
    if let Some(lanes) = &scene.lanes {
        lanes::draw(lanes, spacing, &mut canvas);
    } else if scene.is_empty() {
        canvas.write(0, 0, width, "nothing of this kind is there", MapTone::Quiet);
    } else if !scene.stacks.is_empty() {
        let top = draw_stacks(scene, &mut canvas);
        let column = Column { x: 0, width, top, exit: Exit::Right };
        let corridor = Corridor { from: width, to: width };
        draw_columns(&[(&scene.left[..], column)], &scene.wires, corridor, spacing, &mut canvas);
    } else if width >= SIDE_BY_SIDE && !scene.right.is_empty() {
        let gap = Corridor::wanted(&scene.wires).clamp(4, 10);
        let left = Column { x: 0, width: (width - gap) / 2, top: 0, exit: Exit::Right };
        let x = left.width + gap;
        let right = Column { x, width: width - x, top: 0, exit: Exit::Left };
        let corridor = Corridor { from: left.width, to: x };
        let columns = [(&scene.left[..], left), (&scene.right[..], right)];
        draw_columns(&columns, &scene.wires, corridor, spacing, &mut canvas);
    } else {
        let margin = if scene.right.is_empty() { 0 } else { Corridor::wanted(&scene.wires).min(6) };
        let width_left = width.saturating_sub(margin);
        let column = Column { x: 0, width: width_left, top: 0, exit: Exit::Right };
        let all: Vec<MapBox> = scene.left.iter().chain(&scene.right).cloned().collect();
        let corridor = Corridor { from: column.width, to: width };
        draw_columns(&[(&all[..], column)], &scene.wires, corridor, spacing, &mut canvas);
    }

    match glyphs {
        Glyphs::Unicode => canvas,
        Glyphs::Ascii => canvas.in_ascii(),
    }
}

/// Rows that the whole map would take in so many columns.
pub fn wanted_height(scene: &MapScene, width: usize) -> usize {
    let column = |boxes: &[MapBox], width: usize| {
        let column = Column { x: 0, width, top: 0, exit: Exit::Right };
        let packed = boxes.iter().map(|one| with_packs_in_rows(one, inner_width(column, 0)));
        packed.map(|one| super::folding::lines(&one).len()).sum::<usize>()
    };
    if let Some(lanes) = &scene.lanes {
        return lanes::wanted_height(lanes, width);
    }
    if scene.is_empty() {
        return 1;
    }
    if !scene.stacks.is_empty() {
        // What the signs mean takes a row.
        let stacks: usize = scene.stacks.iter().map(stacks::wanted).sum();
        return stacks + 1 + column(&scene.left, width);
    }
    if width >= SIDE_BY_SIDE && !scene.right.is_empty() {
        let gap = Corridor::wanted(&scene.wires).clamp(4, 10);
        let half = (width - gap) / 2;
        return column(&scene.left, half).max(column(&scene.right, width - gap - half));
    }
    let margin = if scene.right.is_empty() { 0 } else { Corridor::wanted(&scene.wires).min(6) };
    let width = width.saturating_sub(margin);
    column(&scene.left, width) + column(&scene.right, width)
}

/// Columns of boxes, and the wires between them.
fn draw_columns(
    columns: &[(&[MapBox], Column)],
    wires: &[MapWire],
    corridor: Corridor,
    spacing: MapSpacing,
    canvas: &mut Canvas,
) {
    let in_rows = |(boxes, column): &(&[MapBox], Column)| {
        let boxes = boxes.iter().map(|one| with_packs_in_rows(one, inner_width(*column, 0)));
        boxes.collect::<Vec<_>>()
    };
    let boxes: Vec<Vec<MapBox>> = columns.iter().map(in_rows).collect();
    // What stands side by side has rows of one height.
    let room = canvas.height().saturating_sub(columns.iter().map(|it| it.1.top).max().unwrap_or(0));
    let is_airy = boxes.iter().all(|boxes| spacing::has_room(boxes, room));

    let mut ends = BTreeMap::new();
    for (boxes, (_, column)) in boxes.into_iter().zip(columns) {
        let boxes = match spacing {
            MapSpacing::Tight => boxes,
            MapSpacing::Filling => spacing::filling(boxes, room, is_airy),
        };
        draw_column(&boxes, *column, wires, canvas, &mut ends);
    }
    draw_wires(wires, &ends, corridor, canvas);
}

/// Overlays one below the other, with what the signs mean; returns the first row that is left.
fn draw_stacks(scene: &MapScene, canvas: &mut Canvas) -> usize {
    let height = canvas.height();
    // Boxes below need some rows, if only to be counted in.
    let kept = if scene.left.is_empty() { 0 } else { 3.min(height / 3) };
    let room = height - kept;
    let mut y = 0;
    for (place, stack) in scene.stacks.iter().enumerate() {
        let later = &scene.stacks[place + 1..];
        let left = room.saturating_sub(y).saturating_sub(later.len().min(1) + 1);
        let share = left / (later.len() + 1);
        // One that the step is about has what it wants: those after it can be counted.
        let share = if stack.is_touched() { left } else { share.max(stacks::LEAST) };
        let rows = stacks::wanted(stack).min(share).min(left);
        if rows < stacks::LEAST {
            let changed: usize =
                scene.stacks[place..].iter().flat_map(|it| &it.columns).map(|it| it.changed).sum();
            let count = scene.stacks.len() - place;
            let text = format!("… more overlays: {count}, changes in them: {changed}");
            canvas.write(0, y, canvas.width(), &text, MapTone::Quiet);
            return y + 1;
        }
        stacks::draw(stack, y, rows, canvas);
        y += rows;
    }
    stacks::draw_legend(y, canvas);
    y + 1
}

/// Boxes one below the other, in as much of the height as they need, or folded into what there is.
fn draw_column(
    boxes: &[MapBox],
    column: Column,
    wires: &[MapWire],
    canvas: &mut Canvas,
    ends: &mut BTreeMap<RowAnchor, WireEnd>,
) {
    let heights = heights(boxes, canvas.height().saturating_sub(column.top));
    let mut y = column.top;
    for (place, (one, height)) in boxes.iter().zip(&heights).enumerate() {
        let left_out = boxes.len() - place;
        if *height == 0 {
            let changed: usize = boxes[place..].iter().map(MapBox::changed).sum();
            let what = format!("… more boxes: {left_out}, changes in them: {changed}");
            canvas.write(column.x, y, column.width, &what, MapTone::Quiet);
            return;
        }
        draw_box(one, column, (y, *height), wires, canvas, ends);
        y += height;
    }
}

fn draw_box(
    one: &MapBox,
    column: Column,
    (top, height): (usize, usize),
    wires: &[MapWire],
    canvas: &mut Canvas,
    ends: &mut BTreeMap<RowAnchor, WireEnd>,
) {
    for (y, line) in (top..).zip(&folded(one, height)) {
        match line {
            MapLine::Top(inner, depth) => draw_wall(inner, column, *depth, y, Wall::Upper, canvas),
            MapLine::Bottom(inner, depth) => {
                draw_wall(inner, column, *depth, y, Wall::Lower, canvas)
            }
            MapLine::Row(row, depth) => {
                draw_walls(column, *depth, y, canvas);
                let has_wire =
                    row.anchor.filter(|anchor| wires.iter().any(|wire| wire.ends.contains(anchor)));
                let behind = draw_row(row, column, *depth, y, has_wire.is_some(), canvas);
                if let Some(anchor) = has_wire {
                    let left = column.x + 2 * depth;
                    let (wall, text) = match column.exit {
                        Exit::Left => (left, left + 1),
                        Exit::Right => (column.x + column.width - 1 - 2 * depth, behind),
                    };
                    let (exit, is_marked) = (column.exit, row.mark.is_change());
                    ends.insert(anchor, WireEnd { y, wall, text, exit, top, is_marked });
                }
            }
            MapLine::LeftOut { rows, changed, depth } => {
                draw_walls(column, *depth, y, canvas);
                let text = left_out_text(*rows, *changed);
                let x = column.x + 2 * depth + 2;
                canvas.write(x, y, inner_width(column, *depth), &text, MapTone::Quiet);
            }
        }
    }
}

fn inner_width(column: Column, depth: usize) -> usize {
    column.width.saturating_sub(FRAME + 4 * depth)
}

/// One of the two walls that lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wall {
    Upper,
    Lower,
}

/// The upper wall with the title, or the lower one with the lamps.
fn draw_wall(
    one: &MapBox,
    column: Column,
    depth: usize,
    y: usize,
    wall: Wall,
    canvas: &mut Canvas,
) {
    if depth > 0 {
        draw_walls(column, depth - 1, y, canvas);
    }
    let (x, width) = (column.x + 2 * depth, column.width.saturating_sub(4 * depth));
    if width < FRAME {
        return;
    }

    let [first, last] = match (one.edge, wall) {
        (BoxEdge::Namespace, Wall::Upper) => ['╭', '╮'],
        (BoxEdge::Namespace, Wall::Lower) => ['╰', '╯'],
        (BoxEdge::Group, Wall::Upper) => ['┌', '┐'],
        (BoxEdge::Group, Wall::Lower) => ['└', '┘'],
    };
    let tone = one.mark.map_or(MapTone::Line, MapTone::of_mark);
    canvas.put(x, y, first, tone);
    for at in x + 1..x + width - 1 {
        canvas.put(at, y, '─', tone);
    }
    canvas.put(x + width - 1, y, last, tone);

    let is_top = wall == Wall::Upper;
    let mark = one.mark.filter(|mark| is_top && mark.is_change());
    let mark = mark.map_or_else(String::new, |mark| format!("{} ", sign(mark)));
    let words = if is_top { &one.title } else { &one.foot };
    let joined = |count: usize| {
        let separator = if is_top { " · " } else { " " };
        format!(" {mark}{} ", words[..count].join(separator))
    };
    let fits = |count: &usize| joined(*count).width() <= width - 3;
    let tone = if is_top { MapTone::Title } else { MapTone::Line };
    match (1..=words.len()).rev().find(fits) {
        Some(count) => canvas.write(x + 2, y, width - 3, &joined(count), tone),
        None if is_top && !words.is_empty() => {
            let cut = crate::text::shortened(&joined(1), width - 3);
            canvas.write(x + 2, y, width - 3, &cut, tone)
        }
        None => 0,
    };
}

/// The walls at both sides of a row, of this box and of those around it.
fn draw_walls(column: Column, depth: usize, y: usize, canvas: &mut Canvas) {
    for level in 0..=depth {
        let (left, right) = (column.x + 2 * level, column.x + column.width - 1 - 2 * level);
        if left < right {
            canvas.put(left, y, '│', MapTone::Line);
            canvas.put(right, y, '│', MapTone::Line);
        }
    }
}

/// The mark and the text of a row; returns the column behind it.
fn draw_row(
    row: &MapRow,
    column: Column,
    depth: usize,
    y: usize,
    has_wire: bool,
    canvas: &mut Canvas,
) -> usize {
    let left = column.x + 2 * depth;
    put_sign(row, left + 1, y, canvas);

    // A wire needs some columns to be seen in.
    let room = inner_width(column, depth);
    let room = if has_wire { room.saturating_sub(4) } else { room };
    let mut x = left + 2;
    let until = x + room;
    x += canvas.write(x, y, room, &row.lead, MapTone::Line);
    let total: usize = row.text.iter().map(|piece| piece.text.width()).sum();
    let is_cut = x + total > until;
    let end = if is_cut { until.saturating_sub(1) } else { until };
    for piece in &row.text {
        x += canvas.write(x, y, end.saturating_sub(x), &piece.text, piece.tone);
    }
    if is_cut && room > 0 {
        canvas.put(x, y, '…', MapTone::Quiet);
        x += 1;
    }
    x + draw_names(&row.names, (x, y), until.saturating_sub(x), row, canvas)
}

/// As many names as fit, and the number of the others.
fn draw_names(
    names: &[String],
    (x, y): (usize, usize),
    room: usize,
    row: &MapRow,
    canvas: &mut Canvas,
) -> usize {
    let tone = MapTone::of_mark(row.mark);
    let mut taken = 0;
    for (place, name) in names.iter().enumerate() {
        let gap = if place == 0 && row.text.is_empty() { "" } else { "  " };
        let text = format!("{gap}{}", crate::text::safe(name));
        let left = names.len() - place;
        let more = format!("  +{left}");
        let reserved = if left > 1 { more.len() } else { 0 };
        if taken + text.width() + reserved > room {
            return taken + canvas.write(x + taken, y, room - taken, &more, tone);
        }
        taken += canvas.write(x + taken, y, room - taken, &text, tone);
    }
    taken
}
