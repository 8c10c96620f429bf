//! The noise of the kernel in a diff: what comes, goes and moves by itself, or behind what a step did. It is shown as
//! it is, and is no change of a step.

use super::{CgroupFile, ChangeKind, DiffRow, DiffSection};
use crate::snapshot::{Address, InUpper, Link, Neighbour, OverlayEntry, Route};

/// Files of a group that move whenever somebody in it does anything. Counters of what befell it (a limit that was met,
/// somebody who was killed) are not among them: those tell what happened.
const MOVES_BY_ITSELF: [&str; 9] = [
    "memory.usage_in_bytes",
    "memory.max_usage_in_bytes",
    "memory.current",
    "memory.peak",
    "cpu.stat",
    "cpuacct.usage",
    "pids.current",
    "io.stat",
    "blkio.throttle.io_service_bytes",
];

/// True for a cgroup file that counts what happens: it moves by itself.
pub fn is_counter(file: &str) -> bool {
    const EVENTS: [&str; 6] = [
        "memory.failcnt",
        "memory.events",
        "pids.events",
        "cgroup.events",
        "cgroup.procs",
        "memory.oom_control",
    ];

    MOVES_BY_ITSELF.contains(&file) || EVENTS.contains(&file)
}

/// Take the marks from rows that are noise.
pub(super) fn hush<T>(rows: &mut [DiffRow<T>], is_noise: impl Fn(&DiffRow<T>) -> bool) {
    for row in rows.iter_mut().filter(|row| row.mark.is_change()) {
        if is_noise(row) {
            row.mark = ChangeKind::Quiet;
        }
    }
}

pub(super) fn hush_sections<O, T>(
    sections: &mut [DiffSection<O, T>],
    is_noise: fn(&DiffRow<T>) -> bool,
) {
    for section in sections {
        hush(&mut section.rows, is_noise);
    }
}

/// A counter that went on. One of a group that is new came with it.
pub(super) fn is_noise_of_group(row: &DiffRow<CgroupFile>) -> bool {
    let goes_on = |file: &CgroupFile| MOVES_BY_ITSELF.contains(&file.name.as_str());
    row.mark == ChangeKind::Changed && row.after.as_ref().is_some_and(goes_on)
}

/// An entry of lower layers alone, which nobody can change through the overlay: it comes and goes with how deep a
/// directory is read.
pub(super) fn is_noise_of_overlay(row: &DiffRow<OverlayEntry>) -> bool {
    let is_lower = |entry: &OverlayEntry| {
        let is_below = !entry.in_lowers.is_empty() || !entry.lower_whiteouts.is_empty();
        entry.upper == InUpper::Absent && is_below
    };
    row.before.is_none() != row.after.is_none() && row.latest_value().is_some_and(is_lower)
}

/// An entry at the top of an overlay, where each layer is always read: it comes and goes with what somebody does in a
/// layer itself, behind the overlay's back.
pub(super) fn is_at_the_top(row: &DiffRow<OverlayEntry>) -> bool {
    row.latest_value().is_some_and(|entry| !entry.path.contains('/'))
}

/// A link whose carrier comes or goes a little after what was done at its other end, a bridge that takes the lowest
/// address of its ports, or the kernel's number for the namespace of a peer.
pub(super) fn is_noise_of_link(row: &DiffRow<Link>) -> bool {
    let (Some(before), Some(after)) = (&row.before, &row.after) else { return false };
    let mut settled =
        Link { carrier: before.carrier, operstate: before.operstate.clone(), ..after.clone() };
    if after.kind == "bridge" {
        settled.mac.clone_from(&before.mac);
    }
    if before.peer_netns.is_some() && after.peer_netns.is_some() {
        settled.peer_netns = before.peer_netns;
    }
    *before == settled
}

/// A neighbour that answered lately, unless somebody wrote it down for good: ip-neighbour(8).
pub(super) fn is_noise_of_neighbour(row: &DiffRow<Neighbour>) -> bool {
    let is_lasting =
        |side: &Option<Neighbour>| side.as_ref().is_some_and(|it| it.state.contains("PERMANENT"));
    !is_lasting(&row.before) && !is_lasting(&row.after)
}

/// An address that a link gets with being set up: its link-local one, and those of the loopback.
pub(super) fn is_noise_of_address(row: &DiffRow<Address>) -> bool {
    row.latest_value().is_some_and(|address| {
        let is_loopback = ["127.0.0.1", "::1"].contains(&address.ip.as_str());
        is_link_local(&address.ip) || (address.dev == "lo" && is_loopback)
    })
}

/// The ways to link-local and multicast addresses of IPv6, which come with these.
pub(super) fn is_noise_of_route(row: &DiffRow<Route>) -> bool {
    row.latest_value().is_some_and(|route| {
        route.protocol == "kernel" && (is_link_local(&route.to) || route.to.starts_with("ff00:"))
    })
}

/// fe80::/10
fn is_link_local(ip: &str) -> bool {
    ["fe8", "fe9", "fea", "feb"].iter().any(|start| ip.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<T>(mark: ChangeKind, before: Option<T>, after: Option<T>) -> DiffRow<T> {
        DiffRow { mark, before, after }
    }

    #[test]
    fn a_counter_that_goes_on_is_noise_and_what_befell_a_group_or_was_set_is_not() {
        let file =
            |name: &str, value: &str| Some(CgroupFile { name: name.into(), value: value.into() });
        let check = |name: &str, expected: bool| {
            let moved = row(ChangeKind::Changed, file(name, "1"), file(name, "2"));
            assert_eq!(is_noise_of_group(&moved), expected, "{name}");
            let new = row(ChangeKind::Added, None, file(name, "2"));
            assert!(!is_noise_of_group(&new), "{name} of a new group");
        };

        MOVES_BY_ITSELF.into_iter().for_each(|name| check(name, true));
        for name in ["pids.max", "memory.max", "cgroup.procs", "memory.failcnt", "memory.events"] {
            check(name, false);
        }
    }

    #[test]
    fn entries_of_lower_layers_alone_are_noise_when_they_come_or_go() {
        let entry = |in_lowers: &[usize], upper| OverlayEntry {
            path: "etc/group".into(),
            kind: crate::snapshot::FileKind::File,
            in_lowers: in_lowers.to_vec(),
            lower_whiteouts: Vec::new(),
            lower_opaques: Vec::new(),
            upper,
            merged: true,
        };
        let check = |before, after, expected: bool| {
            assert_eq!(is_noise_of_overlay(&row(ChangeKind::Changed, before, after)), expected);
        };
        let lower = || Some(entry(&[0], InUpper::Absent));
        let copied_up = || Some(entry(&[0], InUpper::Present));

        check(None, lower(), true);
        check(lower(), None, true);
        check(None, copied_up(), false);
        check(lower(), copied_up(), false);
        check(None, Some(entry(&[], InUpper::Present)), false);
        check(None, Some(entry(&[0], InUpper::Whiteout)), false);

        let top = OverlayEntry { path: "motd".into(), ..entry(&[0], InUpper::Absent) };
        assert!(is_at_the_top(&row(ChangeKind::Added, None, Some(top))));
        assert!(!is_at_the_top(&row(ChangeKind::Added, None, lower())));
    }

    #[test]
    fn a_neighbour_comes_and_goes_by_itself_unless_it_was_written_down() {
        let neighbour = |state: &str| {
            Some(Neighbour {
                dev: "eth0".into(),
                ip: "172.17.0.1".into(),
                mac: "02:00:00:00:00:01".into(),
                state: state.into(),
            })
        };
        assert!(is_noise_of_neighbour(&row(ChangeKind::Added, None, neighbour("REACHABLE"))));
        assert!(is_noise_of_neighbour(&row(ChangeKind::Gone, neighbour("STALE"), None)));
        assert!(!is_noise_of_neighbour(&row(ChangeKind::Added, None, neighbour("PERMANENT"))));
        assert!(!is_noise_of_neighbour(&row(ChangeKind::Gone, neighbour("PERMANENT"), None)));
    }

    #[test]
    fn addresses_and_ways_that_a_link_brings_with_it_are_noise() {
        let address = |dev: &str, ip: &str| {
            let address =
                Address { dev: dev.into(), ip: ip.into(), prefix: 64, scope: "link".into() };
            is_noise_of_address(&row(ChangeKind::Added, None, Some(address)))
        };
        assert!(address("eth0", "fe80::1") && address("lo", "127.0.0.1") && address("lo", "::1"));
        assert!(!address("eth0", "172.17.0.2") && !address("lo", "127.0.0.2"));
        assert!(!address("eth0", "fd00::1") && !address("eth0", "127.0.0.1"));

        let route = |to: &str, protocol: &str| {
            let route = Route {
                to: to.into(),
                via: None,
                dev: "eth0".into(),
                protocol: protocol.into(),
                scope: "global".into(),
                prefsrc: None,
            };
            is_noise_of_route(&row(ChangeKind::Added, None, Some(route)))
        };
        assert!(route("fe80::/64", "kernel") && route("ff00::/8", "kernel"));
        assert!(!route("172.17.0.0/16", "kernel") && !route("default", "boot"));
    }
}
