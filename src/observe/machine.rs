//! The machine outside the lab, before and after: the proof that a lesson left it as it was.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;

use super::bounds::{self, Budget};
use super::netlink::NamespaceShare;
use super::{mounts, network, processes};
use crate::keeper::cgroups::owner_of;
use crate::proof::{Proof, ProofRow};
use crate::snapshot::Snapshot;

/// The parts of the machine that are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineState {
    mounts: Listed,
    links: Listed,
}

/// Said of a list that was cut.
const TOO_MANY: &str = "more than can be compared";

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
        let lines = table
            .iter()
            .map(|mount| format!("{} {} {}", mount.id, mount.target, mount.fstype))
            .collect();
        MachineState { mounts: Listed { lines, is_cut: !omitted.is_nothing() }, links: links() }
    }

    pub fn compare(before: &MachineState, after: &MachineState, ours: &SessionProcesses) -> Proof {
        let alive = ours.alive().map(|(pid, _)| format!("process {pid} of the lab is still there"));
        Proof {
            rows: vec![
                row("mounts", &before.mounts, &after.mounts),
                row("network links", &before.links, &after.links),
                left("cgroups of the lab", &groups_of(&ours.keepers)),
                left("processes of the lab", &Listed { lines: alive.collect(), is_cut: false }),
            ],
        }
    }
}

/// The row of what a session left behind: of its own things there were none before. Where more stands there than is read,
/// what was found still counts, and nothing is claimed of the rest.
fn left(what: &str, left: &Listed) -> ProofRow {
    let what = if left.is_cut { format!("{what} ({TOO_MANY})") } else { what.to_owned() };
    let differences = left.lines.iter().map(|line| format!("+ {line}")).collect();
    ProofRow { what, before: 0, after: left.lines.len(), differences }
}

fn row(what: &str, before: &Listed, after: &Listed) -> ProofRow {
    let gone = before.lines.difference(&after.lines).map(|line| format!("- {line}"));
    let new = after.lines.difference(&before.lines).map(|line| format!("+ {line}"));
    let (what, differences) = match (before.is_cut, after.is_cut) {
        (false, false) => (what.to_owned(), gone.chain(new).collect()),
        (false, true) => (what.to_owned(), vec!["+ more than can be read".to_owned()]),
        // What is missing in a list that was cut may be behind its end.
        (true, _) => (format!("{what} ({TOO_MANY})"), Vec::new()),
    };
    ProofRow { what, before: before.lines.len(), after: after.lines.len(), differences }
}

/// All that a session started, of which nothing may be there in the end.
#[derive(Debug, Clone, Default)]
pub struct SessionProcesses {
    /// Pids; the groups of labs bear them in their names.
    keepers: BTreeSet<u32>,
    /// Every process that was seen in a lab, by pid and start time.
    seen: HashSet<(u32, u64)>,
}

impl SessionProcesses {
    /// A lab that starts one process after the other must not grow the front end: those that are gone are forgotten.
    const FORGET_AT: usize = 8 * bounds::MAX_PROCESSES;

    pub fn note_keeper(&mut self, pid: u32) {
        self.keepers.insert(pid);
    }

    pub fn note_processes(&mut self, snapshot: &Snapshot) {
        self.seen
            .extend(snapshot.processes.iter().map(|process| (process.pid, process.start_time)));
        if self.seen.len() > SessionProcesses::FORGET_AT {
            self.seen.retain(|(pid, start_time)| is_alive(*pid, *start_time));
        }
    }

    fn alive(&self) -> impl Iterator<Item = &(u32, u64)> {
        self.seen.iter().filter(|(pid, start_time)| is_alive(*pid, *start_time))
    }
}

fn links() -> Listed {
    let Ok(socket) = crate::kernel::net::open_socket() else { return Listed::default() };
    let share = NamespaceShare {
        rows: bounds::MAX_MACHINE_ENTRIES,
        bytes: Budget::new(bounds::MAX_MACHINE_BYTES),
    };
    let (links, omitted) = network::read_links(&socket, share);
    let lines = links.iter().map(|link| format!("{} {}", link.index, link.name)).collect();
    Listed { lines, is_cut: !omitted.is_nothing() }
}

/// The groups of labs that these keepers made. Those of others come and go on any machine that is in use.
fn groups_of(keepers: &BTreeSet<u32>) -> Listed {
    let mut found = Listed::default();
    let mut entries = Budget::new(bounds::MAX_MACHINE_ENTRIES);
    for hierarchy in crate::keeper::cgroups::hierarchies() {
        for entry in fs::read_dir(&hierarchy.parent).into_iter().flatten().flatten() {
            if entries.is_spent() {
                found.is_cut = true;
                break;
            }
            entries.spend(1);

            let owner = owner_of(&entry.file_name().to_string_lossy());
            if owner.is_some_and(|owner| {
                owner.is_in_our_pid_namespace() && keepers.contains(&owner.pid)
            }) {
                found.lines.insert(entry.path().to_string_lossy().into_owned());
            }
        }
    }

    found
}

fn is_alive(pid: u32, start_time: u64) -> bool {
    processes::read_stat(Path::new(&format!("/proc/{pid}")))
        .is_some_and(|stat| stat.start_time == start_time && stat.state != 'Z')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Process;

    fn seen(processes: &[(u32, u64)]) -> SessionProcesses {
        SessionProcesses {
            seen: processes.iter().copied().collect(),
            ..SessionProcesses::default()
        }
    }

    #[test]
    fn an_untouched_machine_compares_clean() {
        let now = MachineState::now();
        assert!(!now.mounts.lines.is_empty() && !now.links.lines.is_empty());
        assert!(!now.mounts.is_cut && !now.links.is_cut);
        assert!(MachineState::compare(&now, &now, &seen(&[(1, 0)])).is_clean());
    }

    #[test]
    fn what_came_and_what_went_is_said() {
        let mut before = MachineState::default();
        before.links.lines.insert("2 eth0".into());
        let mut after = MachineState::default();
        after.links.lines.insert("3 veth0".into());
        let none = SessionProcesses::default();
        let proof = MachineState::compare(&before, &after, &none);
        assert_eq!(proof.rows[1].differences, ["- 2 eth0", "+ 3 veth0"]);
        assert!(!proof.is_clean());

        // What may be behind the end of a list is no difference, but the end is.
        after.links.is_cut = true;
        assert_eq!(
            MachineState::compare(&before, &after, &none).rows[1].differences,
            ["+ more than can be read"]
        );
        before.links.is_cut = true;
        let proof = MachineState::compare(&before, &after, &none);
        assert!(
            proof.is_clean() && proof.rows[1].what.contains("more than can be compared"),
            "{proof:?}"
        );
    }

    #[test]
    fn a_process_left_behind_is_a_difference() {
        let me = processes::read_stat(Path::new("/proc/self")).expect("we are alive");
        let now = MachineState::now();
        let proof =
            MachineState::compare(&now, &now, &seen(&[(std::process::id(), me.start_time)]));
        assert!(!proof.is_clean());
        let told = format!("+ process {} of the lab is still there", std::process::id());
        assert_eq!(proof.rows[3].differences, [told]);
    }

    #[test]
    fn of_many_processes_only_those_alive_are_remembered() {
        let me = processes::read_stat(Path::new("/proc/self")).expect("we are alive");
        let mut seen = seen(&[(std::process::id(), me.start_time)]);
        let process = processes::read(Path::new("tests/fixtures/proc"), 100, &[]).0.remove(0);
        for time in 0..10_000 {
            let gone = Process { pid: u32::MAX, start_time: time, ..process.clone() };
            seen.note_processes(&Snapshot { processes: vec![gone], ..Snapshot::default() });
            assert!(seen.seen.len() <= SessionProcesses::FORGET_AT + 1);
        }
        assert_eq!(seen.alive().count(), 1);
    }
}
