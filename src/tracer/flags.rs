//! Flags and constants as strace names them: bits by the names of a table, what no table knows in hexadecimal.

/// Names of bits, in strace's order.
pub type FlagNames = &'static [(u64, &'static str)];

/// The names of the bits that are set; `0` where none is.
pub fn flags(value: u64, names: FlagNames) -> String {
    let mut left = value;
    let mut words: Vec<String> = Vec::new();
    for (bits, name) in names {
        if *bits != 0 && left & bits == *bits {
            words.push((*name).to_owned());
            left &= !bits;
        }
    }
    if left != 0 {
        words.push(format!("{left:#x}"));
    }
    if words.is_empty() { "0".to_owned() } else { words.join("|") }
}

/// The name of a value that is one of a list; the number where the list lacks it.
pub fn constant(value: u64, names: FlagNames) -> String {
    let known = names.iter().find(|(number, _)| *number == value);
    known.map_or_else(|| format!("{value:#x}"), |(_, name)| (*name).to_owned())
}

/// `MS_…` of mount(2).
pub fn mount(value: u64) -> String {
    const MAGIC: u64 = 0xc0ed_0000;
    const MAGIC_MASK: u64 = 0xffff_0000;
    // Programs of long ago set it, and the kernel takes it away.
    if value & MAGIC_MASK == MAGIC {
        let rest = value & !MAGIC_MASK;
        return if rest == 0 {
            "MS_MGC_VAL".to_owned()
        } else {
            format!("MS_MGC_VAL|{}", flags(rest, MOUNT))
        };
    }
    flags(value, MOUNT)
}

const MOUNT: FlagNames = &[
    (libc::MS_RDONLY, "MS_RDONLY"),
    (libc::MS_NOSUID, "MS_NOSUID"),
    (libc::MS_NODEV, "MS_NODEV"),
    (libc::MS_NOEXEC, "MS_NOEXEC"),
    (libc::MS_SYNCHRONOUS, "MS_SYNCHRONOUS"),
    (libc::MS_REMOUNT, "MS_REMOUNT"),
    (libc::MS_MANDLOCK, "MS_MANDLOCK"),
    (libc::MS_DIRSYNC, "MS_DIRSYNC"),
    (0x100, "MS_NOSYMFOLLOW"),
    (libc::MS_NOATIME, "MS_NOATIME"),
    (libc::MS_NODIRATIME, "MS_NODIRATIME"),
    (libc::MS_BIND, "MS_BIND"),
    (libc::MS_MOVE, "MS_MOVE"),
    (libc::MS_REC, "MS_REC"),
    (libc::MS_SILENT, "MS_SILENT"),
    (libc::MS_POSIXACL, "MS_POSIXACL"),
    (libc::MS_UNBINDABLE, "MS_UNBINDABLE"),
    (libc::MS_PRIVATE, "MS_PRIVATE"),
    (libc::MS_SLAVE, "MS_SLAVE"),
    (libc::MS_SHARED, "MS_SHARED"),
    (libc::MS_RELATIME, "MS_RELATIME"),
    (libc::MS_KERNMOUNT, "MS_KERNMOUNT"),
    (libc::MS_I_VERSION, "MS_I_VERSION"),
    (libc::MS_STRICTATIME, "MS_STRICTATIME"),
    (libc::MS_LAZYTIME, "MS_LAZYTIME"),
];

pub const UMOUNT: FlagNames = &[
    (libc::MNT_FORCE as u64, "MNT_FORCE"),
    (libc::MNT_DETACH as u64, "MNT_DETACH"),
    (libc::MNT_EXPIRE as u64, "MNT_EXPIRE"),
    (libc::UMOUNT_NOFOLLOW as u64, "UMOUNT_NOFOLLOW"),
];

/// `CLONE_…` of clone(2), clone3(2), unshare(2) and setns(2), without the signal in clone(2)'s lowest byte.
pub const CLONE: FlagNames = &[
    (CLONE_NEWTIME, "CLONE_NEWTIME"),
    (libc::CLONE_VM as u64, "CLONE_VM"),
    (libc::CLONE_FS as u64, "CLONE_FS"),
    (libc::CLONE_FILES as u64, "CLONE_FILES"),
    (libc::CLONE_SIGHAND as u64, "CLONE_SIGHAND"),
    (libc::CLONE_PIDFD as u64, "CLONE_PIDFD"),
    (libc::CLONE_PTRACE as u64, "CLONE_PTRACE"),
    (libc::CLONE_VFORK as u64, "CLONE_VFORK"),
    (libc::CLONE_PARENT as u64, "CLONE_PARENT"),
    (libc::CLONE_THREAD as u64, "CLONE_THREAD"),
    (libc::CLONE_NEWNS as u64, "CLONE_NEWNS"),
    (libc::CLONE_SYSVSEM as u64, "CLONE_SYSVSEM"),
    (libc::CLONE_SETTLS as u64, "CLONE_SETTLS"),
    (libc::CLONE_PARENT_SETTID as u64, "CLONE_PARENT_SETTID"),
    (libc::CLONE_CHILD_CLEARTID as u64, "CLONE_CHILD_CLEARTID"),
    (libc::CLONE_DETACHED as u64, "CLONE_DETACHED"),
    (libc::CLONE_UNTRACED as u64, "CLONE_UNTRACED"),
    (libc::CLONE_CHILD_SETTID as u64, "CLONE_CHILD_SETTID"),
    (libc::CLONE_NEWCGROUP as u64, "CLONE_NEWCGROUP"),
    (libc::CLONE_NEWUTS as u64, "CLONE_NEWUTS"),
    (libc::CLONE_NEWIPC as u64, "CLONE_NEWIPC"),
    (libc::CLONE_NEWUSER as u64, "CLONE_NEWUSER"),
    (libc::CLONE_NEWPID as u64, "CLONE_NEWPID"),
    (libc::CLONE_NEWNET as u64, "CLONE_NEWNET"),
    // Not a u32's sign: CLONE_IO is the highest bit.
    (0x8000_0000, "CLONE_IO"),
    (0x1_0000_0000, "CLONE_CLEAR_SIGHAND"),
    (CLONE_INTO_CGROUP, "CLONE_INTO_CGROUP"),
];

/// The bit that lies in the place of clone(2)'s exit signal: only clone3(2), unshare(2) and setns(2) take it.
pub const CLONE_NEWTIME: u64 = 0x80;
pub const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

pub const AT: FlagNames = &[
    (libc::AT_SYMLINK_NOFOLLOW as u64, "AT_SYMLINK_NOFOLLOW"),
    (libc::AT_REMOVEDIR as u64, "AT_REMOVEDIR"),
    (libc::AT_SYMLINK_FOLLOW as u64, "AT_SYMLINK_FOLLOW"),
    (libc::AT_NO_AUTOMOUNT as u64, "AT_NO_AUTOMOUNT"),
    (libc::AT_EMPTY_PATH as u64, "AT_EMPTY_PATH"),
    (0x8000, "AT_RECURSIVE"),
];

pub const FSOPEN: FlagNames = &[(1, "FSOPEN_CLOEXEC")];
pub const FSMOUNT: FlagNames = &[(1, "FSMOUNT_CLOEXEC")];

pub const FSPICK: FlagNames = &[
    (1, "FSPICK_CLOEXEC"),
    (2, "FSPICK_SYMLINK_NOFOLLOW"),
    (4, "FSPICK_NO_AUTOMOUNT"),
    (8, "FSPICK_EMPTY_PATH"),
];

pub const FSCONFIG: FlagNames = &[
    (0, "FSCONFIG_SET_FLAG"),
    (1, "FSCONFIG_SET_STRING"),
    (2, "FSCONFIG_SET_BINARY"),
    (3, "FSCONFIG_SET_PATH"),
    (4, "FSCONFIG_SET_PATH_EMPTY"),
    (5, "FSCONFIG_SET_FD"),
    (6, "FSCONFIG_CMD_CREATE"),
    (7, "FSCONFIG_CMD_RECONFIGURE"),
    (8, "FSCONFIG_CMD_CREATE_EXCL"),
];

pub const MOUNT_ATTRIBUTES: FlagNames = &[
    (0x1, "MOUNT_ATTR_RDONLY"),
    (0x2, "MOUNT_ATTR_NOSUID"),
    (0x4, "MOUNT_ATTR_NODEV"),
    (0x8, "MOUNT_ATTR_NOEXEC"),
    (0x10, "MOUNT_ATTR_NOATIME"),
    (0x20, "MOUNT_ATTR_STRICTATIME"),
    (0x80, "MOUNT_ATTR_NODIRATIME"),
    (0x10_0000, "MOUNT_ATTR_IDMAP"),
    (0x20_0000, "MOUNT_ATTR_NOSYMFOLLOW"),
];

pub const MOVE_MOUNT: FlagNames = &[
    (0x1, "MOVE_MOUNT_F_SYMLINKS"),
    (0x2, "MOVE_MOUNT_F_AUTOMOUNTS"),
    (0x4, "MOVE_MOUNT_F_EMPTY_PATH"),
    (0x10, "MOVE_MOUNT_T_SYMLINKS"),
    (0x20, "MOVE_MOUNT_T_AUTOMOUNTS"),
    (0x40, "MOVE_MOUNT_T_EMPTY_PATH"),
    (0x100, "MOVE_MOUNT_SET_GROUP"),
];

/// OPEN_TREE_CLOEXEC is O_CLOEXEC.
pub const OPEN_TREE: FlagNames = &[(1, "OPEN_TREE_CLONE"), (0o2_000_000, "OPEN_TREE_CLOEXEC")];

pub const PROPAGATION: FlagNames = &[
    (libc::MS_UNBINDABLE, "MS_UNBINDABLE"),
    (libc::MS_PRIVATE, "MS_PRIVATE"),
    (libc::MS_SLAVE, "MS_SLAVE"),
    (libc::MS_SHARED, "MS_SHARED"),
];

pub const PRCTL: FlagNames = &[
    (libc::PR_SET_NO_NEW_PRIVS as u64, "PR_SET_NO_NEW_PRIVS"),
    (libc::PR_CAPBSET_DROP as u64, "PR_CAPBSET_DROP"),
    (libc::PR_CAP_AMBIENT as u64, "PR_CAP_AMBIENT"),
    (libc::PR_SET_KEEPCAPS as u64, "PR_SET_KEEPCAPS"),
    (libc::PR_SET_SECUREBITS as u64, "PR_SET_SECUREBITS"),
];

pub const AMBIENT: FlagNames = &[
    (libc::PR_CAP_AMBIENT_IS_SET as u64, "PR_CAP_AMBIENT_IS_SET"),
    (libc::PR_CAP_AMBIENT_RAISE as u64, "PR_CAP_AMBIENT_RAISE"),
    (libc::PR_CAP_AMBIENT_LOWER as u64, "PR_CAP_AMBIENT_LOWER"),
    (libc::PR_CAP_AMBIENT_CLEAR_ALL as u64, "PR_CAP_AMBIENT_CLEAR_ALL"),
];

pub const SECUREBITS: FlagNames = &[
    (1, "SECBIT_NOROOT"),
    (1 << 1, "SECBIT_NOROOT_LOCKED"),
    (1 << 2, "SECBIT_NO_SETUID_FIXUP"),
    (1 << 3, "SECBIT_NO_SETUID_FIXUP_LOCKED"),
    (1 << 4, "SECBIT_KEEP_CAPS"),
    (1 << 5, "SECBIT_KEEP_CAPS_LOCKED"),
    (1 << 6, "SECBIT_NO_CAP_AMBIENT_RAISE"),
    (1 << 7, "SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED"),
];

pub const SECCOMP: FlagNames = &[
    (libc::SECCOMP_SET_MODE_STRICT as u64, "SECCOMP_SET_MODE_STRICT"),
    (libc::SECCOMP_SET_MODE_FILTER as u64, "SECCOMP_SET_MODE_FILTER"),
    (libc::SECCOMP_GET_ACTION_AVAIL as u64, "SECCOMP_GET_ACTION_AVAIL"),
    (libc::SECCOMP_GET_NOTIF_SIZES as u64, "SECCOMP_GET_NOTIF_SIZES"),
];

pub const SECCOMP_FILTER: FlagNames = &[
    (libc::SECCOMP_FILTER_FLAG_TSYNC, "SECCOMP_FILTER_FLAG_TSYNC"),
    (libc::SECCOMP_FILTER_FLAG_LOG, "SECCOMP_FILTER_FLAG_LOG"),
    (libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"),
    (libc::SECCOMP_FILTER_FLAG_NEW_LISTENER, "SECCOMP_FILTER_FLAG_NEW_LISTENER"),
    (libc::SECCOMP_FILTER_FLAG_TSYNC_ESRCH, "SECCOMP_FILTER_FLAG_TSYNC_ESRCH"),
    (libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"),
];

/// Capabilities by number, see capabilities(7).
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// `CAP_SYS_ADMIN`; the number where there is no such capability yet.
pub fn capability(number: u64) -> String {
    let name = usize::try_from(number).ok().and_then(|number| CAPABILITIES.get(number));
    name.map_or_else(|| number.to_string(), |name| format!("CAP_{name}"))
}

/// A set of capabilities, as strace writes it: `1<<CAP_CHOWN|1<<CAP_KILL`.
pub fn capabilities(set: u64) -> String {
    let names: Vec<String> = (0..64)
        .filter(|number| set >> number & 1 == 1)
        .map(|number| match capability(number) {
            known if known.starts_with("CAP_") => format!("1<<{known}"),
            _ => format!("{:#x}", 1_u64 << number),
        })
        .collect();
    if names.is_empty() { "0".to_owned() } else { names.join("|") }
}

/// `SIGTERM`; the number for real-time signals.
pub fn signal(number: u64) -> String {
    let known =
        i32::try_from(number).ok().and_then(|it| nix::sys::signal::Signal::try_from(it).ok());
    known.map_or_else(|| number.to_string(), |signal| signal.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_in_straces_order_and_unknown_ones_as_a_number() {
        assert_eq!(mount(libc::MS_PRIVATE | libc::MS_REC), "MS_REC|MS_PRIVATE");
        assert_eq!(mount(0), "0");
        assert_eq!(mount(0xc0ed_0000 | libc::MS_BIND), "MS_MGC_VAL|MS_BIND");
        assert_eq!(mount(1 << 27), "0x8000000");
        let all = (libc::CLONE_NEWPID | libc::CLONE_NEWNS) as u64;
        assert_eq!(flags(all, CLONE), "CLONE_NEWNS|CLONE_NEWPID");
    }

    #[test]
    fn capabilities_are_named_up_to_the_last_that_is_known() {
        assert_eq!(capability(21), "CAP_SYS_ADMIN");
        assert_eq!(capability(40), "CAP_CHECKPOINT_RESTORE");
        assert_eq!(capability(41), "41");
        assert_eq!(capabilities(0b101), "1<<CAP_CHOWN|1<<CAP_DAC_READ_SEARCH");
        assert_eq!(capabilities(0), "0");
    }
}
