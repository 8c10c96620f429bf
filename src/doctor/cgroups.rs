//! The cgroup hierarchies of this machine, and the places in them where a lab's own groups can be made.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::diagnosis::Layout;
use crate::doctor::hierarchy::{MountedHierarchy, OfferedController, RefusedTree};
use crate::doctor::roots::MachineRoot;
use crate::doctor::unmounted::{self, UnmountedHierarchy};
use crate::snapshot::CgroupVersion;
use crate::text::octal_undone;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineCgroups {
    pub layout: Layout,
    /// In the order of the mount table.
    pub hierarchies: Vec<MountedHierarchy>,
    /// The controllers that the kernel has, as /proc/cgroups says.
    pub offered: Vec<OfferedController>,
    /// The hierarchies of net_cls and net_prio that are not mounted: the keeper mounts them, unless there is an
    /// obstacle.
    pub unmounted: Vec<UnmountedHierarchy>,
}

impl MachineCgroups {
    pub fn read(roots: &MachineRoot) -> MachineCgroups {
        let mounts = roots.read_text("proc/self/mountinfo").unwrap_or_default();
        let membership = roots.read_text("proc/self/cgroup").unwrap_or_default();

        let mut hierarchies: Vec<MountedHierarchy> = Vec::new();
        for mount in mounts.lines().filter_map(CgroupMount::parse) {
            let hierarchy = mount.read(roots, &membership);
            match hierarchies.iter_mut().find(|known| known.is_same_tree(&hierarchy)) {
                // Mounted twice: the more useful view of it counts.
                Some(known) if known.lab_parent.is_none() && hierarchy.lab_parent.is_some() => {
                    *known = hierarchy
                }
                Some(_) => {}
                None => hierarchies.push(hierarchy),
            }
        }

        let has = |version| {
            hierarchies.iter().any(|tree| tree.version == version && !tree.is_name_only())
        };
        let layout = match (has(CgroupVersion::V1), has(CgroupVersion::V2)) {
            (false, false) => Layout::None,
            (true, false) => Layout::V1,
            (false, true) => Layout::V2,
            (true, true) => Layout::Hybrid,
        };

        let offered: Vec<OfferedController> = roots
            .read_text("proc/cgroups")
            .unwrap_or_default()
            .lines()
            .filter_map(OfferedController::parse)
            .collect();
        let unmounted = unmounted::read(roots, &offered, &hierarchies);
        MachineCgroups { layout, hierarchies, offered, unmounted }
    }

    /// Take note of trees that refused a group, whatever their modes say: no lab has anything of them.
    pub fn note_refused(&mut self, refused: &[RefusedTree]) {
        for tree in &mut self.hierarchies {
            let Some(below) = &tree.lab_parent else { continue };
            let parent = Path::new(&tree.mount_point).join(below);
            let found = refused.iter().find(|one| Path::new(&one.parent) == parent);
            if let Some(RefusedTree { why, .. }) = found {
                tree.refused = Some(why.clone());
                tree.lab_parent = None;
                tree.delegable.clear();
            }
        }
    }

    /// True if a lab can have what lessons call by this controller's name, whatever the version.
    pub fn is_delegable(&self, controller: &str) -> bool {
        self.hierarchies.iter().any(|tree| {
            tree.lab_parent.is_some() && tree.has_controllers(&tree.delegable, controller)
        }) || self.unmounted_with(controller).is_some_and(|tree| tree.obstacle.is_none())
    }

    /// The hierarchy that has to be mounted for a controller.
    pub fn unmounted_with(&self, controller: &str) -> Option<&UnmountedHierarchy> {
        self.unmounted.iter().find(|tree| tree.controllers.iter().any(|own| own == controller))
    }

    /// The hierarchy that has a controller, delegable or not.
    pub fn hierarchy_of(&self, controller: &str) -> Option<&MountedHierarchy> {
        self.hierarchies.iter().find(|tree| tree.has_controllers(&tree.controllers, controller))
    }
}

/// A cgroup mount, as one line of /proc/self/mountinfo tells it, see proc_pid_mountinfo(5).
struct CgroupMount {
    version: CgroupVersion,
    /// The group that is mounted: not the topmost in a container without its own cgroup namespace.
    root: String,
    mount_point: String,
    is_read_only: bool,
    /// v1's controllers and name.
    options: Vec<String>,
}

impl CgroupMount {
    fn parse(line: &str) -> Option<CgroupMount> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mount: Vec<&str> = mount.split(' ').collect();
        let mut filesystem = filesystem.split(' ');
        let version = match filesystem.next()? {
            "cgroup" => CgroupVersion::V1,
            "cgroup2" => CgroupVersion::V2,
            _ => return None,
        };

        let super_options: Vec<&str> = filesystem.nth(1)?.split(',').collect();
        // v1's controllers and name stand among the mount's other options, see cgroups(7).
        let is_setting = |option: &&&str| {
            matches!(
                **option,
                "rw" | "ro"
                    | "xattr"
                    | "noprefix"
                    | "clone_children"
                    | "cpuset_v2_mode"
                    | "none"
                    | "all"
            ) || option.starts_with("release_agent=")
        };
        let options = super_options
            .iter()
            .filter(|option| !is_setting(option))
            .map(|&option| option.to_owned());

        Some(CgroupMount {
            version,
            root: octal_undone(mount.get(3)?),
            mount_point: octal_undone(mount.get(4)?),
            is_read_only: mount
                .get(5)?
                .split(',')
                .chain(super_options.iter().copied())
                .any(|option| option == "ro"),
            options: options.collect(),
        })
    }

    fn read(self, roots: &MachineRoot, membership: &str) -> MountedHierarchy {
        let own = self.own(membership);
        let lab_parent =
            if self.is_read_only { None } else { self.lab_parent(roots, own.as_deref()) };

        let controllers = match self.version {
            CgroupVersion::V1 => self.options.clone(),
            CgroupVersion::V2 => self.controllers(roots, ""),
        };
        let delegable = match (&lab_parent, self.version) {
            (None, _) => Vec::new(),
            (Some(parent), CgroupVersion::V2) => self.controllers(roots, parent),
            (Some(_), CgroupVersion::V1) => {
                controllers.iter().filter(|name| !name.starts_with("name=")).cloned().collect()
            }
        };

        MountedHierarchy {
            version: self.version,
            controllers,
            mount_point: self.mount_point,
            is_read_only: self.is_read_only,
            own,
            lab_parent,
            delegable,
            refused: None,
        }
    }

    /// The group of this process, from the lines `id:controllers:path` of /proc/self/cgroup.
    fn own(&self, membership: &str) -> Option<String> {
        let path = membership.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?);
            let is_this = match self.version {
                CgroupVersion::V1 => {
                    !controllers.is_empty()
                        && controllers.split(',').all(|name| self.options.iter().any(|o| o == name))
                }
                CgroupVersion::V2 => controllers.is_empty(),
            };
            is_this.then_some(path)
        })?;

        // A group outside of what is mounted has no path here; one outside our cgroup namespace
        // begins with `/..`, see cgroup_namespaces(7).
        let below = path.strip_prefix(self.root.trim_end_matches('/'))?;
        if !below.is_empty() && !below.starts_with('/') || below.split('/').any(|part| part == "..")
        {
            return None;
        }
        Some(below.trim_matches('/').to_owned())
    }

    /// Root makes labs at the top; whoever else, in the highest group above its own that it may write to without a
    /// gap: a process is moved only by who may write to the common ancestor too (cgroups(7)), and the highest one has
    /// the most controllers and the fewest limits.
    fn lab_parent(&self, roots: &MachineRoot, own: Option<&str>) -> Option<String> {
        if roots.euid == 0 && self.can_make_groups(roots, "") {
            return Some(String::new());
        }

        let mut best = None;
        let mut group = own?;
        while self.can_make_groups(roots, group) {
            best = Some(group.to_owned());
            if group.is_empty() {
                break;
            }
            group = group.rsplit_once('/').map_or("", |(parent, _)| parent);
        }

        best
    }

    fn can_make_groups(&self, roots: &MachineRoot, group: &str) -> bool {
        let files: &[&str] = match self.version {
            CgroupVersion::V1 => &["", "cgroup.procs"],
            CgroupVersion::V2 => &["", "cgroup.procs", "cgroup.subtree_control"],
        };
        files.iter().all(|file| roots.is_writable(&self.path(group, file)))
    }

    fn controllers(&self, roots: &MachineRoot, group: &str) -> Vec<String> {
        let text = fs::read_to_string(roots.path(&self.path(group, "cgroup.controllers")))
            .unwrap_or_default();
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn path(&self, group: &str, file: &str) -> String {
        let parts = [self.mount_point.as_str(), group, file];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo_tells_version_controllers_and_whether_it_is_read_only() {
        let check = |line: &str, expected: Option<(&str, &[&str], bool)>| {
            let mount = CgroupMount::parse(line);
            let got = mount.as_ref().map(|mount| {
                let options: Vec<_> = mount.options.iter().map(String::as_str).collect();
                (mount.mount_point.as_str(), options, mount.is_read_only)
            });
            assert_eq!(got, expected.map(|(at, options, ro)| (at, options.to_vec(), ro)), "{line}");
        };

        check("22 27 0:21 / /proc rw,relatime - proc proc rw", None);
        check(
            "35 31 0:32 / /c/memory rw,relatime - cgroup cgroup rw,memory",
            Some(("/c/memory", &["memory"], false)),
        );
        check(
            "35 31 0:32 / /c/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct",
            Some(("/c/cpu,cpuacct", &["cpu", "cpuacct"], false)),
        );
        check(
            "40 31 0:37 / /c/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/x,name=systemd",
            Some(("/c/systemd", &["name=systemd"], false)),
        );
        check(
            "41 31 0:38 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate",
            Some(("/sys/fs/cgroup", &["nsdelegate"], true)),
        );
        check(
            "41 31 0:38 / /c/two\\040words\\011\\134 rw - cgroup2 cgroup rw",
            Some(("/c/two words\t\\", &[], false)),
        );
        check("broken", None);
    }

    #[test]
    fn the_own_group_is_counted_from_what_is_mounted() {
        let check = |root: &str, path: &str, expected: Option<&str>| {
            let line = format!("1 1 0:1 {root} /c rw - cgroup cgroup rw,memory");
            let mount = CgroupMount::parse(&line).expect("a cgroup mount");
            let membership = format!("3:cpu,cpuacct:/other\n4:memory:{path}\n0::/third\n");
            assert_eq!(mount.own(&membership).as_deref(), expected, "{root} {path}");
        };

        check("/", "/", Some(""));
        check("/", "/a/b", Some("a/b"));
        check("/docker/x", "/docker/x", Some(""));
        check("/docker/x", "/docker/x/y", Some("y"));
        check("/docker/x", "/docker/xy", None);
        check("/docker/x", "/elsewhere", None);
        check("/", "/../..", None);
    }
}
