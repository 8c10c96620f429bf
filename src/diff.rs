//! What changed between two snapshots, keyed by the kernel's identities (mount id, pid + start time, ifindex …).

use serde::{Deserialize, Serialize};

use crate::lesson::model::ViewKind;
use crate::op::ActorName;
use crate::snapshot::{
    Address, DirEntry, Directory, Link, Mount, MountTable, Namespace, Neighbour, Network, Overlay, OverlayEntry,
    Process, Route, Snapshot, Traffic,
};

/// How a row changed. `Moved` is for mounts whose target changed and nothing else did (pivot_root, mount --move).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Same,
    Added,
    Gone,
    Changed,
    Moved,
}

impl Mark {
    /// The gutter character; colour is never the only carrier.
    pub fn sign(self) -> char {
        match self {
            Mark::Same => ' ',
            Mark::Added => '+',
            Mark::Gone => '-',
            Mark::Changed => '~',
            Mark::Moved => '>',
        }
    }

    pub fn is_change(self) -> bool {
        self != Mark::Same
    }
}

/// One row of a diff: at least one side is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row<T> {
    pub mark: Mark,
    pub before: Option<T>,
    pub after: Option<T>,
}

/// Rows of one owner: an actor's mount table, a network namespace's links, a cgroup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Section<T> {
    pub owner: String,
    pub birth: Birth,
    pub rows: Vec<Row<T>>,
}

/// Whether the owner itself is new. A new mount namespace is a *copy*: its rows were not mounted one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Birth {
    Old,
    /// The owner was not there before: rows are `Added`.
    New,
    /// A new mount namespace, copied from this actor's: rows copied alike are `Same`.
    CopyOf(ActorName),
    /// The owner is there no more: rows are `Gone`.
    Gone,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    pub mounts: Vec<Section<Mount>>,
    pub processes: Vec<Row<Process>>,
    pub namespaces: Vec<Row<Namespace>>,
    pub networks: Vec<NetworkDiff>,
    pub cgroups: Vec<Section<CgroupFile>>,
    pub overlays: Vec<Section<OverlayEntry>>,
    pub directories: Vec<Section<DirEntry>>,
    /// (actor, name) rows of hostnames.
    pub hostnames: Vec<Row<(ActorName, String)>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkDiff {
    pub name: String,
    pub birth: Birth,
    pub links: Vec<Row<Link>>,
    pub addresses: Vec<Row<Address>>,
    pub routes: Vec<Row<Route>>,
    pub neighbours: Vec<Row<Neighbour>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traffic: Vec<Row<Traffic>>,
}

/// One file of a cgroup, or its member list as the pseudo-file `cgroup.procs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupFile {
    pub name: String,
    pub value: String,
}

impl Diff {
    pub fn between(before: &Snapshot, after: &Snapshot) -> Diff {
        Diff {
            mounts: mounts(&before.mounts, &after.mounts),
            processes: rows(&before.processes, &after.processes, process_key, process_mark),
            namespaces: rows(&before.namespaces(), &after.namespaces(), |ns| (ns.kind, ns.inode), mark_by_equality),
            networks: networks(&before.networks, &after.networks),
            cgroups: cgroups(before, after),
            overlays: sections(
                &before.overlays,
                &after.overlays,
                overlay_owner,
                |overlay| &overlay.entries,
                entry_path,
            ),
            directories: sections(&before.directories, &after.directories, directory_owner, listed, entry_name),
            hostnames: rows(&pairs(before), &pairs(after), |(actor, _)| actor.clone(), mark_by_equality),
        }
    }

    pub fn is_empty(&self) -> bool {
        ViewKind::ALL.iter().all(|view| self.changes(*view) == 0)
            && !self.hostnames.iter().any(|row| row.mark.is_change())
    }

    /// Nothing changed but clocks of used CPU time: being looked at is enough to move those.
    pub fn is_calm(&self) -> bool {
        const CLOCKS: [&str; 2] = ["cpu.stat", "cpuacct.usage"];
        let is_clock = |row: &Row<CgroupFile>| {
            row.after.as_ref().is_some_and(|file| CLOCKS.contains(&file.name.as_str())) && row.mark == Mark::Changed
        };
        let moved =
            |section: &Section<CgroupFile>| section.rows.iter().any(|row| row.mark.is_change() && !is_clock(row));
        let others = ViewKind::ALL.into_iter().filter(|view| *view != ViewKind::Cgroups);
        others.into_iter().all(|view| self.changes(view) == 0)
            && !self.cgroups.iter().any(moved)
            && !self.hostnames.iter().any(|row| row.mark.is_change())
    }

    /// How many rows of a view changed. Calls are no state: 0.
    pub fn changes(&self, view: ViewKind) -> usize {
        match view {
            ViewKind::Mounts => in_sections(&self.mounts),
            ViewKind::Processes => changed(&self.processes),
            ViewKind::Namespaces => changed(&self.namespaces),
            ViewKind::Network => self
                .networks
                .iter()
                .map(|net| {
                    let ways = changed(&net.routes) + changed(&net.neighbours) + changed(&net.traffic);
                    changed(&net.links) + changed(&net.addresses) + ways
                })
                .sum(),
            ViewKind::Cgroups => in_sections(&self.cgroups),
            ViewKind::Files => in_sections(&self.overlays) + in_sections(&self.directories),
            ViewKind::Calls => 0,
        }
    }
}

/// Whether a cgroup file counts what happens: it moves by itself.
pub fn is_counter(file: &str) -> bool {
    const COUNTERS: [&str; 15] = [
        "memory.usage_in_bytes",
        "memory.max_usage_in_bytes",
        "memory.failcnt",
        "memory.current",
        "memory.peak",
        "memory.events",
        "cpu.stat",
        "cpuacct.usage",
        "pids.current",
        "pids.events",
        "io.stat",
        "blkio.throttle.io_service_bytes",
        "cgroup.events",
        "cgroup.procs",
        "memory.oom_control",
    ];
    COUNTERS.contains(&file)
}

fn changed<T>(rows: &[Row<T>]) -> usize {
    rows.iter().filter(|row| row.mark.is_change()).count()
}

fn in_sections<T>(sections: &[Section<T>]) -> usize {
    sections.iter().map(|section| changed(&section.rows)).sum()
}

/// Rows in the order of `after`; a row that is gone stands behind the one it stood behind.
fn rows<T: Clone, K: PartialEq>(
    before: &[T],
    after: &[T],
    key: impl Fn(&T) -> K,
    mark: impl Fn(&T, &T) -> Mark,
) -> Vec<Row<T>> {
    let mut rows: Vec<Row<T>> = after
        .iter()
        .map(|new| match before.iter().find(|old| key(old) == key(new)) {
            Some(old) => Row { mark: mark(old, new), before: Some(old.clone()), after: Some(new.clone()) },
            None => Row { mark: Mark::Added, before: None, after: Some(new.clone()) },
        })
        .collect();
    let mut place = 0;
    for old in before {
        let is_here = |row: &Row<T>| row.before.as_ref().is_some_and(|known| key(known) == key(old));
        match rows.iter().position(is_here) {
            Some(at) => place = at + 1,
            None => {
                rows.insert(place, Row { mark: Mark::Gone, before: Some(old.clone()), after: None });
                place += 1;
            }
        }
    }
    rows
}

fn mark_by_equality<T: PartialEq>(before: &T, after: &T) -> Mark {
    if before == after { Mark::Same } else { Mark::Changed }
}

/// Per owner: an owner that is new, gone, or there on both sides.
fn sections<O, T: Clone + PartialEq, K: PartialEq>(
    before: &[O],
    after: &[O],
    owner: impl Fn(&O) -> String,
    items: impl Fn(&O) -> &Vec<T>,
    key: impl Fn(&T) -> K,
) -> Vec<Section<T>> {
    let none = Vec::new();
    let mut found: Vec<Section<T>> = after
        .iter()
        .map(|new| {
            let old = before.iter().find(|old| owner(old) == owner(new));
            Section {
                owner: owner(new),
                birth: if old.is_some() { Birth::Old } else { Birth::New },
                rows: rows(old.map_or(&none, |old| items(old)), items(new), &key, mark_by_equality),
            }
        })
        .collect();
    for old in before.iter().filter(|old| !after.iter().any(|new| owner(new) == owner(old))) {
        found.push(Section {
            owner: owner(old),
            birth: Birth::Gone,
            rows: rows(items(old), &none, &key, mark_by_equality),
        });
    }
    found
}

/// One table per actor. Ids tell mounts apart, but are reused: one that is now something else is another mount.
fn mounts(before: &[MountTable], after: &[MountTable]) -> Vec<Section<Mount>> {
    let key = |mount: &Mount| (mount.id, mount.device.clone(), mount.root.clone(), mount.fstype.clone());
    let mut found: Vec<Section<Mount>> = Vec::new();
    for table in after {
        let section = match before.iter().find(|old| old.actor == table.actor) {
            Some(old) if old.ns == table.ns => Section {
                owner: table.actor.0.clone(),
                birth: Birth::Old,
                rows: rows(&old.rows, &table.rows, key, mount_mark),
            },
            _ => newborn(table, before, after),
        };
        found.push(section);
    }
    for old in before.iter().filter(|old| !after.iter().any(|table| table.actor == old.actor)) {
        found.push(Section {
            owner: old.actor.0.clone(),
            birth: Birth::Gone,
            rows: rows(&old.rows, &[], key, mount_mark),
        });
    }
    found
}

/// The table of an actor that is new. In a namespace that was there it is that table; in a new one it is a copy of the
/// table that resembles it most, whose rows were copied, not mounted.
fn newborn(table: &MountTable, before: &[MountTable], after: &[MountTable]) -> Section<Mount> {
    let owner = table.actor.0.clone();
    let same = |row: &Mount| Row { mark: Mark::Same, before: Some(row.clone()), after: Some(row.clone()) };
    let others = || after.iter().chain(before).filter(|other| other.actor != table.actor);
    if others().any(|other| other.ns == table.ns) {
        return Section { owner, birth: Birth::New, rows: table.rows.iter().map(same).collect() };
    }
    let alike = |left: &Mount, right: &Mount| {
        left.target == right.target && left.device == right.device && left.root == right.root
    };
    let resemblance =
        |other: &MountTable| table.rows.iter().filter(|row| other.rows.iter().any(|old| alike(old, row))).count();
    // The first of equals: a tie goes to the actor whose table is the older one.
    let parent = others().fold(None, |best: Option<(&MountTable, usize)>, other| {
        let score = resemblance(other);
        match best {
            Some((_, most)) if most >= score => best,
            _ if score == 0 => best,
            _ => Some((other, score)),
        }
    });
    let Some((parent, _)) = parent else {
        let added = |row: &Mount| Row { mark: Mark::Added, before: None, after: Some(row.clone()) };
        return Section { owner, birth: Birth::New, rows: table.rows.iter().map(added).collect() };
    };
    let rows = table
        .rows
        .iter()
        .map(|row| match parent.rows.iter().find(|old| alike(old, row)) {
            Some(_) => same(row),
            None => Row { mark: Mark::Added, before: None, after: Some(row.clone()) },
        })
        .collect();
    Section { owner, birth: Birth::CopyOf(parent.actor.clone()), rows }
}

fn mount_mark(before: &Mount, after: &Mount) -> Mark {
    if before.target != after.target {
        return Mark::Moved;
    }
    let settings = |mount: &Mount| (mount.options.clone(), mount.propagation.clone(), mount.super_options.clone());
    if settings(before) == settings(after) { Mark::Same } else { Mark::Changed }
}

fn process_key(process: &Process) -> (u32, u64) {
    (process.pid, process.start_time)
}

/// A process that sleeps now and then has not changed.
fn process_mark(before: &Process, after: &Process) -> Mark {
    let mut calm = after.clone();
    calm.state = before.state;
    let became_zombie = (before.state == 'Z') != (after.state == 'Z');
    if *before == calm && !became_zombie { Mark::Same } else { Mark::Changed }
}

fn networks(before: &[Network], after: &[Network]) -> Vec<NetworkDiff> {
    let none = Network::default();
    let one = |name: &str, birth: Birth, old: &Network, new: &Network| NetworkDiff {
        name: name.to_owned(),
        birth,
        links: rows(&old.links, &new.links, |link| link.index, mark_by_equality),
        addresses: rows(
            &old.addresses,
            &new.addresses,
            |address| (address.dev.clone(), address.ip.clone(), address.prefix),
            mark_by_equality,
        ),
        routes: rows(
            &old.routes,
            &new.routes,
            |route| (route.to.clone(), route.dev.clone(), route.via.clone()),
            mark_by_equality,
        ),
        neighbours: rows(
            &old.neighbours,
            &new.neighbours,
            |neighbour| (neighbour.dev.clone(), neighbour.ip.clone()),
            // Its state runs through REACHABLE, STALE, DELAY by itself.
            |old, new| if old.mac == new.mac { Mark::Same } else { Mark::Changed },
        ),
        traffic: rows(&old.traffic, &new.traffic, |it| it.text.clone(), mark_by_equality),
    };
    let mut found: Vec<NetworkDiff> = after
        .iter()
        .map(|new| match before.iter().find(|old| old.name == new.name && old.ns == new.ns) {
            Some(old) => one(&new.name, Birth::Old, old, new),
            None => one(&new.name, Birth::New, &none, new),
        })
        .collect();
    for old in before.iter().filter(|old| !after.iter().any(|new| new.name == old.name)) {
        found.push(one(&old.name, Birth::Gone, old, &none));
    }
    found
}

/// The files of each group and its member list, as rows.
fn cgroups(before: &Snapshot, after: &Snapshot) -> Vec<Section<CgroupFile>> {
    let flat = |snapshot: &Snapshot| -> Vec<(String, Vec<CgroupFile>)> {
        snapshot
            .cgroups
            .iter()
            .map(|group| {
                let procs: Vec<String> = group.procs.iter().map(u32::to_string).collect();
                let members = CgroupFile { name: "cgroup.procs".into(), value: procs.join(" ") };
                let files =
                    group.files.iter().map(|(name, value)| CgroupFile { name: name.clone(), value: value.clone() });
                (format!("{}:/{}", group.hierarchy, group.path), std::iter::once(members).chain(files).collect())
            })
            .collect()
    };
    sections(&flat(before), &flat(after), |(owner, _)| owner.clone(), |(_, files)| files, |file| file.name.clone())
}

fn overlay_owner(overlay: &Overlay) -> String {
    overlay.merged.clone()
}

fn entry_path(entry: &OverlayEntry) -> String {
    entry.path.clone()
}

fn directory_owner(directory: &Directory) -> String {
    format!("{}:{}", directory.actor, directory.path)
}

fn listed(directory: &Directory) -> &Vec<DirEntry> {
    static NONE: Vec<DirEntry> = Vec::new();
    directory.entries.as_ref().unwrap_or(&NONE)
}

fn entry_name(entry: &DirEntry) -> String {
    entry.name.clone()
}

fn pairs(snapshot: &Snapshot) -> Vec<(ActorName, String)> {
    snapshot.hostnames.iter().map(|(actor, name)| (actor.clone(), name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::NsInode;

    fn table(actor: &str, ns: u64, lines: &[&str]) -> MountTable {
        let rows = crate::observe::mounts::parse(&lines.join("\n"));
        assert_eq!(rows.len(), lines.len());
        MountTable { actor: actor.into(), ns: NsInode(ns), rows }
    }

    fn marks(before: &[MountTable], after: &[MountTable], section: usize) -> String {
        mounts(before, after)[section].rows.iter().map(|row| row.mark.sign()).collect()
    }

    const ROOT: &str = "1 0 0:1 / / rw - tmpfs none rw";
    const PROC: &str = "2 1 0:2 / /proc rw - proc proc rw";
    const BOX: &str = "3 1 0:3 / /box rw - tmpfs none rw";

    #[test]
    fn pivot_root_moves_mounts_and_adds_or_removes_none() {
        let before = table("c", 7, &[ROOT, PROC, BOX]);
        let after = table(
            "c",
            7,
            &[
                "1 3 0:1 / /old rw - tmpfs none rw",
                "2 1 0:2 / /old/proc rw - proc proc rw",
                "3 0 0:3 / / rw - tmpfs none rw",
            ],
        );
        assert_eq!(marks(&[before], &[after], 0), ">>>");
    }

    #[test]
    fn mounting_unmounting_and_remounting_are_told_apart() {
        let check = |before: &[&str], after: &[&str], expected: &str| {
            assert_eq!(marks(&[table("c", 7, before)], &[table("c", 7, after)], 0), expected);
        };
        check(&[ROOT], &[ROOT, PROC], " +");
        check(&[ROOT, PROC, BOX], &[ROOT, BOX], " - ");
        check(&[ROOT, PROC], &[ROOT, "2 1 0:2 / /proc ro - proc proc rw"], " ~");
        check(&[ROOT], &["1 0 0:1 / / rw shared:1 - tmpfs none rw"], "~");
        // The id 3 came back for another file system.
        check(&[ROOT, BOX], &[ROOT, "3 1 0:9 / /box rw - ext4 /dev/x rw"], " -+");
        check(&[], &[], "");
    }

    #[test]
    fn a_new_mount_namespace_is_a_copy_and_mounts_nothing() {
        let host = table("host", 7, &[ROOT, PROC]);
        let copy = table("box", 8, &["11 0 0:1 / / rw - tmpfs none rw", "12 11 0:2 / /proc rw - proc proc rw"]);
        let found = mounts(std::slice::from_ref(&host), &[copy, host.clone()]);
        assert_eq!(found[0].birth, Birth::CopyOf("host".into()));
        assert_eq!(
            marks(
                std::slice::from_ref(&host),
                &[table("box", 8, &["11 0 0:1 / / rw - tmpfs none rw"]), host.clone()],
                0
            ),
            " "
        );
        let shared = mounts(std::slice::from_ref(&host), &[table("friend", 7, &[ROOT, PROC]), host.clone()]);
        assert_eq!(shared[0].birth, Birth::New);
        let ended = mounts(&[table("box", 8, &[ROOT])], &[]);
        assert_eq!((ended[0].birth.clone(), ended[0].rows[0].mark), (Birth::Gone, Mark::Gone));
    }

    #[test]
    fn gone_rows_stay_where_they_were() {
        let check = |before: &str, after: &str, expected: &str| {
            let (before, after): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
            let shown: String = rows(&before, &after, |letter| *letter, mark_by_equality)
                .iter()
                .flat_map(|row| [row.mark.sign(), row.after.or(row.before).unwrap_or('?')])
                .collect();
            assert_eq!(shown, expected);
        };
        check("abc", "abc", " a b c");
        check("abc", "ac", " a-b c");
        check("abc", "c", "-a-b c");
        check("a", "ab", " a+b");
        check("", "", "");
        check("ab", "", "-a-b");
    }

    #[test]
    fn a_process_that_falls_asleep_has_not_changed() {
        let process = |state: char, comm: &str| Process {
            pid: 5,
            ns_pids: vec![5],
            ppid: 1,
            start_time: 9,
            uid: 0,
            state,
            comm: comm.into(),
            args: comm.into(),
            actor: None,
            namespaces: std::collections::BTreeMap::new(),
            cgroups: Vec::new(),
        };
        assert_eq!(process_mark(&process('R', "sh"), &process('S', "sh")), Mark::Same);
        assert_eq!(process_mark(&process('R', "sh"), &process('Z', "sh")), Mark::Changed);
        assert_eq!(process_mark(&process('R', "sh"), &process('R', "sleep")), Mark::Changed);
    }
}
