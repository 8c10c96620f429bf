//! Answers that a question takes from the lab itself: numbers that differ from machine to machine. Pure.

use serde::{Deserialize, Serialize};

use crate::op::{ActorName, NamespaceKind};
use crate::snapshot::Snapshot;

/// The source of an answer: `{what: mounts, of: container}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Source")]
pub struct AnswerSource {
    pub what: Quantity,
    pub of: ActorName,
}

/// Something that can be read off a snapshot, of an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Rows of its mount table.
    Mounts,
    /// Its number as the lab's host counts.
    PidOnHost,
    /// Its number as the machine outside counts.
    PidOnMachine,
    /// Its number in its own pid namespace.
    OwnPid,
    /// Links of its network namespace.
    Links,
    /// The host name it sees.
    Hostname,
    /// The number of the eight kinds of namespaces that it shares with the lab's host.
    SharedNamespaces,
}

impl AnswerSource {
    /// None when the actor is not there.
    pub fn read(&self, snapshot: &Snapshot) -> Option<String> {
        let process = snapshot.process_of(&self.of)?;

        match self.what {
            Quantity::Mounts => {
                let table = snapshot.mounts.iter().find(|table| table.actor == self.of)?;
                Some(table.rows.len().to_string())
            }
            Quantity::PidOnHost => process.lab_pid().map(|pid| pid.to_string()),
            Quantity::PidOnMachine => Some(process.pid.to_string()),
            Quantity::OwnPid => Some(process.own_pid().to_string()),
            Quantity::Links => Some(snapshot.network_of(&self.of)?.links.len().to_string()),
            Quantity::Hostname => snapshot.hostnames.get(&self.of).cloned(),
            Quantity::SharedNamespaces => {
                let host = snapshot.process_of(&ActorName::host())?;
                let is_shared = |kind: &&NamespaceKind| {
                    process.namespaces.get(kind) == host.namespaces.get(kind)
                };
                Some(NamespaceKind::ALL.iter().filter(is_shared).count().to_string())
            }
        }
    }
}
