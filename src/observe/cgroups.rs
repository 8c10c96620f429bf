//! The lab's cgroups: its subtree in each hierarchy, the files worth showing, who is in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{CgroupRoot, small};
use crate::action::CgroupVersion;
use crate::diff::is_counter;
use crate::snapshot::Cgroup;

const DEEPEST: usize = 6;
const MOST: usize = 200;

/// The files shown, by name: others are many, and mostly noise. See cgroups(7) and the kernel's cgroup-v1, cgroup-v2 texts.
const FILES: [&str; 50] = [
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "memory.max_usage_in_bytes",
    "memory.failcnt",
    "memory.oom_control",
    "memory.soft_limit_in_bytes",
    "cpu.cfs_quota_us",
    "cpu.cfs_period_us",
    "cpu.shares",
    "cpu.rt_runtime_us",
    "cpu.stat",
    "cpuacct.usage",
    "cpuset.cpus",
    "cpuset.mems",
    "pids.max",
    "pids.current",
    "pids.events",
    "freezer.state",
    "devices.list",
    "blkio.throttle.read_bps_device",
    "blkio.throttle.write_bps_device",
    "blkio.throttle.read_iops_device",
    "blkio.throttle.write_iops_device",
    "blkio.throttle.io_service_bytes",
    "blkio.weight",
    "blkio.bfq.weight",
    "net_cls.classid",
    "net_prio.ifpriomap",
    "cgroup.controllers",
    "cgroup.subtree_control",
    "cgroup.freeze",
    "cgroup.events",
    "memory.max",
    "memory.high",
    "memory.low",
    "memory.current",
    "memory.peak",
    "memory.events",
    "memory.oom.group",
    "cpu.max",
    "cpu.weight",
    "io.max",
    "io.stat",
    "io.weight",
    "io.bfq.weight",
    "cpuset.cpus.effective",
    "cpuset.mems.effective",
    "cpu.pressure",
    "memory.pressure",
    "io.pressure",
];
/// Pressure files move by themselves: kept out of snapshots, which are compared.
const RESTLESS: [&str; 3] = ["cpu.pressure", "memory.pressure", "io.pressure"];

/// Every group of the lab, hierarchy by hierarchy, parents before children.
pub fn read(roots: &[CgroupRoot]) -> Vec<Cgroup> {
    read_settings(roots, &[])
}

/// The same, with counters taken over from an earlier reading where it has them: the kernel works hard for those.
pub fn read_settings(roots: &[CgroupRoot], earlier: &[Cgroup]) -> Vec<Cgroup> {
    let mut groups = Vec::new();
    for root in roots {
        walk(root, &root.path, "", 0, earlier, &mut groups);
    }
    groups
}

fn walk(root: &CgroupRoot, dir: &Path, path: &str, depth: usize, earlier: &[Cgroup], groups: &mut Vec<Cgroup>) {
    if depth > DEEPEST || groups.len() >= MOST || !dir.is_dir() {
        return;
    }
    let known = earlier.iter().find(|group| group.hierarchy == root.hierarchy && group.path == path);
    groups.push(read_group(root, dir, path, known));
    let mut children: Vec<String> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    children.sort_unstable();
    for child in children {
        let below = if path.is_empty() { child.clone() } else { format!("{path}/{child}") };
        walk(root, &dir.join(&child), &below, depth + 1, earlier, groups);
    }
}

fn read_group(root: &CgroupRoot, dir: &Path, path: &str, earlier: Option<&Cgroup>) -> Cgroup {
    let procs = small::read(&dir.join("cgroup.procs")).unwrap_or_default();
    let controllers = match root.version {
        CgroupVersion::V1 => root.hierarchy.clone(),
        CgroupVersion::V2 => small::read(&dir.join("cgroup.controllers")).unwrap_or_default(),
    };
    let controllers: Vec<&str> = controllers.split([',', ' ', '\n']).filter(|word| !word.is_empty()).collect();
    // In v2 the lab's host is in a group below its top one.
    let is_the_labs = path.is_empty() || (path == "host" && root.version == CgroupVersion::V2);
    let files: BTreeMap<String, String> = FILES
        .iter()
        // Trying to open a file that can't be there costs as much as reading one.
        .filter(|name| can_be_there(name, &controllers, root.version))
        .filter(|name| !RESTLESS.contains(name))
        // The lab's own group counts whatever any actor does: noise beside the lesson's groups.
        .filter(|name| !(is_the_labs && is_counter(name)))
        .filter_map(|name| {
            let counted = earlier.filter(|_| is_counter(name)).and_then(|group| group.files.get(*name));
            if let Some(value) = counted {
                return Some(((*name).to_owned(), value.clone()));
            }
            let value = small::read(&dir.join(name))?;
            Some(((*name).to_owned(), value.trim_end().to_owned()))
        })
        .collect();
    Cgroup {
        hierarchy: root.hierarchy.clone(),
        path: path.to_owned(),
        procs: procs.lines().filter_map(|pid| pid.parse().ok()).collect(),
        files,
    }
}

/// The v2 group whose directory has this inode number, relative to the lab's subtree.
pub fn name_of(roots: &[CgroupRoot], inode: u64) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    fn search(top: &Path, dir: &Path, inode: u64, depth: usize) -> Option<String> {
        let below = fs::read_dir(dir).ok()?.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let dirs: Vec<_> = below.take(MOST).collect();
        let found = dirs.iter().find(|entry| entry.metadata().is_ok_and(|metadata| metadata.ino() == inode));
        match found {
            Some(entry) => Some(entry.path().strip_prefix(top).ok()?.to_string_lossy().into_owned()),
            None if depth < DEEPEST => dirs.iter().find_map(|entry| search(top, &entry.path(), inode, depth + 1)),
            None => None,
        }
    }
    let root = roots.iter().find(|root| root.version == CgroupVersion::V2)?;
    search(&root.path, &root.path, inode, 0)
}

/// A file belongs to the controller it is named after; v2 has some in every group.
fn can_be_there(file: &str, controllers: &[&str], version: CgroupVersion) -> bool {
    let owner = file.split('.').next().unwrap_or_default();
    controllers.contains(&owner) || (version == CgroupVersion::V2 && (owner == "cgroup" || file == "cpu.stat"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_from_a_folder_of_files() {
        let root = |version, hierarchy: &str| CgroupRoot {
            hierarchy: hierarchy.into(),
            version,
            path: Path::new("tests/fixtures/cgroup").join(hierarchy),
        };
        let groups = read(&[
            root(CgroupVersion::V1, "memory"),
            root(CgroupVersion::V2, "unified"),
            root(CgroupVersion::V1, "gone"),
        ]);
        let names: Vec<(&str, &str)> =
            groups.iter().map(|group| (group.hierarchy.as_str(), group.path.as_str())).collect();
        assert_eq!(
            names,
            [("memory", ""), ("memory", "box"), ("unified", ""), ("unified", "box"), ("unified", "host")]
        );
        assert_eq!(groups[1].procs, [12, 13]);
        assert_eq!(groups[1].files["memory.limit_in_bytes"], "67108864");
        assert_eq!(groups[3].files["memory.max"], "67108864");
        assert_eq!(groups[3].files.get("memory.stat"), None, "what is not worth showing is left out");
    }
}
