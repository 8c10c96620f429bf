//! The error numbers that the kernel returns, in general. What one means for a call at hand stands in `failure.rs`.

use crate::explain::{Entry, errno};

pub const ENTRIES: &[Entry] = &[
    errno(
        "EPERM",
        "Operation not permitted: the caller lacks a right, often a capability in the user namespace that owns the thing, or somebody before has locked it.",
        &["capability", "user namespace", "EACCES"],
    ),
    errno(
        "ENOENT",
        "No such file or directory: a part of the path is not there, as seen from the caller's root. For a program it may also be its interpreter.",
        &["root directory"],
    ),
    errno(
        "ESRCH",
        "No such process: the caller's PID namespace has none with this PID. It may have another one there.",
        &["PID namespace"],
    ),
    errno("EINTR", "A signal came while the call waited. It can be made again.", &["signal"]),
    errno(
        "EIO",
        "Input/output error: the device or file system failed; or a write to a file of the kernel that is not possible now.",
        &[],
    ),
    errno(
        "ENXIO",
        "No such device or address: the device file is there, but no device behind it.",
        &["device"],
    ),
    errno(
        "E2BIG",
        "Too long: the arguments and the environment of a new program together, or a structure that this kernel does not know.",
        &["execve"],
    ),
    errno(
        "ENOEXEC",
        "The file is no program that this kernel can start: neither a binary for this machine nor a script with #!.",
        &["execve"],
    ),
    errno(
        "EBADF",
        "The file descriptor is not open, or not open in the way that the call needs.",
        &["file descriptor"],
    ),
    errno("ECHILD", "There is no child to wait for.", &["wait4"]),
    errno(
        "EAGAIN",
        "Try again: a limit is reached now (processes of a group or of a user), or nothing is there to read yet.",
        &["pids.max"],
    ),
    errno(
        "ENOMEM",
        "Out of memory: the kernel or the group has none left for this; for clone in a PID namespace also: its PID 1 has ended.",
        &["memory.max", "init"],
    ),
    errno(
        "EACCES",
        "Permission denied: the file's permissions, a search permission on the way, or the mount's noexec forbid it.",
        &["EPERM", "MS_NOEXEC"],
    ),
    errno(
        "EFAULT",
        "Bad address: a pointer that was passed leads to no memory of the process.",
        &[],
    ),
    errno(
        "EBUSY",
        "In use: a mount that somebody uses, a group that has processes or groups below, a value that is lower than what is used.",
        &["umount2", "control group"],
    ),
    errno("EEXIST", "It is there already.", &["O_EXCL", "NLM_F_EXCL"]),
    errno(
        "EXDEV",
        "The two paths are on different mounts or file systems: a rename or a hard link can't cross them.",
        &["mount"],
    ),
    errno(
        "ENODEV",
        "No such device: an unknown file system type, or a link or device of that name is not here.",
        &["device"],
    ),
    errno("ENOTDIR", "A part of the path that should be a directory is none.", &[]),
    errno("EISDIR", "It is a directory where a file is needed.", &[]),
    errno(
        "EINVAL",
        "Invalid argument: the call can't work like this. Many calls mean several things by it, so the manual page of the call is the place to look.",
        &[],
    ),
    errno("EMFILE", "The process has too many files open.", &["file descriptor"]),
    errno("ENFILE", "The whole machine has too many files open.", &["file descriptor"]),
    errno(
        "ENOTTY",
        "The descriptor is no terminal, or does not know this request.",
        &["file descriptor"],
    ),
    errno("ETXTBSY", "The file is a program that runs just now: it can't be written.", &["execve"]),
    errno("EFBIG", "The file would become larger than a limit allows.", &[]),
    errno(
        "ENOSPC",
        "No space left: the file system is full, or a limit on a kind of thing is reached (namespaces); in v1 also: the group joined has no CPUs or memory nodes.",
        &["cpuset.cpus", "namespace"],
    ),
    errno("EROFS", "The file system or the mount is read-only.", &["MS_RDONLY"]),
    errno("EMLINK", "Too many links to one file.", &[]),
    errno("EPIPE", "Nobody reads at the other end any more.", &[]),
    errno("ERANGE", "The number is out of the range that the file or call takes.", &[]),
    errno("ENAMETOOLONG", "A name is longer than 255 bytes, or the path than 4095.", &[]),
    errno("ENOSYS", "This kernel has no such system call, or a filter hides it.", &["seccomp"]),
    errno("ENOTEMPTY", "The directory is not empty.", &["rmdir"]),
    errno(
        "ELOOP",
        "Too many symbolic links on the way, or one where none is allowed; for mounts: the tree would lie within itself.",
        &["O_NOFOLLOW"],
    ),
    errno("ENODATA", "There is no such attribute or no data.", &[]),
    errno(
        "EPROTO",
        "The other side said something that the protocol does not allow.",
        &["netlink"],
    ),
    errno(
        "EOVERFLOW",
        "A value does not fit: for instance a user id that this user namespace has no number for.",
        &["user namespace"],
    ),
    errno(
        "EOPNOTSUPP",
        "Not supported: this file system, link or kernel can't do that; in v2 also: the group's type does not allow it.",
        &["cgroup.type"],
    ),
    errno(
        "EADDRINUSE",
        "Another socket of this network namespace has this address and port.",
        &["network namespace"],
    ),
    errno(
        "EADDRNOTAVAIL",
        "No link of this network namespace has this address.",
        &["address", "network namespace"],
    ),
    errno("ENETDOWN", "The link on the way is down.", &["IFF_UP"]),
    errno(
        "ENETUNREACH",
        "Network unreachable: no route leads there, so nothing was sent. Look at the routes of this network namespace, and whether the link is up.",
        &["route", "default route"],
    ),
    errno("ENOBUFS", "The kernel has no room for another packet or message.", &[]),
    errno("ECONNREFUSED", "The other machine answered: nobody listens at that port.", &[]),
    errno(
        "ETIMEDOUT",
        "No answer came in time. The packet may have been lost on the way there, or the answer on the way back.",
        &["NAT", "forwarding"],
    ),
    errno(
        "EHOSTUNREACH",
        "There is a route, but nobody answered for that address on the link.",
        &["neighbour", "route"],
    ),
    errno("EDQUOT", "A quota of the user is used up.", &[]),
];
