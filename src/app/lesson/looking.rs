//! Looking back at recorded steps, and from there forward to the live lab.

use std::sync::Arc;

use super::position::{LiveStep, Position};
use super::{LessonView, Phase};
use crate::lesson::model::{ActionEntry, Step};
use crate::op::ActorName;
use crate::report::{StepRecord, StepStatus};
use crate::words::shell_lines;

impl LessonView {
    pub fn has_records(&self) -> bool {
        !self.history.is_empty()
    }

    /// The record of a step, in whatever lab it was made.
    pub fn record(&self, step: usize) -> Option<&Arc<StepRecord>> {
        self.history.record(step)
    }

    /// The learner did the step by typing, when it was done last.
    pub(in crate::app) fn is_typed(&self, step: usize) -> bool {
        self.record(step).is_some_and(|record| record.status == StepStatus::Typed)
    }

    /// The learner did the step by typing what the lesson would. In a challenge anything may have been typed.
    pub(in crate::app) fn is_by_hand(&self, step: usize) -> bool {
        self.is_typed(step) && self.lesson.challenge.is_none()
    }

    /// The record of what was done last in the lab that is up.
    pub fn last_record(&self) -> Option<&Arc<StepRecord>> {
        self.record(self.played_steps().checked_sub(1)?)
    }

    /// The record of the step that is told of, once it has run.
    pub fn shown_record(&self) -> Option<&Arc<StepRecord>> {
        match &self.position {
            Position::Branch(branch) => Some(&branch.record),
            Position::Recorded { step, .. } => self.record(*step),
            Position::Live(LiveStep::Last) => self.last_record(),
            Position::Live(LiveStep::Next) => None,
        }
    }

    /// The step whose story is shown: the one looked back at, or the next to run (the last at the end).
    pub fn story_step(&self) -> usize {
        let live = match &self.position {
            Position::Branch(branch) => return branch.step,
            Position::Recorded { step, .. } => return *step,
            Position::Live(live) => *live,
        };
        // Only where it is live: a step that runs takes nobody away from what is looked back at.
        if let Phase::Playing { step } = self.lab.phase {
            return step;
        }

        let step = match live {
            LiveStep::Next => self.played_steps(),
            LiveStep::Last => self.played_steps().saturating_sub(1),
        };
        step.min(self.lesson.steps.len().saturating_sub(1))
    }

    pub fn step(&self) -> Option<&Step> {
        self.lesson.steps.get(self.story_step())
    }

    /// The actions of the step that is told of, or of the what-if.
    pub fn shown_actions(&self) -> &[ActionEntry] {
        match (self.branch(), self.step()) {
            (Some(branch), _) => &branch.actions,
            (None, Some(step)) => &step.actions,
            (None, None) => &[],
        }
    }

    /// The commands that do the same in a shell: beside whom, and what.
    pub fn shown_commands(&self) -> Vec<(ActorName, String)> {
        shell_lines::of_actions(self.shown_actions(), &self.lab_facts())
    }

    pub fn can_look_back(&self) -> bool {
        self.earlier().is_some()
    }

    fn earlier(&self) -> Option<usize> {
        match &self.position {
            Position::Live(_) => self.history.before(self.played_steps()),
            Position::Recorded { step, .. } => self.history.before(*step),
            // Its panes are of a lab of its own.
            Position::Branch(_) => None,
        }
    }

    pub fn look_back(&mut self) {
        if let Some(step) = self.earlier() {
            self.look_at(step);
        }
    }

    pub fn look_forward(&mut self) {
        let Position::Recorded { step, .. } = self.position else { return };
        match self.history.after(step, self.played_steps()) {
            Some(step) => self.look_at(step),
            None => self.back_to_live(),
        }
    }

    /// Look at a recorded step. A what-if is left first: until then nothing else is looked at.
    pub fn look_at(&mut self, step: usize) {
        if self.record(step).is_none() || self.is_in_branch() {
            return;
        }
        self.position = Position::Recorded { step, live: self.position.live_step() };
        self.begin_step(step);
        self.rebuild();
    }

    pub fn back_to_live(&mut self) {
        if let Position::Recorded { live, .. } = self.position {
            self.position = Position::Live(live);
        }
        self.begin_step(self.story_step());
        self.rebuild();
    }

    /// On from the step that ran last to the next one. What the last one changed is no change any more: a mark beside
    /// the next command would be taken for that command's.
    pub fn show_next_step(&mut self) {
        self.position.set_live_step(LiveStep::Next);
        self.live_lab.compare_from_now();
        self.begin_step(self.story_step());
        self.rebuild();
    }
}
