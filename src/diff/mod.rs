//! The changes between two snapshots, keyed by the kernel's identities (mount id, pid + start time, ifindex …).

mod owner;
mod rows;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

pub use self::owner::{DirectoryOwner, GroupOwner};
use self::rows::{Owned, Side, mark_by_equality, rows, sections};

use crate::op::ActorName;
use crate::snapshot::{
    Address, Cgroup, DirEntry, Link, Mount, MountTable, Namespace, Neighbour, Network,
    NetworkOmitted, Omitted, OverlayEntry, Process, Route, Snapshot, Traffic,
};
use crate::view::ViewKind;

/// The kind of change of a row. `Moved` is for mounts whose target changed and nothing else did (pivot_root,
/// mount --move).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Same,
    Added,
    Gone,
    Changed,
    Moved,
    /// One side alone has it, and the other was cut: it may be among what was left out there.
    Unknown,
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
            Mark::Unknown => '?',
        }
    }

    pub fn is_change(self) -> bool {
        !matches!(self, Mark::Same | Mark::Unknown)
    }
}

/// One row of a diff: at least one side is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row<T> {
    pub mark: Mark,
    pub before: Option<T>,
    pub after: Option<T>,
}

impl<T> Row<T> {
    /// The value now, or the one before where it is gone.
    pub fn latest(&self) -> Option<&T> {
        self.after.as_ref().or(self.before.as_ref())
    }
}

/// Rows of one owner: an actor's mount table, a network namespace's links, a cgroup.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section<O, T> {
    pub owner: O,
    pub birth: Birth,
    pub rows: Vec<Row<T>>,
    /// The rows left out on each side, before and after.
    pub omitted: [Omitted; 2],
}

/// The change of the owner itself: new, gone, or there on both sides. A new mount namespace is a *copy*: its rows
/// were not mounted one by one.
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
    /// One side alone has the owner, and the other's list of owners was cut: rows are `Unknown`.
    Unknown,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Diff {
    pub mounts: Vec<Section<ActorName, Mount>>,
    pub processes: Vec<Row<Process>>,
    /// The rows left out on each side, before and after, as below.
    pub processes_omitted: [Omitted; 2],
    pub namespaces: Vec<Row<Namespace>>,
    pub networks: Vec<NetworkDiff>,
    pub cgroups: Vec<Section<GroupOwner, CgroupFile>>,
    pub cgroups_omitted: [Omitted; 2],
    /// By the directory where each is mounted.
    pub overlays: Vec<Section<String, OverlayEntry>>,
    pub overlays_omitted: [Omitted; 2],
    pub directories: Vec<Section<DirectoryOwner, DirEntry>>,
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
    /// The rows left out on each side, before and after.
    pub omitted: [NetworkOmitted; 2],
}

impl NetworkDiff {
    /// The rows left out of one of its lists, before and after.
    pub fn omitted_of(&self, list: fn(&NetworkOmitted) -> Omitted) -> [Omitted; 2] {
        self.omitted.each_ref().map(list)
    }
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
            processes: rows(
                &Side::new(&before.processes, before.processes_omitted),
                &Side::new(&after.processes, after.processes_omitted),
                process_key,
                process_mark,
            ),
            processes_omitted: [before.processes_omitted, after.processes_omitted],
            namespaces: namespaces(before, after),
            networks: networks(&before.networks, &after.networks),
            cgroups: cgroups(before, after),
            cgroups_omitted: [before.cgroups_omitted, after.cgroups_omitted],
            overlays: sections(
                &Side::new(&overlays(before), before.overlays_omitted),
                &Side::new(&overlays(after), after.overlays_omitted),
                |entry| entry.path.clone(),
            ),
            overlays_omitted: [before.overlays_omitted, after.overlays_omitted],
            directories: sections(
                &whole(&directories(before)),
                &whole(&directories(after)),
                |entry| entry.name.clone(),
            ),
            hostnames: rows(
                &whole(&pairs(before)),
                &whole(&pairs(after)),
                |(actor, _)| actor.clone(),
                mark_by_equality,
            ),
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
            row.after.as_ref().is_some_and(|file| CLOCKS.contains(&file.name.as_str()))
                && row.mark == Mark::Changed
        };
        let moved = |section: &Section<GroupOwner, CgroupFile>| {
            section.rows.iter().any(|row| row.mark.is_change() && !is_clock(row))
        };
        let others = ViewKind::ALL.into_iter().filter(|view| *view != ViewKind::Cgroups);
        others.into_iter().all(|view| self.changes(view) == 0)
            && !self.cgroups.iter().any(moved)
            && !self.hostnames.iter().any(|row| row.mark.is_change())
    }

    /// The number of rows of a view that changed. Calls are no state: 0.
    pub fn changes(&self, view: ViewKind) -> usize {
        match view {
            ViewKind::Mounts => in_sections(&self.mounts),
            ViewKind::Processes => changed(&self.processes),
            ViewKind::Namespaces => changed(&self.namespaces),
            ViewKind::Network => self
                .networks
                .iter()
                .map(|net| {
                    let ways =
                        changed(&net.routes) + changed(&net.neighbours) + changed(&net.traffic);
                    changed(&net.links) + changed(&net.addresses) + ways
                })
                .sum(),
            ViewKind::Cgroups => in_sections(&self.cgroups),
            ViewKind::Files => in_sections(&self.overlays) + in_sections(&self.directories),
            ViewKind::Calls => 0,
        }
    }
}

/// True for a cgroup file that counts what happens: it moves by itself.
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

fn in_sections<O, T>(sections: &[Section<O, T>]) -> usize {
    sections.iter().map(|section| changed(&section.rows)).sum()
}

/// A list that nothing was left out of.
fn whole<T>(rows: &[T]) -> Side<'_, T> {
    Side::new(rows, Omitted::Nothing)
}

/// One table per actor. Ids tell mounts apart, but are reused: one that is now something else is another mount.
fn mounts(before: &[MountTable], after: &[MountTable]) -> Vec<Section<ActorName, Mount>> {
    let key =
        |mount: &Mount| (mount.id, mount.device.clone(), mount.root.clone(), mount.fstype.clone());
    let mut found: Vec<Section<ActorName, Mount>> = Vec::new();

    for table in after {
        let section = match before.iter().find(|old| old.actor == table.actor) {
            Some(old) if old.ns == table.ns => Section {
                owner: table.actor.clone(),
                birth: Birth::Old,
                rows: rows(
                    &Side::new(&old.rows, old.omitted),
                    &Side::new(&table.rows, table.omitted),
                    key,
                    mount_mark,
                ),
                omitted: [old.omitted, table.omitted],
            },
            _ => newborn(table, before, after),
        };
        found.push(section);
    }

    for old in before.iter().filter(|old| !after.iter().any(|table| table.actor == old.actor)) {
        found.push(Section {
            owner: old.actor.clone(),
            birth: Birth::Gone,
            rows: rows(&Side::new(&old.rows, old.omitted), &whole(&[]), key, mount_mark),
            omitted: [old.omitted, Omitted::Nothing],
        });
    }

    found
}

/// The table of an actor that is new. In a namespace that was there it is that table; in a new one it is a copy of the
/// table that resembles it most, whose rows were copied, not mounted.
fn newborn(
    table: &MountTable,
    before: &[MountTable],
    after: &[MountTable],
) -> Section<ActorName, Mount> {
    let section = |birth, mark: &dyn Fn(&Mount) -> Mark| Section {
        owner: table.actor.clone(),
        birth,
        rows: table.rows.iter().map(|row| of_newborn(row, mark(row))).collect(),
        omitted: [Omitted::Nothing, table.omitted],
    };

    let others = || after.iter().chain(before).filter(|other| other.actor != table.actor);
    if others().any(|other| other.ns == table.ns) {
        return section(Birth::New, &|_| Mark::Same);
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
        return section(Birth::New, &|_| Mark::Added);
    };

    // A mount that the copied table may have had behind its end was copied too, or is new.
    let new = if parent.omitted.is_nothing() { Mark::Added } else { Mark::Unknown };
    section(Birth::CopyOf(parent.actor.clone()), &|row| {
        if known.contains(&place(row)) { Mark::Same } else { new }
    })
}

fn of_newborn(row: &Mount, mark: Mark) -> Row<Mount> {
    Row { mark, before: (mark == Mark::Same).then(|| row.clone()), after: Some(row.clone()) }
}

fn mount_mark(before: &Mount, after: &Mount) -> Mark {
    if before.target != after.target {
        return Mark::Moved;
    }
    let settings = |mount: &Mount| {
        (mount.options.clone(), mount.propagation.clone(), mount.super_options.clone())
    };
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

/// Namespaces are known by their members. Where not all processes were read, those who are there tell nothing of the
/// others.
fn namespaces(before: &Snapshot, after: &Snapshot) -> Vec<Row<Namespace>> {
    let is_whole = before.processes_omitted.is_nothing() && after.processes_omitted.is_nothing();
    let mark = |old: &Namespace, new: &Namespace| {
        let mark = mark_by_equality(old, new);
        if mark == Mark::Changed && !is_whole { Mark::Unknown } else { mark }
    };
    rows(
        &Side::new(&before.namespaces(), before.processes_omitted),
        &Side::new(&after.namespaces(), after.processes_omitted),
        |namespace: &Namespace| (namespace.kind, namespace.inode),
        mark,
    )
}

fn networks(before: &[Network], after: &[Network]) -> Vec<NetworkDiff> {
    let none = Network::default();
    let one = |name: &str, birth: Birth, old: &Network, new: &Network| NetworkDiff {
        name: name.to_owned(),
        birth,
        links: rows(
            &Side::new(&old.links, old.omitted.links),
            &Side::new(&new.links, new.omitted.links),
            |link| link.index,
            mark_by_equality,
        ),
        addresses: rows(
            &Side::new(&old.addresses, old.omitted.addresses),
            &Side::new(&new.addresses, new.omitted.addresses),
            |address| (address.dev.clone(), address.ip.clone(), address.prefix),
            mark_by_equality,
        ),
        routes: rows(
            &Side::new(&old.routes, old.omitted.routes),
            &Side::new(&new.routes, new.omitted.routes),
            |route| (route.to.clone(), route.dev.clone(), route.via.clone()),
            mark_by_equality,
        ),
        neighbours: rows(
            &Side::new(&old.neighbours, old.omitted.neighbours),
            &Side::new(&new.neighbours, new.omitted.neighbours),
            |neighbour| (neighbour.dev.clone(), neighbour.ip.clone()),
            // Its state runs through REACHABLE, STALE, DELAY by itself.
            |old, new| if old.mac == new.mac { Mark::Same } else { Mark::Changed },
        ),
        traffic: rows(
            &Side::new(&old.traffic, old.omitted.traffic),
            &Side::new(&new.traffic, new.omitted.traffic),
            |it| it.text.clone(),
            mark_by_equality,
        ),
        omitted: [old.omitted, new.omitted],
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
fn cgroups(before: &Snapshot, after: &Snapshot) -> Vec<Section<GroupOwner, CgroupFile>> {
    let (old, new) = (cgroup_files(before), cgroup_files(after));
    sections(
        &Side::new(&owned(&old), before.cgroups_omitted),
        &Side::new(&owned(&new), after.cgroups_omitted),
        |file| file.name.clone(),
    )
}

fn cgroup_files(snapshot: &Snapshot) -> Vec<(GroupOwner, Vec<CgroupFile>)> {
    let files = |group: &Cgroup| {
        let files = group
            .files
            .iter()
            .map(|(name, value)| CgroupFile { name: name.clone(), value: value.clone() });
        std::iter::once(members(group)).chain(files).collect()
    };
    snapshot.cgroups.iter().map(|group| (GroupOwner::of(group), files(group))).collect()
}

fn members(group: &Cgroup) -> CgroupFile {
    let procs: Vec<String> = group.procs.iter().map(u32::to_string).collect();
    let rest = if group.procs_omitted.is_nothing() { "" } else { CUT };
    CgroupFile { name: MEMBERS.into(), value: format!("{}{rest}", procs.join(" ")) }
}

/// The pseudo-file of a group's members, and what its value ends in where there are more than were read.
const MEMBERS: &str = "cgroup.procs";
const CUT: &str = " …";

impl CgroupFile {
    pub fn is_members(&self) -> bool {
        self.name == MEMBERS
    }

    /// The pids of a member list, and whether there are more.
    pub fn pids(&self) -> (Vec<u32>, bool) {
        let pids = self.value.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        (pids, self.value.ends_with(CUT))
    }
}

fn owned<O: Clone, T>(lists: &[(O, Vec<T>)]) -> Vec<Owned<'_, O, T>> {
    lists.iter().map(|(owner, rows)| Owned { owner: owner.clone(), side: whole(rows) }).collect()
}

fn overlays(snapshot: &Snapshot) -> Vec<Owned<'_, String, OverlayEntry>> {
    let all = snapshot.overlays.iter();
    all.map(|one| Owned { owner: one.merged.clone(), side: Side::new(&one.entries, one.omitted()) })
        .collect()
}

fn directories(snapshot: &Snapshot) -> Vec<Owned<'_, DirectoryOwner, DirEntry>> {
    let all = snapshot.directories.iter();
    all.map(|one| Owned {
        owner: DirectoryOwner::of(one),
        side: Side::new(one.entries.as_deref().unwrap_or_default(), one.omitted),
    })
    .collect()
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
        MountTable { actor: actor.into(), ns: NsInode(ns), rows, omitted: Omitted::Nothing }
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
        let copy = table(
            "box",
            8,
            &["11 0 0:1 / / rw - tmpfs none rw", "12 11 0:2 / /proc rw - proc proc rw"],
        );
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

        let shared =
            mounts(std::slice::from_ref(&host), &[table("friend", 7, &[ROOT, PROC]), host.clone()]);
        assert_eq!(shared[0].birth, Birth::New);

        let ended = mounts(&[table("box", 8, &[ROOT])], &[]);
        assert_eq!((ended[0].birth.clone(), ended[0].rows[0].mark), (Birth::Gone, Mark::Gone));
    }

    #[test]
    fn a_table_that_was_cut_says_of_no_row_that_it_was_mounted_or_unmounted() {
        let cut = |lines: &[&str]| MountTable { omitted: Omitted::Rows(9), ..table("c", 7, lines) };
        assert_eq!(marks(&[cut(&[ROOT, PROC])], &[cut(&[ROOT, BOX])], 0), " ??");
        assert_eq!(marks(&[table("c", 7, &[ROOT, PROC])], &[cut(&[ROOT, BOX])], 0), " ?+");
        // A copy of a table that was cut.
        let host = MountTable { omitted: Omitted::Rows(9), ..table("host", 7, &[ROOT, PROC]) };
        assert_eq!(
            marks(std::slice::from_ref(&host), &[table("box", 8, &[ROOT, BOX]), host.clone()], 0),
            " ?"
        );
    }

    #[test]
    fn a_flood_is_compared_with_as_many_looks_as_it_has_rows() {
        use std::cell::Cell;
        let old: Vec<u32> = (0..20_000).collect();
        let new: Vec<u32> = (10_000..30_000).rev().collect();
        let looks = Cell::new(0);
        let key = |row: &u32| {
            looks.set(looks.get() + 1);
            *row
        };
        let found = rows(&whole(&old), &whole(&new), key, mark_by_equality);
        assert_eq!(found.len(), 30_000);
        assert!(looks.get() <= 2 * (old.len() + new.len()), "{} looks", looks.get());
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
