//! `getpid`: which pid the actor has, in its own pid namespace.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Getpid {}

impl ActionKind for Getpid {
    const SUMMARY: &'static str = "asks for the pid that the process has in its own namespace";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn is_read_only(&self) -> bool {
        true
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        vec!["echo $$".into()]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::GetPid])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}
