//! `overlay`: several directories seen as one, writes going to the upper.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Topmost first.
    pub lower: Vec<String>,
    pub upper: String,
    pub work: String,
    pub merged: String,
}

impl Overlay {
    /// `userxattr`: without it removing a directory of a lower layer fails in a user namespace (EIO).
    fn data(&self) -> String {
        format!(
            "lowerdir={},upperdir={},workdir={},userxattr",
            self.lower.join(":"),
            self.upper,
            self.work
        )
    }
}

impl ActionKind for Overlay {
    const SUMMARY: &'static str = "mounts an overlay of lower layers and an upper one";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        vec![format!("mount -t overlay overlay -o {} {}", self.data(), self.merged)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Mount {
            source: Some("overlay".into()),
            target: self.merged.clone(),
            fstype: Some("overlay".into()),
            flags: Vec::new(),
            data: Some(self.data()),
        }])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}
