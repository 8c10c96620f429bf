//! `ping`: one ICMP echo request, and its answer.

use serde::{Deserialize, Serialize};

use super::paths::check_route;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use std::net::Ipv4Addr;

use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ping {
    pub to: Ipv4Addr,
}

impl ActionKind for Ping {
    const SUMMARY: &'static str = "sends one echo request and says whether it is answered";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn is_read_only(&self) -> bool {
        true
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        vec![format!("ping -c 1 -W 1 {}", self.to)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Ping { to: self.to, timeout_ms: 1000 }])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        vec![check_route(actor, snapshot, self.to)]
    }
}
