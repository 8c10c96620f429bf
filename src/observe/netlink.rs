//! Lists of the routing family of netlink, within what one network namespace may take of a look.

use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage as Message;

use super::bounds::{self, Budget};
use super::dump::{Dumper, HEADER_BYTES, ListStart};

/// The part of a look that one network namespace may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamespaceShare {
    /// Rows of each of its lists.
    pub rows: usize,
    /// Bytes received of all of them.
    pub bytes: Budget,
}

impl NamespaceShare {
    /// The share of one of so many namespaces, so that a crowd in one does not hide what is in another.
    pub fn one_of(namespaces: usize) -> NamespaceShare {
        // Links, addresses, routes, neighbours, traffic and rules.
        const LISTS: usize = 6;
        let namespaces = namespaces.max(1);
        NamespaceShare {
            rows: bounds::MAX_NETWORK_ROWS.min(bounds::MAX_NETWORK_ROWS_TOTAL / LISTS / namespaces),
            bytes: Budget::new(bounds::MAX_NETWORK_BYTES / namespaces),
        }
    }
}

/// A list of the routing family. A message of a kind that the parser does not know is skipped.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "netlink's enums are foreign, and grow with the kernel: what a lab shows is picked out"
)]
pub(super) fn route_list<T>(
    dumper: &mut Dumper<'_>,
    request: Message,
    wanted: impl Fn(&[u8]) -> bool,
    pick: impl Fn(Message) -> Option<T>,
) -> Option<ListStart<T>> {
    let mut packet = NetlinkMessage::from(request);
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);
    let body = bytes.get(HEADER_BYTES..).unwrap_or_default();

    dumper.list(packet.header.message_type, body, wanted, |message| {
        match NetlinkMessage::<Message>::deserialize(message).ok()?.payload {
            NetlinkPayload::InnerMessage(message) => pick(message),
            _ => None,
        }
    })
}
