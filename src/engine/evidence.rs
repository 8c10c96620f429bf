//! The evidence for verdicts.

use crate::failure;
use crate::lesson::expect::{FactAnswers, World};
use crate::lesson::model::ActionEntry;
use crate::op::{OpRecord, Outcome};
use crate::snapshot::Snapshot;
use crate::verdict::Verdict;

/// The evidence for verdicts, besides the kernel's state as it is now.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    pub before: &'a Snapshot,
    /// The output of programs.
    pub outputs: &'a [&'a str],
    /// The ops that were performed; empty where nothing was played.
    pub ops: &'a [OpRecord],
}

impl<'a> Evidence<'a> {
    pub(super) fn world(&self, snapshot: &'a Snapshot, facts: &'a FactAnswers) -> World<'a> {
        World { snapshot, before: self.before, facts, outputs: self.outputs, ops: self.ops }
    }
}

/// The verdict on an action's own outcome: none when it went well and was meant to.
pub(super) fn outcome_verdict(entry: &ActionEntry, failed: Option<&OpRecord>) -> Option<Verdict> {
    let name = entry.action.name();

    match (&entry.fails, failed) {
        (None, None) => None,
        (Some(errno), None) => {
            Some(Verdict::failed(format!("{name} fails with {errno}"), "it went well"))
        }
        (expected, Some(record)) => {
            let seen = match &record.outcome {
                Outcome::Failed { errno, what } => {
                    let meaning = failure::explain(&record.op, errno);
                    let meaning =
                        meaning.map_or_else(|| errno.sentence().to_owned(), str::to_owned);
                    format!("{what} = {errno}: {meaning}")
                }
                Outcome::Exited { output, status } => {
                    format!("exit status {status}: {}", output.trim_end())
                }
                Outcome::Done { .. } => "it went well".into(),
            };

            let ok = expected.is_some() && record.outcome.errno() == expected.as_ref();
            let expected = match expected {
                Some(errno) => format!("{name} fails with {errno}"),
                None => format!("{name} works"),
            };

            Some(Verdict::new(ok, expected, seen))
        }
    }
}
