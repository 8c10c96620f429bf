//! The changes of mount tables.

use std::collections::HashSet;

use super::rows::{DiffSide, diff_rows};
use super::{ChangeKind, DiffRow, DiffSection, OwnerChange};
use crate::op::ActorName;
use crate::snapshot::{Mount, MountTable, Omitted};

/// One table per actor. Ids tell mounts apart, but are reused: one that is now something else is another mount.
pub(super) fn mounts(
    before: &[MountTable],
    after: &[MountTable],
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
            _ => new_actor_table(table, before, after),
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
/// table that resembles it most, whose rows were copied, not mounted.
fn new_actor_table(
    table: &MountTable,
    before: &[MountTable],
    after: &[MountTable],
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
    // The first of equals: a tie goes to the actor whose table is the older one.
    let mut parent: Option<(&MountTable, HashSet<_>, usize)> = None;
    for other in others() {
        let known = places(other);
        let score = table.rows.iter().filter(|row| known.contains(&place(row))).count();
        if score > parent.as_ref().map_or(0, |(_, _, most)| *most) {
            parent = Some((other, known, score));
        }
    }
    let Some((parent, known, _)) = parent else {
        return section(OwnerChange::New, &|_| ChangeKind::Added);
    };

    // A mount that the copied table may have had behind its end was copied too, or is new.
    let new = if parent.omitted.is_nothing() { ChangeKind::Added } else { ChangeKind::Unknown };
    section(OwnerChange::CopyOf(parent.actor.clone()), &|row| {
        if known.contains(&place(row)) { ChangeKind::Same } else { new }
    })
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
