//! The record of a played step: every front end (screen, text, JSON) draws from it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::diagnosis::{Blocker, Cure};
use crate::diff::Diff;
use crate::lesson::expect::verdict::Verdict;
use crate::op::{ActorName, OpRecord};
use crate::own_call::OwnCalls;
use crate::snapshot::Snapshot;
use crate::view::Chart;

/// One step as it was played. As text it is without the snapshots, and what follows from them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepRecord {
    /// Index into the lesson's steps.
    pub step: usize,
    pub status: StepStatus,
    pub ops: Vec<OpRecord>,
    #[serde(skip)]
    pub before: Arc<Snapshot>,
    #[serde(skip)]
    pub after: Arc<Snapshot>,
    /// The differences, see `StepRecord::diff`.
    #[serde(skip)]
    pub diff: LazyDiff,
    pub verdicts: Vec<Verdict>,
    /// The kernel's verdicts on the step's predictions.
    pub predicted: Vec<PredictionResult>,
    /// The calls that the learner's programs made, where the step was done by typing.
    #[serde(default, skip_serializing_if = "OwnCalls::is_empty")]
    pub own_calls: OwnCalls,
    /// The charts that were drawn while the step ran.
    pub charts: Vec<ChartSeries>,
    pub nanos: u64,
}

/// The differences between a record's snapshots, once somebody has asked. They are larger than both of them: a
/// recording of many steps has them for those alone that are looked at.
#[derive(Debug, Clone, Default)]
pub struct LazyDiff(OnceLock<Diff>);

/// A record with its snapshots, as it travels and is kept; what differs between them is found again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordWithSnapshots {
    before: Arc<Snapshot>,
    after: Arc<Snapshot>,
    record: Arc<StepRecord>,
}

impl RecordWithSnapshots {
    pub fn from_record(record: &Arc<StepRecord>) -> RecordWithSnapshots {
        let (before, after) = (Arc::clone(&record.before), Arc::clone(&record.after));
        RecordWithSnapshots { before, after, record: Arc::clone(record) }
    }

    pub fn into_record(self) -> StepRecord {
        Arc::unwrap_or_clone(self.record).with_snapshots(self.before, self.after)
    }
}

/// Readings of a group over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChartSeries {
    pub chart: Chart,
    pub points: Vec<ChartPoint>,
}

/// One reading. Bytes, processes, or CPUs' worth of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChartPoint {
    /// The time since the step began, in milliseconds.
    pub at_ms: u64,
    pub value: f64,
    pub limit: Option<f64>,
    /// True if the group was throttled since the last reading.
    pub marked: bool,
}

/// One question that asked what would be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictionResult {
    /// Its place among the step's questions.
    pub question: usize,
    /// The verdicts that each option rests on.
    pub options: Vec<Vec<Verdict>>,
}

impl PredictionResult {
    /// True for each option that holds.
    pub fn holds(&self) -> Vec<bool> {
        self.options.iter().map(|verdicts| verdicts.iter().all(|verdict| verdict.ok)).collect()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Played,
    /// This machine lacks what the step declares to need.
    Skipped {
        why: Blocker,
        cure: Cure,
    },
    /// The learner did it by typing.
    Typed,
    /// The learner left it out, to see what is missing then.
    LeftOut,
}

impl StepStatus {
    /// True if what came of the step was held against what the lesson expects.
    pub fn is_judged(&self) -> bool {
        match self {
            StepStatus::Played | StepStatus::Typed => true,
            StepStatus::Skipped { .. } | StepStatus::LeftOut => false,
        }
    }
}

/// The steps of a lesson by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepCounts {
    pub total: usize,
    /// Played, or done by the learner's typing.
    pub played: usize,
    /// Only done again on the way to a later step: their records are not of this session.
    pub replayed: usize,
    pub left_out: usize,
    pub not_possible: usize,
}

impl StepCounts {
    /// The counts of a lesson of so many steps, from the records of those that the lab has behind it. A step that was
    /// only replayed has none.
    pub fn of<'a>(
        total: usize,
        records: impl IntoIterator<Item = Option<&'a StepRecord>>,
    ) -> StepCounts {
        let mut counts = StepCounts { total, ..StepCounts::default() };
        for record in records {
            let count = match record.map(|record| &record.status) {
                Some(StepStatus::Played | StepStatus::Typed) => &mut counts.played,
                Some(StepStatus::Skipped { .. }) => &mut counts.not_possible,
                Some(StepStatus::LeftOut) => &mut counts.left_out,
                None => &mut counts.replayed,
            };
            *count += 1;
        }
        counts
    }

    /// The steps that the lab has behind it, whatever became of them.
    pub fn reached(&self) -> usize {
        self.played + self.replayed + self.left_out + self.not_possible
    }
}

impl StepRecord {
    /// The record with its snapshots, after it has travelled or was kept without them.
    pub fn with_snapshots(self, before: Arc<Snapshot>, after: Arc<Snapshot>) -> StepRecord {
        StepRecord { before, after, diff: LazyDiff::default(), ..self }
    }

    /// The kernel's answer to the options of a prediction, by the question's place in the step.
    pub fn predicted(&self, question: usize) -> Option<&PredictionResult> {
        self.predicted.iter().find(|predicted| predicted.question == question)
    }

    /// The differences between its snapshots.
    pub fn diff(&self) -> &Diff {
        self.diff.0.get_or_init(|| Diff::between(&self.before, &self.after))
    }

    pub fn is_ok(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.ok)
    }

    /// The number of expectations that were judged and do not hold.
    pub fn failures(&self) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.has_failed()).count()
    }
}

/// The lab as the outside knows it: which pid (as the machine counts) is which actor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabInfo {
    pub id: String,
    pub actors: BTreeMap<ActorName, u32>,
    /// True if the keeper of this lab has no privilege.
    pub rootless: bool,
}
