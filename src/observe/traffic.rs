//! The packets on their way out of one network namespace: queueing disciplines and their classes, by dumps on its
//! netlink socket, and firewall rules that count, by one on its netfilter socket. Told in the words of tc(8) and
//! nft(8).

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "netlink's enums are foreign, and grow with the kernel: what a lab shows is picked out"
)]

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use rtnetlink::packet_core::Nla;
use rtnetlink::packet_route::RouteNetlinkMessage as Message;
use rtnetlink::packet_route::tc::{TcAttribute, TcHandle, TcMessage, TcOption, TcStats2};

use super::bounds;
use super::dump::{Dumper, HEADER_BYTES, ListStart};
use super::netlink::{NamespaceShare, route_list};
use crate::kernel::nf_tables::*;
use crate::snapshot::{Network, Omitted, Traffic};
use crate::traffic::{ClassId, Rate};

/// Queueing disciplines that somebody set up (the kernel's own have no number), each with its classes.
pub fn read_disciplines(
    dumper: &mut Dumper<'_>,
    name: &impl Fn(u32) -> String,
) -> Option<ListStart<Traffic>> {
    let all = Message::GetQueueDiscipline(TcMessage::default());
    let qdiscs = route_list(
        dumper,
        all,
        |body| major(body) != 0,
        |message| match message {
            Message::NewQueueDiscipline(qdisc) => Some(qdisc),
            _ => None,
        },
    )?;

    let mut found = ListStart { rows: Vec::new(), omitted: qdiscs.omitted };
    let mut classes_of: HashMap<i32, Vec<TcMessage>> = HashMap::new();
    for qdisc in &qdiscs.rows {
        let index = qdisc.header.index;
        // One dump has the classes of all disciplines of a device.
        if !classes_of.contains_key(&index) {
            if classes_of.len() >= bounds::MAX_CLASSFUL_DEVICES {
                found.omitted = Omitted::Uncounted;
                continue;
            }
            let classes = classes(dumper, index);
            found.omitted = found.omitted.plus(classes.omitted);
            classes_of.insert(index, classes.rows);
        }

        let dev = name(u32::try_from(index).unwrap_or(0));
        let place = if qdisc.header.parent == TcHandle::ROOT { " root" } else { "" };
        let handle = class_id(qdisc.header.handle);
        found.rows.push(counted(qdisc, format!("qdisc {} {handle} dev {dev}{place}", kind(qdisc))));

        let own = |class: &&TcMessage| class.header.handle.major == qdisc.header.handle.major;
        for class in classes_of[&index].iter().filter(own) {
            let rate = htb_rate(class).map_or_else(String::new, |rate| format!(" rate {rate}"));
            let text =
                format!("class {} {} dev {dev}{rate}", kind(class), class_id(class.header.handle));
            found.rows.push(counted(class, text));
        }
    }

    let most = dumper.rows;
    found.omitted = found.omitted.plus(Omitted::rows(found.rows.len().saturating_sub(most)));
    found.rows.truncate(most);
    Some(found)
}

fn classes(dumper: &mut Dumper<'_>, index: i32) -> ListStart<TcMessage> {
    let of_device = Message::GetTrafficClass(TcMessage::with_index(index));
    let list = route_list(
        dumper,
        of_device,
        |_| true,
        |message| match message {
            Message::NewTrafficClass(class) => Some(class),
            _ => None,
        },
    );
    list.unwrap_or(ListStart { rows: Vec::new(), omitted: Omitted::Uncounted })
}

/// The first number of the handle in a struct tcmsg.
fn major(body: &[u8]) -> u16 {
    let handle =
        body.get(8..12).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes);
    (handle >> 16) as u16
}

/// Rules behind disciplines, in one list of so many rows.
pub fn append_rules(network: &mut Network, rules: ListStart<Traffic>, rows: usize) {
    network.traffic.extend(rules.rows);
    let cut = Omitted::rows(network.traffic.len().saturating_sub(rows));
    network.traffic.truncate(rows);
    network.omitted.traffic = network.omitted.traffic.plus(rules.omitted).plus(cut);
}

fn class_id(handle: TcHandle) -> ClassId {
    ClassId(u32::from(handle.major) << 16 | u32::from(handle.minor))
}

fn kind(message: &TcMessage) -> &str {
    let kind = message.attributes.iter().find_map(|attribute| match attribute {
        TcAttribute::Kind(kind) => Some(kind.as_str()),
        _ => None,
    });
    kind.unwrap_or("?")
}

fn counted(message: &TcMessage, text: String) -> Traffic {
    let stats = message.attributes.iter().flat_map(|attribute| match attribute {
        TcAttribute::Stats2(stats) => stats.as_slice(),
        _ => &[],
    });
    let mut basic = stats.filter_map(|stats| match stats {
        TcStats2::Basic(basic) => Some((u64::from(basic.packets), basic.bytes)),
        _ => None,
    });
    let (packets, bytes) = basic.next_back().unwrap_or_default();
    Traffic { text, packets, bytes }
}

/// The bytes a second of a struct tc_htb_opt's first tc_ratespec, in linux/pkt_sched.h.
fn htb_rate(class: &TcMessage) -> Option<Rate> {
    const TCA_HTB_PARMS: u16 = 1;
    let options = class.attributes.iter().find_map(|attribute| match (attribute, kind(class)) {
        (TcAttribute::Options(options), "htb") => options.first(),
        _ => None,
    });
    let Some(TcOption::Other(nested)) = options else { return None };
    let mut bytes = vec![0; nested.value_len()];
    nested.emit_value(&mut bytes);
    let rate = <[u8; 4]>::try_from(find(&bytes, TCA_HTB_PARMS)?.get(8..12)?).ok()?;
    Some(Rate(u64::from(u32::from_ne_bytes(rate)) * 8))
}

/// The rules that count, table by table, in the order they are asked in. `group` names a v2 group by its number.
pub fn read_rules(
    socket: &OwnedFd,
    mut share: NamespaceShare,
    group: &impl Fn(u64) -> Option<String>,
) -> ListStart<Traffic> {
    // A message's type has its subsystem in the upper byte.
    const GET_RULE: u16 = (libc::NFNL_SUBSYS_NFTABLES << 8 | libc::NFT_MSG_GETRULE) as u16;

    let counts = |body: &[u8]| rule(body, group).is_some();
    // A struct nfgenmsg; family 0 is all of them.
    let list = Dumper::new(socket, share.rows, &mut share.bytes).list(
        GET_RULE,
        &[0; 4],
        counts,
        |message| rule(message.get(HEADER_BYTES..)?, group),
    );

    list.unwrap_or(ListStart { rows: Vec::new(), omitted: Omitted::Uncounted })
}

/// Kind and value of each attribute. (The highest two bits of a kind are flags.)
fn each(mut attributes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(attributes.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(attributes.get(2..4)?.try_into().ok()?) & 0x3fff;
        let value = attributes.get(4..length)?;
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn find(attributes: &[u8], kind: u16) -> Option<&[u8]> {
    each(attributes).find(|(own, _)| *own == kind).map(|(_, value)| value)
}

// In network order, as nf_tables has its numbers, and the routing family has not.
fn number(attributes: &[u8], kind: u16) -> Option<u32> {
    Some(u32::from_be_bytes(find(attributes, kind)?.try_into().ok()?))
}

fn text(attributes: &[u8], kind: u16) -> Option<&str> {
    std::str::from_utf8(find(attributes, kind)?).ok().map(|text| text.trim_end_matches('\0'))
}

/// A rule in nft(8)'s words. None for one that does not count.
fn rule(body: &[u8], group: &impl Fn(u64) -> Option<String>) -> Option<Traffic> {
    let family = match i32::from(*body.first()?) {
        libc::NFPROTO_INET => "inet",
        libc::NFPROTO_IPV4 => "ip",
        libc::NFPROTO_IPV6 => "ip6",
        _ => return None,
    };
    let attributes = body.get(4..)?;
    let (table, name) = (text(attributes, NFTA_RULE_TABLE)?, text(attributes, NFTA_RULE_CHAIN)?);
    let chain = format!("in {family} {table} {name}");

    let mut words = Vec::new();
    let mut counts = None;
    // What the register holds: what was asked of the packet, or a value.
    let (mut asked, mut loaded) = (PacketProperty::Other, None);
    for (_, expression) in each(find(attributes, NFTA_RULE_EXPRESSIONS)?) {
        let name = text(expression, NFTA_EXPR_NAME)?;
        let data = find(expression, NFTA_EXPR_DATA).unwrap_or_default();
        let value = |kind| find(data, kind).and_then(|data| find(data, NFTA_DATA_VALUE));

        let understood = match name {
            "meta" => {
                let key = number(data, NFTA_META_KEY).map(|key| key as i32);
                // It loads what it has a register to write to for, and sets what it has one to read from for.
                let loads = number(data, NFTA_META_DREG).is_some();
                let sets = !loads && number(data, NFTA_META_SREG).is_some();
                match key {
                    Some(libc::NFT_META_CGROUP) if loads => {
                        asked = PacketProperty::Classid;
                        true
                    }
                    Some(libc::NFT_META_PRIORITY) if sets => {
                        let bytes = loaded.and_then(|bytes: &[u8]| bytes.try_into().ok());
                        let class = ClassId(bytes.map(u32::from_ne_bytes)?);
                        words.push(format!("meta priority set {class}"));
                        true
                    }
                    _ => false,
                }
            }
            "socket" => {
                let is_group = number(data, NFTA_SOCKET_KEY) == Some(NFT_SOCKET_CGROUPV2);
                let level = number(data, NFTA_SOCKET_LEVEL).filter(|_| is_group);
                asked = level.map_or(asked, |level| PacketProperty::Group { level });
                level.is_some()
            }
            "cmp" => {
                let is_equal = number(data, NFTA_CMP_OP) == Some(libc::NFT_CMP_EQ as u32);
                if is_equal {
                    words.push(asked.is(value(NFTA_CMP_DATA)?, group));
                }
                is_equal
            }
            "immediate" => {
                loaded = value(NFTA_IMMEDIATE_DATA);
                true
            }
            "counter" => {
                let big = |kind| Some(u64::from_be_bytes(find(data, kind)?.try_into().ok()?));
                counts = Some((big(NFTA_COUNTER_PACKETS)?, big(NFTA_COUNTER_BYTES)?));
                words.push("counter".into());
                true
            }
            _ => false,
        };
        if !understood {
            words.push(format!("[{name}]"));
        }
    }

    let (packets, bytes) = counts?;
    words.push(chain);
    let mut text = words.join(" ");
    // A rule has up to 128 expressions.
    if let Some((end, _)) = text.char_indices().nth(bounds::MAX_RULE_LETTERS) {
        text.truncate(end);
        text.push('…');
    }

    Some(Traffic { text, packets, bytes })
}

/// The property of a packet that a rule asked for.
#[derive(Clone, Copy)]
enum PacketProperty {
    Classid,
    Group { level: u32 },
    Other,
}

impl PacketProperty {
    /// The comparison with a value, in nft(8)'s words.
    fn is(&self, bytes: &[u8], group: &impl Fn(u64) -> Option<String>) -> String {
        // A classid has 4 bytes, the number of a group 8.
        let small = <[u8; 4]>::try_from(bytes).map(u32::from_ne_bytes);
        let large = <[u8; 8]>::try_from(bytes).map(u64::from_ne_bytes);

        match (self, small, large) {
            (PacketProperty::Classid, Ok(number), _) => format!("meta cgroup {number}"),
            (PacketProperty::Group { level }, _, Ok(id)) => {
                let name = group(id).map_or_else(|| id.to_string(), |name| format!("\"{name}\""));
                format!("socket cgroupv2 level {level} {name}")
            }
            (
                PacketProperty::Classid | PacketProperty::Group { .. } | PacketProperty::Other,
                ..,
            ) => "[cmp]".into(),
        }
    }
}
