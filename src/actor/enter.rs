//! Going where another process is, as nsenter(1) does: for the learner's shells, and for a stand-in that performs ops
//! in the place of a process that was started by typing.

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use super::ActingFor;
use crate::kernel::process::{self, Fork, ProcessSurroundings};
use crate::kernel::pty::{self, TerminalSize};
use crate::kernel::record::Recorder;
use crate::kernel::{call_listener, confine, file, program};
use crate::op::ActorName;
use crate::wire::Wire;
use crate::wire::protocol::{FailureContext, RoleFailure};

/// Shells, the most comfortable first.
const SHELLS: [&str; 4] = ["/bin/bash", "/usr/bin/bash", "/bin/sh", "/bin/busybox"];
const ENVIRONMENT: [&str; 6] = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "USER=root",
    "TERM=xterm-256color",
    "LC_ALL=C.UTF-8",
    "LESSSECURE=1",
];

/// The variable by which a shell's prompt tells the side of the wall that it is on; the lab's .bashrc reads it.
const SIDE_VARIABLE: &str = "SHELL_SIDE";

/// A shell's terminal, and the listener of what is called in it.
#[derive(Debug)]
pub struct OpenedShell {
    /// The terminal's master side.
    pub master: OwnedFd,
    /// None where the calls are not to be heard, or can't be: somebody hears them already, or the kernel is too old.
    pub listener: Option<OwnedFd>,
}

/// A shell beside `pid`, on a new terminal of this lab. Where `is_heard`, the calls that are watched wait from its first
/// program on until somebody answers by the listener.
pub fn open_shell(
    actor: &ActorName,
    pid: u32,
    size: TerminalSize,
    is_heard: bool,
) -> Result<OpenedShell, RoleFailure> {
    /// The longest that a new shell may take to say whether it can be heard.
    const TIMEOUT: Duration = Duration::from_secs(5);

    let terminal = pty::open(size).while_doing("open a terminal for the shell")?;
    let (mut here, shells_end) = Wire::pair().while_doing("make a wire to the shell")?;
    let slave = terminal.slave;
    beside(pid, || be_shell(slave, &side_in_prompt(actor), is_heard.then_some(shells_end)))?;

    let timed = here.set_timeout(Some(TIMEOUT));
    // A shell that can't be heard says nothing, and its end of the wire ends.
    let heard = timed.and_then(|()| here.receive::<()>()).ok();
    let listener = heard.and_then(|heard| heard.fds.into_iter().next());
    Ok(OpenedShell { master: terminal.master, listener })
}

/// An actor that performs ops in the surroundings of `pid`; the engine's end of its wire.
pub fn stand_in(actor: &ActorName, pid: u32) -> Result<Wire, RoleFailure> {
    let (engine_end, actor_end) = Wire::pair().while_doing("make a wire")?;
    engine_end.expect_credentials().map_err(|_| RoleFailure::new("set up a wire", Errno::EIO))?;

    // Held open: in its own surroundings the process has another number, or no /proc.
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let dir = nix::fcntl::open(format!("/proc/{pid}").as_str(), flags, Mode::empty())
        .while_doing("look at the process")?;

    beside(pid, || {
        confine::keep_only(&[&dir, &actor_end]);
        process::set_title(&format!("unboxed: {actor}"));
        i32::from(
            super::run_actor_for(ActingFor::OtherProcess(dir), actor, actor_end, &[]).is_err(),
        )
    })?;
    Ok(engine_end)
}

/// The pid of the process a stand-in stands in for, in that process's own pid namespace, as its status file says.
pub fn pid_in_own_namespace(recorder: &mut Recorder, dir: &OwnedFd) -> Result<String, Errno> {
    let status = file::read_text_at(recorder, dir, "status")?;
    let pids = status.lines().find_map(|line| line.strip_prefix("NSpid:")).ok_or(Errno::ENODATA)?;
    pids.split_ascii_whitespace().next_back().map(str::to_owned).ok_or(Errno::ENODATA)
}

/// Run `live`, which returns an exit status, in a process that has the groups, namespaces, root and directory of
/// `pid`. Returns once it has them.
fn beside(pid: u32, live: impl FnOnce() -> i32) -> Result<(), RoleFailure> {
    let target = Pid::from_raw(i32::try_from(pid).unwrap_or(0));
    let surroundings =
        ProcessSurroundings::open(target).while_doing("look at the process's namespaces")?;
    let (report, reporter) = nix::unistd::pipe2(OFlag::O_CLOEXEC).while_doing("make a pipe")?;

    match process::fork(&mut Recorder::default(), &[]).while_doing("start a process")? {
        Fork::Child => {
            join_groups(target);
            let entered = surroundings
                .enter()
                .while_doing("enter the process's namespaces")
                // A pid namespace counts children only.
                .and_then(|()| {
                    process::fork(&mut Recorder::default(), &[])
                        .while_doing("start a process there")
                });

            match entered {
                Ok(Fork::Child) => {
                    drop(reporter);
                    process::exit_now(live())
                }
                Ok(Fork::Parent(_)) => process::exit_now(0),
                Err(failure) => {
                    let bytes = serde_json::to_vec(&failure).unwrap_or_default();
                    let _ = std::fs::File::from(reporter).write_all(&bytes);
                    process::exit_now(1)
                }
            }
        }
        Fork::Parent(child) => {
            drop(reporter);
            let mut bytes = Vec::new();
            let _ = std::fs::File::from(report).read_to_end(&mut bytes);
            let _ = process::wait(&mut Recorder::default(), child);
            serde_json::from_slice(&bytes).map_or(Ok(()), Err)
        }
    }
}

/// Join the groups of a process: its limits hold for who comes beside it. A hierarchy that refuses is passed over.
fn join_groups(target: Pid) {
    let read =
        |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let own = read("self");

    for line in
        read(&target.to_string()).lines().filter(|line| !own.lines().any(|known| known == *line))
    {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let places = match controllers {
            "" => vec![format!("/sys/fs/cgroup/unified{path}"), format!("/sys/fs/cgroup{path}")],
            named => vec![format!("/sys/fs/cgroup/{named}{path}")],
        };

        // 0 is the writer itself.
        let _ = places
            .iter()
            .find(|place| process::write_file(format!("{place}/cgroup.procs"), "0").is_ok());
    }
}

/// The words before a prompt that tell a container from the host: both may have the same host name and directory.
fn side_in_prompt(actor: &ActorName) -> String {
    // A prompt is expanded: a name that holds more than letters is left out.
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let is_told = *actor != ActorName::host() && actor.as_str().chars().all(is_plain);
    if is_told { format!("({actor}) ") } else { String::new() }
}

/// Have the calls of this process heard, and say by what: a filter can't be taken back, so it comes last.
fn be_heard(mut wire: Wire) {
    if let Ok(listener) = call_listener::listen_to_own_calls() {
        let _ = wire.send(&(), &[listener.as_raw_fd()]);
    }
}

/// Become a shell on this terminal. Returns only where no shell could be started.
fn be_shell(slave: OwnedFd, side: &str, heard_by: Option<Wire>) -> i32 {
    process::reset_signals();
    process::lower_priority();
    let taken = pty::make_controlling_terminal(slave);
    match heard_by {
        Some(wire) => {
            confine::keep_only(&[&wire]);
            be_heard(wire);
        }
        None => confine::keep_only(&[]),
    }

    if taken.is_ok() {
        // Bash reads the second in the lab's .bashrc, or has a prompt of its own; all others read the first.
        let prompt = format!("PS1={side}$(hostname):$PWD# ");
        let side = format!("{SIDE_VARIABLE}={side}");
        for path in SHELLS {
            let name = path.rsplit('/').next().unwrap_or(path);
            let arguments: &[&str] = if name == "busybox" { &["sh", "-i"] } else { &[name, "-i"] };
            let environment = ENVIRONMENT.iter().copied().chain([prompt.as_str(), &side]);
            program::become_program(path, arguments, environment);
        }
        let _ = std::io::stderr().write_all(b"there is no shell here: neither bash nor sh\r\n");
    }
    127
}
