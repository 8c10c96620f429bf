//! A lab, and how far the lesson has come in it.

use std::sync::Arc;
use std::time::Instant;

use super::acts::{self, ActionsOutcome};
use super::evidence::StepEvidence;
use super::lab::{Lab, LabError};
use super::replay::ReplayedAction;
use super::sampler::Sampler;
use super::transcript::{Transcript, Transcripts};
use super::turn::{Judging, Turn, only_goals};
use super::{ShellTerminal, TurnGoal, TurnState};
use crate::keeper::handle::KeeperHandle;
use crate::kernel::pty::TerminalSize;
use crate::lesson::model::Step;
use crate::op::ActorName;
use crate::report::{LazyDiff, StepRecord, StepStatus};
use crate::snapshot::Snapshot;
use crate::view::Chart;

/// All that goes with a lab. While a branch is looked at there are two.
#[derive(Debug)]
pub(super) struct Playthrough {
    pub lab: Lab,
    /// Steps of the lesson that are done in it.
    pub played: usize,
    pub turn: Option<Turn>,
    /// The output of the lab's shells.
    transcripts: Transcripts,
    sampler: Option<Sampler>,
}

impl Playthrough {
    /// No step is done in this lab yet.
    pub fn new(lab: Lab) -> Playthrough {
        Playthrough { lab, played: 0, turn: None, transcripts: Vec::new(), sampler: None }
    }

    /// Stop what goes on in it by itself, while another one is looked at. A turn waits, and is judged again after that.
    pub fn rest(&mut self) {
        self.sampler = None;
    }

    /// Break what the step breaks, perform its actions, and look.
    pub fn play(&mut self, step: &Step, keeper: &mut KeeperHandle) -> Result<StepRecord, LabError> {
        let started = Instant::now();
        self.draw(&step.charts);
        let lab = &mut self.lab;
        lab.set_watched_directories(&step.look);

        // A repair mends what is broken: it is compared with the broken state, as a learner's is.
        let mut acts = ActionsOutcome::perform(lab, keeper, &step.id, &step.breaks, &[])?;
        let before = lab.snapshot();
        acts.join(ActionsOutcome::perform(lab, keeper, &step.id, &step.actions, &step.expect)?);
        let ActionsOutcome { records: ops, mut verdicts, is_cut_short } = acts;

        let outputs: Vec<&str> = ops.iter().map(|record| record.outcome.message()).collect();
        let evidence = StepEvidence { before: &before, outputs: &outputs, ops: &ops };
        // Of what nobody has done, nothing comes true by waiting.
        let (after, judged) =
            if is_cut_short { lab.judge(step, &evidence)? } else { lab.settle(step, &evidence)? };
        verdicts.extend(judged);

        let predicted = lab.predicted(step, &after, &evidence)?;
        Ok(StepRecord {
            step: self.played,
            status: StepStatus::Played,
            ops,
            diff: LazyDiff::default(),
            before: Arc::new(before),
            after: Arc::new(after),
            verdicts,
            predicted,
            charts: self.sampler.as_ref().map(Sampler::readings).unwrap_or_default(),
            nanos: started.elapsed().as_nanos() as u64,
        })
    }

    /// The record of the next step, which is not played because of `status`: judged if it is only left out, since what
    /// it would have done may be there.
    pub fn pass_over(&mut self, step: &Step, status: StepStatus) -> Result<StepRecord, LabError> {
        let before = Arc::new(self.lab.snapshot());
        let (after, verdicts) = match &status {
            StepStatus::LeftOut => {
                let evidence = StepEvidence { before: &before, outputs: &[], ops: &[] };
                let (after, verdicts) = self.lab.judge(step, &evidence)?;
                (Arc::new(after), verdicts)
            }
            StepStatus::Skipped { .. } | StepStatus::Played | StepStatus::Typed => {
                (Arc::clone(&before), Vec::new())
            }
        };

        Ok(StepRecord {
            step: self.played,
            status,
            ops: Vec::new(),
            diff: LazyDiff::default(),
            before,
            after,
            verdicts,
            predicted: Vec::new(),
            charts: Vec::new(),
            nanos: 0,
        })
    }

    /// Perform one entry of a replay, without looking at what came of it: it worked before.
    pub fn replay(
        &mut self,
        entry: &ReplayedAction<'_>,
        keeper: &mut KeeperHandle,
    ) -> Result<(), LabError> {
        self.lab.check_alive()?;

        let context = self.lab.lab_facts_for(entry.needs_actor_pid());
        let ops = entry
            .lower(&context)
            .map_err(|cause| LabError::Lower { step: entry.step.to_owned(), cause })?;

        for op in ops {
            let record = acts::perform(&mut self.lab, keeper, &entry.of.actor, op)?;
            if !record.outcome.is_ok() {
                break;
            }
        }
        Ok(())
    }

    /// Begin a turn over a step; what the step breaks is broken now.
    pub fn begin_turn(
        &mut self,
        index: usize,
        goal: TurnGoal,
        step: &Step,
        keeper: &mut KeeperHandle,
    ) -> Result<TurnState, LabError> {
        if goal == TurnGoal::Step && !step.breaks.is_empty() {
            ActionsOutcome::perform(&mut self.lab, keeper, &step.id, &step.breaks, &[])?;
        }

        // What was printed before it says nothing about this turn.
        self.transcripts.iter().for_each(|transcript| transcript.clear());
        self.draw(&step.charts);
        let turn = Turn::begin(index, goal, only_goals(step, goal), &mut self.lab)?;
        Ok(self.turn.insert(turn).state().clone())
    }

    /// Look whether the learner got on; returns what changed. Nothing where no turn is on.
    pub fn judge_turn(
        &mut self,
        judging: Judging,
    ) -> Result<Option<(TurnState, Snapshot)>, LabError> {
        let Some(turn) = &mut self.turn else { return Ok(None) };
        turn.judge(&mut self.lab, &self.transcripts, judging)
    }

    /// A shell beside an actor.
    pub fn shell(
        &mut self,
        actor: &ActorName,
        size: TerminalSize,
    ) -> Result<ShellTerminal, LabError> {
        let master = Arc::new(self.lab.open_shell(actor, size)?);
        let transcript = Arc::new(Transcript::default());
        self.transcripts.push(Arc::clone(&transcript));
        Ok(ShellTerminal { master, transcript })
    }

    /// Draw these from now on, and no others.
    fn draw(&mut self, charts: &[Chart]) {
        // The old one first: it ends its thread before another one reads the same files.
        self.sampler = None;
        if !charts.is_empty() {
            let listener = self.lab.waiting().listener().cloned();
            self.sampler = Sampler::start(charts, self.lab.cgroups(), listener);
        }
    }
}
