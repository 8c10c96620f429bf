//! A turn of the learner's that is on.

use std::sync::Arc;
use std::time::Instant;

use super::{Goal, TurnState};
use crate::lesson::model::Step;
use crate::snapshot::Snapshot;

/// A turn that is on.
#[derive(Debug)]
pub(super) struct Turn {
    pub goal: Goal,
    /// A step with nothing but what this turn is about.
    pub step: Step,
    pub started: Instant,
    /// The state as the learner found it.
    pub before: Arc<Snapshot>,
    /// The state as of the last judgement.
    pub latest: Snapshot,
    pub state: TurnState,
    pub judged: Instant,
    pub heard: usize,
}
