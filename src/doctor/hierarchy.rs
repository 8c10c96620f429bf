//! A mounted hierarchy of control groups, and what the kernel has to mount.

use serde::Serialize;

use crate::snapshot::CgroupVersion;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MountedHierarchy {
    pub version: CgroupVersion,
    /// Those it is mounted with (v1, `name=systemd` included), or those of its topmost group here (v2).
    pub controllers: Vec<String>,
    pub mount_point: String,
    pub is_read_only: bool,
    /// The group of this process below the mount point, empty for its top; None where it is outside of what is
    /// mounted.
    pub own: Option<String>,
    /// The group to make a lab's groups in, below the mount point, empty for its top; None where there is none for us.
    pub lab_parent: Option<String>,
    /// Controllers that a lab's groups made there can have.
    pub delegable: Vec<String>,
    /// The error of making a group there, where that was tried and refused.
    pub refused: Option<String>,
}

/// A line of /proc/cgroups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfferedController {
    pub controller: String,
    /// Id of the hierarchy it is attached to; 0 for the v2 tree or none.
    pub hierarchy: u32,
    /// Off by `cgroup_disable=` on the kernel's command line.
    pub enabled: bool,
}

/// A tree of control groups that refused one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedTree {
    /// The directory of the group that it was tried in.
    pub parent: String,
    pub why: String,
}

impl MountedHierarchy {
    pub(super) fn is_same_tree(&self, other: &MountedHierarchy) -> bool {
        let both_v2 = self.version == CgroupVersion::V2 && other.version == CgroupVersion::V2;
        both_v2 || (self.version == other.version && self.controllers == other.controllers)
    }

    pub(super) fn is_name_only(&self) -> bool {
        self.version == CgroupVersion::V1
            && self.controllers.iter().all(|name| name.starts_with("name="))
    }

    pub(super) fn has_controllers(&self, controllers: &[String], wanted: &str) -> bool {
        let has = |name: &str| controllers.iter().any(|known| known == name);
        match (self.version, wanted) {
            (CgroupVersion::V1, "io") => has("blkio"),
            (CgroupVersion::V1, wanted) => has(wanted),
            (CgroupVersion::V2, "blkio") => has("io"),
            // Every v2 group can be frozen and counts its CPU time, with no controller at all. `unified` is the tree
            // itself.
            (CgroupVersion::V2, "freezer" | "cpuacct" | "unified") => true,
            // And rules for devices are a program there, which the machine's root may attach to any group.
            (CgroupVersion::V2, "devices") => true,
            (CgroupVersion::V2, wanted) => has(wanted),
        }
    }
}

impl OfferedController {
    pub(super) fn parse(line: &str) -> Option<OfferedController> {
        let mut words = line.split_whitespace();
        let controller = words.next().filter(|word| !word.starts_with('#'))?.to_owned();
        let hierarchy = words.next()?.parse().ok()?;
        Some(OfferedController { controller, hierarchy, enabled: words.nth(1)? == "1" })
    }
}
