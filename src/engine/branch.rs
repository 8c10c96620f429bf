//! **What-ifs**: a branch is played in a lab beside the learner's own, which is put aside and comes back as it was.

use std::sync::Arc;

use super::aside::Aside;
use super::lab::Lab;
use super::session::{Session, SessionError};
use crate::report::StepRecord;

impl Session {
    /// Play a branch of a step in another lab; the one that is up is put aside, with all that was typed in it.
    pub fn branch(&mut self, step: usize, branch: usize) -> Result<StepRecord, SessionError> {
        let lesson = Arc::clone(self.lesson());
        let found = lesson.steps.get(step).and_then(|step| step.branches.get(branch));
        let played = found.ok_or(SessionError::AtTheEnd)?.as_step();

        self.turn = None;
        self.end_branch()?;

        let keeper = self.keeper.as_mut().ok_or(SessionError::NoLab)?;
        let lab = Lab::make_beside(keeper, &self.plan, &self.waiting)?;
        let lab = self.lab.replace(lab).ok_or(SessionError::NoLab)?;
        self.aside = Some(Aside {
            lab,
            played: self.played,
            transcripts: std::mem::take(&mut self.transcripts),
        });

        self.replay_steps(step)?;
        self.play(&played)
    }

    /// Go back to the lab that was put aside. Nothing happens where none is.
    pub fn end_branch(&mut self) -> Result<(), SessionError> {
        if let Some(aside) = self.aside.take() {
            self.turn = None;
            // Its sockets keep the branch's network namespaces: let go of them first.
            self.lab = Some(aside.lab);
            self.played = aside.played;
            self.transcripts = aside.transcripts;
            self.keeper.as_mut().ok_or(SessionError::NoLab)?.drop_newest()?;
        }
        Ok(())
    }

    pub fn is_in_branch(&self) -> bool {
        self.aside.is_some()
    }
}
