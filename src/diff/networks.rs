//! The changes of network namespaces.

use super::noise;
use super::rows::{DiffSide, diff_rows, mark_by_equality};
use super::{ChangeKind, NetworkDiff, OwnerChange};
use crate::snapshot::Network;

pub(super) fn networks(before: &[Network], after: &[Network]) -> Vec<NetworkDiff> {
    let none = Network::default();
    let one = |name: &str, owner_change: OwnerChange, old: &Network, new: &Network| {
        let mut found = NetworkDiff {
            name: name.to_owned(),
            owner_change,
            links: diff_rows(
                &DiffSide::new(&old.links, old.omitted.links),
                &DiffSide::new(&new.links, new.omitted.links),
                |link| link.index,
                mark_by_equality,
            ),
            addresses: diff_rows(
                &DiffSide::new(&old.addresses, old.omitted.addresses),
                &DiffSide::new(&new.addresses, new.omitted.addresses),
                |address| (address.dev.clone(), address.ip.clone(), address.prefix),
                mark_by_equality,
            ),
            routes: diff_rows(
                &DiffSide::new(&old.routes, old.omitted.routes),
                &DiffSide::new(&new.routes, new.omitted.routes),
                |route| (route.to.clone(), route.dev.clone(), route.via.clone()),
                mark_by_equality,
            ),
            neighbours: diff_rows(
                &DiffSide::new(&old.neighbours, old.omitted.neighbours),
                &DiffSide::new(&new.neighbours, new.omitted.neighbours),
                |neighbour| (neighbour.dev.clone(), neighbour.ip.clone()),
                // Its state runs through REACHABLE, STALE, DELAY by itself.
                |old, new| if old.mac == new.mac { ChangeKind::Same } else { ChangeKind::Changed },
            ),
            traffic: diff_rows(
                &DiffSide::new(&old.traffic, old.omitted.traffic),
                &DiffSide::new(&new.traffic, new.omitted.traffic),
                |it| it.text.clone(),
                mark_by_equality,
            ),
            rules: diff_rows(
                &DiffSide::new(&old.rules, old.omitted.traffic),
                &DiffSide::new(&new.rules, new.omitted.traffic),
                |it| it.text.clone(),
                mark_by_equality,
            ),
            forwarding: diff_rows(
                &DiffSide::whole(passing_on(old)),
                &DiffSide::whole(passing_on(new)),
                |_| (),
                mark_by_equality,
            ),
            omitted: [old.omitted, new.omitted],
        };
        hush_noise(&mut found);
        found
    };

    let mut found: Vec<NetworkDiff> = after
        .iter()
        .map(|new| match before.iter().find(|old| old.name == new.name && old.ns == new.ns) {
            Some(old) => one(&new.name, OwnerChange::Old, old, new),
            None => one(&new.name, OwnerChange::New, &none, new),
        })
        .collect();

    // Where another namespace has the name now, its section says that it is new, and this one that it is gone.
    let is_there =
        |old: &Network| after.iter().any(|new| (&new.name, new.ns) == (&old.name, old.ns));
    for old in before.iter().filter(|old| !is_there(old)) {
        found.push(one(&old.name, OwnerChange::Gone, old, &none));
    }

    found
}

/// A row while packets for others are passed on.
fn passing_on(network: &Network) -> &[bool] {
    if network.forwarding == Some(true) { &[true] } else { &[] }
}

/// The marks of what the kernel does by itself are taken away.
fn hush_noise(network: &mut NetworkDiff) {
    noise::hush(&mut network.links, noise::is_noise_of_link);
    noise::hush(&mut network.addresses, noise::is_noise_of_address);
    noise::hush(&mut network.routes, noise::is_noise_of_route);
    noise::hush(&mut network.neighbours, noise::is_noise_of_neighbour);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Link, NsInode};

    #[test]
    fn a_namespace_that_took_the_place_of_another_is_new_and_the_other_gone() {
        let network =
            |ns| Network { name: "container".into(), ns: NsInode(ns), ..Network::default() };
        let found = networks(&[network(1)], &[network(2)]);
        let changes: Vec<&OwnerChange> = found.iter().map(|it| &it.owner_change).collect();
        assert_eq!(changes, [&OwnerChange::New, &OwnerChange::Gone]);
        let same = networks(&[network(1)], &[network(1)]);
        assert_eq!((same.len(), &same[0].owner_change), (1, &OwnerChange::Old));
    }

    #[test]
    fn of_a_link_what_was_set_is_a_change_and_what_the_kernel_did_is_not() {
        let link = Link {
            index: 2,
            name: "eth0".into(),
            kind: "veth".into(),
            up: true,
            carrier: false,
            operstate: "LOWERLAYERDOWN".into(),
            mac: "02:00:00:00:00:01".into(),
            mtu: 1500,
            master: None,
            peer_index: Some(5),
            peer_netns: Some(0),
        };
        let bridge = Link { kind: "bridge".into(), ..link.clone() };
        let check = |old: &Link, new: Link, expected: ChangeKind| {
            let network = |link: &Link| Network { links: vec![link.clone()], ..Network::default() };
            let found = networks(&[network(old)], &[network(&new)]);
            assert_eq!(found[0].links[0].mark, expected, "{new:?}");
        };

        let up = || Link { carrier: true, operstate: "UP".into(), ..link.clone() };
        check(&link, link.clone(), ChangeKind::Same);
        check(&link, up(), ChangeKind::Quiet);
        check(&link, Link { up: false, ..link.clone() }, ChangeKind::Changed);
        check(&link, Link { name: "c0".into(), ..up() }, ChangeKind::Changed);
        check(&link, Link { mtu: 1400, ..link.clone() }, ChangeKind::Changed);
        check(&link, Link { peer_netns: Some(1), ..link.clone() }, ChangeKind::Quiet);
        check(&link, Link { peer_netns: None, ..link.clone() }, ChangeKind::Changed);

        let other_mac = |link: &Link| Link { mac: "02:00:00:00:00:02".into(), ..link.clone() };
        check(&link, other_mac(&link), ChangeKind::Changed);
        check(&bridge, other_mac(&bridge), ChangeKind::Quiet);
    }
}
