//! The state of each step of a lesson: how it was done in the lab that is up, and how that went.

use super::LessonView;
use crate::report::StepStatus;

/// The state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepMark {
    Open,
    /// The learner did it.
    ByHand,
    /// It was played before the learner's eyes.
    Shown,
    /// It was only replayed, on the way to another.
    Replayed,
    /// Something that it should have brought about does not hold.
    Failed,
    LeftOut,
    /// The machine can't do it.
    NotPossible,
}

impl StepMark {
    /// The mark in a list of steps.
    pub const fn sign(self) -> char {
        match self {
            StepMark::Open => ' ',
            StepMark::ByHand => '*',
            StepMark::Shown => '+',
            StepMark::Replayed => '.',
            StepMark::Failed => '!',
            StepMark::LeftOut => 'x',
            StepMark::NotPossible => '-',
        }
    }
}

impl LessonView {
    pub fn step_mark(&self, step: usize) -> StepMark {
        if self.is_left_out(step) {
            return StepMark::LeftOut;
        }
        if step >= self.played_steps() {
            return StepMark::Open;
        }
        let Some(record) = self.record(step) else { return StepMark::Replayed };
        match record.status {
            StepStatus::Skipped { .. } => StepMark::NotPossible,
            StepStatus::LeftOut => StepMark::LeftOut,
            StepStatus::Played | StepStatus::Typed if record.failures() > 0 => StepMark::Failed,
            StepStatus::Typed => StepMark::ByHand,
            StepStatus::Played => StepMark::Shown,
        }
    }

    /// Steps that the learner did in the lab that is up.
    pub fn steps_by_hand(&self) -> usize {
        let steps = 0..self.lesson.steps.len();
        steps.filter(|step| self.step_mark(*step) == StepMark::ByHand).count()
    }
}
