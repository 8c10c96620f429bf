//! Traffic control: a hierarchical token bucket and its classes, as `tc` asks for them. The structures are those of
//! linux/pkt_sched.h, which no crate has.

use rtnetlink::packet_core::DefaultNla;
use rtnetlink::packet_route::tc::{TcAttribute, TcHandle, TcMessage, TcOption};

use super::notation::quoted;
use crate::traffic::{ClassId, Rate};

/// The bytes that may pass at once when nothing has for a while. tc(8) takes one packet by itself; then a timer that
/// comes a little late on a busy machine costs some of the rate.
pub const BURST_BYTES: u64 = 15 * 1024;
const TCA_HTB_PARMS: u16 = 1;
const TCA_HTB_INIT: u16 = 2;

/// `tc qdisc add dev DEV root handle HANDLE htb`. What is in no class passes at once.
pub fn htb_message(index: u32, handle: ClassId) -> TcMessage {
    // struct tc_htb_glob: version 3, rate2quantum, default class (none), debug, direct packets.
    let global: Vec<u8> = [3_u32, 10, 0, 0, 0].iter().flat_map(|word| word.to_ne_bytes()).collect();
    message(index, handle, TcHandle::ROOT, DefaultNla::new(TCA_HTB_INIT, global))
}

/// `tc class add dev DEV parent QDISC classid CLASS htb rate RATE burst BURST cburst BURST`.
pub fn htb_class_message(index: u32, class: ClassId, rate: Rate) -> TcMessage {
    message(index, class, of(class.qdisc()), DefaultNla::new(TCA_HTB_PARMS, parameters(rate)))
}

/// struct tc_htb_opt: the rate and the ceiling, how long a burst takes at each, quantum, level, priority.
fn parameters(rate: Rate) -> Vec<u8> {
    let bytes_a_second = rate.0 / 8;
    let burst = burst_ticks(rate);
    // struct tc_ratespec: cell_log, linklayer (1: Ethernet, so that no table is needed),
    // overhead, cell_align, mpu, rate.
    let mut spec = vec![0, 1, 0, 0, 0, 0, 0, 0];
    spec.extend(u32::try_from(bytes_a_second).unwrap_or(u32::MAX).to_ne_bytes());
    let mut bytes = [spec.clone(), spec].concat();
    bytes.extend([burst, burst, 0, 0, 0].iter().flat_map(|word| word.to_ne_bytes()));
    bytes
}

/// The time that a burst takes at this rate, in ticks of the packet scheduler.
fn burst_ticks(rate: Rate) -> u32 {
    /// A clock tick of the packet scheduler, in nanoseconds.
    const TICK: u64 = 64;
    u32::try_from(BURST_BYTES * 1_000_000_000 / (rate.0 / 8).max(1) / TICK).unwrap_or(u32::MAX)
}

fn message(index: u32, handle: ClassId, parent: TcHandle, option: DefaultNla) -> TcMessage {
    let mut message = TcMessage::with_index(i32::try_from(index).unwrap_or(0));
    message.header.handle = of(handle);
    message.header.parent = parent;
    message.attributes =
        vec![TcAttribute::Kind("htb".into()), TcAttribute::Options(vec![TcOption::Other(option)])];
    message
}

fn of(class: ClassId) -> TcHandle {
    TcHandle { major: (class.0 >> 16) as u16, minor: class.0 as u16 }
}

/// `{tcm_ifindex=…, tcm_handle=…, tcm_parent=…}, [TCA_KIND "htb", …]`.
pub fn htb_text(dev: &str, handle: ClassId) -> String {
    format!(
        "{{tcm_ifindex=if_nametoindex({}), tcm_handle={:#x}, tcm_parent=TC_H_ROOT}}, \
         [TCA_KIND \"htb\", TCA_OPTIONS [TCA_HTB_INIT {{version=3, defcls=0}}]]",
        quoted(dev),
        handle.0
    )
}

pub fn htb_class_text(dev: &str, class: ClassId, rate: Rate) -> String {
    let burst = burst_ticks(rate);
    format!(
        "{{tcm_ifindex=if_nametoindex({}), tcm_handle={:#x}, tcm_parent={:#x}}}, \
         [TCA_KIND \"htb\", TCA_OPTIONS [TCA_HTB_PARMS {{rate={}, ceil={}, buffer={burst}, cbuffer={burst}}}]]",
        quoted(dev),
        class.0,
        class.qdisc().0,
        rate.0 / 8,
        rate.0 / 8
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtnetlink::packet_core::Emitable;

    #[test]
    fn requests_name_device_handle_and_parent() {
        let check = |message: TcMessage, expected: [u32; 4]| {
            let mut bytes = vec![0; message.buffer_len()];
            message.emit(&mut bytes);
            let words = bytes[4..20]
                .chunks(4)
                .map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
            assert_eq!(words.collect::<Vec<_>>(), expected);
        };
        let class = ClassId(0x10_0001);
        check(htb_message(2, class.qdisc()), [2, 0x10_0000, u32::MAX, 0]);
        check(htb_class_message(2, class, Rate(8_000_000)), [2, 0x10_0001, 0x10_0000, 0]);
    }

    #[test]
    fn a_burst_takes_as_long_as_its_bytes_at_the_rate() {
        let bytes = parameters(Rate(8_000_000));
        assert_eq!(bytes.len(), 44);
        let word = |at: usize| {
            u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        // 15 KiB at a million bytes a second are 15.36 ms: 240000 ticks, as tc(8) says it.
        assert_eq!((word(8), word(24)), (1_000_000, 240_000));
    }
}
