//! The texts of the glossary, a file for each kind of word.

mod calls;
mod errnos;
mod files;
mod flags;
mod image_terms;
mod network_and_group_terms;
mod network_flags;
mod resource_files;
mod terms;

use super::Entry;

/// All entries, kind by kind.
pub const ALL: [&[Entry]; 9] = [
    terms::ENTRIES,
    image_terms::ENTRIES,
    network_and_group_terms::ENTRIES,
    calls::ENTRIES,
    flags::ENTRIES,
    network_flags::ENTRIES,
    errnos::ENTRIES,
    files::ENTRIES,
    resource_files::ENTRIES,
];

/// Other words for some of them.
pub const ALIASES: &[(&str, &str)] = &[
    ("umount", "umount2"),
    ("fork", "clone"),
    ("hostname", "sethostname"),
    ("cgroup", "control group"),
    ("group", "control group"),
    ("subsystem", "controller"),
    ("unified", "cgroup2"),
    ("mnt", "mount namespace"),
    ("uts", "UTS namespace"),
    ("ipc", "IPC namespace"),
    ("pid", "PID namespace"),
    ("net", "network namespace"),
    ("netns", "network namespace"),
    ("user", "user namespace"),
    ("time", "time namespace"),
    ("uid_map", "id map"),
    ("gid_map", "id map"),
    ("timens_offsets", "clock offset"),
    ("offset", "clock offset"),
    ("boot-time clock", "clock offset"),
    ("monotonic clock", "clock offset"),
    ("subordinate ids", "subordinate id"),
    ("subuid", "subordinate id"),
    ("capabilities", "capability"),
    ("reaper", "init"),
    ("veth", "veth pair"),
    ("lo", "loopback"),
    ("interface", "link"),
    ("ip_forward", "forwarding"),
    ("masquerade", "NAT"),
    ("qdisc", "queueing discipline"),
    ("htb", "queueing discipline"),
    ("nft", "firewall rule"),
    ("lower", "lower layer"),
    ("upper", "upper layer"),
    ("overlayfs", "overlay"),
    ("opaque", "opaque directory"),
    ("tar", "tar file"),
    ("layout", "image layout"),
    ("sha256", "digest"),
    ("SHA-256", "digest"),
    ("index.json", "index"),
    ("copy up", "copy-up"),
    ("rootfs", "root directory"),
    ("oom", "OOM killer"),
    ("throttled", "throttling"),
    ("pressure", "PSI"),
    ("node", "memory node"),
    ("pages", "page"),
    ("lazy", "lazy unmount"),
    ("locked", "locked mount"),
    ("cpu", "cpu.max"),
    ("io", "io.max"),
    ("blkio", "io.max"),
    ("pids", "pids.max"),
    ("devices", "device"),
    ("EWOULDBLOCK", "EAGAIN"),
    ("ENOTSUP", "EOPNOTSUPP"),
];
