//! The namespaces pane: a row per actor, a column per kind, as lsns(8) counts them; equal numbers are one namespace.

use super::{CompareMode, PaneData, PaneRow, PaneSection, RowKind, RowSubject, omitted, row};
use crate::diff::ChangeKind;
use crate::op::{ActorName, NamespaceKind};
use crate::seen::CutList;
use crate::snapshot::{Process, Snapshot};
use crate::text::padded;

pub fn build(scene: &PaneData<'_>) -> Vec<PaneSection> {
    let snapshot = if scene.compare == CompareMode::Before { scene.before } else { scene.after };
    let mut actors: Vec<&Process> =
        snapshot.processes.iter().filter(|process| process.actor.is_some()).collect();
    // Whatever its pid: once the machine's pids have begun anew, the host's may be the largest.
    actors.sort_by_key(|process| process.actor.as_ref() != Some(&ActorName::host()));
    // The kernel's own numbers are inodes of ten digits, from 4026531840 on.
    let width = if scene.raw { 11 } else { 9 };
    let name =
        |process: &Process| process.actor.as_ref().map_or(String::new(), ToString::to_string);
    let head: Vec<String> = actors.iter().map(|process| padded(&name(process), width)).collect();

    let mut rows =
        vec![PaneRow::heading(format!("{} {}  who shares it", padded("kind", 7), head.join(" ")))];
    for kind in NamespaceKind::ALL {
        let mark = mark_of(kind, scene, snapshot);
        if scene.changes_only && !mark.is_change() && scene.compare != CompareMode::Before {
            continue;
        }
        let kept = kept_words(kind, snapshot, scene);
        let line = kind_line(kind, &actors, width, scene) + &kept;
        let row = row(mark, line);
        rows.push(row.about(RowSubject::Namespaces(kind)));
    }

    for (place, (actor, hostname)) in snapshot.hostnames.iter().enumerate() {
        let before = scene.before.hostnames.get(actor);
        let changed =
            scene.compare != CompareMode::Before && before.is_some() && before != Some(hostname);
        let mark = if changed { ChangeKind::Changed } else { ChangeKind::Same };
        let was = before.filter(|_| changed).map_or_else(String::new, |old| format!("  was {old}"));
        if mark.is_change() || !scene.changes_only {
            let kind = if mark.is_change() { RowKind::Plain } else { RowKind::Dim };
            rows.push(PaneRow {
                kind,
                subject: Some(RowSubject::HostName { place }),
                ..row(mark, format!("host name for {actor}: {hostname}{was}"))
            });
        }
    }

    rows.extend(omitted(
        CutList::Processes,
        &scene.diff.processes,
        scene.diff.processes_omitted,
        scene,
    ));
    vec![PaneSection { rows }]
}

/// New where an actor's namespace of this kind was not there before.
fn mark_of(kind: NamespaceKind, scene: &PaneData<'_>, shown: &Snapshot) -> ChangeKind {
    if matches!(scene.compare, CompareMode::Before | CompareMode::After) {
        return ChangeKind::Same;
    }

    let known = |inode| {
        scene.before.processes.iter().any(|process| process.namespaces.get(&kind) == Some(inode))
    };
    let is_new = shown
        .processes
        .iter()
        .filter_map(|process| process.namespaces.get(&kind))
        .any(|inode| !known(inode));

    let kept = |of: &Snapshot| {
        let all = of.kept_namespaces().into_iter().filter(|kept| kept.kind == kind);
        all.map(|kept| kept.path).collect::<Vec<_>>()
    };
    match is_new && !scene.before.processes.is_empty() {
        false if kept(scene.before) != kept(shown) => ChangeKind::Changed,
        true if scene.before.processes_omitted.is_nothing() => ChangeKind::Added,
        // Somebody who was not read may have been in it.
        true => ChangeKind::Unknown,
        false => ChangeKind::Same,
    }
}

/// The files that keep namespaces of this kind, each with its namespace.
fn kept_words(kind: NamespaceKind, shown: &Snapshot, scene: &PaneData<'_>) -> String {
    let kept = shown.kept_namespaces().into_iter().filter(|kept| kept.kind == kind);
    let words = kept.map(|kept| {
        let label = scene.stable_ids.namespace_label(kept.inode, scene.raw);
        format!("; {label} kept by {}", kept.path)
    });
    words.collect()
}

fn kind_line(
    kind: NamespaceKind,
    actors: &[&Process],
    width: usize,
    scene: &PaneData<'_>,
) -> String {
    let inode = |process: &Process| process.namespaces.get(&kind).copied();
    let cells: Vec<String> = actors
        .iter()
        .map(|process| {
            inode(process).map_or_else(String::new, |inode| {
                scene.stable_ids.namespace_label(inode, scene.raw)
            })
        })
        .map(|cell| padded(&cell, width))
        .collect();

    let host = actors.first().and_then(|process| inode(process));
    let alone: Vec<&str> = actors
        .iter()
        .skip(1)
        .filter(|process| inode(process) != host)
        .filter_map(|process| process.actor.as_ref().map(|actor| actor.as_str()))
        .collect();

    let word = match (alone.len(), actors.len()) {
        (_, 0 | 1) => String::new(),
        (0, _) => "all share it".into(),
        _ => format!("own: {}", alone.join(", ")),
    };
    format!("{} {}  {word}", padded(kind.proc_link_name(), 7), cells.join(" "))
}
