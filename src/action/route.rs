//! `route`: which gateway leads to a network, or everywhere.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, Precondition, PreflightCheck};
use std::net::Ipv4Addr;

use super::paths::{AddressWithPrefix, has_route};
use crate::op::{ActorName, NetOp, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    pub to: Destination,
    pub via: Ipv4Addr,
    /// Take it away instead.
    #[serde(default)]
    pub remove: bool,
}

/// `default`, or a network as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Destination {
    Default,
    Network(AddressWithPrefix),
}

impl TryFrom<String> for Destination {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "default" {
            Ok(Destination::Default)
        } else {
            AddressWithPrefix::try_from(text).map(Destination::Network)
        }
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> String {
        match destination {
            Destination::Default => "default".into(),
            Destination::Network(network) => network.to_string(),
        }
    }
}

impl ActionKind for Route {
    const SUMMARY: &'static str = "adds or removes a route";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        let verb = if self.remove { "del" } else { "add" };
        vec![format!("ip route {verb} {} via {}", String::from(self.to), self.via)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let to = match self.to {
            Destination::Default => None,
            Destination::Network(network) => Some((network.address, network.prefix)),
        };
        let via = self.via;
        Ok(vec![Op::Net(if self.remove {
            NetOp::DeleteRoute { to, via }
        } else {
            NetOp::AddRoute { to, via }
        })])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        let reachable =
            snapshot.network_of(actor).is_some_and(|network| has_route(network, self.via));
        vec![PreflightCheck { condition: Precondition::GatewayInNetwork(self.via), ok: reachable }]
    }

    fn obstacles(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        if self.remove {
            return Vec::new();
        }
        let to = String::from(self.to);
        let has_one = snapshot
            .network_of(actor)
            .is_some_and(|network| network.routes.iter().any(|route| route.to == to));
        let condition = Precondition::NoRouteYet { actor: actor.clone(), to };
        vec![PreflightCheck { condition, ok: !has_one }]
    }
}
