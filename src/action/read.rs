//! `read`: what a file says.

use serde::{Deserialize, Serialize};

use super::{ActionKind, Check, Context, LowerError};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    pub path: String,
}

impl ActionKind for Read {
    const SUMMARY: &'static str = "reads a file and shows its text";

    fn actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn only_looks(&self) -> bool {
        true
    }

    fn shell(&self, _: &Context) -> Vec<String> {
        vec![format!("cat {}", self.path)]
    }

    fn lower(&self, _: &Context) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::ReadFile { path: self.path.clone() }])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<Check> {
        Vec::new()
    }
}
