//! An **op**: one request to the kernel, which an action lowers to and an actor performs. A closed list.

mod held;
mod ipc;
mod layout;
mod record;
mod setup;

use std::net::Ipv4Addr;

pub use self::held::HeldNumber;
pub use self::ipc::{IpcKind, IpcObject, IpcOrder};
pub use self::layout::{
    BLOBS, BlobName, EMPTY_INDEX, ImageOrder, LAYOUT_MARK, LayerCompression, MEDIA_TYPE, PackOrder,
    UnlayerOrder, WhiteoutForm, config_text, descriptor, image_name_field, manifest_text,
};

pub use self::record::{Bar, OpRecord, OutputPiece};
pub use self::setup::{ClockOffsets, IdMaps, MappedIds, SetgroupsRule};
use serde::{Deserialize, Serialize};

use crate::call::ErrnoName;
use crate::traffic::{ClassId, PacketRule, PortRule, Rate};

/// The name a lesson gives to a process of the lab (`host`, `container`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActorName(pub String);

impl ActorName {
    /// Pid 1 of the lab, there from the start.
    pub fn host() -> Self {
        ActorName("host".into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ActorName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for ActorName {
    fn from(name: &str) -> Self {
        ActorName(name.into())
    }
}

/// One request to the kernel. Paths are as the performing actor sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// `unshare(2)` in a forked child, which forks once more: the grandchild is the new actor. Before that fork the child
    /// sets its clocks, and the parent maps the child's ids.
    Spawn {
        actor: ActorName,
        unshare: Vec<NamespaceKind>,
        #[serde(default, skip_serializing_if = "ClockOffsets::is_empty")]
        offsets: ClockOffsets,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ids: Option<IdMaps>,
    },
    /// `setns(2)` in a forked child, which is the new actor, or, where its PID is to be another namespace's, forks it.
    Enter {
        actor: ActorName,
        target: EnterTarget,
        kinds: Vec<NamespaceKind>,
        /// Directories of control groups that it joins first.
        groups: Vec<String>,
    },
    Mount {
        source: Option<String>,
        target: String,
        fstype: Option<String>,
        flags: Vec<MountFlag>,
        data: Option<String>,
    },
    Umount {
        target: String,
        flags: Vec<UmountFlag>,
    },
    /// `umount -a -t noproc`: every mount of /proc/self/mountinfo, last first, but those of type proc.
    /// Fails with the first errno met, after trying them all.
    UmountAll,
    PivotRoot {
        new_root: String,
        put_old: String,
    },
    Chroot {
        path: String,
    },
    Chdir {
        path: String,
    },
    /// With `parents`, like `mkdir -p`: an existing directory is fine.
    Mkdir {
        path: String,
        parents: bool,
    },
    Rmdir {
        path: String,
    },
    Unlink {
        path: String,
    },
    WriteFile {
        path: String,
        text: String,
        mode: WriteMode,
    },
    ReadFile {
        path: String,
    },
    /// `cp -a FROM/. TO`: regular files, directories, symbolic links; modes kept, owners not.
    CopyTree {
        from: String,
        to: String,
    },
    /// `tar -c` of a directory, its times and owners 0, into an image layout.
    Pack(PackOrder),
    /// The configuration and the manifest of an image, and its name in the layout's index.
    MakeImage(ImageOrder),
    /// `tar -x` of a layer whose digest is what its name says.
    Unlayer(UnlayerOrder),
    /// A file that stays open under the number `fd`, without close-on-exec.
    Hold {
        path: String,
        fd: HeldNumber,
    },
    /// Close what `Hold` opened under that number.
    Release {
        fd: HeldNumber,
    },
    SetHostname {
        name: String,
    },
    GetPid,
    /// A System V object by its key.
    Ipc {
        kind: IpcKind,
        key: u32,
        order: IpcOrder,
    },
    /// Fork, execve, wait; what it prints is the op's output.
    Run {
        argv: Vec<String>,
    },
    /// One ICMP echo on a raw socket, as `ping -c 1` does; waits `timeout_ms` for the answer.
    Ping {
        to: Ipv4Addr,
        timeout_ms: u32,
    },
    /// A TCP connection, and the first line that the other side says.
    Dial {
        to: Ipv4Addr,
        port: u16,
        timeout_ms: u32,
    },
    Net(NetOp),
    /// A firewall rule in the performing actor's network namespace, with the table and the chain it needs.
    PacketRule(PacketRule),
    PortRule(PortRule),
    /// A workload made for teaching, in a child that joins these groups (directories) first.
    Work {
        name: ActorName,
        groups: Vec<String>,
        load: Load,
        /// Do not wait for its end.
        background: bool,
    },
    /// A rule for devices, for a group below the lab's top one: written into a file (v1), or into a program (v2). The
    /// keeper performs it: it takes the machine's root.
    Device {
        group: String,
        rule: DeviceRule,
    },
    /// `pid` as the performing actor's pid namespace counts.
    Kill {
        pid: u32,
        signal: String,
    },
}

impl Op {
    /// A new actor in these namespaces, as the kernel makes them.
    pub fn spawn(actor: ActorName, unshare: Vec<NamespaceKind>) -> Op {
        Op::Spawn { actor, unshare, offsets: ClockOffsets::default(), ids: None }
    }

    /// The actor that it makes, with a wire of its own.
    pub fn made_actor(&self) -> Option<&ActorName> {
        if let Op::Spawn { actor, .. } | Op::Enter { actor, .. } = self {
            Some(actor)
        } else {
            None
        }
    }
}

/// The namespaces that are entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnterTarget {
    /// Those of a process, as the performing actor's pid namespace counts.
    Process { pid: u32 },
    /// The one that a file of /proc/PID/ns, or a bind mount of it, stands for.
    File { path: String },
}

/// One kind of work for a workload; each is bounded and ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// Memory, a MiB every 10 milliseconds.
    Touch { mib: u64, hold_ms: u64 },
    /// CPU time.
    Burn { threads: u32, millis: u64 },
    /// Children that do nothing.
    Fork { count: u32 },
    /// Bytes to /scratch, for no longer than this; 0: for as long as it takes.
    Write { mib: u64, how: Writing, most_ms: u64 },
    /// A number in a file, twenty times a second.
    Count { millis: u64 },
    /// Open a device file and read a byte of it.
    Open { device: Device },
    /// A TCP server that tells each caller its name and who called. 0: it ends as soon as it may listen.
    Serve { port: u16, millis: u64 },
    /// Datagrams of a KiB to the discard port (RFC 863) of an address, as fast as they go out.
    Send { mib: u64, to: Ipv4Addr },
}

/// Devices that a lab has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Device {
    #[serde(rename = "/dev/null")]
    Null,
    #[serde(rename = "/dev/zero")]
    Zero,
    #[serde(rename = "/dev/full")]
    Full,
}

impl Device {
    pub fn path(self) -> &'static str {
        match self {
            Device::Null => "/dev/null",
            Device::Zero => "/dev/zero",
            Device::Full => "/dev/full",
        }
    }
}

/// A rule that allows or denies a group the use of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRule {
    pub allow: bool,
    /// `a`, or `c 1:5 rwm`.
    pub rule: String,
}

impl DeviceRule {
    pub fn file(&self) -> &'static str {
        if self.allow { "devices.allow" } else { "devices.deny" }
    }
}

/// The way that bytes get to the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Writing {
    /// Into the page cache; the kernel writes them out when it likes.
    #[default]
    Buffered,
    /// Past the page cache: O_DIRECT.
    Direct,
    /// Into the page cache, and waited for at the end: fsync(2).
    Fsync,
}

/// One rtnetlink request, in the performing actor's network namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetOp {
    AddVeth {
        name: String,
        peer: String,
    },
    /// The state that `AddVeth` and a `MoveLink` of the peer leave, in one request: for replays, since the move waits
    /// for the kernel some 15 milliseconds.
    AddVethInto {
        name: String,
        peer: String,
        pid: u32,
    },
    AddBridge {
        name: String,
    },
    /// Give the link to the network namespace of the process `pid` (as this actor's pid namespace counts).
    MoveLink {
        name: String,
        pid: u32,
    },
    SetLink {
        name: String,
        rename: Option<String>,
        up: Option<bool>,
        master: Option<String>,
    },
    DeleteLink {
        name: String,
    },
    AddAddress {
        dev: String,
        address: Ipv4Addr,
        prefix: u8,
    },
    /// `to` = None is the default route.
    AddRoute {
        to: Option<(Ipv4Addr, u8)>,
        via: Ipv4Addr,
    },
    DeleteRoute {
        to: Option<(Ipv4Addr, u8)>,
        via: Ipv4Addr,
    },
    /// A hierarchical token bucket at the root of a device, for this class and others like it. What is in none passes
    /// at once.
    AddQdisc {
        dev: String,
        of: ClassId,
    },
    /// A class of it, with a rate that it never exceeds.
    AddClass {
        dev: String,
        class: ClassId,
        rate: Rate,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    /// `echo text > path` on a file that may not exist yet (O_CREAT|O_TRUNC).
    Create,
    /// `echo text >> path`.
    Append,
    /// A file of /proc or a cgroup: it exists, and takes one write (O_WRONLY).
    Existing,
    /// The same for a file that some kernels lack, where nothing is to be set then: ENOENT is no failure.
    IfThere,
}

/// The eight kinds, in the order `lsns` and the manual use most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamespaceKind {
    Mount,
    Uts,
    Ipc,
    Pid,
    Net,
    User,
    Cgroup,
    Time,
}

impl NamespaceKind {
    pub const ALL: [NamespaceKind; 8] = [
        NamespaceKind::Mount,
        NamespaceKind::Uts,
        NamespaceKind::Ipc,
        NamespaceKind::Pid,
        NamespaceKind::Net,
        NamespaceKind::User,
        NamespaceKind::Cgroup,
        NamespaceKind::Time,
    ];

    /// The name of its link in /proc/PID/ns, which is also what `lsns` prints.
    pub fn proc_link_name(self) -> &'static str {
        match self {
            NamespaceKind::Mount => "mnt",
            NamespaceKind::Uts => "uts",
            NamespaceKind::Ipc => "ipc",
            NamespaceKind::Pid => "pid",
            NamespaceKind::Net => "net",
            NamespaceKind::User => "user",
            NamespaceKind::Cgroup => "cgroup",
            NamespaceKind::Time => "time",
        }
    }

    /// The flag for unshare(2) and clone(2), as strace prints it.
    pub fn clone_flag(self) -> &'static str {
        match self {
            NamespaceKind::Mount => "CLONE_NEWNS",
            NamespaceKind::Uts => "CLONE_NEWUTS",
            NamespaceKind::Ipc => "CLONE_NEWIPC",
            NamespaceKind::Pid => "CLONE_NEWPID",
            NamespaceKind::Net => "CLONE_NEWNET",
            NamespaceKind::User => "CLONE_NEWUSER",
            NamespaceKind::Cgroup => "CLONE_NEWCGROUP",
            NamespaceKind::Time => "CLONE_NEWTIME",
        }
    }

    /// The long option of unshare(1) and nsenter(1).
    pub fn unshare_option(self) -> &'static str {
        match self {
            NamespaceKind::Mount => "--mount",
            NamespaceKind::Uts => "--uts",
            NamespaceKind::Ipc => "--ipc",
            NamespaceKind::Pid => "--pid",
            NamespaceKind::Net => "--net",
            NamespaceKind::User => "--user",
            NamespaceKind::Cgroup => "--cgroup",
            NamespaceKind::Time => "--time",
        }
    }

    /// The options for several kinds, in their order: `--mount --uts`.
    pub fn unshare_options(kinds: &[NamespaceKind]) -> String {
        kinds.iter().map(|kind| kind.unshare_option()).collect::<Vec<_>>().join(" ")
    }
}

/// Flags of mount(2); the order of variants is the order strace prints them in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountFlag {
    ReadOnly,
    NoSuid,
    NoDev,
    NoExec,
    Remount,
    Bind,
    Move,
    Recursive,
    Unbindable,
    Private,
    Slave,
    Shared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UmountFlag {
    Force,
    Detach,
    NoFollow,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Text a program printed, a file's content, a pid; empty when there is nothing to say.
    Done { output: String },
    /// A program ran and ended with a status other than 0 (128 + signal when it was killed).
    Exited { output: String, status: i32 },
    /// The call that failed, by errno.
    Failed { errno: ErrnoName, what: String },
}

impl Outcome {
    pub fn is_ok(&self) -> bool {
        match self {
            Outcome::Done { .. } => true,
            Outcome::Exited { .. } | Outcome::Failed { .. } => false,
        }
    }

    pub fn errno(&self) -> Option<&ErrnoName> {
        match self {
            Outcome::Failed { errno, .. } => Some(errno),
            Outcome::Done { .. } | Outcome::Exited { .. } => None,
        }
    }

    /// The text that it printed or read.
    pub fn output(&self) -> &str {
        match self {
            Outcome::Done { output } | Outcome::Exited { output, .. } => output,
            Outcome::Failed { .. } => "",
        }
    }

    /// The text that a person at a shell would read: the output, or the kernel's sentence for the errno.
    pub fn message(&self) -> &str {
        match self {
            Outcome::Done { output } | Outcome::Exited { output, .. } => output,
            Outcome::Failed { errno, .. } => errno.sentence(),
        }
    }
}
