//! Facts that verdicts rest on: rows, numbers and words of the kernel's state, as values. `words::seen` says each.

use serde::{Deserialize, Serialize};

use crate::call::ErrnoName;
use crate::fact::{LayoutFact, ProcCount};
use crate::op::{ActorName, IpcObject, NamespaceKind, Op};
use crate::snapshot::{
    FileKind, Link, Mount, NamespaceHolds, NsInode, Omitted, OverlayEntry, Propagation, Route,
};

/// The state that was found where an expectation was judged. A closed list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Nothing that is worth a word.
    Nothing,
    NoActor(ActorName),
    /// One of the two is not there.
    NotBoth([ActorName; 2]),
    /// The author has given neither of these fields.
    NeitherGiven([String; 2]),
    /// The row may be among those that were not read.
    Unread(CutRows),

    Mount(Mount),
    NoMount {
        target: String,
        listed: usize,
    },
    MountMissing {
        target: String,
    },
    MountIs {
        target: String,
        propagation: Propagation,
    },
    MountCount(usize),

    /// The inode of one kind's namespace for each of two processes; none where it could not be read.
    Namespaces {
        kind: NamespaceKind,
        inodes: [Option<NsInode>; 2],
    },
    /// Namespaces that are shared with another process and should not be, or are own ones and should be shared.
    NamespacesOf {
        kinds: Vec<NamespaceKind>,
        other: ActorName,
        own: bool,
    },
    /// The namespace that a file keeps, with the number of processes of the lab in it.
    Kept {
        kind: NamespaceKind,
        members: usize,
    },
    NothingKept {
        path: String,
    },
    HostName(String),
    /// The System V objects of an IPC namespace.
    IpcObjects(Vec<IpcObject>),
    /// The content of the namespace that it is about.
    InNamespace(NamespaceHolds),
    /// An effective user id, as the actor's own user namespace counts.
    Uid(u32),
    /// A control group as the reader's cgroup namespace names it.
    CgroupPath(String),

    /// The pids of a process in all its PID namespaces, from outside to inside.
    NsPids(Vec<u32>),
    Process {
        pid: u32,
        state: char,
        args: String,
    },
    NoProcess,
    /// The number of processes in a /proc; none where it lists none.
    ProcCount(Option<ProcCount>),
    /// The same, of a /proc that lists too many to say whether one is among them.
    ProcUnread(Option<ProcCount>),

    File {
        kind: FileKind,
        size: u64,
        first_line: String,
    },
    NoFile,
    /// The text is not among the first bytes of the file, and only those were read.
    FileUnread {
        path: String,
        read: usize,
    },
    Layout(LayoutFact),
    OverlayEntry(OverlayEntry),
    NoOverlayEntry {
        overlays: usize,
    },

    Link(Link),
    Links(Vec<String>),
    /// Addresses of a link, each with its prefix length.
    Addresses(Vec<String>),
    NoAddress {
        dev: String,
    },
    Route(Route),
    /// The destinations of all routes.
    Routes(Vec<String>),
    Answer(bool),
    /// The first line of a server.
    ServerSaid(String),
    NoTrafficRow,
    Packets(u64),

    NoCgroup(String),
    Members {
        hierarchy: String,
        pids: Vec<u32>,
    },
    Settings {
        files: Vec<CgroupValue>,
        hierarchies: Vec<String>,
    },
    CgroupValue(CgroupValue),
    /// The value is longer than what was read of it.
    CgroupValueUnread(CgroupValue),
    CgroupFileUnread {
        file: String,
        group: String,
    },
    NoCgroupFile {
        group: String,
    },
    CgroupNumber(CgroupNumber),
    /// The number is 0, since nobody is in the group or ever was.
    CgroupUnused {
        file: String,
        group: String,
    },

    Measured {
        name: String,
        number: f64,
    },
    /// Two measured numbers: the workload's own, and that of another.
    Compared {
        number: f64,
        other: f64,
        of: ActorName,
    },
    /// A measurement that can't be judged, since others took so much of the CPUs meanwhile.
    Unjudged {
        seen: Box<Seen>,
        others_percent: u8,
        tries: u8,
    },
    /// The time of an op, and of the one that it is compared with.
    Durations {
        nanos: u64,
        other: u64,
    },
    /// Bytes that an op took, and the one that it is compared with.
    BytesTaken {
        bytes: u64,
        other: u64,
    },
    NotMeasured,
    NotMeasuredBy(ActorName),

    /// A line that was printed.
    Printed(String),
    /// No line fits; the last that was printed, if any.
    NotPrinted {
        last: Option<String>,
    },

    NothingDone,
    WentWell,
    Status(i32),
    /// The number of ops of a step that failed with one errno.
    Refusals {
        errno: ErrnoName,
        count: usize,
    },
    /// The call that failed.
    Failed {
        call: String,
        errno: ErrnoName,
    },
    /// An action ended by the failure of one of its ops.
    OpFailed {
        op: Box<Op>,
        call: String,
        errno: ErrnoName,
    },
    /// An action's program ended so.
    Exited {
        status: i32,
        output: String,
    },

    /// Somebody who has something to do can't be asked.
    ActorGone(ActorName),
    ActorNeverMade(ActorName),
    ActorSilent {
        actor: ActorName,
        why: Option<Stall>,
    },
    ActorLost {
        actor: ActorName,
        why: String,
    },
}

/// The reason why a process may not answer, where the kernel shows one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stall {
    Stopped,
    /// By whoever traces it.
    Traced,
    /// The kernel keeps it waiting.
    Uninterruptible,
}

/// A list that was cut behind so many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutRows {
    pub list: CutList,
    pub listed: usize,
    pub omitted: Omitted,
}

/// The lists that may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutList {
    Mounts,
    Links,
    Addresses,
    Routes,
    Traffic,
    Cgroups,
    CgroupMembers,
    OverlayEntries,
    Directory,
    Overlays,
    Processes,
    IpcObjects,
    Neighbours,
    /// Groups of the lab, in their own pane.
    Groups,
}

/// A file of a group and what stands in it; no value where there is no such file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupValue {
    pub file: String,
    pub value: Option<String>,
}

/// A number in a file of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupNumber {
    pub file: String,
    /// Not the number itself, but its share of another group's.
    pub in_percent: bool,
    pub number: u64,
    /// The number before the step, where it counts.
    pub before: Option<u64>,
}

/// The answer to an expectation: if it holds, and the fact that decides it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub ok: bool,
    pub seen: Seen,
}

impl Judgement {
    pub fn new(ok: bool, seen: Seen) -> Judgement {
        Judgement { ok, seen }
    }

    pub fn held(seen: Seen) -> Judgement {
        Judgement { ok: true, seen }
    }

    pub fn failed(seen: Seen) -> Judgement {
        Judgement { ok: false, seen }
    }
}
