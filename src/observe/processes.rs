//! The lab's processes: found by walking the `children` files from its pid 1, read from /proc/PID.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::small;
use crate::op::NamespaceKind;
use crate::snapshot::{NsInode, Process};

/// No lab has more: its pids limit is below.
const MOST: usize = 2048;

/// The process and all its descendants, by pid. One that ends while it is read is left out.
pub fn read(proc_root: &Path, init: u32) -> Vec<Process> {
    let mut pids = vec![init];
    let mut next = 0;
    while next < pids.len() && pids.len() < MOST {
        pids.extend(children(proc_root, pids[next]));
        next += 1;
    }
    if pids.len() == 1 && !has_children_files(proc_root, init) {
        pids = descendants_by_parent(proc_root, init);
    }
    let mut processes: Vec<Process> = pids.iter().filter_map(|pid| read_one(proc_root, *pid)).collect();
    processes.extend(entered(proc_root, init, &processes));
    processes.sort_unstable_by_key(|process| process.pid);
    processes
}

/// The lab's processes by pid, with no more than one file of each read.
pub fn tree(proc_root: &Path, init: u32) -> Vec<(u32, Stat)> {
    let mut pids = vec![init];
    let mut next = 0;
    while next < pids.len() && pids.len() < MOST {
        pids.extend(children(proc_root, pids[next]));
        next += 1;
    }
    pids.sort_unstable();
    pids.into_iter().filter_map(|pid| Some((pid, read_stat(&proc_root.join(pid.to_string()))?))).collect()
}

/// Processes in the lab's pid namespace that do not descend from its first: they came in from outside, as by nsenter(1).
/// The lab's own /proc tells whether there are any; only then is the whole machine looked through.
fn entered(proc_root: &Path, init: u32, known: &[Process]) -> Vec<Process> {
    let listed = proc_root.join(format!("{init}/root/proc"));
    let is_known = |pid: u32| known.iter().any(|process| process.lab_pid() == Some(pid));
    let numbers = |dir: &Path| -> Vec<u32> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    };
    if numbers(&listed).into_iter().all(is_known) {
        return Vec::new();
    }
    let Some(own) = known.iter().find(|process| process.pid == init).map(|process| process.ns_pids.len()) else {
        return Vec::new();
    };
    let Ok(namespace) = fs::read_link(proc_root.join(format!("{init}/ns/pid"))) else { return Vec::new() };
    let mut found: Vec<u32> = numbers(proc_root)
        .into_iter()
        .filter(|pid| !known.iter().any(|process| process.pid == *pid))
        .filter(|pid| fs::read_link(proc_root.join(format!("{pid}/ns/pid"))).is_ok_and(|link| link == namespace))
        .collect();
    let mut next = 0;
    while next < found.len() && found.len() < MOST {
        let below = children(proc_root, found[next]);
        found.extend(below.into_iter().filter(|pid| !known.iter().any(|process| process.pid == *pid)));
        next += 1;
    }
    found.sort_unstable();
    found.dedup();
    let inside = |process: &Process| process.ns_pids.len() >= own;
    found.into_iter().filter_map(|pid| read_one(proc_root, pid)).filter(inside).collect()
}

fn has_children_files(proc_root: &Path, pid: u32) -> bool {
    proc_root.join(format!("{pid}/task/{pid}/children")).exists()
}

/// All threads' children; the kernel lists them per thread.
fn children(proc_root: &Path, pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let Ok(tasks) = fs::read_dir(proc_root.join(format!("{pid}/task"))) else { return found };
    for task in tasks.flatten() {
        let text = small::read(&task.path().join("children")).unwrap_or_default();
        found.extend(text.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    found
}

/// For kernels without CONFIG_PROC_CHILDREN: look at every process's parent.
fn descendants_by_parent(proc_root: &Path, init: u32) -> Vec<u32> {
    let mut parents: BTreeMap<u32, u32> = BTreeMap::new();
    for entry in fs::read_dir(proc_root).into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Some(stat) = read_stat(&entry.path()) else { continue };
        parents.insert(pid, stat.ppid);
    }
    let mut found = vec![init];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(parents.iter().filter(|(pid, ppid)| **ppid == parent && **pid != parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found
}

fn read_one(proc_root: &Path, pid: u32) -> Option<Process> {
    let dir = proc_root.join(pid.to_string());
    let stat = read_stat(&dir)?;
    let status = fs::read_to_string(dir.join("status")).ok()?;
    let args = fs::read(dir.join("cmdline")).unwrap_or_default();
    let cgroups = fs::read_to_string(dir.join("cgroup")).unwrap_or_default();
    Some(Process {
        pid,
        ns_pids: status_numbers(&status, "NSpid:").unwrap_or_else(|| vec![pid]),
        ppid: stat.ppid,
        start_time: stat.start_time,
        uid: status_numbers(&status, "Uid:").and_then(|uids| uids.get(1).copied()).unwrap_or(0),
        state: stat.state,
        comm: stat.comm,
        args: join_args(&args),
        actor: None,
        namespaces: namespaces(&dir),
        cgroups: cgroups.lines().filter_map(parse_cgroup).collect(),
    })
}

/// The fields of /proc/PID/stat that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    pub comm: String,
    pub state: char,
    pub ppid: u32,
    /// Clock ticks after boot (field 22).
    pub start_time: u64,
}

pub fn read_stat(dir: &Path) -> Option<Stat> {
    parse_stat(&small::read(&dir.join("stat"))?)
}

/// The command may hold blanks and parentheses: it ends at the last `)`.
pub fn parse_stat(text: &str) -> Option<Stat> {
    let (open, close) = (text.find('(')?, text.rfind(')')?);
    let mut fields = text.get(close + 1..)?.split_ascii_whitespace();
    Some(Stat {
        comm: text.get(open + 1..close)?.to_owned(),
        state: fields.next()?.chars().next()?,
        ppid: fields.next()?.parse().ok()?,
        start_time: fields.nth(17)?.parse().ok()?,
    })
}

fn status_numbers(status: &str, key: &str) -> Option<Vec<u32>> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect())
}

fn join_args(args: &[u8]) -> String {
    String::from_utf8_lossy(args).replace('\0', " ").trim_end().to_owned()
}

fn parse_cgroup(line: &str) -> Option<(String, String)> {
    let mut fields = line.splitn(3, ':').skip(1);
    Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
}

fn namespaces(dir: &Path) -> BTreeMap<NamespaceKind, NsInode> {
    let ns: PathBuf = dir.join("ns");
    NamespaceKind::ALL
        .into_iter()
        .filter_map(|kind| {
            let link = fs::read_link(ns.join(kind.proc_name())).ok()?;
            Some((kind, parse_namespace(link.to_str()?)?))
        })
        .collect()
}

/// Whether a process is still in the namespaces it was in.
pub fn keeps_namespaces(proc_root: &Path, process: &Process) -> bool {
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
        let stat =
            parse_stat("12 (a) b (c)) S 3 12 12 0 -1 4 0 0 0 0 1 2 0 0 20 0 1 0 987654 0 0").expect("a stat line");
        assert_eq!(stat, Stat { comm: "a) b (c)".into(), state: 'S', ppid: 3, start_time: 987654 });
        for text in ["", "1 (x", "1 (x) S", ") (", "1 (x) S 1 2 3"] {
            assert_eq!(parse_stat(text), None, "{text}");
        }
    }

    #[test]
    fn the_tree_below_a_process_is_found_in_a_folder_of_files() {
        let root = Path::new("tests/fixtures/proc");
        let processes = read(root, 100);
        let pids: Vec<(u32, u32)> = processes.iter().map(|process| (process.pid, process.ppid)).collect();
        assert_eq!(pids, [(100, 1), (101, 100), (102, 101)]);
        let container = &processes[2];
        assert_eq!(container.ns_pids, [102, 6, 1]);
        assert_eq!((container.own_pid(), container.lab_pid()), (1, Some(6)));
        assert_eq!((container.args.as_str(), container.uid, container.state), ("sleep 1000", 1_000_000_000, 'S'));
        assert_eq!(container.cgroups[0], ("memory".into(), "/unboxed/box".into()));
        assert_eq!(descendants_by_parent(root, 100), [100, 101, 102]);
    }

    #[test]
    fn a_process_of_the_machine_is_read_like_ps_reads_it() {
        let me = std::process::id();
        let process = read_one(Path::new("/proc"), me).expect("we are alive");
        assert_eq!(process.pid, me);
        assert_eq!(process.ppid, std::os::unix::process::parent_id());
        assert!(process.namespaces.contains_key(&NamespaceKind::Mount));
    }
}
