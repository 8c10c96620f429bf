//! Tests of scenes and of their drawing, made by hand.

#![cfg(test)]

use std::sync::Arc;

use unicode_width::UnicodeWidthChar;

use super::folding::{MapLine, folded};
use super::scene::{ActEnd, BoxPart, MapBox, MapRow, PlateCell, WireKind};
use super::*;
use crate::call::ErrnoName;
use crate::diff::ChangeKind;
use crate::op::{Op, OpRecord, Outcome};
use crate::snapshot::{
    Address, DirEntry, Directory, FileKind, InUpper, Link, MountTable, Network, NsInode, Omitted,
    Overlay, OverlayEntry, Route,
};

const SIZES: [(usize, usize); 12] = [
    (0, 0),
    (1, 1),
    (3, 2),
    (8, 3),
    (20, 4),
    (36, 4),
    (40, 5),
    (69, 9),
    (70, 9),
    (76, 16),
    (120, 40),
    (250, 80),
];

fn link(index: u32, name: &str, kind: &str, peer: Option<(u32, bool)>) -> Link {
    Link {
        index,
        name: name.into(),
        kind: kind.into(),
        up: true,
        carrier: true,
        operstate: "UP".into(),
        mac: format!("aa:00:00:00:00:{index:02x}"),
        mtu: 1500,
        master: None,
        peer_index: peer.map(|(index, _)| index),
        peer_netns: peer.filter(|(_, is_elsewhere)| *is_elsewhere).map(|_| 0),
    }
}

fn network(name: &str, ns: u64, links: Vec<Link>) -> Network {
    let actors = vec![name.into()];
    Network { name: name.into(), ns: NsInode(ns), actors, links, ..Network::default() }
}

fn with(networks: Vec<Network>) -> Snapshot {
    Snapshot { networks, ..Snapshot::default() }
}

fn of(lens: MapLens, before: &Snapshot, after: &Snapshot) -> MapScene {
    MapScene::of(lens, before, after, &Diff::between(before, after), &[])
}

/// The columns that a row of cells takes on a terminal.
fn columns(row: &[CanvasCell]) -> usize {
    row.iter().filter_map(|cell| cell.letter).map(|letter| letter.width().unwrap_or(0)).sum()
}

#[test]
fn a_cable_joins_two_links_that_name_each_other_and_none_is_guessed() {
    let host = || network("host", 1, vec![link(5, "h0", "veth", Some((4, true)))]);
    let first = || network("first", 2, vec![link(4, "c0", "veth", Some((5, true)))]);
    let second = || network("second", 3, vec![link(4, "c0", "veth", Some((5, true)))]);
    let loops =
        vec![link(1, "a", "veth", Some((2, false))), link(2, "b", "veth", Some((1, false)))];

    for (networks, cables) in [
        (vec![host(), first()], 1),
        // The kernel says the index of the peer, and not in which namespace: two fit.
        (vec![host(), first(), second()], 0),
        // An end that is nowhere in sight.
        (vec![host()], 0),
        (vec![network("host", 1, loops)], 1),
    ] {
        let state = with(networks);
        let scene = of(MapLens::Network, &state, &state);
        assert_eq!(scene.wires.len(), cables, "{scene:?}");
        assert!(scene.wires.iter().all(|wire| wire.kind == WireKind::Cable));
    }
}

#[test]
fn a_link_that_went_to_another_namespace_moved_there() {
    let other = || link(5, "h0", "veth", None);
    let before = with(vec![
        network("host", 1, vec![other(), link(4, "c0", "veth", None)]),
        network("container", 2, Vec::new()),
    ]);
    let after = with(vec![
        network("host", 1, vec![other()]),
        network("container", 2, vec![link(4, "c0", "veth", None)]),
    ]);
    let text = draw(&of(MapLens::Network, &before, &after), 76, 16, Glyphs::Unicode).text();
    assert!(text.contains("−  c0 went to container"), "{text}");
    assert!(text.contains("↦● c0 came from host"), "{text}");
}

#[test]
fn every_changed_row_is_drawn_or_counted_in_a_box_of_any_height() {
    let mut one = MapBox { title: vec!["box".into()], ..MapBox::default() };
    for place in 0..12 {
        let mark = if place % 3 == 0 { ChangeKind::Added } else { ChangeKind::Same };
        one.push(MapRow::new(mark, format!("row {place}")));
    }
    let mut inner = MapBox { title: vec!["inner".into()], ..MapBox::default() };
    inner.push(MapRow::new(ChangeKind::Changed, "within"));
    one.parts.push(BoxPart::Box(inner));

    for height in 3..=20 {
        let lines = folded(&one, height);
        assert!(lines.len() <= height, "{height}: {lines:?}");
        let told: usize = lines
            .iter()
            .map(|line| match line {
                MapLine::Row(row, _) => row.changed,
                MapLine::LeftOut { changed, .. } => *changed,
                MapLine::Top(..) | MapLine::Bottom(..) => 0,
            })
            .sum();
        assert_eq!(told, one.changed(), "{height}: {lines:?}");
        let tops = lines.iter().filter(|line| matches!(line, MapLine::Top(..))).count();
        let bottoms = lines.iter().filter(|line| matches!(line, MapLine::Bottom(..))).count();
        assert_eq!(tops, bottoms, "{height}: {lines:?}");
    }
}

#[test]
fn names_of_any_kind_keep_their_place_in_the_picture() {
    let hostile =
        ["あ한字あ한字あ한字", "\u{1b}[31mred\u{7}", "a\u{301}\u{301}", "\u{202e}drow", ""];
    let mut networks = Vec::new();
    for (place, name) in hostile.into_iter().cycle().take(40).enumerate() {
        let links = (1..=5).map(|index| link(index, name, "veth", Some((index, true)))).collect();
        let mut one = network(name, place as u64, links);
        one.addresses.push(Address {
            dev: name.into(),
            ip: name.into(),
            prefix: 8,
            scope: "global".into(),
        });
        networks.push(one);
    }
    let (before, after) = (Arc::new(Snapshot::default()), with(networks));

    for lens in MapLens::ALL {
        let scene = of(lens, &before, &after);
        for (width, height) in SIZES {
            for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
                let canvas = draw(&scene, width, height, glyphs);
                assert_eq!(
                    (canvas.width(), canvas.height()),
                    (width, if width == 0 { 0 } else { height })
                );
                for row in canvas.rows() {
                    assert_eq!(columns(row), width, "{lens:?} {width}x{height}\n{}", canvas.text());
                }
                assert!(!canvas.text().chars().any(|it| it != '\n' && it.is_control()));
            }
        }
    }
}

#[test]
fn a_port_stands_below_its_bridge_and_no_link_is_lost_however_they_are_nested() {
    let port = |index, name: &str, bridge: &str| Link {
        master: Some(bridge.into()),
        ..link(index, name, "veth", None)
    };
    let links = vec![
        port(1, "p", "br"),
        link(2, "br", "bridge", None),
        port(3, "deep", "p"),
        port(4, "self", "self"),
        port(5, "lost", "nobody"),
        port(6, "ring-a", "ring-b"),
        port(7, "ring-b", "ring-a"),
    ];
    let (before, after) = (Snapshot::default(), with(vec![network("host", 1, links)]));
    let scene = of(MapLens::Network, &before, &after);
    assert_eq!(scene.changed(), 7);
    let text = draw(&scene, 76, 16, Glyphs::Unicode).text();
    for name in ["● br", "└─● p ", "● deep", "● self", "● lost", "● ring-a", "● ring-b"]
    {
        assert_eq!(text.matches(name).count(), 1, "{name}\n{text}");
    }
}

#[test]
fn actors_that_see_one_table_share_a_tree_and_every_row_of_theirs_is_counted() {
    let table = |actor: &str, mounts: &str| MountTable {
        actor: actor.into(),
        ns: NsInode(1),
        rows: crate::observe::mounts::parse(mounts),
        omitted: Omitted::Nothing,
    };
    let state = |mounts: &str| {
        let actors = ["host", "first", "second", "third"];
        let mounts = actors.into_iter().map(|actor| table(actor, mounts)).collect();
        Snapshot { mounts, ..Snapshot::default() }
    };
    let root = "1 0 0:1 / / rw - tmpfs none rw";
    let before = state(root);
    let after = state(&format!("{root}\n2 1 0:2 / /mnt rw - tmpfs none rw"));

    let scene = of(MapLens::Mounts, &before, &after);
    let changed = Diff::between(&before, &after).change_count(ViewKind::Mounts);
    assert_eq!((scene.changed(), changed), (4, 4));
    assert_eq!((scene.left.len(), scene.right.len()), (1, 0));
    assert_eq!(scene.left[0].title[0], "host, first, second, third");
}

#[test]
fn a_directory_that_is_not_there_is_not_drawn_and_one_that_went_is_drawn_as_gone() {
    let state = |entries: Option<&[&str]>| {
        let entry = |name: &&str| DirEntry {
            name: (*name).into(),
            kind: FileKind::File,
            size: 1,
            link: None,
        };
        let directory = Directory {
            actor: "host".into(),
            path: "/root/new".into(),
            entries: entries.map(|names| names.iter().map(entry).collect()),
            omitted: Omitted::Nothing,
        };
        let rows = crate::observe::mounts::parse("1 0 0:1 / / rw - tmpfs none rw");
        let (actor, ns, omitted) = ("host".into(), NsInode(1), Omitted::Nothing);
        let mounts = vec![MountTable { actor, ns, rows, omitted }];
        Snapshot { mounts, directories: vec![directory], ..Snapshot::default() }
    };
    let picture = |before: Option<&[&str]>, after: Option<&[&str]>| {
        let scene = of(MapLens::Mounts, &state(before), &state(after));
        draw(&scene, 60, 8, Glyphs::Unicode).text()
    };

    assert!(!picture(None, None).contains("new"));
    assert!(picture(None, Some(&[])).contains(" /root/new/"));
    assert!(picture(None, Some(&["etc"])).contains("+/root/new/  etc"));
    assert!(picture(Some(&["etc"]), None).contains("−/root/new/  etc"));
}

fn overlay(actor: &str, merged: &str, entries: Vec<OverlayEntry>) -> Overlay {
    Overlay {
        actor: actor.into(),
        mount_id: 7,
        merged: merged.into(),
        lowers: vec!["/image/tools".into(), "/image/base".into()],
        upper: Some(format!("/{actor}/upper")),
        work: None,
        entries,
        truncated: false,
    }
}

fn file(path: &str, kind: FileKind, upper: InUpper, in_lowers: &[usize]) -> OverlayEntry {
    OverlayEntry {
        path: path.into(),
        kind,
        in_lowers: in_lowers.to_vec(),
        lower_whiteouts: Vec::new(),
        lower_opaques: Vec::new(),
        upper,
        merged: true,
    }
}

fn with_overlays(overlays: Vec<Overlay>) -> Snapshot {
    let table = |overlay: &Overlay| MountTable {
        actor: overlay.actor.clone(),
        ns: NsInode(1),
        rows: crate::observe::mounts::parse(&format!(
            "7 0 0:{} / {} rw - overlay none rw",
            overlay.actor.0.len(),
            overlay.merged
        )),
        omitted: Omitted::Nothing,
    };
    Snapshot { mounts: overlays.iter().map(table).collect(), overlays, ..Snapshot::default() }
}

#[test]
fn a_look_up_ends_at_the_first_layer_that_answers_deletes_or_hides() {
    use PlateCell::{Answers, Empty, Hidden, Merged, Opaque, Passed, Whiteout};
    let (plain, directory) = (FileKind::File, FileKind::Directory);
    let mut deleted_below = file("motd", plain, InUpper::Absent, &[1]);
    deleted_below.lower_whiteouts.push(0);
    let mut hidden_below = file("opt", directory, InUpper::Absent, &[0, 1]);
    hidden_below.lower_opaques.push(0);
    let entries = vec![
        file("low", plain, InUpper::Absent, &[1]),
        file("both", plain, InUpper::Present, &[1]),
        file("gone", plain, InUpper::Whiteout, &[0]),
        file("usr", directory, InUpper::Absent, &[0, 1]),
        file("one", directory, InUpper::Absent, &[0]),
        file("etc", directory, InUpper::Opaque, &[1]),
        file("etc/x", plain, InUpper::Absent, &[1]),
        deleted_below,
        hidden_below,
    ];
    let state = with_overlays(vec![overlay("host", "/m", entries)]);
    let scene = of(MapLens::Files, &state, &state);
    let cells = |name: &str| {
        let mut columns = scene.stacks[0].columns.iter();
        columns.find(|it| it.name == name).expect(name).cells.clone()
    };

    assert_eq!(cells("low"), [Passed, Passed, Answers]);
    assert_eq!(cells("both"), [Answers, Empty, Hidden]);
    assert_eq!(cells("gone"), [Whiteout, Hidden, Empty]);
    assert_eq!(cells("usr/"), [Passed, Merged, Merged]);
    assert_eq!(cells("one/"), [Passed, Answers, Empty]);
    assert_eq!(cells("etc/"), [Opaque, Empty, Hidden]);
    assert_eq!(cells("etc/x"), [Passed, Empty, Hidden]);
    assert_eq!(cells("motd"), [Passed, Whiteout, Hidden]);
    assert_eq!(cells("opt/"), [Passed, Opaque, Hidden]);
}

#[test]
fn where_overlays_have_no_room_that_of_the_step_is_drawn_and_its_calls_stay_in_their_rows() {
    let entry = |upper| vec![file("a", FileKind::File, upper, &[1])];
    let both = |upper| {
        with_overlays(vec![
            overlay("one", "/", entry(InUpper::Absent)),
            overlay("other", "/", entry(upper)),
        ])
    };
    let (before, after) = (both(InUpper::Absent), both(InUpper::Present));
    let mut scene = of(MapLens::Files, &before, &after);
    let text = draw(&scene, 76, 8, Glyphs::Unicode).text();
    let (changed, title) = (text.find("▲"), text.find("other sees /"));
    assert!(changed.is_some() && title < text.find("one sees /").or(Some(usize::MAX)), "{text}");

    // A call that has no row of its own would stand on what is drawn below.
    scene.stacks[0].acts = vec![MapRow::act(ActEnd::Wanted, "asked"); 3];
    for height in 1..16 {
        let text = draw(&scene, 76, height, Glyphs::Unicode).text();
        let legend = text.lines().find(|line| line.contains("■ answers"));
        assert!(legend.is_none_or(|legend| legend.starts_with(" ■")), "{text}");

        // Those that have no line are counted.
        let is_drawn = text.contains(&scene.stacks[0].title[0]);
        let counted = text.lines().find_map(|line| {
            let (_, count) = line.rsplit_once("+ ").or_else(|| line.rsplit_once("+"))?;
            count.split_whitespace().next()?.parse::<usize>().ok()
        });
        let told = text.matches("asked").count() + counted.unwrap_or(0);
        assert!(!is_drawn || told == 3, "{told} calls of 3 at {height} rows: {text}");
    }
}

#[test]
fn two_overlays_on_one_path_are_two_and_say_that_they_share_their_lower_layers() {
    let entry = |upper| vec![file("a", FileKind::File, upper, &[1])];
    let both = |upper| {
        with_overlays(vec![
            overlay("one", "/", entry(upper)),
            overlay("other", "/", entry(InUpper::Absent)),
        ])
    };
    let (before, after) = (both(InUpper::Absent), both(InUpper::Present));
    let scene = of(MapLens::Files, &before, &after);
    let marks: Vec<ChangeKind> = scene.stacks.iter().map(|it| it.columns[0].mark).collect();
    assert_eq!(marks, [ChangeKind::Changed, ChangeKind::Same]);
    assert_eq!(scene.stacks[0].columns[0].copied_from, Some(2));
    assert_eq!(scene.changed(), Diff::between(&before, &after).change_count(ViewKind::Files));

    let text = draw(&scene, 76, 20, Glyphs::Unicode).text();
    assert_eq!(text.matches("also of other /").count(), 2, "{text}");
    assert_eq!(text.matches("also of one /").count(), 2, "{text}");
    assert!(text.contains("one sees /") && text.contains("other sees /"), "{text}");
    assert_eq!(text.matches('▲').count(), 4, "three on the way, one in the legend\n{text}");
}

#[test]
fn a_change_that_finds_no_column_is_counted_with_the_names_that_are_left_out() {
    let entries = (0..60)
        .map(|at| file(&format!("new-{at}"), FileKind::File, InUpper::Present, &[]))
        .collect();
    let before = with_overlays(vec![overlay("host", "/m", Vec::new())]);
    let after = with_overlays(vec![overlay("host", "/m", entries)]);
    let scene = of(MapLens::Files, &before, &after);
    for (width, height) in SIZES.into_iter().filter(|(width, height)| *width >= 40 && *height > 4) {
        let text = draw(&scene, width, height, Glyphs::Unicode).text();
        let names = text.matches("+new-").count();
        let more =
            text.split(&['+', '…', ' ', '\n'][..]).filter_map(|word| word.parse::<usize>().ok());
        let more: Vec<usize> = more.collect();
        assert!(names == 60 || more.contains(&(60 - names)), "{width}x{height} {names}\n{text}");
    }
}

fn refused(op: Op, errno: &str) -> OpRecord {
    let outcome = Outcome::Failed { errno: ErrnoName(errno.into()), what: String::new() };
    record(op, outcome)
}

fn record(op: Op, outcome: Outcome) -> OpRecord {
    OpRecord {
        actor: "host".into(),
        op,
        calls: Vec::new(),
        outcome,
        pieces: Vec::new(),
        nanos: 150_000,
        bar: None,
    }
}

#[test]
fn a_refused_call_stands_below_the_mount_it_is_about_with_its_errno() {
    let rows = crate::observe::mounts::parse(
        "1 0 0:1 / / rw - tmpfs none rw\n2 1 0:2 / /opt ro - tmpfs none rw",
    );
    let (actor, ns, omitted) = ("host".into(), NsInode(1), Omitted::Nothing);
    let mounts = vec![MountTable { actor, ns, rows, omitted }];
    let state = Snapshot { mounts, ..Snapshot::default() };
    let write = Op::WriteFile {
        path: "/opt/f".into(),
        text: "x".into(),
        mode: crate::op::WriteMode::Create,
    };
    let ops =
        [refused(write.clone(), "EROFS"), record(write, Outcome::Done { output: String::new() })];
    let diff = Diff::between(&state, &state);
    let scene = MapScene::of(MapLens::Mounts, &state, &state, &diff, &ops);
    let text = draw(&scene, 60, 8, Glyphs::Unicode).text();
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.contains("⊘ write /opt/f: EROFS")).expect("a row");
    assert!(lines[at - 1].contains("opt"), "{text}");
    assert_eq!(text.matches("write").count(), 1, "what succeeded left rows of its own\n{text}");
}

#[test]
fn a_packet_goes_from_hop_to_hop_as_routes_and_cables_lead_it() {
    let address = |dev: &str, ip: &str| Address {
        dev: dev.into(),
        ip: ip.into(),
        prefix: 16,
        scope: "global".into(),
    };
    let route = |to: &str, via: Option<&str>, dev: &str| Route {
        to: to.into(),
        via: via.map(str::to_owned),
        dev: dev.into(),
        protocol: "boot".into(),
        scope: "global".into(),
        prefsrc: None,
    };
    let mut host = network(
        "host",
        1,
        vec![
            link(2, "eth0", "veth", Some((3, true))),
            link(4, "br", "bridge", None),
            Link { master: Some("br".into()), ..link(5, "h0", "veth", Some((6, true))) },
        ],
    );
    host.addresses = vec![address("eth0", "203.0.113.2"), address("br", "172.17.0.1")];
    host.routes = vec![route("203.0.0.0/16", None, "eth0"), route("172.17.0.0/16", None, "br")];
    let mut container = network("container", 2, vec![link(6, "c0", "veth", Some((5, true)))]);
    container.addresses = vec![address("c0", "172.17.0.2")];
    container.routes = vec![route("default", Some("172.17.0.1"), "c0")];
    let mut internet = network("internet", 3, vec![link(3, "eth0", "veth", Some((2, true)))]);
    internet.addresses = vec![address("eth0", "203.0.113.1")];
    let networks = vec![host, container, internet];

    let names = |networks: &[Network], actor: &str, to: [u8; 4]| {
        super::way::way(networks, &actor.into(), to.into()).names.join(" ")
    };
    let far = [203, 0, 113, 1];
    assert_eq!(names(&networks, "container", far), "c0 h0 br eth0 eth0");
    assert_eq!(names(&networks, "host", [172, 17, 0, 2]), "br h0 c0");
    assert_eq!(names(&networks, "container", [172, 17, 0, 2]), "", "its own");
    let mut shut = networks.clone();
    shut[0].forwarding = Some(false);
    assert_eq!(names(&shut, "container", far), "c0 h0 br", "the host passes nothing on");
    let mut lost = networks;
    lost[1].routes.clear();
    assert_eq!(names(&lost, "container", far), "", "no route");
}
