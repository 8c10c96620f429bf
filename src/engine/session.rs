//! A session: one learner, one lesson, one lab at a time. Plays steps, records them, rewinds by replaying.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::aside::Aside;
use super::evidence::{Evidence, outcome_verdict};
use super::lab::{Lab, LabError};
use super::options::SessionOptions;
use super::replay::{self, Replayed};
use super::sampler::Sampler;
use super::transcript::{Transcript, Transcripts};
use super::turn::Turn;
use super::waiting::Waiting;
use super::{Ready, ShellTerminal};
use crate::action::LowerError;
use crate::diagnosis::Playable;
use crate::doctor::{Facts, can_play};
use crate::engine::link_error::LinkError;
use crate::keeper::handle::{KeeperError, KeeperHandle};
use crate::kernel::pty::TerminalSize;
use crate::lesson::expect::verdict::{Expected, Verdict};
use crate::lesson::model::{ActionEntry, Lesson, Step, WatchedDirectory};
use crate::observe::machine::{MachineState, Ours};
use crate::op::{ActorName, Op, OpRecord};
use crate::proof::Proof;
use crate::report::{LazyDiff, StepRecord, StepStatus};
use crate::seen::Seen;
use crate::snapshot::Snapshot;
use crate::view::Chart;
use crate::wire::protocol::LabPlan;

#[derive(Debug)]
pub struct Session {
    lesson: Arc<Lesson>,
    pub(super) facts: Facts,
    /// This program's own binary, for another keeper in the place of one that is lost.
    program: PathBuf,
    pub(super) plan: LabPlan,
    pub(super) keeper: Option<KeeperHandle>,
    pub(super) lab: Option<Lab>,
    pub(super) played: usize,
    machine_before: MachineState,
    /// The keepers and processes of all the session's labs.
    ours: Ours,
    /// The last snapshot that was told: one that is equal shares its memory.
    latest: Arc<Snapshot>,
    /// The output of the shells of the lab that is up.
    pub(super) transcripts: Transcripts,
    pub(super) turn: Option<Turn>,
    left_out: BTreeSet<usize>,
    /// The lab that waits while a branch is looked at.
    pub(super) aside: Option<Aside>,
    sampler: Option<Sampler>,
    pub(super) waiting: Waiting,
}

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("step `{step}`: {cause}")]
    Lower { step: String, cause: LowerError },
    #[error("there is no lab: it could not be made, or was ended")]
    NoLab,
    #[error(
        "the lab is gone: its first process (`unboxed: host`, {pid} on this machine) has ended, and with it all others{}",
        why.as_ref().map_or_else(String::new, |why| format!(": {why}"))
    )]
    LabEnded {
        pid: u32,
        /// The last thing that was heard of it, where that tells.
        why: Option<String>,
    },
    #[error("the lesson has no step after its last")]
    AtTheEnd,
}

impl SessionError {
    /// True if the work was cut short: the lab is to be dropped.
    pub fn is_cancelled(&self) -> bool {
        let (SessionError::Link(error) | SessionError::Lab(LabError::Link(error))) = self else {
            return false;
        };
        matches!(error, LinkError::Cancelled)
    }
}

impl Session {
    /// Remember the machine as it is, start a keeper, make the first lab.
    pub fn open(
        lesson: Arc<Lesson>,
        facts: Facts,
        options: &SessionOptions,
    ) -> Result<Session, SessionError> {
        Session::open_waiting(lesson, facts, options, Waiting::default())
    }

    /// Open a session where all waiting for actors goes by `waiting`.
    pub fn open_waiting(
        lesson: Arc<Lesson>,
        facts: Facts,
        options: &SessionOptions,
        waiting: Waiting,
    ) -> Result<Session, SessionError> {
        let machine_before = MachineState::now();
        let keeper = KeeperHandle::start(&options.program)?;
        let wants_disk = lesson.needs.disk || lesson.steps.iter().any(|step| step.needs.disk);
        let disk = facts.disk.as_ref().filter(|_| wants_disk).map(|disk| disk.number.clone());
        let plan = LabPlan {
            controllers: controllers(&lesson),
            disk,
            spare: options.spare,
            panics: options.panics,
        };

        let mut session = Session {
            lesson,
            facts,
            program: options.program.clone(),
            plan,
            keeper: Some(keeper),
            lab: None,
            played: 0,
            machine_before,
            ours: Ours::default(),
            latest: Arc::default(),
            transcripts: Vec::new(),
            turn: None,
            left_out: BTreeSet::new(),
            aside: None,
            sampler: None,
            waiting,
        };

        match session.new_lab() {
            // Somebody wants another one already.
            Err(error) if error.is_cancelled() => {}
            made => made?,
        }
        Ok(session)
    }

    pub fn lesson(&self) -> &Arc<Lesson> {
        &self.lesson
    }

    pub fn played(&self) -> usize {
        self.played
    }

    pub fn keeper_pid(&self) -> Option<u32> {
        self.keeper.as_ref().map(KeeperHandle::pid)
    }

    /// The lab that is up. One that has ended is none: what is read of its processes may be others' by now.
    pub fn lab(&mut self) -> Result<&mut Lab, SessionError> {
        match self.lab.as_mut() {
            Some(lab) if lab.has_ended() => {
                let pid = lab.pid_of(&ActorName::host()).unwrap_or_default();
                let why = lab.why_it_ended().or_else(|| self.keeper.as_mut()?.why_it_ended());
                Err(SessionError::LabEnded { pid, why })
            }
            Some(lab) => Ok(lab),
            None => Err(SessionError::NoLab),
        }
    }

    fn new_lab(&mut self) -> Result<(), SessionError> {
        // Its sockets keep the old lab's network namespaces: let go of them first.
        self.lab = None;
        self.aside = None;
        self.sampler = None;
        self.turn = None;
        self.transcripts.clear();
        self.played = 0;

        let keeper = self.keeper.as_mut().ok_or(SessionError::NoLab)?;
        if keeper.is_lost() {
            *keeper = KeeperHandle::start(&self.program)?;
        }

        self.ours.note_keeper(keeper.pid());
        self.lab = Some(Lab::make(keeper, &self.plan, &self.waiting)?);
        Ok(())
    }

    /// Leave out a step that is yet to come, or take it in again.
    pub fn leave_out(&mut self, step: usize, out: bool) {
        if out && step >= self.played {
            self.left_out.insert(step);
        } else {
            self.left_out.remove(&step);
        }
    }

    pub(super) fn turn(&self) -> Option<&Turn> {
        self.turn.as_ref()
    }

    /// Put a turn in the place of the one before, which is returned.
    pub(super) fn set_turn(&mut self, turn: Option<Turn>) -> Option<Turn> {
        std::mem::replace(&mut self.turn, turn)
    }

    pub(super) fn transcripts(&self) -> &[Arc<Transcript>] {
        &self.transcripts
    }

    /// Count one step more as done.
    pub(super) fn count_step(&mut self) {
        self.played += 1;
    }

    /// The lesson's state, and what the next step will find.
    pub fn ready(&mut self, since: Instant) -> Result<Ready, SessionError> {
        let lesson = Arc::clone(&self.lesson);
        let step = lesson.steps.get(self.played);
        let played = self.played;

        // What the last step showed stays in sight beside what the next one is about.
        let last = played.checked_sub(1).and_then(|index| lesson.steps.get(index));
        let mut look: Vec<WatchedDirectory> =
            last.into_iter().chain(step).flat_map(|step| step.look.clone()).collect();
        look.dedup();

        let lab = self.lab()?;
        lab.look_at(&look);
        let live = lab.snapshot();
        let context = lab.context(&live);
        let info = lab.info();

        let live = self.share(live);
        self.remember(&live);
        let checks = step.map_or_else(Vec::new, |step| step.preflight(&live));
        let (left_out, nanos) = (self.left_out.clone(), since.elapsed().as_nanos() as u64);
        Ok(Ready { lab: info, played, left_out, live, context, checks, nanos })
    }

    /// True if the next step can be done here and is not left out.
    pub fn is_next_open(&self) -> bool {
        let step = self.lesson.steps.get(self.played);
        step.is_some_and(|step| can_play(&step.needs, &self.facts) == Playable::Live)
            && !self.left_out.contains(&self.played)
    }

    /// Play the next step for real and record it.
    pub fn play_next(&mut self) -> Result<StepRecord, SessionError> {
        let lesson = Arc::clone(&self.lesson);
        let step = lesson.steps.get(self.played).ok_or(SessionError::AtTheEnd)?;
        let _step = tracing::info_span!("step", lesson = lesson.id, id = step.id).entered();
        tracing::info!("begins");
        self.turn = None;

        let record = if let Playable::No { why, cure } = can_play(&step.needs, &self.facts) {
            let seen = Arc::new(self.lab()?.snapshot());
            unplayed(self.played, StepStatus::Skipped { why, cure }, seen)
        } else if self.left_out.contains(&self.played) {
            let before = Arc::new(self.lab()?.snapshot());
            let evidence = Evidence { before: &before, outputs: &[], ops: &[] };
            let (after, verdicts) = self.judge(step, &evidence)?;
            let after = Arc::new(after);
            let blank = unplayed(self.played, StepStatus::LeftOut, before);
            StepRecord { verdicts, after, ..blank }
        } else {
            self.play(step)?
        };

        self.played += 1;
        Ok(record)
    }

    /// Draw these from now on, and no others.
    pub(super) fn draw(&mut self, charts: &[Chart]) -> Result<(), SessionError> {
        self.sampler = None;
        if !charts.is_empty() {
            let listener = self.waiting.listener().cloned();
            self.sampler = Sampler::start(charts, self.lab()?.cgroups(), listener);
        }
        Ok(())
    }

    /// Break what the step breaks, perform its actions, and look.
    pub(super) fn play(&mut self, step: &Step) -> Result<StepRecord, SessionError> {
        let started = Instant::now();
        self.draw(&step.charts)?;
        let lab = self.lab()?;
        lab.look_at(&step.look);
        let before = lab.snapshot();
        let before = self.share(before);

        let mut acts = self.act_on(&step.id, &step.breaks)?;
        acts.join(self.act_on(&step.id, &step.actions)?);
        let Acts { records: ops, mut verdicts, is_cut_short } = acts;

        let outputs: Vec<&str> = ops.iter().map(|record| record.outcome.message()).collect();
        let evidence = Evidence { before: &before, outputs: &outputs, ops: &ops };
        // Of what nobody has done, nothing comes true by waiting.
        let (after, judged) =
            if is_cut_short { self.judge(step, &evidence)? } else { self.settle(step, &evidence)? };
        verdicts.extend(judged);

        self.remember(&after);
        let predicted = self.predicted(step, &after, &evidence)?;
        Ok(StepRecord {
            step: self.played,
            status: StepStatus::Played,
            ops,
            diff: LazyDiff::default(),
            before,
            after: self.share(after),
            verdicts,
            predicted,
            charts: self.sampler.as_ref().map(Sampler::series).unwrap_or_default(),
            nanos: started.elapsed().as_nanos() as u64,
        })
    }

    /// A fresh lab with the first `steps` steps replayed in it.
    pub fn rewind_to(&mut self, steps: usize) -> Result<(), SessionError> {
        self.new_lab()?;
        self.replay_steps(steps)
    }

    /// Replay the first `steps` steps in a fresh lab, without those that were left out.
    pub(super) fn replay_steps(&mut self, steps: usize) -> Result<(), SessionError> {
        let all = self.lesson.steps.iter().take(steps).enumerate();
        let kept: Vec<Step> = all
            .filter(|(index, _)| !self.left_out.contains(index))
            .map(|(_, step)| step.clone())
            .collect();

        for entry in replay::entries(&kept, &self.facts) {
            self.replay(&entry)?;
        }
        self.played = steps.min(self.lesson.steps.len());
        Ok(())
    }

    /// Perform one entry of a replay, without looking at what came of it: it worked before.
    fn replay(&mut self, entry: &Replayed<'_>) -> Result<(), SessionError> {
        let lab = self.lab()?;
        let context = lab.context_for(entry.names_an_actor());
        let ops = entry
            .lower(&context)
            .map_err(|cause| SessionError::Lower { step: entry.step.to_owned(), cause })?;
        for op in ops {
            if !self.perform(&entry.of.actor, op)?.outcome.is_ok() {
                break;
            }
        }
        Ok(())
    }

    /// Perform an op. Rules for devices take the machine's root: the keeper does those, only for its own lab's groups.
    fn perform(&mut self, actor: &ActorName, op: Op) -> Result<OpRecord, SessionError> {
        if let Op::Device { .. } = op {
            return Ok(self.keeper.as_mut().ok_or(SessionError::NoLab)?.perform(actor, &op)?);
        }
        Ok(self.lab()?.perform(actor, op)?)
    }

    /// Perform actions, each up to its first failure; an unexpected one ends them.
    pub(super) fn act_on(
        &mut self,
        step: &str,
        actions: &[ActionEntry],
    ) -> Result<Acts, SessionError> {
        let mut acts = Acts::default();
        for entry in actions {
            let lab = self.lab()?;
            if let Some(missing) =
                lab.first_missing(std::iter::once(&entry.actor).chain(entry.action.actors()))
            {
                let seen = match lab.pid_of(missing) {
                    Some(_) => Seen::ActorGone(missing.clone()),
                    None => Seen::ActorNeverMade(missing.clone()),
                };
                acts.cut_short(entry, seen);
                break;
            }

            let context = lab.context_for(entry.action.names_an_actor());
            let lowered = entry.action.lower(&context);
            let ops =
                lowered.map_err(|cause| SessionError::Lower { step: step.to_owned(), cause })?;

            let mut failed = None;
            for op in ops {
                let record = match self.perform(&entry.actor, op) {
                    Ok(record) => record,
                    Err(error) => {
                        acts.cut_short(entry, self.as_outcome(error)?);
                        return Ok(acts);
                    }
                };
                let went_well = record.outcome.is_ok();
                acts.records.push(record);
                if !went_well {
                    failed = acts.records.last();
                    break;
                }
            }

            let verdict = outcome_verdict(entry, failed);
            let goes_on = verdict.as_ref().is_none_or(|verdict| verdict.ok);
            acts.verdicts.extend(verdict);
            if !goes_on {
                break;
            }
        }
        Ok(acts)
    }

    /// An actor that died of what it was asked to do, or does not answer, is an outcome, and no fault of the engine's;
    /// unless the whole lab has ended.
    fn as_outcome(&mut self, error: SessionError) -> Result<Seen, SessionError> {
        match error {
            SessionError::Link(error) => {
                let seen = error.as_outcome().ok_or(error)?;
                self.lab()?;
                Ok(seen)
            }
            other => Err(other),
        }
    }

    /// A shell beside an actor of the lab that is up.
    pub fn shell(
        &mut self,
        actor: &ActorName,
        size: TerminalSize,
    ) -> Result<ShellTerminal, SessionError> {
        let master = Arc::new(self.lab()?.shell(actor, size)?);
        let transcript = Arc::new(Transcript::default());
        self.transcripts.push(Arc::clone(&transcript));
        Ok(ShellTerminal { master, transcript })
    }

    /// The state now, if it is not what the last snapshot showed. Nothing where there is no lab.
    pub fn look_for_changes(&mut self) -> Result<Option<Snapshot>, SessionError> {
        let snapshot = match self.lab() {
            Ok(lab) => lab.changed(),
            Err(SessionError::NoLab) => None,
            Err(ended) => return Err(ended),
        };
        if let Some(snapshot) = &snapshot {
            self.remember(snapshot);
        }
        Ok(snapshot)
    }

    fn share(&mut self, snapshot: Snapshot) -> Arc<Snapshot> {
        if *self.latest != snapshot {
            self.latest = Arc::new(snapshot);
        }
        Arc::clone(&self.latest)
    }

    fn remember(&mut self, snapshot: &Snapshot) {
        self.ours.note_processes(snapshot);
    }

    /// End the lab, wait until the keeper has removed everything, compare the machine with what it was.
    pub fn close(mut self) -> Proof {
        self.sampler = None;
        self.lab = None;
        self.aside = None;
        self.keeper = None;

        let after = MachineState::now();
        MachineState::compare(&self.machine_before, &after, &self.ours)
    }
}

/// The outcome of a step's actions.
#[derive(Debug, Default)]
pub(super) struct Acts {
    pub records: Vec<OpRecord>,
    pub verdicts: Vec<Verdict>,
    /// True if one who had something to do is not there, or does not answer: the rest was not done.
    pub is_cut_short: bool,
}

impl Acts {
    fn join(&mut self, later: Acts) {
        self.records.extend(later.records);
        self.verdicts.extend(later.verdicts);
        self.is_cut_short |= later.is_cut_short;
    }

    fn cut_short(&mut self, entry: &ActionEntry, seen: Seen) {
        let works = Expected::Works { action: entry.action.name().to_owned() };
        self.verdicts.push(Verdict::on_action(false, works, seen));
        self.is_cut_short = true;
    }
}

fn controllers(lesson: &Lesson) -> Vec<String> {
    let mut wanted: Vec<String> = lesson.needs.cgroup.clone();
    wanted.extend(lesson.steps.iter().flat_map(|step| step.needs.cgroup.iter().cloned()));
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// The record of a step in which nothing was done.
fn unplayed(step: usize, status: StepStatus, seen: Arc<Snapshot>) -> StepRecord {
    StepRecord {
        step,
        status,
        ops: Vec::new(),
        diff: LazyDiff::default(),
        before: Arc::clone(&seen),
        after: seen,
        verdicts: Vec::new(),
        predicted: Vec::new(),
        charts: Vec::new(),
        nanos: 0,
    }
}
