//! The way of a packet, hop by hop, as the links, bridges and routes of a snapshot lead it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::op::ActorName;
use crate::snapshot::{Link, Network, Route};

/// Hops of one packet: more is a loop.
const MAX_HOPS: usize = 16;

/// The end of a cable: the place of a namespace among those of a snapshot, and the number of a link there.
pub(super) type LinkPlace = (usize, u32);

/// The ends of each veth pair, where the kernel's words leave no doubt which they are.
pub(super) fn peers(networks: &[Network]) -> BTreeMap<LinkPlace, LinkPlace> {
    let all = || {
        let with_place = |(place, network): (usize, &'_ Network)| (place, network.links.len());
        let places = networks.iter().enumerate().map(with_place);
        places.flat_map(|(place, count)| (0..count).map(move |link| (place, link)))
    };
    let link = |(place, at): (usize, usize)| &networks[place].links[at];
    let mut by_indices: BTreeMap<_, Vec<(usize, usize)>> = BTreeMap::new();
    for at in all() {
        by_indices.entry((link(at).index, link(at).peer_index)).or_default().push(at);
    }

    let mut found = BTreeMap::new();
    for at in all() {
        let one = link(at);
        let Some(index) = one.peer_index else { continue };
        let fits = |other: &&(usize, usize)| {
            let peer = link(**other);
            peer.peer_netns.is_some() == one.peer_netns.is_some()
                && (other.0 == at.0) == one.peer_netns.is_none()
        };
        let known = by_indices.get(&(index, Some(one.index))).map_or(&[][..], Vec::as_slice);
        let mut fitting = known.iter().filter(fits);
        if let (Some(peer), None) = (fitting.next(), fitting.next()) {
            found.insert((at.0, one.index), (peer.0, link(*peer).index));
        }
    }
    found
}

/// The way of a packet, as far as it leads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Way {
    /// The cables that it goes through, from one end to the other.
    pub cables: Vec<(LinkPlace, LinkPlace)>,
    /// The links and bridges on it.
    pub names: Vec<String>,
}

pub(super) fn way(networks: &[Network], actor: &ActorName, to: Ipv4Addr) -> Way {
    let peers = peers(networks);
    let mut way = Way::default();
    let Some(mut at) = networks.iter().position(|network| network.actors.contains(actor)) else {
        return way;
    };

    for hop in 0..MAX_HOPS {
        let network = &networks[at];
        let may_pass = hop == 0 || network.forwarding != Some(false);
        if has_address(network, to) || !may_pass {
            break;
        }
        let Some(route) = route_to(network, to) else { break };
        let next = route.via.as_ref().and_then(|via| via.parse().ok()).unwrap_or(to);
        let Some(link) = network.link(&route.dev) else { break };
        way.names.push(link.name.clone());

        let Some(arrived) = cross(networks, &peers, (at, link), next, &mut way) else { break };
        at = arrived;
    }
    way
}

/// Go from a link to the namespace that has the next address: through a cable, and through a bridge.
fn cross(
    networks: &[Network],
    peers: &BTreeMap<LinkPlace, LinkPlace>,
    (at, link): (usize, &Link),
    next: Ipv4Addr,
    way: &mut Way,
) -> Option<usize> {
    if link.kind == "bridge" {
        return out_of_bridge(networks, peers, (at, &link.name), next, way);
    }

    let far = *peers.get(&(at, link.index))?;
    let peer = networks[far.0].links.iter().find(|it| it.index == far.1)?;
    way.cables.push(((at, link.index), far));
    way.names.push(peer.name.clone());
    let Some(bridge) = &peer.master else { return Some(far.0) };
    way.names.push(bridge.clone());
    if has_address(&networks[far.0], next) {
        return Some(far.0);
    }
    out_of_bridge(networks, peers, (far.0, bridge), next, way)
}

/// Out of the port of a bridge behind which the next address is.
fn out_of_bridge(
    networks: &[Network],
    peers: &BTreeMap<LinkPlace, LinkPlace>,
    (at, bridge): (usize, &str),
    next: Ipv4Addr,
    way: &mut Way,
) -> Option<usize> {
    let ports = networks[at].links.iter().filter(|link| link.master.as_deref() == Some(bridge));
    let ends = ports.filter_map(|port| Some((port, *peers.get(&(at, port.index))?)));
    let (port, far) = ends.into_iter().find(|(_, far)| has_address(&networks[far.0], next))?;
    let peer = networks[far.0].links.iter().find(|it| it.index == far.1)?;
    way.cables.push(((at, port.index), far));
    way.names.extend([port.name.clone(), peer.name.clone()]);
    Some(far.0)
}

fn has_address(network: &Network, ip: Ipv4Addr) -> bool {
    network.addresses.iter().any(|address| address.ip.parse() == Ok(ip))
}

/// The route with the longest prefix that has the address.
fn route_to(network: &Network, ip: Ipv4Addr) -> Option<&Route> {
    let fits = |route: &&Route| {
        prefix(route).is_some_and(|(to, bits)| {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            u32::from(ip) & mask == u32::from(to) & mask
        })
    };
    network.routes.iter().filter(fits).max_by_key(|route| prefix(route).map(|(_, bits)| bits))
}

fn prefix(route: &Route) -> Option<(Ipv4Addr, u8)> {
    if route.to == "default" {
        return Some((Ipv4Addr::UNSPECIFIED, 0));
    }
    let (ip, bits) = route.to.split_once('/').unwrap_or((&route.to, "32"));
    Some((ip.parse().ok()?, bits.parse().ok()?))
}
