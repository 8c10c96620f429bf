//! A **snapshot**: the kernel's state of one lab at one moment, as plain values. No I/O here.

mod contents;
mod ipc;
mod layers;
mod namespaces;

pub use self::contents::{GroupRoot, NamespaceContent, NamespaceHolds};
pub use self::ipc::{IpcTable, PlacedIpcObject};
pub use self::layers::{InUpper, OverlayEntry};
pub use self::namespaces::{KeptNamespace, Namespace};

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::op::{ActorName, NamespaceKind};

/// Everything the panes show, read from outside the lab.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// One mount table per actor: actors of one mount namespace with different roots see different paths.
    pub mounts: Vec<MountTable>,
    /// Every process of the lab, in pid order as the machine counts.
    pub processes: Vec<Process>,
    #[serde(default, skip_serializing_if = "Omitted::is_nothing")]
    pub processes_omitted: Omitted,
    /// One per actor that has a network namespace of its own (the first actor in it speaks for it), and one per
    /// nameless one that the lab keeps ("internet").
    pub networks: Vec<Network>,
    /// Cgroups below the lab's own subtree, the lab's top group first.
    pub cgroups: Vec<Cgroup>,
    /// Over all hierarchies.
    #[serde(default, skip_serializing_if = "Omitted::is_nothing")]
    pub cgroups_omitted: Omitted,
    pub overlays: Vec<Overlay>,
    #[serde(default, skip_serializing_if = "Omitted::is_nothing")]
    pub overlays_omitted: Omitted,
    /// Directories the step asked to show.
    pub directories: Vec<Directory>,
    pub hostnames: BTreeMap<ActorName, String>,
    /// One per IPC namespace, while a step is about these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ipc: Vec<IpcTable>,
    /// The contents of the actors' user, time and cgroup namespaces: in those that are not the lab's own, and in the lab's
    /// user namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<NamespaceContent>,
}

/// The rows that a reader left out of a list. A lab must not decide how much work it is to look at it, so every list
/// is bounded, and says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Omitted {
    /// The list is whole.
    #[default]
    Nothing,
    /// So many rows.
    Rows(usize),
    /// Rows that nobody counted: that alone would have taken too long.
    Uncounted,
}

impl Omitted {
    pub fn rows(count: usize) -> Omitted {
        if count == 0 { Omitted::Nothing } else { Omitted::Rows(count) }
    }

    pub fn is_nothing(&self) -> bool {
        *self == Omitted::Nothing
    }

    /// The rows left out of two lists together.
    #[must_use]
    pub fn plus(self, other: Omitted) -> Omitted {
        match (self, other) {
            (Omitted::Uncounted, _) | (_, Omitted::Uncounted) => Omitted::Uncounted,
            (Omitted::Nothing, one) | (one, Omitted::Nothing) => one,
            (Omitted::Rows(one), Omitted::Rows(other)) => Omitted::Rows(one.saturating_add(other)),
        }
    }
}

/// A namespace's identity at this moment. Inode numbers are reused at once after a namespace dies.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NsInode(pub u64);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountTable {
    pub actor: ActorName,
    pub ns: NsInode,
    /// In the kernel's order.
    pub rows: Vec<Mount>,
    #[serde(default, skip_serializing_if = "Omitted::is_nothing")]
    pub omitted: Omitted,
}

/// One line of /proc/PID/mountinfo, see proc_pid_mountinfo(5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    pub id: u32,
    pub parent: u32,
    /// `major:minor` of the file system's device.
    pub device: String,
    /// The directory of the file system that is mounted here.
    pub root: String,
    /// The mount point, relative to the actor's root.
    pub target: String,
    /// Per-mount options (`rw,nosuid`).
    pub options: String,
    pub propagation: Propagation,
    pub fstype: String,
    pub source: String,
    /// Per-file-system options (`lowerdir=…`).
    pub super_options: String,
}

/// The optional fields of mountinfo.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Propagation {
    /// Peer group of a shared mount.
    pub shared: Option<u32>,
    /// Peer group that this mount is a slave of.
    pub master: Option<u32>,
    pub unbindable: bool,
}

impl Propagation {
    /// The word `findmnt -o PROPAGATION` prints.
    pub fn word(&self) -> &'static str {
        match (self.shared, self.master, self.unbindable) {
            (_, _, true) => "private,unbindable",
            (Some(_), None, false) => "shared",
            (Some(_), Some(_), false) => "shared,slave",
            (None, Some(_), false) => "private,slave",
            (None, None, false) => "private",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// As the machine counts, outside the lab.
    pub pid: u32,
    /// As each pid namespace counts, from the machine's to the process's own (NSpid of /proc/PID/status); the first is
    /// `pid`.
    pub ns_pids: Vec<u32>,
    /// Parent, as the machine counts.
    pub ppid: u32,
    /// Clock ticks after boot: with `pid`, the identity of a process.
    pub start_time: u64,
    /// Effective uid as the machine counts.
    pub uid: u32,
    /// One letter, as in `ps`.
    pub state: char,
    pub comm: String,
    /// Arguments joined by blanks, ending in `…` where there are more; empty for a zombie.
    pub args: String,
    /// The actor this process is, where it is one.
    pub actor: Option<ActorName>,
    /// A kind is missing where the link could not be read (a zombie has none).
    pub namespaces: BTreeMap<NamespaceKind, NsInode>,
    /// Lines of /proc/PID/cgroup as (controllers, path); v2 is ("", path).
    pub cgroups: Vec<(String, String)>,
}

impl Process {
    /// The pid in the process's own pid namespace.
    pub fn own_pid(&self) -> u32 {
        self.ns_pids.last().copied().unwrap_or(self.pid)
    }

    /// True if this very process (not just its number) is in the other snapshot, too.
    pub fn is_same_in(&self, snapshot: &Snapshot) -> bool {
        snapshot
            .processes
            .iter()
            .any(|other| other.pid == self.pid && other.start_time == self.start_time)
    }

    /// The pid as the lab's host counts: the second of NSpid.
    pub fn lab_pid(&self) -> Option<u32> {
        self.ns_pids.get(1).copied()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// `host`, `container`, `internet`: the first actor in the namespace, or the lab's own name for it.
    pub name: String,
    pub ns: NsInode,
    /// Actors inside.
    pub actors: Vec<ActorName>,
    pub links: Vec<Link>,
    pub addresses: Vec<Address>,
    pub routes: Vec<Route>,
    pub neighbours: Vec<Neighbour>,
    /// Queueing disciplines and their classes, then firewall rules that count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traffic: Vec<Traffic>,
    /// IPv4 packets for others are passed on (`net.ipv4.ip_forward`), where the kernel said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarding: Option<bool>,
    /// Firewall rules that do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<FirewallRule>,
    #[serde(default, skip_serializing_if = "NetworkOmitted::is_nothing")]
    pub omitted: NetworkOmitted,
}

/// The rows left out of each list of a network namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkOmitted {
    pub links: Omitted,
    pub addresses: Omitted,
    pub routes: Omitted,
    pub neighbours: Omitted,
    pub traffic: Omitted,
}

impl NetworkOmitted {
    pub fn is_nothing(&self) -> bool {
        *self == NetworkOmitted::default()
    }

    /// Of some list it is not known how much is missing.
    pub fn is_uncounted(&self) -> bool {
        let lists = [self.links, self.addresses, self.routes, self.neighbours, self.traffic];
        lists.contains(&Omitted::Uncounted)
    }
}

/// Something that packets pass on their way out, and how many have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// In the words of tc(8) and `nft -s`: `class htb 10:1 dev eth0 rate 8mbit`,
    /// `meta cgroup 1048577 counter in ip unboxed out`.
    pub text: String,
    pub packets: u64,
    pub bytes: u64,
}

/// A rule of nf_tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRule {
    pub effect: RuleEffect,
    /// In the words of `nft -s`: `ip saddr 172.17.0.0/16 oifname != "docker0" masquerade in ip nat POSTROUTING`.
    pub text: String,
}

/// The effect of a rule on the packets that it is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleEffect {
    /// They go out as if the device that they leave by had sent them, or another address.
    SourceNat,
    /// They go on to another address.
    DestinationNat,
    Drop,
    #[default]
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub index: u32,
    pub name: String,
    /// `veth`, `bridge`; empty for the loopback.
    pub kind: String,
    /// Administratively up (IFF_UP).
    pub up: bool,
    /// A carrier is there (IFF_LOWER_UP).
    pub carrier: bool,
    /// As `ip link` prints it: UP, DOWN, UNKNOWN, LOWERLAYERDOWN …
    pub operstate: String,
    /// `aa:bb:…`, empty where there is none.
    pub mac: String,
    pub mtu: u32,
    /// Name of the bridge it is enslaved to.
    pub master: Option<String>,
    /// Index of the veth peer (IFLA_LINK), in whatever namespace it is.
    pub peer_index: Option<u32>,
    /// Local id of the peer's network namespace, where it is another one (IFLA_LINK_NETNSID).
    pub peer_netns: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub dev: String,
    /// IPv4 or IPv6, as text.
    pub ip: String,
    pub prefix: u8,
    /// `global`, `host`, `link`.
    pub scope: String,
}

/// A route of the main table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// `default` or `172.17.0.0/16`.
    pub to: String,
    pub via: Option<String>,
    pub dev: String,
    /// `kernel`, `boot`, `static`.
    pub protocol: String,
    /// `global`, `link`, `host`.
    pub scope: String,
    pub prefsrc: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    pub dev: String,
    pub ip: String,
    pub mac: String,
    /// `REACHABLE`, `STALE` …
    pub state: String,
}

/// The version of control groups: there are two kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CgroupVersion {
    V1,
    V2,
}

impl CgroupVersion {
    pub const BOTH: [CgroupVersion; 2] = [CgroupVersion::V1, CgroupVersion::V2];

    pub fn as_number(self) -> u32 {
        match self {
            CgroupVersion::V1 => 1,
            CgroupVersion::V2 => 2,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroup {
    /// The v1 hierarchy's controllers as mounted (`memory`, `cpu,cpuacct`), or `unified` for v2.
    pub hierarchy: String,
    /// Relative to the lab's subtree; empty for its top group.
    pub path: String,
    /// Member processes as the machine counts.
    pub procs: Vec<u32>,
    #[serde(default, skip_serializing_if = "Omitted::is_nothing")]
    pub procs_omitted: Omitted,
    /// File name → content without its last newline, ending in `…` where there is more. Only the files worth showing.
    pub files: BTreeMap<String, String>,
}

/// One overlay mount and what is in its layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    pub actor: ActorName,
    pub mount_id: u32,
    /// The directory where it is mounted.
    pub merged: String,
    /// Topmost first, as in `lowerdir=`.
    pub lowers: Vec<String>,
    pub upper: Option<String>,
    pub work: Option<String>,
    /// Sorted by path. Bounded: see `truncated`.
    pub entries: Vec<OverlayEntry>,
    /// Entries past the reader's bound were left out, uncounted.
    pub truncated: bool,
}

impl Overlay {
    pub fn omitted(&self) -> Omitted {
        if self.truncated { Omitted::Uncounted } else { Omitted::Nothing }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    Directory,
    File,
    Symlink,
    CharDevice,
    BlockDevice,
    Fifo,
    Socket,
}

/// A listing of one directory, as an actor sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    pub actor: ActorName,
    pub path: String,
    /// Sorted by name; None when the directory does not exist.
    pub entries: Option<Vec<DirEntry>>,
    #[serde(default, skip_serializing_if = "Omitted::is_nothing")]
    pub omitted: Omitted,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirEntry {
    pub name: String,
    pub kind: FileKind,
    /// Bytes, of regular files.
    pub size: u64,
    /// The target of a symbolic link, ending in `…` where that is long.
    pub link: Option<String>,
}

impl Snapshot {
    pub fn mounts_of(&self, actor: &ActorName) -> Option<&MountTable> {
        self.mounts.iter().find(|table| &table.actor == actor)
    }

    pub fn process_of(&self, actor: &ActorName) -> Option<&Process> {
        self.processes.iter().find(|process| process.actor.as_ref() == Some(actor))
    }

    /// The process of an actor that lives. Of a zombie the kernel keeps little more than the pid.
    pub fn living_process_of(&self, actor: &ActorName) -> Option<&Process> {
        self.process_of(actor).filter(|process| process.state != 'Z')
    }

    /// By its pid as an actor's own PID namespace counts.
    pub fn process_beside(&self, actor: &ActorName, pid: u32) -> Option<&Process> {
        let home = self.process_of(actor)?.namespaces.get(&NamespaceKind::Pid)?;
        self.processes.iter().find(|process| {
            process.own_pid() == pid && process.namespaces.get(&NamespaceKind::Pid) == Some(home)
        })
    }

    /// By its pid as the machine counts: processes stand in that order.
    pub fn process(&self, pid: u32) -> Option<&Process> {
        let place = self.processes.binary_search_by_key(&pid, |process| process.pid).ok()?;
        self.processes.get(place)
    }

    /// The number of an overlay's device, by which it is known wherever else it is mounted.
    pub fn device_of(&self, overlay: &Overlay) -> Option<&str> {
        let table = self.mounts_of(&overlay.actor)?;
        let mount = table.rows.iter().find(|mount| mount.id == overlay.mount_id)?;
        Some(&mount.device)
    }

    pub fn network_of(&self, actor: &ActorName) -> Option<&Network> {
        self.networks.iter().find(|network| network.actors.contains(actor))
    }
}

impl Network {
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The IPv4 addresses on `dev`, with their prefix lengths: what an outsider would look up an address with.
    pub fn ipv4_on<'a>(&'a self, dev: &'a str) -> impl Iterator<Item = (Ipv4Addr, u8)> + 'a {
        self.addresses
            .iter()
            .filter(move |address| address.dev == dev)
            .filter_map(|address| Some((address.ip.parse().ok()?, address.prefix)))
    }
}
