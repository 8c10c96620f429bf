//! The places of a lab's control groups: on the machine, and as the lab sees them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::action::CgroupMount;
use crate::observe::CgroupRoot;
use crate::snapshot::CgroupVersion;
use crate::wire::protocol::LabCgroup;

/// The top of the lab's own groups in one hierarchy, as the machine has it.
pub(super) fn cgroup_root(cgroup: &LabCgroup) -> CgroupRoot {
    CgroupRoot {
        hierarchy: if cgroup.v2 { "unified".into() } else { cgroup.controllers.join(",") },
        version: version(cgroup),
        path: PathBuf::from(&cgroup.machine_path),
    }
}

fn version(cgroup: &LabCgroup) -> CgroupVersion {
    if cgroup.v2 { CgroupVersion::V2 } else { CgroupVersion::V1 }
}

/// The place of each controller in the lab.
pub(super) fn cgroup_mounts(cgroups: &[LabCgroup]) -> BTreeMap<String, CgroupMount> {
    let mut mounts = BTreeMap::new();
    for cgroup in cgroups {
        let Some(path) = &cgroup.lab_path else { continue };
        for controller in &cgroup.controllers {
            mounts.insert(
                controller.clone(),
                CgroupMount { version: version(cgroup), path: path.clone() },
            );
        }
    }

    // Every group of v2 can be frozen, counts its CPU time and takes a program for devices, with no controller at all.
    let unified = cgroups.iter().find_map(|cgroup| cgroup.lab_path.as_ref().filter(|_| cgroup.v2));
    if let Some(path) = unified {
        let has_io = mounts.contains_key("io");
        for controller in ["freezer", "cpuacct", "devices", "blkio", "unified"]
            .into_iter()
            .filter(|name| *name != "blkio" || has_io)
        {
            let mount = CgroupMount { version: CgroupVersion::V2, path: path.clone() };
            mounts.entry(controller.to_owned()).or_insert(mount);
        }
    }

    mounts
}
