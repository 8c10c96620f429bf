//! Mount tables as boxes with a tree in each, and the peer groups that mounts are propagated through as wires.

use std::collections::{BTreeMap, BTreeSet};

use super::canvas::MapTone;
use super::scene::{BoxOwner, MapBox, MapRow, MapScene, MapWire, RowAnchor, WireKind, host, lamps};
use crate::diff::{ChangeKind, Diff, DiffRow, DiffSection, DirectoryOwner, OwnerChange};
use crate::op::ActorName;
use crate::snapshot::{Mount, Snapshot};
use crate::text::digests_shortened;

/// Deeper mounts are drawn no further to the right, and a subtree is looked into no deeper.
const MAX_DEPTH: usize = 16;

type Section = DiffSection<ActorName, Mount>;

pub(super) fn scene(after: &Snapshot, diff: &Diff) -> MapScene {
    let mut tables: Vec<Table<'_>> = Vec::new();
    for section in &diff.mounts {
        let is_old = section.owner_change == OwnerChange::Old;
        match tables.iter_mut().find(|table| is_old && table.section.rows == section.rows) {
            // One mount namespace, one root: one tree.
            Some(table) => table.add_owner(section),
            None => tables.push(Table::new(section, RowAnchor(tables.len()), after)),
        }
    }

    directories(&mut tables, after, diff);
    let wires = wires(&tables);
    let (left, right): (Vec<_>, Vec<_>) =
        tables.into_iter().partition(|table| table.section.owner == ActorName::host());
    let boxes = |tables: Vec<Table<'_>>| tables.into_iter().map(Table::into_box).collect();
    MapScene { left: boxes(left), right: boxes(right), wires, ..MapScene::default() }
}

/// A mount table, and the actors that see it alike.
struct Table<'a> {
    section: &'a Section,
    /// Of the mount at its root.
    anchor: RowAnchor,
    owners: Vec<&'a ActorName>,
    /// Its title lacks the owners yet.
    drawn: MapBox,
}

impl<'a> Table<'a> {
    fn new(section: &'a Section, anchor: RowAnchor, after: &Snapshot) -> Table<'a> {
        let process = after.process_of(&section.owner);
        let foot = process.map(|it| lamps(it, host(after))).unwrap_or_default();
        let drawn = MapBox { foot, ..table(section, anchor) };
        Table { section, anchor, owners: vec![&section.owner], drawn }
    }

    /// Another actor whose table has the same rows: each change is a row in the pane of either.
    fn add_owner(&mut self, section: &'a Section) {
        self.owners.push(&section.owner);
        let changed = section.rows.iter().filter(|row| row.mark.is_change()).count();
        if changed > 0 {
            let row = MapRow::new(ChangeKind::Same, format!("the same for {}", section.owner));
            self.drawn.push(row.standing_for(section.rows.len(), changed));
        }
    }

    fn into_box(self) -> MapBox {
        let owners: Vec<&str> = self.owners.iter().map(|owner| owner.as_str()).collect();
        let mut drawn = self.drawn;
        drawn.title.insert(0, owners.join(", "));
        drawn.of = BoxOwner::Actors(self.owners.into_iter().cloned().collect());
        drawn
    }
}

fn table(section: &Section, anchor: RowAnchor) -> MapBox {
    let rows = section.rows.iter().filter(|row| row.after.is_some()).count();
    let count = match &section.owner_change {
        OwnerChange::CopyOf(actor) => format!("a copy of {actor}'s {rows} mounts"),
        OwnerChange::Gone => "gone".into(),
        OwnerChange::Old | OwnerChange::New | OwnerChange::Unknown => format!("{rows} mounts"),
    };
    let mut one = MapBox { title: vec![count], ..MapBox::default() };
    one.mark = match section.owner_change {
        OwnerChange::New | OwnerChange::CopyOf(_) => Some(ChangeKind::Added),
        OwnerChange::Gone => Some(ChangeKind::Gone),
        OwnerChange::Old | OwnerChange::Unknown => None,
    };

    if section.owner_change == OwnerChange::Gone {
        let gone = section.rows.len();
        let row = MapRow::new(ChangeKind::Gone, format!("all its {gone} mounts"));
        one.push(row.standing_for(gone, gone).anchor(anchor));
        return one;
    }

    let trees = [Tree::of(section, Side::Gone), Tree::of(section, Side::There)];
    for tree in &trees {
        let at = one.parts.len();
        for root in &tree.roots {
            tree.emit(&mut one, *root, 0, "");
        }
        if let Some(super::scene::BoxPart::Row(first)) = one.parts.get_mut(at)
            && tree.side == Side::There
        {
            first.anchor = Some(anchor);
        }
    }
    one
}

/// The mounts of which a tree is made: those that are gone are a tree of their own, as they were.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Gone,
    There,
}

struct Tree<'a> {
    side: Side,
    mounts: Vec<(&'a DiffRow<Mount>, &'a Mount)>,
    /// Places of the mounts below each, by its place.
    below: Vec<Vec<usize>>,
    roots: Vec<usize>,
}

/// The change of a mount, in so far as others below it may have shared that.
#[derive(Clone, PartialEq, Eq)]
struct Fate<'a> {
    mark: ChangeKind,
    /// The beginning of the path of what moved, before and now.
    prefixes: Option<(&'a str, &'a str)>,
    said: String,
}

impl<'a> Tree<'a> {
    fn of(section: &'a Section, side: Side) -> Tree<'a> {
        let wanted = |row: &DiffRow<Mount>| (row.mark == ChangeKind::Gone) == (side == Side::Gone);
        let mounts: Vec<_> = section
            .rows
            .iter()
            .filter(|row| wanted(row))
            .filter_map(|row| Some((row, row.latest_value()?)))
            .collect();

        let places: BTreeMap<u32, usize> =
            mounts.iter().enumerate().map(|(place, (_, mount))| (mount.id, place)).collect();
        let mut below = vec![Vec::new(); mounts.len()];
        let mut roots = Vec::new();
        for (place, (_, mount)) in mounts.iter().enumerate() {
            match places.get(&mount.parent).filter(|parent| **parent != place) {
                Some(parent) => below[*parent].push(place),
                None => roots.push(place),
            }
        }
        Tree { side, mounts, below, roots }
    }

    fn fate(&self, place: usize) -> Fate<'a> {
        let (row, mount) = self.mounts[place];
        let old =
            row.before.as_ref().filter(|old| row.after.is_some() && old.target != mount.target);
        let prefixes = old.map(|old| prefixes(&old.target, &mount.target));
        Fate { mark: row.mark, prefixes, said: change(row, mount) }
    }

    /// The number of mounts in a subtree that shared one fate; none if some did not.
    fn alike(&self, place: usize, fate: &Fate<'_>, depth: usize) -> Option<usize> {
        if depth > MAX_DEPTH || self.fate(place) != *fate {
            return None;
        }
        self.below[place]
            .iter()
            .try_fold(1, |sum, one| Some(sum + self.alike(*one, fate, depth + 1)?))
    }

    /// The rows of a subtree. What shared its parent's fate is one row of names.
    fn emit(&self, one: &mut MapBox, place: usize, depth: usize, above: &str) {
        let (row, mount) = self.mounts[place];
        let fate = self.fate(place);
        let lead =
            if depth == 0 { String::new() } else { format!("{}└ ", "  ".repeat(depth - 1)) };
        let made = MapRow::new(row.mark, name(mount, above)).lead(lead.clone());
        let made = if row.after.is_some() { made.about(&mount.target) } else { made };
        let made = made.and(MapTone::Quiet, file_system(mount));
        one.push(made.and(MapTone::Change(row.mark), fate.said.clone()));

        let mut pack: Vec<(usize, usize)> = Vec::new();
        let mut loud = Vec::new();
        for below in &self.below[place] {
            match self.alike(*below, &fate, depth) {
                Some(count) => pack.push((*below, count)),
                None => loud.push(*below),
            }
        }
        // A single one says more as a row of its own.
        if pack.len() == 1 && pack[0].1 == 1 {
            loud.insert(0, pack.remove(0).0);
        }

        let lead = format!("{}└ ", "  ".repeat(depth.min(MAX_DEPTH)));
        if !pack.is_empty() {
            let names = pack.iter().map(|(below, count)| {
                let name = name(self.mounts[*below].1, &mount.target);
                if *count == 1 { name } else { format!("{name} +{}", count - 1) }
            });
            let rows = pack.iter().map(|(_, count)| count).sum();
            let changed = if fate.mark.is_change() { rows } else { 0 };
            let mut row = MapRow::new(fate.mark, "").lead(lead).standing_for(rows, changed);
            row.text.clear();
            row.names = names.collect();
            one.push(row);
        }
        for below in loud {
            if depth < MAX_DEPTH {
                self.emit(one, below, depth + 1, &mount.target);
            } else {
                let (row, mount) = self.mounts[below];
                one.push(MapRow::new(row.mark, name(mount, "")).lead("… "));
            }
        }
    }
}

/// `  tmpfs[/root/container]`, as findmnt(8) writes it: the type, and the directory of the file system that is mounted,
/// where that is not its root.
fn file_system(mount: &Mount) -> String {
    match mount.root.as_str() {
        "/" => format!("  {}", mount.fstype),
        root => format!("  {}[{root}]", mount.fstype),
    }
}

/// The target from its parent's on.
fn name(mount: &Mount, above: &str) -> String {
    let rest = mount.target.strip_prefix(above).map(|rest| rest.trim_start_matches('/'));
    match rest {
        _ if above.is_empty() => mount.target.clone(),
        Some("") => "(over it)".into(),
        Some(rest) => rest.to_owned(),
        None => mount.target.clone(),
    }
}

/// The differences of a mount in words, such that mounts which changed alike have the same words.
fn change(row: &DiffRow<Mount>, mount: &Mount) -> String {
    let Some(old) = row.before.as_ref().filter(|_| row.after.is_some()) else {
        return String::new();
    };
    let mut said = Vec::new();
    if old.target != mount.target {
        let (from, _) = prefixes(&old.target, &mount.target);
        said.push(format!("was {from}"));
    }
    if row.mark == ChangeKind::Changed && old.propagation.word() != mount.propagation.word() {
        said.push(format!("{} ▸ {}", old.propagation.word(), mount.propagation.word()));
    }
    if row.mark == ChangeKind::Changed && old.options != mount.options {
        said.push(format!("{} ▸ {}", old.options, mount.options));
    }
    if said.is_empty() { String::new() } else { format!("  {}", said.join(", ")) }
}

/// The parts of two paths before the end that they share.
fn prefixes<'a>(old: &'a str, new: &'a str) -> (&'a str, &'a str) {
    fn parts(path: &str) -> std::iter::Rev<std::str::Split<'_, char>> {
        path.split('/').rev()
    }
    let both = parts(old).zip(parts(new));
    let shared: usize =
        both.take_while(|(a, b)| a == b && !a.is_empty()).map(|(part, _)| part.len() + 1).sum();
    let cut = |path: &'a str| match path.len().checked_sub(shared) {
        Some(0) | None => "/",
        Some(end) => &path[..end],
    };
    (cut(old), cut(new))
}

/// Listings of directories that the step asked to show: they are places of a tree, and no mounts.
fn directories(tables: &mut [Table<'_>], after: &Snapshot, diff: &Diff) {
    for section in &diff.directories {
        let is_its = |table: &&mut Table<'_>| table.owners.contains(&&section.owner.actor);
        let Some(table) = tables.iter_mut().find(is_its) else { continue };
        // What stands at a mount point is told by its mount.
        let is_mount = |row: &DiffRow<Mount>| {
            row.latest_value().is_some_and(|mount| mount.target == section.owner.path)
        };
        if table.section.rows.iter().any(is_mount) {
            continue;
        }

        // One that is not there, and was not, is no place of the tree.
        let is_there = after
            .directories
            .iter()
            .any(|it| DirectoryOwner::of(it) == section.owner && it.entries.is_some());
        if !is_there && section.rows.is_empty() {
            continue;
        }

        let mark = section.rows.iter().map(|row| row.mark).find(|mark| mark.is_change());
        let mark = mark.unwrap_or(ChangeKind::Same);
        let mut row = MapRow::new(mark, format!("{}/", section.owner.path.trim_end_matches('/')));
        row.names = section
            .rows
            .iter()
            .filter(|row| row.mark == mark)
            .filter_map(DiffRow::latest_value)
            .map(|entry| digests_shortened(&entry.name))
            .collect();
        // The pane of files counts them.
        table.drawn.push(row.standing_for(0, 0));
    }
}

/// A wire between each two tables that have mounts of one peer group, with the number of groups.
fn wires(tables: &[Table<'_>]) -> Vec<MapWire> {
    let groups = |section: &Section, of: fn(&Mount) -> Option<u32>| -> BTreeSet<u32> {
        section.rows.iter().filter_map(|row| row.after.as_ref()).filter_map(of).collect()
    };
    let mut found = Vec::new();
    for (place, table) in tables.iter().enumerate() {
        let shared = groups(table.section, |mount| mount.propagation.shared);
        for other in &tables[place + 1..] {
            let peers = groups(other.section, |mount| mount.propagation.shared);
            let slaves = groups(other.section, |mount| mount.propagation.master);
            let mut label = String::new();
            for (sign, theirs) in [('◆', &peers), ('▸', &slaves)] {
                let count = shared.intersection(theirs).count();
                if count > 0 {
                    label = format!("{label}{sign}{count}");
                }
            }
            if label.is_empty() {
                continue;
            }
            let kind = WireKind::Peers;
            let ends = [table.anchor, other.anchor];
            found.push(MapWire { label, ..MapWire::new(ends, kind, ChangeKind::Same) });
        }
    }
    found
}
