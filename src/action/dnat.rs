//! `dnat`: another destination for TCP packets to a port: how a container's port is published.

use std::net::SocketAddrV4;

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;
use crate::traffic::{PacketHook, PortRule, PortVerdict};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dnat {
    /// The port that is published.
    pub port: u16,
    /// Address and port that packets go to instead: `172.17.0.2:80`.
    pub to: SocketAddrV4,
    pub at: NatHook,
}

/// The hook at which a destination can be changed: before the kernel looks for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NatHook {
    /// For packets that come in.
    Prerouting,
    /// For packets that are made here.
    Output,
}

impl Dnat {
    fn rule(&self) -> PortRule {
        let at = match self.at {
            NatHook::Prerouting => PacketHook::Prerouting,
            NatHook::Output => PacketHook::Output,
        };
        PortRule { port: self.port, at, then: PortVerdict::SendTo(self.to) }
    }
}

impl ActionKind for Dnat {
    const SUMMARY: &'static str = "sends TCP packets to a port elsewhere, as a published port";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        rule_lines(&self.rule())
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::PortRule(self.rule())])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}

/// The lines of nft(8) for a rule, with its table and chain, which may be there already.
pub(super) fn rule_lines(rule: &PortRule) -> Vec<String> {
    let (table, chain) = rule.place();
    // A number: nft(8) calls -100 `dstnat`, but not at the output hook.
    let (hook, priority) = (rule.at.word(), rule.priority());
    vec![
        format!("nft add table ip {table}"),
        format!(
            "nft add chain ip {table} {chain} '{{ type {table} hook {hook} priority {priority}; }}'"
        ),
        format!("nft add rule ip {table} {chain} {rule}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_port_is_three_lines_of_nft() {
        let text = r#"{"port": 8080, "to": "172.17.0.2:80", "at": "prerouting"}"#;
        let dnat: Dnat = serde_json::from_str(text).expect("the fields");
        assert_eq!(
            dnat.shell(&LabFacts::default()),
            [
                "nft add table ip nat",
                "nft add chain ip nat PREROUTING '{ type nat hook prerouting priority -100; }'",
                "nft add rule ip nat PREROUTING tcp dport 8080 dnat to 172.17.0.2:80",
            ]
        );
        let wrong = text.replace("prerouting", "input");
        assert!(serde_json::from_str::<Dnat>(&wrong).is_err());
    }
}
