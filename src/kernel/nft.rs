//! The one firewall rule a lab's host has, as docker sets it: masquerade what leaves the bridge's network.
//! nf_tables over netlink, from linux/netfilter/nf_tables.h; the crates for it are GPL or drive nft(8).

use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType};

const NFNL_MSG_BATCH_BEGIN: u16 = 0x10;
const NFNL_MSG_BATCH_END: u16 = 0x11;
const NFNL_SUBSYS_NFTABLES: u16 = 10;
const NFT_MSG_NEWTABLE: u16 = 0;
const NFT_MSG_NEWCHAIN: u16 = 3;
const NFT_MSG_NEWRULE: u16 = 6;
const NFPROTO_IPV4: u8 = 2;
const NESTED: u16 = 0x8000;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_APPEND: u16 = 0x800;

const TABLE: &[u8] = b"nat\0";
const CHAIN: &[u8] = b"POSTROUTING\0";

/// In the caller's network namespace: `nft add rule ip nat POSTROUTING ip saddr NETWORK oifname != BRIDGE masquerade`.
/// `ENOENT` or `EOPNOTSUPP` where the kernel lacks a part of it.
pub fn masquerade(network: Ipv4Addr, prefix: u8, bridge: &str) -> Result<(), Errno> {
    let mut batch = Vec::new();
    message(&mut batch, NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, 0, NFNL_SUBSYS_NFTABLES, &[]);
    message(&mut batch, kind(NFT_MSG_NEWTABLE), NLM_F_REQUEST | NLM_F_CREATE, 1, 0, &attribute(1, TABLE));
    message(&mut batch, kind(NFT_MSG_NEWCHAIN), NLM_F_REQUEST | NLM_F_CREATE, 2, 0, &chain());
    let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND;
    message(&mut batch, kind(NFT_MSG_NEWRULE), flags, 3, 0, &rule(network, prefix, bridge));
    message(&mut batch, NFNL_MSG_BATCH_END, NLM_F_REQUEST, 4, NFNL_SUBSYS_NFTABLES, &[]);

    let socket = nix::sys::socket::socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkNetFilter,
    )?;
    nix::sys::socket::send(socket.as_raw_fd(), &batch, MsgFlags::empty())?;
    let mut buffer = [0_u8; 4096];
    let count = nix::sys::socket::recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
    // nlmsghdr (16 bytes), then the error number of the acknowledgement.
    let number = buffer.get(16..20).filter(|_| count >= 20).ok_or(Errno::EPROTO)?;
    match i32::from_ne_bytes([number[0], number[1], number[2], number[3]]) {
        0 => Ok(()),
        negative => Err(Errno::from_raw(-negative)),
    }
}

fn kind(message: u16) -> u16 {
    NFNL_SUBSYS_NFTABLES << 8 | message
}

/// nlmsghdr, then nfgenmsg (family, version 0, resource id), then the attributes.
fn message(batch: &mut Vec<u8>, kind: u16, flags: u16, sequence: u32, resource: u16, attributes: &[u8]) {
    let length = 16 + 4 + attributes.len();
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
    bytes.extend_from_slice(&((value.len() + 4) as u16).to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn number(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_be_bytes())
}

fn nested(kind: u16, parts: &[Vec<u8>]) -> Vec<u8> {
    attribute(kind | NESTED, &parts.concat())
}

/// NFTA_CHAIN_*: table 1, name 3, hook 4 (number 1, priority 2), type 7.
fn chain() -> Vec<u8> {
    const NF_INET_POST_ROUTING: u32 = 4;
    const PRIORITY_SRCNAT: u32 = 100;
    [
        attribute(1, TABLE),
        attribute(3, CHAIN),
        nested(4, &[number(1, NF_INET_POST_ROUTING), number(2, PRIORITY_SRCNAT)]),
        attribute(7, b"nat\0"),
    ]
    .concat()
}

/// NFTA_RULE_*: table 1, chain 2, expressions 4.
fn rule(network: Ipv4Addr, prefix: u8, bridge: &str) -> Vec<u8> {
    const REGISTER: u32 = 1;
    const NFT_PAYLOAD_NETWORK_HEADER: u32 = 1;
    const SOURCE_ADDRESS_AT: u32 = 12;
    const NFT_META_OIFNAME: u32 = 7;
    const EQUAL: u32 = 0;
    const NOT_EQUAL: u32 = 1;
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0).to_be_bytes();
    let mut name = bridge.as_bytes().to_vec();
    name.resize(16, 0);
    let value = |kind: u16, bytes: &[u8]| nested(kind, &[attribute(1, bytes)]);
    let expressions = [
        // payload: dreg 1, base 2, offset 3, length 4
        expression(
            b"payload\0",
            &[number(1, REGISTER), number(2, NFT_PAYLOAD_NETWORK_HEADER), number(3, SOURCE_ADDRESS_AT), number(4, 4)],
        ),
        // bitwise: sreg 1, dreg 2, length 3, mask 4, xor 5
        expression(
            b"bitwise\0",
            &[number(1, REGISTER), number(2, REGISTER), number(3, 4), value(4, &mask), value(5, &[0; 4])],
        ),
        // cmp: sreg 1, op 2, data 3
        expression(b"cmp\0", &[number(1, REGISTER), number(2, EQUAL), value(3, &network.octets())]),
        // meta: dreg 1, key 2
        expression(b"meta\0", &[number(1, REGISTER), number(2, NFT_META_OIFNAME)]),
        expression(b"cmp\0", &[number(1, REGISTER), number(2, NOT_EQUAL), value(3, &name)]),
        expression(b"masq\0", &[]),
    ];
    [attribute(1, TABLE), attribute(2, CHAIN), nested(4, &expressions)].concat()
}

/// A list element (1) of an expression's name (1) and data (2).
fn expression(name: &[u8], data: &[Vec<u8>]) -> Vec<u8> {
    nested(1, &[attribute(1, name), nested(2, data)])
}
