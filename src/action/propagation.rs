//! `propagation`: who else sees mounts made below a mount point.

use serde::{Deserialize, Serialize};

use super::paths::check_is_mount;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, MountFlag, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Propagation {
    pub target: String,
    pub to: PropagationType,
}

/// The words of mount(8); with `r`, for all mounts below too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PropagationType {
    Private,
    Rprivate,
    Shared,
    Rshared,
    Slave,
    Rslave,
    Unbindable,
    Runbindable,
}

impl PropagationType {
    fn word(self) -> &'static str {
        match self {
            PropagationType::Private => "private",
            PropagationType::Rprivate => "rprivate",
            PropagationType::Shared => "shared",
            PropagationType::Rshared => "rshared",
            PropagationType::Slave => "slave",
            PropagationType::Rslave => "rslave",
            PropagationType::Unbindable => "unbindable",
            PropagationType::Runbindable => "runbindable",
        }
    }

    /// True if mounts made below are seen by others from now on.
    pub fn is_shared(self) -> bool {
        matches!(self, PropagationType::Shared | PropagationType::Rshared)
    }

    fn flags(self) -> Vec<MountFlag> {
        match self {
            PropagationType::Private => vec![MountFlag::Private],
            PropagationType::Rprivate => vec![MountFlag::Recursive, MountFlag::Private],
            PropagationType::Shared => vec![MountFlag::Shared],
            PropagationType::Rshared => vec![MountFlag::Recursive, MountFlag::Shared],
            PropagationType::Slave => vec![MountFlag::Slave],
            PropagationType::Rslave => vec![MountFlag::Recursive, MountFlag::Slave],
            PropagationType::Unbindable => vec![MountFlag::Unbindable],
            PropagationType::Runbindable => vec![MountFlag::Recursive, MountFlag::Unbindable],
        }
    }
}

impl ActionKind for Propagation {
    const SUMMARY: &'static str = "makes a mount private, shared, slave or unbindable";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        vec![format!("mount --make-{} {}", self.to.word(), self.target)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Mount {
            // Ignored where only the propagation changes, see mount(2).
            source: Some("none".into()),
            target: self.target.clone(),
            fstype: None,
            flags: self.to.flags(),
            data: None,
        }])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        vec![check_is_mount(actor, snapshot, &self.target)]
    }
}
