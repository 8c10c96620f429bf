//! What playing a step left behind: the record every front end (screen, text, JSON) draws from.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::diff::Diff;
use crate::op::{ActorName, OpRecord};
use crate::snapshot::Snapshot;

/// One step as it was played.
#[derive(Debug, Clone, Serialize)]
pub struct StepRecord {
    /// Index into the lesson's steps.
    pub step: usize,
    pub status: StepStatus,
    pub ops: Vec<OpRecord>,
    #[serde(skip)]
    pub before: Arc<Snapshot>,
    #[serde(skip)]
    pub after: Arc<Snapshot>,
    pub diff: Diff,
    pub verdicts: Vec<Verdict>,
    pub nanos: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Played,
    /// This machine lacks what the step declares to need.
    Skipped {
        why: String,
        cure: String,
    },
}

/// What became of one expectation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    pub ok: bool,
    /// What was expected, as a sentence: `container is pid 1 in its own pid namespace`.
    pub expected: String,
    /// What the kernel shows: the row itself where there is one.
    pub seen: String,
}

impl StepRecord {
    pub fn is_ok(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.ok)
    }
}

/// The lab as the outside knows it: which pid (as the machine counts) is which actor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LabInfo {
    pub id: String,
    pub actors: BTreeMap<ActorName, u32>,
    /// What this lab can do, for preflights and for choosing between cgroup v1 and v2.
    pub rootless: bool,
}
