//! Overlays as plates, one layer on the other, with a column for each name: the line of the look-up falls from above to
//! the first layer that answers. Directories that the step asked to show stand below, as boxes.

use std::collections::{BTreeMap, BTreeSet};

use super::scene::{
    BoxOwner, LayerAccess, LayerStack, MapBox, MapRow, MapScene, Plate, PlateCell, PlateColumn,
    distinct,
};
use crate::diff::{ChangeKind, Diff, DiffRow, DiffSection, OverlayOwner, OwnerChange};
use crate::op::ActorName;
use crate::snapshot::{DirEntry, FileKind, InUpper, Overlay, OverlayEntry, Snapshot};
use crate::text::digests_shortened;

pub(super) fn scene(before: &Snapshot, after: &Snapshot, diff: &Diff) -> MapScene {
    let stacks = diff.overlays.iter().filter_map(|section| {
        let (overlay, snapshot) = find(section, before, after)?;
        Some(stack(section, overlay, snapshot))
    });
    MapScene { stacks: stacks.collect(), left: directories(diff), ..MapScene::default() }
}

/// The overlay that a section tells of, and the state that has it.
fn find<'a>(
    section: &DiffSection<OverlayOwner, OverlayEntry>,
    before: &'a Snapshot,
    after: &'a Snapshot,
) -> Option<(&'a Overlay, &'a Snapshot)> {
    [after, before].into_iter().find_map(|snapshot| {
        let overlay = snapshot.overlays.iter().find(|it| section.owner.is_of(it))?;
        Some((overlay, snapshot))
    })
}

fn stack(
    section: &DiffSection<OverlayOwner, OverlayEntry>,
    overlay: &Overlay,
    snapshot: &Snapshot,
) -> LayerStack {
    let mark = match section.owner_change {
        OwnerChange::New | OwnerChange::CopyOf(_) => Some(ChangeKind::Added),
        OwnerChange::Gone => Some(ChangeKind::Gone),
        OwnerChange::Old | OwnerChange::Unknown => None,
    };
    let mut title = seen_at(overlay, snapshot);
    if section.owner_change == OwnerChange::Gone {
        title.push("gone".into());
    }

    let plates = plates(overlay, snapshot);
    let has_upper = overlay.upper.is_some();
    let entries: BTreeMap<&str, &OverlayEntry> = section
        .rows
        .iter()
        .filter_map(DiffRow::latest_value)
        .map(|entry| (entry.path.as_str(), entry))
        .collect();
    let mut columns: Vec<(usize, PlateColumn)> = section
        .rows
        .iter()
        .filter_map(|row| {
            let entry = row.latest_value()?;
            let cells = cells(entry, &entries, overlay.lowers.len(), has_upper);
            // What the upper layer had before the overlay was mounted is no copy.
            let can_copy = has_upper && mark != Some(ChangeKind::Added);
            let column = column(row, entry, cells, can_copy);
            Some((rank(&column, entry), column))
        })
        .collect();
    columns.sort_by_key(|(rank, _)| *rank);
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let device = snapshot.device_of(overlay).map(str::to_owned);
    LayerStack { device, title, mark, plates, columns, acts: Vec::new() }
}

/// Everybody who sees the overlay, and where: it has one device wherever it is mounted.
fn seen_at(overlay: &Overlay, snapshot: &Snapshot) -> Vec<String> {
    let device = snapshot.device_of(overlay);
    let mut places = vec![format!("{} sees {}", overlay.actor, overlay.merged)];
    for table in snapshot.mounts.iter().filter(|table| table.actor != overlay.actor) {
        let mount = table.rows.iter().find(|mount| Some(mount.device.as_str()) == device);
        places.extend(mount.map(|mount| format!("{} sees {}", table.actor, mount.target)));
    }
    places
}

fn plates(overlay: &Overlay, snapshot: &Snapshot) -> Vec<Plate> {
    let all: Vec<&String> = overlay.upper.iter().chain(&overlay.lowers).collect();
    let last = |path: &str| path.rsplit('/').find(|part| !part.is_empty()).map(str::to_owned);
    let names: Vec<String> =
        all.iter().map(|path| last(path).unwrap_or_else(|| (*path).clone())).collect();
    all.iter()
        .zip(&names)
        .enumerate()
        .map(|(place, (path, name))| {
            // Two layers with one name are told apart by their paths.
            let is_unique = names.iter().filter(|other| *other == name).count() == 1;
            let is_upper = place == 0 && overlay.upper.is_some();
            let access = if is_upper { LayerAccess::Write } else { LayerAccess::Read };
            let others = snapshot.overlays.iter().filter(|other| !is_one(other, overlay));
            let others = others.filter(|other| other.lowers.contains(path));
            let shared_with = if is_upper {
                Vec::new()
            } else {
                others.map(|other| format!("{} {}", other.actor, other.merged)).collect()
            };
            let name = if is_unique { name.clone() } else { (*path).clone() };
            Plate { name, access, shared_with }
        })
        .collect()
}

fn is_one(one: &Overlay, other: &Overlay) -> bool {
    (&one.actor, one.mount_id) == (&other.actor, other.mount_id)
}

/// The states of the layers at a name, in the order in which the kernel asks them.
fn cells(
    entry: &OverlayEntry,
    entries: &BTreeMap<&str, &OverlayEntry>,
    lowers: usize,
    has_upper: bool,
) -> Vec<PlateCell> {
    let states = entry.layers(lowers);
    // A directory above it may end the look-up of all that is in it.
    let ended = |place: usize| {
        let mut above = ancestors(&entry.path).filter_map(|path| entries.get(path));
        above.any(|it| {
            let ends = |state: &InUpper| matches!(state, InUpper::Whiteout | InUpper::Opaque);
            it.layers(lowers).iter().position(ends).is_some_and(|end| end < place)
        })
    };

    let is_directory = entry.kind == FileKind::Directory;
    let mut is_asked = true;
    let mut found: Vec<PlateCell> = Vec::new();
    for (place, state) in states.iter().enumerate() {
        is_asked &= !ended(place);
        let cell = match (state, is_asked) {
            (InUpper::Absent, true) => PlateCell::Passed,
            (InUpper::Absent, false) => PlateCell::Empty,
            (InUpper::Whiteout, _) => PlateCell::Whiteout,
            (InUpper::Present | InUpper::Opaque, false) => PlateCell::Hidden,
            (InUpper::Opaque, true) => PlateCell::Opaque,
            (InUpper::Present, true) if is_directory => PlateCell::Merged,
            (InUpper::Present, true) => PlateCell::Answers,
        };
        is_asked &= matches!(cell, PlateCell::Passed | PlateCell::Merged);
        found.push(cell);
    }

    // One directory alone has nothing to be merged with: the look-up ends there.
    let merged = found.iter().filter(|cell| **cell == PlateCell::Merged).count();
    let opaque = found.contains(&PlateCell::Opaque);
    if merged == 1 && !opaque {
        let mut is_found = false;
        for cell in &mut found {
            match cell {
                PlateCell::Merged => (*cell, is_found) = (PlateCell::Answers, true),
                PlateCell::Passed if is_found => *cell = PlateCell::Empty,
                PlateCell::Passed
                | PlateCell::Empty
                | PlateCell::Answers
                | PlateCell::Hidden
                | PlateCell::Whiteout
                | PlateCell::Opaque => {}
            }
        }
    }
    if !has_upper {
        found.remove(0);
    }
    found
}

/// `a/b` and `a` of `a/b/c`.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

fn column(
    row: &DiffRow<OverlayEntry>,
    entry: &OverlayEntry,
    cells: Vec<PlateCell>,
    can_copy: bool,
) -> PlateColumn {
    let upper = |side: &Option<OverlayEntry>| side.as_ref().map_or(InUpper::Absent, |it| it.upper);
    let (was, is) = (upper(&row.before), upper(&row.after));
    let is_in_upper = matches!(is, InUpper::Present | InUpper::Opaque);
    let came_up = row.mark.is_change() && was == InUpper::Absent && is_in_upper;
    let below = entry.in_lowers.first().copied();
    let is_file = entry.kind != FileKind::Directory;
    let copied_from = below.filter(|_| came_up && is_file && can_copy).map(|lower| lower + 1);

    let mark = match (row.mark.is_change(), is) {
        (true, InUpper::Whiteout) if was != InUpper::Whiteout => ChangeKind::Gone,
        // It was there all the time: how deep a directory is read decides whether the pane had it.
        (true, _) if came_up && below.is_some() => ChangeKind::Changed,
        _ => row.mark,
    };
    let slash = if entry.kind == FileKind::Directory { "/" } else { "" };
    let name = format!("{}{slash}", entry.path);
    PlateColumn { name, mark, cells, copied_from, changed: usize::from(row.mark.is_change()) }
}

/// Changes first, files before directories; then what lies in more than one layer; then all others.
fn rank(column: &PlateColumn, entry: &OverlayEntry) -> usize {
    let is_directory = usize::from(entry.kind == FileKind::Directory);
    let is_special = |cell: &PlateCell| {
        matches!(cell, PlateCell::Whiteout | PlateCell::Opaque | PlateCell::Hidden)
    };
    let layers =
        column.cells.iter().filter(|cell| !matches!(cell, PlateCell::Passed | PlateCell::Empty));
    if column.mark.is_change() {
        is_directory
    } else if column.cells.iter().any(is_special) {
        2
    } else if layers.count() > 1 {
        3
    } else {
        4
    }
}

/// Listings of directories, a box for each actor.
fn directories(diff: &Diff) -> Vec<MapBox> {
    let actors: Vec<&ActorName> =
        distinct(diff.directories.iter().map(|section| &section.owner.actor));
    let mut boxes = Vec::new();
    for actor in actors {
        let mut one = MapBox {
            of: BoxOwner::Actors(vec![actor.clone()]),
            title: vec![format!("{actor} sees")],
            ..MapBox::default()
        };
        for section in diff.directories.iter().filter(|it| it.owner.actor == *actor) {
            rows(&mut one, &section.owner.path, &section.rows);
        }
        if !one.parts.is_empty() {
            boxes.push(one);
        }
    }
    boxes
}

/// A row for what a directory has of each kind of change.
fn rows(one: &mut MapBox, path: &str, rows: &[DiffRow<DirEntry>]) {
    let marks: BTreeSet<(bool, char)> =
        rows.iter().map(|row| (!row.mark.is_change(), row.mark.sign())).collect();
    for (_, sign) in marks {
        let own = || rows.iter().filter(|row| row.mark.sign() == sign);
        let Some(mark) = own().map(|row| row.mark).next() else { continue };
        let names =
            own().filter_map(DiffRow::latest_value).map(|entry| digests_shortened(&entry.name));
        let changed = own().filter(|row| row.mark.is_change()).count();
        let row = MapRow::new(mark, format!("{}/", path.trim_end_matches('/')));
        one.push(MapRow { names: names.collect(), ..row }.standing_for(own().count(), changed));
    }
}
