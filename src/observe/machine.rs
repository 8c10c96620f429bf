//! The machine outside the lab, before and after: the proof that a lesson left it as it was.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{mounts, network, processes};
use crate::engine::{Proof, ProofRow};

/// What is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineState {
    mounts: BTreeSet<String>,
    links: BTreeSet<String>,
    cgroups: BTreeSet<String>,
}

impl MachineState {
    pub fn now() -> MachineState {
        let table = mounts::read(Path::new("/proc"), std::process::id());
        MachineState {
            mounts: table.iter().map(|mount| format!("{} {} {}", mount.id, mount.target, mount.fstype)).collect(),
            links: links(),
            cgroups: cgroup_directories(),
        }
    }

    /// `lab_processes` are all that were ever seen in a lab, by pid and start time: one that is still there is a difference.
    /// Cgroups count where they are ours: others come and go on any machine.
    pub fn compare(before: &MachineState, after: &MachineState, lab_processes: &[(u32, u64)]) -> Proof {
        let alive: Vec<String> = lab_processes
            .iter()
            .filter(|(pid, start_time)| is_alive(*pid, *start_time))
            .map(|(pid, _)| format!("+ process {pid} of the lab is still there"))
            .collect();
        Proof {
            rows: vec![
                row("mounts", &before.mounts, &after.mounts),
                row("network links", &before.links, &after.links),
                row("cgroups", &before.cgroups, &after.cgroups),
                ProofRow { what: "processes of the lab".into(), before: 0, after: alive.len(), differences: alive },
            ],
        }
    }
}

fn row(what: &str, before: &BTreeSet<String>, after: &BTreeSet<String>) -> ProofRow {
    let gone = before.difference(after).map(|line| format!("- {line}"));
    let new = after.difference(before).map(|line| format!("+ {line}"));
    ProofRow { what: what.into(), before: before.len(), after: after.len(), differences: gone.chain(new).collect() }
}

fn links() -> BTreeSet<String> {
    let Ok(socket) = crate::kernel::net::open_socket() else { return BTreeSet::new() };
    network::read(&socket).links.iter().map(|link| format!("{} {}", link.index, link.name)).collect()
}

/// The directories at the top of each hierarchy, and the labs' own wherever they are.
fn cgroup_directories() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for hierarchy in crate::keeper::cgroups::hierarchies() {
        for entry in fs::read_dir(&hierarchy.parent).into_iter().flatten().flatten() {
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_dir && !is_of_another_keeper(&entry.file_name().to_string_lossy()) {
                found.insert(entry.path().to_string_lossy().into_owned());
            }
        }
    }
    found
}

/// Labs of other learners on the same machine are none of our business.
fn is_of_another_keeper(name: &str) -> bool {
    crate::keeper::cgroups::owner_of(name).is_some_and(|owner| {
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

    #[test]
    fn an_untouched_machine_compares_clean() {
        let now = MachineState::now();
        assert!(!now.mounts.is_empty());
        assert!(MachineState::compare(&now, &now, &[(1, 0)]).is_clean());
    }

    #[test]
    fn what_came_and_what_went_is_said() {
        let mut before = MachineState::default();
        before.links.insert("2 eth0".into());
        let mut after = MachineState::default();
        after.links.insert("3 veth0".into());
        let proof = MachineState::compare(&before, &after, &[]);
        assert_eq!(proof.rows[1].differences, ["- 2 eth0", "+ 3 veth0"]);
        assert!(!proof.is_clean());
    }

    #[test]
    fn a_process_left_behind_is_a_difference() {
        let me = processes::read_stat(Path::new("/proc/self")).expect("we are alive");
        let now = MachineState::now();
        assert!(!MachineState::compare(&now, &now, &[(std::process::id(), me.start_time)]).is_clean());
    }
}
