//! The engine's wires to the actors of one lab.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::kernel::pty::TerminalSize;
use crate::lab::protocol::{FromActor, RoleFailure, ToActor};
use crate::lab::wire::{Received, Wire, WireError};
use crate::op::{ActorName, Op, OpRecord};

/// Longer than any op may take (a program is killed after 20 seconds).
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// One actor, as the engine holds it.
#[derive(Debug)]
pub struct ActorLink {
    /// None for an adopted process, until something is to be performed in its place.
    wire: Option<Wire>,
    /// Born by typing: it performs no ops itself, a stand-in does.
    adopted: bool,
    /// As the machine counts.
    pub pid: u32,
    /// As the lab's host counts; known of adopted ones.
    lab_pid: u32,
    /// A netlink socket of the actor's network namespace.
    pub netlink: Arc<OwnedFd>,
    /// One that hears of changes there; an adopted process has none.
    pub monitor: Option<Arc<OwnedFd>>,
    /// A netfilter socket of that namespace; an adopted process has none.
    pub firewall: Option<Arc<OwnedFd>>,
}

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("the actor `{actor}` is gone: {cause}")]
    Gone { actor: ActorName, cause: WireError },
    #[error("there is no actor `{0}`")]
    Unknown(ActorName),
    #[error("the lab could not be set up: {0}")]
    Stillborn(#[from] RoleFailure),
    /// A shell or a stand-in could not be started.
    #[error(transparent)]
    Refused(RoleFailure),
    #[error("the actor `{0}` answered out of turn")]
    OutOfTurn(ActorName),
}

/// The actors of a lab, by name.
#[derive(Debug, Default)]
pub struct Links {
    actors: BTreeMap<ActorName, ActorLink>,
    /// A netlink socket of the lab's "internet".
    pub internet: Option<Arc<OwnedFd>>,
}

impl Links {
    /// Take the wire to the lab's host and wait for its first word.
    pub fn open(wire: Wire) -> Result<Links, LinkError> {
        let mut links = Links::default();
        let rest = links.welcome(ActorName::host(), wire)?;
        links.internet = rest.into_iter().next().map(Arc::new);
        Ok(links)
    }

    pub fn get(&self, actor: &ActorName) -> Option<&ActorLink> {
        self.actors.get(actor)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&ActorName, &ActorLink)> {
        self.actors.iter()
    }

    /// Have an actor perform an op. After a `Spawn` that worked, the new actor is among the links.
    pub fn perform(&mut self, actor: &ActorName, op: Op) -> Result<OpRecord, LinkError> {
        let newborn = match &op {
            Op::Spawn { actor, .. } => Some(actor.clone()),
            _ => None,
        };
        self.have_stand_in(actor)?;
        let received = self.ask(actor, &ToActor::Perform(op))?;
        let FromActor::Performed(record) = received.message else {
            return Err(LinkError::OutOfTurn(actor.clone()));
        };
        if let (Some(name), Some(fd)) = (newborn, received.fds.into_iter().next()) {
            self.welcome(name, Wire::from_fd(fd))?;
        }
        Ok(record)
    }

    /// Can the network namespace of `pid` (as the lab's host counts) reach an address?
    pub fn probe(&mut self, pid: u32, to: Ipv4Addr, timeout_ms: u32) -> Result<bool, LinkError> {
        let host = ActorName::host();
        match self.ask(&host, &ToActor::Probe { pid, to, timeout_ms })?.message {
            FromActor::Probed { reached } => Ok(reached),
            _ => Err(LinkError::OutOfTurn(host)),
        }
    }

    /// The host name that an actor sees.
    pub fn hostname(&mut self, actor: &ActorName) -> Result<Option<String>, LinkError> {
        match self.ask(actor, &ToActor::Hostname { pid: None })?.message {
            FromActor::Hostname(name) => Ok(name),
            _ => Err(LinkError::OutOfTurn(actor.clone())),
        }
    }

    /// The host name in the UTS namespace of a process that is no actor, by its pid as the lab's host counts.
    pub fn hostname_of(&mut self, pid: u32) -> Result<Option<String>, LinkError> {
        let host = ActorName::host();
        match self.ask(&host, &ToActor::Hostname { pid: Some(pid) })?.message {
            FromActor::Hostname(name) => Ok(name),
            _ => Err(LinkError::OutOfTurn(host)),
        }
    }

    /// A shell beside a process (its pid as the lab's host counts) on a new terminal, whose master side this is.
    pub fn shell(&mut self, lab_pid: u32, size: TerminalSize) -> Result<OwnedFd, LinkError> {
        let host = ActorName::host();
        let received = self.ask(&host, &ToActor::Shell { pid: lab_pid, size })?;
        match received.message {
            FromActor::Shell => received.fds.into_iter().next().ok_or(LinkError::OutOfTurn(host)),
            FromActor::Refused(failure) => Err(LinkError::Refused(failure)),
            _ => Err(LinkError::OutOfTurn(host)),
        }
    }

    /// See to it that an adopted process has somebody who performs ops in its place.
    fn have_stand_in(&mut self, actor: &ActorName) -> Result<(), LinkError> {
        let Some(link) = self.actors.get(actor).filter(|link| link.adopted && link.wire.is_none()) else {
            return Ok(());
        };
        let lab_pid = link.lab_pid;
        let host = ActorName::host();
        let received = self.ask(&host, &ToActor::StandIn { actor: actor.clone(), pid: lab_pid })?;
        let wire = match received.message {
            FromActor::StandIn => received.fds.into_iter().next().ok_or(LinkError::OutOfTurn(host))?,
            FromActor::Refused(failure) => return Err(LinkError::Refused(failure)),
            _ => return Err(LinkError::OutOfTurn(host)),
        };
        let (newcomer, _) = self.introduce(actor, Wire::from_fd(wire))?;
        if let Some(link) = self.actors.get_mut(actor) {
            link.wire = newcomer.wire;
            link.monitor = newcomer.monitor;
            link.firewall = newcomer.firewall;
        }
        Ok(())
    }

    /// Take a process that was born by typing as an actor: `pid` as the machine counts, `lab_pid` as the lab's host does.
    pub fn adopt(&mut self, name: ActorName, pid: u32, lab_pid: u32) -> Result<(), LinkError> {
        let host = ActorName::host();
        let received = self.ask(&host, &ToActor::Netlink { pid: lab_pid })?;
        let netlink = received.fds.into_iter().next().ok_or(LinkError::OutOfTurn(host))?;
        let link = ActorLink {
            wire: None,
            adopted: true,
            pid,
            lab_pid,
            netlink: Arc::new(netlink),
            monitor: None,
            firewall: None,
        };
        self.actors.insert(name, link);
        Ok(())
    }

    pub fn is_adopted(&self, actor: &ActorName) -> bool {
        self.actors.get(actor).is_some_and(|link| link.adopted)
    }

    fn ask(&mut self, actor: &ActorName, request: &ToActor) -> Result<Received<FromActor>, LinkError> {
        let link = self.actors.get_mut(actor).ok_or_else(|| LinkError::Unknown(actor.clone()))?;
        let gone = |cause| LinkError::Gone { actor: actor.clone(), cause };
        let wire = link.wire.as_mut().ok_or_else(|| LinkError::Unknown(actor.clone()))?;
        wire.send(request, &[]).map_err(gone)?;
        wire.receive().map_err(gone)
    }

    /// Take a new actor in; returns the descriptors beyond its netlink sockets.
    fn welcome(&mut self, name: ActorName, wire: Wire) -> Result<Vec<OwnedFd>, LinkError> {
        let (link, rest) = self.introduce(&name, wire)?;
        self.actors.insert(name, link);
        Ok(rest)
    }

    /// Wait for a new actor's first word.
    fn introduce(&self, name: &ActorName, mut wire: Wire) -> Result<(ActorLink, Vec<OwnedFd>), LinkError> {
        let gone = |cause| LinkError::Gone { actor: name.clone(), cause };
        wire.set_timeout(Some(ANSWER_WITHIN)).map_err(gone)?;
        let received: Received<FromActor> = wire.receive().map_err(gone)?;
        match received.message {
            FromActor::Born { .. } => {}
            FromActor::Stillborn(failure) => return Err(failure.into()),
            _ => return Err(LinkError::OutOfTurn(name.clone())),
        }
        let mut fds = received.fds.into_iter();
        let netlink = fds.next().ok_or_else(|| LinkError::OutOfTurn(name.clone()))?;
        let (monitor, firewall) = (fds.next().map(Arc::new), fds.next().map(Arc::new));
        let pid = received.sender.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
        let link = ActorLink {
            wire: Some(wire),
            adopted: false,
            pid,
            lab_pid: 0,
            netlink: Arc::new(netlink),
            monitor,
            firewall,
        };
        Ok((link, fds.collect()))
    }
}
