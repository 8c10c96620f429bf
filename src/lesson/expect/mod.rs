//! **Expectations**: what must hold once a step has run, judged from the kernel's state alone. One file per kind.
//! What a learner adds besides (other mounts, files, processes) never fails one.

pub mod cgroup;
pub mod cgroup_file;
pub mod file;
pub mod hostname;
pub mod measured;
pub mod mount;
pub mod namespaces;
pub mod network;
pub mod outcome;
pub mod output;
pub mod overlay;
pub mod process;
pub mod traffic;

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::lesson::model::ViewKind;
use crate::observe::facts::{FileFact, Listing, ProcCount};
use crate::op::{ActorName, OpRecord};
use crate::report::Verdict;
use crate::snapshot::{Omitted, Snapshot};

/// What an expectation is judged by.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    pub snapshot: &'a Snapshot,
    /// As the step found it.
    pub before: &'a Snapshot,
    pub facts: &'a FactAnswers,
    /// What the step's actions printed, in order.
    pub outputs: &'a [&'a str],
    /// What the step's actions did, in order.
    pub ops: &'a [OpRecord],
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
    pub proc_lists: BTreeMap<(ActorName, ActorName), Listing>,
    pub proc_counts: BTreeMap<ActorName, ProcCount>,
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

    /// The pane that shows it; none where no pane does.
    fn pane(&self) -> Option<ViewKind>;

    /// Words that a row which decides it holds.
    fn points(&self) -> Vec<String> {
        Vec::new()
    }

    /// Why no state of the kernel could ever fulfil it: an author's mistake.
    fn fault(&self) -> Option<&'static str> {
        None
    }
}

/// Any expectation. A closed list.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    Outcome(outcome::Outcome),
    CgroupFile(cgroup_file::CgroupFile),
    Measured(measured::Measured),
    Traffic(traffic::Traffic),
}

impl Expect {
    /// The keys of all kinds in YAML.
    pub const NAMES: [&'static str; 19] = [
        "mount",
        "mounts",
        "namespaces",
        "pid",
        "ps",
        "process",
        "hostname",
        "file",
        "link",
        "address",
        "route",
        "reach",
        "cgroup",
        "overlay",
        "output",
        "outcome",
        "cgroup_file",
        "measured",
        "traffic",
    ];

    fn read<'de, D: Deserializer<'de>>(name: &str, fields: D) -> Result<Expect, D::Error> {
        match name {
            "mount" => mount::Mount::deserialize(fields).map(Expect::Mount),
            "mounts" => mount::Mounts::deserialize(fields).map(Expect::Mounts),
            "namespaces" => namespaces::Namespaces::deserialize(fields).map(Expect::Namespaces),
            "pid" => process::Pid::deserialize(fields).map(Expect::Pid),
            "ps" => process::Ps::deserialize(fields).map(Expect::Ps),
            "process" => process::Process::deserialize(fields).map(Expect::Process),
            "hostname" => hostname::Hostname::deserialize(fields).map(Expect::Hostname),
            "file" => file::File::deserialize(fields).map(Expect::File),
            "link" => network::Link::deserialize(fields).map(Expect::Link),
            "address" => network::Address::deserialize(fields).map(Expect::Address),
            "route" => network::Route::deserialize(fields).map(Expect::Route),
            "reach" => network::Reach::deserialize(fields).map(Expect::Reach),
            "cgroup" => cgroup::Cgroup::deserialize(fields).map(Expect::Cgroup),
            "overlay" => overlay::Overlay::deserialize(fields).map(Expect::Overlay),
            "output" => output::Output::deserialize(fields).map(Expect::Output),
            "outcome" => outcome::Outcome::deserialize(fields).map(Expect::Outcome),
            "cgroup_file" => cgroup_file::CgroupFile::deserialize(fields).map(Expect::CgroupFile),
            "measured" => measured::Measured::deserialize(fields).map(Expect::Measured),
            "traffic" => traffic::Traffic::deserialize(fields).map(Expect::Traffic),
            _ => Err(D::Error::unknown_field(name, &Expect::NAMES)),
        }
    }
}

/// In YAML a map with the one key that names the kind.
impl<'de> Deserialize<'de> for Expect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Expect;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an expectation, like `pid: {of: container, is: 1}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Expect, A::Error> {
        let name: String = map.next_key()?.ok_or_else(|| A::Error::custom("an empty expectation"))?;
        let expect = map.next_value_seed(KindSeed(&name))?;
        match map.next_key::<String>()? {
            None => Ok(expect),
            Some(second) => {
                Err(A::Error::custom(format!("`{second}` is a second expectation: each has an entry of its own")))
            }
        }
    }
}

struct KindSeed<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for KindSeed<'_> {
    type Value = Expect;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Expect, D::Error> {
        Expect::read(self.0, deserializer)
    }
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
            Expect::Outcome(kind) => kind,
            Expect::CgroupFile(kind) => kind,
            Expect::Measured(kind) => kind,
            Expect::Traffic(kind) => kind,
        }
    }

    pub fn actors(&self) -> Vec<&ActorName> {
        self.kind().actors()
    }

    pub fn facts(&self) -> Vec<FactRequest> {
        self.kind().facts()
    }

    pub fn judge(&self, world: &World<'_>) -> Verdict {
        Verdict { pane: self.kind().pane(), ..self.kind().judge(world) }
    }

    /// Why no state of the kernel could ever fulfil it: an author's mistake.
    pub fn fault(&self) -> Option<&'static str> {
        self.kind().fault()
    }

    /// Words that a row which decides it holds.
    pub fn points(&self) -> Vec<String> {
        self.kind().points()
    }
}

fn verdict(ok: bool, expected: impl Into<String>, seen: impl Into<String>) -> Verdict {
    Verdict::new(ok, expected, seen)
}

/// What was seen, where it is not among what was read of a list: it may be among the rest.
fn or_unread(omitted: Omitted, what: &str, listed: usize, seen: impl FnOnce() -> String) -> String {
    omitted.words(what, listed).map_or_else(seen, |more| format!("{UNREAD}: {more}"))
}

/// The verdict on what can't be judged begins so.
const UNREAD: &str = "could not be read whole";

/// Where an actor is not specified: the lab's host.
fn host() -> ActorName {
    ActorName::host()
}
