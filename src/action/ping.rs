//! `ping`: one ICMP echo request, and its answer.

use serde::{Deserialize, Serialize};

use super::{ActionKind, Check, Context, LowerError};
use std::net::Ipv4Addr;

use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ping {
    pub to: Ipv4Addr,
}

impl ActionKind for Ping {
    const SUMMARY: &'static str = "sends echo requests and says whether they are answered";

    fn actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn only_looks(&self) -> bool {
        true
    }

    fn shell(&self, _: &Context) -> Vec<String> {
        vec![format!("ping -c 1 -W 1 {}", self.to)]
    }

    fn lower(&self, _: &Context) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Ping { to: self.to, timeout_ms: 1000 }])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<Check> {
        let has_route = snapshot
            .network_of(actor)
            .is_some_and(|network| super::paths::has_route(network, self.to));
        vec![Check { text: format!("a route leads to {}", self.to), ok: has_route }]
    }
}
