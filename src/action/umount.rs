//! `umount`: take a mount away; with `lazy`, at once from sight and in truth when nobody uses it.

use serde::{Deserialize, Serialize};

use super::paths::{check_is_mount, is_absolute};
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op, UmountFlag};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Umount {
    pub target: String,
    #[serde(default)]
    pub lazy: bool,
}

impl ActionKind for Umount {
    const SUMMARY: &'static str = "unmounts one mount";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        vec![format!("umount {}{}", if self.lazy { "-l " } else { "" }, self.target)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let flags = if self.lazy { vec![UmountFlag::Detach] } else { Vec::new() };
        Ok(vec![Op::Umount { target: self.target.clone(), flags }])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        if !is_absolute(&self.target) {
            return Vec::new();
        }
        vec![check_is_mount(actor, snapshot, &self.target)]
    }
}
