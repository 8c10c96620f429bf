//! The evidence for verdicts.

use crate::call::ErrnoName;
use crate::lesson::expect::verdict::{Expected, Verdict};
use crate::lesson::expect::{FactAnswers, ObservedState};
use crate::lesson::model::ActionEntry;
use crate::op::{OpRecord, Outcome};
use crate::seen::Seen;
use crate::snapshot::Snapshot;

/// The evidence for verdicts, besides the kernel's state as it is now.
#[derive(Debug, Clone, Copy)]
pub struct StepEvidence<'a> {
    pub before: &'a Snapshot,
    /// The output of programs.
    pub outputs: &'a [&'a str],
    /// The ops that were performed; empty where nothing was played.
    pub ops: &'a [OpRecord],
}

impl<'a> StepEvidence<'a> {
    pub(super) fn observed_state(
        &self,
        snapshot: &'a Snapshot,
        facts: &'a FactAnswers,
    ) -> ObservedState<'a> {
        ObservedState { snapshot, before: self.before, facts, outputs: self.outputs, ops: self.ops }
    }
}

/// The verdict on an action's own outcome: none when it went well and was meant to.
pub(super) fn outcome_verdict(entry: &ActionEntry, failed: Option<&OpRecord>) -> Option<Verdict> {
    let action = entry.action.name().to_owned();
    let fails =
        |errno: &ErrnoName| Expected::Fails { action: action.clone(), errno: errno.clone() };

    match (&entry.fails, failed) {
        (None, None) => None,
        (Some(errno), None) => Some(Verdict::failed_action(fails(errno), Seen::WentWell)),
        (expected, Some(record)) => {
            let seen = match &record.outcome {
                Outcome::Failed { errno, what } => {
                    let op = Box::new(record.op.clone());
                    Seen::OpFailed { op, call: what.clone(), errno: errno.clone() }
                }
                Outcome::Exited { output, status } => {
                    Seen::Exited { status: *status, output: output.clone() }
                }
                Outcome::Done { .. } => Seen::WentWell,
            };

            let ok = expected.is_some() && record.outcome.errno() == expected.as_ref();
            let expected = match expected {
                Some(errno) => fails(errno),
                None => Expected::Works { action },
            };

            Some(Verdict::on_action(ok, expected, seen))
        }
    }
}
