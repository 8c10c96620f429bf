//! Firewall rules of one network namespace, by a dump on its netfilter socket, in the words of nft(8): those that count
//! are traffic, the others are told with what they do.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;

use super::attributes::{each, find, number, text};
use super::bounds;
use super::dump::{Dumper, HEADER_BYTES};
use super::netlink::NamespaceShare;
use crate::kernel::nf_tables::*;
use crate::snapshot::{FirewallRule, Network, Omitted, RuleEffect, Traffic};
use crate::traffic::ClassId;

/// The rules, table by table, in the order they are asked in: those that count behind the disciplines, in one list of
/// so many rows. `group` names a v2 group by its number.
pub fn read(
    network: &mut Network,
    socket: &OwnedFd,
    mut share: NamespaceShare,
    group: &impl Fn(u64) -> Option<String>,
) {
    // A message's type has its subsystem in the upper byte.
    const GET_RULE: u16 = (libc::NFNL_SUBSYS_NFTABLES << 8 | libc::NFT_MSG_GETRULE) as u16;

    let is_known = |body: &[u8]| rule(body, group).is_some();
    // A struct nfgenmsg; family 0 is all of them.
    let list = Dumper::new(socket, share.rows, &mut share.bytes).list(
        GET_RULE,
        &[0; 4],
        is_known,
        |message| rule(message.get(HEADER_BYTES..)?, group),
    );
    let Some(list) = list else {
        network.omitted.traffic = network.omitted.traffic.plus(Omitted::Uncounted);
        return;
    };

    network.rules.clear();
    for rule in list.rows {
        match rule {
            Rule::Counting(traffic) => network.traffic.push(traffic),
            Rule::Other(rule) => network.rules.push(rule),
        }
    }
    let cut = Omitted::rows(network.traffic.len().saturating_sub(share.rows));
    network.traffic.truncate(share.rows);
    network.omitted.traffic = network.omitted.traffic.plus(list.omitted).plus(cut);
}

enum Rule {
    Counting(Traffic),
    Other(FirewallRule),
}

fn rule(body: &[u8], group: &impl Fn(u64) -> Option<String>) -> Option<Rule> {
    let family = match i32::from(*body.first()?) {
        libc::NFPROTO_INET => "inet",
        libc::NFPROTO_IPV4 => "ip",
        libc::NFPROTO_IPV6 => "ip6",
        _ => return None,
    };
    let attributes = body.get(4..)?;
    let (table, name) = (text(attributes, NFTA_RULE_TABLE)?, text(attributes, NFTA_RULE_CHAIN)?);

    let mut reader = RuleReader::default();
    for (_, expression) in each(find(attributes, NFTA_RULE_EXPRESSIONS)?) {
        let name = text(expression, NFTA_EXPR_NAME)?;
        let data = find(expression, NFTA_EXPR_DATA).unwrap_or_default();
        if reader.add(name, data, group).is_none() {
            reader.words.push(format!("[{name}]"));
        }
    }

    let RuleReader { mut words, effect, counts, .. } = reader;
    words.push(format!("in {family} {table} {name}"));
    let mut text = words.join(" ");
    // A rule has up to 128 expressions.
    if let Some((end, _)) = text.char_indices().nth(bounds::MAX_RULE_LETTERS) {
        text.truncate(end);
        text.push('…');
    }

    Some(match counts {
        Some((packets, bytes)) => Rule::Counting(Traffic { text, packets, bytes }),
        None => Rule::Other(FirewallRule { effect, text }),
    })
}

/// The expressions of a rule, one after the other: what an earlier one loaded, a later one compares or uses.
#[derive(Default)]
struct RuleReader {
    words: Vec<String>,
    effect: RuleEffect,
    counts: Option<(u64, u64)>,
    asked: PacketProperty,
    /// The bits of it that are looked at.
    mask: Option<u32>,
    /// Values by register.
    loaded: HashMap<u32, Vec<u8>>,
    protocol: Option<&'static str>,
}

impl RuleReader {
    /// None for an expression that is not understood.
    fn add(
        &mut self,
        name: &str,
        data: &[u8],
        group: &impl Fn(u64) -> Option<String>,
    ) -> Option<()> {
        let value = |kind| find(data, kind).and_then(|data| find(data, NFTA_DATA_VALUE));
        match name {
            "meta" => return self.add_meta(data),
            "socket" => {
                let is_group = number(data, NFTA_SOCKET_KEY)? == NFT_SOCKET_CGROUPV2;
                let level = number(data, NFTA_SOCKET_LEVEL).filter(|_| is_group)?;
                self.ask(PacketProperty::Group { level });
            }
            "payload" => {
                let place = [NFTA_PAYLOAD_BASE, NFTA_PAYLOAD_OFFSET].map(|kind| number(data, kind));
                self.ask(PacketProperty::in_packet(place[0]?, place[1]?)?);
            }
            "bitwise" => {
                let mask = <[u8; 4]>::try_from(value(NFTA_BITWISE_MASK)?).ok()?;
                self.mask = Some(u32::from_be_bytes(mask));
            }
            "cmp" => {
                let is = match i32::try_from(number(data, NFTA_CMP_OP)?).ok()? {
                    libc::NFT_CMP_EQ => "",
                    libc::NFT_CMP_NEQ => "!= ",
                    _ => return None,
                };
                let word = self.compared(is, value(NFTA_CMP_DATA)?, group);
                self.words.extend(word);
            }
            "immediate" => return self.add_immediate(data),
            "counter" => {
                let big = |kind| Some(u64::from_be_bytes(find(data, kind)?.try_into().ok()?));
                self.counts = Some((big(NFTA_COUNTER_PACKETS)?, big(NFTA_COUNTER_BYTES)?));
                self.words.push("counter".into());
            }
            "masq" => {
                self.effect = RuleEffect::SourceNat;
                self.words.push("masquerade".into());
            }
            "nat" => return self.add_nat(data),
            _ => return None,
        }
        Some(())
    }

    fn ask(&mut self, property: PacketProperty) {
        (self.asked, self.mask) = (property, None);
    }

    fn add_meta(&mut self, data: &[u8]) -> Option<()> {
        let key = number(data, NFTA_META_KEY).map(|key| key as i32)?;
        // It loads what it has a register to write to for, and sets what it has one to read from for.
        let loads = number(data, NFTA_META_DREG).is_some();
        let source = number(data, NFTA_META_SREG).filter(|_| !loads);
        match (key, source) {
            (libc::NFT_META_CGROUP, None) => self.ask(PacketProperty::Classid),
            (libc::NFT_META_OIFNAME, None) => self.ask(PacketProperty::Device("oifname")),
            (libc::NFT_META_IIFNAME, None) => self.ask(PacketProperty::Device("iifname")),
            (libc::NFT_META_L4PROTO, None) => self.ask(PacketProperty::Protocol),
            (libc::NFT_META_PRIORITY, Some(register)) => {
                let bytes = <[u8; 4]>::try_from(self.loaded.get(&register)?.as_slice()).ok()?;
                let class = ClassId(u32::from_ne_bytes(bytes));
                self.words.push(format!("meta priority set {class}"));
            }
            _ => return None,
        }
        Some(())
    }

    /// A value for a later expression, or the rule's verdict.
    fn add_immediate(&mut self, data: &[u8]) -> Option<()> {
        let register = number(data, NFTA_IMMEDIATE_DREG)?;
        let content = find(data, NFTA_IMMEDIATE_DATA)?;
        if let Some(bytes) = find(content, NFTA_DATA_VALUE) {
            self.loaded.insert(register, bytes.to_vec());
            return Some(());
        }

        let verdict = find(content, NFTA_DATA_VERDICT)?;
        let chain = || text(verdict, NFTA_VERDICT_CHAIN).unwrap_or_default();
        let word = match number(verdict, NFTA_VERDICT_CODE)? as i32 {
            libc::NF_DROP => {
                self.effect = RuleEffect::Drop;
                "drop".into()
            }
            libc::NF_ACCEPT => "accept".into(),
            libc::NFT_RETURN => "return".into(),
            libc::NFT_JUMP => format!("jump {}", chain()),
            libc::NFT_GOTO => format!("goto {}", chain()),
            _ => return None,
        };
        self.words.push(word);
        Some(())
    }

    fn add_nat(&mut self, data: &[u8]) -> Option<()> {
        let (effect, word) = match number(data, NFTA_NAT_TYPE)? {
            0 => (RuleEffect::SourceNat, "snat"),
            1 => (RuleEffect::DestinationNat, "dnat"),
            _ => return None,
        };
        self.effect = effect;
        let of_register = |kind| self.loaded.get(&number(data, kind)?);
        let address = of_register(NFTA_NAT_REG_ADDR_MIN).and_then(|bytes| ip(bytes));
        let port = of_register(NFTA_NAT_REG_PROTO_MIN).and_then(|bytes| port(bytes));
        let to = match (address, port) {
            (Some(ip), Some(port)) => format!(" to {ip}:{port}"),
            (Some(ip), None) => format!(" to {ip}"),
            (None, Some(port)) => format!(" to :{port}"),
            (None, None) => String::new(),
        };
        self.words.push(format!("{word}{to}"));
        Some(())
    }

    /// The comparison with a value, in nft(8)'s words. None where it goes into the words of the next one.
    fn compared(
        &mut self,
        is: &str,
        bytes: &[u8],
        group: &impl Fn(u64) -> Option<String>,
    ) -> Option<String> {
        // A classid has 4 bytes, the number of a group 8.
        let small = <[u8; 4]>::try_from(bytes).map(u32::from_ne_bytes);
        let large = <[u8; 8]>::try_from(bytes).map(u64::from_ne_bytes);
        let words = match self.asked {
            PacketProperty::Classid => format!("meta cgroup {is}{}", small.ok()?),
            PacketProperty::Group { level } => {
                let id = large.ok()?;
                let name = group(id).map_or_else(|| id.to_string(), |name| format!("\"{name}\""));
                format!("socket cgroupv2 level {level} {is}{name}")
            }
            PacketProperty::Device(which) => {
                let name = String::from_utf8_lossy(bytes);
                format!("{which} {is}\"{}\"", name.trim_end_matches('\0'))
            }
            PacketProperty::Address(which) => {
                let (ip, prefix) = (ip(bytes)?, self.prefix(bytes.len()));
                let prefix = if prefix == 32 { String::new() } else { format!("/{prefix}") };
                format!("ip {which} {is}{ip}{prefix}")
            }
            PacketProperty::Protocol => {
                let word = match bytes {
                    [6] => "tcp",
                    [17] => "udp",
                    [1] => "icmp",
                    _ => return Some("[cmp]".into()),
                };
                self.protocol = Some(word);
                return None;
            }
            PacketProperty::Port(which) => {
                let protocol = self.protocol.unwrap_or("th");
                format!("{protocol} {which} {is}{}", port(bytes)?)
            }
            PacketProperty::Other => "[cmp]".into(),
        };
        Some(words)
    }

    /// The bits of an address that are compared: by a mask, or since no more of them were loaded.
    fn prefix(&self, bytes: usize) -> u32 {
        self.mask.map_or(8 * bytes.min(4) as u32, u32::count_ones)
    }
}

/// An address, of which the last bytes may not have been loaded.
fn ip(bytes: &[u8]) -> Option<Ipv4Addr> {
    let mut whole = [0; 4];
    whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(whole.into())
}

fn port(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(..2)?.try_into().ok()?))
}

/// The property of a packet that a rule asked for.
#[derive(Clone, Copy, Default)]
enum PacketProperty {
    Classid,
    Group {
        level: u32,
    },
    /// The name of a device that it comes in or goes out by.
    Device(&'static str),
    Address(&'static str),
    Protocol,
    Port(&'static str),
    #[default]
    Other,
}

impl PacketProperty {
    /// A field of a header, by where it begins.
    fn in_packet(base: u32, offset: u32) -> Option<PacketProperty> {
        const NETWORK: u32 = libc::NFT_PAYLOAD_NETWORK_HEADER as u32;
        const TRANSPORT: u32 = libc::NFT_PAYLOAD_TRANSPORT_HEADER as u32;
        match (base, offset) {
            (NETWORK, 12) => Some(PacketProperty::Address("saddr")),
            (NETWORK, 16) => Some(PacketProperty::Address("daddr")),
            (TRANSPORT, 0) => Some(PacketProperty::Port("sport")),
            (TRANSPORT, 2) => Some(PacketProperty::Port("dport")),
            _ => None,
        }
    }
}
