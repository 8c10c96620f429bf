//! `rm`: a file, or with `dir` an empty directory.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rm {
    pub path: String,
    #[serde(default)]
    pub dir: bool,
}

impl ActionKind for Rm {
    const SUMMARY: &'static str = "removes a file, or an empty directory";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        vec![format!("{} {}", if self.dir { "rmdir" } else { "rm" }, self.path)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let path = self.path.clone();
        Ok(vec![if self.dir { Op::Rmdir { path } } else { Op::Unlink { path } }])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}
