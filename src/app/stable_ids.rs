//! Stable numbers: mount ids as m1, m2 …, namespaces as ns1 …, so that two runs of a lesson look alike.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::op::ActorName;
use crate::snapshot::{NsInode, Snapshot};

/// Numbers given out by order of first appearance in one lab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StableIds {
    /// The lab's first process, by its pid and the time it was started: where another one is, it is another lab.
    lab: Option<(u32, u64)>,
    mounts: HashMap<u32, usize>,
    namespaces: HashMap<NsInode, usize>,
    groups: HashMap<u32, usize>,
}

/// A moment of another lab, and how things were numbered there.
#[derive(Debug, Clone, Copy)]
pub struct NumberedMoment<'a> {
    pub snapshot: &'a Snapshot,
    pub numbers: &'a StableIds,
}

impl StableIds {
    /// Number a snapshot as the same moment of another lab was: what stands in the same place has the same number. What
    /// was not there gets one that nothing had.
    pub fn add_snapshot_like(&mut self, snapshot: &Snapshot, like: NumberedMoment<'_>) {
        self.begin_lab(snapshot);
        if self.lab != like.numbers.lab {
            let mounts = shared_numbers(
                &mount_places(snapshot),
                &mount_places(like.snapshot),
                &like.numbers.mounts,
            );
            inherit(&mut self.mounts, mounts);
            let namespaces = shared_numbers(
                &namespace_places(snapshot),
                &namespace_places(like.snapshot),
                &like.numbers.namespaces,
            );
            inherit(&mut self.namespaces, namespaces);
        }
        self.add_snapshot(snapshot);
    }

    /// Begin anew where this is another lab.
    fn begin_lab(&mut self, snapshot: &Snapshot) {
        let host = snapshot.process_of(&ActorName::host()).map(|it| (it.pid, it.start_time));
        if host.is_some() && host != self.lab {
            *self = StableIds { lab: host, ..StableIds::default() };
        }
    }

    /// Number what is new in a snapshot.
    pub fn add_snapshot(&mut self, snapshot: &Snapshot) {
        self.begin_lab(snapshot);

        for table in &snapshot.mounts {
            number_new(&mut self.mounts, table.rows.iter().map(|mount| mount.id));
            let groups = table
                .rows
                .iter()
                .map(|mount| mount.propagation.shared.or(mount.propagation.master));
            number_new(&mut self.groups, groups.flatten());
        }

        // The kernel gives the inode of a namespace that is gone to the next one at once: two that
        // were never there together can have one name.
        let namespaces = snapshot.namespaces();
        number_new(&mut self.namespaces, namespaces.iter().map(|namespace| namespace.inode));
    }

    pub fn mount_label(&self, id: u32, raw: bool) -> String {
        shown("m", self.mounts.get(&id).copied(), id, raw)
    }

    pub fn namespace_label(&self, inode: NsInode, raw: bool) -> String {
        shown("ns", self.namespaces.get(&inode).copied(), inode.0, raw)
    }

    pub fn peer_group_label(&self, group: u32, raw: bool) -> String {
        shown("pg", self.groups.get(&group).copied(), group, raw)
    }
}

/// Number those that have no number yet, behind all that are given.
fn number_new<K: Eq + Hash>(numbers: &mut HashMap<K, usize>, keys: impl Iterator<Item = K>) {
    // Those that were taken over from another lab have gaps.
    let mut last = numbers.values().copied().max().unwrap_or(0);
    for key in keys {
        numbers.entry(key).or_insert_with(|| {
            last += 1;
            last
        });
    }
}

/// The place of each mount: whose, where, of which type, and its count among those.
fn mount_places(snapshot: &Snapshot) -> Vec<(u32, (String, usize))> {
    let mounts = snapshot.mounts.iter().flat_map(|table| {
        table
            .rows
            .iter()
            .map(|row| (row.id, format!("{} {} {}", table.actor, row.target, row.fstype)))
    });
    counted(mounts)
}

/// The place of each namespace: of which kind, and who was in it first.
fn namespace_places(snapshot: &Snapshot) -> Vec<(NsInode, (String, usize))> {
    let all = snapshot.namespaces();
    let named = all.iter().filter_map(|namespace| {
        let actor = namespace.actors.first()?;
        Some((namespace.inode, format!("{} {actor}", namespace.kind.proc_link_name())))
    });
    counted(named)
}

fn counted<K>(places: impl Iterator<Item = (K, String)>) -> Vec<(K, (String, usize))> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    places
        .map(|(key, place)| {
            let count = seen.entry(place.clone()).or_default();
            *count += 1;
            (key, (place, *count))
        })
        .collect()
}

/// The numbers of what stands where something stood in the other lab.
fn shared_numbers<K: Copy + Eq + Hash>(
    places: &[(K, (String, usize))],
    there: &[(K, (String, usize))],
    numbers: &HashMap<K, usize>,
) -> Vec<(K, usize)> {
    let known: HashMap<&(String, usize), usize> =
        there.iter().filter_map(|(key, place)| Some((place, *numbers.get(key)?))).collect();
    places.iter().filter_map(|(key, place)| Some((*key, *known.get(place)?))).collect()
}

/// Take numbers over: a number is given once, and what has one keeps it.
fn inherit<K: Copy + Eq + Hash>(numbers: &mut HashMap<K, usize>, others: Vec<(K, usize)>) {
    let mut given: HashSet<usize> = numbers.values().copied().collect();
    for (key, number) in others {
        if !numbers.contains_key(&key) && given.insert(number) {
            numbers.insert(key, number);
        }
    }
}

fn shown(prefix: &str, stable: Option<usize>, kernel: impl std::fmt::Display, raw: bool) -> String {
    match stable {
        Some(number) if !raw => format!("{prefix}{number}"),
        _ => kernel.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{MountTable, Omitted, Process};

    #[test]
    fn what_stands_in_the_same_place_of_another_lab_has_the_same_number() {
        let lab = |pid, lines: &[&str]| {
            let rows = crate::observe::mounts::parse(&lines.join("\n"));
            let (actor, ns, omitted) = (ActorName::host(), NsInode(1), Omitted::Nothing);
            Snapshot {
                processes: vec![crate::app::scripts::process(pid, Some("host"))],
                mounts: vec![MountTable { actor, ns, rows, omitted }],
                ..Snapshot::default()
            }
        };
        let labels = |ids: &StableIds, mounts: &[u32]| -> Vec<String> {
            mounts.iter().map(|id| ids.mount_label(*id, false)).collect()
        };

        let (root, proc) = ("/ / rw - tmpfs none rw", "/ /proc rw - proc proc rw");
        let old = lab(10, &[&format!("41 0 0:1 {root}"), &format!("42 41 0:2 {proc}")]);
        let mut numbers = StableIds::default();
        numbers.add_snapshot(&lab(10, &[&format!("40 0 0:1 {root}")]));
        numbers.add_snapshot(&old);
        assert_eq!(labels(&numbers, &[41, 42]), ["m2", "m3"]);

        // The ids of the kernel are others, in another order, and there is one mount more.
        let new = lab(
            20,
            &[&format!("7 9 0:2 {proc}"), &format!("8 7 0:2 {proc}"), &format!("9 0 0:1 {root}")],
        );
        let mut ids = StableIds::default();
        let like = NumberedMoment { snapshot: &old, numbers: &numbers };
        ids.add_snapshot_like(&new, like);
        assert_eq!(labels(&ids, &[9, 7, 8]), ["m2", "m3", "m4"]);
        ids.add_snapshot_like(&new, like);
        assert_eq!(labels(&ids, &[9, 7, 8]), ["m2", "m3", "m4"], "a number stays");
    }

    #[test]
    fn another_lab_is_numbered_anew_however_it_came() {
        let lab = |pid, mount: &str| {
            let process: Process = crate::app::scripts::process(pid, Some("host"));
            let rows = crate::observe::mounts::parse(mount);
            let table = MountTable {
                actor: ActorName::host(),
                ns: NsInode(1),
                rows,
                omitted: Omitted::Nothing,
            };
            Snapshot { processes: vec![process], mounts: vec![table], ..Snapshot::default() }
        };

        let mut ids = StableIds::default();
        ids.add_snapshot(&lab(10, "41 0 0:1 / / rw - tmpfs none rw"));
        ids.add_snapshot(&lab(10, "42 0 0:1 / / rw - tmpfs none rw"));
        ids.add_snapshot(&Snapshot::default());
        assert_eq!(
            (ids.mount_label(41, false), ids.mount_label(42, false)),
            ("m1".into(), "m2".into())
        );
        ids.add_snapshot(&lab(20, "42 0 0:1 / / rw - tmpfs none rw"));
        assert_eq!(ids.mount_label(42, false), "m1");
    }
}
