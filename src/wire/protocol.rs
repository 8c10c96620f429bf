//! The messages between roles. Closed lists; both ends are the same binary, so there is no version to agree on.

use serde::{Deserialize, Serialize};

use crate::call::{Call, ErrnoName};
use crate::failure::Failure;
use crate::image::ImageLayer;
use crate::kernel::pty::TerminalSize;
use crate::laid_out::{UnpackProgress, UnpackedImage};
use crate::op::{ActorName, Op, OpRecord};

/// Engine → keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EngineToKeeper {
    /// The image of all labs from now on, in the place of the default one. The files of its layers come along, as many
    /// descriptors. There is no answer; it is laid out for the next lab.
    UseImage(Vec<ImageLayer>),
    /// A new lab; those before it are dropped without waiting for their end.
    MakeLab(LabPlan),
    /// A new lab beside those that are up.
    MakeLabBeside(LabPlan),
    /// Perform an `Op::Device` for the lab that was made last: only the machine's root may.
    Device { actor: ActorName, op: Op },
    /// End the lab that was made last. There is no answer.
    DropNewest,
    /// A question: how did the first process of this lab end?
    HowLabEnded { id: String },
}

/// The plan that a lab is made by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabPlan {
    /// Controllers that the lesson touches: these are mounted inside.
    pub controllers: Vec<String>,
    /// The disk to limit, as `major:minor`, where the lesson wants a scratch file on it.
    pub disk: Option<String>,
    /// Keep the next lab ready, so that a rewind need not wait for it.
    pub spare: bool,
    /// The role that panics. For tests alone.
    pub panics: Option<PanickingRole>,
}

/// A role that a test has panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PanickingRole {
    Keeper,
    Store,
    /// The lab's host, while it builds the lab.
    Host,
    /// An actor, when it is asked for its first op.
    Actor,
}

/// Keeper → engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeeperToEngine {
    /// One descriptor comes along: the wire to the lab's host, which says `ActorToEngine::Introduced` first.
    Made(MadeLab),
    /// The progress of the image, on the way to a lab.
    Unpacking(UnpackProgress),
    Performed(OpRecord),
    /// The reason of a lab's end, where it is known.
    LabEnded(Option<Failure>),
    Failed(RoleFailure),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeLab {
    /// `unboxed-PID-START-N-NAMESPACE`, also the name of its cgroups.
    pub id: String,
    /// The lab's subtree in each hierarchy it has a part of.
    pub cgroups: Vec<LabCgroup>,
    /// The disk that /scratch is on, as `major:minor`.
    pub disk: Option<String>,
    /// True if the keeper has no privilege: one user id, and cgroups only where delegated.
    pub rootless: bool,
    /// The tally of the image that it is made from, where that is not the default one.
    pub image: Option<UnpackedImage>,
}

/// A hierarchy that the lab has a subtree in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabCgroup {
    /// Controllers of a v1 hierarchy as mounted (`memory`; `cpu,cpuacct`), or what is delegated of the v2 tree.
    pub controllers: Vec<String>,
    pub v2: bool,
    /// The subtree's directory on the machine.
    pub machine_path: String,
    /// The directory in the lab's own view; none when it is not mounted inside.
    pub lab_path: Option<String>,
}

/// The failure of a role to do its part: data, since it crosses a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{attempt}{}", errno.as_ref().map_or_else(String::new, |errno| format!(": {} ({errno})", errno.sentence())))]
pub struct RoleFailure {
    /// The action that was tried, and its object: `mount proc on the lab's /proc`.
    pub attempt: String,
    /// The errno of the call; none where no call failed, but the program did.
    pub errno: Option<ErrnoName>,
    /// The failure of another that it comes from.
    #[source]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Failure>,
}

impl RoleFailure {
    pub fn new(attempt: impl Into<String>, errno: nix::errno::Errno) -> Self {
        RoleFailure {
            attempt: attempt.into(),
            errno: Some(ErrnoName::from_raw(errno as i32)),
            cause: None,
        }
    }

    /// A failure that comes from another.
    pub fn because(attempt: impl Into<String>, cause: Failure) -> Self {
        RoleFailure { attempt: attempt.into(), errno: None, cause: Some(cause) }
    }

    /// A fault of the program's own: `place` is where and with which message it panicked.
    pub fn panicked(role: &str, place: &str) -> Self {
        RoleFailure {
            attempt: format!(
                "a fault of unboxed itself, the {role} panicked {place} (with `--log FILE` it writes down what led to it)"
            ),
            errno: None,
            cause: None,
        }
    }
}

/// Puts a sentence before an errno.
pub trait FailureContext<T> {
    fn while_doing(self, what: &str) -> Result<T, RoleFailure>;
}

impl<T> FailureContext<T> for Result<T, nix::errno::Errno> {
    fn while_doing(self, what: &str) -> Result<T, RoleFailure> {
        self.map_err(|errno| RoleFailure::new(what, errno))
    }
}

impl<T> FailureContext<T> for std::io::Result<T> {
    fn while_doing(self, what: &str) -> Result<T, RoleFailure> {
        self.map_err(|error| RoleFailure::new(what, crate::kernel::errno::to_errno(error)))
    }
}

/// Keeper → store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeeperToStore {
    /// Fork a lab's host. Descriptors: the actor's end of the host's wire, and a pipe that says "go" once the new
    /// process is in its cgroups.
    Fork(LabOrder),
    /// A question: how did the host of this lab end? Only its parent is told by the kernel.
    HowItEnded { lab: String },
}

/// A lab that is to be forked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabOrder {
    pub name: String,
    pub cgroups: Vec<LabCgroup>,
    /// A file on the machine's disk that the lab gets as /scratch.
    pub scratch: Option<String>,
    /// See `LabPlan`.
    pub panics: Option<PanickingRole>,
}

/// Store → keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreToKeeper {
    /// The image is in place; its tally, where it was made elsewhere.
    Ready(Option<UnpackedImage>),
    /// The progress of the image.
    Unpacking(UnpackProgress),
    /// A lab's host was forked. Its pidfd comes along: a number could be anybody's.
    Forked,
    /// The end of a lab's host, in words; none for one that is alive or was not forked here.
    Ended(Option<String>),
    Failed(RoleFailure),
}

/// A request to an actor, or its answer, which repeats the request's number: a late one is known by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered<T> {
    pub id: u64,
    pub message: T,
}

impl Numbered<ActorToEngine> {
    /// The first word of an actor, which nobody asked for.
    pub fn unsolicited(message: ActorToEngine) -> Self {
        Numbered { id: 0, message }
    }
}

/// Engine → actor, numbered from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EngineToActor {
    Perform(Op),
    /// A question: what does this address, or a TCP port of it, answer to the network namespace of `pid`? Asked for
    /// expectations, not an op of a lesson.
    ProbeAddress {
        pid: u32,
        to: std::net::Ipv4Addr,
        port: Option<u16>,
        timeout_ms: u32,
    },
    /// A netlink socket of the network namespace of `pid`, as a descriptor; not an op of a lesson.
    Netlink {
        pid: u32,
    },
    /// A shell for the learner beside the process `pid`, on a new terminal. Its prompt names the actor.
    Shell {
        actor: ActorName,
        pid: u32,
        size: TerminalSize,
    },
    /// An actor that stands in for the process `pid`, which was started by typing and performs no ops itself.
    StandIn {
        actor: ActorName,
        pid: u32,
    },
    /// The host name in the UTS namespace of `pid`, or in the actor's own; not an op of a lesson.
    Hostname {
        pid: Option<u32>,
    },
    /// The tables of System V objects in the IPC namespace of `pid`.
    IpcTables {
        pid: u32,
    },
    /// The file /proc/OF/cgroup as it is read in the cgroup namespace of `reader`; not an op of a lesson.
    CgroupPaths {
        of: u32,
        reader: u32,
    },
}

/// Actor → engine, by the number of what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActorToEngine {
    /// The first word of every actor. Descriptors: a netlink socket of its network namespace, one that hears of
    /// changes there, a netfilter socket; from the lab's host, a netlink socket of the "internet" too.
    Introduced {
        actor: ActorName,
    },
    /// The lab's host could not build the lab.
    BuildFailed(RoleFailure),
    /// After a `Spawn` that worked, the engine's end of the new actor's wire comes along.
    Performed(OpRecord),
    AddressProbed {
        said: Option<String>,
    },
    Hostname(Option<String>),
    /// The kernel's three tables, one after the other.
    IpcTables(Option<String>),
    CgroupPaths(Option<String>),
    /// One descriptor comes along where the namespace could be entered.
    Netlink,
    /// The terminal's master side comes along.
    Shell,
    /// The engine's end of the new actor's wire comes along.
    StandIn,
    /// A shell or a stand-in could not be started.
    StartFailed(RoleFailure),
    /// The actor panicked at what it was asked, and ends.
    Panicked(RoleFailure),
}

/// A forked "unshare" process → the actor that forked it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpawnReport {
    pub calls: Vec<Call>,
    pub errno: Option<ErrnoName>,
}
