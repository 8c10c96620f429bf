//! The next beat, and what must happen for it: for the key that goes on, and for the speaker to read before.

use super::Talk;
use crate::app::Phase;
use crate::app::keymap::keys;
use crate::notice::Notice;
use crate::talk::beat::{self, Beat};

/// The effect of the key that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextAction {
    /// The beat's step runs; what came of it is shown then.
    RunStep,
    /// Its what-if is played, in a lab of its own.
    PlayBranch {
        step: usize,
        branch: usize,
    },
    /// The answer is shown.
    RevealAnswer,
    ShowBeat(Beat),
    /// The lesson has no more.
    End,
}

impl Talk {
    pub fn next_action(&self) -> NextAction {
        let (lesson, beat) = (&self.view.lesson, self.set.beat);
        if let (Beat::WhatIf { step, branch }, false) = (beat, self.set.revealed) {
            return NextAction::PlayBranch { step, branch };
        }

        let following = beat::beat_after(&self.beats(), beat);
        let must_run = beat.is_before_run(lesson) && beat.step() >= self.view.played_steps();
        let asks_first =
            following.is_some_and(|next| next.is_before_run(lesson) && next.step() == beat.step());
        if must_run && !asks_first {
            return NextAction::RunStep;
        }

        // A prediction can't be answered before the step has run.
        let has_answer =
            beat.question(lesson).is_some_and(|question| !question.is_prediction() || !must_run);
        if has_answer && !self.set.revealed {
            return NextAction::RevealAnswer;
        }

        following.map_or(NextAction::End, NextAction::ShowBeat)
    }

    /// The reason why nothing can be played now; None where something can.
    pub fn blocked_reason(&self) -> Option<Notice> {
        match self.view.lab.phase {
            Phase::Ready => None,
            Phase::Building => Some(Notice::LabBeingMade),
            Phase::Playing { .. } => Some(Notice::StepRuns),
            Phase::Failed { .. } => Some(Notice::LabFailed { rewind: keys::talk::REWIND.into() }),
        }
    }
}
