//! The place in a lesson that the screen shows: live, a step looked back at, or a what-if.

use std::sync::Arc;

use super::live_lab::LiveLab;
use crate::engine::TurnState;
use crate::report::StepRecord;

/// The place that the screen shows.
#[derive(Debug)]
pub enum Position {
    Live(LiveStep),
    /// A recorded step, looked back at; and what is live meanwhile.
    Recorded {
        step: usize,
        live: LiveStep,
    },
    /// A what-if that was played: it has the screen until it is left.
    Branch(Box<BranchView>),
}

/// The step that is told of while the lab is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveStep {
    /// The one that can be run next.
    Next,
    /// The one that ran last, with what came of it.
    Last,
}

/// A what-if that is on the screen, and what was on it before.
#[derive(Debug)]
pub struct BranchView {
    pub step: usize,
    pub index: usize,
    pub record: Arc<StepRecord>,
    pub(super) before: SetAside,
}

/// The view of the lab that waits while a what-if is shown.
#[derive(Debug)]
pub(super) struct SetAside {
    pub lab: LiveLab,
    pub step: LiveStep,
    /// The turn that goes on in it.
    pub turn: Option<TurnState>,
}

impl Position {
    /// The step that is live, or was when it was left.
    pub fn live_step(&self) -> LiveStep {
        match self {
            Position::Live(live) | Position::Recorded { live, .. } => *live,
            Position::Branch(branch) => branch.before.step,
        }
    }

    /// Change what is live, wherever the learner looks. A what-if goes back to what it came from.
    pub fn set_live_step(&mut self, step: LiveStep) {
        match self {
            Position::Live(live) | Position::Recorded { live, .. } => *live = step,
            Position::Branch(_) => {}
        }
    }
}
