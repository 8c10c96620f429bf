//! The changes between two snapshots, keyed by the kernel's identities (mount id, pid + start time, ifindex …).

mod mounts;
mod networks;
mod noise;
mod owner;
mod rows;

use serde::{Deserialize, Serialize};

use self::mounts::mounts;
use self::networks::networks;
pub use self::noise::is_counter;
use self::owner::OverlayKey;
pub use self::owner::{DirectoryOwner, GroupOwner, OverlayOwner};
use self::rows::{DiffSide, OwnedRows, diff_rows, diff_sections, mark_by_equality};

use crate::op::ActorName;
use crate::snapshot::{
    Address, Cgroup, DirEntry, FirewallRule, Link, Mount, Namespace, NamespaceContent, Neighbour,
    NetworkOmitted, Omitted, OverlayEntry, PlacedIpcObject, Process, Route, Snapshot, Traffic,
};
use crate::view::ViewKind;

/// The kind of change of a row. `Moved` is for mounts whose target changed and nothing else did (pivot_root,
/// mount --move).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Same,
    Added,
    Gone,
    Changed,
    Moved,
    /// It came, went or changed by itself (`noise`): shown as it is now, and no change of a step.
    Quiet,
    /// One side alone has it, and the other was cut: it may be among what was left out there.
    Unknown,
}

impl ChangeKind {
    /// The gutter character; colour is never the only carrier.
    pub fn sign(self) -> char {
        match self {
            ChangeKind::Same | ChangeKind::Quiet => ' ',
            ChangeKind::Added => '+',
            ChangeKind::Gone => '-',
            ChangeKind::Changed => '~',
            ChangeKind::Moved => '>',
            ChangeKind::Unknown => '?',
        }
    }

    pub fn is_change(self) -> bool {
        !matches!(self, ChangeKind::Same | ChangeKind::Quiet | ChangeKind::Unknown)
    }
}

/// One row of a diff: at least one side is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiffRow<T> {
    pub mark: ChangeKind,
    pub before: Option<T>,
    pub after: Option<T>,
}

impl<T> DiffRow<T> {
    /// The value now, or the one before where it is gone.
    pub fn latest_value(&self) -> Option<&T> {
        self.after.as_ref().or(self.before.as_ref())
    }
}

/// Rows of one owner: an actor's mount table, a network namespace's links, a cgroup.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiffSection<O, T> {
    pub owner: O,
    /// `birth` in JSON, where it always was.
    #[serde(rename = "birth")]
    pub owner_change: OwnerChange,
    pub rows: Vec<DiffRow<T>>,
    /// The rows left out on each side, before and after.
    pub omitted: [Omitted; 2],
}

/// The change of the owner itself: new, gone, or there on both sides. A new mount namespace is a *copy*: its rows
/// were not mounted one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerChange {
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
    pub mounts: Vec<DiffSection<ActorName, Mount>>,
    pub processes: Vec<DiffRow<Process>>,
    /// The rows left out on each side, before and after, as below.
    pub processes_omitted: [Omitted; 2],
    pub namespaces: Vec<DiffRow<Namespace>>,
    pub networks: Vec<NetworkDiff>,
    pub cgroups: Vec<DiffSection<GroupOwner, CgroupFile>>,
    pub cgroups_omitted: [Omitted; 2],
    pub overlays: Vec<DiffSection<OverlayOwner, OverlayEntry>>,
    pub overlays_omitted: [Omitted; 2],
    pub directories: Vec<DiffSection<DirectoryOwner, DirEntry>>,
    /// (actor, name) rows of hostnames.
    pub hostnames: Vec<DiffRow<(ActorName, String)>>,
    /// The System V objects of each IPC namespace, by the first actor in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ipc: Vec<DiffRow<PlacedIpcObject>>,
    /// The contents of namespaces.
    pub contents: Vec<DiffRow<NamespaceContent>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkDiff {
    pub name: String,
    #[serde(rename = "birth")]
    pub owner_change: OwnerChange,
    pub links: Vec<DiffRow<Link>>,
    pub addresses: Vec<DiffRow<Address>>,
    pub routes: Vec<DiffRow<Route>>,
    pub neighbours: Vec<DiffRow<Neighbour>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traffic: Vec<DiffRow<Traffic>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<DiffRow<FirewallRule>>,
    /// One row while packets for others are passed on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forwarding: Vec<DiffRow<bool>>,
    /// The rows left out on each side, before and after.
    pub omitted: [NetworkOmitted; 2],
}

impl NetworkDiff {
    /// The rows left out of one of its lists, before and after.
    pub fn omitted_of(&self, list: fn(&NetworkOmitted) -> Omitted) -> [Omitted; 2] {
        self.omitted.each_ref().map(list)
    }

    fn has_moved(&self) -> bool {
        any_move(&self.links)
            || any_move(&self.addresses)
            || any_move(&self.routes)
            || any_move(&self.neighbours)
            || any_move(&self.traffic)
            || any_move(&self.rules)
            || any_move(&self.forwarding)
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
            mounts: mounts(&before.mounts, &after.mounts, &after.processes),
            processes: diff_rows(
                &DiffSide::new(&before.processes, before.processes_omitted),
                &DiffSide::new(&after.processes, after.processes_omitted),
                process_key,
                process_mark,
            ),
            processes_omitted: [before.processes_omitted, after.processes_omitted],
            namespaces: namespaces(before, after),
            networks: networks(&before.networks, &after.networks),
            cgroups: cgroups(before, after),
            cgroups_omitted: [before.cgroups_omitted, after.cgroups_omitted],
            overlays: overlay_sections(before, after),
            overlays_omitted: [before.overlays_omitted, after.overlays_omitted],
            directories: diff_sections(
                &DiffSide::whole(&directories(before)),
                &DiffSide::whole(&directories(after)),
                |entry| entry.name.clone(),
            ),
            hostnames: diff_rows(
                &DiffSide::whole(&pairs(before)),
                &DiffSide::whole(&pairs(after)),
                |(actor, _)| actor.clone(),
                mark_by_equality,
            ),
            ipc: diff_rows(
                &DiffSide::new(&before.ipc_objects(), before.ipc_omitted()),
                &DiffSide::new(&after.ipc_objects(), after.ipc_omitted()),
                |it| (it.ns, it.object.kind, it.object.id),
                |old, new| mark_by_equality(&old.object, &new.object),
            ),
            contents: diff_rows(
                &DiffSide::new(&before.contents, before.processes_omitted),
                &DiffSide::new(&after.contents, after.processes_omitted),
                |content| (content.holds.kind(), content.inode),
                content_mark,
            ),
        }
    }

    pub fn is_empty(&self) -> bool {
        ViewKind::ALL.iter().all(|view| self.change_count(*view) == 0)
            && !self.hostnames.iter().any(|row| row.mark.is_change())
    }

    /// Nothing changed but clocks of used CPU time: being looked at is enough to move those.
    pub fn is_unchanged_but_clocks(&self) -> bool {
        const CLOCKS: [&str; 2] = ["cpu.stat", "cpuacct.usage"];
        let is_clock = |row: &DiffRow<CgroupFile>| {
            row.after.as_ref().is_some_and(|file| CLOCKS.contains(&file.name.as_str()))
                && row.before.is_some()
        };
        let has_moved = |section: &DiffSection<GroupOwner, CgroupFile>| {
            section.rows.iter().any(|row| is_move(row) && !is_clock(row))
        };

        let rows = !any_in(&self.mounts)
            && !any_move(&self.processes)
            && !any_move(&self.namespaces)
            && !any_move(&self.hostnames)
            && !any_move(&self.ipc)
            && !any_move(&self.contents);
        let files = !any_in(&self.overlays) && !any_in(&self.directories);
        rows && files
            && !self.cgroups.iter().any(has_moved)
            && !self.networks.iter().any(NetworkDiff::has_moved)
    }

    /// The number of rows of a view that changed. Calls are no state: 0.
    pub fn change_count(&self, view: ViewKind) -> usize {
        match view {
            ViewKind::Mounts => in_sections(&self.mounts),
            ViewKind::Processes => changed(&self.processes),
            ViewKind::Namespaces => {
                changed(&self.namespaces) + changed(&self.contents) + changed(&self.ipc)
            }
            ViewKind::Network => self
                .networks
                .iter()
                .map(|net| {
                    let ways =
                        changed(&net.routes) + changed(&net.neighbours) + changed(&net.traffic);
                    let handling = changed(&net.rules) + changed(&net.forwarding);
                    changed(&net.links) + changed(&net.addresses) + ways + handling
                })
                .sum(),
            ViewKind::Cgroups => in_sections(&self.cgroups),
            ViewKind::Files => in_sections(&self.overlays) + in_sections(&self.directories),
            ViewKind::Calls => 0,
        }
    }
}

/// True for what is not as it was, whether it is a change of a step or not.
fn is_move<T>(row: &DiffRow<T>) -> bool {
    row.mark.is_change() || row.mark == ChangeKind::Quiet
}

fn any_move<T>(rows: &[DiffRow<T>]) -> bool {
    rows.iter().any(is_move)
}

fn any_in<O, T>(sections: &[DiffSection<O, T>]) -> bool {
    sections.iter().any(|section| any_move(&section.rows))
}

fn changed<T>(rows: &[DiffRow<T>]) -> usize {
    rows.iter().filter(|row| row.mark.is_change()).count()
}

fn in_sections<O, T>(sections: &[DiffSection<O, T>]) -> usize {
    sections.iter().map(|section| changed(&section.rows)).sum()
}

fn process_key(process: &Process) -> (u32, u64) {
    (process.pid, process.start_time)
}

/// A process that sleeps now and then has not changed.
fn process_mark(before: &Process, after: &Process) -> ChangeKind {
    let mut calm = after.clone();
    calm.state = before.state;
    let became_zombie = (before.state == 'Z') != (after.state == 'Z');
    if *before == calm && !became_zombie { ChangeKind::Same } else { ChangeKind::Changed }
}

/// The mark of a content: its actors are told with the namespaces.
fn content_mark(before: &NamespaceContent, after: &NamespaceContent) -> ChangeKind {
    mark_by_equality(&before.holds, &after.holds)
}

/// Namespaces are known by their members. Where not all processes were read, those who are there tell nothing of the
/// others.
fn namespaces(before: &Snapshot, after: &Snapshot) -> Vec<DiffRow<Namespace>> {
    let is_whole = before.processes_omitted.is_nothing() && after.processes_omitted.is_nothing();
    let mark = |old: &Namespace, new: &Namespace| {
        let mark = mark_by_equality(old, new);
        if mark == ChangeKind::Changed && !is_whole { ChangeKind::Unknown } else { mark }
    };
    diff_rows(
        &DiffSide::new(&before.namespaces(), before.processes_omitted),
        &DiffSide::new(&after.namespaces(), after.processes_omitted),
        |namespace: &Namespace| (namespace.kind, namespace.inode),
        mark,
    )
}

/// The files of each group and its member list, as rows.
fn cgroups(before: &Snapshot, after: &Snapshot) -> Vec<DiffSection<GroupOwner, CgroupFile>> {
    let (old, new) = (cgroup_files(before), cgroup_files(after));
    let mut sections = diff_sections(
        &DiffSide::new(&owned(&old), before.cgroups_omitted),
        &DiffSide::new(&owned(&new), after.cgroups_omitted),
        |file| file.name.clone(),
    );
    noise::hush_sections(&mut sections, noise::is_noise_of_group);
    sections
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
    pub fn is_member_list(&self) -> bool {
        self.name == MEMBERS
    }

    /// The pids of a member list, and whether there are more.
    pub fn pids(&self) -> (Vec<u32>, bool) {
        let pids = self.value.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        (pids, self.value.ends_with(CUT))
    }
}

fn owned<O: Clone, T>(lists: &[(O, Vec<T>)]) -> Vec<OwnedRows<'_, O, T>> {
    lists
        .iter()
        .map(|(owner, rows)| OwnedRows { owner: owner.clone(), side: DiffSide::whole(rows) })
        .collect()
}

fn overlay_sections(
    before: &Snapshot,
    after: &Snapshot,
) -> Vec<DiffSection<OverlayOwner, OverlayEntry>> {
    let mut sections = diff_sections(
        &DiffSide::new(&overlays(before), before.overlays_omitted),
        &DiffSide::new(&overlays(after), after.overlays_omitted),
        |entry| entry.path.clone(),
    );
    for section in &mut sections {
        let is_old = section.owner_change == OwnerChange::Old;
        noise::hush(&mut section.rows, |row| {
            noise::is_noise_of_overlay(row) && !(is_old && noise::is_at_the_top(row))
        });
    }

    let owner = |key: OverlayKey| {
        let known = |snapshot: &'_ Snapshot| {
            let mut all = snapshot.overlays.iter();
            all.find(|it| OverlayKey::of(it, snapshot) == key).map(OverlayOwner::of)
        };
        known(after).or_else(|| known(before))
    };
    let named = sections.into_iter().filter_map(|section| {
        let DiffSection { owner: key, owner_change, rows, omitted } = section;
        Some(DiffSection { owner: owner(key)?, owner_change, rows, omitted })
    });
    named.collect()
}

fn overlays(snapshot: &Snapshot) -> Vec<OwnedRows<'_, OverlayKey, OverlayEntry>> {
    let all = snapshot.overlays.iter();
    all.map(|one| OwnedRows {
        owner: OverlayKey::of(one, snapshot),
        side: DiffSide::new(&one.entries, one.omitted()),
    })
    .collect()
}

fn directories(snapshot: &Snapshot) -> Vec<OwnedRows<'_, DirectoryOwner, DirEntry>> {
    let all = snapshot.directories.iter();
    all.map(|one| OwnedRows {
        owner: DirectoryOwner::of(one),
        side: DiffSide::new(one.entries.as_deref().unwrap_or_default(), one.omitted),
    })
    .collect()
}

fn pairs(snapshot: &Snapshot) -> Vec<(ActorName, String)> {
    snapshot.hostnames.iter().map(|(actor, name)| (actor.clone(), name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{IpcKind, IpcObject};
    use crate::snapshot::{IpcTable, MountTable, Network, NsInode};

    fn table(actor: &str, ns: u64, lines: &[&str]) -> MountTable {
        let rows = crate::observe::mounts::parse(&lines.join("\n"));
        assert_eq!(rows.len(), lines.len());
        MountTable { actor: actor.into(), ns: NsInode(ns), rows, omitted: Omitted::Nothing }
    }

    fn process(state: char, comm: &str) -> Process {
        Process {
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
        }
    }

    fn marks(before: &[MountTable], after: &[MountTable], section: usize) -> String {
        mounts(before, after, &[])[section].rows.iter().map(|row| row.mark.sign()).collect()
    }

    const ROOT: &str = "1 0 0:1 / / rw - tmpfs none rw";
    const PROC: &str = "2 1 0:2 / /proc rw - proc proc rw";
    const BOX: &str = "3 1 0:3 / /box rw - tmpfs none rw";

    #[test]
    fn the_words_of_json_are_those_that_scripts_know() {
        let section = DiffSection {
            owner: ActorName::host(),
            owner_change: OwnerChange::New,
            rows: Vec::<DiffRow<Mount>>::new(),
            omitted: [Omitted::Nothing; 2],
        };
        let json = serde_json::to_value(section).expect("JSON");
        assert_eq!(json["birth"], "new");

        let (before, after) = (
            Snapshot::default(),
            Snapshot {
                networks: vec![Network { name: "host".into(), ..Network::default() }],
                ..Snapshot::default()
            },
        );
        let json = serde_json::to_value(Diff::between(&before, &after)).expect("JSON");
        assert_eq!(json["networks"][0]["birth"], "new");
    }

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
        let found = mounts(std::slice::from_ref(&host), &[copy, host.clone()], &[]);
        assert_eq!(found[0].owner_change, OwnerChange::CopyOf("host".into()));

        assert_eq!(
            marks(
                std::slice::from_ref(&host),
                &[table("box", 8, &["11 0 0:1 / / rw - tmpfs none rw"]), host.clone()],
                0
            ),
            " "
        );

        let shared = mounts(
            std::slice::from_ref(&host),
            &[table("friend", 7, &[ROOT, PROC]), host.clone()],
            &[],
        );
        assert_eq!(shared[0].owner_change, OwnerChange::New);

        let ended = mounts(&[table("box", 8, &[ROOT])], &[], &[]);
        assert_eq!(
            (ended[0].owner_change.clone(), ended[0].rows[0].mark),
            (OwnerChange::Gone, ChangeKind::Gone)
        );
    }

    #[test]
    fn of_tables_that_resemble_a_copy_alike_it_is_that_of_its_nearest_forebear() {
        let [host, a, b] =
            [("host", 7), ("a", 8), ("b", 9)].map(|(actor, ns)| table(actor, ns, &[ROOT, PROC]));
        let all = [host.clone(), a.clone(), b.clone(), table("box", 10, &[ROOT, PROC])];
        let copied_from = |processes: &[Process]| {
            let found = mounts(&[host.clone(), a.clone(), b.clone()], &all, processes);
            found[3].owner_change.clone()
        };
        let process = |pid: u32, ppid: u32, actor: Option<&str>| Process {
            pid,
            ppid,
            actor: actor.map(ActorName::from),
            ..process('S', "sh")
        };

        assert_eq!(copied_from(&[]), OwnerChange::CopyOf("host".into()));
        // A shell of b's made it.
        let family = [
            process(1, 0, Some("host")),
            process(2, 1, Some("a")),
            process(3, 1, Some("b")),
            process(4, 3, None),
            process(5, 4, Some("box")),
        ];
        assert_eq!(copied_from(&family), OwnerChange::CopyOf("b".into()));
        // Whose forebears are gone or strangers: the first of equals.
        assert_eq!(copied_from(&family[4..]), OwnerChange::CopyOf("host".into()));
    }

    #[test]
    fn system_v_objects_are_told_apart_by_their_namespace_and_compared_where_both_sides_asked() {
        let object =
            |key: u32| IpcObject { kind: IpcKind::Queue, key, id: 0, size: 0, attached: 0 };
        let asked = |tables: &[(&str, u64, &[u32])]| {
            let table = |(actor, ns, keys): &(&str, u64, &[u32])| IpcTable {
                actor: (*actor).into(),
                ns: NsInode(*ns),
                objects: keys.iter().map(|key| object(*key)).collect(),
                omitted: Omitted::Nothing,
            };
            Snapshot { ipc: tables.iter().map(table).collect(), ..Snapshot::default() }
        };
        let marks = |before: &Snapshot, after: &Snapshot| -> String {
            Diff::between(before, after).ipc.iter().map(|row| row.mark.sign()).collect()
        };

        let one = asked(&[("host", 1, &[7])]);
        assert_eq!(marks(&asked(&[("host", 1, &[])]), &one), "+");
        assert_eq!(marks(&one, &asked(&[("host", 1, &[])])), "-");
        // Another actor of the namespace speaks for it.
        assert_eq!(marks(&one, &asked(&[("box", 1, &[7])])), " ");
        // The same number and key in another namespace.
        assert_eq!(marks(&one, &asked(&[("host", 2, &[7])])), "-+");
        // Where nobody asked, nobody knows.
        assert_eq!(marks(&Snapshot::default(), &one), "?");
        assert_eq!(marks(&one, &Snapshot::default()), "?");
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
        let found =
            diff_rows(&DiffSide::whole(&old), &DiffSide::whole(&new), key, mark_by_equality);
        assert_eq!(found.len(), 30_000);
        assert!(looks.get() <= 2 * (old.len() + new.len()), "{} looks", looks.get());
    }

    #[test]
    fn a_process_that_falls_asleep_has_not_changed() {
        assert_eq!(process_mark(&process('R', "sh"), &process('S', "sh")), ChangeKind::Same);
        assert_eq!(process_mark(&process('R', "sh"), &process('Z', "sh")), ChangeKind::Changed);
        assert_eq!(process_mark(&process('R', "sh"), &process('R', "sleep")), ChangeKind::Changed);
    }
}
