//! The start of an actor: fork; or, with namespaces, a process called "unshare" that unshares and
//! forks, as unshare(1) does.

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::Pid;

use super::Answer;
use crate::kernel::process::{self, Fork};
use crate::kernel::{confine, errno, perform, record::Recorder};
use crate::op::{ActorName, NamespaceKind, Op, OpRecord, Outcome};
use crate::wire::protocol::{ActorToEngine, SpawnReport};
use crate::wire::{Wire, WireError};

/// The descriptor number of a new actor's wire; everything above is closed.
const WIRE_FD: i32 = 3;

/// Fork the new actor and report, with the engine's end of its wire.
pub fn spawn(
    parent: &ActorName,
    wire: &mut Answer<'_>,
    actor: &ActorName,
    namespaces: &[NamespaceKind],
) -> Result<(), WireError> {
    let op = Op::Spawn { actor: actor.clone(), unshare: namespaces.to_vec() };
    tell_of_actor(parent, wire, &op, |recorder, actor_end| {
        fork_actor(recorder, actor, namespaces, actor_end)
    })
}

/// Make an actor by `make`, which gets the actor's end of its wire, and report, with the engine's end. What `make` returns
/// is the new process's own failure.
pub(super) fn tell_of_actor(
    parent: &ActorName,
    wire: &mut Answer<'_>,
    op: &Op,
    make: impl FnOnce(&mut Recorder, Wire) -> Result<Option<Errno>, Errno>,
) -> Result<(), WireError> {
    let started = Instant::now();
    let mut recorder = Recorder::default();
    let (engine_end, actor_end) = Wire::pair()?;
    engine_end.expect_credentials()?;

    let outcome = match make(&mut recorder, actor_end) {
        Ok(None) => Outcome::Done { output: String::new() },
        Ok(Some(errno)) | Err(errno) => perform::failed_outcome(&recorder, errno),
    };

    let fds = if outcome.is_ok() { vec![engine_end.as_raw_fd()] } else { Vec::new() };
    let record = OpRecord {
        actor: parent.clone(),
        op: op.clone(),
        calls: recorder.into_calls(),
        pieces: Vec::new(),
        outcome,
        nanos: started.elapsed().as_nanos() as u64,
    };
    wire.send(ActorToEngine::Performed(record), &fds)
}

/// Fork; returns in the parent only. The errno is the child's own failure.
fn fork_actor(
    recorder: &mut Recorder,
    actor: &ActorName,
    namespaces: &[NamespaceKind],
    actor_end: Wire,
) -> Result<Option<Errno>, Errno> {
    let parent = nix::unistd::getpid();
    if namespaces.is_empty() {
        return match process::fork(recorder, &[])? {
            Fork::Child => begin_actor(actor, actor_end, parent),
            Fork::Parent(_) => Ok(None),
        };
    }

    fork_reporting(recorder, |reporter| {
        unshare_and_fork(actor, namespaces, actor_end, reporter, parent)
    })
}

/// Fork a process that says what it did, and record that; the errno is its own failure. `live` returns its exit status,
/// if at all.
pub(super) fn fork_reporting(
    recorder: &mut Recorder,
    live: impl FnOnce(OwnedFd) -> i32,
) -> Result<Option<Errno>, Errno> {
    let (report, reporter) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    match process::fork(recorder, &[])? {
        Fork::Child => process::exit_now(live(reporter)),
        Fork::Parent(_) => {
            drop(reporter);
            let mut bytes = Vec::new();
            std::fs::File::from(report).read_to_end(&mut bytes).map_err(errno::to_errno)?;
            let report: SpawnReport = serde_json::from_slice(&bytes).map_err(|_| Errno::EPROTO)?;
            let errno = report.errno.and_then(|name| recorded_errno(&report.calls, &name));
            recorder.extend(report.calls);
            Ok(errno)
        }
    }
}

/// The number behind a name: names only travel with the call that returned them.
fn recorded_errno(calls: &[crate::call::Call], name: &crate::call::ErrnoName) -> Option<Errno> {
    debug_assert!(calls.iter().any(|call| call.result.errno() == Some(name)));
    // EHWPOISON, the last of Linux, is 133.
    (1..=133).map(Errno::from_raw).find(|errno| format!("{errno:?}") == name.0)
}

/// The "unshare" process: it stays, waiting for its child, as `unshare --fork` does.
fn unshare_and_fork(
    actor: &ActorName,
    namespaces: &[NamespaceKind],
    actor_end: Wire,
    reporter: OwnedFd,
    parent: Pid,
) -> ! {
    confine::keep_only(&[&actor_end, &reporter]);
    let _ = process::die_with_parent(parent);
    process::reset_signals();

    let mut recorder = Recorder::default();
    let forked = process::unshare(&mut recorder, namespaces).and_then(|()| {
        let me = nix::unistd::getpid();
        match process::fork(&mut recorder, &[])? {
            Fork::Child => begin_actor(actor, actor_end, me),
            Fork::Parent(child) => Ok(child),
        }
    });

    report_to_parent(reporter, recorder, forked.err());
    let Ok(child) = forked else { process::exit_now(1) };

    let options: Vec<&str> = namespaces.iter().map(|kind| kind.unshare_option()).collect();
    wait_for_actor("unshare", &format!("{} --fork", options.join(" ")), child)
}

/// Tell the process that forked this one what was done here.
pub(super) fn report_to_parent(reporter: OwnedFd, recorder: Recorder, failed: Option<Errno>) {
    let report = SpawnReport {
        errno: failed.map(|errno| crate::call::ErrnoName::from_raw(errno as i32)),
        calls: recorder.into_calls(),
    };
    let bytes = serde_json::to_vec(&report).unwrap_or_default();
    let _ = std::fs::File::from(reporter).write_all(&bytes);
}

/// Stay as long as the new actor does, under the name of the program that would.
pub(super) fn wait_for_actor(program: &str, options: &str, child: Pid) -> ! {
    confine::keep_only(&[]);
    process::set_title(&format!("{program} {options}"));
    let _ = process::set_name(program);
    let status =
        process::wait(&mut Recorder::default(), child).map_or(1, process::ExitStatus::code);
    process::exit_now(status)
}

/// The new actor: from here on it is on its own.
pub(super) fn begin_actor(actor: &ActorName, wire: Wire, parent: Pid) -> ! {
    let _ = process::die_with_parent(parent);
    let wire = keep_only(wire);
    process::set_title(&format!("unboxed: {actor}"));
    let status = match super::run_actor(actor, wire, &[]) {
        Ok(()) => 0,
        Err(_) => 1,
    };
    process::exit_now(status)
}

/// Close what was inherited but the standard streams and the wire.
fn keep_only(wire: Wire) -> Wire {
    let wire = Wire::from_fd(process::move_fd(wire.into_fd(), WIRE_FD));
    confine::keep_only(&[&wire]);
    wire
}
