//! A path as another process means it, looked at from outside: what kind of file system it leads to.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{self, OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::Mode;
use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, fstatfs};
use nix::unistd::Pid;

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
    let resolve = if leads_up && path.is_relative() {
        ResolveFlag::RESOLVE_NO_SYMLINKS
    } else {
        ResolveFlag::RESOLVE_IN_ROOT
    };

    let opened = open(&base).and_then(|base| look_up(&base, path, resolve));
    let kind = opened.and_then(|directory| fstatfs(&directory)).map(|it| it.filesystem_type());
    matches!(kind, Ok(CGROUP_SUPER_MAGIC | CGROUP2_SUPER_MAGIC))
}

fn open(path: &str) -> Result<OwnedFd, Errno> {
    fcntl::open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

fn look_up(base: &OwnedFd, path: &Path, resolve: ResolveFlag) -> Result<OwnedFd, Errno> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(resolve | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    fcntl::openat2(base.as_fd(), path, how)
}
