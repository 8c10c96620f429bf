//! `kill`: send a signal to an actor.

use serde::{Deserialize, Serialize};

use super::paths::check_is_alive;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    pub actor: ActorName,
    /// Without `SIG`.
    pub signal: String,
}

impl ActionKind for Kill {
    const SUMMARY: &'static str = "sends a signal to an actor";

    fn named_actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        vec![format!("kill -{} {}", self.signal, context.shown_pid(&self.actor))]
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Kill { pid: context.lab_pid(&self.actor)?, signal: self.signal.clone() }])
    }

    fn preflight(&self, _: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        vec![check_is_alive(snapshot, &self.actor)]
    }
}
