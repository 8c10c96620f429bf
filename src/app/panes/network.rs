//! The network pane: links, addresses, routes, neighbours of each network namespace, and what its packets pass.

use super::{
    CompareMode, PaneData, PaneRow, PaneSection, RowSubject, omitted, owner_line, row, visible,
    with_was,
};
use crate::diff::{NetworkDiff, OwnerChange};
use crate::remark::Remark;
use crate::seen::CutList;
use crate::snapshot::{Link, Traffic};
use crate::text::padded;
use crate::words;

pub fn build(scene: &PaneData<'_>) -> Vec<PaneSection> {
    scene
        .diff
        .networks
        .iter()
        .enumerate()
        .filter(|(_, network)| {
            scene.compare != CompareMode::Before || network.owner_change != OwnerChange::New
        })
        .map(|(place, network)| build_section(place, network, scene))
        .collect()
}

fn build_section(section: usize, network: &NetworkDiff, scene: &PaneData<'_>) -> PaneSection {
    let mut rows = vec![owner_line(&network.name, &network.owner_change, "")];
    let before = rows.len();

    rows.extend(visible(&network.links, scene).map(|(place, (mark, link, before))| {
        // Beside what was set, the kernel's own follows.
        let untold = ["carrier", "operstate", "peer_netns"];
        row(mark, with_was(mark, link_line(link), link, before, &untold))
            .about(RowSubject::Link { section, place })
    }));
    rows.extend(omitted(CutList::Links, &network.links, network.omitted_of(|it| it.links), scene));
    rows.extend(visible(&network.addresses, scene).map(|(place, (mark, it, before))| {
        let text = format!("  address {}", words::rows::address(it));
        row(mark, with_was(mark, text, it, before, &[]))
            .about(RowSubject::Address { section, place })
    }));
    rows.extend(omitted(
        CutList::Addresses,
        &network.addresses,
        network.omitted_of(|it| it.addresses),
        scene,
    ));
    rows.extend(visible(&network.routes, scene).map(|(place, (mark, it, before))| {
        let text = format!("  route {}", words::rows::route(it));
        row(mark, with_was(mark, text, it, before, &[])).about(RowSubject::Route { section, place })
    }));
    rows.extend(omitted(
        CutList::Routes,
        &network.routes,
        network.omitted_of(|it| it.routes),
        scene,
    ));
    rows.extend(visible(&network.neighbours, scene).map(|(place, (mark, it, _))| {
        row(mark, format!("  neighbour {}", words::rows::neighbour(it)))
            .about(RowSubject::Neighbour { section, place })
    }));
    rows.extend(omitted(
        CutList::Neighbours,
        &network.neighbours,
        network.omitted_of(|it| it.neighbours),
        scene,
    ));

    // How many there were first: a rule is long.
    rows.extend(visible(&network.traffic, scene).map(|(place, (mark, it, was))| {
        row(mark, format!("  {}", traffic_line(it, was)))
            .about(RowSubject::Traffic { section, place })
    }));
    rows.extend(omitted(
        CutList::Traffic,
        &network.traffic,
        network.omitted_of(|it| it.traffic),
        scene,
    ));

    rows.extend(visible(&network.rules, scene).map(|(place, (mark, rule, _))| {
        row(mark, format!("  rule {}", rule.text)).about(RowSubject::Rule { section, place })
    }));
    rows.extend(visible(&network.forwarding, scene).map(|(_, (mark, _, _))| {
        row(mark, format!("  {}", words::rows::FORWARDING))
            .about(RowSubject::Forwarding { section })
    }));

    if rows.len() == before {
        let remark = if scene.changes_only { Remark::NothingChanged } else { Remark::Nothing };
        rows.push(PaneRow::remark(&remark));
    }
    PaneSection { rows }
}

pub(super) fn traffic_line(traffic: &Traffic, was: Option<&Traffic>) -> String {
    let was = was.filter(|was| was.packets != traffic.packets);
    let more = was.map_or_else(String::new, |was| format!(" (was {})", was.packets));
    format!("{} packets{more}  {}", traffic.packets, traffic.text)
}

/// From the link's flags: its "operational state" follows them late, and bridges have none.
pub(super) fn link_state(link: &Link) -> &'static str {
    match (link.up, link.carrier) {
        (false, _) => "down",
        (true, true) => "up",
        (true, false) => "up, no carrier",
    }
}

fn link_line(link: &Link) -> String {
    let kind = if link.kind.is_empty() { "loopback" } else { &link.kind };
    let state = link_state(link);
    let master = link.master.as_ref().map_or_else(String::new, |master| format!(" in {master}"));
    let peer = link.peer_index.map_or_else(String::new, |peer| {
        let place = if link.peer_netns.is_some() { " elsewhere" } else { "" };
        format!(" peer {peer}{place}")
    });

    format!(
        "{} {} {} {state}{master}{peer}",
        padded(&link.index.to_string(), 2),
        padded(&link.name, 8),
        padded(kind, 8)
    )
}
