//! **Your turn**: the learner does a step by typing; its expectations come true, and untrue again, as the kernel's
//! state does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::evidence::Evidence;
use super::session::{Session, SessionError};
use super::turn::Turn;
use super::{Goal, TurnState, newborn};
use crate::action::Action;
use crate::action::spawn::Spawn;
use crate::diff::Diff;
use crate::engine::link_error::LinkError;
use crate::lesson::model::ActionEntry;
use crate::op::ActorName;
use crate::report::{LazyDiff, StepRecord, StepStatus};
use crate::snapshot::Snapshot;

/// The period in which a turn is judged when nothing seems to have changed: files and addresses are in no snapshot.
const JUDGE_EVERY: Duration = Duration::from_millis(500);

impl Session {
    /// Begin the next step as the learner's; one that breaks something breaks it now. A turn that is on already goes
    /// on as it is: nothing is broken twice.
    pub fn begin_turn(&mut self, goal: Goal) -> Result<TurnState, SessionError> {
        let lesson = Arc::clone(self.lesson());
        let index = match goal {
            Goal::Step => self.played(),
            Goal::Question { step, .. } => step,
        };
        if let Some(turn) = self.turn().filter(|turn| turn.goal == goal && turn.state.step == index)
        {
            return Ok(turn.state.clone());
        }

        let mut step = lesson.steps.get(index).ok_or(SessionError::AtTheEnd)?.clone();
        match goal {
            Goal::Step if !step.breaks.is_empty() => {
                let broken = std::mem::take(&mut step.breaks);
                self.act_on(&step.id, &broken)?;
            }
            Goal::Step => {}
            Goal::Question { index, .. } => {
                step.expect =
                    step.quiz.get(index).map_or(Vec::new(), |question| question.task().to_vec());
                step.actions.clear();
            }
        }

        step.expect = step.goals().into_iter().map(|place| step.expect[place].clone()).collect();
        self.transcripts().iter().for_each(|transcript| transcript.forget());
        self.draw(&step.charts)?;

        let lab = self.lab()?;
        lab.look_at(&step.look);
        let before = Arc::new(lab.snapshot());
        let (latest, verdicts) =
            self.judge(&step, &Evidence { before: &before, outputs: &[], ops: &[] })?;

        let state = TurnState {
            step: index,
            goal,
            earned: verdicts.iter().map(|verdict| verdict.ok).collect(),
            verdicts,
        };
        let now = Instant::now();
        let turn = Turn {
            goal,
            step,
            started: now,
            before,
            latest,
            state: state.clone(),
            judged: now,
            heard: 0,
        };
        self.set_turn(Some(turn));
        Ok(state)
    }

    pub fn end_turn(&mut self) {
        self.set_turn(None);
    }

    pub fn is_turn(&self) -> bool {
        self.turn().is_some()
    }

    /// Look whether the learner got on; returns what changed.
    pub fn judge_turn(
        &mut self,
        stirred: bool,
    ) -> Result<Option<(TurnState, Snapshot)>, SessionError> {
        let heard: usize = self.transcripts().iter().map(|transcript| transcript.size()).sum();
        let Some(turn) = self.turn() else { return Ok(None) };
        if !stirred && heard == turn.heard && turn.judged.elapsed() < JUDGE_EVERY {
            return Ok(None);
        }

        // Taken out for as long as it is judged: judging needs the whole session.
        let Some(mut turn) = self.set_turn(None) else { return Ok(None) };
        let judged = self.judge_anew(&mut turn, heard);
        self.set_turn(Some(turn));
        judged
    }

    fn judge_anew(
        &mut self,
        turn: &mut Turn,
        heard: usize,
    ) -> Result<Option<(TurnState, Snapshot)>, SessionError> {
        // First, so that the snapshot that is judged shows them as actors.
        self.adopt_newborns(&turn.step.actions, &turn.before, &turn.latest)?;

        let lines: Vec<String> =
            self.transcripts().iter().map(|transcript| transcript.lines()).collect();
        let outputs: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (snapshot, verdicts) = self
            .judge(&turn.step, &Evidence { before: &turn.before, outputs: &outputs, ops: &[] })?;

        turn.judged = Instant::now();
        turn.heard = heard;
        let earned = turn
            .state
            .earned
            .iter()
            .zip(&verdicts)
            .map(|(earned, verdict)| *earned || verdict.ok)
            .collect();
        let state = TurnState { verdicts, earned, ..turn.state.clone() };
        let changed = state != turn.state;
        let moved = !Diff::between(&turn.latest, &snapshot).is_calm();
        turn.state = state;
        turn.latest = snapshot.clone();

        Ok((changed || moved).then(|| (turn.state.clone(), snapshot)))
    }

    /// The learner's step is done: record it. None while something does not hold.
    pub fn finish_turn(&mut self) -> Result<Option<StepRecord>, SessionError> {
        self.judge_turn(true)?;
        let Some(turn) = self.turn() else { return Ok(None) };
        if turn.goal != Goal::Step || !turn.state.holds() {
            return Ok(None);
        }

        let Some(turn) = self.set_turn(None) else { return Ok(None) };
        let record = StepRecord {
            step: turn.state.step,
            status: StepStatus::Typed,
            ops: Vec::new(),
            diff: LazyDiff::default(),
            before: turn.before,
            after: Arc::new(turn.latest),
            verdicts: turn.state.verdicts,
            predicted: Vec::new(),
            charts: Vec::new(),
            nanos: turn.started.elapsed().as_nanos() as u64,
        };

        self.count_step();
        Ok(Some(record))
    }

    /// Play the step after all. What the learner did meanwhile is in the way: then a fresh lab is made first.
    pub fn show(&mut self) -> Result<StepRecord, SessionError> {
        let touched = match self.set_turn(None) {
            Some(turn) => {
                let now = self.lab()?.snapshot();
                !Diff::between(&turn.before, &now).is_calm() || !turn.step.breaks.is_empty()
            }
            None => false,
        };

        let is_repair =
            self.lesson().steps.get(self.played()).is_some_and(|step| !step.breaks.is_empty());
        if touched || is_repair {
            self.rewind_to(self.played())?;
        }

        self.play_next()
    }

    /// Take in the processes that were made as a step's `spawn` would have made them: each becomes that actor.
    fn adopt_newborns(
        &mut self,
        actions: &[ActionEntry],
        known: &Snapshot,
        earlier: &Snapshot,
    ) -> Result<(), SessionError> {
        let spawns: Vec<(&ActorName, &Spawn)> = actions
            .iter()
            .filter_map(|entry| match &entry.action {
                Action::Spawn(spawn) => Some((&entry.actor, spawn)),
                _ => None,
            })
            .collect();
        if spawns.is_empty() {
            return Ok(());
        }

        let lab = self.lab()?;
        for (parent, spawn) in spawns {
            let now = lab.snapshot();
            let found = newborn::find(spawn, parent, known, earlier, &now);
            if let Some(pid) = found.filter(|pid| lab.pid_of(&spawn.actor) != Some(*pid)) {
                match lab.adopt(&spawn.actor, pid) {
                    // It has ended meanwhile, or the host is held up: the next judgement finds it again.
                    Ok(_)
                    | Err(
                        LinkError::Gone { .. } | LinkError::Silent { .. } | LinkError::Lost { .. },
                    ) => {}
                    Err(other) => return Err(other.into()),
                }
            }
        }
        Ok(())
    }
}
