//! `move`: a mount to another place, with all that is mounted below it.

use serde::{Deserialize, Serialize};

use super::paths::{check_is_mount, is_absolute};
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, MountFlag, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveMount {
    /// A mount point.
    pub from: String,
    pub to: String,
}

impl ActionKind for MoveMount {
    const SUMMARY: &'static str = "moves a mount, and all below it, to another directory";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        vec![format!("mount --move {} {}", self.from, self.to)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Mount {
            source: Some(self.from.clone()),
            target: self.to.clone(),
            fstype: None,
            flags: vec![MountFlag::Move],
            data: None,
        }])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        if !is_absolute(&self.from) {
            return Vec::new();
        }
        vec![check_is_mount(actor, snapshot, &self.from)]
    }
}
