//! The things that rows of panes are about, each with its card.

use super::card::Card;
use super::data::{CardData, GONE, NOBODY, card, seen};
use super::groups_and_calls::{
    call_card, chart_card, entry_card, file_card, group_card, layer_card, overlay_card,
    own_call_card,
};
use super::rows::{
    content_card, forwarding_card, link_card, mount_card, namespace_card, process_card, route_card,
    rule_card, traffic_card, view_card,
};
use super::see;
use crate::call::Call;
use crate::diff::CgroupFile;
use crate::op::{ActorName, IpcObject, NamespaceKind, Op};
use crate::own_call::OwnCall;
use crate::snapshot::{
    Address, DirEntry, FirewallRule, Link, Mount, NamespaceContent, Neighbour, Overlay,
    OverlayEntry, Process, Route, Traffic,
};
use crate::view::{ChartKind, ViewKind};
use crate::words;

/// Something that a row of a pane is about.
#[derive(Debug, Clone, Copy)]
pub enum Topic<'a> {
    Mount {
        actor: &'a ActorName,
        label: &'a str,
        mount: &'a Mount,
    },
    Process(&'a Process),
    Namespaces {
        kind: NamespaceKind,
    },
    HostName {
        actor: &'a ActorName,
        name: &'a str,
    },
    IpcObject {
        actor: &'a ActorName,
        object: &'a IpcObject,
    },
    NamespaceContent(&'a NamespaceContent),
    Link {
        network: &'a str,
        link: &'a Link,
    },
    Address {
        network: &'a str,
        address: &'a Address,
    },
    Route {
        network: &'a str,
        route: &'a Route,
    },
    Neighbour {
        network: &'a str,
        neighbour: &'a Neighbour,
    },
    Traffic {
        network: &'a str,
        traffic: &'a Traffic,
    },
    Rule {
        network: &'a str,
        rule: &'a FirewallRule,
    },
    /// The network passes on what is for others.
    Forwarding {
        network: &'a str,
    },
    Group {
        hierarchy: &'a str,
        path: &'a str,
    },
    GroupFile {
        hierarchy: &'a str,
        path: &'a str,
        file: &'a CgroupFile,
    },
    /// A layer of an overlay: a lower one by its place, or else the upper one.
    Layer {
        overlay: &'a Overlay,
        lower: Option<usize>,
    },
    OverlayEntry {
        overlay: &'a Overlay,
        entry: &'a OverlayEntry,
    },
    Entry {
        actor: &'a ActorName,
        path: &'a str,
        entry: &'a DirEntry,
    },
    Chart {
        group: &'a str,
        of: ChartKind,
    },
    Call {
        op: &'a Op,
        call: &'a Call,
    },
    OwnCall(&'a OwnCall),
    /// The pane itself: its headings and notes are about that.
    View(ViewKind),
}

impl Topic<'_> {
    /// Its card, without the step that made it.
    pub fn card(&self, data: &CardData<'_>) -> Card {
        match *self {
            Topic::Mount { actor, label, mount } => mount_card(actor, label, mount, data),
            Topic::Process(process) => process_card(process, data),
            Topic::Namespaces { kind } => namespace_card(kind, data),
            Topic::HostName { actor, name } => {
                let line = data.seat(actor).map(|seat| see::host_name(&seat, name));
                let what =
                    format!("{actor} and all processes in its UTS namespace see this host name.");
                card(
                    format!("host name {name}"),
                    vec![what],
                    seen(line, GONE),
                    &["UTS namespace", "sethostname"],
                )
            }
            Topic::IpcObject { actor, object } => {
                let line = data.seat(actor).map(|seat| see::ipc_object(&seat, object));
                let what = format!(
                    "All processes in the IPC namespace of {actor} find it by its key, {:#x}. It stays until it is removed or the namespace ends.",
                    object.key
                );
                card(
                    words::rows::ipc_object(object),
                    vec![what],
                    seen(line, GONE),
                    &["System V IPC", "IPC namespace"],
                )
            }
            Topic::NamespaceContent(content) => content_card(content, data),
            Topic::Link { network, link } => link_card(network, link, data),
            Topic::Address { network, address } => {
                let Address { dev, ip, prefix, scope } = address;
                let line = data.seat_of_network(network).map(|seat| see::address(&seat, dev, ip));
                let what = format!(
                    "The link {dev} of {network} has this address. Addresses that begin with the same {prefix} bits are in the same network; scope {scope}."
                );
                card(
                    format!("address {ip}/{prefix}"),
                    vec![what],
                    seen(line, NOBODY),
                    &["address", "route"],
                )
            }
            Topic::Route { network, route } => route_card(network, route, data),
            Topic::Neighbour { network, neighbour } => {
                let Neighbour { dev, ip, mac, state } = neighbour;
                let line = data.seat_of_network(network).map(|seat| see::neighbour(&seat, dev, ip));
                let what = format!("On its link {dev}, {network} has {mac} for {ip}: {state}.");
                card(format!("neighbour {ip}"), vec![what], seen(line, NOBODY), &["neighbour"])
            }
            Topic::Traffic { network, traffic } => traffic_card(network, traffic, data),
            Topic::Rule { network, rule } => rule_card(network, rule, data),
            Topic::Forwarding { network } => forwarding_card(network, data),
            Topic::Group { hierarchy, path } => group_card(hierarchy, path, data),
            Topic::GroupFile { hierarchy, path, file } => file_card(hierarchy, path, file, data),
            Topic::Layer { overlay, lower } => layer_card(overlay, lower, data),
            Topic::OverlayEntry { overlay, entry } => overlay_card(overlay, entry, data),
            Topic::Entry { actor, path, entry } => entry_card(actor, path, entry, data),
            Topic::Chart { group, of } => chart_card(group, of),
            Topic::Call { op, call } => call_card(op, call),
            Topic::OwnCall(own) => own_call_card(own),
            Topic::View(view) => view_card(view),
        }
    }
}
