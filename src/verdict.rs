//! The verdict on an expectation.

use serde::{Deserialize, Serialize};

use crate::view::ViewKind;

/// The verdict on one expectation, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub ok: bool,
    /// The expectation as a sentence: `container is pid 1 in its own pid namespace`.
    pub expected: String,
    /// The state that the kernel shows: the row itself where there is one.
    pub seen: String,
    /// The pane to look at; none where only what was done tells.
    pub pane: Option<ViewKind>,
}

impl Verdict {
    pub fn new(ok: bool, expected: impl Into<String>, seen: impl Into<String>) -> Verdict {
        Verdict { ok, expected: expected.into(), seen: seen.into(), pane: None }
    }

    pub fn held(expected: impl Into<String>, seen: impl Into<String>) -> Verdict {
        Verdict::new(true, expected, seen)
    }

    pub fn failed(expected: impl Into<String>, seen: impl Into<String>) -> Verdict {
        Verdict::new(false, expected, seen)
    }
}
