//! PID namespaces as boxes: one process, and a PID in each namespace that it is in.

use std::collections::BTreeMap;

use super::canvas::MapTone;
use super::scene::{BoxOwner, MapBox, MapRow, MapScene, MapWire, RowAnchor, WireKind, host, lamps};
use crate::diff::{ChangeKind, Diff, DiffRow};
use crate::op::NamespaceKind;
use crate::snapshot::{NsInode, Process, Snapshot};

/// Deeper than this, a tree is drawn no further to the right.
const MAX_DEPTH: usize = 12;

pub(super) fn scene(before: &Snapshot, after: &Snapshot, diff: &Diff) -> MapScene {
    let mut scene = MapScene::default();
    let pid_ns = |process: &Process| process.namespaces.get(&NamespaceKind::Pid).copied();
    let lab = host(after).or_else(|| host(before)).and_then(pid_ns);

    let mut lab_box = MapBox { title: vec!["host".into(), "PIDs".into()], ..MapBox::default() };
    let labs = |row: &DiffRow<Process>| {
        let process = row.latest_value().filter(|it| pid_ns(it) == lab)?;
        process.actor.clone()
    };
    lab_box.of = BoxOwner::Actors(diff.processes.iter().filter_map(labs).collect());
    lab_box.foot = host(after).map(|it| lamps(it, host(after))).unwrap_or_default();
    let mut inner: BTreeMap<NsInode, usize> = BTreeMap::new();

    let parents = parents(diff);
    let depths = depths(&parents);
    for (place, row) in diff.processes.iter().enumerate() {
        let Some(process) = row.latest_value() else { continue };
        let anchor = RowAnchor(2 * place);
        let depth = depths.get(&process.pid).copied().unwrap_or(0).min(MAX_DEPTH);
        lab_box.push(outer_row(row, process, depth).anchor(anchor));

        let Some(own) = pid_ns(process).filter(|own| Some(*own) != lab) else { continue };
        for (around, pid) in seen_from(process, &parents).filter(|(it, _)| *it != own) {
            let Some(place) = inner.get(&around) else { continue };
            let made = MapRow::new(row.mark, format!("{pid:>3} {}", text(process)));
            scene.right[*place].push(made.standing_for(0, 0));
        }
        let place = *inner.entry(own).or_insert_with(|| {
            let (mark, of) = (Some(ChangeKind::Added), BoxOwner::Actors(Vec::new()));
            scene.right.push(MapBox { mark, of, ..MapBox::default() });
            scene.right.len() - 1
        });
        let one = &mut scene.right[place];
        if let (BoxOwner::Actors(all), Some(actor)) = (&mut one.of, &process.actor) {
            all.push(actor.clone());
        }
        describe(one, process, if row.after.is_some() { after } else { before });
        if row.mark != ChangeKind::Added {
            one.mark = None;
        }

        let name = text(process);
        let inside = RowAnchor(anchor.0 + 1);
        let made = MapRow::new(row.mark, format!("{:>3} {name}", process.own_pid()));
        // The pane has one row for it, which the host's box stands for.
        one.push(made.standing_for(0, 0).anchor(inside));
        if row.after.is_some() {
            let kind = WireKind::Identity;
            let ends = [anchor, inside];
            scene.wires.push(MapWire::new(ends, kind, row.mark));
        }
    }

    scene.left.push(lab_box);
    scene
}

/// The title and lamps of a box, from the first actor in it.
fn describe(one: &mut MapBox, process: &Process, snapshot: &Snapshot) {
    let Some(actor) = &process.actor else {
        if one.title.is_empty() {
            one.title = vec![process.comm.clone(), "PIDs".into()];
        }
        return;
    };
    if one.foot.is_empty() {
        one.title = vec![actor.to_string(), "PIDs".into()];
        one.foot = lamps(process, host(snapshot));
    }
}

fn text(process: &Process) -> String {
    let is_over = if process.state == 'Z' { " (zombie)" } else { "" };
    let name = if process.args.is_empty() { &process.comm } else { &process.args };
    format!("{name}{is_over}")
}

fn outer_row(row: &DiffRow<Process>, process: &Process, depth: usize) -> MapRow {
    let number = process.lab_pid().unwrap_or_else(|| process.own_pid());
    let branch = if depth == 0 { String::new() } else { format!("{}└ ", "  ".repeat(depth - 1)) };
    MapRow::new(row.mark, format!("{number:>3} "))
        .and(MapTone::Line, branch)
        .and(MapTone::of_mark(row.mark), text(process))
}

/// The processes of the lab by their PID on the machine.
fn parents(diff: &Diff) -> BTreeMap<u32, &Process> {
    diff.processes
        .iter()
        .filter_map(DiffRow::latest_value)
        .map(|process| (process.pid, process))
        .collect()
}

/// The PID namespaces around a process's own in which somebody above it in the tree is, and its PID there. A namespace
/// is inside that of whoever made it, who is an ancestor of all in it.
fn seen_from<'a>(
    process: &'a Process,
    all: &'a BTreeMap<u32, &'a Process>,
) -> impl Iterator<Item = (NsInode, u32)> + 'a {
    let above =
        std::iter::successors(all.get(&process.ppid).copied(), |one| all.get(&one.ppid).copied());
    let mut level = process.ns_pids.len();
    above.take(MAX_DEPTH).filter_map(move |one| {
        let is_further_out = one.ns_pids.len() < level;
        level = level.min(one.ns_pids.len());
        let namespace = one.namespaces.get(&NamespaceKind::Pid).copied();
        let pid = one.ns_pids.len().checked_sub(1).and_then(|place| process.ns_pids.get(place));
        namespace.zip(pid.copied()).filter(|_| is_further_out)
    })
}

/// The number of parents of each process among those of the lab.
fn depths(parents: &BTreeMap<u32, &Process>) -> BTreeMap<u32, usize> {
    parents
        .iter()
        .map(|(pid, process)| {
            let parent = |process: &&Process| parents.get(&process.ppid).copied();
            let above = std::iter::successors(parent(process), parent);
            (*pid, above.take(MAX_DEPTH).count())
        })
        .collect()
}
