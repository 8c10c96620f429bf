//! The drawing of calls that left no row: their signs, and lines of their own outside of boxes.

use unicode_width::UnicodeWidthStr;

use super::canvas::{Canvas, MapTone, sign};
use super::scene::{ActEnd, MapRow};

/// The mark of a row, or the end of the call that it tells of.
pub(super) fn put_sign(row: &MapRow, x: usize, y: usize, canvas: &mut Canvas) {
    match row.act {
        Some(end) => {
            let tone = row.text.first().map_or(MapTone::Act, |piece| piece.tone);
            canvas.put(x, y, act_sign(end), tone);
        }
        None => canvas.put(x, y, sign(row.mark), MapTone::of_mark(row.mark)),
    }
}

/// A call with a line of its own, outside of boxes.
pub(super) fn draw_act(row: &MapRow, y: usize, canvas: &mut Canvas) {
    put_sign(row, 0, y, canvas);
    let mut x = 1 + canvas.write(1, y, row.lead.width(), &row.lead, MapTone::Line);
    for piece in &row.text {
        let room = canvas.width().saturating_sub(x);
        x += canvas.write(x, y, room, &piece.text, piece.tone);
    }
}

/// The sign of a call that left no row.
pub fn act_sign(end: ActEnd) -> char {
    match end {
        ActEnd::Done => '▸',
        ActEnd::Answered => '✔',
        ActEnd::Refused => '⊘',
        ActEnd::Wanted => '?',
        ActEnd::More(_) => '+',
    }
}
