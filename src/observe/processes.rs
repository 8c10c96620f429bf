//! The lab's processes: found by walking the `children` files from its pid 1, read from /proc/PID.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::bounds::{self, Budget};
use super::kernel_file;
use super::rootdir::{self, NumberedEntries, RootDir};
use crate::op::NamespaceKind;
use crate::snapshot::{NsInode, Omitted, Process};

/// The process and its descendants, by pid, and how many were left out: those of `actors` come first, then those
/// nearest to the top. One that ends while it is read is left out.
pub fn read(proc_root: &Path, init: u32, actors: &[u32]) -> (Vec<Process>, Omitted) {
    let family = Family::find(proc_root, init);
    let (mut pids, mut omitted) = family.first(proc_root, actors);
    let mut budget = Budget::new(bounds::MAX_PROCESS_BYTES);
    let mut processes = read_all(proc_root, &pids, &mut budget, &mut omitted);

    let (entered, unseen) = entered(proc_root, init, &family, &processes, omitted);
    omitted = omitted.plus(unseen);
    let (own, others): (Vec<u32>, Vec<u32>) =
        entered.into_iter().partition(|pid| actors.contains(pid));
    let room = bounds::MAX_PROCESSES.saturating_sub(processes.len());
    omitted = omitted.plus(Omitted::rows(others.len().saturating_sub(room)));
    pids = own.into_iter().chain(others.into_iter().take(room)).collect();
    let level = processes
        .iter()
        .find(|process| process.pid == init)
        .map_or(0, |process| process.ns_pids.len());
    let came_in = read_all(proc_root, &pids, &mut budget, &mut omitted);
    processes.extend(came_in.into_iter().filter(|process| process.ns_pids.len() >= level));

    processes.sort_unstable_by_key(|process| process.pid);
    (processes, omitted)
}

/// Those that the budget allows; the others are counted.
fn read_all(
    proc_root: &Path,
    pids: &[u32],
    budget: &mut Budget,
    omitted: &mut Omitted,
) -> Vec<Process> {
    let mut processes = Vec::with_capacity(pids.len());
    for (at, pid) in pids.iter().enumerate() {
        let read = read_one(proc_root, *pid, budget);
        // What was cut by the end of the budget says nothing about its end.
        if budget.is_spent() {
            *omitted = omitted.plus(Omitted::rows(pids.len() - at));
            break;
        }
        processes.extend(read);
    }

    processes
}

/// The same processes by pid, with no more than one file of each read.
pub fn process_tree(proc_root: &Path, init: u32, actors: &[u32]) -> Vec<(u32, ProcessStat)> {
    let (mut pids, _) = Family::find(proc_root, init).first(proc_root, actors);
    pids.sort_unstable();
    pids.into_iter()
        .filter_map(|pid| Some((pid, read_stat(&proc_root.join(pid.to_string()))?)))
        .collect()
}

/// The number of processes below one, itself among them: as many as are counted.
pub fn count_processes(proc_root: &Path, init: u32) -> usize {
    Family::find(proc_root, init).pids.len()
}

/// A process and its descendants, each before its children.
struct Family {
    pids: Vec<u32>,
    /// All were found.
    is_whole: bool,
}

impl Family {
    fn find(proc_root: &Path, init: u32) -> Family {
        let mut pids = vec![init];
        let is_whole = push_descendants(proc_root, &mut pids, bounds::MAX_PROC_ENTRIES);
        if pids.len() == 1 && !has_children_files(proc_root, init) {
            return Family::find_by_parent(proc_root, init);
        }

        // A process whose parent dies meanwhile is its own and its new parent's child.
        let mut seen = HashSet::new();
        pids.retain(|pid| seen.insert(*pid));
        Family { pids, is_whole }
    }

    /// The family on kernels without CONFIG_PROC_CHILDREN, found by looking at every process's parent.
    fn find_by_parent(proc_root: &Path, init: u32) -> Family {
        let listed = numbers(proc_root);
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for pid in listed.found {
            let Some(stat) = read_stat(&proc_root.join(pid.to_string())) else { continue };
            if stat.ppid != pid {
                children.entry(stat.ppid).or_default().push(pid);
            }
        }

        let mut family = Family { pids: vec![init], is_whole: !listed.is_cut };
        let mut next = 0;
        while next < family.pids.len() {
            family.pids.extend(children.remove(&family.pids[next]).unwrap_or_default());
            next += 1;
        }
        family
    }

    /// Those to be read, actors first, and what is left out.
    fn first(&self, proc_root: &Path, actors: &[u32]) -> (Vec<u32>, Omitted) {
        let found: HashSet<u32> = self.pids.iter().copied().collect();
        // An actor among so many that it was not come by is asked for its parents.
        let is_of_it = |pid: &u32| {
            found.contains(pid) || (!self.is_whole && self.is_descendant(proc_root, *pid))
        };
        let mut kept: Vec<u32> = self.pids.first().copied().into_iter().collect();
        let mut taken: HashSet<u32> = kept.iter().copied().collect();
        kept.extend(
            actors
                .iter()
                .copied()
                .filter(|pid| is_of_it(pid) && taken.insert(*pid))
                .take(bounds::MAX_PROCESSES),
        );
        let others = self.pids.iter().copied().filter(|pid| taken.insert(*pid));
        kept.extend(others.take(bounds::MAX_PROCESSES.saturating_sub(kept.len())));

        let missing = found.iter().filter(|pid| !taken.contains(pid)).count();
        (kept, if self.is_whole { Omitted::rows(missing) } else { Omitted::Uncounted })
    }

    fn is_descendant(&self, proc_root: &Path, pid: u32) -> bool {
        const LEVELS: usize = 64;
        let init = self.pids.first().copied();
        let mut at = pid;
        for _ in 0..LEVELS {
            match read_stat(&proc_root.join(at.to_string())) {
                Some(stat) if Some(stat.ppid) == init => return true,
                Some(stat) => at = stat.ppid,
                None => return false,
            }
        }
        false
    }
}

/// Processes in the lab's pid namespace that do not descend from its first: they came in from outside, as by
/// nsenter(1). The lab's own /proc tells whether there are any; only then, or where not all of the lab's are known, is
/// the machine looked through.
fn entered(
    proc_root: &Path,
    init: u32,
    family: &Family,
    known: &[Process],
    omitted: Omitted,
) -> (Vec<u32>, Omitted) {
    let none = (Vec::new(), Omitted::Nothing);
    let lab_pids: HashSet<u32> = known.iter().filter_map(Process::lab_pid).collect();
    let Ok(listed) = RootDir::open(proc_root, init)
        .and_then(|root| root.proc_pids("proc", bounds::MAX_PROC_ENTRIES))
    else {
        return none;
    };
    if omitted.is_nothing() && listed.found.iter().all(|pid| lab_pids.contains(pid)) {
        return none;
    }

    let Ok(namespace) = fs::read_link(proc_root.join(format!("{init}/ns/pid"))) else {
        return none;
    };
    let of_family: HashSet<u32> = family.pids.iter().copied().collect();
    let machine = numbers(proc_root);
    let mut found: Vec<u32> = machine
        .found
        .into_iter()
        .filter(|pid| !of_family.contains(pid))
        .filter(|pid| {
            fs::read_link(proc_root.join(format!("{pid}/ns/pid")))
                .is_ok_and(|link| link == namespace)
        })
        .collect();

    let is_whole = push_descendants(proc_root, &mut found, bounds::MAX_PROCESSES);
    found.sort_unstable();
    found.dedup();
    found.retain(|pid| !of_family.contains(pid));
    (found, if machine.is_cut || !is_whole { Omitted::Uncounted } else { Omitted::Nothing })
}

/// Adds the descendants of these processes, up to so many pids. False where there may be more.
fn push_descendants(proc_root: &Path, pids: &mut Vec<u32>, most: usize) -> bool {
    let mut tasks = Budget::new(bounds::MAX_TASKS);
    let (mut next, mut is_whole) = (0, true);
    while next < pids.len() && pids.len() < most && !tasks.is_spent() {
        is_whole &= push_children(proc_root, pids[next], &mut tasks, pids);
        next += 1;
    }
    is_whole && next == pids.len()
}

/// The pids that a proc file system lists.
fn numbers(proc: &Path) -> NumberedEntries {
    let listed = nix::fcntl::open(
        proc,
        nix::fcntl::OFlag::O_RDONLY | nix::fcntl::OFlag::O_DIRECTORY | nix::fcntl::OFlag::O_CLOEXEC,
        nix::sys::stat::Mode::empty(),
    );
    listed
        .and_then(|dir| rootdir::numbered_entries(dir, bounds::MAX_PROC_ENTRIES))
        .unwrap_or_default()
}

fn has_children_files(proc_root: &Path, pid: u32) -> bool {
    proc_root.join(format!("{pid}/task/{pid}/children")).exists()
}

/// All threads' children; the kernel lists them per thread. False where there may be more.
fn push_children(proc_root: &Path, pid: u32, tasks: &mut Budget, into: &mut Vec<u32>) -> bool {
    let Ok(entries) = fs::read_dir(proc_root.join(format!("{pid}/task"))) else { return true };
    for task in entries.flatten() {
        if tasks.is_spent() {
            return false;
        }
        tasks.spend(1);

        let Some(start) =
            kernel_file::read_start(&task.path().join("children"), bounds::MAX_SMALL_FILE_BYTES)
        else {
            continue;
        };
        let text = start.text();
        // A number may have been cut.
        let listed =
            if start.is_cut { text.rsplit_once(' ').map_or("", |(whole, _)| whole) } else { &text };
        into.extend(listed.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        if start.is_cut {
            return false;
        }
    }

    true
}

fn read_one(proc_root: &Path, pid: u32, budget: &mut Budget) -> Option<Process> {
    let dir = proc_root.join(pid.to_string());
    let mut read = |name: &str, limit: usize| {
        let start = kernel_file::read_start(&dir.join(name), budget.up_to(limit));
        budget.spend(start.as_ref().map_or(0, |start| start.bytes.len()));
        start
    };

    let stat = parse_stat(&read("stat", bounds::MAX_SMALL_FILE_BYTES)?.text())?;
    // The line wanted stands behind that of the supplementary groups, which are as many as a process likes.
    // (A reader asks for one byte more than its limit.)
    let status = read("status", usize::MAX - 1)?.text();
    let args = read("cmdline", bounds::MAX_ARGUMENT_BYTES);
    let cgroups = read("cgroup", bounds::MAX_CGROUP_LINE_BYTES);

    Some(Process {
        pid,
        ns_pids: status_numbers(&status, "NSpid:").unwrap_or_else(|| vec![pid]),
        ppid: stat.ppid,
        start_time: stat.start_time,
        // Real, effective, saved, file system: the second decides what it may do.
        uid: status_numbers(&status, "Uid:").and_then(|uids| uids.get(1).copied()).unwrap_or(0),
        state: stat.state,
        comm: stat.comm,
        args: args.map_or_else(String::new, |args| join_args(&args)),
        actor: None,
        namespaces: namespaces(&dir),
        cgroups: cgroups.map_or_else(Vec::new, |start| {
            start.whole_lines().lines().filter_map(parse_cgroup).collect()
        }),
    })
}

/// The fields of /proc/PID/stat that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessStat {
    pub comm: String,
    pub state: char,
    pub ppid: u32,
    /// The CPU time of the process and of its children that were waited for, in clock ticks (fields 14 to 17).
    pub cpu_ticks: u64,
    /// Clock ticks after boot (field 22).
    pub start_time: u64,
}

/// The times that a process has spent on a CPU and waiting for one, and how often it got one: /proc/PID/schedstat.
pub fn read_schedule(pid: u32) -> Option<String> {
    kernel_file::read_text(Path::new(&format!("/proc/{pid}/schedstat")))
}

pub fn read_stat(dir: &Path) -> Option<ProcessStat> {
    parse_stat(&kernel_file::read_text(&dir.join("stat"))?)
}

/// The command may hold blanks and parentheses: it ends at the last `)`.
pub fn parse_stat(text: &str) -> Option<ProcessStat> {
    let (open, close) = (text.find('(')?, text.rfind(')')?);
    let mut fields = text.get(close + 1..)?.split_ascii_whitespace();
    Some(ProcessStat {
        comm: text.get(open + 1..close)?.to_owned(),
        state: fields.next()?.chars().next()?,
        ppid: fields.next()?.parse().ok()?,
        // Fields 3 and 4 are taken: field 14 is the tenth of those left, and 22 the fifth behind field 17.
        cpu_ticks: fields
            .by_ref()
            .skip(9)
            .take(4)
            .map(|field| field.parse::<u64>().ok())
            .sum::<Option<u64>>()?,
        start_time: fields.nth(4)?.parse().ok()?,
    })
}

fn status_numbers(status: &str, key: &str) -> Option<Vec<u32>> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect())
}

fn join_args(args: &kernel_file::FileStart) -> String {
    args.with_cut_mark().trim_end_matches('\0').replace('\0', " ").trim_end().to_owned()
}

/// A line of /proc/PID/cgroup as (controllers, path).
pub fn parse_cgroup(line: &str) -> Option<(String, String)> {
    let mut fields = line.splitn(3, ':').skip(1);
    Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
}

fn namespaces(dir: &Path) -> BTreeMap<NamespaceKind, NsInode> {
    let ns: PathBuf = dir.join("ns");
    NamespaceKind::ALL
        .into_iter()
        .filter_map(|kind| {
            let link = fs::read_link(ns.join(kind.proc_link_name())).ok()?;
            Some((kind, parse_namespace(link.to_str()?)?))
        })
        .collect()
}

/// True if a process is still in the namespaces that it was in.
pub fn has_same_namespaces(proc_root: &Path, process: &Process) -> bool {
    namespaces(&proc_root.join(process.pid.to_string())) == process.namespaces
}

/// `mnt:[4026531841]`
fn parse_namespace(link: &str) -> Option<NsInode> {
    link.split_once(":[")?.1.strip_suffix(']')?.parse().ok().map(NsInode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_blanks_and_parentheses_is_read_whole() {
        let stat = parse_stat("12 (a) b (c)) S 3 12 12 0 -1 4 0 0 0 0 1 2 0 0 20 0 1 0 987654 0 0")
            .expect("a stat line");
        assert_eq!(
            stat,
            ProcessStat {
                comm: "a) b (c)".into(),
                state: 'S',
                ppid: 3,
                cpu_ticks: 3,
                start_time: 987654
            }
        );
        for text in ["", "1 (x", "1 (x) S", ") (", "1 (x) S 1 2 3"] {
            assert_eq!(parse_stat(text), None, "{text}");
        }
    }

    #[test]
    fn the_tree_below_a_process_is_found_in_a_folder_of_files() {
        let root = Path::new("tests/fixtures/proc");
        let (processes, omitted) = read(root, 100, &[]);
        assert_eq!(omitted, Omitted::Nothing);
        let pids: Vec<(u32, u32)> =
            processes.iter().map(|process| (process.pid, process.ppid)).collect();
        assert_eq!(pids, [(100, 1), (101, 100), (102, 101)]);

        let container = &processes[2];
        assert_eq!(container.ns_pids, [102, 6, 1]);
        assert_eq!((container.own_pid(), container.lab_pid()), (1, Some(6)));
        assert_eq!(
            (container.args.as_str(), container.uid, container.state),
            ("sleep 1000", 1_000_000_000, 'S')
        );
        assert_eq!(container.cgroups[0], ("memory".into(), "/unboxed/box".into()));
        assert_eq!(Family::find_by_parent(root, 100).pids, [100, 101, 102]);
    }

    /// A folder of files for processes of one parent.
    fn many(count: u32, args: usize, groups: usize) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        for pid in 1..=count {
            let own = dir.path().join(pid.to_string());
            let task = own.join(format!("task/{pid}"));
            fs::create_dir_all(&task).expect("made");
            let children: String = (2..=count).map(|pid| format!("{pid} ")).collect();
            fs::write(task.join("children"), if pid == 1 { children } else { String::new() })
                .expect("written");

            let ppid = u32::from(pid > 1);
            let stat = format!("{pid} (sh) S {ppid} 1 1 0 -1 4 0 0 0 0 1 2 0 0 20 0 1 0 {pid} 0 0");
            fs::write(own.join("stat"), stat).expect("written");
            let listed = "1000000000 ".repeat(groups);
            fs::write(
                own.join("status"),
                format!("Uid:\t0 7 0 0\nGroups:\t{listed}\nNSpid:\t{pid} {pid}\n"),
            )
            .expect("written");
            fs::write(own.join("cmdline"), "x\0".repeat(args)).expect("written");
        }
        dir
    }

    #[test]
    fn of_many_processes_some_are_read_the_actors_first_and_the_others_counted() {
        let dir = many(300, 1, 0);
        let (processes, omitted) = read(dir.path(), 1, &[290, 299, 4000]);
        let pids: Vec<u32> = processes.iter().map(|process| process.pid).collect();

        assert_eq!(
            (pids.len(), omitted),
            (bounds::MAX_PROCESSES, Omitted::Rows(300 - bounds::MAX_PROCESSES))
        );
        assert!(
            pids.is_sorted() && pids.contains(&290) && pids.contains(&299) && !pids.contains(&298),
            "{pids:?}"
        );

        let tree = process_tree(dir.path(), 1, &[290, 299, 4000]);
        assert_eq!(tree.iter().map(|(pid, _)| *pid).collect::<Vec<_>>(), pids, "the same ones");
        assert_eq!(count_processes(dir.path(), 1), 300);
    }

    #[test]
    fn an_actor_below_more_tasks_than_are_looked_at_is_found_by_its_parents() {
        let dir = many(3, 1, 0);
        for task in 0..bounds::MAX_TASKS {
            let task = dir.path().join(format!("1/task/{}", 10_000 + task));
            fs::create_dir(&task).expect("made");
            fs::write(task.join("children"), "").expect("written");
        }
        fs::write(dir.path().join("1/task/1/children"), "").expect("written");
        let (processes, omitted) = read(dir.path(), 1, &[3]);
        let pids: Vec<u32> = processes.iter().map(|process| process.pid).collect();
        assert_eq!((pids, omitted), (vec![1, 3], Omitted::Uncounted));
    }

    #[test]
    fn what_is_read_of_a_process_is_bounded() {
        let long = many(1, 100_000, 0);
        let args = &read(long.path(), 1, &[]).0[0].args;
        assert!(
            args.len() < bounds::MAX_ARGUMENT_BYTES + 4 && args.ends_with('…'),
            "{}",
            args.len()
        );

        // As many supplementary groups as a process can have.
        let greedy = many(20, 1, 65_536);
        let (processes, omitted) = read(greedy.path(), 1, &[]);
        assert!((3..10).contains(&processes.len()), "{} fit", processes.len());
        assert_eq!(omitted, Omitted::Rows(20 - processes.len()));
        assert!(processes.iter().all(|process| process.ns_pids.len() == 2 && process.uid == 7));
    }

    #[test]
    fn a_process_of_the_machine_is_read_like_ps_reads_it() {
        let me = std::process::id();
        let process = read_one(Path::new("/proc"), me, &mut Budget::new(bounds::MAX_PROCESS_BYTES))
            .expect("we are alive");
        assert_eq!(process.pid, me);
        assert_eq!(process.ppid, std::os::unix::process::parent_id());
        assert!(process.namespaces.contains_key(&NamespaceKind::Mount));
    }
}
