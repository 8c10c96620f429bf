//! `chroot`: change what `/` means for this process alone.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chroot {
    pub path: String,
    /// Stay in the old directory, as chroot(2) alone does; chroot(8) goes to the new root.
    #[serde(default)]
    pub stay: bool,
}

impl ActionKind for Chroot {
    const SUMMARY: &'static str = "changes the process's root directory";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        match self.stay {
            // No shell has the bare call.
            true => vec![format!(
                "python3 -c 'import os; os.chroot(\"{}\")'  # and go on in that process",
                self.path
            )],
            false => vec![format!("exec chroot {} /bin/sh", self.path)],
        }
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let mut ops = vec![Op::Chroot { path: self.path.clone() }];
        if !self.stay {
            ops.push(Op::Chdir { path: "/".into() });
        }
        Ok(ops)
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}
