//! `getpid`: which pid the actor has, in its own pid namespace.

use serde::{Deserialize, Serialize};

use super::{ActionKind, Check, Context, LowerError};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Getpid {}

impl ActionKind for Getpid {
    const SUMMARY: &'static str = "asks for the pid that the process has in its own namespace";

    fn actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn only_looks(&self) -> bool {
        true
    }

    fn shell(&self, _: &Context) -> Vec<String> {
        vec!["echo $$".into()]
    }

    fn lower(&self, _: &Context) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::GetPid])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<Check> {
        Vec::new()
    }
}
