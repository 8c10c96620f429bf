//! `read`: what a file says.

use serde::{Deserialize, Serialize};

use super::pid_text::PidText;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    pub path: PidText,
}

impl ActionKind for Read {
    const SUMMARY: &'static str = "reads a file and shows its text";

    fn named_actors(&self) -> Vec<&ActorName> {
        self.path.actors().collect()
    }

    fn is_read_only(&self) -> bool {
        true
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        vec![format!("cat {}", self.path.shell(context))]
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::ReadFile { path: self.path.lower(context)? }])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}
