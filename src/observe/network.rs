//! One network namespace, by dumps on a netlink socket that was opened inside it. Only reads; never waits long.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "netlink's enums are foreign, and grow with the kernel: what a lab shows is picked out"
)]

use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::MsgFlags;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::RouteNetlinkMessage as Message;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use rtnetlink::packet_route::link::{
    LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage,
};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};

use super::bounds;
use super::dump::{Dumper, HEADER_BYTES, ListStart};
use super::netlink::{NamespaceShare, route_list};
use super::{ObservedActor, attributes, traffic};
use crate::snapshot::{Address, Link, Neighbour, Network, NetworkOmitted, Omitted, Route};

/// Links, addresses, neighbours, queueing disciplines and routes; a dump that fails leaves its list empty. Name and
/// members are the caller's. While the kernel is busy with a dump that was too long for an earlier look, lists are as
/// `earlier` had them, and said to be cut.
pub fn read(socket: &OwnedFd, mut share: NamespaceShare, earlier: Option<&Network>) -> Network {
    let none = Network::default();
    let earlier = earlier.unwrap_or(&none);
    let mut dumper = Dumper::new(socket, share.rows, &mut share.bytes);
    // Links first: the other lists name theirs by number.
    let (links, links_omitted) = or_earlier(links(&mut dumper), &earlier.links);
    let names: HashMap<u32, &str> =
        links.iter().map(|link| (link.index, link.name.as_str())).collect();
    let name = |index: u32| {
        names.get(&index).map_or_else(|| format!("if{index}"), |name| (*name).to_owned())
    };

    let all_addresses = Message::GetAddress(AddressMessage::default());
    let addresses = route_list(
        &mut dumper,
        all_addresses,
        |_| true,
        |message| match message {
            Message::NewAddress(message) => address(&message, &name),
            _ => None,
        },
    );
    let all_neighbours = Message::GetNeighbour(NeighbourMessage::default());
    let neighbours =
        route_list(&mut dumper, all_neighbours, is_shown_neighbour, |message| match message {
            Message::NewNeighbour(message) => neighbour(&message, &name),
            _ => None,
        });
    let traffic = traffic::read_disciplines(&mut dumper, &name);
    let routes =
        route_list(&mut dumper, Message::GetRoute(ipv4_routes()), is_shown_route, |message| {
            match message {
                Message::NewRoute(message) => route(&message, &name),
                _ => None,
            }
        });

    let forwarding = forwarding(&mut dumper).or(earlier.forwarding);

    let (addresses, addresses_omitted) = or_earlier(addresses, &earlier.addresses);
    let (neighbours, neighbours_omitted) = or_earlier(neighbours, &earlier.neighbours);
    let (traffic, traffic_omitted) = or_earlier(traffic, &earlier.traffic);
    let (routes, routes_omitted) = or_earlier(routes, &earlier.routes);
    let omitted = NetworkOmitted {
        links: links_omitted,
        addresses: addresses_omitted,
        routes: routes_omitted,
        neighbours: neighbours_omitted,
        traffic: traffic_omitted,
    };

    let rules = earlier.rules.clone();
    let lists = Network { addresses, routes, neighbours, traffic, links, ..Network::default() };
    Network { forwarding, rules, omitted, ..lists }
}

/// True if IPv4 packets for others are passed on: the setting of all devices, which is `net.ipv4.ip_forward`. The proc
/// file system tells a reader of its own network namespace alone; netlink tells of the socket's.
fn forwarding(dumper: &mut Dumper<'_>) -> Option<bool> {
    // Of linux/rtnetlink.h and linux/netconf.h.
    const RTM_GETNETCONF: u16 = 82;
    const NETCONFA_IFINDEX: u16 = 1;
    const NETCONFA_FORWARDING: u16 = 2;
    const NETCONFA_IFINDEX_ALL: i32 = -1;
    // A struct netconfmsg, padded.
    const BODY: [u8; 4] = [libc::AF_INET as u8, 0, 0, 0];

    let number = |body: &[u8], kind| {
        let value = attributes::find(body.get(BODY.len()..)?, kind)?;
        Some(i32::from_ne_bytes(value.try_into().ok()?))
    };
    let of_all = |body: &[u8]| number(body, NETCONFA_IFINDEX) == Some(NETCONFA_IFINDEX_ALL);
    let list = dumper.list(RTM_GETNETCONF, &BODY, of_all, |message| {
        number(message.get(HEADER_BYTES..)?, NETCONFA_FORWARDING)
    });
    Some(*list?.rows.first()? != 0)
}

/// The links alone.
pub fn read_links(socket: &OwnedFd, mut share: NamespaceShare) -> (Vec<Link>, Omitted) {
    or_earlier(links(&mut Dumper::new(socket, share.rows, &mut share.bytes)), &[])
}

fn or_earlier<T: Clone>(list: Option<ListStart<T>>, earlier: &[T]) -> (Vec<T>, Omitted) {
    match list {
        Some(list) => (list.rows, list.omitted),
        None => (earlier.to_vec(), Omitted::Uncounted),
    }
}

fn links(dumper: &mut Dumper<'_>) -> Option<ListStart<Link>> {
    let mut all = LinkMessage::default();
    // Counters of packets are most of such a message, and shown nowhere.
    all.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));

    let list = route_list(
        dumper,
        Message::GetLink(all),
        |_| true,
        |message| match message {
            Message::NewLink(message) => Some(message),
            _ => None,
        },
    )?;

    let names: HashMap<u32, String> =
        list.rows.iter().map(|message| (message.header.index, name_of(message))).collect();
    let name = |index: u32| names.get(&index).cloned().unwrap_or_else(|| format!("if{index}"));
    Some(ListStart {
        rows: list.rows.iter().map(|message| link(message, &name)).collect(),
        omitted: list.omitted,
    })
}

/// Routes of the main table to one destination each. Others are told by their header alone, a struct rtmsg: there may
/// be thousands, one for each address.
fn is_shown_route(body: &[u8]) -> bool {
    let (table, kind) = (body.get(4).copied(), body.get(7).copied());
    table == Some(RouteHeader::RT_TABLE_MAIN) && kind == Some(u8::from(RouteType::Unicast))
}

/// True for an entry that `ip neigh` shows: none for multicast and the like (NOARP), by the state in a struct ndmsg.
fn is_shown_neighbour(body: &[u8]) -> bool {
    let state = body.get(8..10).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    state.is_some_and(|state| {
        !matches!(NeighbourState::from(state), NeighbourState::Noarp | NeighbourState::None)
    })
}

/// Nothing was heard of a change in any subject's network namespace since the last call. False where one can't be
/// heard.
pub fn is_unchanged(subjects: &[ObservedActor]) -> bool {
    let mut quiet = true;
    // Of who has ended nothing is heard any more.
    let is_heard = |it: &&ObservedActor| it.netlink.is_some() || it.monitor.is_some();
    for subject in subjects.iter().filter(is_heard) {
        let Some(monitor) = &subject.monitor else { return false };
        let mut buffer = [0_u8; 4096];

        // What has come is taken, however fast more comes; an overrun (ENOBUFS) counts as heard.
        for _ in 0..bounds::MAX_CHANGE_MESSAGES {
            match nix::sys::socket::recv(monitor.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Err(nix::errno::Errno::EAGAIN) => break,
                Ok(1..) | Err(nix::errno::Errno::ENOBUFS) => quiet = false,
                Ok(_) | Err(_) => return false,
            }
        }
    }

    quiet
}

fn ipv4_routes() -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message
}

fn name_of(message: &LinkMessage) -> String {
    let name = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    });
    name.unwrap_or_default()
}

fn link(message: &LinkMessage, name: &impl Fn(u32) -> String) -> Link {
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        name: name_of(message),
        kind: String::new(),
        up: flags.contains(LinkFlags::Up),
        carrier: flags.contains(LinkFlags::LowerUp),
        operstate: String::new(),
        mac: String::new(),
        mtu: 0,
        master: None,
        peer_index: None,
        peer_netns: None,
    };

    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Address(bytes) if bytes.iter().any(|byte| *byte != 0) => {
                link.mac = mac(bytes)
            }
            LinkAttribute::OperState(state) => link.operstate = format!("{state:?}").to_uppercase(),
            LinkAttribute::Controller(index) => link.master = Some(name(*index)),
            LinkAttribute::Link(index) => link.peer_index = Some(*index),
            LinkAttribute::LinkNetNsId(id) => link.peer_netns = Some(*id),
            LinkAttribute::LinkInfo(infos) => {
                for info in infos {
                    if let LinkInfo::Kind(kind) = info {
                        link.kind = kind.to_string();
                    }
                }
            }
            _ => {}
        }
    }

    link
}

fn mac(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}

fn address(message: &AddressMessage, name: &impl Fn(u32) -> String) -> Option<Address> {
    // IFA_LOCAL is the address; IFA_ADDRESS is the peer's on a point-to-point link, and all there is in IPv6.
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(ip) => Some(ip),
        _ => None,
    });
    let any = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Address(ip) => Some(ip),
        _ => None,
    });

    Some(Address {
        dev: name(message.header.index),
        ip: local.or(any)?.to_string(),
        prefix: message.header.prefix_len,
        scope: match message.header.scope {
            AddressScope::Universe => "global".into(),
            AddressScope::Link => "link".into(),
            AddressScope::Host => "host".into(),
            other => format!("{other:?}").to_lowercase(),
        },
    })
}

fn route(message: &RouteMessage, name: &impl Fn(u32) -> String) -> Option<Route> {
    let header = &message.header;
    let mut route = Route {
        to: "default".into(),
        via: None,
        dev: String::new(),
        protocol: match header.protocol {
            RouteProtocol::Kernel => "kernel".into(),
            RouteProtocol::Boot => "boot".into(),
            RouteProtocol::Static => "static".into(),
            other => format!("{other:?}").to_lowercase(),
        },
        scope: match header.scope {
            RouteScope::Universe => "global".into(),
            RouteScope::Link => "link".into(),
            RouteScope::Host => "host".into(),
            other => format!("{other:?}").to_lowercase(),
        },
        prefsrc: None,
    };

    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(to) => {
                route.to = format!("{}/{}", ip_text(to)?, header.destination_prefix_length);
            }
            RouteAttribute::Gateway(via) => route.via = ip_text(via),
            RouteAttribute::Oif(index) => route.dev = name(*index),
            RouteAttribute::PrefSource(source) => route.prefsrc = ip_text(source),
            _ => {}
        }
    }

    Some(route)
}

fn ip_text(address: &RouteAddress) -> Option<String> {
    match address {
        RouteAddress::Inet(ip) => Some(ip.to_string()),
        RouteAddress::Inet6(ip) => Some(ip.to_string()),
        _ => None,
    }
}

fn neighbour(message: &NeighbourMessage, name: &impl Fn(u32) -> String) -> Option<Neighbour> {
    let mut neighbour = Neighbour {
        dev: name(message.header.ifindex),
        ip: String::new(),
        mac: String::new(),
        state: format!("{:?}", message.header.state).to_uppercase(),
    };

    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => {
                neighbour.ip = ip.to_string()
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => {
                neighbour.ip = ip.to_string()
            }
            NeighbourAttribute::LinkLayerAddress(bytes) => neighbour.mac = mac(bytes),
            _ => {}
        }
    }

    (!neighbour.ip.is_empty()).then_some(neighbour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::ActorName;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    use std::sync::Arc;

    #[test]
    fn a_namespace_that_never_falls_silent_is_not_listened_to_for_ever() {
        let (kernel, ours) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::empty())
                .expect("a pair");
        let subject = ObservedActor {
            name: ActorName::host(),
            pid: 1,
            netlink: None,
            monitor: Some(Arc::new(ours)),
            firewall: None,
        };
        let subjects = [subject];

        assert!(is_unchanged(&subjects), "nothing was said");

        for _ in 0..2 * bounds::MAX_CHANGE_MESSAGES {
            nix::sys::socket::send(kernel.as_raw_fd(), b"changed", MsgFlags::MSG_DONTWAIT)
                .expect("sent");
        }
        assert!(!is_unchanged(&subjects) && !is_unchanged(&subjects), "half of it at each look");
        assert!(is_unchanged(&subjects));
    }

    #[test]
    fn the_shares_of_all_namespaces_are_within_what_there_is() {
        for namespaces in [0, 1, 3, 8, 40] {
            let share = NamespaceShare::one_of(namespaces);
            assert!(share.rows > 0 && share.rows <= bounds::MAX_NETWORK_ROWS);
            assert!(share.rows * 6 * namespaces <= bounds::MAX_NETWORK_ROWS_TOTAL);
        }
    }

    #[test]
    fn routes_and_neighbours_are_chosen_by_their_headers() {
        let route =
            |table: u8, kind: u8| is_shown_route(&[2, 24, 0, 0, table, 3, 0, kind, 0, 0, 0, 0]);
        assert!(route(254, 1) && !route(255, 2) && !route(254, 3) && !is_shown_route(&[]));
        let neighbour = |state: u8| is_shown_neighbour(&[2, 0, 0, 0, 1, 0, 0, 0, state, 0, 0, 1]);
        assert!(
            neighbour(0x02)
                && neighbour(0x80)
                && !neighbour(0x40)
                && !neighbour(0)
                && !is_shown_neighbour(&[])
        );
    }
}
