//! The drawing of overlays: a row of names, a row for each layer, and between them the lines of look-ups.

use unicode_width::UnicodeWidthStr;

use super::canvas::{Canvas, MapTone, sign};
use super::scene::{ActEnd, LayerAccess, LayerStack, MapRow, Plate, PlateCell, PlateColumn};
use crate::text::{safe, shortened};

/// Columns between two names.
const GAP: usize = 2;
/// Columns that a name may take.
const LONGEST_NAME: usize = 24;
/// The least that is drawn of a stack: its title, names, and one layer.
pub(super) const LEAST: usize = 3;

const LEGEND: &str = "■ answers  ◧ directory, merged  □ hidden  ✕ deleted  ◉ opaque  ▲ copied up";

/// The rows that a stack takes where there is room: title, names, and two for each layer.
pub(super) fn wanted(stack: &LayerStack) -> usize {
    2 + 2 * stack.plates.len() + stack.acts.len()
}

/// The rows below all stacks that say what the signs mean.
pub(super) fn draw_legend(y: usize, canvas: &mut Canvas) {
    canvas.write(1, y, canvas.width().saturating_sub(1), LEGEND, MapTone::Quiet);
}

/// A name with the place of its line.
struct Placed<'a> {
    column: &'a PlateColumn,
    name: String,
    x: usize,
    line: usize,
}

/// A stack in so many rows from `top` on.
pub(super) fn draw(stack: &LayerStack, top: usize, height: usize, canvas: &mut Canvas) {
    let width = canvas.width();
    if height == 0 || width < 4 {
        return;
    }
    let acts = shown_acts(&stack.acts, height.saturating_sub(2 + stack.plates.len()));
    let unseen = if acts.is_empty() { calls(&stack.acts) } else { 0 };
    draw_title(stack, unseen, top, canvas);

    let labels = stack.plates.iter().map(|plate| safe(&plate.name).width()).max().unwrap_or(0);
    // A sign, a blank, the name, what may be done with it.
    let from = (labels.min(width / 4) + 10).min(width);
    let (placed, more) = place(stack, from, width);
    draw_names(&placed, from, top + 1, &more, canvas);

    for (row, y) in acts.iter().zip(top + height - acts.len()..) {
        super::act_rows::draw_act(row, y, canvas);
    }
    let room = height.saturating_sub(2 + acts.len());
    let has_lines = room >= 2 * stack.plates.len();
    let fitting = if has_lines || room >= stack.plates.len() {
        stack.plates.len()
    } else {
        room.saturating_sub(1)
    };
    let mut y = top + 2;
    for (index, plate) in stack.plates.iter().take(fitting).enumerate() {
        if has_lines {
            draw_lines(&placed, index, y, canvas);
            y += 1;
        }
        draw_plate(plate, index, (from, y), &placed, canvas);
        y += 1;
    }
    let left_out = stack.plates.len() - fitting;
    if left_out > 0 && room > 0 {
        let text = format!("… more layers below: {left_out}");
        canvas.write(1, y, width.saturating_sub(1), &text, MapTone::Quiet);
    }
}

/// The rows of calls in so many lines: those that do not fit are counted in the last.
fn shown_acts(acts: &[MapRow], lines: usize) -> Vec<MapRow> {
    if acts.len() <= lines {
        return acts.to_vec();
    }
    let Some(whole) = lines.checked_sub(1) else { return Vec::new() };
    let more = MapRow::more_acts(calls(&acts[whole..]));
    acts[..whole].iter().cloned().chain([more]).collect()
}

/// The number of calls that rows stand for.
fn calls(acts: &[MapRow]) -> usize {
    let calls = acts.iter().map(|row| match row.act {
        Some(ActEnd::More(calls)) => calls,
        Some(ActEnd::Done | ActEnd::Answered | ActEnd::Refused | ActEnd::Wanted) => 1,
        None => 0,
    });
    calls.sum()
}

/// The places that the stack is seen at; at the end of the line so many calls as have no line of their own.
fn draw_title(stack: &LayerStack, unseen: usize, y: usize, canvas: &mut Canvas) {
    let more = match unseen {
        0 => String::new(),
        1 => "  + 1 call".to_owned(),
        calls => format!("  + {calls} calls"),
    };
    let room = canvas.width().saturating_sub(2 + more.width());
    canvas.write(
        canvas.width().saturating_sub(more.width()),
        y,
        more.width(),
        &more,
        MapTone::Quiet,
    );
    let mark = stack.mark.unwrap_or(crate::diff::ChangeKind::Same);
    canvas.put(0, y, sign(mark), MapTone::of_mark(mark));
    let joined = |count: usize| stack.title[..count].join(" · ");
    let fits = |count: &usize| joined(*count).width() <= room;
    let count = (1..=stack.title.len()).rev().find(fits).unwrap_or(1.min(stack.title.len()));
    canvas.write(1, y, room, &shortened(&safe(&joined(count)), room), MapTone::Title);
}

/// As many columns as fit side by side, and words for the others. Where whole paths have no room for all that changed, files
/// are called by their last part.
fn place(stack: &LayerStack, from: usize, width: usize) -> (Vec<Placed<'_>>, String) {
    let changed = |placed: &[Placed<'_>]| placed.iter().map(|it| it.column.changed).sum::<usize>();
    let whole = place_named(stack, from, width, str::to_owned);
    if changed(&whole.0) == stack.columns.iter().map(|column| column.changed).sum::<usize>() {
        return whole;
    }
    let last_parts = place_named(stack, from, width, |path| {
        let end = path.trim_end_matches('/').rfind('/').map_or(0, |slash| slash + 1);
        path[end..].to_owned()
    });
    if changed(&last_parts.0) > changed(&whole.0) { last_parts } else { whole }
}

fn place_named(
    stack: &LayerStack,
    from: usize,
    width: usize,
    name: impl Fn(&str) -> String,
) -> (Vec<Placed<'_>>, String) {
    let mut placed = Vec::new();
    let mut x = from;
    for (index, column) in stack.columns.iter().enumerate() {
        let name = shortened(&safe(&name(&column.name)), LONGEST_NAME);
        let columns = name.width().max(1);
        let rest = &stack.columns[index + 1..];
        let reserved = if rest.is_empty() { 0 } else { more(rest).width() + GAP };
        // The mark stands before the name.
        if x + 1 + columns + reserved > width {
            return (placed, more(&stack.columns[index..]));
        }
        placed.push(Placed { column, name, x, line: x + 1 + columns / 2 });
        x += 1 + columns + GAP;
    }
    (placed, String::new())
}

/// `+22 ~1`: names that have no room, and how many rows of them changed.
fn more(columns: &[PlateColumn]) -> String {
    let changed: usize = columns.iter().map(|column| column.changed).sum();
    match changed {
        0 => format!("+{}", columns.len()),
        _ => format!("+{} ~{changed}", columns.len()),
    }
}

fn draw_names(placed: &[Placed<'_>], from: usize, y: usize, more: &str, canvas: &mut Canvas) {
    let mut x = from;
    for one in placed {
        let (mark, tone) = (one.column.mark, MapTone::of_mark(one.column.mark));
        canvas.put(one.x, y, sign(mark), tone);
        x = one.x + 1 + canvas.write(one.x + 1, y, LONGEST_NAME, &one.name, tone) + GAP;
    }
    canvas.write(x, y, canvas.width().saturating_sub(x), more, MapTone::Quiet);
}

/// The lines above a plate: what comes down to it, and what was copied past it.
fn draw_lines(placed: &[Placed<'_>], plate: usize, y: usize, canvas: &mut Canvas) {
    for one in placed {
        if is_copied_past(one.column, plate, Border::Above) {
            canvas.put(one.line, y, '▲', MapTone::of_mark(one.column.mark));
        } else if one.column.cells.get(plate).is_some_and(|_| is_asked(one.column, plate)) {
            canvas.put(one.line, y, '│', line_tone(one.column));
        }
    }
}

fn line_tone(column: &PlateColumn) -> MapTone {
    if column.mark.is_change() { MapTone::of_mark(column.mark) } else { MapTone::Line }
}

/// The look-up comes down to this plate.
pub fn is_asked(column: &PlateColumn, plate: usize) -> bool {
    let goes_on = |cell: &PlateCell| matches!(cell, PlateCell::Passed | PlateCell::Merged);
    let reaches = column.cells.iter().take(plate).all(goes_on);
    // Below the last of merged directories it found nothing, and is not drawn.
    let finds = |cell: &PlateCell| !matches!(cell, PlateCell::Passed | PlateCell::Empty);
    reaches && column.cells.iter().skip(plate).any(finds)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Border {
    Above,
    Through,
}

/// A copy went up past this plate, or the border above it.
fn is_copied_past(column: &PlateColumn, plate: usize, border: Border) -> bool {
    column.copied_from.is_some_and(|from| match border {
        Border::Above => plate > 0 && plate <= from,
        Border::Through => plate > 0 && plate < from,
    })
}

fn draw_plate(
    plate: &Plate,
    index: usize,
    (from, y): (usize, usize),
    placed: &[Placed<'_>],
    canvas: &mut Canvas,
) {
    let (glyph, line, word) = match plate.access {
        LayerAccess::Write => ('▞', '╌', "write"),
        LayerAccess::Read => ('▒', '─', "read"),
    };
    let width = canvas.width();
    canvas.put(1, y, glyph, MapTone::Line);
    let room = from.saturating_sub(10);
    canvas.write(3, y, room, &shortened(&safe(&plate.name), room), MapTone::Title);
    canvas.write(from.saturating_sub(6), y, 5, word, MapTone::Quiet);
    for x in from..width {
        canvas.put(x, y, line, MapTone::Line);
    }

    for one in placed {
        let column = one.column;
        let Some(cell) = column.cells.get(index) else { continue };
        let is_copied = is_copied_past(column, index, Border::Through);
        let letter = match cell {
            PlateCell::Passed | PlateCell::Empty if is_copied => '▲',
            PlateCell::Passed if is_asked(column, index) => '┼',
            PlateCell::Passed | PlateCell::Empty => continue,
            PlateCell::Answers => '■',
            PlateCell::Merged => '◧',
            PlateCell::Hidden => '□',
            PlateCell::Whiteout => '✕',
            PlateCell::Opaque => '◉',
        };
        let tone = match cell {
            PlateCell::Passed | PlateCell::Empty => line_tone(column),
            PlateCell::Hidden => MapTone::Quiet,
            PlateCell::Answers | PlateCell::Merged | PlateCell::Whiteout | PlateCell::Opaque => {
                if column.mark.is_change() {
                    MapTone::of_mark(column.mark)
                } else {
                    MapTone::Plain
                }
            }
        };
        canvas.put(one.line, y, letter, tone);
    }

    let last = placed.last().map_or(from, |one| one.line + 2);
    if !plate.shared_with.is_empty() {
        let text = format!(" also of {} ", plate.shared_with.join(", "));
        let room = width.saturating_sub(last + 1);
        if safe(&text).width() <= room {
            canvas.write(width - safe(&text).width(), y, room, &text, MapTone::Quiet);
        }
    }
}
