//! A lab, and how far the lesson has come in it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::acts::{self, ActionsOutcome};
use super::contention::{self, CpuWatch};
use super::evidence::StepEvidence;
use super::fact_lookup::gather_facts;
use super::lab::Lab;
use super::lab_error::LabError;
use super::replay::ReplayedAction;
use super::sampler::Sampler;
use super::transcript::{Transcript, Transcripts};
use super::turn::{Judging, Turn, only_goals};
use super::{ShellTerminal, TurnGoal, TurnState};
use crate::keeper::handle::KeeperHandle;
use crate::kernel::call_listener::CallListener;
use crate::kernel::load;
use crate::kernel::pty::TerminalSize;
use crate::lesson::detour::{ActorBases, Detour, LabOnItsWay, TypedPart};
use crate::lesson::expect::Expect;
use crate::lesson::expect::verdict::Verdict;
use crate::lesson::model::Step;
use crate::op::{ActorName, OpRecord};
use crate::own_call::OwnCalls;
use crate::report::{LazyDiff, StepRecord, StepStatus};
use crate::snapshot::Snapshot;
use crate::view::Chart;

/// The longest that a killed process may take to end on an idle machine.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// One look at the lab after a step's actions, and the verdicts.
fn look_after(
    lab: &mut Lab,
    step: &Step,
    before: &Snapshot,
    acts: &ActionsOutcome,
    watch: &CpuWatch,
) -> Result<(Snapshot, Vec<Verdict>), LabError> {
    let outputs = outputs_of(&acts.records);
    let evidence = StepEvidence { before, outputs: &outputs, ops: &acts.records };
    // Of what nobody has done, nothing comes true by waiting; nor does what others spoilt.
    let (after, judged) = lab.judge(step, &evidence)?;
    if acts.is_cut_short || watch.spoilt_by(&judged).is_some() {
        return Ok((after, judged));
    }
    lab.look_until_settled(step, &evidence)
}

fn outputs_of(ops: &[OpRecord]) -> Vec<&str> {
    ops.iter().map(|record| record.outcome.message()).collect()
}

/// The steps of a lesson, and which of them are not played.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepPlan<'a> {
    pub steps: &'a [Step],
    pub left_out: &'a BTreeSet<usize>,
    /// Steps that are not possible here.
    pub impossible: &'a BTreeSet<usize>,
}

/// All that goes with a lab. While a branch is looked at there are two.
#[derive(Debug)]
pub(super) struct Playthrough {
    pub lab: Lab,
    /// Steps of the lesson that are done in it.
    pub played: usize,
    pub turn: Option<Turn>,
    /// The state of its actors that coming steps take for granted.
    pub bases: ActorBases,
    /// The output of the lab's shells.
    transcripts: Transcripts,
    sampler: Option<Sampler>,
}

impl Playthrough {
    /// No step is done in this lab yet.
    pub fn new(lab: Lab) -> Playthrough {
        Playthrough {
            lab,
            played: 0,
            turn: None,
            bases: ActorBases::default(),
            transcripts: Vec::new(),
            sampler: None,
        }
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
        lab.watch_steps(&[step]);

        // A repair mends what is broken: it is compared with the broken state, as a learner's is.
        let mut watch = CpuWatch::start(step);
        let mut acts = ActionsOutcome::perform(lab, keeper, &step.id, &step.breaks, &[])?;
        let before = lab.snapshot();
        acts.join(ActionsOutcome::perform(lab, keeper, &step.id, &step.actions, &step.expect)?);
        watch.stop();
        let (mut after, mut judged) = look_after(lab, step, &before, &acts, &watch)?;

        let mut tries = 1;
        while let Some(percent) = watch.spoilt_by(&judged) {
            let again = contention::actions_to_repeat(step)
                .filter(|_| tries < contention::MAX_TRIES && !acts.is_cut_short);
            let Some(again) = again else {
                contention::mark_spoilt(&mut judged, percent, tries);
                break;
            };
            tries += 1;
            watch = CpuWatch::start(step);
            acts.join(ActionsOutcome::perform(lab, keeper, &step.id, &again, &step.expect)?);
            watch.stop();
            (after, judged) = look_after(lab, step, &before, &acts, &watch)?;
        }

        let ActionsOutcome { records: ops, mut verdicts, .. } = acts;
        verdicts.extend(judged);
        let outputs = outputs_of(&ops);
        let evidence = StepEvidence { before: &before, outputs: &outputs, ops: &ops };
        let predicted = lab.predicted(step, &after, &evidence)?;
        Ok(StepRecord {
            own_calls: OwnCalls::default(),
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
        // A directory that the step before looked at would seem gone.
        self.lab.watch_steps(&[step]);
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
            own_calls: OwnCalls::default(),
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

    /// Perform one entry of a replay, without looking at what came of it: it worked before. Whom it kills has ended then:
    /// a played step waits for that when it is judged, and what comes next may need it.
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

        let killed = entry.killed_actor().and_then(|actor| self.lab.pidfd_of(actor));
        for op in ops {
            let record = acts::perform(&mut self.lab, keeper, &entry.of.actor, op)?;
            if !record.outcome.is_ok() {
                return Ok(());
            }
        }
        if let Some(killed) = killed {
            killed.has_ended_within(load::stretched(END_TIMEOUT));
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

    /// The detour that the lab is on: what was typed has left it as a coming step can't use it. None in a question's
    /// task, which asks for something else than the lesson's steps.
    pub fn find_detour(&mut self, plan: StepPlan<'_>) -> Result<Option<Detour>, LabError> {
        self.lab.check_alive()?;
        let typed = match self.turn.as_ref().map(Turn::state) {
            None => TypedPart::Nothing,
            Some(state) if !state.is_of_step(self.played) => return Ok(None),
            Some(state) if state.is_fulfilled() => TypedPart::All,
            Some(_) => TypedPart::Some,
        };

        let now = self.lab.snapshot();
        self.bases.take(&now, None);
        let made_actors = self.lab.made_actors().clone();
        let StepPlan { steps, left_out, impossible } = plan;
        let lab_on_its_way = LabOnItsWay {
            steps,
            played: self.played,
            typed,
            left_out,
            impossible,
            now: &now,
            bases: &self.bases,
            made_actors: &made_actors,
        };

        let decided = lab_on_its_way.decided_expectations();
        let expects: Vec<Expect> = decided.into_iter().map(|(_, expect)| expect.clone()).collect();
        let facts = gather_facts(&mut self.lab, &now, &expects);
        Ok(lab_on_its_way.find_detour(&facts))
    }

    /// A shell beside an actor, and the listener of its calls where they are to be heard and can be.
    pub fn shell(
        &mut self,
        actor: &ActorName,
        size: TerminalSize,
        is_heard: bool,
    ) -> Result<(ShellTerminal, Option<CallListener>), LabError> {
        let (master, listener) = self.lab.open_shell(actor, size, is_heard)?;
        let transcript = Arc::new(Transcript::default());
        self.transcripts.push(Arc::clone(&transcript));
        Ok((ShellTerminal { master: Arc::new(master), transcript }, listener))
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
