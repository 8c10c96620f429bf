//! `dial`: one TCP connection, and what the other side says first.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::paths::check_route;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dial {
    pub to: Ipv4Addr,
    pub port: u16,
}

/// The longest that a connection or an answer may take on an idle machine, in milliseconds.
pub const DIAL_TIMEOUT_MS: u32 = 1000;

impl ActionKind for Dial {
    const SUMMARY: &'static str = "connects to a TCP port and reads what the server says";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn is_read_only(&self) -> bool {
        true
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        // Only bash(1) takes /dev/tcp for an address.
        vec![format!("timeout 2 bash -c 'cat < /dev/tcp/{}/{}'", self.to, self.port)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Dial { to: self.to, port: self.port, timeout_ms: DIAL_TIMEOUT_MS }])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        // What is a namespace's own address needs no route in its table.
        if self.to.is_loopback() {
            return Vec::new();
        }
        vec![check_route(actor, snapshot, self.to)]
    }
}
