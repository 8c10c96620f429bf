//! **Actors**: processes of the lab that perform ops. One thread each, no runtime, no idea of lessons.

mod enter;
mod entering;
mod namespace_probe;
mod spawn;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::kernel::{net, nft, panics, perform, process};
use crate::op::{ActorName, Op};
use crate::wire::protocol::{ActorToEngine, EngineToActor, Numbered, RoleFailure};
use crate::wire::{Wire, WireError};

/// The process that an actor acts for: itself, or another.
#[derive(Debug)]
enum ActingFor {
    /// The actor's own.
    Itself,
    /// Those of a process that was started by typing; its directory in the lab's /proc.
    OtherProcess(OwnedFd),
}

/// Introduce the actor, then perform what the engine asks until the engine is gone.
///
/// `extra` are descriptors to hand out with the introduction, after the actor's own three netlink sockets.
pub fn run_actor(name: &ActorName, wire: Wire, extra: &[BorrowedFd<'_>]) -> Result<(), WireError> {
    run_actor_for(ActingFor::Itself, name, wire, extra)
}

fn run_actor_for(
    acting_for: ActingFor,
    name: &ActorName,
    mut wire: Wire,
    extra: &[BorrowedFd<'_>],
) -> Result<(), WireError> {
    // The number of the request that is being answered; 0 for the first word.
    let mut id = 0;
    let served =
        panics::catch_panic(|| serve_until_closed(&acting_for, name, &mut wire, extra, &mut id));

    served.unwrap_or_else(|place| {
        let failure = RoleFailure::panicked("actor", &place);
        wire.send(&Numbered { id, message: ActorToEngine::Panicked(failure) }, &[])
    })
}

fn serve_until_closed(
    acting_for: &ActingFor,
    name: &ActorName,
    wire: &mut Wire,
    extra: &[BorrowedFd<'_>],
    id: &mut u64,
) -> Result<(), WireError> {
    let (netlink, monitor, firewall) =
        (net::open_socket()?, net::open_monitor()?, nft::open_socket()?);
    let mut fds = vec![netlink.as_raw_fd(), monitor.as_raw_fd(), firewall.as_raw_fd()];
    fds.extend(extra.iter().map(AsRawFd::as_raw_fd));
    wire.send(&Numbered::unsolicited(ActorToEngine::Introduced { actor: name.clone() }), &fds)?;
    drop((netlink, monitor, firewall));

    let children = watch_children()?;
    loop {
        await_request(wire, &children)?;
        let request = match wire.receive::<Numbered<EngineToActor>>() {
            Ok(received) => received.message,
            Err(WireError::Closed) => return Ok(()),
            Err(error) => return Err(error),
        };
        *id = request.id;
        answer(acting_for, name, &mut Answer { wire, id: request.id }, request.message)?;
    }
}

/// The way back for the answer to one request.
struct Answer<'a> {
    wire: &'a mut Wire,
    id: u64,
}

impl Answer<'_> {
    fn send(&mut self, message: ActorToEngine, fds: &[RawFd]) -> Result<(), WireError> {
        self.wire.send(&Numbered { id: self.id, message }, fds)
    }
}

fn answer(
    acting_for: &ActingFor,
    name: &ActorName,
    reply: &mut Answer<'_>,
    request: EngineToActor,
) -> Result<(), WireError> {
    match request {
        EngineToActor::Perform(op @ Op::GetPid)
            if let ActingFor::OtherProcess(dir) = acting_for =>
        {
            let record = perform::perform_as(name, &op, |recorder| {
                enter::pid_in_own_namespace(recorder, dir)
            });
            reply.send(ActorToEngine::Performed(record), &[])
        }
        EngineToActor::Perform(op @ Op::Spawn { .. }) => spawn::spawn(name, reply, &op),
        EngineToActor::Perform(op @ Op::Enter { .. }) => entering::enter_as_actor(name, reply, &op),
        EngineToActor::Perform(op) => {
            panics::panic_if_armed();
            let record = perform::perform(name, &op);
            reply.send(ActorToEngine::Performed(record), &[])
        }
        EngineToActor::ProbeAddress { pid, to, port, timeout_ms } => {
            let said = namespace_probe::answer_to(pid, to, port, timeout_ms);
            reply.send(ActorToEngine::AddressProbed { said }, &[])
        }
        EngineToActor::Shell { actor, pid, size, is_heard } => {
            match enter::open_shell(&actor, pid, size, is_heard) {
                Ok(opened) => {
                    let mut fds = vec![opened.master.as_raw_fd()];
                    fds.extend(opened.listener.iter().map(AsRawFd::as_raw_fd));
                    reply.send(ActorToEngine::Shell, &fds)
                }
                Err(failure) => reply.send(ActorToEngine::StartFailed(failure), &[]),
            }
        }
        EngineToActor::StandIn { actor, pid } => match enter::stand_in(&actor, pid) {
            Ok(engine_end) => reply.send(ActorToEngine::StandIn, &[engine_end.as_raw_fd()]),
            Err(failure) => reply.send(ActorToEngine::StartFailed(failure), &[]),
        },
        EngineToActor::Netlink { pid } => {
            let socket = namespace_probe::netlink_socket_of(pid);
            let fds: Vec<_> = socket.iter().map(AsRawFd::as_raw_fd).collect();
            reply.send(ActorToEngine::Netlink, &fds)
        }
        EngineToActor::CgroupPaths { of, reader } => {
            let paths = namespace_probe::cgroup_paths(of, reader);
            reply.send(ActorToEngine::CgroupPaths(paths), &[])
        }
        EngineToActor::Hostname { pid } => {
            let hostname =
                pid.map_or_else(namespace_probe::own_hostname, namespace_probe::hostname_of);
            reply.send(ActorToEngine::Hostname(hostname), &[])
        }
        EngineToActor::IpcTables { pid } => {
            reply.send(ActorToEngine::IpcTables(namespace_probe::ipc_tables_of(pid)), &[])
        }
    }
}

/// Wait for a request, reaping children meanwhile: an actor may be pid 1 of its namespace.
fn await_request(wire: &Wire, children: &SignalFd) -> Result<(), WireError> {
    loop {
        process::reap_all();
        let mut ready = [
            PollFd::new(wire.as_fd(), PollFlags::POLLIN),
            PollFd::new(children.as_fd(), PollFlags::POLLIN),
        ];
        match nix::poll::poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }

        if ready[1].any().unwrap_or(false) {
            while let Ok(Some(_)) = children.read_signal() {}
        }
        if ready[0].any().unwrap_or(false) {
            return Ok(());
        }
    }
}

/// A descriptor that becomes readable when a child ends.
fn watch_children() -> Result<SignalFd, nix::errno::Errno> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGCHLD);
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}
