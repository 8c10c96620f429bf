//! rtnetlink(7) requests: built from rtnetlink's messages, sent on a plain blocking socket, each recorded with the
//! kernel's answer. No runtime: actors are single-threaded and fork.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "netlink's enums are foreign, and grow with the kernel: what a lab shows is picked out"
)]

use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType};
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol};
use rtnetlink::{AddressMessageBuilder, LinkBridge, LinkUnspec, LinkVeth, RouteMessageBuilder};

use super::notation::quoted;
use super::record::{Recorder, retry_interrupted};
use super::tc;
use crate::call::{Call, CallKind, CallResult, ErrnoName};
use crate::op::NetOp;

/// RFC 863.
pub const DISCARD_PORT: u16 = 9;
// As ip(8) asks: what is there already is an error (EEXIST), and not taken for made.
const CREATE: u16 = NLM_F_REQUEST | NLM_F_ACK | NLM_F_EXCL | NLM_F_CREATE;
const CHANGE: u16 = NLM_F_REQUEST | NLM_F_ACK;

/// An open NETLINK_ROUTE socket. It belongs for good to the network namespace it was opened in.
#[derive(Debug)]
pub struct RouteSocket {
    fd: OwnedFd,
    sequence: u32,
}

/// A netlink socket of the caller's network namespace, bound and ready.
pub fn open_socket() -> Result<OwnedFd, Errno> {
    let fd = nix::sys::socket::socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    nix::sys::socket::bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    Ok(fd)
}

/// A netlink socket that hears of every change in the caller's network namespace: for knowing that something changed.
pub fn open_monitor() -> Result<OwnedFd, Errno> {
    const LINKS: u32 = 0x1;
    const NEIGHBOURS: u32 = 0x4;
    const IPV4_ADDRESSES: u32 = 0x10;
    const IPV4_ROUTES: u32 = 0x40;
    const IPV6_ADDRESSES: u32 = 0x100;

    let fd = nix::sys::socket::socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        SockProtocol::NetlinkRoute,
    )?;

    let groups = LINKS | NEIGHBOURS | IPV4_ADDRESSES | IPV4_ROUTES | IPV6_ADDRESSES;
    nix::sys::socket::bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(fd)
}

/// A socket that takes datagrams for the discard service (RFC 863) of the caller's network namespace. It is never
/// read: what comes when its buffer is full is dropped, and nobody is told.
pub fn open_discard() -> Result<OwnedFd, Errno> {
    let socket =
        UdpSocket::bind((Ipv4Addr::UNSPECIFIED, DISCARD_PORT)).map_err(super::errno::to_errno)?;
    Ok(socket.into())
}

impl RouteSocket {
    pub fn open() -> Result<Self, Errno> {
        Ok(RouteSocket { fd: open_socket()?, sequence: 0 })
    }

    /// Perform one op; a `SetLink` may take several requests, as several `ip link set` would.
    pub fn perform(&mut self, recorder: &mut Recorder, op: &NetOp) -> Result<(), Errno> {
        match op {
            NetOp::AddVeth { name, peer } => {
                self.add_link(recorder, LinkVeth::new(name, peer).build())
            }
            NetOp::AddVethInto { name, peer, pid } => {
                let namespace = std::fs::File::open(format!("/proc/{pid}/ns/net"))
                    .map_err(super::errno::to_errno)?;

                // As when both ends are made here first: the peer comes before its owner.
                let last = highest_index()?;
                let indexes = VethIndexes { own: last + 2, peer: last + 1 };
                self.add_veth_into(name, peer, &namespace.into(), Some(indexes))
            }
            NetOp::AddBridge { name } => self.add_link(recorder, LinkBridge::new(name).build()),
            NetOp::MoveLink { name, pid } => {
                let message =
                    LinkUnspec::new_with_index(index_of(name)?).setns_by_pid(*pid).build();
                self.change_link(recorder, name, message)
            }
            NetOp::SetLink { name, rename, up, master } => {
                self.set_link(recorder, name, rename.as_deref(), *up, master.as_deref())
            }
            NetOp::DeleteLink { name } => {
                let message = LinkUnspec::new_with_index(index_of(name)?).build();
                let shown = format!("{}, {}", flag_names(CHANGE), link_text(&message, Some(name)));
                self.request(
                    recorder,
                    "RTM_DELLINK",
                    shown,
                    RouteNetlinkMessage::DelLink(message),
                    CHANGE,
                )
            }
            NetOp::AddAddress { dev, address, prefix } => {
                self.add_address(recorder, dev, *address, *prefix)
            }
            NetOp::AddRoute { to, via } => {
                let message = route(*to, *via);
                let shown = format!("{}, {}", flag_names(CREATE), route_text(&message));
                self.request(
                    recorder,
                    "RTM_NEWROUTE",
                    shown,
                    RouteNetlinkMessage::NewRoute(message),
                    CREATE,
                )
            }
            NetOp::DeleteRoute { to, via } => {
                let message = route(*to, *via);
                let shown = format!("{}, {}", flag_names(CHANGE), route_text(&message));
                self.request(
                    recorder,
                    "RTM_DELROUTE",
                    shown,
                    RouteNetlinkMessage::DelRoute(message),
                    CHANGE,
                )
            }
            NetOp::AddQdisc { dev, of } => {
                let message = RouteNetlinkMessage::NewQueueDiscipline(tc::htb_message(
                    index_of(dev)?,
                    of.qdisc(),
                ));
                let shown = format!("{}, {}", flag_names(CREATE), tc::htb_text(dev, of.qdisc()));
                self.request(recorder, "RTM_NEWQDISC", shown, message, CREATE)
            }
            NetOp::AddClass { dev, class, rate } => {
                let message = RouteNetlinkMessage::NewTrafficClass(tc::htb_class_message(
                    index_of(dev)?,
                    *class,
                    *rate,
                ));
                let shown =
                    format!("{}, {}", flag_names(CREATE), tc::htb_class_text(dev, *class, *rate));
                self.request(recorder, "RTM_NEWTCLASS", shown, message, CREATE)
            }
        }
    }

    /// A veth pair with its peer made in another network namespace: far cheaper than moving it there.
    pub fn add_veth_into(
        &mut self,
        name: &str,
        peer: &str,
        namespace: &OwnedFd,
        indexes: Option<VethIndexes>,
    ) -> Result<(), Errno> {
        let mut peer_message = LinkUnspec::new_with_name(peer).build();
        peer_message.attributes.push(LinkAttribute::NetNsFd(namespace.as_raw_fd()));
        // One queue spares a wait in the kernel: a pair takes 0.38 ms instead of 0.58.
        peer_message.attributes.push(LinkAttribute::NumTxQueues(1));
        peer_message.attributes.push(LinkAttribute::NumRxQueues(1));
        peer_message.header.index = indexes.map_or(0, |indexes| indexes.peer);

        let mut message = LinkVeth::new(name, peer)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(peer_message)))
            .build();
        message.attributes.push(LinkAttribute::NumTxQueues(1));
        message.attributes.push(LinkAttribute::NumRxQueues(1));
        message.header.index = indexes.map_or(0, |indexes| indexes.own);

        self.add_link(&mut Recorder::default(), message)
    }

    fn add_link(&mut self, recorder: &mut Recorder, message: LinkMessage) -> Result<(), Errno> {
        let shown = format!("{}, {}", flag_names(CREATE), link_text(&message, None));
        self.request(recorder, "RTM_NEWLINK", shown, RouteNetlinkMessage::NewLink(message), CREATE)
    }

    fn change_link(
        &mut self,
        recorder: &mut Recorder,
        name: &str,
        message: LinkMessage,
    ) -> Result<(), Errno> {
        let shown = format!("{}, {}", flag_names(CHANGE), link_text(&message, Some(name)));
        self.request(recorder, "RTM_NEWLINK", shown, RouteNetlinkMessage::NewLink(message), CHANGE)
    }

    fn set_link(
        &mut self,
        recorder: &mut Recorder,
        name: &str,
        rename: Option<&str>,
        up: Option<bool>,
        master: Option<&str>,
    ) -> Result<(), Errno> {
        let mut message = LinkUnspec::new_with_index(index_of(name)?);
        if let Some(new_name) = rename {
            message = message.name(new_name);
        }
        if let Some(bridge) = master {
            message = message.controller(index_of(bridge)?);
        }
        message = match up {
            Some(true) => message.up(),
            Some(false) => message.down(),
            None => message,
        };

        self.change_link(recorder, name, message.build())
    }

    fn add_address(
        &mut self,
        recorder: &mut Recorder,
        dev: &str,
        address: Ipv4Addr,
        prefix: u8,
    ) -> Result<(), Errno> {
        let message = AddressMessageBuilder::<Ipv4Addr>::new()
            .index(index_of(dev)?)
            .address(address, prefix)
            .build();
        let shown = format!("{}, {}", flag_names(CREATE), address_text(&message, dev));

        self.request(
            recorder,
            "RTM_NEWADDR",
            shown,
            RouteNetlinkMessage::NewAddress(message),
            CREATE,
        )
    }

    /// Send one request and wait for its acknowledgement.
    fn request(
        &mut self,
        recorder: &mut Recorder,
        name: &str,
        shown: String,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<(), Errno> {
        self.sequence += 1;
        let mut packet = NetlinkMessage::from(message);
        packet.header.flags = flags;
        packet.header.sequence_number = self.sequence;
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.serialize(&mut bytes);

        let started = Instant::now();
        let answer = self.exchange(&bytes);
        let nanos = started.elapsed().as_nanos() as u64;

        let result = match answer {
            Ok(()) => CallResult::Value(0),
            Err(errno) => CallResult::Errno(ErrnoName::from_raw(errno as i32)),
        };
        recorder.push(Call {
            kind: CallKind::Netlink,
            name: name.into(),
            args: shown,
            result,
            nanos,
        });
        answer
    }

    fn exchange(&self, bytes: &[u8]) -> Result<(), Errno> {
        let number = self.fd.as_raw_fd();
        retry_interrupted(|| nix::sys::socket::send(number, bytes, MsgFlags::empty()))?;

        let mut buffer = [0_u8; 8192];
        loop {
            let count = retry_interrupted(|| {
                nix::sys::socket::recv(number, &mut buffer, MsgFlags::empty())
            })?;
            let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&buffer[..count])
                .map_err(|_| Errno::EPROTO)?;
            if answer.header.sequence_number != self.sequence {
                continue;
            }
            if let NetlinkPayload::Error(error) = answer.payload {
                return match error.code {
                    None => Ok(()),
                    Some(code) => Err(Errno::from_raw(-code.get())),
                };
            }
        }
    }
}

/// Numbers for the two ends of a cable, instead of the kernel's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VethIndexes {
    pub own: u32,
    pub peer: u32,
}

fn highest_index() -> Result<u32, Errno> {
    let interfaces = nix::net::if_::if_nameindex()?;
    Ok(interfaces.iter().map(|interface| interface.index()).max().unwrap_or(0))
}

fn index_of(name: &str) -> Result<u32, Errno> {
    nix::net::if_::if_nametoindex(name)
}

fn route(to: Option<(Ipv4Addr, u8)>, via: Ipv4Addr) -> RouteMessage {
    let mut builder =
        RouteMessageBuilder::<Ipv4Addr>::new().gateway(via).protocol(RouteProtocol::Boot);
    if let Some((network, prefix)) = to {
        builder = builder.destination_prefix(network, prefix);
    }
    builder.build()
}

fn flag_names(flags: u16) -> &'static str {
    if flags & NLM_F_CREATE != 0 {
        "NLM_F_REQUEST|NLM_F_ACK|NLM_F_EXCL|NLM_F_CREATE"
    } else {
        "NLM_F_REQUEST|NLM_F_ACK"
    }
}

/// `{ifi_index=…, ifi_flags=…, ifi_change=…}, [attributes]`, the attributes as strace names them.
fn link_text(message: &LinkMessage, name: Option<&str>) -> String {
    let index = name.map_or_else(|| "0".into(), |name| format!("if_nametoindex({})", quoted(name)));
    let up = |flags: LinkFlags| if flags.contains(LinkFlags::Up) { "IFF_UP" } else { "0" };
    let change = message.header.change_mask.bits();
    let change = if change == 0 { "0".into() } else { format!("{change:#x}") };
    format!(
        "{{ifi_index={index}, ifi_flags={}, ifi_change={change}}}{}",
        up(message.header.flags),
        behind_comma(list(message.attributes.iter().map(link_attribute)))
    )
}

fn behind_comma(list: String) -> String {
    if list == "[]" { String::new() } else { format!(", {list}") }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

fn link_attribute(attribute: &LinkAttribute) -> String {
    match attribute {
        LinkAttribute::IfName(name) => format!("IFLA_IFNAME {}", quoted(name)),
        LinkAttribute::LinkInfo(infos) => {
            format!("IFLA_LINKINFO {}", list(infos.iter().map(link_info)))
        }
        LinkAttribute::Controller(index) => format!("IFLA_MASTER {index}"),
        LinkAttribute::NetNsPid(pid) => format!("IFLA_NET_NS_PID {pid}"),
        LinkAttribute::NetNsFd(fd) => format!("IFLA_NET_NS_FD {fd}"),
        LinkAttribute::NumTxQueues(count) => format!("IFLA_NUM_TX_QUEUES {count}"),
        LinkAttribute::NumRxQueues(count) => format!("IFLA_NUM_RX_QUEUES {count}"),
        other => format!("{other:?}"),
    }
}

fn link_info(info: &LinkInfo) -> String {
    match info {
        LinkInfo::Kind(InfoKind::Veth) => "IFLA_INFO_KIND \"veth\"".into(),
        LinkInfo::Kind(InfoKind::Bridge) => "IFLA_INFO_KIND \"bridge\"".into(),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))) => {
            format!(
                "IFLA_INFO_DATA [VETH_INFO_PEER {}]",
                list(peer.attributes.iter().map(link_attribute))
            )
        }
        other => format!("{other:?}"),
    }
}

fn address_text(message: &AddressMessage, dev: &str) -> String {
    let attributes = message.attributes.iter().map(|attribute| match attribute {
        AddressAttribute::Local(ip) => format!("IFA_LOCAL inet_addr(\"{ip}\")"),
        AddressAttribute::Address(ip) => format!("IFA_ADDRESS inet_addr(\"{ip}\")"),
        AddressAttribute::Broadcast(ip) => format!("IFA_BROADCAST inet_addr(\"{ip}\")"),
        other => format!("{other:?}"),
    });
    format!(
        "{{ifa_family=AF_INET, ifa_prefixlen={}, ifa_index=if_nametoindex({})}}, {}",
        message.header.prefix_len,
        quoted(dev),
        list(attributes)
    )
}

fn route_text(message: &RouteMessage) -> String {
    let inet = |address: &RouteAddress| match address {
        RouteAddress::Inet(ip) => format!("inet_addr(\"{ip}\")"),
        other => format!("{other:?}"),
    };
    let attributes = message.attributes.iter().map(|attribute| match attribute {
        RouteAttribute::Gateway(address) => format!("RTA_GATEWAY {}", inet(address)),
        RouteAttribute::Destination(address) => format!("RTA_DST {}", inet(address)),
        other => format!("{other:?}"),
    });

    format!(
        "{{rtm_family=AF_INET, rtm_dst_len={}, rtm_table=RT_TABLE_MAIN, rtm_protocol=RTPROT_BOOT}}, {}",
        message.header.destination_prefix_length,
        list(attributes)
    )
}
