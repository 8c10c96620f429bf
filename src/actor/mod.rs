//! **Actors**: processes of the lab that perform ops. One thread each, no runtime, no idea of lessons.

mod enter;
mod probe;
mod spawn;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::kernel::{net, nft, panics, perform, process};
use crate::op::{ActorName, Op};
use crate::wire::protocol::{FromActor, Numbered, RoleFailure, ToActor};
use crate::wire::{Wire, WireError};

/// The process that an actor acts for: itself, or another.
#[derive(Debug)]
enum Standing {
    /// The actor's own.
    Own,
    /// Those of a process that was started by typing; its directory in the lab's /proc.
    InFor(OwnedFd),
}

/// Introduce the actor, then perform what the engine asks until the engine is gone.
///
/// `extra` are descriptors to hand out with the introduction, after the actor's own three netlink sockets.
pub fn serve(name: &ActorName, wire: Wire, extra: &[BorrowedFd<'_>]) -> Result<(), WireError> {
    serve_as(Standing::Own, name, wire, extra)
}

fn serve_as(
    standing: Standing,
    name: &ActorName,
    mut wire: Wire,
    extra: &[BorrowedFd<'_>],
) -> Result<(), WireError> {
    // The number of the request that is being answered; 0 for the first word.
    let mut id = 0;
    let served = panics::caught(|| serve_until_closed(&standing, name, &mut wire, extra, &mut id));
    served.unwrap_or_else(|place| {
        let failure = RoleFailure::panicked("actor", &place);
        wire.send(&Numbered { id, message: FromActor::Panicked(failure) }, &[])
    })
}

fn serve_until_closed(
    standing: &Standing,
    name: &ActorName,
    wire: &mut Wire,
    extra: &[BorrowedFd<'_>],
    id: &mut u64,
) -> Result<(), WireError> {
    let (netlink, monitor, firewall) =
        (net::open_socket()?, net::open_monitor()?, nft::open_socket()?);
    let mut fds = vec![netlink.as_raw_fd(), monitor.as_raw_fd(), firewall.as_raw_fd()];
    fds.extend(extra.iter().map(AsRawFd::as_raw_fd));
    wire.send(&Numbered::unasked(FromActor::Born { actor: name.clone() }), &fds)?;
    drop((netlink, monitor, firewall));

    let children = watch_children()?;
    loop {
        await_request(wire, &children)?;
        let request = match wire.receive::<Numbered<ToActor>>() {
            Ok(received) => received.message,
            Err(WireError::Closed) => return Ok(()),
            Err(error) => return Err(error),
        };
        *id = request.id;
        answer(standing, name, &mut Answer { wire, id: request.id }, request.message)?;
    }
}

/// The way back for the answer to one request.
struct Answer<'a> {
    wire: &'a mut Wire,
    id: u64,
}

impl Answer<'_> {
    fn send(&mut self, message: FromActor, fds: &[RawFd]) -> Result<(), WireError> {
        self.wire.send(&Numbered { id: self.id, message }, fds)
    }
}

fn answer(
    standing: &Standing,
    name: &ActorName,
    reply: &mut Answer<'_>,
    request: ToActor,
) -> Result<(), WireError> {
    match request {
        ToActor::Perform(op @ Op::GetPid) if let Standing::InFor(dir) = standing => {
            let record = perform::perform_as(name, &op, |recorder| enter::own_pid(recorder, dir));
            reply.send(FromActor::Performed(record), &[])
        }
        ToActor::Perform(Op::Spawn { actor, unshare }) => {
            spawn::spawn(name, reply, &actor, &unshare)
        }
        ToActor::Perform(op) => {
            panics::fire();
            let record = perform::perform(name, &op);
            reply.send(FromActor::Performed(record), &[])
        }
        ToActor::Probe { pid, to, timeout_ms } => {
            let reached = probe::reach(pid, to, timeout_ms);
            reply.send(FromActor::Probed { reached }, &[])
        }
        ToActor::Shell { pid, size } => match enter::shell(pid, size) {
            Ok(master) => reply.send(FromActor::Shell, &[master.as_raw_fd()]),
            Err(failure) => reply.send(FromActor::Refused(failure), &[]),
        },
        ToActor::StandIn { actor, pid } => match enter::stand_in(&actor, pid) {
            Ok(engine_end) => reply.send(FromActor::StandIn, &[engine_end.as_raw_fd()]),
            Err(failure) => reply.send(FromActor::Refused(failure), &[]),
        },
        ToActor::Netlink { pid } => {
            let socket = probe::netlink(pid);
            let fds: Vec<_> = socket.iter().map(AsRawFd::as_raw_fd).collect();
            reply.send(FromActor::Netlink, &fds)
        }
        ToActor::Hostname { pid } => {
            let hostname = pid.map_or_else(probe::own_hostname, probe::hostname);
            reply.send(FromActor::Hostname(hostname), &[])
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
