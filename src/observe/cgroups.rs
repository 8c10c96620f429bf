//! The lab's cgroups: its subtree in each hierarchy, the files worth showing, who is in them.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::bounds::{self, Budget};
use super::{CgroupRoot, kernel_file};
use crate::diff::is_counter;
use crate::snapshot::{Cgroup, CgroupVersion, Omitted};

/// The files shown, by name: others are many, and mostly noise. See cgroups(7) and the kernel's cgroup-v1, cgroup-v2
/// texts.
const FILES: [&str; 52] = [
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "memory.max_usage_in_bytes",
    "memory.failcnt",
    "memory.oom_control",
    "memory.soft_limit_in_bytes",
    "memory.swappiness",
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
    "memory.swap.max",
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

/// Every group of the lab, hierarchy by hierarchy, parents before children, and how many were left out.
pub fn read(roots: &[CgroupRoot]) -> (Vec<Cgroup>, Omitted) {
    read_without_counters(roots, &[])
}

/// The same, with counters taken over from an earlier reading where it has them: the kernel works hard for those.
pub fn read_without_counters(roots: &[CgroupRoot], earlier: &[Cgroup]) -> (Vec<Cgroup>, Omitted) {
    let known: HashMap<(&str, &str), &Cgroup> = earlier
        .iter()
        .map(|group| ((group.hierarchy.as_str(), group.path.as_str()), group))
        .collect();
    let mut groups = Vec::new();
    let mut omitted = Omitted::Nothing;

    // To each its share: a crowd in one hierarchy does not hide the groups of another.
    let share = roots.len().max(1);
    for root in roots {
        let tree = Tree::find(&root.path, bounds::MAX_GROUPS.min(bounds::MAX_GROUPS_TOTAL / share));
        omitted = omitted.plus(tree.omitted);
        let mut bytes = Budget::new(bounds::MAX_GROUP_BYTES / share);
        for path in tree.paths {
            if bytes.is_spent() {
                omitted = omitted.plus(Omitted::Rows(1));
                continue;
            }
            let before = known.get(&(root.hierarchy.as_str(), path.as_str())).copied();
            groups.push(read_group(root, &path, before, &mut bytes));
        }
    }

    (groups, omitted)
}

/// The groups of a hierarchy by their paths, each before those in it. The top one's is empty.
struct Tree {
    paths: Vec<String>,
    omitted: Omitted,
}

impl Tree {
    /// The groups, found level by level, so that many groups in one do not hide those beside it.
    fn find(top: &Path, room: usize) -> Tree {
        let mut entries = Budget::new(bounds::MAX_GROUP_ENTRIES);
        let mut tree = Tree { paths: Vec::new(), omitted: Omitted::Nothing };
        let mut level = if top.is_dir() { vec![String::new()] } else { Vec::new() };

        for _ in 0..=bounds::MAX_GROUP_DEPTH {
            let mut next: Vec<String> = Vec::new();
            for path in level {
                // Those in a group that is left out are counted too.
                tree.push_children(&top.join(&path), &path, &mut entries, &mut next);
                match tree.paths.len() < room {
                    true => tree.paths.push(path),
                    false => tree.omitted = tree.omitted.plus(Omitted::Rows(1)),
                }
            }
            level = next;
        }
        if !level.is_empty() {
            tree.omitted = Omitted::Uncounted;
        }

        // (`a-b` must not part `a` from `a/c`.)
        tree.paths.sort_by(|one, other| one.split('/').cmp(other.split('/')));
        tree
    }

    fn push_children(
        &mut self,
        dir: &Path,
        path: &str,
        entries: &mut Budget,
        into: &mut Vec<String>,
    ) {
        if entries.is_spent() {
            self.omitted = Omitted::Uncounted;
            return;
        }

        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entries.is_spent() {
                self.omitted = Omitted::Uncounted;
                break;
            }
            entries.spend(1);
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }

        names.sort_unstable();
        into.extend(
            names
                .into_iter()
                .map(|name| if path.is_empty() { name } else { format!("{path}/{name}") }),
        );
    }
}

fn read_group(
    root: &CgroupRoot,
    path: &str,
    earlier: Option<&Cgroup>,
    bytes: &mut Budget,
) -> Cgroup {
    let dir = &root.path.join(path);
    let (procs, procs_omitted) = members(dir, bytes);

    let controllers = match root.version {
        CgroupVersion::V1 => root.hierarchy.clone(),
        CgroupVersion::V2 => {
            kernel_file::read_text(&dir.join("cgroup.controllers")).unwrap_or_default()
        }
    };
    let controllers: Vec<&str> =
        controllers.split([',', ' ', '\n']).filter(|word| !word.is_empty()).collect();

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
            let counted =
                earlier.filter(|_| is_counter(name)).and_then(|group| group.files.get(*name));
            if let Some(value) = counted {
                return Some(((*name).to_owned(), value.clone()));
            }
            let start = kernel_file::read_start(
                &dir.join(name),
                bytes.up_to(bounds::MAX_GROUP_FILE_BYTES),
            )?;
            bytes.spend(start.bytes.len());
            Some(((*name).to_owned(), start.with_cut_mark()))
        })
        .collect();

    Cgroup { hierarchy: root.hierarchy.clone(), path: path.to_owned(), procs, procs_omitted, files }
}

/// The pids in a group, as far as there is room for them.
fn members(dir: &Path, bytes: &mut Budget) -> (Vec<u32>, Omitted) {
    let Some(start) = kernel_file::read_start(
        &dir.join("cgroup.procs"),
        bytes.up_to(bounds::MAX_GROUP_FILE_BYTES),
    ) else {
        return (Vec::new(), Omitted::Nothing);
    };
    bytes.spend(start.bytes.len());
    let pids = start.whole_lines().lines().filter_map(|pid| pid.parse().ok()).collect();
    (pids, if start.is_cut { Omitted::Uncounted } else { Omitted::Nothing })
}

/// Names of v2 groups by their number, looked up once for all that ask.
#[derive(Debug)]
pub struct GroupNames<'a> {
    root: Option<&'a CgroupRoot>,
    known: std::cell::OnceCell<HashMap<u64, String>>,
}

impl<'a> GroupNames<'a> {
    pub fn new(roots: &'a [CgroupRoot]) -> GroupNames<'a> {
        let root = roots.iter().find(|root| root.version == CgroupVersion::V2);
        GroupNames { root, known: std::cell::OnceCell::new() }
    }

    /// The group whose directory has this inode number, relative to the lab's subtree.
    pub fn get(&self, inode: u64) -> Option<String> {
        self.known.get_or_init(|| self.root.map(names).unwrap_or_default()).get(&inode).cloned()
    }
}

fn names(root: &CgroupRoot) -> HashMap<u64, String> {
    use std::os::unix::fs::MetadataExt;
    let inode = |path: PathBuf| fs::metadata(path).ok().map(|metadata| metadata.ino());
    let below = Tree::find(&root.path, bounds::MAX_GROUPS)
        .paths
        .into_iter()
        .filter(|path| !path.is_empty());
    below.filter_map(|path| Some((inode(root.path.join(&path))?, path))).collect()
}

/// A file belongs to the controller it is named after; v2 has some in every group.
fn can_be_there(file: &str, controllers: &[&str], version: CgroupVersion) -> bool {
    let owner = file.split('.').next().unwrap_or_default();
    controllers.contains(&owner)
        || (version == CgroupVersion::V2 && (owner == "cgroup" || file == "cpu.stat"))
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

        let (groups, omitted) = read(&[
            root(CgroupVersion::V1, "memory"),
            root(CgroupVersion::V2, "unified"),
            root(CgroupVersion::V1, "gone"),
        ]);
        assert_eq!(omitted, Omitted::Nothing);

        let names: Vec<(&str, &str)> =
            groups.iter().map(|group| (group.hierarchy.as_str(), group.path.as_str())).collect();
        assert_eq!(
            names,
            [
                ("memory", ""),
                ("memory", "box"),
                ("unified", ""),
                ("unified", "box"),
                ("unified", "host")
            ]
        );

        assert_eq!(groups[1].procs, [12, 13]);
        assert_eq!(groups[1].files["memory.limit_in_bytes"], "67108864");
        assert_eq!(groups[3].files["memory.max"], "67108864");
        assert_eq!(
            groups[3].files.get("memory.stat"),
            None,
            "what is not worth showing is left out"
        );
    }

    /// A hierarchy of files: each group has a file of `bytes` and so many members.
    fn hierarchy(
        dir: &Path,
        name: &str,
        groups: &[String],
        bytes: usize,
        members: usize,
    ) -> CgroupRoot {
        for group in groups {
            let group = dir.join(name).join(group);
            fs::create_dir_all(&group).expect("made");
            fs::write(group.join("devices.list"), "c 1:3 rwm\n".repeat(bytes / 10))
                .expect("written");
            let procs: String = (0..members).map(|pid| format!("{pid}\n")).collect();
            fs::write(group.join("cgroup.procs"), procs).expect("written");
        }

        CgroupRoot { hierarchy: name.into(), version: CgroupVersion::V1, path: dir.join(name) }
    }

    fn paths(groups: &[Cgroup]) -> Vec<&str> {
        groups.iter().map(|group| group.path.as_str()).collect()
    }

    #[test]
    fn many_groups_do_not_hide_those_nearer_to_the_top() {
        let dir = tempfile::tempdir().expect("a directory");
        // As an alphabet has it, all of the first group's come before the second one.
        let mut made: Vec<String> = (0..500).map(|index| format!("aaa/{index:03}")).collect();
        made.push("box/inner".into());
        let root = hierarchy(dir.path(), "devices", &made, 10, 1);
        let (groups, omitted) = read(&[root]);
        assert_eq!(
            (groups.len(), omitted),
            (bounds::MAX_GROUPS, Omitted::Rows(504 - bounds::MAX_GROUPS))
        );
        assert_eq!(paths(&groups)[..3], ["", "aaa", "aaa/000"]);
        assert_eq!(paths(&groups).last(), Some(&"box"));
    }

    #[test]
    fn more_groups_or_deeper_ones_than_are_looked_at_are_not_counted() {
        let dir = tempfile::tempdir().expect("a directory");
        let deep = hierarchy(dir.path(), "devices", &["a/".repeat(30)], 10, 1);
        let (groups, omitted) = read(&[deep]);
        assert_eq!((groups.len(), omitted), (bounds::MAX_GROUP_DEPTH + 1, Omitted::Uncounted));

        let wide = dir.path().join("wide");
        for index in 0..=bounds::MAX_GROUP_ENTRIES {
            fs::create_dir_all(wide.join(index.to_string())).expect("made");
        }
        let wide = CgroupRoot { hierarchy: "pids".into(), version: CgroupVersion::V1, path: wide };
        let (groups, omitted) = read(&[wide]);
        assert_eq!((groups.len(), omitted), (bounds::MAX_GROUPS, Omitted::Uncounted));
    }

    #[test]
    fn all_hierarchies_together_are_bounded() {
        let dir = tempfile::tempdir().expect("a directory");
        let made: Vec<String> = (0..100).map(|index| index.to_string()).collect();
        let roots: Vec<CgroupRoot> = ["a", "b", "c", "d", "e"]
            .iter()
            .map(|name| hierarchy(dir.path(), name, &made, 10, 1))
            .collect();
        let (groups, omitted) = read(&roots);
        assert_eq!((groups.len(), omitted), (255, Omitted::Rows(505 - 255)));
        assert!(groups.len() <= bounds::MAX_GROUPS_TOTAL);

        let large: Vec<CgroupRoot> = ["devices", "pids"]
            .iter()
            .map(|name| hierarchy(dir.path(), name, &made, 100_000, 100_000))
            .collect();
        let (groups, omitted) = read(&large);
        let bytes: usize =
            groups.iter().flat_map(|group| group.files.values()).map(String::len).sum();
        assert!(bytes <= bounds::MAX_GROUP_BYTES, "{bytes}");
        assert_eq!(omitted, Omitted::Rows(202 - groups.len()));
    }

    #[test]
    fn a_large_file_and_many_members_are_cut_and_say_so() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = hierarchy(dir.path(), "devices", &["box".into()], 100_000, 10_000);
        let (groups, omitted) = read(&[root]);
        assert_eq!((paths(&groups), omitted), (vec!["", "box"], Omitted::Nothing));
        let group = &groups[1];
        assert!(
            group.files["devices.list"].ends_with('…') && group.files["devices.list"].len() < 4200
        );
        assert_eq!(group.procs_omitted, Omitted::Uncounted);
        assert!(group.procs.iter().copied().eq(0..group.procs.len() as u32), "whole numbers");
    }
}
