//! Entering namespaces that are there already, as nsenter(1) does, with every call recorded.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::process::{clone_flags, make_dumpable};
use super::record::Recorder;
use super::{file, notation};
use crate::op::{EnterTarget, NamespaceKind, WriteMode};

/// Join groups, by their directories, and then enter namespaces; of a PID namespace the next child is the first member.
///
/// The errno is of the first call that failed: EINVAL for the process's own user namespace, or a file of another kind;
/// EPERM without rights over the namespace; ESRCH for a process that has ended. See setns(2).
pub fn enter(
    recorder: &mut Recorder,
    target: &EnterTarget,
    kinds: &[NamespaceKind],
    groups: &[String],
) -> Result<(), Errno> {
    for group in groups {
        // 0 is the writer itself. In v1 a group need not be in every hierarchy.
        let procs = format!("{group}/cgroup.procs");
        file::write_text(recorder, &procs, "0\n", WriteMode::IfThere)?;
    }

    let namespaces = match target {
        EnterTarget::Process { pid } => open_pidfd(recorder, *pid)?,
        EnterTarget::File { path } => {
            file::open(recorder, path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, 0)?
        }
    };
    let args = format!("{}, {}", namespaces.as_raw_fd(), notation::clone_flags(kinds));
    recorder.call("setns", args, || nix::sched::setns(&namespaces, clone_flags(kinds)))?;

    if kinds.contains(&NamespaceKind::User) {
        become_root(recorder)?;
    }
    Ok(())
}

/// A pidfd, which setns(2) takes for all of a process's namespaces at once, since Linux 5.8.
fn open_pidfd(recorder: &mut Recorder, pid: u32) -> Result<OwnedFd, Errno> {
    let number = recorder.call("pidfd_open", format!("{pid}, 0"), || {
        // SAFETY: pidfd_open takes two numbers.
        let returned = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        Errno::result(returned).map(|number| number as i32)
    })?;

    // SAFETY: the kernel has just made this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Take the ids 0 of the user namespace that was entered, as nsenter(1) does.
fn become_root(recorder: &mut Recorder) -> Result<(), Errno> {
    recorder.call("setgid", "0", || nix::unistd::setgid(0.into()))?;
    recorder.call("setuid", "0", || nix::unistd::setuid(0.into()))?;
    // A change of credentials hides a process from whoever looks at it.
    make_dumpable()
}
