//! The scene that the lesson screen shows, and what may be done then: the one place where the lab's state, the learner's
//! place and the learner's part in the step come together.

use super::position::{LiveStep, Position};
use super::{LessonView, Phase};
use crate::app::shells::ShellFocus;

/// The situation that the screen shows: it decides what the key that goes on does, and what all texts say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LessonScene {
    /// A what-if that was played, until it is left; even if its lab fails meanwhile.
    Branch,
    /// The learner does the next step by typing, and may look back meanwhile.
    YourTurn,
    /// The lab is being made, runs a step, or has failed: see `Phase`.
    Busy,
    /// A recorded step, looked back at.
    LookingBack,
    /// A step that is to break something for the learner to mend.
    NextRepair,
    /// The step that can be run next.
    NextStep,
    /// The step that ran last, with what came of it; there is another one.
    LastStep,
    /// All steps were played.
    Finished,
}

impl LessonScene {
    /// The lab is there as it is, and waits for the learner.
    pub fn is_live(self) -> bool {
        match self {
            LessonScene::NextRepair
            | LessonScene::NextStep
            | LessonScene::LastStep
            | LessonScene::Finished => true,
            LessonScene::Branch
            | LessonScene::YourTurn
            | LessonScene::Busy
            | LessonScene::LookingBack => false,
        }
    }
}

/// The parts of the screen that are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LessonLayout {
    /// The question above, panes below it, and the shell below them if one is open.
    Question { with_shell: bool },
    /// The shell alone.
    Shell,
    /// The focused pane alone.
    Pane,
    /// Story and panes around the shell.
    StepWithShell,
    /// Story, action and panes.
    Step,
}

impl LessonView {
    pub fn scene(&self) -> LessonScene {
        let is_over = self.played_steps() >= self.lesson.steps.len();

        // The first that fits counts: a turn goes on while the learner looks back.
        match &self.position {
            Position::Branch(_) => LessonScene::Branch,
            _ if self.learning.is_step_turn() => LessonScene::YourTurn,
            _ if !self.lab.is_ready() => LessonScene::Busy,
            Position::Recorded { .. } => LessonScene::LookingBack,
            Position::Live(_) if is_over => LessonScene::Finished,
            Position::Live(LiveStep::Last) => LessonScene::LastStep,
            Position::Live(LiveStep::Next) if self.is_repair() => LessonScene::NextRepair,
            Position::Live(LiveStep::Next) => LessonScene::NextStep,
        }
    }

    pub fn layout(&self) -> LessonLayout {
        let with_shell = self.shells.is_shown();

        match (self.panes.is_zoomed, with_shell) {
            (false, _) if self.quiz.is_some() => LessonLayout::Question { with_shell },
            (true, true) if self.shells.focus != ShellFocus::Shown => LessonLayout::Shell,
            (true, _) => LessonLayout::Pane,
            (false, true) => LessonLayout::StepWithShell,
            (false, false) => LessonLayout::Step,
        }
    }

    /// The panes show the lab that is up, and not a record.
    pub fn is_live(&self) -> bool {
        match self.position {
            Position::Live(_) | Position::Branch(_) => true,
            Position::Recorded { .. } => false,
        }
    }

    /// A what-if has the screen.
    pub fn is_in_branch(&self) -> bool {
        self.branch_view().is_some()
    }

    /// The next step can be run: its lab is up, and it is what the screen shows.
    pub fn can_run(&self) -> bool {
        match self.scene() {
            LessonScene::NextStep | LessonScene::NextRepair => true,
            // Nobody but the learner does it, who may end the turn.
            LessonScene::YourTurn => self.lab.is_ready() && self.is_live(),
            LessonScene::Branch
            | LessonScene::Busy
            | LessonScene::LookingBack
            | LessonScene::LastStep
            | LessonScene::Finished => false,
        }
    }

    /// The step in sight can be begun again in a new lab: whatever became of it, and wherever the learner looks.
    pub fn can_begin_step_again(&self) -> bool {
        match self.lab.phase {
            Phase::Building | Phase::Playing { .. } => false,
            Phase::Ready | Phase::Failed { .. } => {
                let is_there = !self.lesson.steps.is_empty();
                is_there && !self.quiz.as_ref().is_some_and(|quiz| quiz.is_exam())
            }
        }
    }

    /// The step that ran last is on the screen; the next one waits.
    pub fn can_go_on(&self) -> bool {
        self.scene() == LessonScene::LastStep
    }

    /// What-ifs, and leaving steps out: wherever the learner looks, but in a what-if.
    pub fn can_change_course(&self) -> bool {
        self.lab.is_ready() && !self.is_in_branch()
    }

    /// The next step is one where something is broken for the learner to mend. A tape just plays.
    pub fn is_repair(&self) -> bool {
        self.tape.is_none() && self.next_step().is_some_and(|step| !step.breaks.is_empty())
    }

    /// There is something in the next step to bring about by typing.
    pub(in crate::app) fn has_goals(&self) -> bool {
        self.next_step().is_some_and(|step| !step.typed_goals().is_empty())
    }
}
