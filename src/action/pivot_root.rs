//! `pivot_root`: another mount becomes the root of the mount namespace, the old root is put below it.

use serde::{Deserialize, Serialize};

use super::paths::{self, is_absolute};
use super::{ActionKind, LabFacts, LowerError, Precondition, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PivotRoot {
    /// An absolute path: the actor goes there first.
    pub new_root: String,
    /// Relative to the new root.
    pub put_old: String,
}

impl ActionKind for PivotRoot {
    const SUMMARY: &'static str = "makes another mount the root of the mount namespace";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        vec![
            format!("cd {}", self.new_root),
            format!("pivot_root . {}", self.put_old),
            "cd /".into(),
        ]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![
            Op::Chdir { path: self.new_root.clone() },
            Op::PivotRoot { new_root: ".".into(), put_old: self.put_old.clone() },
            // The call need not move a working directory: without this it may stay in the old root.
            Op::Chdir { path: "/".into() },
        ])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        if !is_absolute(&self.new_root) {
            return Vec::new();
        }

        let is_mount = paths::check_is_mount(actor, snapshot, &self.new_root);
        // Where the parent mount is shared the call fails (EINVAL), see pivot_root(2). The last row
        // of a target is the mount on top.
        let parent_is_shared = snapshot.mounts_of(actor).is_some_and(|table| {
            let parent = table
                .rows
                .iter()
                .rev()
                .find(|row| row.target == self.new_root)
                .map(|row| row.parent);
            parent.is_some_and(|id| {
                table.rows.iter().any(|row| row.id == id && row.propagation.shared.is_some())
            })
        });

        let private =
            PreflightCheck { condition: Precondition::ParentMountNotShared, ok: !parent_is_shared };
        vec![is_mount, private]
    }
}
