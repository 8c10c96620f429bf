//! `chroot`: change what `/` means for this process alone.

use serde::{Deserialize, Serialize};

use super::{ActionKind, Check, Context, LowerError};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chroot {
    pub path: String,
}

impl ActionKind for Chroot {
    const NAME: &'static str = "chroot";

    fn shell(&self, _: &Context) -> Vec<String> {
        vec![format!("exec chroot {} /bin/sh", self.path)]
    }

    fn lower(&self, _: &Context) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Chroot { path: self.path.clone() }, Op::Chdir { path: "/".into() }])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<Check> {
        Vec::new()
    }
}
