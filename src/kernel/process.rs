//! Processes: forking from single-threaded roles, unshare, names, signals, waiting.

use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::CloneFlags;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SigHandler, Signal};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, WaitStatus};
use nix::unistd::Pid;

use super::errno::to_errno;
use super::notation;
use super::pidfd::Pidfd;
use super::record::Recorder;
use crate::op::NamespaceKind;

/// The side of a fork that this process is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    Child,
    Parent(Pid),
}

static FORKS: AtomicU32 = AtomicU32::new(0);

/// The side of a role's fork that this process is on.
#[derive(Debug)]
pub enum RoleFork {
    Child,
    /// The new process, held from its start.
    Parent(Pidfd),
}

/// clone3(2) with the given new namespaces: fork(2) when there are none.
///
/// Only for processes with one thread: the child goes on with a copy of everything.
pub fn fork(recorder: &mut Recorder, namespaces: &[NamespaceKind]) -> Result<Fork, Errno> {
    let args = format!(
        "{{flags={}, exit_signal=SIGCHLD, stack=NULL, stack_size=0}}, {}",
        notation::clone_flags(namespaces),
        size_of::<libc::clone_args>()
    );
    let forked = recorder.call("clone3", args, || clone3(clone_flags(namespaces), 0));
    let pid = match forked {
        Err(Errno::ENOSYS) if !namespaces.contains(&NamespaceKind::Time) => {
            let args = format!("child_stack=NULL, flags={}", notation::old_clone_flags(namespaces));
            recorder.call("clone", args, || old_clone(clone_flags(namespaces), 0))?
        }
        forked => forked?,
    };
    Ok(if pid.as_raw() == 0 { Fork::Child } else { Fork::Parent(pid) })
}

/// The same for a role, whose number may be used again before anybody looks at it: its parent
/// gets a pidfd (CLONE_PIDFD).
pub fn fork_role(namespaces: &[NamespaceKind]) -> Result<RoleFork, Errno> {
    let mut number: RawFd = -1;
    let flags = clone_flags(namespaces) | CloneFlags::from_bits_retain(libc::CLONE_PIDFD);
    if clone(flags, (&raw mut number) as u64)?.as_raw() == 0 {
        return Ok(RoleFork::Child);
    }

    // SAFETY: the kernel has just put a new descriptor there, and nobody else knows of it.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    Pidfd::from_fd(fd).map(RoleFork::Parent)
}

/// clone3(2), or clone(2) where a container's filter says that there is no clone3: it can't see that one's flags, which
/// lie in memory. `pidfd` is the address that CLONE_PIDFD writes to.
fn clone(flags: CloneFlags, pidfd: u64) -> Result<Pid, Errno> {
    match clone3(flags, pidfd) {
        Err(Errno::ENOSYS) => old_clone(flags, pidfd),
        cloned => cloned,
    }
}

fn clone3(flags: CloneFlags, pidfd: u64) -> Result<Pid, Errno> {
    assert!(has_one_thread(), "only a process with one thread may fork and go on");

    let arguments = libc::clone_args {
        flags: u64::from(flags.bits().cast_unsigned()),
        pidfd,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    };

    // SAFETY: no CLONE_VM and no new stack: the child runs on its copy of this stack, as after fork(2). The
    // process has one thread (asserted above), so no lock is held by a thread that the child lacks. What `pidfd`
    // points to outlives the call.
    let result = unsafe {
        libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>())
    };
    if result == 0 {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    Errno::result(result).map(|pid| Pid::from_raw(pid as i32))
}

/// clone(2), which takes no CLONE_NEWTIME: its bit lies among those of the exit signal.
fn old_clone(flags: CloneFlags, pidfd: u64) -> Result<Pid, Errno> {
    assert!(has_one_thread(), "only a process with one thread may fork and go on");

    let flags = u64::from(flags.bits().cast_unsigned()) | libc::SIGCHLD as u64;
    // SAFETY: as for clone3: no CLONE_VM, no new stack, one thread. CLONE_PIDFD writes to the place of the parent's
    // tid, the third argument of x86-64, arm64 and RISC-V.
    let result = unsafe { libc::syscall(libc::SYS_clone, flags, 0_u64, pidfd, 0_u64, 0_u64) };
    if result == 0 {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    Errno::result(result).map(|pid| Pid::from_raw(pid as i32))
}

/// The number of forks between the program that was started and this process.
pub fn fork_depth() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

fn has_one_thread() -> bool {
    // A lab may have no /proc any more: then nobody can tell, and roles start no threads.
    std::fs::read_dir("/proc/self/task").map_or(true, |tasks| tasks.count() == 1)
}

pub(super) fn clone_flags(namespaces: &[NamespaceKind]) -> CloneFlags {
    // linux/sched.h. It lies in clone(2)'s exit signal: only clone3(2) and unshare(2) take it.
    const CLONE_NEWTIME: i32 = 0x80;

    namespaces
        .iter()
        .map(|kind| match kind {
            NamespaceKind::Mount => CloneFlags::CLONE_NEWNS,
            NamespaceKind::Uts => CloneFlags::CLONE_NEWUTS,
            NamespaceKind::Ipc => CloneFlags::CLONE_NEWIPC,
            NamespaceKind::Pid => CloneFlags::CLONE_NEWPID,
            NamespaceKind::Net => CloneFlags::CLONE_NEWNET,
            NamespaceKind::User => CloneFlags::CLONE_NEWUSER,
            NamespaceKind::Cgroup => CloneFlags::CLONE_NEWCGROUP,
            NamespaceKind::Time => CloneFlags::from_bits_retain(CLONE_NEWTIME),
        })
        .collect()
}

pub fn unshare(recorder: &mut Recorder, namespaces: &[NamespaceKind]) -> Result<(), Errno> {
    recorder.call("unshare", notation::clone_flags(namespaces), || {
        nix::sched::unshare(clone_flags(namespaces))
    })
}

/// Become user 0 and group 0 of this user namespace, which are mapped there, unless this process is both already.
pub fn become_root(recorder: &mut Recorder) -> Result<(), Errno> {
    if nix::unistd::getuid().is_root() && nix::unistd::getgid().as_raw() == 0 {
        return Ok(());
    }
    recorder
        .call("setresgid", "0, 0, 0", || nix::unistd::setresgid(0.into(), 0.into(), 0.into()))?;
    recorder.call("setresuid", "0, 0, 0", || nix::unistd::setresuid(0.into(), 0.into(), 0.into()))
}

/// Enter the namespaces of `kinds` of a process.
pub fn enter_namespaces(pid: Pid, kinds: &[NamespaceKind]) -> Result<(), Errno> {
    for kind in kinds {
        let path = format!("/proc/{pid}/ns/{}", kind.proc_link_name());
        let namespace = std::fs::File::open(path).map_err(to_errno)?;
        nix::sched::setns(namespace, CloneFlags::empty())?;
    }
    Ok(())
}

/// A process's surroundings, held open: entering its mount namespace would hide the files they are reached by.
#[derive(Debug)]
pub struct ProcessSurroundings {
    namespaces: Vec<(NamespaceKind, OwnedFd)>,
    root: OwnedFd,
    directory: Option<OwnedFd>,
}

impl ProcessSurroundings {
    /// `pid` as this process's /proc counts. Namespaces that are this process's own already are left out.
    pub fn open(pid: Pid) -> Result<ProcessSurroundings, Errno> {
        let dir = format!("/proc/{pid}");
        let mut namespaces = Vec::new();
        // A time namespace can't be entered by who lives on in it: setns(2) wants a child.
        for kind in NamespaceKind::ALL.into_iter().filter(|kind| *kind != NamespaceKind::Time) {
            let name = kind.proc_link_name();
            let theirs = nix::fcntl::readlink(format!("{dir}/ns/{name}").as_str())?;
            if theirs != nix::fcntl::readlink(format!("/proc/self/ns/{name}").as_str())? {
                namespaces.push((
                    kind,
                    std::fs::File::open(format!("{dir}/ns/{name}")).map_err(to_errno)?.into(),
                ));
            }
        }

        let open = |name: &str| {
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            nix::fcntl::open(format!("{dir}/{name}").as_str(), flags, Mode::empty())
        };

        Ok(ProcessSurroundings { namespaces, root: open("root")?, directory: open("cwd").ok() })
    }

    /// Enter them all, and stand where the process stands. New pids count from the next fork on.
    pub fn enter(self) -> Result<(), Errno> {
        // Namespaces that belong to the user namespace we come from need our rights there; those that belong to the
        // one we go to need the rights we get on arrival.
        let (user, mut others): (Vec<_>, Vec<_>) =
            self.namespaces.into_iter().partition(|(kind, _)| *kind == NamespaceKind::User);
        others.retain(|(_, namespace)| nix::sched::setns(namespace, CloneFlags::empty()).is_err());

        for (_, namespace) in &user {
            nix::sched::setns(namespace, CloneFlags::empty())?;
            let _ = nix::unistd::setresgid(0.into(), 0.into(), 0.into());
            let _ = nix::unistd::setresuid(0.into(), 0.into(), 0.into());
        }
        for (_, namespace) in &others {
            nix::sched::setns(namespace, CloneFlags::empty())?;
        }

        nix::unistd::fchdir(&self.root)?;
        nix::unistd::chroot(".")?;
        match &self.directory {
            Some(directory) if nix::unistd::fchdir(directory).is_ok() => Ok(()),
            _ => nix::unistd::chdir("/"),
        }
    }
}

/// Step back behind other processes for CPU time, this one and all it starts.
pub fn lower_priority() {
    // SAFETY: setpriority takes three numbers; 0 means this process.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 5) };
}

/// Do something in another network namespace, and come back.
pub fn in_network_namespace<T>(
    namespace: &OwnedFd,
    act: impl FnOnce() -> Result<T, Errno>,
) -> Result<T, Errno> {
    let home = std::fs::File::open("/proc/self/ns/net").map_err(to_errno)?;
    nix::sched::setns(namespace, CloneFlags::CLONE_NEWNET)?;
    let done = act();
    nix::sched::setns(home, CloneFlags::CLONE_NEWNET)?;
    done
}

/// One write to a file that is there: what /proc and cgroups take.
pub fn write_file(path: impl AsRef<std::path::Path>, text: &str) -> Result<(), Errno> {
    let mut file = std::fs::OpenOptions::new().write(true).open(path).map_err(to_errno)?;
    file.write_all(text.as_bytes()).map_err(to_errno)
}

/// Name the machine of this UTS namespace.
pub fn set_hostname(name: &str) -> Result<(), Errno> {
    nix::unistd::sethostname(name)
}

/// Kill this process with SIGKILL when its parent dies. Cleared by fork and by a change of credentials: set it again.
pub fn die_with_parent(parent_was: Pid) -> Result<(), Errno> {
    // Set, then look: a parent that died before it was set sends no signal.
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    // Across a pid namespace getppid() is 0 for a parent outside, dead or alive.
    let parent = nix::unistd::getppid();
    if parent != parent_was && parent.as_raw() != 0 {
        return Err(Errno::ESRCH);
    }
    Ok(())
}

/// Let processes of the same user (and the lab's root) look at this one, which a change of credentials forbade.
pub fn make_dumpable() -> Result<(), Errno> {
    nix::sys::prctl::set_dumpable(true)
}

/// Set the title that `ps` shows: the command name (15 bytes) and the argument vector, where it is long enough.
pub fn set_title(title: &str) {
    let _ = set_name(title);
    if let Some((start, end)) = argument_area() {
        let mut area = vec![0_u8; (end - start) as usize];
        let room = area.len().saturating_sub(1);
        let text = &title.as_bytes()[..title.len().min(room)];
        area[..text.len()].copy_from_slice(text);
        // Writing through the file needs no pointer arithmetic; a kernel that refuses it leaves the old arguments.
        if let Ok(mut memory) = std::fs::OpenOptions::new().write(true).open("/proc/self/mem") {
            let _ = memory.seek(SeekFrom::Start(start)).and_then(|_| memory.write_all(&area));
        }
    }
}

/// The command name alone.
pub fn set_name(name: &str) -> Result<(), Errno> {
    let name = std::ffi::CString::new(name).map_err(|_| Errno::EINVAL)?;
    nix::sys::prctl::set_name(&name)
}

/// The addresses where the argument vector begins and ends: fields 48 and 49 of /proc/self/stat.
fn argument_area() -> Option<(u64, u64)> {
    let mut stat = String::new();
    std::fs::File::open("/proc/self/stat").ok()?.read_to_string(&mut stat).ok()?;
    let after_comm = &stat[stat.rfind(')')? + 1..];
    // What stands behind the command begins with field 3.
    let mut fields = after_comm.split_ascii_whitespace().skip(48 - 3);
    let (start, end) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    (end > start && start > 0).then_some((start, end))
}

/// Orphans of this process's descendants become its children, and are reaped here.
pub fn adopt_orphans() -> Result<(), Errno> {
    nix::sys::prctl::set_child_subreaper(true)
}

/// Let a reader who has seen enough (`| head`) end this process silently, as other tools do. Not for a process that
/// talks to others over sockets.
pub fn end_on_broken_pipe() {
    // SAFETY: the default disposition runs no code of ours.
    let _ = unsafe { nix::sys::signal::signal(Signal::SIGPIPE, SigHandler::SigDfl) };
}

/// End this process the way a write to nobody ends one, for a process that had something to give back first.
pub fn end_by_broken_pipe() -> ! {
    end_on_broken_pipe();
    let _ = nix::sys::signal::SigSet::empty().thread_set_mask();
    let _ = nix::sys::signal::raise(Signal::SIGPIPE);
    // The status that a shell gives for it.
    exit_now(128 + Signal::SIGPIPE as i32)
}

/// Make a write to nobody an error, not the end.
pub fn ignore_broken_pipes() {
    // SAFETY: ignoring runs no code of ours.
    let _ = unsafe { nix::sys::signal::signal(Signal::SIGPIPE, SigHandler::SigIgn) };
}

/// Let children be waited for: the default, whatever a parent did with its own.
pub fn restore_child_waiting() -> Result<(), Errno> {
    // SAFETY: the default disposition runs no code of ours.
    unsafe { nix::sys::signal::signal(Signal::SIGCHLD, SigHandler::SigDfl) }.map(drop)
}

/// Standard input's descriptor, owned; /dev/null takes its place.
pub fn take_stdin() -> OwnedFd {
    let taken = std::io::stdin().as_fd().try_clone_to_owned();
    let null = std::fs::File::open("/dev/null");
    if let Ok(null) = null {
        let _ = nix::unistd::dup2_stdin(&null);
    }
    // SAFETY: on failure (no descriptor left) the number 0 itself is used, which nothing else owns.
    taken.unwrap_or_else(|_| unsafe { OwnedFd::from_raw_fd(0) })
}

/// Put something in the place of standard input that never has anything to read, and never ends.
pub fn silence_stdin() {
    if let Ok(silence) = EventFd::from_flags(EfdFlags::EFD_CLOEXEC) {
        let _ = nix::unistd::dup2_stdin(&silence);
    }
}

/// Standard error's descriptor, owned. Standard output, which is /dev/null in a role, takes its place, also where there is
/// no descriptor left for the copy: what a role inherits there must not reach a lab.
pub fn take_stderr() -> std::io::Result<OwnedFd> {
    let taken = std::io::stderr().as_fd().try_clone_to_owned();
    nix::unistd::dup2_stderr(std::io::stdout())?;
    taken
}

/// The same open file under the number `to`, whatever was there, and the old number closed; or as it was,
/// where the kernel refuses.
pub fn move_fd(fd: OwnedFd, to: i32) -> OwnedFd {
    if fd.as_raw_fd() == to {
        return fd;
    }
    // SAFETY: the call takes numbers only; `to` belongs to nobody in a role that has just begun.
    let moved = unsafe { libc::dup3(fd.as_raw_fd(), to, libc::O_CLOEXEC) };
    match Errno::result(moved) {
        // SAFETY: dup3 has just made it, and nobody else knows of it.
        Ok(number) => unsafe { OwnedFd::from_raw_fd(number) },
        Err(_) => fd,
    }
}

/// End a forked role at once: no destructors of the parent's copy, no exit handlers.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: _exit takes any status and does not return.
    unsafe { libc::_exit(status) }
}

/// Signals back to their defaults and unblocked, for a program about to be executed.
pub fn reset_signals() {
    let _ = nix::sys::signal::SigSet::empty().thread_set_mask();

    for signal in [
        Signal::SIGPIPE,
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGCHLD,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGTSTP,
        Signal::SIGXFSZ,
    ] {
        // SAFETY: the default disposition runs no code of ours.
        let _ = unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) };
    }
}

/// Keep a role alive through signals meant for the terminal's foreground: its end comes by its socket.
pub fn ignore_terminal_signals() {
    for signal in [
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTSTP,
        Signal::SIGHUP,
        Signal::SIGTERM,
        Signal::SIGPIPE,
    ] {
        // SAFETY: ignoring runs no code of ours.
        let _ = unsafe { nix::sys::signal::signal(signal, SigHandler::SigIgn) };
    }
}

/// wait4(2) for one child, recorded.
pub fn wait(recorder: &mut Recorder, child: Pid) -> Result<ExitStatus, Errno> {
    let mut status: i32 = 0;
    recorder.call_with_buffer(
        "wait4",
        &mut status,
        |status| {
            // SAFETY: status is a valid place for the result; no rusage is asked for.
            let result = unsafe { libc::wait4(child.as_raw(), status, 0, std::ptr::null_mut()) };
            Errno::result(result).map(Pid::from_raw)
        },
        |status, _| format!("{child}, {}, 0, NULL", ExitStatus::from_wait(*status).notation()),
    )?;
    Ok(ExitStatus::from_wait(status))
}

/// The end of a child: its exit code, or the signal that killed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    Exited(i32),
    Killed(i32),
}

impl ExitStatus {
    fn from_wait(status: i32) -> Self {
        if libc::WIFSIGNALED(status) {
            ExitStatus::Killed(libc::WTERMSIG(status))
        } else {
            ExitStatus::Exited(libc::WEXITSTATUS(status))
        }
    }

    /// The exit code as in a shell's `$?`: 128 + the signal's number for a killed one.
    pub fn code(self) -> i32 {
        match self {
            ExitStatus::Exited(code) => code,
            ExitStatus::Killed(signal) => 128 + signal,
        }
    }

    fn notation(self) -> String {
        match self {
            ExitStatus::Exited(code) => format!("[{{WIFEXITED(s) && WEXITSTATUS(s) == {code}}}]"),
            ExitStatus::Killed(signal) => {
                let name = Signal::try_from(signal)
                    .map_or_else(|_| signal.to_string(), |signal| signal.to_string());
                format!("[{{WIFSIGNALED(s) && WTERMSIG(s) == {name}}}]")
            }
        }
    }
}

/// Reap whatever has ended, without waiting: pid 1's duty.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else a wait tells, it is of a child")]
pub fn reap_all() -> Vec<Pid> {
    let mut reaped = Vec::new();
    while let Ok(status) = nix::sys::wait::waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        match status {
            WaitStatus::StillAlive => break,
            ended => reaped.extend(ended.pid()),
        }
    }
    reaped
}
