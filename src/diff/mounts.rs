//! The changes of mount tables.

use std::collections::HashSet;

use super::rows::{DiffSide, diff_rows};
use super::{ChangeKind, DiffRow, DiffSection, OwnerChange};
use crate::op::ActorName;
use crate::snapshot::{Mount, MountTable, Omitted, Process};

/// One table per actor. Ids tell mounts apart, but are reused: one that is now something else is another mount.
/// `processes` are those after.
pub(super) fn mounts(
    before: &[MountTable],
    after: &[MountTable],
    processes: &[Process],
) -> Vec<DiffSection<ActorName, Mount>> {
    let key =
        |mount: &Mount| (mount.id, mount.device.clone(), mount.root.clone(), mount.fstype.clone());
    let mut found: Vec<DiffSection<ActorName, Mount>> = Vec::new();

    for table in after {
        let section = match before.iter().find(|old| old.actor == table.actor) {
            Some(old) if old.ns == table.ns => DiffSection {
                owner: table.actor.clone(),
                owner_change: OwnerChange::Old,
                rows: diff_rows(
                    &DiffSide::new(&old.rows, old.omitted),
                    &DiffSide::new(&table.rows, table.omitted),
                    key,
                    mount_mark,
                ),
                omitted: [old.omitted, table.omitted],
            },
            _ => new_actor_table(table, before, after, processes),
        };
        found.push(section);
    }

    for old in before.iter().filter(|old| !after.iter().any(|table| table.actor == old.actor)) {
        found.push(DiffSection {
            owner: old.actor.clone(),
            owner_change: OwnerChange::Gone,
            rows: diff_rows(
                &DiffSide::new(&old.rows, old.omitted),
                &DiffSide::whole(&[]),
                key,
                mount_mark,
            ),
            omitted: [old.omitted, Omitted::Nothing],
        });
    }

    found
}

/// The table of an actor that is new. In a namespace that was there it is that table; in a new one it is a copy of the
/// table that resembles it most, whose rows were copied, not mounted. Of those that resemble it alike it is the table of
/// the actor's nearest forebear, then the first.
fn new_actor_table(
    table: &MountTable,
    before: &[MountTable],
    after: &[MountTable],
    processes: &[Process],
) -> DiffSection<ActorName, Mount> {
    let section = |owner_change, mark: &dyn Fn(&Mount) -> ChangeKind| DiffSection {
        owner: table.actor.clone(),
        owner_change,
        rows: table.rows.iter().map(|row| new_actor_row(row, mark(row))).collect(),
        omitted: [Omitted::Nothing, table.omitted],
    };

    let others = || after.iter().chain(before).filter(|other| other.actor != table.actor);
    if others().any(|other| other.ns == table.ns) {
        return section(OwnerChange::New, &|_| ChangeKind::Same);
    }

    let place = |mount: &Mount| (mount.target.clone(), mount.device.clone(), mount.root.clone());
    let places = |table: &MountTable| table.rows.iter().map(place).collect::<HashSet<_>>();
    let forebears = forebears(&table.actor, processes);
    let nearness = |other: &MountTable| {
        let generation = forebears.iter().position(|forebear| **forebear == other.actor);
        generation.map_or(0, |generation| forebears.len() - generation)
    };
    let mut parent: Option<(&MountTable, HashSet<_>)> = None;
    let mut most = (0, 0);
    for other in others() {
        let known = places(other);
        let alike = table.rows.iter().filter(|row| known.contains(&place(row))).count();
        if alike > 0 && (alike, nearness(other)) > most {
            most = (alike, nearness(other));
            parent = Some((other, known));
        }
    }
    let Some((parent, known)) = parent else {
        return section(OwnerChange::New, &|_| ChangeKind::Added);
    };

    // A mount that the copied table may have had behind its end was copied too, or is new.
    let new = if parent.omitted.is_nothing() { ChangeKind::Added } else { ChangeKind::Unknown };
    section(OwnerChange::CopyOf(parent.actor.clone()), &|row| {
        if known.contains(&place(row)) { ChangeKind::Same } else { new }
    })
}

/// The actors among the parents of an actor's process, the nearest first.
fn forebears<'a>(actor: &ActorName, processes: &'a [Process]) -> Vec<&'a ActorName> {
    let parent = |of: &Process| processes.iter().find(|process| process.pid == of.ppid);
    let process = processes.iter().find(|process| process.actor.as_ref() == Some(actor));
    // Nobody has more parents than there are processes: numbers read one after another may form a ring.
    std::iter::successors(process, |process| parent(process))
        .skip(1)
        .take(processes.len())
        .filter_map(|process| process.actor.as_ref())
        .collect()
}

fn new_actor_row(row: &Mount, mark: ChangeKind) -> DiffRow<Mount> {
    DiffRow {
        mark,
        before: (mark == ChangeKind::Same).then(|| row.clone()),
        after: Some(row.clone()),
    }
}

fn mount_mark(before: &Mount, after: &Mount) -> ChangeKind {
    if before.target != after.target {
        return ChangeKind::Moved;
    }
    let settings = |mount: &Mount| {
        (mount.options.clone(), mount.propagation.clone(), mount.super_options.clone())
    };
    if settings(before) == settings(after) { ChangeKind::Same } else { ChangeKind::Changed }
}
