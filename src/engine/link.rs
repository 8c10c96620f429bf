//! The engine's wires to the actors of one lab.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use super::actor_wire::ActorWire;
use super::link_error::LinkError;
use super::waiting::WaitContext;
use crate::failure::{Failure, with_causes};
use crate::kernel::call_listener::CallListener;
use crate::kernel::pty::TerminalSize;
use crate::observe::processes::read_stat;
use crate::op::{ActorName, Op, OpRecord};
use crate::wire::guarded;
use crate::wire::protocol::{ActorToEngine, EngineToActor};
use crate::wire::{Received, Wire};

/// The longest host name, in bytes (uname(2)).
const HOST_NAME_MAX: usize = 64;

/// One actor, as the engine holds it.
#[derive(Debug)]
pub struct ActorLink {
    performer: Performer,
    /// The pid as the machine counts.
    pub pid: u32,
    /// A netlink socket of the actor's network namespace; none once the actor has ended.
    pub netlink: Option<Arc<OwnedFd>>,
}

/// The process that performs an actor's ops.
#[derive(Debug)]
enum Performer {
    /// The actor itself.
    Itself(Connection),
    /// Nobody yet: the actor is an adopted process, and nothing was to be performed in its place. `lab_pid` is its pid as
    /// the lab's host counts.
    Nobody { lab_pid: u32 },
    /// A stand-in, in the place of an adopted process.
    StandIn(Connection),
}

/// The wire to one that performs ops, and the sockets that it passed out.
#[derive(Debug)]
struct Connection {
    wire: ActorWire,
    /// A netlink socket that hears of changes in its network namespace.
    monitor: Option<Arc<OwnedFd>>,
    /// A netfilter socket of that namespace.
    firewall: Option<Arc<OwnedFd>>,
}

impl ActorLink {
    /// A netlink socket that hears of changes in the actor's network namespace. An adopted process has none.
    pub fn monitor(&self) -> Option<&Arc<OwnedFd>> {
        self.performer.connection()?.monitor.as_ref()
    }

    /// A netfilter socket of the actor's network namespace. An adopted process has none.
    pub fn firewall(&self) -> Option<&Arc<OwnedFd>> {
        self.performer.connection()?.firewall.as_ref()
    }

    fn wire(&self) -> Option<&ActorWire> {
        Some(&self.performer.connection()?.wire)
    }

    fn wire_mut(&mut self) -> Option<&mut ActorWire> {
        Some(&mut self.performer.connection_mut()?.wire)
    }

    /// True if the actor's process is there no more. Of an adopted one its stand-in tells nothing.
    fn has_ended(&self) -> bool {
        match &self.performer {
            Performer::Itself(connection) => connection.wire.has_ended(),
            Performer::Nobody { .. } | Performer::StandIn(_) => {
                // One that nobody has waited for is listed still, as a zombie.
                let dir = Path::new("/proc").join(self.pid.to_string());
                read_stat(&dir).is_none_or(|stat| stat.state == 'Z')
            }
        }
    }

    fn is_adopted(&self) -> bool {
        matches!(self.performer, Performer::Nobody { .. } | Performer::StandIn(_))
    }
}

impl Performer {
    fn connection_mut(&mut self) -> Option<&mut Connection> {
        match self {
            Performer::Itself(connection) | Performer::StandIn(connection) => Some(connection),
            Performer::Nobody { .. } => None,
        }
    }

    fn connection(&self) -> Option<&Connection> {
        match self {
            Performer::Itself(connection) | Performer::StandIn(connection) => Some(connection),
            Performer::Nobody { .. } => None,
        }
    }
}

/// The actors of a lab, by name.
#[derive(Debug, Default)]
pub struct ActorLinks {
    actors: BTreeMap<ActorName, ActorLink>,
    /// A netlink socket of the lab's "internet".
    pub internet: Option<Arc<OwnedFd>>,
    waiting: WaitContext,
}

impl ActorLinks {
    /// Take the wire to the lab's host and wait for its first word.
    pub fn open(wire: Wire) -> Result<ActorLinks, LinkError> {
        ActorLinks::open_waiting(wire, WaitContext::default())
    }

    /// The same, where all waiting goes by `waiting`.
    pub fn open_waiting(wire: Wire, waiting: WaitContext) -> Result<ActorLinks, LinkError> {
        let mut links = ActorLinks { waiting, ..ActorLinks::default() };
        let rest = links.welcome(ActorName::host(), wire)?;
        links.internet = rest.into_iter().next().map(Arc::new);
        Ok(links)
    }

    pub(super) fn waiting(&self) -> &WaitContext {
        &self.waiting
    }

    pub fn get(&self, actor: &ActorName) -> Option<&ActorLink> {
        self.actors.get(actor)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&ActorName, &ActorLink)> {
        self.actors.iter()
    }

    /// True if it is known, and neither dead nor lost.
    pub fn is_usable(&self, actor: &ActorName) -> bool {
        let link = self.actors.get(actor);
        link.is_some_and(|link| link.wire().is_none_or(ActorWire::is_usable))
    }

    /// Close the sockets in the network namespaces of actors that have ended: a socket keeps its namespace. True if there
    /// were any.
    pub fn close_sockets_of_the_dead(&mut self) -> bool {
        let mut any = false;
        for (_, link) in self.actors.iter_mut().filter(|(name, _)| **name != ActorName::host()) {
            if link.netlink.is_some() && link.has_ended() {
                link.netlink = None;
                if let Some(connection) = link.performer.connection_mut() {
                    (connection.monitor, connection.firewall) = (None, None);
                }
                any = true;
            }
        }
        any
    }

    /// True once the lab's first process has ended, and with it the lab.
    pub fn lab_has_ended(&self) -> bool {
        let host = self.actors.get(&ActorName::host());
        host.and_then(ActorLink::wire).is_some_and(ActorWire::has_ended)
    }

    /// A thing that the lab's first process did before it ended and that actors don't do.
    pub fn end_reason(&self) -> Option<Failure> {
        let host = self.actors.get(&ActorName::host());
        host.and_then(ActorLink::wire).and_then(ActorWire::loss_reason).map(Failure::from)
    }

    /// True if one that did not answer begins to do so.
    pub fn has_woken_up(&self) -> bool {
        self.actors.values().filter_map(ActorLink::wire).any(ActorWire::has_woken_up)
    }

    /// Have an actor perform an op. After one that makes an actor and worked, the new actor is among the links.
    pub fn perform(&mut self, actor: &ActorName, op: Op) -> Result<OpRecord, LinkError> {
        let new_actor = op.made_actor().cloned();

        self.have_stand_in(actor)?;
        let received = self.ask(actor, &EngineToActor::Perform(op.clone()))?;
        let ActorToEngine::Performed(record) = received.message else {
            return Err(self.lose(actor));
        };

        if let (Some(name), Some(fd)) = (new_actor, received.fds.into_iter().next()) {
            let wire = self.as_wire(actor, fd)?;
            self.welcome(name, wire)?;
        }

        // Who was asked, and for what, the engine knows better.
        Ok(OpRecord { actor: actor.clone(), op, ..record })
    }

    /// The answer of an address, or of a TCP port of it, to the network namespace of `pid` (as the lab's host counts).
    pub fn answer_from(
        &mut self,
        pid: u32,
        to: Ipv4Addr,
        port: Option<u16>,
        timeout_ms: u32,
    ) -> Result<Option<String>, LinkError> {
        let host = ActorName::host();
        let request = EngineToActor::ProbeAddress { pid, to, port, timeout_ms };
        let answer = self.ask(&host, &request)?.message;
        let ActorToEngine::AddressProbed { said } = answer else { return Err(self.lose(&host)) };
        Ok(said)
    }

    /// The host name that an actor sees.
    pub fn hostname(&mut self, actor: &ActorName) -> Result<Option<String>, LinkError> {
        self.ask_hostname(actor, None)
    }

    /// The host name in the UTS namespace of a process that is no actor, by its pid as the lab's host counts.
    pub fn hostname_of(&mut self, pid: u32) -> Result<Option<String>, LinkError> {
        self.ask_hostname(&ActorName::host(), Some(pid))
    }

    fn ask_hostname(
        &mut self,
        actor: &ActorName,
        pid: Option<u32>,
    ) -> Result<Option<String>, LinkError> {
        let answer = self.ask(actor, &EngineToActor::Hostname { pid })?.message;
        let ActorToEngine::Hostname(name) = answer else { return Err(self.lose(actor)) };
        if name.as_ref().is_some_and(|name| name.len() > HOST_NAME_MAX) {
            return Err(self.lose(actor));
        }
        Ok(name)
    }

    /// The tables of System V objects in the IPC namespace of a process, by its pid as the lab's host counts.
    pub fn ipc_tables(&mut self, pid: u32) -> Result<Option<String>, LinkError> {
        let host = ActorName::host();
        let answer = self.ask(&host, &EngineToActor::IpcTables { pid })?.message;
        let ActorToEngine::IpcTables(tables) = answer else { return Err(self.lose(&host)) };
        Ok(tables)
    }

    /// The file /proc/OF/cgroup as it is read in the cgroup namespace of `reader`, both by their pids as the lab's host
    /// counts.
    pub fn cgroup_paths(&mut self, of: u32, reader: u32) -> Result<Option<String>, LinkError> {
        let host = ActorName::host();
        let answer = self.ask(&host, &EngineToActor::CgroupPaths { of, reader })?.message;
        let ActorToEngine::CgroupPaths(text) = answer else { return Err(self.lose(&host)) };
        Ok(text)
    }

    /// A shell beside a process (its pid as the lab's host counts) on a new terminal, whose master side this is. Where
    /// its calls are to be heard and can be, their listener comes along.
    pub fn open_shell(
        &mut self,
        actor: &ActorName,
        lab_pid: u32,
        size: TerminalSize,
        is_heard: bool,
    ) -> Result<(OwnedFd, Option<CallListener>), LinkError> {
        let host = ActorName::host();
        let asked = EngineToActor::Shell { actor: actor.clone(), pid: lab_pid, size, is_heard };
        let received = self.ask(&host, &asked)?;
        let mut fds = received.fds.into_iter();
        match (received.message, fds.next()) {
            (ActorToEngine::Shell, Some(master)) if guarded::is_terminal(&master) => {
                let listener = fds.next().filter(|_| is_heard).map(CallListener::from_fd);
                match listener.transpose() {
                    Ok(listener) => Ok((master, listener)),
                    Err(_) => Err(self.lose(&host)),
                }
            }
            (ActorToEngine::StartFailed(failure), _) => Err(LinkError::StartFailed(failure)),
            _ => Err(self.lose(&host)),
        }
    }

    /// See to it that an adopted process has somebody who performs ops in its place.
    fn have_stand_in(&mut self, actor: &ActorName) -> Result<(), LinkError> {
        let performer = self.actors.get(actor).map(|link| &link.performer);
        let Some(&Performer::Nobody { lab_pid }) = performer else { return Ok(()) };

        let host = ActorName::host();
        let received =
            self.ask(&host, &EngineToActor::StandIn { actor: actor.clone(), pid: lab_pid })?;
        let wire = match (received.message, received.fds.into_iter().next()) {
            (ActorToEngine::StandIn, Some(wire)) => self.as_wire(&host, wire)?,
            (ActorToEngine::StartFailed(failure), _) => {
                return Err(LinkError::StartFailed(failure));
            }
            _ => return Err(self.lose(&host)),
        };

        let introduced = self.introduce(actor, wire)?;
        // Its pid and its netlink socket stay those of the adopted process: that is what is looked at.
        if let Some(link) = self.actors.get_mut(actor) {
            link.performer = Performer::StandIn(introduced.connection);
        }
        Ok(())
    }

    /// Take a process that was born by typing as an actor: `pid` as the machine counts, `lab_pid` as the lab's host.
    pub fn adopt(&mut self, name: ActorName, pid: u32, lab_pid: u32) -> Result<(), LinkError> {
        let host = ActorName::host();
        let received = self.ask(&host, &EngineToActor::Netlink { pid: lab_pid })?;

        let netlink = match (received.message, received.fds.into_iter().next()) {
            (ActorToEngine::Netlink, Some(netlink)) if guarded::is_netlink(&netlink) => netlink,
            // It has ended meanwhile.
            (ActorToEngine::Netlink, None) => return Err(LinkError::ActorGone { actor: name }),
            _ => return Err(self.lose(&host)),
        };

        let performer = Performer::Nobody { lab_pid };
        let link = ActorLink { performer, pid, netlink: Some(Arc::new(netlink)) };
        self.actors.insert(name, link);
        Ok(())
    }

    pub fn is_typed_process(&self, actor: &ActorName) -> bool {
        self.actors.get(actor).is_some_and(ActorLink::is_adopted)
    }

    fn ask(
        &mut self,
        actor: &ActorName,
        request: &EngineToActor,
    ) -> Result<Received<ActorToEngine>, LinkError> {
        if self.waiting.is_cancelled() {
            return Err(LinkError::Cancelled);
        }

        let wire = self.actors.get_mut(actor).and_then(ActorLink::wire_mut);
        let wire = wire.ok_or_else(|| LinkError::UnknownActor(actor.clone()))?;
        tracing::debug!(%actor, pid = wire.pid(), ?request, "asked");
        let answer = wire.ask(request, &self.waiting);
        match &answer {
            Ok(received) => tracing::trace!(%actor, answer = ?received.message, "answered"),
            Err(error) => tracing::warn!(%actor, error = with_causes(error), "no answer"),
        }
        answer
    }

    /// Lose an actor that answered with what is no answer to what it was asked.
    fn lose(&mut self, actor: &ActorName) -> LinkError {
        let wire = self.actors.get_mut(actor).and_then(ActorLink::wire_mut);
        let lost =
            wire.map(|wire| wire.mark_lost("what it answers is no answer to what it was asked"));
        lost.unwrap_or_else(|| LinkError::UnknownActor(actor.clone()))
    }

    /// The wire that an actor passed out.
    fn as_wire(&mut self, actor: &ActorName, fd: OwnedFd) -> Result<Wire, LinkError> {
        if guarded::is_wire(&fd) { Ok(Wire::from_fd(fd)) } else { Err(self.lose(actor)) }
    }

    /// Take a new actor in; returns the descriptors beyond its netlink sockets.
    fn welcome(&mut self, name: ActorName, wire: Wire) -> Result<Vec<OwnedFd>, LinkError> {
        let Introduced { connection, netlink, rest } = self.introduce(&name, wire)?;
        let pid = connection.wire.pid();
        let performer = Performer::Itself(connection);
        let link = ActorLink { performer, pid, netlink: Some(netlink) };
        self.actors.insert(name, link);
        Ok(rest)
    }

    /// Wait for a new actor's first word.
    fn introduce(&self, name: &ActorName, wire: Wire) -> Result<Introduced, LinkError> {
        let (mut wire, received) =
            ActorWire::await_introduction(name.clone(), wire, &self.waiting)?;
        match received.message {
            ActorToEngine::Introduced { .. } => {}
            ActorToEngine::BuildFailed(failure) => return Err(failure.into()),
            ActorToEngine::Performed(_)
            | ActorToEngine::AddressProbed { .. }
            | ActorToEngine::Hostname(_)
            | ActorToEngine::IpcTables(_)
            | ActorToEngine::CgroupPaths(_)
            | ActorToEngine::Netlink
            | ActorToEngine::Shell
            | ActorToEngine::StandIn
            | ActorToEngine::StartFailed(_)
            | ActorToEngine::Panicked(_) => return Err(wire.mark_lost("its first word is none")),
        }

        if !received.fds.iter().all(guarded::is_netlink) {
            return Err(wire.mark_lost("what it passes out are no netlink sockets"));
        }

        // In this order: one to ask by, one that hears of changes, one for the firewall; then, of
        // the host, the "internet"'s.
        let mut fds = received.fds.into_iter();
        let Some(netlink) = fds.next() else {
            return Err(wire.mark_lost("it passes no netlink socket out"));
        };
        let (monitor, firewall) = (fds.next().map(Arc::new), fds.next().map(Arc::new));
        Ok(Introduced {
            connection: Connection { wire, monitor, firewall },
            netlink: Arc::new(netlink),
            rest: fds.collect(),
        })
    }
}

/// One that has said its first word.
#[derive(Debug)]
struct Introduced {
    connection: Connection,
    netlink: Arc<OwnedFd>,
    /// The descriptors beyond its netlink sockets.
    rest: Vec<OwnedFd>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::net;
    use crate::wire::protocol::Numbered;
    use std::os::fd::AsRawFd;

    /// A host that is not ours: it introduces itself with these, then answers its only request with that.
    fn forged(
        first: &[&OwnedFd],
        answer: ActorToEngine,
        fd: Option<OwnedFd>,
    ) -> Result<ActorLinks, LinkError> {
        let (ours, mut theirs) = Wire::pair().expect("a wire");
        ours.expect_credentials().expect("credentials");
        let fds: Vec<_> = first.iter().map(|fd| fd.as_raw_fd()).collect();
        let born = Numbered::unsolicited(ActorToEngine::Introduced { actor: ActorName::host() });
        theirs.send(&born, &fds).expect("it is sent");

        std::thread::spawn(move || {
            let Ok(request) = theirs.receive::<Numbered<EngineToActor>>() else { return };
            let fds: Vec<_> = fd.iter().map(AsRawFd::as_raw_fd).collect();
            let _ = theirs.send(&Numbered { id: request.message.id, message: answer }, &fds);
            // Until the engine lets go of it.
            let _ = theirs.receive::<Numbered<EngineToActor>>();
        });
        ActorLinks::open(ours)
    }

    fn null() -> OwnedFd {
        nix::fcntl::open("/dev/null", nix::fcntl::OFlag::O_RDWR, nix::sys::stat::Mode::empty())
            .expect("a descriptor")
    }

    const LOST: &str = "host is lost: what it answers is no answer to what it was asked";

    #[test]
    fn an_answer_of_another_kind_loses_the_actor_alone() {
        let netlink = net::open_socket().expect("a socket");
        let mut links = forged(&[&netlink], ActorToEngine::Shell, Some(null())).expect("links");
        assert_eq!(links.hostname(&ActorName::host()).expect_err("lost").to_string(), LOST);
        // Nothing more is asked of it, and nothing waits.
        assert_eq!(links.hostname(&ActorName::host()).expect_err("lost").to_string(), LOST);
        assert!(!links.is_usable(&ActorName::host()));
        assert!(!links.lab_has_ended(), "the process is there");
    }

    #[test]
    fn what_is_passed_out_must_be_what_it_is_said_to_be() {
        let netlink = net::open_socket().expect("a socket");
        // A terminal that is none.
        let mut links = forged(&[&netlink], ActorToEngine::Shell, Some(null())).expect("links");
        let shell = links.open_shell(&ActorName::host(), 1, TerminalSize::new(80, 24), false);
        assert_eq!(shell.expect_err("lost").to_string(), LOST);

        // A netlink socket that is none.
        let mut links = forged(&[&netlink], ActorToEngine::Netlink, Some(null())).expect("links");
        assert_eq!(links.adopt("container".into(), 1, 1).expect_err("lost").to_string(), LOST);

        // The wire of a new actor that is none.
        let spawn = Op::spawn("container".into(), Vec::new());
        let record = OpRecord {
            actor: ActorName::host(),
            op: spawn.clone(),
            calls: Vec::new(),
            outcome: crate::op::Outcome::Done { output: String::new() },
            pieces: Vec::new(),
            nanos: 0,
        };

        let mut links =
            forged(&[&netlink], ActorToEngine::Performed(record), Some(null())).expect("links");
        assert_eq!(links.perform(&ActorName::host(), spawn).expect_err("lost").to_string(), LOST);
        assert!(links.get(&"container".into()).is_none());

        // And already at the introduction.
        let said = forged(&[&null()], ActorToEngine::Shell, None).expect_err("lost").to_string();
        assert_eq!(said, "host is lost: what it passes out are no netlink sockets");
        let said = forged(&[], ActorToEngine::Shell, None).expect_err("lost").to_string();
        assert_eq!(said, "host is lost: it passes no netlink socket out");
    }

    #[test]
    fn a_record_is_of_what_was_asked_and_of_whom() {
        let netlink = net::open_socket().expect("a socket");
        let forged_record = OpRecord {
            actor: "somebody".into(),
            op: Op::Umount { target: "/".into(), flags: Vec::new() },
            calls: Vec::new(),
            outcome: crate::op::Outcome::Done { output: "1".into() },
            pieces: Vec::new(),
            nanos: 1,
        };

        let mut links =
            forged(&[&netlink], ActorToEngine::Performed(forged_record), None).expect("links");
        let record = links.perform(&ActorName::host(), Op::GetPid).expect("a record");
        assert_eq!((record.actor, record.op), (ActorName::host(), Op::GetPid));
    }
}
