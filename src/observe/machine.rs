//! The machine outside the lab, before and after: the proof that a lesson left it as it was.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;

use super::bounds::{self, Budget};
use super::network::Share;
use super::{mounts, network, processes};
use crate::engine::{Proof, ProofRow};
use crate::keeper::cgroups::owner_of;
use crate::snapshot::Snapshot;

/// What is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineState {
    mounts: Listed,
    links: Listed,
    cgroups: Listed,
}

/// Lines, one for each thing of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Listed {
    lines: BTreeSet<String>,
    /// There are more than are read.
    is_cut: bool,
}

impl MachineState {
    pub fn now() -> MachineState {
        let (table, omitted) = mounts::read_whole(Path::new("/proc"), std::process::id());
        let lines = table.iter().map(|mount| format!("{} {} {}", mount.id, mount.target, mount.fstype)).collect();
        MachineState {
            mounts: Listed { lines, is_cut: !omitted.is_nothing() },
            links: links(),
            cgroups: cgroup_directories(),
        }
    }

    /// A group that has gone is no difference: a keeper that was killed had left it, and this run's swept it.
    pub fn compare(before: &MachineState, after: &MachineState, lab_processes: &SeenProcesses) -> Proof {
        let mut groups_before = before.cgroups.clone();
        groups_before.lines.retain(|path| after.cgroups.lines.contains(path));
        let alive: Vec<String> =
            lab_processes.alive().map(|(pid, _)| format!("+ process {pid} of the lab is still there")).collect();
        Proof {
            rows: vec![
                row("mounts", &before.mounts, &after.mounts),
                row("network links", &before.links, &after.links),
                row("cgroups of labs", &groups_before, &after.cgroups),
                ProofRow { what: "processes of the lab".into(), before: 0, after: alive.len(), differences: alive },
            ],
        }
    }
}

fn row(what: &str, before: &Listed, after: &Listed) -> ProofRow {
    let gone = before.lines.difference(&after.lines).map(|line| format!("- {line}"));
    let new = after.lines.difference(&before.lines).map(|line| format!("+ {line}"));
    let (what, differences) = match (before.is_cut, after.is_cut) {
        (false, false) => (what.to_owned(), gone.chain(new).collect()),
        (false, true) => (what.to_owned(), vec!["+ more than can be read".to_owned()]),
        // What is missing in a list that was cut may be behind its end.
        (true, _) => (format!("{what} (more than can be compared)"), Vec::new()),
    };
    ProofRow { what, before: before.lines.len(), after: after.lines.len(), differences }
}

/// Every process that was seen in a lab, by pid and start time: one that is still there in the end is a difference.
#[derive(Debug, Clone, Default)]
pub struct SeenProcesses {
    seen: HashSet<(u32, u64)>,
}

impl SeenProcesses {
    /// A lab that starts one process after the other must not grow the front end: those that are gone are forgotten.
    const FORGET_AT: usize = 8 * bounds::PROCESSES;

    pub fn note(&mut self, snapshot: &Snapshot) {
        self.seen.extend(snapshot.processes.iter().map(|process| (process.pid, process.start_time)));
        if self.seen.len() > SeenProcesses::FORGET_AT {
            self.seen.retain(|(pid, start_time)| is_alive(*pid, *start_time));
        }
    }

    fn alive(&self) -> impl Iterator<Item = &(u32, u64)> {
        self.seen.iter().filter(|(pid, start_time)| is_alive(*pid, *start_time))
    }
}

fn links() -> Listed {
    let Ok(socket) = crate::kernel::net::open_socket() else { return Listed::default() };
    let share = Share { rows: bounds::MACHINE_ENTRIES, bytes: Budget::new(bounds::MACHINE_BYTES) };
    let (links, omitted) = network::read_links(&socket, share);
    let lines = links.iter().map(|link| format!("{} {}", link.index, link.name)).collect();
    Listed { lines, is_cut: !omitted.is_nothing() }
}

/// The groups of labs in each hierarchy. Those of others come and go on any machine that is in use.
fn cgroup_directories() -> Listed {
    let mut found = Listed::default();
    let mut entries = Budget::new(bounds::MACHINE_ENTRIES);
    for hierarchy in crate::keeper::cgroups::hierarchies() {
        for entry in fs::read_dir(&hierarchy.parent).into_iter().flatten().flatten() {
            if entries.is_spent() {
                found.is_cut = true;
                break;
            }
            entries.spend(1);
            let name = entry.file_name().to_string_lossy().into_owned();
            if owner_of(&name).is_some() && !is_of_another_keeper(&name) {
                found.lines.insert(entry.path().to_string_lossy().into_owned());
            }
        }
    }
    found
}

/// Labs of other learners on the same machine are none of our business.
fn is_of_another_keeper(name: &str) -> bool {
    owner_of(name).is_some_and(|owner| {
        let parent = processes::read_stat(Path::new(&format!("/proc/{}", owner.pid))).map(|stat| stat.ppid);
        owner.is_alive() && parent != Some(std::process::id())
    })
}

fn is_alive(pid: u32, start_time: u64) -> bool {
    processes::read_stat(Path::new(&format!("/proc/{pid}")))
        .is_some_and(|stat| stat.start_time == start_time && stat.state != 'Z')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Process;

    fn seen(processes: &[(u32, u64)]) -> SeenProcesses {
        SeenProcesses { seen: processes.iter().copied().collect() }
    }

    #[test]
    fn an_untouched_machine_compares_clean() {
        let now = MachineState::now();
        assert!(!now.mounts.lines.is_empty() && !now.links.lines.is_empty());
        assert!(!now.mounts.is_cut && !now.links.is_cut && !now.cgroups.is_cut);
        assert!(MachineState::compare(&now, &now, &seen(&[(1, 0)])).is_clean());
    }

    #[test]
    fn what_came_and_what_went_is_said() {
        let mut before = MachineState::default();
        before.links.lines.insert("2 eth0".into());
        let mut after = MachineState::default();
        after.links.lines.insert("3 veth0".into());
        let none = SeenProcesses::default();
        let proof = MachineState::compare(&before, &after, &none);
        assert_eq!(proof.rows[1].differences, ["- 2 eth0", "+ 3 veth0"]);
        assert!(!proof.is_clean());

        // What may be behind the end of a list is no difference, but the end is.
        after.links.is_cut = true;
        assert_eq!(MachineState::compare(&before, &after, &none).rows[1].differences, ["+ more than can be read"]);
        before.links.is_cut = true;
        let proof = MachineState::compare(&before, &after, &none);
        assert!(proof.is_clean() && proof.rows[1].what.contains("more than can be compared"), "{proof:?}");
    }

    #[test]
    fn what_a_dead_keeper_had_left_may_go_but_not_come() {
        let with = |path: &str| {
            let lines = BTreeSet::from([format!("/sys/fs/cgroup/pids/{path}")]);
            MachineState { cgroups: Listed { lines, is_cut: false }, ..MachineState::default() }
        };
        let check = |before: &MachineState, after: &MachineState, clean| {
            assert_eq!(MachineState::compare(before, after, &SeenProcesses::default()).is_clean(), clean);
        };
        let nothing = MachineState::default();
        check(&with("unboxed-7-8-1-9"), &nothing, true);
        check(&nothing, &with("unboxed-7-8-1-9"), false);
    }

    #[test]
    fn a_process_left_behind_is_a_difference() {
        let me = processes::read_stat(Path::new("/proc/self")).expect("we are alive");
        let now = MachineState::now();
        assert!(!MachineState::compare(&now, &now, &seen(&[(std::process::id(), me.start_time)])).is_clean());
    }

    #[test]
    fn of_many_processes_only_those_alive_are_remembered() {
        let me = processes::read_stat(Path::new("/proc/self")).expect("we are alive");
        let mut seen = seen(&[(std::process::id(), me.start_time)]);
        let process = processes::read(Path::new("tests/fixtures/proc"), 100, &[]).0.remove(0);
        for time in 0..10_000 {
            let gone = Process { pid: u32::MAX, start_time: time, ..process.clone() };
            seen.note(&Snapshot { processes: vec![gone], ..Snapshot::default() });
            assert!(seen.seen.len() <= SeenProcesses::FORGET_AT + 1);
        }
        assert_eq!(seen.alive().count(), 1);
    }
}
