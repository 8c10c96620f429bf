//! The proof that a lesson left the machine as it was.

use serde::{Deserialize, Serialize};

/// The machine compared with what it was before the lab, view by view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    pub rows: Vec<ProofRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofRow {
    /// `mounts`, `links`, `cgroups`, `processes`.
    pub what: String,
    /// The number of entries before the lab.
    pub before: usize,
    pub after: usize,
    /// The differences, one line each; empty when there are none.
    pub differences: Vec<String>,
    /// Changes that others made meanwhile, one line each. They say nothing of the lesson.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_others: Vec<String>,
}

impl Proof {
    pub fn is_clean(&self) -> bool {
        self.rows.iter().all(|row| row.differences.is_empty())
    }
}
