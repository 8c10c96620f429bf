//! The addresses of a lab's network, and names for what becomes of packets: a class by its number, a rate, who sends one, a rule for
//! a port and the hook it is asked at. Plain data, in the notation of tc(8) and nft(8).

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

use serde::{Deserialize, Serialize};

/// The bridge of a lab's host, as docker calls its own; its address, and the network that it is in.
pub const BRIDGE: &str = "docker0";
pub const BRIDGE_ADDRESS: Ipv4Addr = Ipv4Addr::new(172, 17, 0, 1);
pub const BRIDGE_NETWORK: Ipv4Addr = Ipv4Addr::new(172, 17, 0, 0);
pub const BRIDGE_PREFIX: u8 = 16;

/// The lab's "internet", and the host's address in its network: addresses for documentation, which lead nowhere on a
/// machine (RFC 5737).
pub const INTERNET: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
pub const UPLINK_ADDRESS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
pub const UPLINK_PREFIX: u8 = 24;

/// A traffic class, `MAJOR:MINOR` in hexadecimal: `10:1`. The same 32 bits are a group's `net_cls.classid`: 0x100001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClassId(pub u32);

impl ClassId {
    /// The queueing discipline that it belongs to: `10:`.
    pub fn qdisc(self) -> ClassId {
        ClassId(self.0 & 0xffff_0000)
    }
}

impl TryFrom<String> for ClassId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let part = |part: &str| u16::from_str_radix(part, 16).ok().map(u32::from);
        let parts =
            text.split_once(':').and_then(|(major, minor)| Some((part(major)?, part(minor)?)));
        match parts {
            Some((major, minor)) if major > 0 && minor > 0 => Ok(ClassId(major << 16 | minor)),
            _ => Err(format!(
                "`{text}` is no traffic class, like \"10:1\" (two hexadecimal numbers, in quotes)"
            )),
        }
    }
}

impl From<ClassId> for String {
    fn from(class: ClassId) -> String {
        class.to_string()
    }
}

impl fmt::Display for ClassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 >> 16, self.0 & 0xffff) {
            (major, 0) => write!(f, "{major:x}:"),
            (major, minor) => write!(f, "{major:x}:{minor:x}"),
        }
    }
}

/// Bits a second: a number with `kbit`, `mbit` or `gbit`, which are thousands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(pub u64);

const UNITS: [(&str, u64); 3] = [("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000)];

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let found = UNITS
            .iter()
            .find_map(|(unit, size)| Some((text.strip_suffix(unit)?.parse::<u64>().ok()?, size)));
        let rate =
            found.and_then(|(number, size)| number.checked_mul(*size)).filter(|rate| *rate >= 1000);
        rate.map(Rate).ok_or_else(|| {
            format!("`{text}` is no rate, like 8mbit: a number with kbit, mbit or gbit")
        })
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> String {
        rate.to_string()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size)) {
            Some((unit, size)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}bit", self.0),
        }
    }
}

/// The sender of the packets that a firewall rule is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PacketSender {
    /// Sockets of groups with this `net_cls.classid`.
    Class(ClassId),
    /// Sockets that were made in a v2 group, by its directory, so many levels below the cgroup namespace's top.
    /// (Before Linux 6.12, and its stable relatives of September 2024, the kernel counted from the top of the
    /// machine.)
    Group { path: String, level: u32 },
}

/// A rule for packets on their way out of a network namespace. It counts them, and may give them to a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketRule {
    pub of: PacketSender,
    pub class: Option<ClassId>,
}

/// A hook of netfilter: a point on the way of each packet through a network namespace, where rules are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PacketHook {
    /// It has come in by a link, and where it goes is not decided yet.
    Prerouting,
    /// It is for this namespace.
    Input,
    /// It came in, and goes on elsewhere.
    Forward,
    /// It was made here.
    Output,
}

impl PacketHook {
    pub fn word(self) -> &'static str {
        match self {
            PacketHook::Prerouting => "prerouting",
            PacketHook::Input => "input",
            PacketHook::Forward => "forward",
            PacketHook::Output => "output",
        }
    }
}

/// A rule for the packets of TCP to a port, whatever their address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRule {
    pub port: u16,
    pub at: PacketHook,
    pub then: PortVerdict,
}

/// The fate of a packet that a port's rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortVerdict {
    /// It gets another destination, and the connection's answers get the old one back as their source.
    SendTo(SocketAddrV4),
    Drop,
}

impl PortRule {
    /// The table and the chain that it goes to: docker's for a new destination, and the usual names for a firewall. The table
    /// is called as the kind of its chains.
    pub fn place(&self) -> (&'static str, &'static str) {
        let chain = match self.at {
            PacketHook::Prerouting => "PREROUTING",
            PacketHook::Input => "INPUT",
            PacketHook::Forward => "FORWARD",
            PacketHook::Output => "OUTPUT",
        };
        match self.then {
            PortVerdict::SendTo(_) => ("nat", chain),
            PortVerdict::Drop => ("filter", chain),
        }
    }

    /// The place of its chain among those of a hook: NF_IP_PRI_NAT_DST, or NF_IP_PRI_FILTER (linux/netfilter_ipv4.h).
    pub fn priority(&self) -> i32 {
        match self.then {
            PortVerdict::SendTo(_) => -100,
            PortVerdict::Drop => 0,
        }
    }
}

impl fmt::Display for PortRule {
    /// The rule as nft(8) takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.then {
            PortVerdict::SendTo(to) => write!(f, "tcp dport {} dnat to {to}", self.port),
            PortVerdict::Drop => write!(f, "tcp dport {} drop", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_two_hexadecimal_numbers() {
        let check = |text: &str, expected: Option<u32>| {
            let class = ClassId::try_from(text.to_owned()).ok();
            assert_eq!(class.map(|class| class.0), expected, "{text}");
            if let Some(class) = class {
                assert_eq!(class.to_string(), text);
            }
        };

        check("10:1", Some(0x10_0001));
        check("a:ffff", Some(0xa_ffff));
        for wrong in ["", "10", "10:", ":1", "0:1", "10:0", "10:10000", "x:1", "0x10:1"] {
            check(wrong, None);
        }
        assert_eq!(ClassId(0x10_0001).qdisc().to_string(), "10:");
    }

    #[test]
    fn rates_are_in_thousands_of_bits() {
        let check = |text: &str, expected: Option<u64>| {
            let rate = Rate::try_from(text.to_owned()).ok();
            assert_eq!(rate.map(|rate| rate.0), expected, "{text}");
            if let Some(rate) = rate {
                assert_eq!(rate.to_string(), text);
            }
        };

        check("8mbit", Some(8_000_000));
        check("500kbit", Some(500_000));
        check("2gbit", Some(2_000_000_000));
        for wrong in ["", "8", "8MB", "mbit", "-1mbit", "0mbit", "99999999999gbit"] {
            check(wrong, None);
        }
    }
}
