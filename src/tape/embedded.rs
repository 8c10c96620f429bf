//! The tapes inside the program: of every lesson one or two, made on machines with either version of control groups.

use include_dir::{Dir, include_dir};

use super::file::{self, TapeError};
use super::{Tape, TapeHeader};
use crate::doctor::Facts;

static TAPES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/tapes");

/// A tape of this lesson; where there are two, the one of a machine with the same control groups as this one.
pub fn embedded_tape(id: &str, facts: &Facts) -> Option<Result<Tape, TapeError>> {
    let mut found: Vec<(&[u8], TapeHeader)> =
        all_tapes().filter(|(_, header)| header.lesson == id).collect();
    let here = super::cgroup_words(facts.cgroups.layout);
    found.sort_by_key(|(_, header)| header.cgroups != here);
    found.first().map(|(bytes, _)| file::read(*bytes))
}

/// True if there is one.
pub fn has_tape(id: &str) -> bool {
    all_tapes().any(|(_, header)| header.lesson == id)
}

/// Every tape, unread but for its header.
pub fn all_tapes() -> impl Iterator<Item = (&'static [u8], TapeHeader)> {
    TAPES
        .files()
        .filter_map(|tape| Some((tape.contents(), file::read_header(tape.contents()).ok()?)))
}
