//! Network namespaces as boxes, veth pairs as cables through their walls, bridges with their ports.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::canvas::MapTone;
use super::scene::{
    ActEnd, BoxOwner, BoxPart, MapBox, MapRow, MapScene, MapWire, PieceShape, RowAnchor, WireKind,
    host, lamps,
};
use super::way::{self, LinkPlace};
use crate::diff::{ChangeKind, Diff, DiffRow, NetworkDiff, OwnerChange};
use crate::op::{ActorName, Op, OpRecord, Outcome};
use crate::snapshot::{Address, FirewallRule, Link, Network, RuleEffect, Snapshot};

pub(super) fn scene(
    before: &Snapshot,
    after: &Snapshot,
    diff: &Diff,
    ops: &[OpRecord],
) -> MapScene {
    let mut scene = MapScene::default();
    let mut anchors = Anchors::default();
    let moves = moved_links(diff);

    for (place, section) in diff.networks.iter().enumerate() {
        let now = after.networks.iter().find(|it| it.name == section.name);
        let then = before.networks.iter().find(|it| it.name == section.name);
        let network = if section.owner_change == OwnerChange::Gone { then } else { now };
        let Some(network) = network else { continue };

        let mut one = MapBox { title: title(section, network), ..MapBox::default() };
        one.mark = match section.owner_change {
            OwnerChange::New => Some(ChangeKind::Added),
            OwnerChange::Gone => Some(ChangeKind::Gone),
            OwnerChange::Old | OwnerChange::CopyOf(_) | OwnerChange::Unknown => None,
        };
        let snapshot = if section.owner_change == OwnerChange::Gone { before } else { after };
        let actor = network.actors.first().and_then(|actor| snapshot.process_of(actor));
        one.of = BoxOwner::Actors(network.actors.clone());
        one.foot = actor.map(|it| lamps(it, host(snapshot))).unwrap_or_default();
        rows(&mut one, section, place, &moves, &mut anchors);

        // What the lab's host reaches through its uplink stands with it, and all others across the gap.
        let is_left = network.actors.is_empty() || network.actors.contains(&ActorName::host());
        if is_left { scene.left.push(one) } else { scene.right.push(one) }
    }
    // The lab's internet above the host.
    scene.left.sort_by_key(|it| !it.foot.is_empty());

    let mut cables = wires(after, diff, &anchors);
    add_pings(&mut scene, &mut cables, after, ops);
    scene.wires = cables.into_iter().map(|(_, _, wire)| wire).collect();
    scene
}

/// A wire with the two ends that it joins, as the snapshot has them.
type Cable = (LinkPlace, LinkPlace, MapWire);

/// The anchor of each link, by the place of its namespace in the diff and by its index.
#[derive(Default)]
struct Anchors {
    by_link: BTreeMap<(usize, u32), RowAnchor>,
}

impl Anchors {
    fn give(&mut self, place: usize, link: &Link) -> RowAnchor {
        let anchor = RowAnchor(self.by_link.len());
        self.by_link.insert((place, link.index), anchor);
        anchor
    }
}

fn title(section: &NetworkDiff, network: &Network) -> Vec<String> {
    let actors: Vec<&str> = network.actors.iter().map(ActorName::as_str).collect();
    let name = if actors.is_empty() { network.name.clone() } else { actors.join(", ") };
    let is_gone = section.owner_change == OwnerChange::Gone;
    let what = match (is_gone, actors.is_empty()) {
        (true, _) => "gone",
        (false, true) => "a network that the lab keeps",
        (false, false) => "network",
    };
    vec![name, what.into()]
}

/// Links that left one namespace and came to another in one step: by the MAC address, which a link keeps.
/// The value is where it came from, and where it went.
fn moved_links(diff: &Diff) -> BTreeMap<String, (String, String)> {
    let with = |mark: ChangeKind| {
        let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for section in &diff.networks {
            for link in section.links.iter().filter(|row| row.mark == mark) {
                let Some(link) = link.latest_value().filter(|link| !link.mac.is_empty()) else {
                    continue;
                };
                found.entry(&link.mac).or_default().push(&section.name);
            }
        }
        found
    };

    let (gone, added) = (with(ChangeKind::Gone), with(ChangeKind::Added));
    let pairs = gone.iter().filter_map(|(mac, from)| Some((*mac, from, added.get(mac)?)));
    pairs
        .filter_map(|(mac, from, to)| match (from.as_slice(), to.as_slice()) {
            ([from], [to]) => Some((mac.to_owned(), ((*from).to_owned(), (*to).to_owned()))),
            _ => None,
        })
        .collect()
}

fn rows(
    one: &mut MapBox,
    section: &NetworkDiff,
    place: usize,
    moves: &BTreeMap<String, (String, String)>,
    anchors: &mut Anchors,
) {
    let links = || section.links.iter().filter_map(|row| Some((row, row.latest_value()?)));
    // Bridges that are in no bridge themselves: what is below those alone is drawn as a port.
    let bridges: BTreeSet<&str> =
        links().filter(|(_, link)| link.master.is_none()).map(|(_, it)| it.name.as_str()).collect();
    let bridge_of = |link: &'_ Link| bridges.get(link.master.as_deref()?).copied();
    let mut ports: BTreeMap<&str, Vec<(&DiffRow<Link>, &Link)>> = BTreeMap::new();
    for (row, link) in links() {
        if let Some(bridge) = bridge_of(link) {
            ports.entry(bridge).or_default().push((row, link));
        }
    }
    let mut addresses: BTreeMap<&str, Vec<&DiffRow<Address>>> = BTreeMap::new();
    for row in &section.addresses {
        if let Some(address) = row.latest_value() {
            addresses.entry(&address.dev).or_default().push(row);
        }
    }
    let on = |link: &Link| addresses.get(link.name.as_str()).map_or(&[][..], Vec::as_slice);

    let is_labs_own = one.foot.is_empty();
    for (row, link) in links().filter(|(_, link)| bridge_of(link).is_none()) {
        if is_labs_own && link.kind.is_empty() {
            continue;
        }
        one.push(link_row(section, row, (link, on(link)), moves).anchor(anchors.give(place, link)));

        let ports = ports.get(link.name.as_str()).map_or(&[][..], Vec::as_slice);
        for (index, (port, link)) in ports.iter().enumerate() {
            let branch = if index + 1 == ports.len() { "└─" } else { "├─" };
            let row = link_row(section, port, (link, on(link)), moves).lead(branch);
            one.push(row.anchor(anchors.give(place, link)));
        }
    }

    if is_labs_own {
        one.parts.extend(rest_of(section).map(BoxPart::Row));
        return;
    }
    for row in &section.routes {
        let Some(route) = row.latest_value() else { continue };
        let way = match &route.via {
            Some(via) => format!("{} via {via}", route.to),
            None => format!("{} on {}", route.to, route.dev),
        };
        one.push(MapRow::new(row.mark, way));
    }
    if section.routes.iter().all(|row| row.after.is_none()) {
        one.push(MapRow::new(ChangeKind::Same, "no route").standing_for(0, 0));
    }

    if !section.neighbours.is_empty() {
        let mark = strongest(section.neighbours.iter().map(|row| row.mark));
        let changed = section.neighbours.iter().filter(|row| row.mark.is_change()).count();
        let known = section.neighbours.iter().filter_map(DiffRow::latest_value);
        let row = MapRow::new(mark, "neighbours");
        one.push(MapRow {
            names: known.map(|it| it.ip.clone()).collect(),
            ..row.standing_for(section.neighbours.len(), changed)
        });
    }
    for row in &section.traffic {
        let Some(rule) = row.latest_value() else { continue };
        one.push(MapRow::new(row.mark, &rule.text));
    }
    for row in &section.rules {
        let Some(rule) = row.latest_value() else { continue };
        one.push(MapRow::new(row.mark, rule_words(rule)));
    }
    for row in &section.forwarding {
        one.push(MapRow::new(row.mark, "▲ packets for others pass"));
    }
}

/// `▲ NAT: ip saddr 172.17.0.0/16 …`: what it does to packets first.
fn rule_words(rule: &FirewallRule) -> String {
    let effect = match rule.effect {
        RuleEffect::SourceNat | RuleEffect::DestinationNat => "▲ NAT:",
        RuleEffect::Drop => "⊘",
        RuleEffect::Other => "rule:",
    };
    format!("{effect} {}", rule.text)
}

/// All that is to a namespace which the lab keeps, besides its links with a cable.
fn rest_of(section: &NetworkDiff) -> Option<MapRow> {
    let lo = section
        .links
        .iter()
        .filter(|row| row.latest_value().is_some_and(|link| link.kind.is_empty()));
    let marks = lo.map(|row| row.mark);
    let marks = marks.chain(section.routes.iter().map(|row| row.mark));
    let marks = marks.chain(section.neighbours.iter().map(|row| row.mark));
    let marks = marks.chain(section.traffic.iter().map(|row| row.mark));
    let marks = marks.chain(section.rules.iter().map(|row| row.mark));
    let marks: Vec<_> = marks.chain(section.forwarding.iter().map(|row| row.mark)).collect();
    let changed = marks.iter().filter(|mark| mark.is_change()).count();
    let row = MapRow::new(ChangeKind::Same, format!("… {} more rows", marks.len()));
    (changed > 0).then(|| row.standing_for(marks.len(), changed))
}

/// The first change of several rows that are drawn as one.
fn strongest(marks: impl Iterator<Item = ChangeKind>) -> ChangeKind {
    marks.into_iter().find(|mark| mark.is_change()).unwrap_or(ChangeKind::Same)
}

/// `● eth0 172.17.0.2/16`: filled where the link is up.
fn link_row(
    section: &NetworkDiff,
    row: &DiffRow<Link>,
    (link, addresses): (&Link, &[&DiffRow<Address>]),
    moves: &BTreeMap<String, (String, String)>,
) -> MapRow {
    let moved = moves.get(&link.mac).filter(|(from, to)| match row.mark {
        ChangeKind::Gone => *from == section.name,
        ChangeKind::Added => *to == section.name,
        ChangeKind::Same
        | ChangeKind::Quiet
        | ChangeKind::Changed
        | ChangeKind::Moved
        | ChangeKind::Unknown => false,
    });

    let arrived = moved.is_some() && row.mark == ChangeKind::Added;
    let mark = if arrived { ChangeKind::Moved } else { row.mark };
    let all = std::iter::once(mark).chain(addresses.iter().map(|it| it.mark));
    let shown = strongest(all);

    let mut made = MapRow::new(shown, "");
    made.text.clear();
    let plug = PieceShape::Plug { is_up: link.up };
    made = match (row.mark, link.up) {
        (ChangeKind::Gone, _) => made.and(MapTone::of_mark(mark), " "),
        (_, true) => made.and_shape(plug, MapTone::of_mark(mark), "●"),
        (_, false) => made.and_shape(plug, MapTone::of_mark(mark), "○"),
    };
    made = made.and(MapTone::of_mark(mark), format!(" {}", link.name));

    let (six, four): (Vec<_>, Vec<_>) = addresses
        .iter()
        .filter_map(|it| Some((it.latest_value()?, it.mark)))
        .partition(|(address, _)| address.ip.contains(':'));
    for (address, mark) in four {
        let gone = if mark == ChangeKind::Gone { " gone" } else { "" };
        let text = format!(" {}/{}{gone}", address.ip, address.prefix);
        made = made.and(MapTone::of_mark(mark), text);
    }
    let said = match (moved, row.mark) {
        (Some((_, to)), ChangeKind::Gone) => format!(" went to {to}"),
        (Some((from, _)), _) => format!(" came from {from}"),
        (None, _) => changes(row),
    };
    let rows = 1 + addresses.len();
    let changed = std::iter::once(row.mark).chain(addresses.iter().map(|it| it.mark));
    let changed = changed.filter(|mark| mark.is_change()).count();
    made = made.and(MapTone::of_mark(mark), said);
    if !six.is_empty() {
        let mark = strongest(six.iter().map(|(_, mark)| *mark));
        made = made.and(MapTone::of_mark(mark), format!(" +{} IPv6", six.len()));
    }
    if row.after.is_some() {
        made = made.about(&link.name);
    }
    made.standing_for(rows, changed)
}

/// The differences of a link in words: ` was c0, was down`.
fn changes(row: &DiffRow<Link>) -> String {
    let (Some(old), Some(new)) = (&row.before, &row.after) else { return String::new() };
    let mut said = Vec::new();
    if old.name != new.name {
        said.push(format!("was {}", old.name));
    }
    if old.up != new.up {
        said.push(if new.up { "up now".into() } else { "down now".into() });
    }
    if old.master != new.master {
        said.push(match (&old.master, &new.master) {
            (_, Some(bridge)) => format!("in {bridge} now"),
            (Some(bridge), None) => format!("left {bridge}"),
            (None, None) => String::new(),
        });
    }
    if said.is_empty() { String::new() } else { format!(" {}", said.join(", ")) }
}

/// A wire for each veth pair of which both ends are known. The kernel says the peer's index, and whether it is in
/// another namespace: where two links there fit, none is drawn.
fn wires(after: &Snapshot, diff: &Diff, anchors: &Anchors) -> Vec<Cable> {
    let place_of = |network: usize| {
        let name = &after.networks.get(network)?.name;
        diff.networks.iter().position(|section| section.name == *name)
    };
    let row_of = |(network, index): LinkPlace| {
        let place = place_of(network)?;
        let mut rows = diff.networks[place].links.iter();
        let row = rows.find(|row| row.after.as_ref().is_some_and(|link| link.index == index))?;
        Some((*anchors.by_link.get(&(place, index))?, row, row.after.as_ref()?))
    };

    let mut found = Vec::new();
    for (near, far) in way::peers(&after.networks).into_iter().filter(|(near, far)| near < far) {
        let (Some((a, row, link)), Some((b, peer_row, peer))) = (row_of(near), row_of(far)) else {
            continue;
        };
        let passes = [link, peer].iter().all(|end| end.up && end.carrier);
        let kind = if passes { WireKind::Cable } else { WireKind::DeadCable };
        let is_new = [row, peer_row].iter().any(|end| end.mark == ChangeKind::Added);
        let mark = if is_new { ChangeKind::Added } else { ChangeKind::Same };
        found.push((near, far, MapWire::new([a, b], kind, mark)));
    }
    found
}

/// The address that an op asks for an answer, and how that is told: to no answer and to one.
fn asked(record: &OpRecord) -> Option<(Ipv4Addr, MapRow)> {
    let (to, whom, answered) = match (&record.op, &record.outcome) {
        (Op::Ping { to, .. }, _) => {
            let millis = record.nanos as f64 / 1e6;
            (*to, format!("ping {to}"), format!("{to} answers in {millis:.2} ms"))
        }
        (Op::Dial { to, port, .. }, Outcome::Done { output }) => {
            let says = if output.is_empty() { "answers".into() } else { format!("says {output}") };
            (*to, String::new(), format!("{to}:{port} {says}"))
        }
        (Op::Dial { to, port, .. }, _) => (*to, format!("dial {to}:{port}"), String::new()),
        _ => return None,
    };
    let row = match &record.outcome {
        Outcome::Failed { errno, .. } => MapRow::act(ActEnd::Refused, format!("{whom}: {errno}")),
        Outcome::Done { .. } | Outcome::Exited { .. } => MapRow::act(ActEnd::Answered, answered),
    };
    Some((to, row))
}

/// The ways of this step's packets: arrows in the cables, and how it ended with who sent them.
fn add_pings(scene: &mut MapScene, wires: &mut [Cable], after: &Snapshot, ops: &[OpRecord]) {
    for record in ops {
        let Some((to, row)) = asked(record) else { continue };
        let way = way::way(&after.networks, &record.actor, to);
        for (from, into) in &way.cables {
            for (near, far, wire) in wires.iter_mut() {
                if (*near, *far) == (*from, *into) {
                    wire.entered_at = Some(0);
                } else if (*near, *far) == (*into, *from) {
                    wire.entered_at = Some(1);
                }
            }
        }

        let its = |one: &&mut MapBox| matches!(&one.of, BoxOwner::Actors(actors) if actors.contains(&record.actor));
        if let Some(one) = scene.left.iter_mut().chain(&mut scene.right).find(its) {
            one.push(row);
            if !way.names.is_empty() {
                let by = format!("  by {}", way.names.join(" ▸ "));
                one.push(MapRow::new(ChangeKind::Same, by).standing_for(0, 0));
            }
        }
    }
}
