//! The machine outside the lab, before and after: the proof that a lesson left it as it was.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::Path;

use super::bounds::{self, Budget};
use super::netlink::NamespaceShare;
use super::{mounts, network, processes};
use crate::keeper::cgroups::{OwnerProcess, owner_of};
use crate::proof::{Proof, ProofRow};
use crate::snapshot::{Link, Mount, Snapshot};

/// The parts of the machine that are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineState {
    mounts: Listed,
    links: Listed,
    /// Of everybody but this program's labs, where those have theirs.
    groups: Listed,
}

/// Said of a list that was cut.
const TOO_MANY: &str = "more than can be compared";

/// Lines, one for each thing of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Listed {
    /// Each with marks: values that something else which has them is, in a lab, the same thing as this one.
    lines: BTreeMap<String, Vec<String>>,
    /// There are more than are read.
    is_cut: bool,
}

impl MachineState {
    pub fn now() -> MachineState {
        let (table, omitted) = mounts::read_whole(Path::new("/proc"), std::process::id());
        let lines = table
            .iter()
            .map(|mount| {
                (format!("{} {} {}", mount.id, mount.target, mount.fstype), mount_marks(mount))
            })
            .collect();
        MachineState {
            mounts: Listed { lines, is_cut: !omitted.is_nothing() },
            links: links(),
            groups: groups(|owner| owner.is_none()),
        }
    }

    pub fn compare(before: &MachineState, after: &MachineState, ours: &SessionTraces) -> Proof {
        let alive = ours
            .alive()
            .map(|(pid, _)| (format!("process {pid} of the lab is still there"), Vec::new()));
        Proof {
            rows: vec![
                row("mounts", &before.mounts, &after.mounts, &ours.in_labs),
                row("network links", &before.links, &after.links, &ours.in_labs),
                ProofRow {
                    by_others: changed_groups(&before.groups, &after.groups),
                    ..left("cgroups of the lab", &groups_of(&ours.keepers))
                },
                left("processes of the lab", &Listed { lines: alive.collect(), is_cut: false }),
            ],
        }
    }
}

/// The row of what a session left behind: of its own things there were none before. Where more stands there than is read,
/// what was found still counts, and nothing is claimed of the rest.
fn left(what: &str, left: &Listed) -> ProofRow {
    let what = if left.is_cut { format!("{what} ({TOO_MANY})") } else { what.to_owned() };
    let differences = left.lines.keys().map(|line| format!("+ {line}")).collect();
    let after = left.lines.len();
    ProofRow { what, before: 0, after, differences, by_others: Vec::new() }
}

/// The row of what the machine has. A difference is the session's where it is of something that was seen in a lab: on a
/// machine in use others mount and make links all the time. What is gone a lab can't have taken: it has no way to it.
fn row(what: &str, before: &Listed, after: &Listed, seen: &SeenInLabs) -> ProofRow {
    let known: HashSet<&String> = before.lines.values().flatten().collect();
    // A lab has file systems of the machine's, too: they tell nothing.
    let is_ours = |marks: &[String]| {
        seen.is_cut || marks.iter().any(|mark| seen.marks.contains(mark) && !known.contains(mark))
    };
    let not_in = |other: &Listed, line: &String| !other.lines.contains_key(line);

    let gone =
        before.lines.keys().filter(|line| not_in(after, line)).map(|line| format!("- {line}"));
    let (ours, theirs): (Vec<_>, Vec<_>) = after
        .lines
        .iter()
        .filter(|(line, _)| not_in(before, line))
        .partition(|(_, marks)| is_ours(marks));
    let added = |(line, _): (&String, &Vec<String>)| format!("+ {line}");
    let mut differences: Vec<String> = ours.into_iter().map(added).collect();

    // What is missing in a list that was cut may be behind its end; and of what is there, nobody knows whose it is.
    let is_whole = !before.is_cut && !after.is_cut;
    let by_others = match is_whole {
        true => gone.chain(theirs.into_iter().map(added)).collect(),
        false => Vec::new(),
    };
    if after.is_cut && !before.is_cut {
        differences.push("+ more than can be read".to_owned());
    }
    let what = if before.is_cut { format!("{what} ({TOO_MANY})") } else { what.to_owned() };
    ProofRow { what, before: before.lines.len(), after: after.lines.len(), differences, by_others }
}

/// The traces of a session, its keepers and what was seen in its labs: none of it may be there in the end.
#[derive(Debug, Clone, Default)]
pub struct SessionTraces {
    /// Pids; the groups of labs bear them in their names.
    keepers: BTreeSet<u32>,
    /// Every process that was seen in a lab, by pid and start time.
    seen: HashSet<(u32, u64)>,
    in_labs: SeenInLabs,
}

/// The marks of all mounts and links that were seen in labs.
#[derive(Debug, Clone, Default)]
struct SeenInLabs {
    marks: HashSet<String>,
    /// There were more than are remembered: then every difference is taken for the session's.
    is_cut: bool,
}

/// A file system, and the place where a part of it is mounted: a mount that went out of a lab has both. A device's number
/// alone is used again as soon as it is free.
fn mount_marks(mount: &Mount) -> Vec<String> {
    let Mount { device, root, target, fstype, source, .. } = mount;
    vec![format!("{device} {fstype} {source}"), format!("{device} {root} {target}")]
}

/// The hardware address, which a link keeps wherever it is moved.
fn link_marks(link: &Link) -> Vec<String> {
    let is_own = link.mac.chars().any(|digit| !matches!(digit, '0' | ':'));
    if is_own { vec![link.mac.clone()] } else { Vec::new() }
}

impl SessionTraces {
    /// A lab that starts one process after the other must not grow the front end: those that are gone are forgotten.
    const FORGET_AT: usize = 8 * bounds::MAX_PROCESSES;

    pub fn note_keeper(&mut self, pid: u32) {
        self.keepers.insert(pid);
    }

    /// Remember what is in a lab.
    pub fn note_seen(&mut self, snapshot: &Snapshot) {
        let mounts = snapshot.mounts.iter().flat_map(|table| &table.rows).flat_map(mount_marks);
        let links = snapshot.networks.iter().flat_map(|net| &net.links).flat_map(link_marks);
        self.in_labs.marks.extend(mounts.chain(links));
        if self.in_labs.marks.len() > SessionTraces::FORGET_AT {
            self.in_labs = SeenInLabs { marks: HashSet::new(), is_cut: true };
        }

        self.seen
            .extend(snapshot.processes.iter().map(|process| (process.pid, process.start_time)));
        if self.seen.len() > SessionTraces::FORGET_AT {
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
    let lines = links
        .iter()
        .map(|link| (format!("{} {}", link.index, link.name), link_marks(link)))
        .collect();
    Listed { lines, is_cut: !omitted.is_nothing() }
}

/// The groups of labs that these keepers made.
fn groups_of(keepers: &BTreeSet<u32>) -> Listed {
    groups(|owner| {
        owner.is_some_and(|owner| owner.is_in_our_pid_namespace() && keepers.contains(&owner.pid))
    })
}

/// The groups of others that came and went: a line for each name, with the first tree that it is in.
fn changed_groups(before: &Listed, after: &Listed) -> Vec<String> {
    // Of what is behind the end of a list nobody knows.
    if before.is_cut || after.is_cut {
        return Vec::new();
    }
    let changes = |sign: &str, from: &Listed, to: &Listed| {
        let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for path in from.lines.keys().filter(|path| !to.lines.contains_key(*path)) {
            let name = path.rsplit('/').next().unwrap_or(path);
            names.entry(name).or_default().push(path);
        }
        names
            .into_values()
            .filter_map(|paths| {
                let (first, others) = paths.split_first()?;
                Some(match others.len() {
                    0 => format!("{sign} {first}"),
                    count => format!("{sign} {first} (other trees: {count})"),
                })
            })
            .collect::<Vec<String>>()
    };
    [changes("-", before, after), changes("+", after, before)].concat()
}

/// The groups beside those of labs whose owner, if their name tells one, is wanted.
fn groups(is_wanted: impl Fn(Option<OwnerProcess>) -> bool) -> Listed {
    let mut found = Listed::default();
    let mut entries = Budget::new(bounds::MAX_MACHINE_ENTRIES);
    for hierarchy in crate::keeper::cgroups::hierarchies() {
        for entry in fs::read_dir(&hierarchy.parent).into_iter().flatten().flatten() {
            if entries.is_spent() {
                found.is_cut = true;
                break;
            }
            entries.spend(1);

            let is_group = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_group && is_wanted(owner_of(&entry.file_name().to_string_lossy())) {
                found.lines.insert(entry.path().to_string_lossy().into_owned(), Vec::new());
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
    use crate::snapshot::{MountTable, Process};

    fn seen(processes: &[(u32, u64)]) -> SessionTraces {
        SessionTraces { seen: processes.iter().copied().collect(), ..SessionTraces::default() }
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
        before.links.lines.insert("2 eth0".into(), vec!["02:00".into()]);
        let mut after = MachineState::default();
        after.links.lines.insert("3 veth0".into(), vec!["02:01".into()]);
        let none = SessionTraces::default();
        let proof = MachineState::compare(&before, &after, &none);
        assert_eq!(proof.rows[1].by_others, ["- 2 eth0", "+ 3 veth0"]);
        assert!(proof.is_clean());

        // A link that was seen in a lab is the session's.
        let mut ours = SessionTraces::default();
        ours.in_labs.marks.insert("02:01".into());
        let proof = MachineState::compare(&before, &after, &ours);
        assert_eq!(proof.rows[1].differences, ["+ 3 veth0"]);
        assert_eq!(proof.rows[1].by_others, ["- 2 eth0"]);
        assert!(!proof.is_clean());

        // One that the machine had before is in labs as well, and tells nothing.
        ours.in_labs.marks.insert("02:00".into());
        after.links.lines.insert("4 eth9".into(), vec!["02:00".into()]);
        let proof = MachineState::compare(&before, &after, &ours);
        assert_eq!(proof.rows[1].differences, ["+ 3 veth0"]);
        after.links.lines.remove("4 eth9");

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
    fn groups_of_others_are_told_by_name_and_are_no_difference() {
        let with = |paths: &[&str]| {
            let lines = paths.iter().map(|path| ((*path).to_owned(), Vec::new())).collect();
            let groups = Listed { lines, is_cut: false };
            MachineState { groups, ..MachineState::default() }
        };
        let before = with(&["/c/pids/gone", "/c/pids/stays"]);
        let mut after = with(&["/c/cpu/docker", "/c/pids/docker", "/c/pids/one", "/c/pids/stays"]);
        let none = SessionTraces::default();

        let proof = MachineState::compare(&before, &after, &none);
        assert!(proof.is_clean());
        assert_eq!(
            proof.rows[2].by_others,
            ["- /c/pids/gone", "+ /c/cpu/docker (other trees: 1)", "+ /c/pids/one"]
        );

        after.groups.is_cut = true;
        assert!(MachineState::compare(&before, &after, &none).rows[2].by_others.is_empty());
    }

    #[test]
    fn a_mount_that_went_out_of_a_lab_is_told_from_what_others_mount() {
        let mount = |text: &str| crate::observe::mounts::parse(text);
        let table = |text: &str| {
            let lines =
                mount(text).iter().map(|one| (one.target.clone(), mount_marks(one))).collect();
            MachineState { mounts: Listed { lines, is_cut: false }, ..MachineState::default() }
        };
        const ROOT: &str = "27 1 254:0 / / rw - ext4 /dev/vda rw\n";
        let inside = format!(
            "{ROOT}30 27 0:50 / /root/x rw - tmpfs x rw\n31 27 254:0 /usr /root/bound rw - ext4 /dev/vda rw\n"
        );
        let rows = mount(&inside);
        let tables = vec![MountTable {
            actor: crate::op::ActorName::host(),
            ns: crate::snapshot::NsInode(1),
            rows,
            omitted: crate::snapshot::Omitted::Nothing,
        }];
        let mut ours = SessionTraces::default();
        ours.note_seen(&Snapshot { mounts: tables, ..Snapshot::default() });

        let check = |line: &str, is_ours: bool| {
            let after = table(&format!("{ROOT}{line}"));
            let proof = MachineState::compare(&table(ROOT), &after, &ours);
            assert_eq!(!proof.is_clean(), is_ours, "{line}");
            assert_eq!(proof.rows[0].by_others.is_empty(), is_ours, "{line}");
        };
        check("40 27 0:50 / /anywhere rw - tmpfs x rw\n", true);
        check("40 27 254:0 /usr /root/bound rw - ext4 /dev/vda rw\n", true);
        check("40 27 254:0 /srv /mnt/srv rw - ext4 /dev/vda rw\n", false);
        check("40 27 0:99 / /mnt/other rw - tmpfs y rw\n", false);
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
            seen.note_seen(&Snapshot { processes: vec![gone], ..Snapshot::default() });
            assert!(seen.seen.len() <= SessionTraces::FORGET_AT + 1);
        }
        assert_eq!(seen.alive().count(), 1);
    }
}
