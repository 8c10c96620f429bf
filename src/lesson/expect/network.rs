//! `link`, `address`, `route`: rows of an actor's network namespace. `reach`: whether an address answers from there.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{ExpectKind, FactRequest, ObservedState, host, or_unread};
use crate::op::ActorName;
use crate::seen::{CutList, Judgement, Seen};
use crate::snapshot::Omitted;
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    #[serde(rename = "in", default = "host")]
    pub actor: ActorName,
    pub name: String,
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub up: Option<bool>,
    #[serde(default)]
    pub master: Option<String>,
    #[serde(default)]
    pub absent: bool,
}

impl ExpectKind for Link {
    const SUMMARY: &'static str = "a network device is there, and how it is set";

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Network)
    }

    fn deciding_words(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let Some(network) = world.snapshot.network_of(&self.actor) else {
            return Judgement::failed(Seen::NoActor(self.actor.clone()));
        };
        let Some(link) = network.link(&self.name) else {
            let names =
                || Seen::Links(network.links.iter().map(|link| link.name.clone()).collect());
            let omitted = network.omitted.links;
            let seen = or_unread(omitted, CutList::Links, network.links.len(), names);
            return Judgement::new(self.absent && omitted.is_nothing(), seen);
        };

        let fits = self.kind.as_ref().is_none_or(|kind| *kind == link.kind)
            && self.up.is_none_or(|up| up == link.up)
            && self.master.as_ref().is_none_or(|master| link.master.as_ref() == Some(master));
        Judgement::new(fits && !self.absent, Seen::Link(link.clone()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    #[serde(rename = "in", default = "host")]
    pub actor: ActorName,
    pub dev: String,
    /// With its prefix length: `172.17.42.3/16`.
    pub is: String,
}

impl ExpectKind for Address {
    const SUMMARY: &'static str = "a network device has an address";

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Network)
    }

    fn deciding_words(&self) -> Vec<String> {
        vec![self.is.clone()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let Some(network) = world.snapshot.network_of(&self.actor) else {
            return Judgement::failed(Seen::NoActor(self.actor.clone()));
        };

        let all: Vec<String> = network
            .addresses
            .iter()
            .filter(|address| address.dev == self.dev)
            .map(|address| format!("{}/{}", address.ip, address.prefix))
            .collect();
        let has_it = all.contains(&self.is);
        let omitted = if has_it { Omitted::Nothing } else { network.omitted.addresses };
        let listed = || match all.is_empty() {
            true => Seen::NoAddress { dev: self.dev.clone() },
            false => Seen::Addresses(all),
        };
        let seen = or_unread(omitted, CutList::Addresses, network.addresses.len(), listed);
        Judgement::new(has_it, seen)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    #[serde(rename = "in", default = "host")]
    pub actor: ActorName,
    /// `default`, or `172.17.0.0/16`.
    pub to: String,
    #[serde(default)]
    pub via: Option<String>,
    #[serde(default)]
    pub dev: Option<String>,
}

impl ExpectKind for Route {
    const SUMMARY: &'static str = "a route is there";

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Network)
    }

    fn deciding_words(&self) -> Vec<String> {
        vec![self.to.clone()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let Some(network) = world.snapshot.network_of(&self.actor) else {
            return Judgement::failed(Seen::NoActor(self.actor.clone()));
        };
        let fitting = network.routes.iter().find(|route| {
            route.to == self.to
                && self.via.as_ref().is_none_or(|via| route.via.as_ref() == Some(via))
                && self.dev.as_ref().is_none_or(|dev| route.dev == *dev)
        });

        let all = || Seen::Routes(network.routes.iter().map(|route| route.to.clone()).collect());
        let none = || or_unread(network.omitted.routes, CutList::Routes, network.routes.len(), all);
        let seen = fitting.map_or_else(none, |route| Seen::Route(route.clone()));
        Judgement::new(fitting.is_some(), seen)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    #[serde(rename = "in", default = "host")]
    pub actor: ActorName,
    pub to: Ipv4Addr,
    /// A TCP port; without one, an echo request is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Words in what a server at the port says first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    pub answers: bool,
}

impl ExpectKind for Reach {
    const SUMMARY: &'static str = "an address, or a TCP port of it, answers or does not";

    fn pane(&self) -> Option<ViewKind> {
        None
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn required_facts(&self) -> Vec<FactRequest> {
        vec![FactRequest::Reach { from: self.actor.clone(), to: self.to, port: self.port }]
    }

    fn impossible_reason(&self) -> Option<&'static str> {
        (self.says.is_some() && !(self.answers && self.port.is_some()))
            .then_some("who says something answers at a port")
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        match world.facts.reached.get(&(self.actor.clone(), self.to, self.port)) {
            Some(Some(answer)) => {
                let says = self.says.as_ref().is_none_or(|words| answer.contains(words.as_str()));
                let seen = match self.port {
                    Some(_) => Seen::ServerSaid(answer.clone()),
                    None => Seen::Answer(true),
                };
                Judgement::new(self.answers && says, seen)
            }
            Some(None) => Judgement::new(!self.answers, Seen::Answer(false)),
            None => Judgement::failed(Seen::NoActor(self.actor.clone())),
        }
    }
}
