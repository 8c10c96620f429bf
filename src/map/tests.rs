//! Tests of scenes and of their drawing, made by hand.

#![cfg(test)]

use std::sync::Arc;

use unicode_width::UnicodeWidthChar;

use super::folding::{MapLine, folded};
use super::scene::{BoxPart, MapBox, MapRow, WireKind};
use super::*;
use crate::diff::ChangeKind;
use crate::snapshot::{
    Address, DirEntry, Directory, FileKind, Link, MountTable, Network, NsInode, Omitted,
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
    MapScene::of(lens, before, after, &Diff::between(before, after))
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
