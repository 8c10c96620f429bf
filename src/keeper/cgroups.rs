//! The lab's subtree in each cgroup hierarchy: made, bounded, handed to the lab's root, taken away again.
//!
//! The name `unboxed-PID-START-N` tells the keeper that owns it (pid and start time), so that a later run can sweep what
//! a killed one left.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Uid};

use crate::action::CgroupVersion;
use crate::doctor::{Cgroups, Roots};
use crate::lab::protocol::LabCgroup;

/// The lab's own bounds: a fork bomb or a memory hog in a lab shell ends there.
const PIDS_LIMIT: &str = "512";
const MEMORY_LIMIT: &str = "1073741824";
/// What every lab is bounded by, wanted or not.
const BOUNDS: [&str; 2] = ["memory", "pids"];
/// Files that hold limits on block I/O, a line a disk.
const IO_RULES: [&str; 5] = [
    "io.max",
    "blkio.throttle.read_bps_device",
    "blkio.throttle.write_bps_device",
    "blkio.throttle.read_iops_device",
    "blkio.throttle.write_iops_device",
];
/// How long one group of a dead keeper may take to become empty.
const SWEEP_PATIENCE: Duration = Duration::from_millis(500);
/// Files a subtree's new owner may write: membership, not limits. cgroups(7), "Cgroups delegation".
const DELEGATED: [&str; 4] = ["cgroup.procs", "tasks", "cgroup.threads", "cgroup.subtree_control"];

/// A mounted hierarchy in which this process may make subtrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// v1: what the mount names (`memory`; `cpu,cpuacct`; `name=systemd`). v2: what the parent group can hand out.
    pub controllers: Vec<String>,
    pub v2: bool,
    /// The directory that subtrees are made in.
    pub parent: PathBuf,
}

/// The hierarchies of this machine that subtrees can be made in: where the doctor says that a lab's groups can be.
pub fn hierarchies() -> Vec<Hierarchy> {
    let trees = Cgroups::read(&Roots::machine()).hierarchies;
    trees
        .into_iter()
        .filter_map(|tree| {
            let mut parent = PathBuf::from(&tree.mount_point);
            if let Some(below) = Some(tree.lab_parent?).filter(|below| !below.is_empty()) {
                parent.push(below);
            }
            let v2 = tree.version == CgroupVersion::V2;
            Some(Hierarchy { controllers: if v2 { tree.delegable } else { tree.controllers }, v2, parent })
        })
        .collect()
}

/// One lab's part of the cgroup trees.
#[derive(Debug)]
pub struct Subtree {
    pub cgroups: Vec<LabCgroup>,
}

impl Subtree {
    /// Make the group `name` in every hierarchy that bounds the lab or that the lesson wants. A hierarchy that refuses is
    /// left out: the lab then lacks it, and says so.
    pub fn make(hierarchies: &[Hierarchy], name: &str, wanted: &[String], owner: Option<u32>) -> Subtree {
        let useful = |controller: &String| wanted.contains(controller) || BOUNDS.contains(&controller.as_str());
        let has_v1 =
            |name: &str| hierarchies.iter().any(|one| !one.v2 && one.controllers.iter().any(|own| own == name));
        let core_alone = !has_v1("freezer") && !has_v1("cpuacct");
        let cgroups = hierarchies
            .iter()
            // The v2 tree always: it can kill a lab at one stroke, whatever controllers it has.
            .filter(|hierarchy| hierarchy.v2 || hierarchy.controllers.iter().any(useful))
            .filter_map(|hierarchy| make_one(hierarchy, name, wanted, owner, core_alone))
            .collect();
        Subtree { cgroups }
    }

    /// Put a process into every group. In v1 a write can wait some milliseconds for the kernel.
    pub fn attach(&self, pid: i32) -> std::io::Result<()> {
        for cgroup in &self.cgroups {
            write_value(&Path::new(&cgroup.machine_path).join("cgroup.procs"), &pid.to_string())?;
        }
        Ok(())
    }

    /// Kill what is left and remove the groups, deepest first; retried, since a dying process leaves its group late.
    /// Goes on past a group that stays, and says which did.
    pub fn remove(&self, patience: Duration) -> Vec<PathBuf> {
        let deadline = Instant::now() + patience;
        loop {
            let left: Vec<PathBuf> =
                self.cgroups.iter().filter_map(|cgroup| remove_tree(&cgroup.machine_path)).collect();
            if left.is_empty() || Instant::now() >= deadline {
                return left;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn make_one(
    hierarchy: &Hierarchy,
    name: &str,
    wanted: &[String],
    owner: Option<u32>,
    core_alone: bool,
) -> Option<LabCgroup> {
    let path = hierarchy.parent.join(name);
    if hierarchy.v2 {
        for controller in &hierarchy.controllers {
            // Fails where it is on already or may not be: what counts is what the new group then has.
            let _ = write_value(&hierarchy.parent.join("cgroup.subtree_control"), &format!("+{controller}"));
        }
    }
    fs::create_dir(&path).ok()?;
    let controllers = if hierarchy.v2 {
        let has = fs::read_to_string(path.join("cgroup.controllers")).unwrap_or_default();
        has.split_ascii_whitespace().map(str::to_owned).collect()
    } else {
        hierarchy.controllers.clone()
    };
    let _ = write_value(&path.join("pids.max"), PIDS_LIMIT);
    let limit = if hierarchy.v2 { "memory.max" } else { "memory.limit_in_bytes" };
    let _ = write_value(&path.join(limit), MEMORY_LIMIT);
    if !hierarchy.v2 && hierarchy.controllers.iter().any(|controller| controller == "cpuset") {
        // A v1 cpuset without CPUs and memory nodes takes no process.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let value = fs::read_to_string(hierarchy.parent.join(file)).unwrap_or_default();
            let _ = write_value(&path.join(file), value.trim());
        }
    }
    if let Some(owner) = owner {
        delegate(&path, owner);
    }
    // Every group of v2 can be frozen, counts its CPU time and takes a program for devices, with no controller at all; on
    // a hybrid machine v1 does it. `unified` is the tree itself.
    let is_core = |name: &String| match name.as_str() {
        "unified" => hierarchy.v2,
        "freezer" | "cpuacct" | "devices" => hierarchy.v2 && core_alone,
        _ => false,
    };
    let is_io = |name: &String| hierarchy.v2 && name == "blkio" && controllers.iter().any(|known| known == "io");
    let mounted = wanted.iter().any(|name| controllers.contains(name) || is_core(name) || is_io(name));
    let lab_path = mounted.then(|| match hierarchy.v2 {
        true if has_v1_mounts(wanted, hierarchy) => "/sys/fs/cgroup/unified".to_owned(),
        true => "/sys/fs/cgroup".to_owned(),
        false => format!("/sys/fs/cgroup/{}", hierarchy.controllers.join(",")),
    });
    Some(LabCgroup { controllers, v2: hierarchy.v2, machine_path: path.to_string_lossy().into_owned(), lab_path })
}

/// On a hybrid machine some wanted controller is on a v1 hierarchy, which then takes the top of /sys/fs/cgroup.
fn has_v1_mounts(wanted: &[String], v2: &Hierarchy) -> bool {
    let is_core = |name: &str| matches!(name, "freezer" | "cpuacct" | "devices" | "blkio" | "unified");
    wanted.iter().any(|controller| !v2.controllers.contains(controller) && !is_core(controller))
}

fn delegate(path: &Path, owner: u32) {
    let (uid, gid) = (Some(Uid::from_raw(owner)), Some(Gid::from_raw(owner)));
    let _ = nix::unistd::chown(path, uid, gid);
    for file in DELEGATED {
        let _ = nix::unistd::chown(&path.join(file), uid, gid);
    }
}

fn write_value(path: &Path, value: &str) -> std::io::Result<()> {
    fs::OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

/// Thaw, release, kill, remove; returns the path when it is still there.
fn remove_tree(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(path);
    if !path.exists() {
        return None;
    }
    let _ = write_value(&path.join("cgroup.kill"), "1");
    remove_below(&path);
    let _ = fs::remove_dir(&path);
    path.exists().then_some(path)
}

fn remove_below(path: &Path) {
    // In v1 a frozen process, or one that waits for memory, does not hear SIGKILL.
    let _ = write_value(&path.join("freezer.state"), "THAWED");
    let _ = write_value(&path.join("memory.oom_control"), "0");
    // A process that is throttled at its disk hears nothing until its request has gone through.
    for file in IO_RULES {
        for rule in fs::read_to_string(path.join(file)).unwrap_or_default().lines() {
            let Some(disk) = rule.split(' ').next() else { continue };
            let lifted = if file == "io.max" { "rbps=max wbps=max riops=max wiops=max" } else { "0" };
            let _ = write_value(&path.join(file), &format!("{disk} {lifted}"));
        }
    }
    for pid in fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default().lines() {
        if let Ok(pid) = pid.parse() {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_below(&entry.path());
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Remove the groups that dead keepers left behind; returns what was removed.
pub fn sweep(hierarchies: &[Hierarchy]) -> Vec<PathBuf> {
    let mut removed = Vec::new();
    for hierarchy in hierarchies {
        for entry in fs::read_dir(&hierarchy.parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if owner_of(&name).is_none_or(|owner| owner.is_alive()) {
                continue;
            }
            let path = entry.path();
            let deadline = Instant::now() + SWEEP_PATIENCE;
            while remove_tree(&path.to_string_lossy()).is_some() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
            if !path.exists() {
                removed.push(path);
            }
        }
    }
    removed
}

/// A process by pid and start time, which together are never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    pub pid: u32,
    /// Clock ticks after boot.
    pub start: u64,
}

impl Owner {
    pub fn me() -> Owner {
        let pid = std::process::id();
        Owner { pid, start: start_time(pid).unwrap_or(0) }
    }

    /// The name of its Nth lab.
    pub fn lab_name(&self, number: u32) -> String {
        format!("unboxed-{}-{}-{number}", self.pid, self.start)
    }

    pub fn is_alive(&self) -> bool {
        start_time(self.pid) == Some(self.start)
    }
}

pub fn owner_of(name: &str) -> Option<Owner> {
    let mut parts = name.strip_prefix("unboxed-")?.splitn(3, '-');
    let owner = Owner { pid: parts.next()?.parse().ok()?, start: parts.next()?.parse().ok()? };
    parts.next()?.parse::<u32>().ok()?;
    Some(owner)
}

/// Field 22 of /proc/PID/stat; none for a process that is gone or a zombie.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_name_tells_its_owner() {
        let owner = Owner { pid: 12, start: 345 };
        assert_eq!(owner.lab_name(6), "unboxed-12-345-6");
        assert_eq!(owner_of("unboxed-12-345-6"), Some(owner));
        for foreign in ["unboxed", "unboxed-12", "unboxed-12-345", "unboxed-a-b-c", "docker", "unboxed-12-345-x"] {
            assert_eq!(owner_of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_living_process_is_alive_only_under_its_own_start_time() {
        let me = Owner::me();
        assert!(me.is_alive());
        assert!(!Owner { start: me.start + 1, ..me }.is_alive());
    }
}
