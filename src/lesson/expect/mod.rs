//! **Expectations**: what must hold once a step has run, judged from the kernel's state alone. One file per kind.
//! What a learner adds besides (other mounts, files, processes) never fails one.

pub mod cgroup;
pub mod file;
pub mod hostname;
pub mod mount;
pub mod namespaces;
pub mod network;
pub mod output;
pub mod overlay;
pub mod process;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::observe::facts::FileFact;
use crate::op::ActorName;
use crate::report::Verdict;
use crate::snapshot::Snapshot;

/// What an expectation is judged by.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    pub snapshot: &'a Snapshot,
    /// As the step found it.
    pub before: &'a Snapshot,
    pub facts: &'a FactAnswers,
    /// What the step's actions printed, in order.
    pub outputs: &'a [&'a str],
}

/// Something to look up besides the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactRequest {
    File {
        actor: ActorName,
        path: String,
    },
    /// Does the /proc that `viewer` sees list the process of `target`?
    ProcLists {
        viewer: ActorName,
        target: ActorName,
    },
    /// How many processes does it list?
    ProcCount {
        viewer: ActorName,
    },
    /// Does `to` answer an echo request from the network namespace of `from`?
    Reach {
        from: ActorName,
        to: Ipv4Addr,
    },
}

/// What was found. A missing answer: the actor is not there.
#[derive(Debug, Clone, Default)]
pub struct FactAnswers {
    pub files: BTreeMap<(ActorName, String), Option<FileFact>>,
    pub proc_lists: BTreeMap<(ActorName, ActorName), bool>,
    pub proc_counts: BTreeMap<ActorName, usize>,
    pub reached: BTreeMap<(ActorName, Ipv4Addr), bool>,
}

/// One kind of expectation.
pub trait ExpectKind {
    /// Whom it speaks of.
    fn actors(&self) -> Vec<&ActorName>;

    fn facts(&self) -> Vec<FactRequest> {
        Vec::new()
    }

    fn judge(&self, world: &World<'_>) -> Verdict;
}

/// Any expectation. A closed list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    Mount(mount::Mount),
    Mounts(mount::Mounts),
    Namespaces(namespaces::Namespaces),
    Pid(process::Pid),
    Ps(process::Ps),
    Process(process::Process),
    Hostname(hostname::Hostname),
    File(file::File),
    Link(network::Link),
    Address(network::Address),
    Route(network::Route),
    Reach(network::Reach),
    Cgroup(cgroup::Cgroup),
    Overlay(overlay::Overlay),
    Output(output::Output),
}

impl Expect {
    fn kind(&self) -> &dyn ExpectKind {
        match self {
            Expect::Mount(kind) => kind,
            Expect::Mounts(kind) => kind,
            Expect::Namespaces(kind) => kind,
            Expect::Pid(kind) => kind,
            Expect::Ps(kind) => kind,
            Expect::Process(kind) => kind,
            Expect::Hostname(kind) => kind,
            Expect::File(kind) => kind,
            Expect::Link(kind) => kind,
            Expect::Address(kind) => kind,
            Expect::Route(kind) => kind,
            Expect::Reach(kind) => kind,
            Expect::Cgroup(kind) => kind,
            Expect::Overlay(kind) => kind,
            Expect::Output(kind) => kind,
        }
    }

    pub fn actors(&self) -> Vec<&ActorName> {
        self.kind().actors()
    }

    pub fn facts(&self) -> Vec<FactRequest> {
        self.kind().facts()
    }

    pub fn judge(&self, world: &World<'_>) -> Verdict {
        self.kind().judge(world)
    }
}

fn verdict(ok: bool, expected: impl Into<String>, seen: impl Into<String>) -> Verdict {
    Verdict { ok, expected: expected.into(), seen: seen.into() }
}

/// Where an actor is not specified: the lab's host.
fn host() -> ActorName {
    ActorName::host()
}
