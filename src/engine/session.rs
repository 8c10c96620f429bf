//! A session: one learner, one lesson, one lab at a time. Plays steps, records them, rewinds by replaying.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lab::{Lab, LabError};
use super::link::LinkError;
use super::replay::{self, Replayed};
use super::transcript::Transcript;
use super::{Proof, Ready, ShellTerminal};
use crate::action::{Check, LowerError};
use crate::diff::Diff;
use crate::doctor::{Facts, Playable, can_play};
use crate::failure;
use crate::keeper::handle::{KeeperError, KeeperHandle};
use crate::kernel::pty::TerminalSize;
use crate::lab::protocol::LabPlan;
use crate::lesson::expect::{FactAnswers, World};
use crate::lesson::model::{ActionEntry, Lesson, Look, Step};
use crate::observe::machine::MachineState;
use crate::op::{ActorName, OpRecord, Outcome};
use crate::report::{StepRecord, StepStatus, Verdict};
use crate::snapshot::Snapshot;

/// How long an expectation may take to come true: processes die and links come up a little after the call.
const SETTLE_WITHIN: Duration = Duration::from_millis(1500);
const SETTLE_POLL: Duration = Duration::from_millis(10);

/// How a session is opened.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// This program's own binary, see `KeeperHandle::start`.
    pub program: PathBuf,
    /// Keep the next lab ready: for front ends that rewind.
    pub spare: bool,
}

#[derive(Debug)]
pub struct Session {
    lesson: Arc<Lesson>,
    facts: Facts,
    plan: LabPlan,
    keeper: Option<KeeperHandle>,
    lab: Option<Lab>,
    played: usize,
    machine_before: MachineState,
    /// Every process seen in any of the session's labs, by pid and start time.
    lab_processes: Vec<(u32, u64)>,
    /// What the shells of the lab that is up printed.
    transcripts: Vec<Arc<Transcript>>,
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
    #[error("the lesson has no step after its last")]
    AtTheEnd,
}

impl Session {
    /// Remember the machine as it is, start a keeper, make the first lab.
    pub fn open(lesson: Arc<Lesson>, facts: Facts, options: &SessionOptions) -> Result<Session, SessionError> {
        let machine_before = MachineState::now();
        let keeper = KeeperHandle::start(&options.program)?;
        let plan = LabPlan { controllers: controllers(&lesson), spare: options.spare };
        let mut session = Session {
            lesson,
            facts,
            plan,
            keeper: Some(keeper),
            lab: None,
            played: 0,
            machine_before,
            lab_processes: Vec::new(),
            transcripts: Vec::new(),
        };
        session.new_lab()?;
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

    pub fn lab(&mut self) -> Result<&mut Lab, SessionError> {
        self.lab.as_mut().ok_or(SessionError::NoLab)
    }

    fn new_lab(&mut self) -> Result<(), SessionError> {
        // Its sockets keep the old lab's network namespaces: let go of them first.
        self.lab = None;
        self.transcripts.clear();
        self.played = 0;
        let keeper = self.keeper.as_mut().ok_or(SessionError::NoLab)?;
        self.lab = Some(Lab::make(keeper, &self.plan)?);
        Ok(())
    }

    /// Where the lesson stands, and what the next step will find.
    pub fn ready(&mut self, since: Instant) -> Result<Ready, SessionError> {
        let lesson = Arc::clone(&self.lesson);
        let step = lesson.steps.get(self.played);
        let played = self.played;
        // What the last step showed stays in sight beside what the next one is about.
        let last = played.checked_sub(1).and_then(|index| lesson.steps.get(index));
        let mut look: Vec<Look> = last.into_iter().chain(step).flat_map(|step| step.look.clone()).collect();
        look.dedup();
        let lab = self.lab()?;
        lab.look_at(&look);
        let live = Arc::new(lab.snapshot());
        let context = lab.context(&live);
        let info = lab.info();
        self.remember(&live);
        let checks = step.map_or_else(Vec::new, |step| preflight(step, &live));
        Ok(Ready { lab: info, played, live, context, checks, nanos: since.elapsed().as_nanos() as u64 })
    }

    /// Play the next step for real and record it.
    pub fn play_next(&mut self) -> Result<StepRecord, SessionError> {
        let lesson = Arc::clone(&self.lesson);
        let step = lesson.steps.get(self.played).ok_or(SessionError::AtTheEnd)?;
        let started = Instant::now();
        let lab = self.lab()?;
        lab.look_at(&step.look);
        let before = Arc::new(lab.snapshot());
        if let Playable::No { why, cure } = can_play(&step.needs, &self.facts) {
            let record = skipped(self.played, before, why, cure);
            self.played += 1;
            return Ok(record);
        }
        let (ops, mut verdicts) = self.act(step)?;
        let outputs: Vec<&str> = ops.iter().map(|record| record.outcome.message()).collect();
        let (after, judged) = self.settle(step, &before, &outputs)?;
        verdicts.extend(judged);
        self.remember(&after);
        let record = StepRecord {
            step: self.played,
            status: StepStatus::Played,
            ops,
            diff: Diff::between(&before, &after),
            before,
            after: Arc::new(after),
            verdicts,
            nanos: started.elapsed().as_nanos() as u64,
        };
        self.played += 1;
        Ok(record)
    }

    /// A fresh lab with the first `steps` steps replayed in it.
    pub fn rewind_to(&mut self, steps: usize) -> Result<(), SessionError> {
        self.new_lab()?;
        let lesson = Arc::clone(&self.lesson);
        for entry in replay::entries(&lesson.steps[..steps.min(lesson.steps.len())], &self.facts) {
            self.replay(&entry)?;
        }
        self.played = steps.min(lesson.steps.len());
        Ok(())
    }

    /// Perform one entry of a replay, without looking at what came of it: it worked before.
    fn replay(&mut self, entry: &Replayed<'_>) -> Result<(), SessionError> {
        let lab = self.lab()?;
        let context = lab.context_for(entry.names_an_actor());
        let ops = entry.lower(&context).map_err(|cause| SessionError::Lower { step: entry.step.to_owned(), cause })?;
        for op in ops {
            if !lab.perform(&entry.of.actor, op)?.outcome.is_ok() {
                break;
            }
        }
        Ok(())
    }

    /// Perform a step's actions, each up to its first failure; an unexpected one ends the step.
    fn act(&mut self, step: &Step) -> Result<(Vec<OpRecord>, Vec<Verdict>), SessionError> {
        let mut records = Vec::new();
        let mut verdicts = Vec::new();
        for entry in &step.actions {
            let lab = self.lab()?;
            let context = lab.context_for(entry.action.names_an_actor());
            let lowered = entry.action.lower(&context);
            let ops = lowered.map_err(|cause| SessionError::Lower { step: step.id.clone(), cause })?;
            let mut failed = None;
            for op in ops {
                let record = lab.perform(&entry.actor, op)?;
                let went_well = record.outcome.is_ok();
                records.push(record);
                if !went_well {
                    failed = records.last();
                    break;
                }
            }
            let verdict = outcome_verdict(entry, failed);
            let goes_on = verdict.as_ref().is_none_or(|verdict| verdict.ok);
            verdicts.extend(verdict);
            if !goes_on {
                break;
            }
        }
        Ok((records, verdicts))
    }

    /// Look until every expectation holds, or the time is up; returns the last look.
    fn settle(
        &mut self,
        step: &Step,
        before: &Snapshot,
        outputs: &[&str],
    ) -> Result<(Snapshot, Vec<Verdict>), SessionError> {
        let deadline = Instant::now() + SETTLE_WITHIN;
        loop {
            let (snapshot, verdicts) = self.judge(step, before, outputs)?;
            if verdicts.iter().all(|verdict| verdict.ok) || Instant::now() >= deadline {
                return Ok((snapshot, verdicts));
            }
            std::thread::sleep(SETTLE_POLL);
        }
    }

    /// One look at the kernel, and what it says to the step's expectations.
    pub fn judge(
        &mut self,
        step: &Step,
        before: &Snapshot,
        outputs: &[&str],
    ) -> Result<(Snapshot, Vec<Verdict>), SessionError> {
        let lab = self.lab()?;
        let snapshot = lab.snapshot();
        let facts: FactAnswers = super::facts::gather(lab, &snapshot, &step.expect);
        let world = World { snapshot: &snapshot, before, facts: &facts, outputs };
        let verdicts = step.expect.iter().map(|expect| expect.judge(&world)).collect();
        Ok((snapshot, verdicts))
    }

    /// A shell beside an actor of the lab that is up.
    pub fn shell(&mut self, actor: &ActorName, size: TerminalSize) -> Result<ShellTerminal, SessionError> {
        let master = Arc::new(self.lab()?.shell(actor, size)?);
        let transcript = Arc::new(Transcript::default());
        self.transcripts.push(Arc::clone(&transcript));
        Ok(ShellTerminal { master, transcript })
    }

    /// The state now, if it is not what the last snapshot showed.
    pub fn look_for_changes(&mut self) -> Option<Snapshot> {
        let snapshot = self.lab.as_mut()?.changed()?;
        self.remember(&snapshot);
        Some(snapshot)
    }

    fn remember(&mut self, snapshot: &Snapshot) {
        for process in &snapshot.processes {
            let identity = (process.pid, process.start_time);
            if !self.lab_processes.contains(&identity) {
                self.lab_processes.push(identity);
            }
        }
    }

    /// End the lab, wait until the keeper has removed everything, compare the machine with what it was.
    pub fn close(mut self) -> Proof {
        self.lab = None;
        self.keeper = None;
        let after = MachineState::now();
        MachineState::compare(&self.machine_before, &after, &self.lab_processes)
    }
}

fn controllers(lesson: &Lesson) -> Vec<String> {
    let mut wanted: Vec<String> = lesson.needs.cgroup.clone();
    wanted.extend(lesson.steps.iter().flat_map(|step| step.needs.cgroup.iter().cloned()));
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

fn preflight(step: &Step, snapshot: &Snapshot) -> Vec<Vec<Check>> {
    step.actions.iter().map(|entry| entry.action.preflight(&entry.actor, snapshot)).collect()
}

fn skipped(step: usize, seen: Arc<Snapshot>, why: String, cure: String) -> StepRecord {
    StepRecord {
        step,
        status: StepStatus::Skipped { why, cure },
        ops: Vec::new(),
        diff: Diff::default(),
        before: Arc::clone(&seen),
        after: seen,
        verdicts: Vec::new(),
        nanos: 0,
    }
}

/// What an action's own outcome says: nothing when it went well and was meant to.
fn outcome_verdict(entry: &ActionEntry, failed: Option<&OpRecord>) -> Option<Verdict> {
    let name = entry.action.name();
    match (&entry.fails, failed) {
        (None, None) => None,
        (Some(errno), None) => {
            Some(Verdict { ok: false, expected: format!("{name} fails with {errno}"), seen: "it went well".into() })
        }
        (expected, Some(record)) => {
            let seen = match &record.outcome {
                Outcome::Failed { errno, what } => {
                    let meaning = failure::explain(&record.op, errno);
                    let meaning = meaning.map_or_else(|| errno.sentence().to_owned(), str::to_owned);
                    format!("{what} = {errno}: {meaning}")
                }
                Outcome::Exited { output, status } => format!("exit status {status}: {}", output.trim_end()),
                Outcome::Done { .. } => "it went well".into(),
            };
            let ok = expected.is_some() && record.outcome.errno() == expected.as_ref();
            let expected = match expected {
                Some(errno) => format!("{name} fails with {errno}"),
                None => format!("{name} works"),
            };
            Some(Verdict { ok, expected, seen })
        }
    }
}
