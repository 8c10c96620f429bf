//! Cures, each of which would change a fact.

use crate::diagnosis::{Cure, Environment, Layout, Obstacle};
use crate::doctor::facts::Facts;
use crate::doctor::hierarchy::MountedHierarchy;
use crate::doctor::unmounted;
use crate::rootfs::MissingProgram;
use crate::snapshot::CgroupVersion;

/// The cure where user namespaces, or what is done in one, are refused.
pub fn user_namespaces(facts: &Facts) -> Cure {
    let switches = &facts.user_namespaces;
    if switches.max == Some(0) {
        return sysctl("user.max_user_namespaces", "15000", false);
    }
    if facts.euid != 0 && switches.unprivileged_clone == Some(false) {
        return sysctl("kernel.unprivileged_userns_clone", "1", true);
    }
    if facts.euid != 0 && switches.apparmor_restricts == Some(true) {
        return Cure::AllowInAppArmor;
    }

    match (&facts.environment, facts.euid) {
        (Environment::Container { .. }, _) => Cure::StartContainerWithoutFilters,
        (Environment::Machine | Environment::Wsl, 0) => Cure::LookAtSecurityModules,
        (Environment::Machine | Environment::Wsl, _) => Cure::StartAsRoot,
    }
}

fn sysctl(key: &str, value: &str, or_start_as_root: bool) -> Cure {
    Cure::SetSysctl { key: key.to_owned(), value: value.to_owned(), or_start_as_root }
}

/// The cure where a lab can't have this controller.
pub fn controller(name: &str, facts: &Facts) -> Cure {
    let in_container = matches!(facts.environment, Environment::Container { .. });
    // /proc/cgroups knows v1's names only.
    let old_name = if name == "io" { "blkio" } else { name };
    let offered = facts.cgroups.offered.iter().find(|offered| offered.controller == old_name);

    if facts.cgroups.hierarchies.is_empty() && !in_container {
        return Cure::MountCgroups;
    }
    if offered.is_some_and(|offered| !offered.enabled) {
        return Cure::EnableController { name: old_name.to_owned() };
    }

    if let Some(obstacle) = facts.cgroups.unmounted_with(name).and_then(|tree| tree.obstacle) {
        return match obstacle {
            Obstacle::NotRoot => Cure::StartAsRoot,
            Obstacle::Contained => Cure::StartOnMachineAsRoot,
            Obstacle::OldKernel => kernel(unmounted::MIN_KERNEL),
            Obstacle::SwitchedOff => Cure::AllowV1Controllers,
        };
    }

    if name == "unified" && facts.cgroups.hierarchy_of(name).is_none() && !in_container {
        return Cure::MountV2Beside;
    }
    let Some(hierarchy) = facts.cgroups.hierarchy_of(name) else {
        return match (offered, facts.cgroups.layout) {
            (None, _) => Cure::KernelWithController,
            (Some(_), _) if in_container => Cure::StartContainerWithCgroups,
            (Some(_), Layout::V2) => Cure::OnlyInV1,
            (Some(_), Layout::None | Layout::V1 | Layout::Hybrid) => {
                Cure::MountController { name: name.to_owned() }
            }
        };
    };

    match (hierarchy.version, facts.euid) {
        (_, 0) if in_container => Cure::StartContainerWithCgroups,
        (_, 0) => Cure::RemountWritable { mount_point: hierarchy.mount_point.clone() },
        (CgroupVersion::V1, _) => Cure::StartAsRoot,
        (CgroupVersion::V2, euid) => match (&hierarchy.lab_parent, &hierarchy.own) {
            (Some(_), _) => Cure::DelegateControllers,
            (None, Some(own)) if !own.contains("user@") && is_in_session(hierarchy, euid) => {
                Cure::StartInDelegatedScope
            }
            (None, _) => Cure::StartAsRoot,
        },
    }
}

/// Below a user's slice systemd also runs that user's own manager, which has a delegated group.
fn is_in_session(hierarchy: &MountedHierarchy, euid: u32) -> bool {
    hierarchy
        .own
        .as_ref()
        .is_some_and(|own| own.starts_with(&format!("user.slice/user-{euid}.slice/")))
}

pub fn kernel(needed: (u32, u32)) -> Cure {
    Cure::NewerKernel { needed }
}

pub fn root(euid: u32) -> Cure {
    if euid == 0 { Cure::StartOutsideContainer } else { Cure::StartAsRoot }
}

/// The packages of all missing programs, each once.
pub fn programs(missing: &[MissingProgram]) -> Cure {
    let mut packages: Vec<String> =
        missing.iter().map(|missing| missing.debian_package.clone()).collect();
    packages.sort_unstable();
    packages.dedup();
    Cure::InstallPackages(packages)
}
