//! The cards of mounts, processes, namespaces, links, routes and traffic, and of a pane itself.

use super::card::{Card, See};
use super::data::{CardData, GONE, NOBODY, card, seen};
use super::see;
use crate::op::{ActorName, NamespaceKind};
use crate::snapshot::{
    FirewallRule, Link, Mount, NamespaceContent, NamespaceHolds, Process, Route, RuleEffect,
    Traffic,
};
use crate::text::shortened;
use crate::view::ViewKind;

pub(super) fn mount_card(
    actor: &ActorName,
    label: &str,
    mount: &Mount,
    data: &CardData<'_>,
) -> Card {
    let Mount { fstype, target, source, propagation, .. } = mount;
    let mut sentences = vec![format!(
        "A file system of type {fstype} ({source}), attached at {target} for {actor}."
    )];
    if mount.root != "/" {
        sentences.push(format!("Only {} of it is seen here.", mount.root));
    }
    let options = &mount.options;
    sentences
        .push(format!("Options of this mount: {options}. Propagation: {}.", propagation.word()));

    let is_there = data.snapshot.mounts_of(actor).is_some_and(|table| table.rows.contains(mount));
    let line = data.seat(actor).filter(|_| is_there).map(|seat| see::mount(&seat, mount.id));
    let mut words = vec!["mount"];
    words.extend(propagation.word().split(','));
    words.extend(propagation.shared.or(propagation.master).map(|_| "peer group"));
    words.push(fstype);
    card(format!("{label}, a mount at {target}"), sentences, seen(line, GONE), &words)
}

/// The letter of a state in words.
fn state_text(state: char) -> &'static str {
    match state {
        'R' => "runs or is ready to",
        'S' => "sleeps, and wakes when something comes",
        'D' => "waits for a disk, and no signal wakes it",
        'T' | 't' => "is stopped",
        'Z' => "has ended, and its parent has not asked how",
        'I' => "is an idle thread of the kernel",
        _ => "is in a state of its own",
    }
}

pub(super) fn process_card(process: &Process, data: &CardData<'_>) -> Card {
    let command = if process.args.is_empty() { &process.comm } else { &process.args };
    let command = shortened(command, 60);
    let mut sentences = vec![format!("A process that runs `{command}`.")];
    if let Some(actor) = &process.actor {
        sentences.push(format!("Lessons call it {actor}."));
    }
    let pids: Vec<String> = process.ns_pids.iter().map(u32::to_string).collect();
    sentences.push(format!("Its PIDs, from the machine inwards: {}.", pids.join(", ")));
    sentences.push(format!("State {}: it {}.", process.state, state_text(process.state)));

    let is_there = process.is_same_in(data.snapshot);
    let lab_pid = process.lab_pid().filter(|_| is_there);
    let line = lab_pid.map(|pid| see::process(pid, &process.comm));
    let mut words = vec!["process", "NSpid", "process state"];
    words.extend((process.state == 'Z').then_some("zombie"));
    words.extend((process.own_pid() == 1).then_some("init"));
    card(format!("process {command}"), sentences, seen(line, GONE), &words)
}

/// The word of the glossary for a kind of namespace.
pub fn namespace_word(kind: NamespaceKind) -> &'static str {
    match kind {
        NamespaceKind::Mount => "mount namespace",
        NamespaceKind::Uts => "UTS namespace",
        NamespaceKind::Ipc => "IPC namespace",
        NamespaceKind::Pid => "PID namespace",
        NamespaceKind::Net => "network namespace",
        NamespaceKind::User => "user namespace",
        NamespaceKind::Cgroup => "cgroup namespace",
        NamespaceKind::Time => "time namespace",
    }
}

pub(super) fn namespace_card(kind: NamespaceKind, data: &CardData<'_>) -> Card {
    let word = namespace_word(kind);
    let link = kind.proc_link_name();
    let of_kind = data.snapshot.namespaces();
    let of_kind = of_kind.iter().filter(|namespace| namespace.kind == kind);
    let mut sentences = Vec::new();
    let mut last = None;
    for namespace in of_kind.filter(|namespace| !namespace.actors.is_empty()) {
        let names: Vec<&str> = namespace.actors.iter().map(ActorName::as_str).collect();
        let share = if names.len() == 1 { "is in" } else { "share" };
        sentences.push(format!("{} {share} {link}:[{}].", names.join(", "), namespace.inode.0));
        let seat = namespace.actors.iter().find_map(|actor| data.seat(actor));
        last = seat.map(|seat| see::namespace(&seat, link, namespace.inode.0)).or(last);
    }
    sentences.insert(
        0,
        "The number in brackets is the namespace: the same number, the same namespace.".into(),
    );
    card(format!("{word}s of the actors"), sentences, seen(last, GONE), &[word, kind.clone_flag()])
}

/// The card of what is in a namespace.
pub(super) fn content_card(content: &NamespaceContent, data: &CardData<'_>) -> Card {
    let names: Vec<&str> = content.actors.iter().map(ActorName::as_str).collect();
    let names = names.join(", ");
    let is_there = data.snapshot.contents.contains(content);
    let seat = content.actors.iter().find_map(|actor| data.seat(actor)).filter(|_| is_there);

    match &content.holds {
        NamespaceHolds::IdMap { uids, .. } => {
            let what = if uids.is_empty() {
                format!(
                    "The user namespace of {names} has no user map: whoever is in it is 65534 there, and can't become anybody else."
                )
            } else {
                format!(
                    "Ids of the user namespace of {names}, and which ids they are outside: files and signals are judged by those."
                )
            };
            let first = uids.first().copied();
            let is_labs = content.is_of_host();
            let line = seat.filter(|_| !is_labs).map(|seat| see::id_map(&seat, first));
            let why_not = if is_labs {
                "In the lab its own ids are all there are: who reads the map on the machine sees this."
            } else {
                GONE
            };
            card(
                format!("ids of {names}"),
                vec![what],
                seen(line, why_not),
                &["id map", "user namespace"],
            )
        }
        NamespaceHolds::Clocks(offsets) => {
            let what = format!(
                "What {names} sees on its clocks is that of the machine plus these offsets. The time of day has none."
            );
            let line = seat.map(|seat| see::clock_offsets(&seat, offsets.main().unwrap_or(0)));
            card(
                format!("clocks of {names}"),
                vec![what],
                seen(line, GONE),
                &["clock offset", "time namespace"],
            )
        }
        NamespaceHolds::GroupRoots(roots) => {
            let what = format!(
                "For {names} the control groups begin at this one: it reads `/` there, and paths of groups outside begin with `/..`."
            );
            let line =
                seat.zip(roots.first()).map(|(seat, root)| see::own_groups(&seat, &root.path));
            card(
                format!("control groups of {names}"),
                vec![what],
                seen(line, GONE),
                &["cgroup namespace", "control group"],
            )
        }
    }
}

pub(super) fn link_card(network: &str, link: &Link, data: &CardData<'_>) -> Card {
    let kind = if link.kind.is_empty() { "loopback" } else { &link.kind };
    let mut sentences = vec![format!(
        "A link of kind {kind}, number {}, in the network namespace of {network}.",
        link.index
    )];
    sentences.push(match (link.up, link.carrier) {
        (false, _) => "It is down: it was not switched on.".to_owned(),
        (true, false) => {
            "It is up, but has no carrier: the other end is down or missing.".to_owned()
        }
        (true, true) => "It is up, and has a carrier.".to_owned(),
    });
    if let Some(master) = &link.master {
        sentences.push(format!("It is a port of the bridge {master}."));
    }
    if let Some(peer) = link.peer_index {
        let place = if link.peer_netns.is_some() {
            "another network namespace"
        } else {
            "the same network namespace"
        };
        sentences.push(format!("Its other end has the number {peer}, in {place}."));
    }

    let line = data.seat_of_network(network).map(|seat| see::link(&seat, &link.name));
    let own = match kind {
        "veth" => "veth pair",
        other => other,
    };
    card(format!("link {}", link.name), sentences, seen(line, NOBODY), &["link", own, "carrier"])
}

pub(super) fn route_card(network: &str, route: &Route, data: &CardData<'_>) -> Card {
    let Route { to, via, dev, protocol, .. } = route;
    let target = if to == "default" { "all other networks".to_owned() } else { to.clone() };
    let way = match via {
        Some(via) => {
            format!("Packets of {network} to {target} go to the gateway {via}, by the link {dev}.")
        }
        None => format!(
            "Packets of {network} to {target} go straight out of the link {dev}: the network is there."
        ),
    };
    let who = match protocol.as_str() {
        "kernel" => "The kernel added it by itself, for an address on the link.".to_owned(),
        other => format!("It was set by somebody (protocol {other})."),
    };
    let line = data.seat_of_network(network).map(|seat| see::route(&seat, to, dev));
    let own = if to == "default" { "default route" } else { "route" };
    let mut words = vec![own];
    words.extend(via.as_ref().map(|_| "gateway"));
    card(format!("route to {to}"), vec![way, who], seen(line, NOBODY), &words)
}

pub(super) fn traffic_card(network: &str, traffic: &Traffic, data: &CardData<'_>) -> Card {
    let Traffic { text, packets, bytes } = traffic;
    let line = data.seat_of_network(network).map(|seat| see::traffic(&seat, text));
    let what =
        format!("Packets of {network} pass this on their way: {packets} have, with {bytes} bytes.");
    let word = match text.split_whitespace().next() {
        Some("class") => "class",
        Some("qdisc") => "queueing discipline",
        _ => "firewall rule",
    };
    card(text.clone(), vec![what], seen(line, NOBODY), &[word])
}

pub(super) fn rule_card(network: &str, rule: &FirewallRule, data: &CardData<'_>) -> Card {
    let (what, word) = match rule.effect {
        RuleEffect::SourceNat => ("Packets that it is for leave with another sender.", "NAT"),
        RuleEffect::DestinationNat => ("Packets that it is for go on to another address.", "NAT"),
        RuleEffect::Drop => ("Packets that it is for are dropped.", "firewall rule"),
        RuleEffect::Other => ("A rule of the firewall.", "firewall rule"),
    };
    let line = data.seat_of_network(network).map(|seat| see::rule(&seat, &rule.text));
    let what = format!("{what} It holds in the network namespace of {network}.");
    card(format!("rule {}", rule.text), vec![what], seen(line, NOBODY), &[word, "firewall rule"])
}

pub(super) fn forwarding_card(network: &str, data: &CardData<'_>) -> Card {
    let line = data.seat_of_network(network).map(|seat| see::forwarding(&seat));
    let what = format!("{network} passes on packets that are for others, as a router does.");
    card("forwarding".to_owned(), vec![what], seen(line, NOBODY), &["forwarding"])
}

/// The card of a pane itself, for its headings and notes.
pub(super) fn view_card(view: ViewKind) -> Card {
    let (what, words): (&str, &[&str]) = match view {
        ViewKind::Mounts => (
            "Each actor has a table of mounts: that of its mount namespace, as seen from its root directory.",
            &["mount namespace", "mountinfo", "mount"],
        ),
        ViewKind::Processes => (
            "All processes of the lab, with a column for each PID namespace around them.",
            &["process", "PID namespace"],
        ),
        ViewKind::Namespaces => (
            "A row for each kind of namespace, a column for each actor. Equal numbers are one namespace.",
            &["namespace"],
        ),
        ViewKind::Network => (
            "Links, addresses, routes and neighbours of each network namespace.",
            &["network namespace", "link"],
        ),
        ViewKind::Cgroups => (
            "The lab's control groups, who is in them, and their files.",
            &["control group", "hierarchy", "controller"],
        ),
        ViewKind::Files => (
            "Directories as an actor sees them, and overlays layer by layer.",
            &["overlay", "layer"],
        ),
        ViewKind::Calls => (
            "The system calls and netlink requests that this step made, in strace's notation.",
            &["system call", "netlink", "strace"],
        ),
    };
    card(format!("the pane {}", view.title()), vec![what.to_owned()], See::No(""), words)
}
