//! One network namespace, by dumps on a netlink socket that was opened inside it. Only reads; never waits long.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::socket::{MsgFlags, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use rtnetlink::packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::RouteNetlinkMessage as Message;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};

use super::{Subject, traffic};
use crate::snapshot::{Address, Link, Neighbour, Network, Route};

/// How long a dump may take before it counts as failed, in milliseconds.
pub(super) const ANSWER_WITHIN_MS: i64 = 200;

/// Links, addresses, routes, neighbours and queueing disciplines; a dump that fails leaves its list empty. Name and members are the caller's.
pub fn read(socket: &OwnedFd) -> Network {
    let _ = nix::sys::socket::setsockopt(socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(ANSWER_WITHIN_MS));
    let links: Vec<LinkMessage> = dump(socket, Message::GetLink(LinkMessage::default()), |message| match message {
        Message::NewLink(link) => Some(link),
        _ => None,
    });
    let names: HashMap<u32, String> = links.iter().map(|link| (link.header.index, name_of(link))).collect();
    let name = |index: u32| names.get(&index).cloned().unwrap_or_else(|| format!("if{index}"));
    let addresses = dump(socket, Message::GetAddress(AddressMessage::default()), |message| match message {
        Message::NewAddress(address) => Some(address),
        _ => None,
    });
    let routes = dump(socket, Message::GetRoute(ipv4_routes()), |message| match message {
        Message::NewRoute(route) => Some(route),
        _ => None,
    });
    let neighbours = dump(socket, Message::GetNeighbour(NeighbourMessage::default()), |message| match message {
        Message::NewNeighbour(neighbour) => Some(neighbour),
        _ => None,
    });
    Network {
        links: links.iter().map(|message| link(message, &name)).collect(),
        addresses: addresses.iter().filter_map(|message| address(message, &name)).collect(),
        routes: routes.iter().filter_map(|message| route(message, &name)).collect(),
        neighbours: neighbours.iter().filter_map(|message| neighbour(message, &name)).collect(),
        traffic: traffic::disciplines(socket, &name),
        ..Network::default()
    }
}

/// Nothing was heard of a change in any subject's network namespace since the last call. False where one can't be heard.
pub fn is_quiet(subjects: &[Subject]) -> bool {
    let mut quiet = true;
    for subject in subjects {
        let Some(monitor) = &subject.monitor else { return false };
        let mut buffer = [0_u8; 4096];
        // All that has come is taken; an overrun (ENOBUFS) counts as heard.
        loop {
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

/// All answers to one dump request. Late answers to an earlier one are told apart by their sequence number.
pub(super) fn dump<T>(socket: &OwnedFd, request: Message, pick: impl Fn(Message) -> Option<T>) -> Vec<T> {
    static SEQUENCE: AtomicU32 = AtomicU32::new(0x1000_0000);
    let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    let mut packet = NetlinkMessage::from(request);
    packet.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    packet.header.sequence_number = sequence;
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);
    let mut found = Vec::new();
    if nix::sys::socket::send(socket.as_raw_fd(), &bytes, MsgFlags::empty()).is_err() {
        return found;
    }
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let count = match nix::sys::socket::recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            Ok(0) => return found,
            Ok(count) => count,
            Err(nix::errno::Errno::EINTR) => continue,
            Err(_) => return found,
        };
        let mut rest = &buffer[..count];
        while rest.len() >= 16 {
            let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            if length < 16 || length > rest.len() {
                return found;
            }
            let answer = NetlinkMessage::<Message>::deserialize(&rest[..length]);
            rest = &rest[length.next_multiple_of(4).min(rest.len())..];
            // A message of a kind the parser does not know is skipped.
            let Ok(answer) = answer else { continue };
            if answer.header.sequence_number != sequence {
                continue;
            }
            match answer.payload {
                NetlinkPayload::Done(_) | NetlinkPayload::Error(_) => return found,
                NetlinkPayload::InnerMessage(message) => found.extend(pick(message)),
                _ => {}
            }
        }
    }
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
            LinkAttribute::Address(bytes) if bytes.iter().any(|byte| *byte != 0) => link.mac = mac(bytes),
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
    if header.table != RouteHeader::RT_TABLE_MAIN || header.kind != RouteType::Unicast {
        return None;
    }
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

/// What `ip neigh` shows: no entries for multicast and the like (NOARP).
fn neighbour(message: &NeighbourMessage, name: &impl Fn(u32) -> String) -> Option<Neighbour> {
    if matches!(message.header.state, NeighbourState::Noarp | NeighbourState::None) {
        return None;
    }
    let mut neighbour = Neighbour {
        dev: name(message.header.ifindex),
        ip: String::new(),
        mac: String::new(),
        state: format!("{:?}", message.header.state).to_uppercase(),
    };
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => neighbour.ip = ip.to_string(),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => neighbour.ip = ip.to_string(),
            NeighbourAttribute::LinkLayerAddress(bytes) => neighbour.mac = mac(bytes),
            _ => {}
        }
    }
    (!neighbour.ip.is_empty()).then_some(neighbour)
}
