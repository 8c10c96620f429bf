//! `link`, `address`, `route`: rows of an actor's network namespace. `reach`: whether an address answers from there.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{ExpectKind, FactRequest, World, host, or_unread};
use crate::op::ActorName;
use crate::snapshot::Omitted;
use crate::verdict::Verdict;
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

    fn points(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn judge(&self, world: &World<'_>) -> Verdict {
        let mut sentence = format!(
            "{} has {}link {}",
            self.actor,
            if self.absent { "no " } else { "a " },
            self.name
        );
        sentence.extend(self.kind.as_ref().map(|kind| format!(" of kind {kind}")));
        sentence.extend(self.up.map(|up| if up { ", up" } else { ", down" }));
        sentence.extend(self.master.as_ref().map(|master| format!(", plugged into {master}")));

        let Some(network) = world.snapshot.network_of(&self.actor) else {
            return Verdict::failed(sentence, format!("there is no {}", self.actor));
        };
        let Some(link) = network.link(&self.name) else {
            let names = || {
                network
                    .links
                    .iter()
                    .map(|link| link.name.as_str())
                    .collect::<Vec<&str>>()
                    .join(", ")
            };
            let omitted = network.omitted.links;
            let seen =
                or_unread(omitted, "links", network.links.len(), || format!("links: {}", names()));
            return Verdict::new(self.absent && omitted.is_nothing(), sentence, seen);
        };

        let fits = self.kind.as_ref().is_none_or(|kind| *kind == link.kind)
            && self.up.is_none_or(|up| up == link.up)
            && self.master.as_ref().is_none_or(|master| link.master.as_ref() == Some(master));
        let state = if link.up { "up" } else { "down" };
        let master =
            link.master.as_deref().map_or_else(String::new, |master| format!(" on {master}"));
        Verdict::new(
            fits && !self.absent,
            sentence,
            format!("{} {} {state}{master}", link.name, link.kind),
        )
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

    fn points(&self) -> Vec<String> {
        vec![self.is.clone()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn judge(&self, world: &World<'_>) -> Verdict {
        let sentence = format!("{} has the address {} on {}", self.actor, self.is, self.dev);
        let Some(network) = world.snapshot.network_of(&self.actor) else {
            return Verdict::failed(sentence, format!("there is no {}", self.actor));
        };

        let all: Vec<String> = network
            .addresses
            .iter()
            .filter(|address| address.dev == self.dev)
            .map(|address| format!("{}/{}", address.ip, address.prefix))
            .collect();
        let has_it = all.contains(&self.is);
        let listed =
            || if all.is_empty() { format!("no address on {}", self.dev) } else { all.join(", ") };
        let omitted = if has_it { Omitted::Nothing } else { network.omitted.addresses };
        Verdict::new(
            has_it,
            sentence,
            or_unread(omitted, "addresses", network.addresses.len(), listed),
        )
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

    fn points(&self) -> Vec<String> {
        vec![self.to.clone()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn judge(&self, world: &World<'_>) -> Verdict {
        let mut sentence = format!("{} has a route to {}", self.actor, self.to);
        sentence.extend(self.via.as_ref().map(|via| format!(" via {via}")));
        sentence.extend(self.dev.as_ref().map(|dev| format!(" over {dev}")));

        let Some(network) = world.snapshot.network_of(&self.actor) else {
            return Verdict::failed(sentence, format!("there is no {}", self.actor));
        };
        let fitting = network.routes.iter().find(|route| {
            route.to == self.to
                && self.via.as_ref().is_none_or(|via| route.via.as_ref() == Some(via))
                && self.dev.as_ref().is_none_or(|dev| route.dev == *dev)
        });

        let all: Vec<&str> = network.routes.iter().map(|route| route.to.as_str()).collect();
        let listed = || {
            if all.is_empty() {
                "no routes".into()
            } else {
                format!("routes to {}", all.join(", "))
            }
        };
        let none = || or_unread(network.omitted.routes, "routes", network.routes.len(), listed);
        let seen = fitting.map_or_else(none, |route| {
            format!(
                "{} via {} dev {}",
                route.to,
                route.via.as_deref().unwrap_or("nobody"),
                route.dev
            )
        });
        Verdict::new(fitting.is_some(), sentence, seen)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    #[serde(rename = "in", default = "host")]
    pub actor: ActorName,
    pub to: Ipv4Addr,
    pub answers: bool,
}

impl ExpectKind for Reach {
    const SUMMARY: &'static str = "an address answers an echo request, or does not";

    fn pane(&self) -> Option<ViewKind> {
        None
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn facts(&self) -> Vec<FactRequest> {
        vec![FactRequest::Reach { from: self.actor.clone(), to: self.to }]
    }

    fn judge(&self, world: &World<'_>) -> Verdict {
        let verb = if self.answers { "answers" } else { "does not answer" };
        let sentence = format!("{} {verb} when {} asks", self.to, self.actor);
        match world.facts.reached.get(&(self.actor.clone(), self.to)) {
            Some(true) => Verdict::new(self.answers, sentence, "an answer came"),
            Some(false) => Verdict::new(!self.answers, sentence, "no answer"),
            None => Verdict::failed(sentence, format!("there is no {}", self.actor)),
        }
    }
}
