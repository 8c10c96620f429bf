//! A what-if on the screen: it takes the place of the lesson until it is left.

use std::sync::Arc;

use super::live_lab::LiveLab;
use super::position::{BranchView, Position, SetAside};
use super::subject::Subject;
use super::{LessonView, Phase};
use crate::engine::TurnState;
use crate::lesson::model::Branch;
use crate::op::ActorName;
use crate::report::StepRecord;

impl LessonView {
    /// The what-if that has the screen, as it was played.
    pub fn branch_view(&self) -> Option<&BranchView> {
        match &self.position {
            Position::Branch(branch) => Some(branch),
            Position::Live(_) | Position::Recorded { .. } => None,
        }
    }

    /// The what-if that has the screen, as the lesson has it.
    pub fn branch(&self) -> Option<&Branch> {
        let branch = self.branch_view()?;
        self.lesson.steps.get(branch.step)?.branches.get(branch.index)
    }

    /// A what-if was played: it has the screen until it is left.
    pub fn show_branch(&mut self, index: usize, record: Arc<StepRecord>) {
        // One after the other: it is always the learner's own lab that waits.
        self.leave_branch();

        // Its lab numbers things anew: it has nothing in common with the one that waits.
        let lab = LiveLab::after_step(&record, Arc::default());
        let before = SetAside {
            lab: std::mem::replace(&mut self.live_lab, lab),
            step: self.position.live_step(),
            turn: self.learning.turn.take(),
        };

        self.position =
            Position::Branch(Box::new(BranchView { step: record.step, index, record, before }));
        self.lab.phase = Phase::Ready;

        let watch = self.branch().and_then(|branch| branch.watch.first().copied());
        let subject = self.branch().map(|branch| Subject::of_step(&branch.to_step()));
        self.story.scroll_to_top();
        self.panes.begin(watch, subject.unwrap_or_default());
        self.rebuild();
    }

    /// The turn in the learner's own lab, which may wait for a what-if.
    pub(in crate::app) fn own_turn(&self) -> Option<&TurnState> {
        match self.branch_view() {
            Some(branch) => branch.before.turn.as_ref(),
            None => self.learning.turn.as_ref(),
        }
    }

    /// The actors that the learner has made by typing, each with its PID as the lab's host counts.
    pub(in crate::app) fn own_actors(&self) -> Vec<(ActorName, u32)> {
        let lab = self.branch_view().map_or(&self.live_lab, |branch| &branch.before.lab);
        let typed = (0..self.lesson.steps.len()).filter(|step| {
            let turn = self.own_turn().filter(|turn| turn.is_of_step(*step));
            turn.is_some() || (*step < self.played_steps() && self.is_typed(*step))
        });
        let made = typed.flat_map(|step| &self.lesson.steps[step].actions).filter_map(|entry| {
            let actor = entry.action.made_actor()?;
            let pid = lab.now.living_process_of(actor)?.lab_pid()?;
            Some((actor.clone(), pid))
        });
        made.collect()
    }

    /// The lab that waited is the live one again.
    pub(in crate::app) fn leave_branch(&mut self) {
        let live = self.position.live_step();
        match std::mem::replace(&mut self.position, Position::Live(live)) {
            Position::Branch(branch) => {
                self.live_lab = branch.before.lab;
                self.learning.turn = branch.before.turn;
                self.lab.phase = Phase::Ready;
                self.begin_step(self.story_step());
            }
            other @ (Position::Live(_) | Position::Recorded { .. }) => self.position = other,
        }
    }
}
