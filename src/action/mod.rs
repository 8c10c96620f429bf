//! **Actions**: what lesson authors write. One file per kind: its fields, its shell equivalent, the ops it lowers to,
//! what must be true before it can work. Pure.

pub mod address;
pub mod bind;
pub mod cgroup;
pub mod cgroup_write;
pub mod chdir;
pub mod chroot;
pub mod device;
pub mod getpid;
pub mod hostname;
pub mod kill;
pub mod link;
pub mod mkdir;
pub mod mount;
pub mod overlay;
pub mod packets;
pub mod paths;
pub mod ping;
pub mod pivot_root;
pub mod propagation;
pub mod read;
pub mod rm;
pub mod route;
pub mod run;
pub mod shape;
pub mod spawn;
pub mod umount;
pub mod umount_all;
pub mod unpack;
pub mod veth;
pub mod work;
pub mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::op::{ActorName, Op};
use crate::snapshot::{CgroupVersion, Snapshot};

/// The facts about a lab that lowering an action depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// Pids of the actors as `host` (pid 1 of the lab) counts.
    pub lab_pids: BTreeMap<ActorName, u32>,
    /// Controller (`memory`, `cpu`, `pids` …) → where the lab has it.
    pub cgroups: BTreeMap<String, CgroupMount>,
    /// The disk that /scratch is on, as `major:minor`.
    pub disk: Option<String>,
}

/// The directory in which a lab's scratch file is made, for actions that write to a disk.
pub const SCRATCH_DIR: &str = "/var/tmp";

/// The place of a controller's files inside the lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupMount {
    pub version: CgroupVersion,
    /// The lab's top group as an actor sees it: `/sys/fs/cgroup/memory` (v1), `/sys/fs/cgroup` (v2).
    pub path: String,
}

/// One thing that must hold for an action to work, looked up in a snapshot before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// `new_root is a mount point`
    pub text: String,
    pub ok: bool,
}

/// One kind of action.
pub trait ActionKind {
    /// The key in YAML.
    const NAME: &'static str;

    /// Lines to type into a shell of the acting actor for the same effect; they must really work there.
    fn shell(&self, context: &Context) -> Vec<String>;

    /// The requests to the kernel, in order. Errors name what is missing (an actor not yet spawned).
    fn lower(&self, context: &Context) -> Result<Vec<Op>, LowerError>;

    /// The conditions that must hold before; empty when nothing can be said.
    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<Check>;
}

/// An action that can't be turned into ops in this lab.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LowerError {
    #[error("there is no actor `{0}` yet: it is born by a spawn that was not played")]
    NoActor(ActorName),
    #[error("this lab has no `{0}` controller")]
    NoController(String),
    #[error("this lab has no disk: its machine keeps {} on none", SCRATCH_DIR)]
    NoDisk,
}

impl Context {
    /// The pid of an actor as the lab's host counts.
    pub fn lab_pid(&self, actor: &ActorName) -> Result<u32, LowerError> {
        self.lab_pids.get(actor).copied().ok_or_else(|| LowerError::NoActor(actor.clone()))
    }
}

/// Any action. A closed list: adding a kind is one file and one variant, and the compiler shows the rest.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Spawn(spawn::Spawn),
    Mount(mount::Mount),
    Bind(bind::Bind),
    Propagation(propagation::Propagation),
    Umount(umount::Umount),
    UmountAll(umount_all::UmountAll),
    PivotRoot(pivot_root::PivotRoot),
    Chroot(chroot::Chroot),
    Chdir(chdir::Chdir),
    Mkdir(mkdir::Mkdir),
    Rm(rm::Rm),
    Write(write::Write),
    Read(read::Read),
    Unpack(unpack::Unpack),
    Hostname(hostname::Hostname),
    Getpid(getpid::Getpid),
    Run(run::Run),
    Ping(ping::Ping),
    Veth(veth::Veth),
    Link(link::Link),
    Address(address::Address),
    Route(route::Route),
    Overlay(overlay::Overlay),
    Cgroup(cgroup::Cgroup),
    Kill(kill::Kill),
    Work(work::Work),
    CgroupWrite(cgroup_write::CgroupWrite),
    Device(device::Device),
    Shape(shape::Shape),
    Packets(packets::Packets),
}

impl Action {
    /// The keys of all kinds in YAML.
    pub const NAMES: [&'static str; 30] = [
        spawn::Spawn::NAME,
        mount::Mount::NAME,
        bind::Bind::NAME,
        propagation::Propagation::NAME,
        umount::Umount::NAME,
        umount_all::UmountAll::NAME,
        pivot_root::PivotRoot::NAME,
        chroot::Chroot::NAME,
        chdir::Chdir::NAME,
        mkdir::Mkdir::NAME,
        rm::Rm::NAME,
        write::Write::NAME,
        read::Read::NAME,
        unpack::Unpack::NAME,
        hostname::Hostname::NAME,
        getpid::Getpid::NAME,
        run::Run::NAME,
        ping::Ping::NAME,
        veth::Veth::NAME,
        link::Link::NAME,
        address::Address::NAME,
        route::Route::NAME,
        overlay::Overlay::NAME,
        cgroup::Cgroup::NAME,
        kill::Kill::NAME,
        work::Work::NAME,
        cgroup_write::CgroupWrite::NAME,
        device::Device::NAME,
        shape::Shape::NAME,
        packets::Packets::NAME,
    ];

    /// Read the fields of the kind called `name`; none when there is no such kind.
    pub fn read<'de, D: serde::Deserializer<'de>>(
        name: &str,
        fields: D,
    ) -> Option<Result<Action, D::Error>> {
        use serde::Deserialize;

        Some(match name {
            spawn::Spawn::NAME => spawn::Spawn::deserialize(fields).map(Action::Spawn),
            mount::Mount::NAME => mount::Mount::deserialize(fields).map(Action::Mount),
            bind::Bind::NAME => bind::Bind::deserialize(fields).map(Action::Bind),
            propagation::Propagation::NAME => {
                propagation::Propagation::deserialize(fields).map(Action::Propagation)
            }
            umount::Umount::NAME => umount::Umount::deserialize(fields).map(Action::Umount),
            umount_all::UmountAll::NAME => {
                umount_all::UmountAll::deserialize(fields).map(Action::UmountAll)
            }
            pivot_root::PivotRoot::NAME => {
                pivot_root::PivotRoot::deserialize(fields).map(Action::PivotRoot)
            }
            chroot::Chroot::NAME => chroot::Chroot::deserialize(fields).map(Action::Chroot),
            chdir::Chdir::NAME => chdir::Chdir::deserialize(fields).map(Action::Chdir),
            mkdir::Mkdir::NAME => mkdir::Mkdir::deserialize(fields).map(Action::Mkdir),
            rm::Rm::NAME => rm::Rm::deserialize(fields).map(Action::Rm),
            write::Write::NAME => write::Write::deserialize(fields).map(Action::Write),
            read::Read::NAME => read::Read::deserialize(fields).map(Action::Read),
            unpack::Unpack::NAME => unpack::Unpack::deserialize(fields).map(Action::Unpack),
            hostname::Hostname::NAME => {
                hostname::Hostname::deserialize(fields).map(Action::Hostname)
            }
            getpid::Getpid::NAME => getpid::Getpid::deserialize(fields).map(Action::Getpid),
            run::Run::NAME => run::Run::deserialize(fields).map(Action::Run),
            ping::Ping::NAME => ping::Ping::deserialize(fields).map(Action::Ping),
            veth::Veth::NAME => veth::Veth::deserialize(fields).map(Action::Veth),
            link::Link::NAME => link::Link::deserialize(fields).map(Action::Link),
            address::Address::NAME => address::Address::deserialize(fields).map(Action::Address),
            route::Route::NAME => route::Route::deserialize(fields).map(Action::Route),
            overlay::Overlay::NAME => overlay::Overlay::deserialize(fields).map(Action::Overlay),
            cgroup::Cgroup::NAME => cgroup::Cgroup::deserialize(fields).map(Action::Cgroup),
            kill::Kill::NAME => kill::Kill::deserialize(fields).map(Action::Kill),
            work::Work::NAME => work::Work::deserialize(fields).map(Action::Work),
            device::Device::NAME => device::Device::deserialize(fields).map(Action::Device),
            cgroup_write::CgroupWrite::NAME => {
                cgroup_write::CgroupWrite::deserialize(fields).map(Action::CgroupWrite)
            }
            shape::Shape::NAME => shape::Shape::deserialize(fields).map(Action::Shape),
            packets::Packets::NAME => packets::Packets::deserialize(fields).map(Action::Packets),
            _ => return None,
        })
    }

    fn kind(&self) -> &dyn AnyKind {
        match self {
            Action::Spawn(kind) => kind,
            Action::Mount(kind) => kind,
            Action::Bind(kind) => kind,
            Action::Propagation(kind) => kind,
            Action::Umount(kind) => kind,
            Action::UmountAll(kind) => kind,
            Action::PivotRoot(kind) => kind,
            Action::Chroot(kind) => kind,
            Action::Chdir(kind) => kind,
            Action::Mkdir(kind) => kind,
            Action::Rm(kind) => kind,
            Action::Write(kind) => kind,
            Action::Read(kind) => kind,
            Action::Unpack(kind) => kind,
            Action::Hostname(kind) => kind,
            Action::Getpid(kind) => kind,
            Action::Run(kind) => kind,
            Action::Ping(kind) => kind,
            Action::Veth(kind) => kind,
            Action::Link(kind) => kind,
            Action::Address(kind) => kind,
            Action::Route(kind) => kind,
            Action::Overlay(kind) => kind,
            Action::Cgroup(kind) => kind,
            Action::Kill(kind) => kind,
            Action::Work(kind) => kind,
            Action::CgroupWrite(kind) => kind,
            Action::Device(kind) => kind,
            Action::Shape(kind) => kind,
            Action::Packets(kind) => kind,
        }
    }

    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    pub fn shell(&self, context: &Context) -> Vec<String> {
        self.kind().shell(context)
    }

    pub fn lower(&self, context: &Context) -> Result<Vec<Op>, LowerError> {
        self.kind().lower(context)
    }

    pub fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<Check> {
        self.kind().preflight(actor, snapshot)
    }

    /// Actors it speaks of, besides the one that acts.
    pub fn actors(&self) -> Vec<&ActorName> {
        match self {
            Action::Link(link) => link.netns.iter().collect(),
            Action::Cgroup(cgroup) => cgroup.join.iter().collect(),
            Action::Kill(kill) => vec![&kill.actor],
            _ => Vec::new(),
        }
    }

    /// It takes a look and changes nothing: a replay can do without.
    pub fn only_looks(&self) -> bool {
        match self {
            Action::Read(_) | Action::Getpid(_) | Action::Ping(_) => true,
            Action::Run(run) => !run.changes,
            // One that was waited for has ended; what it counted in its group's files stays behind, and is not missed.
            Action::Work(work) => !work.background,
            _ => false,
        }
    }

    /// Lowering it needs the pid of an actor.
    pub fn names_an_actor(&self) -> bool {
        !self.actors().is_empty()
    }
}

/// `ActionKind` without its constant, so that kinds can be handled alike.
trait AnyKind {
    fn name(&self) -> &'static str;
    fn shell(&self, context: &Context) -> Vec<String>;
    fn lower(&self, context: &Context) -> Result<Vec<Op>, LowerError>;
    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<Check>;
}

impl<K: ActionKind> AnyKind for K {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn shell(&self, context: &Context) -> Vec<String> {
        ActionKind::shell(self, context)
    }

    fn lower(&self, context: &Context) -> Result<Vec<Op>, LowerError> {
        ActionKind::lower(self, context)
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<Check> {
        ActionKind::preflight(self, actor, snapshot)
    }
}
