//! The parts that several kinds share: networks as text, words for a shell, lookups in a snapshot.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{Precondition, PreflightCheck};
use crate::op::ActorName;
use crate::snapshot::Snapshot;

/// An IPv4 address with its prefix length: `172.17.42.3/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressWithPrefix {
    pub address: Ipv4Addr,
    pub prefix: u8,
}

impl TryFrom<String> for AddressWithPrefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parsed = text.split_once('/').and_then(|(address, prefix)| {
            let prefix: u8 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
            Some(AddressWithPrefix { address: address.parse().ok()?, prefix })
        });
        parsed.ok_or_else(|| {
            format!("`{text}` is no address with a prefix length, like 172.17.42.3/16")
        })
    }
}

impl From<AddressWithPrefix> for String {
    fn from(network: AddressWithPrefix) -> String {
        network.to_string()
    }
}

impl std::fmt::Display for AddressWithPrefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// As few quotes as a POSIX shell needs.
pub fn shell_word(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-+./:,=@%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The words of a command line, as a shell reads them.
pub fn shell_words(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| shell_word(word.as_ref())).collect();
    words.join(" ")
}

pub fn is_absolute(path: &str) -> bool {
    path.starts_with('/')
}

pub fn check_is_mount(actor: &ActorName, snapshot: &Snapshot, path: &str) -> PreflightCheck {
    let table = snapshot.mounts_of(actor);
    let ok = table.is_some_and(|table| table.rows.iter().any(|row| row.target == path));
    PreflightCheck { condition: Precondition::MountPoint { path: path.to_owned() }, ok }
}

pub fn check_link(actor: &ActorName, snapshot: &Snapshot, name: &str) -> PreflightCheck {
    let ok = snapshot.network_of(actor).is_some_and(|network| network.link(name).is_some());
    let condition = Precondition::Link { actor: actor.clone(), name: name.to_owned() };
    PreflightCheck { condition, ok }
}

pub fn check_no_link(actor: &ActorName, snapshot: &Snapshot, name: &str) -> PreflightCheck {
    let ok = !check_link(actor, snapshot, name).ok;
    PreflightCheck { condition: Precondition::NoLinkYet { name: name.to_owned() }, ok }
}

pub fn check_route(actor: &ActorName, snapshot: &Snapshot, to: Ipv4Addr) -> PreflightCheck {
    let ok = snapshot.network_of(actor).is_some_and(|network| has_route(network, to));
    PreflightCheck { condition: Precondition::RouteTo(to), ok }
}

pub fn check_is_alive(snapshot: &Snapshot, actor: &ActorName) -> PreflightCheck {
    let ok = snapshot.process_of(actor).is_some();
    PreflightCheck { condition: Precondition::Alive(actor.clone()), ok }
}

pub fn check_is_no_process(snapshot: &Snapshot, actor: &ActorName) -> PreflightCheck {
    let ok = !check_is_alive(snapshot, actor).ok;
    PreflightCheck { condition: Precondition::NoProcessYet(actor.clone()), ok }
}

pub fn check_cgroup(snapshot: &Snapshot, name: &str) -> PreflightCheck {
    let ok = snapshot.cgroups.iter().any(|group| group.path == name);
    PreflightCheck { condition: Precondition::Cgroup { name: name.to_owned() }, ok }
}

/// True if a route of this network namespace, over a link that is up, leads to the address.
pub fn has_route(network: &crate::snapshot::Network, to: Ipv4Addr) -> bool {
    network.routes.iter().any(|route| {
        let leads = match route.to.split_once('/') {
            None => route.to == "default" || route.to == to.to_string(),
            Some(_) => {
                AddressWithPrefix::try_from(route.to.clone()).is_ok_and(|net| net.contains(to))
            }
        };
        leads && network.link(&route.dev).is_some_and(|link| link.up)
    })
}

impl AddressWithPrefix {
    pub fn contains(self, address: Ipv4Addr) -> bool {
        let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
        u32::from(self.address) & mask == u32::from(address) & mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_a_network_by_its_first_bits() {
        let check = |network: &str, address: [u8; 4], expected: bool| {
            let network = AddressWithPrefix::try_from(network.to_owned()).expect("a network");
            assert_eq!(network.contains(address.into()), expected, "{network} {address:?}");
        };
        check("172.17.0.0/16", [172, 17, 0, 1], true);
        check("172.17.0.0/16", [172, 18, 0, 1], false);
        check("0.0.0.0/0", [8, 8, 8, 8], true);
        check("10.0.0.1/32", [10, 0, 0, 2], false);
        for wrong in ["", "1.2.3.4", "1.2.3/8", "1.2.3.4/33", "a/8"] {
            assert!(AddressWithPrefix::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
