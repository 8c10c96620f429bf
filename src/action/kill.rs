//! `kill`: send a signal to an actor.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, Precondition, PreflightCheck};
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
        match context.lab_pid(&self.actor) {
            Ok(pid) => vec![format!("kill -{} {pid}", self.signal)],
            Err(_) => vec![format!("kill -{} PID", self.signal)],
        }
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Kill { pid: context.lab_pid(&self.actor)?, signal: self.signal.clone() }])
    }

    fn preflight(&self, _: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        let lives = snapshot.process_of(&self.actor).is_some();
        vec![PreflightCheck { condition: Precondition::Alive(self.actor.clone()), ok: lives }]
    }
}
