//! The packets on their way out of one network namespace: queueing disciplines and their classes, by dumps on its
//! netlink socket. Told in the words of tc(8).

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "netlink's enums are foreign, and grow with the kernel: what a lab shows is picked out"
)]

use std::collections::HashMap;

use rtnetlink::packet_core::Nla;
use rtnetlink::packet_route::RouteNetlinkMessage as Message;
use rtnetlink::packet_route::tc::{TcAttribute, TcHandle, TcMessage, TcOption, TcStats2};

use super::attributes::find;
use super::bounds;
use super::dump::{Dumper, ListStart};
use super::netlink::route_list;
use crate::snapshot::{Omitted, Traffic};
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
