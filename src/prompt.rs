//! Prompts: questions with two answers, yes and no, as values. `words::prompt` asks them.

use crate::op::ActorName;

/// A question to the person at the screen. A closed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// The learner was here before, and can go on from there: nothing is lost by that.
    GoOn {
        reached: usize,
        of: usize,
    },
    /// Back to before the step of this title.
    Rewind {
        title: String,
        replayed: usize,
        loss: Loss,
    },
    Restart {
        loss: Loss,
    },
    /// The step of this title from its beginning.
    StepAgain {
        title: String,
        loss: Loss,
    },
    /// To a step, counted from 1, in another lab.
    GoToStep {
        step: usize,
        loss: Loss,
    },
    /// The step is played after all, since not all of the learner's goals hold.
    ShowStep {
        open: usize,
        of: usize,
        loss: Loss,
    },
    EndTurn {
        done: usize,
        of: usize,
    },
    LeaveWhatIf {
        loss: Loss,
    },
    LeaveLesson {
        loss: Loss,
    },
    /// All steps are done, and shells are open still.
    FinishLesson {
        loss: Loss,
    },
    /// A check of lessons ends before all was asked.
    LeaveCheck {
        left: usize,
    },

    /// A talk goes back to before this step, counted from 1.
    RewindTalk {
        step: usize,
    },
    /// A talk plays all steps before this one, counted from 1.
    PlayUpTo {
        step: usize,
    },
    /// The windows of others that it closes.
    EndTalk {
        windows: usize,
    },
}

impl Prompt {
    /// Something is gone by a yes. Then no key that is pressed without reading may mean yes.
    pub fn is_about_loss(&self) -> bool {
        match self {
            Prompt::GoOn { .. } => false,
            Prompt::Rewind { loss, .. }
            | Prompt::Restart { loss }
            | Prompt::StepAgain { loss, .. }
            | Prompt::FinishLesson { loss }
            | Prompt::GoToStep { loss, .. }
            | Prompt::ShowStep { loss, .. }
            | Prompt::LeaveWhatIf { loss }
            | Prompt::LeaveLesson { loss } => !loss.is_tape,
            Prompt::EndTurn { .. }
            | Prompt::LeaveCheck { .. }
            | Prompt::RewindTalk { .. }
            | Prompt::PlayUpTo { .. }
            | Prompt::EndTalk { .. } => true,
        }
    }
}

/// The lab that goes, or both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LostLab {
    #[default]
    Own,
    /// That of a what-if; the learner's own stays.
    WhatIf,
    /// That of a what-if, and the learner's own, which waits.
    Both,
}

/// The things that go with a lab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loss {
    /// The processes that the learner made by typing and the lesson goes on with, each with its PID as the lab's host
    /// counts.
    pub own_actors: Vec<(ActorName, u32)>,
    /// Shells that are open.
    pub shells: usize,
    /// The actors beside whom something was typed.
    pub typed_beside: Vec<ActorName>,
    /// The goals of the learner's turn that hold, and how many there are.
    pub turn: Option<(usize, usize)>,
    /// It is a tape, which holds nothing of the learner's.
    pub is_tape: bool,
    pub lab: LostLab,
}
