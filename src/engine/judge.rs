//! Judging: the kernel's answers to expectations and predictions.

use std::time::{Duration, Instant};

use super::evidence::StepEvidence;
use super::lab::Lab;
use super::lab_error::LabError;
use super::link_error::LinkError;
use crate::kernel::load;
use crate::lesson::expect::verdict::Verdict;
use crate::lesson::expect::{Expect, FactAnswers};
use crate::lesson::model::Step;
use crate::op::ActorName;
use crate::report::PredictionResult;
use crate::snapshot::Snapshot;

/// The longest that an expectation may take to come true on an idle machine: processes die and links come up a little
/// after the call.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(1500);
/// The same for a link that is to go with its network namespace: one worker of the kernel takes these down for the whole
/// machine, one after the other.
const TEARDOWN_TIMEOUT: Duration = Duration::from_secs(5);
const SETTLE_PERIOD: Duration = Duration::from_millis(10);

impl Lab {
    /// Look until every expectation holds, or the time is up; returns the last look.
    pub(super) fn look_until_settled(
        &mut self,
        step: &Step,
        evidence: &StepEvidence<'_>,
    ) -> Result<(Snapshot, Vec<Verdict>), LabError> {
        let started = Instant::now();
        let settle_timeout = load::stretched(SETTLE_TIMEOUT);
        let mut teardown_timeout = None;

        loop {
            let (snapshot, verdicts) = self.judge(step, evidence)?;
            let open = step
                .expect
                .iter()
                .zip(&verdicts)
                .filter(|(_, verdict)| !verdict.ok)
                .map(|(expect, _)| expect);
            let waits_for_teardown =
                open.clone().any(|expect| matches!(expect, Expect::Link(link) if link.absent));
            let timeout = if waits_for_teardown {
                *teardown_timeout.get_or_insert_with(|| load::stretched(TEARDOWN_TIMEOUT))
            } else {
                settle_timeout
            };
            if self.are_hopeless(open, &snapshot) || started.elapsed() >= timeout {
                return Ok((snapshot, verdicts));
            }

            if self.waiting().is_cancelled() {
                return Err(LinkError::Cancelled.into());
            }
            std::thread::sleep(SETTLE_PERIOD);
        }
    }

    /// True if nothing that is open can come true any more: each speaks of an actor that is gone without a trace, or of
    /// what was measured, which is over.
    fn are_hopeless<'a>(&self, mut open: impl Iterator<Item = &'a Expect>, now: &Snapshot) -> bool {
        let is_gone = |actor: &ActorName| !self.has_actor(actor) && now.process_of(actor).is_none();
        open.all(|expect| {
            matches!(expect, Expect::Measured(_) | Expect::Took(_))
                || expect.actors().into_iter().any(is_gone)
        })
    }

    /// One look at the kernel, and its verdicts on the step's expectations.
    pub fn judge(
        &mut self,
        step: &Step,
        evidence: &StepEvidence<'_>,
    ) -> Result<(Snapshot, Vec<Verdict>), LabError> {
        self.check_alive()?;
        let snapshot = self.snapshot();
        let facts: FactAnswers = super::fact_lookup::gather_facts(self, &snapshot, &step.expect);
        let world = evidence.observed_state(&snapshot, &facts);
        let verdicts = step.expect.iter().map(|expect| expect.judge(&world)).collect();
        Ok((snapshot, verdicts))
    }

    /// The kernel's verdicts on the predictions that the step asks for.
    pub(super) fn predicted(
        &mut self,
        step: &Step,
        after: &Snapshot,
        evidence: &StepEvidence<'_>,
    ) -> Result<Vec<PredictionResult>, LabError> {
        self.check_alive()?;
        let mut predicted = Vec::new();

        for (question, asked) in
            step.quiz.iter().enumerate().filter(|(_, asked)| !asked.predictions().is_empty())
        {
            let options = asked.predictions().iter().map(|option| {
                let facts = super::fact_lookup::gather_facts(self, after, &option.when);
                let world = evidence.observed_state(after, &facts);
                option.when.iter().map(|expect| expect.judge(&world)).collect()
            });
            predicted.push(PredictionResult { question, options: options.collect() });
        }

        Ok(predicted)
    }
}
