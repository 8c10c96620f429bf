//! `getpid`: which pid the actor has, in its own pid namespace.

use serde::{Deserialize, Serialize};

use super::{ActionKind, Check, Context, LowerError};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Getpid {}

impl ActionKind for Getpid {
    const NAME: &'static str = "getpid";

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
