//! `address`: an IPv4 address for a link.

use serde::{Deserialize, Serialize};

use super::paths::{AddressWithPrefix, check_link};
use super::{ActionKind, LabFacts, LowerError, Precondition, PreflightCheck};
use crate::op::{ActorName, NetOp, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    pub dev: String,
    pub add: AddressWithPrefix,
}

impl ActionKind for Address {
    const SUMMARY: &'static str = "gives a network device an address";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        vec![format!("ip addr add {} dev {}", self.add, self.dev)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let AddressWithPrefix { address, prefix } = self.add;
        Ok(vec![Op::Net(NetOp::AddAddress { dev: self.dev.clone(), address, prefix })])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        vec![check_link(actor, snapshot, &self.dev)]
    }

    fn obstacles(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        let AddressWithPrefix { address, prefix } = self.add;
        let has_it = snapshot.network_of(actor).is_some_and(|network| {
            network.ipv4_on(&self.dev).any(|known| known == (address, prefix))
        });
        let (dev, address) = (self.dev.clone(), self.add.to_string());
        vec![PreflightCheck { condition: Precondition::NoAddressYet { dev, address }, ok: !has_it }]
    }
}
