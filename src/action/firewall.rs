//! `firewall`: TCP packets to a port are dropped, in one network namespace.

use serde::{Deserialize, Serialize};

use super::dnat::rule_lines;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;
use crate::traffic::{PacketHook, PortRule, PortVerdict};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firewall {
    /// The port to which nothing gets through.
    pub drop: u16,
    pub at: FilterHook,
}

/// The hook at which packets can be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterHook {
    /// For packets to this namespace.
    Input,
    /// For packets that pass through it.
    Forward,
    /// For packets that are made here.
    Output,
}

impl Firewall {
    fn rule(&self) -> PortRule {
        let at = match self.at {
            FilterHook::Input => PacketHook::Input,
            FilterHook::Forward => PacketHook::Forward,
            FilterHook::Output => PacketHook::Output,
        };
        PortRule { port: self.drop, at, then: PortVerdict::Drop }
    }
}

impl ActionKind for Firewall {
    const SUMMARY: &'static str = "drops TCP packets to a port";

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_closed_where_packets_come_in() {
        let firewall: Firewall =
            serde_json::from_str(r#"{"drop": 80, "at": "input"}"#).expect("the fields");
        let lines = firewall.shell(&LabFacts::default());
        assert_eq!(
            lines[1],
            "nft add chain ip filter INPUT '{ type filter hook input priority 0; }'"
        );
        assert_eq!(lines[2], "nft add rule ip filter INPUT tcp dport 80 drop");
    }
}
