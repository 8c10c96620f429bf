//! The verdict on an expectation.

use serde::{Deserialize, Serialize};

use super::Expect;
use crate::call::ErrnoName;
use crate::seen::Seen;
use crate::view::ViewKind;

/// The verdict on one expectation, and what was seen. `words` has a sentence for both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub ok: bool,
    pub expected: Expected,
    /// The state that the kernel shows: the row itself where there is one.
    pub seen: Seen,
    /// The pane to look at; none where only what was done tells.
    pub pane: Option<ViewKind>,
}

/// The statement that a verdict is on. A closed list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// The author's expectation of the kernel's state.
    State(Box<Expect>),
    /// The action, by its name in YAML, works.
    Works { action: String },
    /// It fails, with this errno.
    Fails { action: String, errno: ErrnoName },
}

impl From<&Expect> for Expected {
    fn from(expect: &Expect) -> Expected {
        Expected::State(Box::new(expect.clone()))
    }
}

impl Verdict {
    /// True if it does not hold, and nobody can say whether it would without others on the machine.
    pub fn is_unjudged(&self) -> bool {
        !self.ok && matches!(self.seen, Seen::Unjudged { .. })
    }

    /// True if it was judged, and does not hold.
    pub fn has_failed(&self) -> bool {
        !self.ok && !self.is_unjudged()
    }

    /// A verdict on what was done.
    pub fn on_action(ok: bool, expected: Expected, seen: Seen) -> Verdict {
        Verdict { ok, expected, seen, pane: None }
    }

    /// The verdict on an action that did not do what it should.
    pub fn failed_action(expected: Expected, seen: Seen) -> Verdict {
        Verdict { ok: false, expected, seen, pane: None }
    }
}
