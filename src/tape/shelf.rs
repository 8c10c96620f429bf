//! The tapes inside the program: of every lesson one or two, made on machines with either version of control groups.

use include_dir::{Dir, include_dir};

use super::file::{self, TapeError};
use super::{Header, Tape};
use crate::doctor::Facts;

static TAPES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/tapes");

/// A tape of this lesson; where there are two, the one of a machine with the same control groups as this one.
pub fn of_lesson(id: &str, facts: &Facts) -> Option<Result<Tape, TapeError>> {
    let mut found: Vec<(&[u8], Header)> = all().filter(|(_, header)| header.lesson == id).collect();
    let here = super::cgroup_words(facts.cgroups.layout);
    found.sort_by_key(|(_, header)| header.cgroups != here);
    found.first().map(|(bytes, _)| file::read(*bytes))
}

/// True if there is one.
pub fn has(id: &str) -> bool {
    all().any(|(_, header)| header.lesson == id)
}

/// Every tape, unread but for its header.
pub fn all() -> impl Iterator<Item = (&'static [u8], Header)> {
    TAPES
        .files()
        .filter_map(|tape| Some((tape.contents(), file::read_header(tape.contents()).ok()?)))
}
