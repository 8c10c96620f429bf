//! The namespaces pane: a row per actor, a column per kind, as lsns(8) counts them; equal numbers are one namespace.

use super::{
    CompareMode, PaneData, PaneRow, PaneSection, RowKind, RowSubject, omitted, row, visible,
};
use crate::diff::{ChangeKind, DiffRow};
use crate::op::{ActorName, NamespaceKind};
use crate::seen::CutList;
use crate::snapshot::{NamespaceContent, Process, Snapshot};
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
        if !scene.changes_only || mark.is_change() || scene.compare == CompareMode::Before {
            let kept = kept_words(kind, snapshot, scene);
            let row = row(mark, kind_line(kind, &actors, width, scene) + &kept);
            rows.push(row.about(RowSubject::Namespaces(kind)));
        }
        push_contents(&mut rows, kind, scene);
        if kind == NamespaceKind::Uts {
            push_host_names(&mut rows, scene, snapshot);
        }
        if kind == NamespaceKind::Ipc {
            push_ipc_objects(&mut rows, scene, snapshot);
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

/// The names of the machine, below the UTS namespaces.
fn push_host_names(rows: &mut Vec<PaneRow>, scene: &PaneData<'_>, snapshot: &Snapshot) {
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
                ..row(mark, below(&format!("host name for {actor}: {hostname}{was}")))
            });
        }
    }
}

/// The contents of the namespaces of a kind, below them. The lab's own id map is told where there is another one: it is what
/// that one's numbers outside are ids of.
fn push_contents(rows: &mut Vec<PaneRow>, kind: NamespaceKind, scene: &PaneData<'_>) {
    let of_kind = |content: &NamespaceContent| content.holds.kind() == kind;
    let contents = &scene.diff.contents;
    let is_about = |it: &DiffRow<NamespaceContent>| {
        it.latest_value().is_some_and(|content| of_kind(content) && !content.is_of_host())
    };
    if !contents.iter().any(is_about) {
        return;
    }

    for (place, change) in contents.iter().enumerate() {
        let shown = match scene.compare {
            CompareMode::Before => change.before.as_ref(),
            CompareMode::After => change.after.as_ref(),
            CompareMode::Diff | CompareMode::SideBySide => change.latest_value(),
        };
        let Some(content) = shown.filter(|content| of_kind(content)) else { continue };
        let is_one_side = matches!(scene.compare, CompareMode::Before | CompareMode::After);
        let mark = if is_one_side { ChangeKind::Same } else { change.mark };
        if scene.changes_only && !mark.is_change() {
            continue;
        }
        let was = change.before.as_ref().filter(|_| mark == ChangeKind::Changed);
        let was = was.map_or_else(String::new, |old| {
            format!("  was {}", words::rows::namespace_holds(&old.holds))
        });
        let kind = if mark.is_change() { RowKind::Plain } else { RowKind::Dim };
        rows.push(PaneRow {
            kind,
            subject: Some(RowSubject::NamespaceContent { place }),
            ..row(mark, below(&(words::rows::namespace_content(content) + &was)))
        });
    }
}

/// A line below that of a kind.
fn below(line: &str) -> String {
    format!("  {line}")
}

/// The System V objects of each IPC namespace, and which has none, below the IPC namespaces.
fn push_ipc_objects(rows: &mut Vec<PaneRow>, scene: &PaneData<'_>, snapshot: &Snapshot) {
    for (place, (mark, it, _)) in visible(&scene.diff.ipc, scene) {
        let text = below(&words::rows::placed_ipc_object(it));
        rows.push(row(mark, text).about(RowSubject::IpcObject { place }));
    }

    for table in snapshot.ipc.iter().filter(|table| !table.omitted.is_nothing()) {
        let text = below(&format!("… more IPC objects of {} than are read", table.actor));
        rows.push(PaneRow::heading(text));
    }

    for table in snapshot.ipc.iter().filter(|table| table.objects.is_empty()) {
        // Where nothing was asked before, nobody knows.
        let was_asked = !scene.before.ipc.is_empty();
        let is_new = was_asked && !scene.before.ipc.iter().any(|before| before.ns == table.ns);
        let compares = !matches!(scene.compare, CompareMode::Before | CompareMode::After);
        let mark = if is_new && compares { ChangeKind::Added } else { ChangeKind::Same };
        if mark.is_change() || !scene.changes_only {
            let text = below(&format!("{}: no IPC objects", table.actor));
            rows.push(PaneRow {
                kind: if mark.is_change() { RowKind::Plain } else { RowKind::Dim },
                ..row(mark, text).about(RowSubject::Namespaces(NamespaceKind::Ipc))
            });
        }
    }
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
