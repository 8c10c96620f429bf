//! `bind`: show a directory at a second place.

use serde::{Deserialize, Serialize};

use super::paths::{check_is_mount, is_absolute};
use super::pid_text::PidText;
use super::{ActionKind, LabFacts, LowerError, Precondition, PreflightCheck};
use crate::op::{ActorName, MountFlag, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    pub source: PidText,
    pub target: String,
    /// With all that is mounted below the source.
    #[serde(default)]
    pub recursive: bool,
}

impl ActionKind for Bind {
    const SUMMARY: &'static str = "makes a directory or a file appear at a second place";

    fn named_actors(&self) -> Vec<&ActorName> {
        self.source.actors().collect()
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        let option = if self.recursive { "--rbind" } else { "--bind" };
        vec![format!("mount {option} {} {}", self.source.shell(context), self.target)]
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let mut flags = vec![MountFlag::Bind];
        flags.extend(self.recursive.then_some(MountFlag::Recursive));
        Ok(vec![Op::Mount {
            source: Some(self.source.lower(context)?),
            target: self.target.clone(),
            fstype: None,
            flags,
            data: None,
        }])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        if !is_absolute(&self.target) {
            return Vec::new();
        }
        let mounted = check_is_mount(actor, snapshot, &self.target).ok;
        let condition = Precondition::NoMountPointYet { path: self.target.clone() };
        vec![PreflightCheck { condition, ok: !mounted }]
    }
}
