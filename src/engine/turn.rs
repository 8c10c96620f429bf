//! **Your turn**: the learner does a step by typing; its expectations come true, and untrue again, as the kernel's
//! state does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::evidence::StepEvidence;
use super::lab::Lab;
use super::lab_error::LabError;
use super::transcript::Transcript;
use super::{TurnGoal, TurnState, typed_process};
use crate::diff::Diff;
use crate::lesson::model::{ActionEntry, Step};
use crate::own_call::OwnCalls;
use crate::report::{LazyDiff, StepRecord, StepStatus};
use crate::snapshot::Snapshot;

/// The period in which a turn is judged when nothing seems to have changed: files and addresses are in no snapshot.
const JUDGE_PERIOD: Duration = Duration::from_millis(500);

/// The reason to judge a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judging {
    /// Something changed, or somebody wants to know: it is judged now.
    Now,
    /// Time went by: it is judged if something was printed, or the last time was long ago.
    IfDue,
}

/// A turn that is on.
#[derive(Debug)]
pub(super) struct Turn {
    /// A step with nothing but what this turn is about.
    step: Step,
    started: Instant,
    /// The state as the learner found it.
    before: Arc<Snapshot>,
    /// The state as of the last judgement.
    latest: Snapshot,
    state: TurnState,
    judged: Instant,
    /// Bytes that the shells had printed by then.
    transcript_bytes: usize,
}

impl Turn {
    /// Begin a turn over what `only_goals` left of a step, and judge it for the first time.
    pub fn begin(
        index: usize,
        goal: TurnGoal,
        step: Step,
        lab: &mut Lab,
    ) -> Result<Turn, LabError> {
        lab.check_alive()?;
        lab.watch_steps(&[&step]);
        let before = Arc::new(lab.snapshot());
        let (latest, verdicts) =
            lab.judge(&step, &StepEvidence { before: &before, outputs: &[], ops: &[] })?;

        let state = TurnState {
            step: index,
            goal,
            earned: verdicts.iter().map(|verdict| verdict.ok).collect(),
            verdicts,
        };
        let now = Instant::now();
        Ok(Turn { step, started: now, before, latest, state, judged: now, transcript_bytes: 0 })
    }

    pub fn state(&self) -> &TurnState {
        &self.state
    }

    /// The state as the learner found it.
    pub fn before(&self) -> &Arc<Snapshot> {
        &self.before
    }

    /// True if this turn is about that goal of that step.
    pub fn is_about(&self, index: usize, goal: TurnGoal) -> bool {
        self.state.goal == goal && self.state.step == index
    }

    /// True if the learner has done the step. A question's task is not one.
    pub fn has_done_the_step(&self) -> bool {
        self.state.goal == TurnGoal::Step && self.state.is_fulfilled()
    }

    /// True if what the learner did is in the way of showing the step, as things are now.
    pub fn is_touched(&self, now: &Snapshot) -> bool {
        !Diff::between(&self.before, now).is_unchanged_but_clocks() || !self.step.breaks.is_empty()
    }

    /// Look whether the learner got on; returns what changed.
    pub fn judge(
        &mut self,
        lab: &mut Lab,
        transcripts: &[Arc<Transcript>],
        judging: Judging,
    ) -> Result<Option<(TurnState, Snapshot)>, LabError> {
        let heard: usize = transcripts.iter().map(|transcript| transcript.kept_bytes()).sum();
        let is_due = heard != self.transcript_bytes || self.judged.elapsed() >= JUDGE_PERIOD;
        if judging == Judging::IfDue && !is_due {
            return Ok(None);
        }

        // First, so that the snapshot that is judged shows them as actors.
        adopt_newborns(lab, &self.step.actions, &self.before, &self.latest)?;

        let lines: Vec<String> =
            transcripts.iter().map(|transcript| transcript.output_lines()).collect();
        let outputs: Vec<&str> = lines.iter().map(String::as_str).collect();
        let evidence = StepEvidence { before: &self.before, outputs: &outputs, ops: &[] };
        let (snapshot, verdicts) = lab.judge(&self.step, &evidence)?;

        self.judged = Instant::now();
        self.transcript_bytes = heard;
        let earned = self.state.earned.iter().zip(&verdicts);
        let earned = earned.map(|(earned, verdict)| *earned || verdict.ok).collect();
        let TurnState { step, goal, .. } = self.state;
        let state = TurnState { step, goal, verdicts, earned };

        let changed = state != self.state;
        let moved = !Diff::between(&self.latest, &snapshot).is_unchanged_but_clocks();
        let told = (changed || moved).then(|| (state.clone(), snapshot.clone()));
        self.state = state;
        self.latest = snapshot;
        Ok(told)
    }

    /// The record of a step that the learner has done.
    pub fn into_record(self, own_calls: OwnCalls) -> StepRecord {
        StepRecord {
            own_calls,
            step: self.state.step,
            status: StepStatus::Typed,
            ops: Vec::new(),
            diff: LazyDiff::default(),
            before: self.before,
            after: Arc::new(self.latest),
            verdicts: self.state.verdicts,
            predicted: Vec::new(),
            charts: Vec::new(),
            nanos: self.started.elapsed().as_nanos() as u64,
        }
    }
}

/// The step with nothing but what a turn is about: its goals, or the task of one of its questions. What the step breaks is
/// broken by now.
pub(super) fn only_goals(step: &Step, goal: TurnGoal) -> Step {
    let mut step = step.clone();
    match goal {
        TurnGoal::Step => step.breaks.clear(),
        TurnGoal::Question { index, .. } => {
            let asked = step.quiz.get(index);
            step.expect = asked.map_or(Vec::new(), |question| question.task().to_vec());
            step.actions.clear();
        }
    }

    step.expect = step.typed_goals().into_iter().map(|place| step.expect[place].clone()).collect();
    step
}

/// Take in the processes that were made as a step's actions would have made them: each becomes that actor.
fn adopt_newborns(
    lab: &mut Lab,
    actions: &[ActionEntry],
    known: &Snapshot,
    earlier: &Snapshot,
) -> Result<(), LabError> {
    let mut makers = actions
        .iter()
        .filter_map(|entry| Some((&entry.actor, entry.action.made_actor()?, &entry.action)))
        .peekable();
    if makers.peek().is_none() {
        return Ok(());
    }

    lab.check_alive()?;
    for (parent, actor, action) in makers {
        let now = lab.snapshot();
        let found = typed_process::find_newborn(action, parent, known, earlier, &now);
        if let Some(pid) = found.filter(|pid| lab.pid_of(actor) != Some(*pid)) {
            lab.adopt_if_there(actor, pid)?;
        }
    }
    Ok(())
}
