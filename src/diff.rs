//! What changed between two snapshots, keyed by the kernel's identities (mount id, pid + start time, ifindex …).

use serde::{Deserialize, Serialize};

use crate::op::ActorName;
use crate::snapshot::{
    Address, Cgroup, DirEntry, Link, Mount, Namespace, Neighbour, OverlayEntry, Process, Route, Snapshot,
};

/// How a row changed. `Moved` is for mounts whose target changed and nothing else did (pivot_root, mount --move).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Same,
    Added,
    Gone,
    Changed,
    Moved,
}

impl Mark {
    /// The gutter character; colour is never the only carrier.
    pub fn sign(self) -> char {
        match self {
            Mark::Same => ' ',
            Mark::Added => '+',
            Mark::Gone => '-',
            Mark::Changed => '~',
            Mark::Moved => '>',
        }
    }

    pub fn is_change(self) -> bool {
        self != Mark::Same
    }
}

/// One row of a diff: at least one side is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row<T> {
    pub mark: Mark,
    pub before: Option<T>,
    pub after: Option<T>,
}

/// Rows of one owner: an actor's mount table, a network namespace's links, a cgroup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Section<T> {
    pub owner: String,
    pub birth: Birth,
    pub rows: Vec<Row<T>>,
}

/// Whether the owner itself is new. A new mount namespace is a *copy*: its rows were not mounted one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Birth {
    Old,
    /// The owner was not there before: rows are `Added`.
    New,
    /// A new mount namespace, copied from this actor's: rows copied alike are `Same`.
    CopyOf(ActorName),
    /// The owner is there no more: rows are `Gone`.
    Gone,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    pub mounts: Vec<Section<Mount>>,
    pub processes: Vec<Row<Process>>,
    pub namespaces: Vec<Row<Namespace>>,
    pub networks: Vec<NetworkDiff>,
    pub cgroups: Vec<Section<CgroupFile>>,
    pub overlays: Vec<Section<OverlayEntry>>,
    pub directories: Vec<Section<DirEntry>>,
    /// (actor, name) rows of hostnames.
    pub hostnames: Vec<Row<(ActorName, String)>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkDiff {
    pub name: String,
    pub birth: Birth,
    pub links: Vec<Row<Link>>,
    pub addresses: Vec<Row<Address>>,
    pub routes: Vec<Row<Route>>,
    pub neighbours: Vec<Row<Neighbour>>,
}

/// One file of a cgroup, or its member list as the pseudo-file `cgroup.procs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupFile {
    pub name: String,
    pub value: String,
}
