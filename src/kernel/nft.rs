//! Firewall rules: nf_tables over netlink, from linux/netfilter/nf_tables.h; the crates for it are GPL or drive
//! nft(8). A rule is a list of expressions on a register; here they are functions to compose.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType};

use super::nf_tables::*;
use super::notation::quoted;
use super::record::{Recorder, retry_interrupted};
use crate::call::{Call, CallKind, CallResult, ErrnoName};
use crate::traffic::{PacketHook, PacketRule, PacketSender, PortRule, PortVerdict};

// libc has most of these as C's int: in a message they are of 8 and 16 bits.
const NFNL_MSG_BATCH_BEGIN: u16 = libc::NFNL_MSG_BATCH_BEGIN as u16;
const NFNL_MSG_BATCH_END: u16 = libc::NFNL_MSG_BATCH_END as u16;
const NFNL_SUBSYS_NFTABLES: u16 = libc::NFNL_SUBSYS_NFTABLES as u16;
const NFPROTO_IPV4: u8 = libc::NFPROTO_IPV4 as u8;
const NLM_F_REQUEST: u16 = libc::NLM_F_REQUEST as u16;
const NLM_F_ACK: u16 = libc::NLM_F_ACK as u16;
const NLM_F_CREATE: u16 = libc::NLM_F_CREATE as u16;
const NLM_F_APPEND: u16 = libc::NLM_F_APPEND as u16;
/// The flag of an attribute that holds attributes.
const NESTED: u16 = libc::NLA_F_NESTED as u16;
/// The lengths of a struct nlmsghdr, and of the struct nfgenmsg that begins each of netfilter's messages.
const HEADER: usize = size_of::<libc::nlmsghdr>();
const NETFILTER_HEADER: usize = 4;
/// The length of a struct nlattr.
const ATTRIBUTE_HEADER: usize = size_of::<libc::nlattr>();
/// The bytes of an IPv4 address, and their place in a packet's header: RFC 791.
const ADDRESS: u32 = 4;
const SOURCE_ADDRESS: u32 = 12;
/// The priority of source NAT among the chains of a hook: NF_IP_PRI_NAT_SRC, as docker's chain has it.
const PRIORITY_NAT_SOURCE: i32 = 100;

/// A netfilter socket of the caller's network namespace.
pub fn open_socket() -> Result<OwnedFd, Errno> {
    nix::sys::socket::socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkNetFilter,
    )
}

/// The one rule a lab's host has from the start, as docker sets it: masquerade what leaves the bridge's network.
/// `nft add rule ip nat POSTROUTING ip saddr NETWORK oifname != BRIDGE masquerade`.
/// `ENOENT` or `EOPNOTSUPP` where the kernel lacks a part of it.
pub fn masquerade(network: Ipv4Addr, prefix: u8, bridge: &str) -> Result<(), Errno> {
    const NAT: Chain = Chain {
        table: "nat",
        name: "POSTROUTING",
        kind: "nat",
        hook: libc::NF_INET_POST_ROUTING as u32,
        priority: PRIORITY_NAT_SOURCE,
    };
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0).to_be_bytes();
    let mut name = bridge.as_bytes().to_vec();
    // The kernel compares all of IFNAMSIZ bytes: without the zeros, every name that begins so would be this one.
    name.resize(libc::IFNAMSIZ, 0);

    let rule = [
        source_address(),
        and(mask),
        compare(Is::Equal, &network.octets()),
        load_meta(Meta::OutputName),
        compare(Is::NotEqual, &name),
        expression("masq", &[]),
    ];

    add(&mut Recorder::default(), &NAT, &rule, "")
}

/// The chain for the rules of lessons: it sees what this namespace's own sockets send.
const OUT: Chain = Chain {
    table: "unboxed",
    name: "out",
    kind: "filter",
    hook: libc::NF_INET_LOCAL_OUT as u32,
    priority: libc::NF_IP_PRI_FILTER,
};

/// Add a rule in the caller's network namespace:
/// `nft add rule ip unboxed out WHOSE counter [meta priority set CLASS]`.
pub fn add_packet_rule(recorder: &mut Recorder, rule: &PacketRule) -> Result<(), Errno> {
    let (mut expressions, mut shown) = match &rule.of {
        PacketSender::Class(class) => {
            let whose = [load_meta(Meta::Cgroup), compare(Is::Equal, &class.0.to_ne_bytes())];
            (whose.to_vec(), format!("meta cgroup {:#x}", class.0))
        }
        PacketSender::Group { path, level } => {
            // The number of a v2 group is that of its directory.
            let id = recorder.call_with_late_args(
                "stat",
                || {
                    std::fs::metadata(path)
                        .map(|group| Inode(group.ino()))
                        .map_err(super::errno::to_errno)
                },
                |group| match group {
                    Ok(group) => format!("{}, {{st_ino={}}}", quoted(path), group.0),
                    Err(_) => quoted(path),
                },
            )?;
            let whose = [load_socket_group(*level), compare(Is::Equal, &id.0.to_ne_bytes())];
            (whose.to_vec(), format!("socket cgroupv2 level {level} {}", id.0))
        }
    };

    expressions.push(expression("counter", &[]));
    shown.push_str(" counter");
    if let Some(class) = rule.class {
        expressions.extend([immediate(&class.0.to_ne_bytes()), set_meta(Meta::Priority)]);
        shown.push_str(&format!(" meta priority set {class}"));
    }

    add(recorder, &OUT, &expressions, &shown)
}

/// Add a rule for a port in the caller's network namespace: `nft add rule ip TABLE CHAIN tcp dport PORT …`.
/// `ENOENT` or `EOPNOTSUPP` where the kernel lacks a part of it.
pub fn add_port_rule(recorder: &mut Recorder, rule: &PortRule) -> Result<(), Errno> {
    let hook = match rule.at {
        PacketHook::Prerouting => libc::NF_INET_PRE_ROUTING,
        PacketHook::Input => libc::NF_INET_LOCAL_IN,
        PacketHook::Forward => libc::NF_INET_FORWARD,
        PacketHook::Output => libc::NF_INET_LOCAL_OUT,
    };
    let (table, name) = rule.place();
    let chain = Chain { table, name, kind: table, hook: hook as u32, priority: rule.priority() };

    let mut expressions = vec![
        load_meta(Meta::Protocol),
        compare(Is::Equal, &[libc::IPPROTO_TCP as u8]),
        destination_port(),
        compare(Is::Equal, &rule.port.to_be_bytes()),
    ];
    match rule.then {
        PortVerdict::SendTo(to) => expressions.extend([
            immediate(&to.ip().octets()),
            immediate_in(SECOND_REGISTER, &to.port().to_be_bytes()),
            destination_nat(),
        ]),
        PortVerdict::Drop => expressions.push(drop_packet()),
    }
    add(recorder, &chain, &expressions, &rule.to_string())
}

/// An inode's number, which `stat` returns in a buffer and not as its value.
struct Inode(u64);

impl super::record::ReturnValue for Inode {
    fn number(&self) -> i64 {
        0
    }
}

/// A base chain in a table of its own, by the numbers of linux/netfilter.h.
struct Chain {
    table: &'static str,
    name: &'static str,
    kind: &'static str,
    hook: u32,
    priority: i32,
}

/// Add a rule, with its table and chain where they are not there yet: one transaction, three answers.
fn add(
    recorder: &mut Recorder,
    chain: &Chain,
    expressions: &[Vec<u8>],
    shown: &str,
) -> Result<(), Errno> {
    const NFT_MSG_NEWTABLE: u16 = libc::NFT_MSG_NEWTABLE as u16;
    const NFT_MSG_NEWCHAIN: u16 = libc::NFT_MSG_NEWCHAIN as u16;
    const NFT_MSG_NEWRULE: u16 = libc::NFT_MSG_NEWRULE as u16;
    let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
    let hook = [
        number(NFTA_HOOK_HOOKNUM, chain.hook),
        number(NFTA_HOOK_PRIORITY, chain.priority.cast_unsigned()),
    ];
    let new_chain = [
        text(NFTA_CHAIN_TABLE, chain.table),
        text(NFTA_CHAIN_NAME, chain.name),
        nested(NFTA_CHAIN_HOOK, &hook),
        text(NFTA_CHAIN_TYPE, chain.kind),
    ];
    let new_rule = [
        text(NFTA_RULE_TABLE, chain.table),
        text(NFTA_RULE_CHAIN, chain.name),
        nested(NFTA_RULE_EXPRESSIONS, expressions),
    ];
    let (own_table, own_name) = (quoted(chain.table), quoted(chain.name));
    let requests = [
        (
            "NFT_MSG_NEWTABLE",
            format!("NFTA_TABLE_NAME {own_table}"),
            NFT_MSG_NEWTABLE,
            flags,
            text(NFTA_TABLE_NAME, chain.table),
        ),
        (
            "NFT_MSG_NEWCHAIN",
            format!(
                "NFTA_CHAIN_TABLE {own_table}, NFTA_CHAIN_NAME {own_name}, NFTA_CHAIN_HOOK {{{}, {}}}, NFTA_CHAIN_TYPE {}",
                hook_name(chain.hook),
                chain.priority,
                quoted(chain.kind)
            ),
            NFT_MSG_NEWCHAIN,
            flags,
            new_chain.concat(),
        ),
        (
            "NFT_MSG_NEWRULE",
            format!(
                "NFTA_RULE_TABLE {own_table}, NFTA_RULE_CHAIN {own_name}, NFTA_RULE_EXPRESSIONS {{{shown}}}"
            ),
            NFT_MSG_NEWRULE,
            flags | NLM_F_APPEND,
            new_rule.concat(),
        ),
    ];

    // What is new is only seen once the batch has ended, and all of it or nothing: a chain without its rule, or a rule twice
    // because a table was there already, can't be.
    let mut batch = Vec::new();
    // Answers are told apart by sequence: 1 to 3 are the requests, 0 and 9 the ends of the batch.
    message(&mut batch, NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, 0, NFNL_SUBSYS_NFTABLES, &[]);
    for (sequence, (_, _, kind, flags, attributes)) in (1..).zip(&requests) {
        message(&mut batch, NFNL_SUBSYS_NFTABLES << 8 | kind, *flags, sequence, 0, attributes);
    }
    message(&mut batch, NFNL_MSG_BATCH_END, NLM_F_REQUEST, 9, NFNL_SUBSYS_NFTABLES, &[]);

    let socket = open_socket()?;
    let started = Instant::now();
    retry_interrupted(|| nix::sys::socket::send(socket.as_raw_fd(), &batch, MsgFlags::empty()))?;
    let mut answers = [None; 3];
    while answers.contains(&None) {
        for (sequence, error) in receive(&socket)? {
            match sequence.checked_sub(1).and_then(|at| answers.get_mut(at as usize)) {
                Some(answer) => *answer = Some(error),
                // The whole batch was refused.
                None if error != 0 => return Err(Errno::from_raw(error)),
                None => {}
            }
        }
    }

    let nanos = started.elapsed().as_nanos() as u64 / answers.len() as u64;
    let mut failed = Ok(());
    for ((name, attributes, _, flags, _), error) in
        requests.into_iter().zip(answers.into_iter().flatten())
    {
        let append = if flags & NLM_F_APPEND != 0 { "|NLM_F_APPEND" } else { "" };
        let args = format!(
            "NLM_F_REQUEST|NLM_F_ACK|NLM_F_CREATE{append}, {{nfgen_family=AF_INET}}, [{attributes}]"
        );
        let result = match error {
            0 => CallResult::Value(0),
            error => CallResult::Errno(ErrnoName::from_raw(error)),
        };
        recorder.push(Call { kind: CallKind::Netlink, name: name.into(), args, result, nanos });
        if error != 0 {
            // The first refusal is the reason: without its table a chain is refused as well.
            failed = failed.and(Err(Errno::from_raw(error)));
        }
    }
    failed
}

fn hook_name(hook: u32) -> &'static str {
    const NAMES: [&str; 5] = ["prerouting", "input", "forward", "output", "postrouting"];
    NAMES.get(hook as usize).copied().unwrap_or("?")
}

/// Sequence and error number of every acknowledgement in one datagram.
fn receive(socket: &OwnedFd) -> Result<Vec<(u32, i32)>, Errno> {
    let mut buffer = [0_u8; 8192];
    let count = retry_interrupted(|| {
        nix::sys::socket::recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())
    })?;

    let mut rest = &buffer[..count];
    let mut found = Vec::new();
    // nlmsghdr: length, type, flags, sequence (at 8), port; then the negative error number (at 16).
    let word = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4).and_then(|word| <[u8; 4]>::try_from(word).ok())
    };
    while let (Some(length), Some(sequence), Some(error)) =
        (word(rest, 0), word(rest, 8), word(rest, 16))
    {
        found.push((u32::from_ne_bytes(sequence), -i32::from_ne_bytes(error)));
        // A length that is none must not have this turn for ever.
        let length = (u32::from_ne_bytes(length) as usize).max(HEADER + 4).next_multiple_of(4);
        rest = rest.get(length..).unwrap_or_default();
    }

    if found.is_empty() { Err(Errno::EPROTO) } else { Ok(found) }
}

/// nlmsghdr, then nfgenmsg (family, version 0, resource id), then the attributes.
fn message(
    batch: &mut Vec<u8>,
    kind: u16,
    flags: u16,
    sequence: u32,
    resource: u16,
    attributes: &[u8],
) {
    let length = HEADER + NETFILTER_HEADER + attributes.len();
    // The messages around a batch have the subsystem as their resource, and no family.
    let family = if resource == 0 { NFPROTO_IPV4 } else { 0 };

    batch.extend_from_slice(&(length as u32).to_ne_bytes());
    batch.extend_from_slice(&kind.to_ne_bytes());
    batch.extend_from_slice(&flags.to_ne_bytes());
    batch.extend_from_slice(&sequence.to_ne_bytes());
    batch.extend_from_slice(&0_u32.to_ne_bytes());
    batch.extend_from_slice(&[family, 0]);
    batch.extend_from_slice(&resource.to_be_bytes());
    batch.extend_from_slice(attributes);
}

/// One attribute, padded to four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len() + 8);
    bytes.extend_from_slice(&((value.len() + ATTRIBUTE_HEADER) as u16).to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Numbers of nf_tables are in network order, unlike those of all other families of netlink.
fn number(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_be_bytes())
}

fn text(kind: u16, value: &str) -> Vec<u8> {
    attribute(kind, format!("{value}\0").as_bytes())
}

fn nested(kind: u16, parts: &[Vec<u8>]) -> Vec<u8> {
    attribute(kind | NESTED, &parts.concat())
}

/// The register that every expression here works on.
const REGISTER: u32 = libc::NFT_REG_1 as u32;
/// The one for a port beside an address.
const SECOND_REGISTER: u32 = libc::NFT_REG_2 as u32;

/// An expression: one element of a rule's list.
fn expression(name: &str, data: &[Vec<u8>]) -> Vec<u8> {
    nested(NFTA_LIST_ELEM, &[text(NFTA_EXPR_NAME, name), nested(NFTA_EXPR_DATA, data)])
}

/// Bytes to compare with, or to load.
fn value(kind: u16, bytes: &[u8]) -> Vec<u8> {
    nested(kind, &[attribute(NFTA_DATA_VALUE, bytes)])
}

/// Load the address that a packet is from.
fn source_address() -> Vec<u8> {
    payload(libc::NFT_PAYLOAD_NETWORK_HEADER as u32, SOURCE_ADDRESS, ADDRESS)
}

/// Load the port that a packet is for: RFC 9293.
fn destination_port() -> Vec<u8> {
    const DESTINATION_PORT: u32 = 2;
    payload(libc::NFT_PAYLOAD_TRANSPORT_HEADER as u32, DESTINATION_PORT, size_of::<u16>() as u32)
}

/// Load bytes of a packet, counted from where one of its headers begins.
fn payload(header: u32, offset: u32, length: u32) -> Vec<u8> {
    let parts = [
        number(NFTA_PAYLOAD_DREG, REGISTER),
        number(NFTA_PAYLOAD_BASE, header),
        number(NFTA_PAYLOAD_OFFSET, offset),
        number(NFTA_PAYLOAD_LEN, length),
    ];
    expression("payload", &parts)
}

/// Send the packet to the address in the one register and the port in the other.
fn destination_nat() -> Vec<u8> {
    let parts = [
        number(NFTA_NAT_TYPE, NFT_NAT_DNAT),
        number(NFTA_NAT_FAMILY, u32::from(NFPROTO_IPV4)),
        number(NFTA_NAT_REG_ADDR_MIN, REGISTER),
        number(NFTA_NAT_REG_PROTO_MIN, SECOND_REGISTER),
    ];
    expression("nat", &parts)
}

/// The verdict that ends a packet's way.
fn drop_packet() -> Vec<u8> {
    let code = number(NFTA_VERDICT_CODE, libc::NF_DROP as u32);
    let verdict = nested(NFTA_IMMEDIATE_DATA, &[nested(NFTA_DATA_VERDICT, &[code])]);
    let register = number(NFTA_IMMEDIATE_DREG, libc::NFT_REG_VERDICT as u32);
    expression("immediate", &[register, verdict])
}

/// Keep these bits of an address. The kernel has one expression, `(register & mask) ^ xor`, for all that is done to bits.
fn and(mask: [u8; 4]) -> Vec<u8> {
    let parts = [
        number(NFTA_BITWISE_SREG, REGISTER),
        number(NFTA_BITWISE_DREG, REGISTER),
        number(NFTA_BITWISE_LEN, ADDRESS),
        value(NFTA_BITWISE_MASK, &mask),
        value(NFTA_BITWISE_XOR, &[0; 4]),
    ];
    expression("bitwise", &parts)
}

/// NFT_CMP_*.
#[derive(Clone, Copy)]
enum Is {
    Equal = libc::NFT_CMP_EQ as isize,
    NotEqual = libc::NFT_CMP_NEQ as isize,
}

/// End the rule here for a packet of which this is not so.
fn compare(is: Is, bytes: &[u8]) -> Vec<u8> {
    let parts = [
        number(NFTA_CMP_SREG, REGISTER),
        number(NFTA_CMP_OP, is as u32),
        value(NFTA_CMP_DATA, bytes),
    ];
    expression("cmp", &parts)
}

/// NFT_META_*: what is known of a packet besides its bytes.
#[derive(Clone, Copy)]
enum Meta {
    Priority = libc::NFT_META_PRIORITY as isize,
    OutputName = libc::NFT_META_OIFNAME as isize,
    Cgroup = libc::NFT_META_CGROUP as isize,
    Protocol = libc::NFT_META_L4PROTO as isize,
}

// One expression does both: a register to write to makes it load, one to read from makes it set.
fn load_meta(key: Meta) -> Vec<u8> {
    expression("meta", &[number(NFTA_META_DREG, REGISTER), number(NFTA_META_KEY, key as u32)])
}

fn set_meta(key: Meta) -> Vec<u8> {
    expression("meta", &[number(NFTA_META_KEY, key as u32), number(NFTA_META_SREG, REGISTER)])
}

/// Load the number of the group that the packet's socket is of, so many levels below the top of the v2 tree: a rule for
/// a group means those below it as well.
fn load_socket_group(level: u32) -> Vec<u8> {
    let parts = [
        number(NFTA_SOCKET_KEY, NFT_SOCKET_CGROUPV2),
        number(NFTA_SOCKET_DREG, REGISTER),
        number(NFTA_SOCKET_LEVEL, level),
    ];
    expression("socket", &parts)
}

fn immediate(bytes: &[u8]) -> Vec<u8> {
    immediate_in(REGISTER, bytes)
}

fn immediate_in(register: u32, bytes: &[u8]) -> Vec<u8> {
    let parts = [number(NFTA_IMMEDIATE_DREG, register), value(NFTA_IMMEDIATE_DATA, bytes)];
    expression("immediate", &parts)
}
