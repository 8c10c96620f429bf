//! `hostname`: name this machine, as far as the UTS namespace reaches.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, Precondition, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hostname {
    pub set: String,
    /// The UTS namespace that is meant.
    #[serde(default, skip_serializing_if = "NamedNamespace::is_own")]
    pub namespace: NamedNamespace,
}

/// A UTS namespace that an actor names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedNamespace {
    /// One that is not the host's: the step fails where the actor shares that.
    #[default]
    Own,
    /// Whichever the actor is in, the host's as well.
    Any,
}

impl NamedNamespace {
    fn is_own(&self) -> bool {
        *self == NamedNamespace::Own
    }
}

impl ActionKind for Hostname {
    const SUMMARY: &'static str = "sets the host name of the UTS namespace";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        vec![format!("hostname {}", self.set)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::SetHostname { name: self.set.clone() }])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        use crate::op::NamespaceKind::Uts;
        let own = |actor: &ActorName| snapshot.process_of(actor)?.namespaces.get(&Uts).copied();
        let host = ActorName::host();
        if *actor == host || self.namespace == NamedNamespace::Any {
            return Vec::new();
        }
        vec![PreflightCheck {
            condition: Precondition::OwnUtsNamespace(actor.clone()),
            ok: own(actor) != own(&host),
        }]
    }
}
