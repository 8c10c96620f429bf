//! The contents of actors' namespaces, besides processes, as far as it can be read from outside: id maps, offsets of clocks.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::kernel_file;
use crate::op::{ClockOffsets, MappedIds, NamespaceKind};
use crate::snapshot::{GroupRoot, NamespaceContent, NamespaceHolds, NsInode, Process};

/// The groups at which cgroup namespaces begin; None where nobody could tell. They can't be read from outside.
pub type GroupRoots = BTreeMap<NsInode, Option<Vec<GroupRoot>>>;

/// The contents of the namespaces that actors have, but for what the lab's first process shares with the machine.
pub fn read(
    proc_root: &Path,
    processes: &[Process],
    lab_init: u32,
    roots: &GroupRoots,
) -> Vec<NamespaceContent> {
    let Some(host) = processes.iter().find(|process| process.pid == lab_init) else {
        return Vec::new();
    };
    let labs = read_id_maps(proc_root, host.pid);

    let mut found = Vec::new();
    for kind in [NamespaceKind::User, NamespaceKind::Cgroup, NamespaceKind::Time] {
        let hosts = host.namespaces.get(&kind);
        for (inode, members) in actors_by_namespace(processes, kind) {
            let first = members[0];
            let holds = if hosts == Some(&inode) {
                let machines = labs.clone().filter(|_| kind == NamespaceKind::User);
                machines.map(|(uids, gids)| NamespaceHolds::IdMap { uids, gids })
            } else if kind == NamespaceKind::User {
                read_id_maps(proc_root, first.pid).map(|maps| counted_by_lab(maps, labs.as_ref()))
            } else if kind == NamespaceKind::Time {
                members.iter().find_map(|one| read_clocks(proc_root, one.pid, inode))
            } else {
                roots.get(&inode).cloned().flatten().map(NamespaceHolds::GroupRoots)
            };
            let actors = members.iter().filter_map(|process| process.actor.clone()).collect();
            found.extend(holds.map(|holds| NamespaceContent { inode, actors, holds }));
        }
    }
    found
}

/// The namespaces of a kind that actors are in, each with these actors' processes.
fn actors_by_namespace(
    processes: &[Process],
    kind: NamespaceKind,
) -> Vec<(NsInode, Vec<&Process>)> {
    let mut found: Vec<(NsInode, Vec<&Process>)> = Vec::new();
    for process in processes.iter().filter(|process| process.actor.is_some()) {
        let Some(&inode) = process.namespaces.get(&kind) else { continue };
        match found.iter_mut().find(|(known, _)| *known == inode) {
            Some((_, members)) => members.push(process),
            None => found.push((inode, vec![process])),
        }
    }
    found
}

/// The user map and the group map of one namespace.
type Maps = (Vec<MappedIds>, Vec<MappedIds>);

/// Both maps, with the ids outside as the machine counts.
fn read_id_maps(proc_root: &Path, pid: u32) -> Option<Maps> {
    let read = |name: &str| {
        let text = kernel_file::read_text(&proc_root.join(format!("{pid}/{name}")))?;
        Some(text.lines().filter_map(|line| MappedIds::try_from(line.to_owned()).ok()).collect())
    };
    Some((read("uid_map")?, read("gid_map")?))
}

fn counted_by_lab((uids, gids): Maps, labs: Option<&Maps>) -> NamespaceHolds {
    let counted = |ranges: Vec<MappedIds>, labs: &[MappedIds]| {
        ranges.into_iter().map(|range| range.counted_by(labs)).collect()
    };
    let (lab_uids, lab_gids) = labs.map_or((&[][..], &[][..]), |(uids, gids)| (uids, gids));
    NamespaceHolds::IdMap { uids: counted(uids, lab_uids), gids: counted(gids, lab_gids) }
}

/// The offsets of the time namespace that a process is in. Its file tells of the one that its children will be in: only
/// where that is the same does it tell of this one.
fn read_clocks(proc_root: &Path, pid: u32, inode: NsInode) -> Option<NamespaceHolds> {
    let link = fs::read_link(proc_root.join(format!("{pid}/ns/time_for_children"))).ok()?;
    if link.to_str()? != format!("time:[{}]", inode.0) {
        return None;
    }
    let text = kernel_file::read_text(&proc_root.join(format!("{pid}/timens_offsets")))?;
    Some(NamespaceHolds::Clocks(parse_clocks(&text)))
}

/// `monotonic 0 0` and `boottime 864000 0`: clock, seconds, nanoseconds.
fn parse_clocks(text: &str) -> ClockOffsets {
    let offset = |clock: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(clock))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    };
    ClockOffsets { monotonic: offset("monotonic"), boottime: offset("boottime") }
}

/// The lines of /proc/PID/cgroup as (controllers, path).
pub fn group_paths(text: &str) -> Vec<(String, String)> {
    text.lines().filter_map(super::processes::parse_cgroup).collect()
}

/// The groups at which a namespace begins, from the paths of one process in it: as it reads them itself, and as the lab's
/// host reads them. None where it has left its namespace's root: then nobody can tell.
pub fn group_roots(own: &str, hosts: &str) -> Option<Vec<GroupRoot>> {
    let own = group_paths(own);
    let mut roots = Vec::new();
    for (controllers, path) in group_paths(hosts) {
        let (_, seen) = own.iter().find(|(of, _)| *of == controllers)?;
        let root = if seen == "/" { path.as_str() } else { path.strip_suffix(seen.as_str())? };
        if !root.is_empty() && root != "/" {
            roots.push(GroupRoot { controllers, path: root.to_owned() });
        }
    }
    Some(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_clock_by_clock() {
        let text = "monotonic           0         0\nboottime       864000         0\n";
        let offsets = ClockOffsets { monotonic: Some(0), boottime: Some(864_000) };
        assert_eq!(parse_clocks(text), offsets);
        assert_eq!(parse_clocks(""), ClockOffsets::default());
    }

    #[test]
    fn the_root_of_a_cgroup_namespace_is_what_both_sides_read() {
        let root = |controllers: &str, path: &str| GroupRoot {
            controllers: controllers.into(),
            path: path.into(),
        };
        let check = |own: &str, hosts: &str, roots| assert_eq!(group_roots(own, hosts), roots);
        check(
            "3:pids:/\n0::/\n",
            "3:pids:/docker/box\n0::/\n",
            Some(vec![root("pids", "/docker/box")]),
        );
        check("0::/below\n", "0::/docker/box/below\n", Some(vec![root("", "/docker/box")]));
        check("0::/docker/box\n", "0::/docker/box\n", Some(Vec::new()));
        // It has walked out.
        check("0::/../other\n", "0::/docker/other\n", None);
    }
}
