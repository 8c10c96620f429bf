//! The lab's subtree in each cgroup hierarchy: made, bounded, handed to the lab's root, taken away again.
//!
//! The name `unboxed-PID-START-N-NAMESPACE` tells the keeper that owns it (pid, start time, and the PID namespace
//! that these count in), so that a later run can sweep what a killed one left. That it is alive, a keeper proves by a
//! lock on each group's directory: see `leftovers`.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FlockArg, OFlag};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Gid, Uid};

use super::exposure::{self, Exposure};
use super::removal::{self, UnremovedGroup};
use crate::doctor::{MachineCgroups, MachineRoot};
use crate::kernel::process::write_file;
use crate::snapshot::CgroupVersion;
use crate::wire::protocol::{LabCgroup, RoleFailure};

/// The lab's own bounds: a fork bomb or a memory hog in a lab shell ends there.
const PIDS_LIMIT: &str = "512";
const MEMORY_LIMIT: &str = "1073741824";
/// The controllers that bound every lab, wanted or not.
const BOUNDING_CONTROLLERS: [&str; 2] = ["memory", "pids"];
/// The longest that the removal of a group may take in which nothing ever was.
const TRIAL_REMOVAL_TIMEOUT: Duration = Duration::from_secs(1);
/// The number of times that a directory is made, if sweeps take it for dead before its lock is there.
pub(super) const MAX_ATTEMPTS: usize = 10;
/// Files a subtree's new owner may write: membership, not limits. cgroups(7), "Cgroups delegation".
const DELEGATED_FILES: [&str; 4] =
    ["cgroup.procs", "tasks", "cgroup.threads", "cgroup.subtree_control"];

/// A mounted hierarchy in which this process may make subtrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubtreeHierarchy {
    /// v1: what the mount names (`memory`; `cpu,cpuacct`; `name=systemd`). v2: what the parent group can hand out.
    pub controllers: Vec<String>,
    pub v2: bool,
    /// The directory that subtrees are made in.
    pub parent: PathBuf,
}

impl SubtreeHierarchy {
    /// The error where no group can be made here and so there is no lab. None where labs do without one.
    pub(super) fn failure_without(&self, is_same_user: bool, errno: Errno) -> Option<RoleFailure> {
        // What bounds a lab is not left out.
        let bounds =
            self.controllers.iter().any(|one| BOUNDING_CONTROLLERS.contains(&one.as_str()));
        let why = match (is_same_user, bounds) {
            (true, _) => "whose own group it could change else",
            (false, true) => "which bounds it",
            (false, false) => return None,
        };
        let place = self.parent.display();
        let tried = format!("make a control group for the lab in {place}, {why}");
        Some(RoleFailure::new(tried, errno))
    }
}

/// True if the lab's root is this very user.
pub(super) fn is_same_user(owner: Option<u32>) -> bool {
    owner.is_none_or(|owner| owner == Uid::effective().as_raw())
}

/// The hierarchies of this machine that subtrees can be made in: where the doctor says that a lab's groups can be, or
/// else where a lab would find groups that its own user may write to.
pub fn hierarchies() -> Vec<SubtreeHierarchy> {
    let trees = MachineCgroups::read(&MachineRoot::this_machine()).hierarchies;
    trees
        .into_iter()
        .filter_map(|tree| {
            let exposed = || match exposure::find_exposure(&tree) {
                Some(Exposure::Usable(group)) => Some(group),
                Some(Exposure::Open(_) | Exposure::Unsearched { .. }) | None => None,
            };

            let mut parent = PathBuf::from(&tree.mount_point);
            if let Some(below) =
                Some(tree.lab_parent.clone().or_else(exposed)?).filter(|below| !below.is_empty())
            {
                parent.push(below);
            }

            let v2 = tree.version == CgroupVersion::V2;
            Some(SubtreeHierarchy {
                controllers: if v2 { tree.delegable } else { tree.controllers },
                v2,
                parent,
            })
        })
        .collect()
}

/// One lab's part of the cgroup trees.
#[derive(Debug)]
pub struct Subtree {
    pub cgroups: Vec<LabCgroup>,
    /// The groups' directories, locked for as long as the lab has an owner.
    locks: Vec<OwnedFd>,
}

impl Subtree {
    /// Make the group `name` in every hierarchy that bounds the lab or that the lesson wants. Without one that bounds
    /// it there is no lab; another that refuses is left out: the lab then lacks it, and says so.
    ///
    /// If the lab's root is the keeper's own user, the lab gets a group of its own in all of them, or is not made: in
    /// a cgroup namespace it sees its own groups and those below, and may write what its user may.
    pub fn make(
        hierarchies: &[SubtreeHierarchy],
        name: &str,
        wanted: &[String],
        owner: Option<u32>,
    ) -> Result<Subtree, RoleFailure> {
        let is_same_user = is_same_user(owner);
        if is_same_user {
            exposure::refuse_exposed_lab()?;
        }

        let useful = |controller: &String| {
            wanted.contains(controller) || BOUNDING_CONTROLLERS.contains(&controller.as_str())
        };
        let has_v1 = |name: &str| {
            hierarchies.iter().any(|one| !one.v2 && one.controllers.iter().any(|own| own == name))
        };
        let freezes =
            if has_v1("freezer") || has_v1("cpuacct") { FreezesBy::V1 } else { FreezesBy::V2 };
        let mut subtree = Subtree { cgroups: Vec::new(), locks: Vec::new() };
        for hierarchy in hierarchies {
            // The v2 tree always: it can kill a lab at one stroke, whatever controllers it has.
            if !is_same_user && !hierarchy.v2 && !hierarchy.controllers.iter().any(useful) {
                continue;
            }
            let made = make_group(&hierarchy.parent, name).and_then(|lock| {
                // In the list before anything can go wrong with it, so that it is removed.
                subtree.locks.push(lock);
                subtree.cgroups.push(describe_group(hierarchy, name, wanted, freezes));
                bound(&hierarchy.parent.join(name), hierarchy, owner)
            });
            if let Err(errno) = made
                && let Some(failure) = hierarchy.failure_without(is_same_user, errno)
            {
                subtree.remove(Duration::from_millis(200));
                return Err(failure);
            }
        }
        Ok(subtree)
    }

    /// Put a process into every group. In v1 a write can wait some milliseconds for the kernel.
    pub fn attach(&self, pid: i32) -> Result<(), Errno> {
        for cgroup in &self.cgroups {
            write_file(Path::new(&cgroup.machine_path).join("cgroup.procs"), &pid.to_string())?;
        }
        Ok(())
    }

    /// Kill what is left and remove the groups; says which stayed, and why.
    pub fn remove(&self, timeout: Duration) -> Vec<UnremovedGroup> {
        let groups: Vec<PathBuf> =
            self.cgroups.iter().map(|cgroup| PathBuf::from(&cgroup.machine_path)).collect();
        removal::kill_and_remove(&groups, timeout)
    }
}

/// Try what a lab needs of a hierarchy: a group in it, with its limits, given to the lab's root; it is removed again.
///
/// Nothing else is changed: the parent hands out no controller for it that it does not hand out now.
pub(super) fn try_group(
    hierarchy: &SubtreeHierarchy,
    name: &str,
    owner: Option<u32>,
) -> Result<(), Errno> {
    // Until it is gone: no sweep takes it for a dead one's.
    let _lock = make_group(&hierarchy.parent, name)?;
    let path = hierarchy.parent.join(name);
    let bounded = bound(&path, hierarchy, owner);
    // What should stay is empty and has an owner that is gone soon: the next sweep takes it.
    removal::kill_and_remove(&[path], TRIAL_REMOVAL_TIMEOUT);
    bounded
}

/// Make a group and lock its directory, so that whoever sweeps knows that it has an owner, wherever it looks from.
///
/// Nobody else may open the directory: who can may lock it, too, and hold it for alive when it is not.
fn make_group(parent: &Path, name: &str) -> Result<OwnedFd, Errno> {
    let path = parent.join(name);
    for _ in 0..MAX_ATTEMPTS {
        match nix::unistd::mkdir(&path, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
        let locked = lock_directory(&path).and_then(|lock| {
            // Locked, it may be passed through by others; opened still not.
            lock.map(|lock| fchmod(&lock, Mode::from_bits_truncate(0o711)).map(|()| lock))
                .transpose()
        });
        match locked {
            Ok(Some(lock)) => return Ok(lock),
            Ok(None) => {}
            Err(errno) => {
                // Nobody knows of it but this function.
                let _ = fs::remove_dir(&path);
                return Err(errno);
            }
        }

        // A sweep that came between has it, and removes it.
        std::thread::sleep(Duration::from_millis(5));
    }
    Err(Errno::EBUSY)
}

/// The directory, locked by this process alone; none where somebody else has the lock, or has
/// just removed the directory.
#[allow(
    deprecated,
    reason = "nix's Flock gives a lock up when it is dropped, in every process that has a copy"
)]
pub(super) fn lock_directory(path: &Path) -> Result<Option<OwnedFd>, Errno> {
    use std::os::fd::AsRawFd;
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let dir = match nix::fcntl::open(path, flags, Mode::empty()) {
        Ok(dir) => dir,
        Err(Errno::ENOENT) => return Ok(None),
        Err(errno) => return Err(errno),
    };

    match nix::fcntl::flock(dir.as_raw_fd(), FlockArg::LockExclusiveNonblock) {
        Ok(()) => {}
        Err(Errno::EWOULDBLOCK) => return Ok(None),
        Err(errno) => return Err(errno),
    }

    // A sweep may have removed it since it was opened, and another may stand in its place.
    let locked = nix::sys::stat::fstat(&dir)?;
    let is_there = fs::symlink_metadata(path)
        .is_ok_and(|now| now.ino() == locked.st_ino && now.dev() == locked.st_dev);
    Ok(is_there.then_some(dir))
}

/// Bound a group that is there and was listed, and hand it to its owner.
fn bound(path: &Path, hierarchy: &SubtreeHierarchy, owner: Option<u32>) -> Result<(), Errno> {
    let memory = if hierarchy.v2 { "memory.max" } else { "memory.limit_in_bytes" };
    for (file, limit) in [("pids.max", PIDS_LIMIT), (memory, MEMORY_LIMIT)] {
        match write_file(path.join(file), limit) {
            // ENOENT: of a controller that is not this hierarchy's.
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno),
        }
    }

    if !hierarchy.v2 && hierarchy.controllers.iter().any(|controller| controller == "cpuset") {
        // A v1 cpuset without CPUs and memory nodes takes no process.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let value = fs::read_to_string(hierarchy.parent.join(file)).unwrap_or_default();
            let _ = write_file(path.join(file), value.trim());
        }
    }

    if let Some(owner) = owner {
        delegate(path, owner);
    }
    Ok(())
}

/// The version of the tree that freezes a lab, counts its CPU time and takes its rules for devices. Every group of v2 can,
/// with no controller at all; on a hybrid machine v1 does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FreezesBy {
    V1,
    V2,
}

/// A group that was made: what it has, and where the lab sees it.
fn describe_group(
    hierarchy: &SubtreeHierarchy,
    name: &str,
    wanted: &[String],
    freezes: FreezesBy,
) -> LabCgroup {
    let path = hierarchy.parent.join(name);
    if hierarchy.v2 && can_hand_out(&hierarchy.parent) {
        for controller in &hierarchy.controllers {
            // Fails where it is on already or may not be: what counts is what the new group then has.
            let _ = write_file(
                hierarchy.parent.join("cgroup.subtree_control"),
                &format!("+{controller}"),
            );
        }
    }

    let controllers = if hierarchy.v2 {
        let has = fs::read_to_string(path.join("cgroup.controllers")).unwrap_or_default();
        has.split_ascii_whitespace().map(str::to_owned).collect()
    } else {
        hierarchy.controllers.clone()
    };
    // `unified` is the tree itself.
    let is_core = |name: &String| match name.as_str() {
        "unified" => hierarchy.v2,
        "freezer" | "cpuacct" | "devices" => hierarchy.v2 && freezes == FreezesBy::V2,
        _ => false,
    };
    let is_io = |name: &String| {
        hierarchy.v2 && name == "blkio" && controllers.iter().any(|known| known == "io")
    };
    let mounted =
        wanted.iter().any(|name| controllers.contains(name) || is_core(name) || is_io(name));
    let lab_path = mounted.then(|| match hierarchy.v2 {
        true if has_v1_mounts(wanted, hierarchy) => "/sys/fs/cgroup/unified".to_owned(),
        true => "/sys/fs/cgroup".to_owned(),
        false => format!("/sys/fs/cgroup/{}", hierarchy.controllers.join(",")),
    });
    LabCgroup {
        controllers,
        v2: hierarchy.v2,
        machine_path: path.to_string_lossy().into_owned(),
        lab_path,
    }
}

/// A v2 group that holds processes itself hands out none of the controllers, except for those of threads: and
/// then its child groups take no process any more ("domain invalid"). Only the machine's topmost group, which has
/// no type, is free of that.
fn can_hand_out(group: &Path) -> bool {
    let has_members =
        fs::read_to_string(group.join("cgroup.procs")).is_ok_and(|members| !members.is_empty());
    !has_members || !group.join("cgroup.type").exists()
}

/// True if on a hybrid machine some wanted controller is on a v1 hierarchy, which then takes
/// the top of /sys/fs/cgroup.
fn has_v1_mounts(wanted: &[String], v2: &SubtreeHierarchy) -> bool {
    let is_core =
        |name: &str| matches!(name, "freezer" | "cpuacct" | "devices" | "blkio" | "unified");
    wanted.iter().any(|controller| !v2.controllers.contains(controller) && !is_core(controller))
}

fn delegate(path: &Path, owner: u32) {
    let (uid, gid) = (Some(Uid::from_raw(owner)), Some(Gid::from_raw(owner)));
    let _ = nix::unistd::chown(path, uid, gid);
    for file in DELEGATED_FILES {
        let _ = nix::unistd::chown(&path.join(file), uid, gid);
    }
}

/// A process by pid and start time, which together are never used twice in a PID namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnerProcess {
    pub pid: u32,
    /// Clock ticks after boot.
    pub start: u64,
    /// The inode of the PID namespace.
    pub namespace: u64,
}

impl OwnerProcess {
    pub fn this_process() -> OwnerProcess {
        let pid = std::process::id();
        OwnerProcess { pid, start: start_time(pid).unwrap_or(0), namespace: own_namespace() }
    }

    /// The name of its Nth lab.
    pub fn lab_name(&self, number: u32) -> String {
        format!("unboxed-{}-{}-{number}-{}", self.pid, self.start, self.namespace)
    }

    /// True if its pid is one that we could see.
    pub fn is_in_our_pid_namespace(&self) -> bool {
        self.namespace == own_namespace()
    }

    /// True if it is seen to be alive. One of another PID namespace may be alive and not be seen.
    pub fn is_alive(&self) -> bool {
        self.is_in_our_pid_namespace() && start_time(self.pid) == Some(self.start)
    }
}

pub fn owner_of(name: &str) -> Option<OwnerProcess> {
    let mut parts = name.strip_prefix("unboxed-")?.splitn(4, '-');
    let (pid, start) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next()?.parse::<u32>().ok()?;
    Some(OwnerProcess { pid, start, namespace: parts.next()?.parse().ok()? })
}

fn own_namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |namespace| namespace.ino())
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
        let owner = OwnerProcess { pid: 12, start: 345, namespace: 78 };
        assert_eq!(owner.lab_name(6), "unboxed-12-345-6-78");
        assert_eq!(owner_of("unboxed-12-345-6-78"), Some(owner));

        let foreign = [
            "unboxed",
            "unboxed-12",
            "unboxed-12-345-6",
            "unboxed-a-b-c-d",
            "docker",
            "unboxed-12-345-6-78.x",
        ];
        for foreign in foreign {
            assert_eq!(owner_of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_living_process_is_alive_only_under_its_own_start_time() {
        let me = OwnerProcess::this_process();
        assert!(me.is_alive());
        assert!(!OwnerProcess { start: me.start + 1, ..me }.is_alive());
        assert!(!OwnerProcess { namespace: me.namespace + 1, ..me }.is_alive());
    }
}
