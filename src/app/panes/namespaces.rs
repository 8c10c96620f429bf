//! The namespaces pane: a row per actor, a column per kind, as lsns(8) counts them; equal numbers are one namespace.

use super::{
    CompareMode, PaneData, PaneRow, PaneSection, RowKind, RowSubject, omitted, row, visible,
};
use crate::diff::ChangeKind;
use crate::op::{ActorName, NamespaceKind};
use crate::seen::CutList;
use crate::snapshot::{Process, Snapshot};
use crate::text::padded;
use crate::words;

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
        let row = row(mark, kind_line(kind, &actors, width, scene));
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

    rows.extend(ipc_rows(scene, snapshot));

    rows.extend(omitted(
        CutList::Processes,
        &scene.diff.processes,
        scene.diff.processes_omitted,
        scene,
    ));
    vec![PaneSection { rows }]
}

/// The System V objects of each IPC namespace, and which has none.
fn ipc_rows(scene: &PaneData<'_>, snapshot: &Snapshot) -> Vec<PaneRow> {
    let mut rows = Vec::new();
    for (place, (mark, (actor, object), _)) in visible(&scene.diff.ipc, scene) {
        let text = format!("{actor}: {}", words::rows::ipc_object(object));
        rows.push(row(mark, text).about(RowSubject::IpcObject { place }));
    }

    for table in snapshot.ipc.iter().filter(|table| !table.omitted.is_nothing()) {
        let text = format!("  … more IPC objects of {} than are read", table.actor);
        rows.push(PaneRow::heading(text));
    }

    for table in snapshot.ipc.iter().filter(|table| table.objects.is_empty()) {
        let is_new = !scene.before.ipc.iter().any(|before| before.ns == table.ns);
        let compares = !matches!(scene.compare, CompareMode::Before | CompareMode::After);
        let mark = if is_new && compares { ChangeKind::Added } else { ChangeKind::Same };
        if mark.is_change() || !scene.changes_only {
            let text = format!("{}: no IPC objects", table.actor);
            rows.push(PaneRow {
                kind: if mark.is_change() { RowKind::Plain } else { RowKind::Dim },
                ..row(mark, text).about(RowSubject::Namespaces(NamespaceKind::Ipc))
            });
        }
    }
    rows
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

    match is_new && !scene.before.processes.is_empty() {
        true if scene.before.processes_omitted.is_nothing() => ChangeKind::Added,
        // Somebody who was not read may have been in it.
        true => ChangeKind::Unknown,
        false => ChangeKind::Same,
    }
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
