//! `veth`: a cable of two ends, both where the actor is.

use serde::{Deserialize, Serialize};

use super::paths::check_no_link;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
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
        vec![check_no_link(actor, snapshot, &self.name)]
    }

    fn obstacles(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        vec![check_no_link(actor, snapshot, &self.peer)]
    }
}
