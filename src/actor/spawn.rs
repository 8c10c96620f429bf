//! The start of an actor: fork; or, with namespaces, a process called "unshare" that unshares and
//! forks, as unshare(1) does.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::Pid;

use super::Answer;
use crate::kernel::process::{self, Fork};
use crate::kernel::{confine, errno, file, perform, record::Recorder};
use crate::op::{
    ActorName, ClockOffsets, IdMaps, MappedIds, NamespaceKind, Op, OpRecord, Outcome, WriteMode,
};
use crate::wire::protocol::{ActorToEngine, SpawnReport};
use crate::wire::{Wire, WireError};

/// The descriptor number of a new actor's wire; everything above is closed.
const WIRE_FD: i32 = 3;

/// The process that is asked for: the fields of `Op::Spawn`.
struct NewActor<'a> {
    actor: &'a ActorName,
    namespaces: &'a [NamespaceKind],
    offsets: ClockOffsets,
    ids: Option<&'a IdMaps>,
}

/// Fork the new actor that `op` asks for and report, with the engine's end of its wire.
pub fn spawn(parent: &ActorName, wire: &mut Answer<'_>, op: &Op) -> Result<(), WireError> {
    tell_of_actor(parent, wire, op, |recorder, actor_end| {
        let Op::Spawn { actor, unshare, offsets, ids } = op else { return Err(Errno::ENOSYS) };
        let wanted = NewActor { actor, namespaces: unshare, offsets: *offsets, ids: ids.as_ref() };
        fork_actor(recorder, &wanted, actor_end)
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
        bar: None,
    };
    wire.send(ActorToEngine::Performed(record), &fds)
}

/// Fork; returns in the parent only. The errno is the child's own failure.
fn fork_actor(
    recorder: &mut Recorder,
    wanted: &NewActor<'_>,
    actor_end: Wire,
) -> Result<Option<Errno>, Errno> {
    let parent = nix::unistd::getpid();
    if wanted.namespaces.is_empty() {
        return match process::fork(recorder, &[])? {
            Fork::Child => begin_actor(wanted.actor, actor_end, parent),
            Fork::Parent(_) => Ok(None),
        };
    }

    let Some(maps) = wanted.ids else {
        return fork_reporting(recorder, |reporter| {
            unshare_and_fork(wanted, actor_end, None, reporter, parent)
        });
    };

    // The child waits for its ids until they are mapped here, and ends where they are not.
    let (go, starter) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    let (child, mut reports) = fork_with_reports(recorder, |reporter| {
        unshare_and_fork(wanted, actor_end, Some((maps, go)), reporter, parent)
    })?;
    if let Some(errno) = take_report(&mut reports, recorder)? {
        return Ok(Some(errno));
    }
    // The child lives and waits: its number is nobody else's.
    map_ids(recorder, child, maps)?;
    std::fs::File::from(starter).write_all(b"go").map_err(errno::to_errno)?;
    take_report(&mut reports, recorder)
}

/// Fork a process that says what it did, and record that; the errno is its own failure. `live` returns its exit status,
/// if at all.
pub(super) fn fork_reporting(
    recorder: &mut Recorder,
    live: impl FnOnce(OwnedFd) -> i32,
) -> Result<Option<Errno>, Errno> {
    let (_, mut reports) = fork_with_reports(recorder, live)?;
    take_report(&mut reports, recorder)
}

/// Fork a process that says what it does as it goes on: the process, and what it says.
fn fork_with_reports(
    recorder: &mut Recorder,
    live: impl FnOnce(OwnedFd) -> i32,
) -> Result<(Pid, BufReader<std::fs::File>), Errno> {
    let (report, reporter) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    match process::fork(recorder, &[])? {
        Fork::Child => process::exit_now(live(reporter)),
        Fork::Parent(child) => Ok((child, BufReader::new(std::fs::File::from(report)))),
    }
}

/// The next report of the child: its calls so far are recorded, and its failure is returned.
fn take_report(
    reports: &mut BufReader<std::fs::File>,
    recorder: &mut Recorder,
) -> Result<Option<Errno>, Errno> {
    let mut line = String::new();
    reports.read_line(&mut line).map_err(errno::to_errno)?;
    let report: SpawnReport = serde_json::from_str(&line).map_err(|_| Errno::EPROTO)?;
    let errno = report.errno.and_then(|name| recorded_errno(&report.calls, &name));
    recorder.extend(report.calls);
    Ok(errno)
}

/// Map the ids of a child that is in a user namespace of its own: one write for each file.
fn map_ids(recorder: &mut Recorder, child: Pid, maps: &IdMaps) -> Result<(), Errno> {
    for (name, text) in maps.files() {
        let path = format!("/proc/{child}/{name}");
        file::write_text(recorder, &path, &text, WriteMode::Existing)?;
    }
    Ok(())
}

/// The number behind a name: names only travel with the call that returned them.
fn recorded_errno(calls: &[crate::call::Call], name: &crate::call::ErrnoName) -> Option<Errno> {
    debug_assert!(calls.iter().any(|call| call.result.errno() == Some(name)));
    // EHWPOISON, the last of Linux, is 133.
    (1..=133).map(Errno::from_raw).find(|errno| format!("{errno:?}") == name.0)
}

/// The "unshare" process: it stays, waiting for its child, as `unshare --fork` does.
fn unshare_and_fork(
    wanted: &NewActor<'_>,
    actor_end: Wire,
    awaited: Option<(&IdMaps, OwnedFd)>,
    reporter: OwnedFd,
    parent: Pid,
) -> ! {
    let mut kept: Vec<&dyn AsRawFd> = vec![&actor_end, &reporter];
    kept.extend(awaited.as_ref().map(|(_, go)| go as &dyn AsRawFd));
    confine::keep_only(&kept);
    let _ = process::die_with_parent(parent);
    process::reset_signals();

    let mut recorder = Recorder::default();
    let mut prepared = process::unshare(&mut recorder, wanted.namespaces);
    if let (Ok(()), Some((maps, go))) = (prepared, awaited) {
        let first = reporter.try_clone();
        prepared = first.map_err(errno::to_errno).and_then(|first| {
            report_to_parent(first, std::mem::take(&mut recorder), None);
            await_ids(&mut recorder, maps, go, parent)
        });
    }
    let forked = prepared.and_then(|()| set_clocks(&mut recorder, wanted.offsets)).and_then(|()| {
        let me = nix::unistd::getpid();
        match process::fork(&mut recorder, &[])? {
            Fork::Child => begin_actor(wanted.actor, actor_end, me),
            Fork::Parent(child) => Ok(child),
        }
    });

    report_to_parent(reporter, recorder, forked.err());
    let Ok(child) = forked else { process::exit_now(1) };

    let options = NamespaceKind::unshare_options(wanted.namespaces);
    process::set_title(&format!("unshare {options} --fork"));
    wait_for_actor("unshare", child)
}

/// Tell the process that forked this one what was done here since the last report: a line of JSON.
pub(super) fn report_to_parent(reporter: OwnedFd, recorder: Recorder, failed: Option<Errno>) {
    let report = SpawnReport {
        errno: failed.map(|errno| crate::call::ErrnoName::from_raw(errno as i32)),
        calls: recorder.into_calls(),
    };
    let mut line = serde_json::to_vec(&report).unwrap_or_default();
    line.push(b'\n');
    let _ = std::fs::File::from(reporter).write_all(&line);
}

/// Stay as long as the new actor does, under the name of the program that would.
pub(super) fn wait_for_actor(program: &str, child: Pid) -> ! {
    confine::keep_only(&[]);
    let _ = process::set_name(program);
    let status =
        process::wait(&mut Recorder::default(), child).map_or(1, process::ExitStatus::code);
    process::exit_now(status)
}

/// Wait until the parent has mapped this process's ids, and be root among them, where there is one.
fn await_ids(
    recorder: &mut Recorder,
    maps: &IdMaps,
    go: OwnedFd,
    parent: Pid,
) -> Result<(), Errno> {
    let mut word = [0; 2];
    // Nothing comes where the parent could not map them: it has said so already.
    if std::fs::File::from(go).read_exact(&mut word).is_err() {
        process::exit_now(1);
    }
    let has_root = |ranges: &[MappedIds]| ranges.iter().any(|range| range.inside == 0);
    if has_root(&maps.gids) && has_root(&maps.uids) {
        process::become_root(recorder)?;
        // Both went with the old user.
        process::make_dumpable()?;
        process::die_with_parent(parent)?;
    }
    Ok(())
}

/// Set the offsets of the time namespace that children will be in: the kernel takes them before the first of these.
fn set_clocks(recorder: &mut Recorder, offsets: ClockOffsets) -> Result<(), Errno> {
    if offsets.is_empty() {
        return Ok(());
    }
    let path = "/proc/self/timens_offsets";
    file::write_text(recorder, path, &offsets.text(), WriteMode::Existing)
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
