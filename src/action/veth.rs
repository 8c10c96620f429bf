//! `veth`: a cable of two ends, both where the actor is.

use serde::{Deserialize, Serialize};

use super::paths::check_link;
use super::{ActionKind, LabFacts, LowerError, Precondition, PreflightCheck};
use crate::op::{ActorName, NetOp, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Veth {
    pub name: String,
    pub peer: String,
}

impl ActionKind for Veth {
    const SUMMARY: &'static str =
        "makes a pair of virtual network devices, the two ends of a cable";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        vec![format!("ip link add name {} type veth peer name {}", self.name, self.peer)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Net(NetOp::AddVeth { name: self.name.clone(), peer: self.peer.clone() })])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        let taken = check_link(actor, snapshot, &self.name).ok;
        let condition = Precondition::NoLinkYet { name: self.name.clone() };
        vec![PreflightCheck { condition, ok: !taken }]
    }
}
