//! **Actions**: what lesson authors write. One file per kind: its fields, its shell equivalent, the ops it lowers to,
//! what must be true before it can work. Pure.

pub mod address;
pub mod bind;
pub mod cgroup;
pub mod cgroup_write;
pub mod chdir;
pub mod chroot;
pub mod device_rules;
pub mod dial;
pub mod dnat;
pub mod enter;
pub mod firewall;
pub mod getpid;
pub mod hold;
pub mod hostname;
pub mod id_map;
pub mod ipc;
pub mod kill;
pub mod link;
pub mod make_image;
pub mod mkdir;
pub mod mount;
pub mod move_mount;
pub mod overlay;
pub mod pack;
pub mod packets;
pub mod paths;
pub mod pid_text;
pub mod ping;
pub mod pivot_root;
pub mod precondition;
pub mod propagation;
pub mod read;
pub mod remount;
pub mod rm;
pub mod route;
pub mod run;
pub mod shape;
pub mod spawn;
pub mod umount;
pub mod umount_all;
pub mod unlayer;
pub mod unpack;
pub mod veth;
pub mod work;
pub mod write;

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

pub use self::precondition::{Precondition, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::{CgroupVersion, Snapshot};

/// The facts about a lab that lowering an action depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabFacts {
    /// Pids of the actors as `host` (pid 1 of the lab) counts.
    pub lab_pids: BTreeMap<ActorName, u32>,
    /// Controller (`memory`, `cpu`, `pids` …) → where the lab has it.
    pub cgroups: BTreeMap<String, CgroupMount>,
    /// The disk that /scratch is on, as `major:minor`.
    pub disk: Option<String>,
    /// Words that stand for actors' PIDs in shell lines: a script knows them by its variables alone.
    #[serde(skip)]
    pub pid_words: BTreeMap<ActorName, String>,
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

/// One kind of action. It can be implemented for what the table of [`Action`] lists, and for nothing else.
pub trait ActionKind: ActionRow {
    /// Its purpose, for authors: a clause without a subject, in the present tense.
    const SUMMARY: &'static str;

    /// The actors it speaks of, besides the one that acts.
    fn named_actors(&self) -> Vec<&ActorName>;

    /// It takes a look and changes nothing: a replay can do without.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Lines to type into a shell of the acting actor for the same effect; they must really work there.
    fn shell(&self, context: &LabFacts) -> Vec<String>;

    /// The name of the process that the shell lines stand for, where the program starts it by itself.
    fn own_process(&self) -> Option<&str> {
        None
    }

    /// The requests to the kernel, in order. Errors name what is missing (an actor not yet spawned).
    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError>;

    /// The conditions that must hold before; empty when nothing can be said.
    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck>;

    /// The conditions that only somebody else can have broken: what it makes is not there yet.
    fn obstacles(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}

/// The mark of a kind that has a row in the table of [`Action`]: a kind without one does not build.
pub trait ActionRow {}

/// An action that can't be turned into ops in this lab.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LowerError {
    #[error("there is no actor `{0}` yet: the `spawn` that starts it was not played")]
    NoActor(ActorName),
    #[error("this lab has no `{0}` controller")]
    NoController(String),
    #[error("this lab has no disk: its machine keeps {} on none", SCRATCH_DIR)]
    NoDisk,
}

impl LabFacts {
    /// The pid of an actor as the lab's host counts.
    pub fn lab_pid(&self, actor: &ActorName) -> Result<u32, LowerError> {
        self.lab_pids.get(actor).copied().ok_or_else(|| LowerError::NoActor(actor.clone()))
    }

    /// The same for a line of a shell; `PID` where nobody knows it.
    fn shown_pid(&self, actor: &ActorName) -> String {
        self.known_pid(actor).unwrap_or_else(|| "PID".into())
    }

    /// The same; nothing where nobody knows it.
    fn known_pid(&self, actor: &ActorName) -> Option<String> {
        let number = || self.lab_pids.get(actor).map(u32::to_string);
        self.pid_words.get(actor).cloned().or_else(number)
    }

    /// The directory of a group in every hierarchy that the lab has.
    fn group_directories(&self, group: &str) -> Vec<String> {
        let mut found: Vec<String> =
            self.cgroups.values().map(|mount| format!("{}/{group}", mount.path)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The place where the lab has a controller.
    fn cgroup_mount(&self, controller: &str) -> Result<&CgroupMount, LowerError> {
        let missing = || LowerError::NoController(controller.to_owned());
        self.cgroups.get(controller).ok_or_else(missing)
    }
}

/// The table of kinds, from which the variants, their names in YAML, their reading and their summaries come. A kind is
/// one file and one row.
macro_rules! actions {
    ($($name:literal: $module:ident::$Kind:ident,)*) => {
        /// Any action. A closed list.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        pub enum Action {
            $(#[serde(rename = $name)] $Kind($module::$Kind),)*
        }

        $(impl ActionRow for $module::$Kind {})*

        impl Action {
            /// The keys of all kinds in YAML.
            pub const NAMES: &[&str] = &[$($name),*];

            /// The keys of all kinds, each with what it does.
            pub const SUMMARIES: &[(&str, &str)] =
                &[$(($name, <$module::$Kind as ActionKind>::SUMMARY)),*];

            /// Read the fields of the kind called `name`.
            pub fn read<'de, D: Deserializer<'de>>(name: &str, fields: D) -> Result<Action, D::Error> {
                match name {
                    $($name => $module::$Kind::deserialize(fields).map(Action::$Kind),)*
                    _ => Err(D::Error::unknown_field(name, Action::NAMES)),
                }
            }

            pub fn name(&self) -> &'static str {
                match self {
                    $(Action::$Kind(_) => $name,)*
                }
            }

            /// The actors it speaks of, besides the one that acts.
            pub fn named_actors(&self) -> Vec<&ActorName> {
                match self {
                    $(Action::$Kind(kind) => kind.named_actors(),)*
                }
            }

            /// It takes a look and changes nothing: a replay can do without.
            pub fn is_read_only(&self) -> bool {
                match self {
                    $(Action::$Kind(kind) => kind.is_read_only(),)*
                }
            }

            /// The name of the process that the shell lines stand for, where the program starts it by itself.
            pub fn own_process(&self) -> Option<&str> {
                match self {
                    $(Action::$Kind(kind) => kind.own_process(),)*
                }
            }

            pub fn shell(&self, context: &LabFacts) -> Vec<String> {
                match self {
                    $(Action::$Kind(kind) => kind.shell(context),)*
                }
            }

            pub fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
                match self {
                    $(Action::$Kind(kind) => kind.lower(context),)*
                }
            }

            pub fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
                match self {
                    $(Action::$Kind(kind) => kind.preflight(actor, snapshot),)*
                }
            }

            /// The conditions that only somebody else can have broken: what it makes is not there yet.
            pub fn obstacles(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
                match self {
                    $(Action::$Kind(kind) => kind.obstacles(actor, snapshot),)*
                }
            }
        }
    };
}

actions! {
    "spawn": spawn::Spawn,
    "enter": enter::Enter,
    "mount": mount::Mount,
    "bind": bind::Bind,
    "remount": remount::Remount,
    "move": move_mount::MoveMount,
    "propagation": propagation::Propagation,
    "umount": umount::Umount,
    "umount_all": umount_all::UmountAll,
    "pivot_root": pivot_root::PivotRoot,
    "chroot": chroot::Chroot,
    "chdir": chdir::Chdir,
    "mkdir": mkdir::Mkdir,
    "rm": rm::Rm,
    "write": write::Write,
    "read": read::Read,
    "unpack": unpack::Unpack,
    "pack": pack::Pack,
    "image": make_image::MakeImage,
    "unlayer": unlayer::Unlayer,
    "hold": hold::Hold,
    "release": hold::Release,
    "hostname": hostname::Hostname,
    "getpid": getpid::Getpid,
    "ipc": ipc::Ipc,
    "run": run::Run,
    "ping": ping::Ping,
    "dial": dial::Dial,
    "veth": veth::Veth,
    "link": link::Link,
    "address": address::Address,
    "route": route::Route,
    "dnat": dnat::Dnat,
    "firewall": firewall::Firewall,
    "overlay": overlay::Overlay,
    "cgroup": cgroup::Cgroup,
    "kill": kill::Kill,
    "work": work::Work,
    "cgroup_write": cgroup_write::CgroupWrite,
    "device": device_rules::DeviceRules,
    "shape": shape::Shape,
    "packets": packets::Packets,
    "id_map": id_map::IdMap,
}

impl Action {
    /// The actor that it makes: a process that performs what comes later.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others make none")]
    pub fn made_actor(&self) -> Option<&ActorName> {
        match self {
            Action::Spawn(spawn) => Some(&spawn.actor),
            Action::Enter(enter) => Some(&enter.actor),
            _ => None,
        }
    }

    /// Lowering it needs the pid of an actor.
    pub fn needs_actor_pid(&self) -> bool {
        !self.named_actors().is_empty()
    }
}
