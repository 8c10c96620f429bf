//! A path as another process means it, looked at from outside: what kind of file system it leads to.

use std::path::{Component, Path};

use nix::fcntl::{self, OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::Mode;
use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, fstatfs};
use nix::unistd::Pid;

use super::rooted::open_in_root;

const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// True if a thread's path leads into a tree of control groups. `dir` is the descriptor that a relative path begins at,
/// `AT_FDCWD` for the current directory. False where that can't be seen.
///
/// No file system of a lab is served by a process that this could wait for: there is no /dev/fuse in a lab.
pub fn is_in_cgroup_tree(thread: Pid, dir: i32, path: &Path) -> bool {
    let base = match dir {
        _ if path.is_absolute() => format!("/proc/{thread}/root"),
        libc::AT_FDCWD => format!("/proc/{thread}/cwd"),
        number => format!("/proc/{thread}/fd/{number}"),
    };
    // What leads up from a directory may pass the thread's root, as it may for the thread; but not by a link, which would
    // lead to this process's own.
    let leads_up = path.components().any(|part| part == Component::ParentDir);
    let opened = fcntl::open(base.as_str(), DIRECTORY, Mode::empty()).and_then(|base| {
        if leads_up && path.is_relative() {
            let resolve = ResolveFlag::RESOLVE_NO_SYMLINKS;
            fcntl::openat2(&base, path, OpenHow::new().flags(DIRECTORY).resolve(resolve))
        } else {
            open_in_root(&base, path, DIRECTORY)
        }
    });
    let kind = opened.and_then(|directory| fstatfs(&directory)).map(|it| it.filesystem_type());
    matches!(kind, Ok(CGROUP_SUPER_MAGIC | CGROUP2_SUPER_MAGIC))
}
