//! Cures, each of which would change a fact.

use crate::diagnosis::{ContainerEngine, Cure, Environment, Layout, Obstacle, PackageManager};
use crate::doctor::facts::Facts;
use crate::doctor::hierarchy::MountedHierarchy;
use crate::doctor::unmounted;
use crate::snapshot::CgroupVersion;

/// The cure where user namespaces, or what is done in one, are refused.
pub fn user_namespaces(facts: &Facts) -> Cure {
    let switches = &facts.user_namespaces;
    if switches.max == Some(0) {
        return sysctl("user.max_user_namespaces", "15000", None);
    }
    if facts.euid != 0 && switches.unprivileged_clone == Some(false) {
        return sysctl("kernel.unprivileged_userns_clone", "1", Some(facts.program.clone()));
    }
    if facts.euid != 0 && switches.apparmor_restricts == Some(true) {
        return Cure::AllowInAppArmor { program: facts.program.clone() };
    }

    match (&facts.environment, facts.euid) {
        (Environment::Container { engine, .. }, _) => {
            Cure::StartContainerWithoutFilters { engine: *engine }
        }
        (Environment::Chroot, _) => Cure::StartOutsideChroot,
        (Environment::Gvisor, _) => Cure::StartOutsideGvisor,
        (Environment::Wsl1, _) => Cure::UseWsl2,
        (Environment::Machine | Environment::Wsl, 0) => Cure::LookAtSecurityModules,
        (Environment::Machine | Environment::Wsl, _) => start_as_root(facts),
    }
}

/// The cure where a lab may not mount what it needs.
pub fn mounts(facts: &Facts) -> Cure {
    let in_container = container(facts).is_some();
    match facts.covers_of_proc.as_slice() {
        _ if in_container => user_namespaces(facts),
        [] if facts.is_proc_subset => Cure::MountWholeProc,
        [] => user_namespaces(facts),
        covers => Cure::UncoverProc { covers: covers.to_vec() },
    }
}

fn container(facts: &Facts) -> Option<ContainerEngine> {
    match facts.environment {
        Environment::Container { engine, .. } => Some(engine),
        Environment::Machine
        | Environment::Chroot
        | Environment::Gvisor
        | Environment::Wsl1
        | Environment::Wsl => None,
    }
}

pub fn start_as_root(facts: &Facts) -> Cure {
    Cure::StartAsRoot { program: facts.program.clone() }
}

fn sysctl(key: &str, value: &str, or_start_as_root: Option<String>) -> Cure {
    Cure::SetSysctl { key: key.to_owned(), value: value.to_owned(), or_start_as_root }
}

/// The cure where a lab can't have this controller.
pub fn controller(name: &str, facts: &Facts) -> Cure {
    let container = container(facts);
    // /proc/cgroups knows v1's names only.
    let old_name = if name == "io" { "blkio" } else { name };
    let offered = facts.cgroups.offered.iter().find(|offered| offered.controller == old_name);

    if facts.cgroups.hierarchies.is_empty() && container.is_none() {
        return Cure::MountCgroups;
    }
    if offered.is_some_and(|offered| !offered.enabled) {
        return Cure::EnableController { name: old_name.to_owned() };
    }

    if let Some(obstacle) = facts.cgroups.unmounted_with(name).and_then(|tree| tree.obstacle) {
        return match obstacle {
            Obstacle::NotRoot => start_as_root(facts),
            Obstacle::Contained => Cure::StartOnMachineAsRoot { program: facts.program.clone() },
            Obstacle::OldKernel => kernel(unmounted::MIN_KERNEL),
            Obstacle::SwitchedOff => Cure::AllowV1Controllers,
        };
    }

    if name == "unified" && facts.cgroups.hierarchy_of(name).is_none() && container.is_none() {
        return Cure::MountV2Beside;
    }
    let Some(hierarchy) = facts.cgroups.hierarchy_of(name) else {
        return match (offered, container, facts.cgroups.layout) {
            (None, ..) => Cure::KernelWithController,
            (Some(_), Some(engine), _) => Cure::StartContainerWithCgroups { engine },
            (Some(_), None, Layout::V2) => Cure::OnlyInV1,
            (Some(_), None, Layout::None | Layout::V1 | Layout::Hybrid) => {
                Cure::MountController { name: name.to_owned() }
            }
        };
    };

    if let (Some(engine), 0) = (container, facts.euid) {
        return Cure::StartContainerWithCgroups { engine };
    }
    if hierarchy.refused.is_some() {
        return refused_groups(facts);
    }
    match (hierarchy.version, facts.euid) {
        (_, 0) => Cure::RemountWritable { mount_point: hierarchy.mount_point.clone() },
        (CgroupVersion::V1, _) => start_as_root(facts),
        (CgroupVersion::V2, euid) => match (&hierarchy.lab_parent, &hierarchy.own) {
            (Some(_), _) => Cure::DelegateControllers { program: facts.program.clone() },
            (None, Some(own)) if !own.contains("user@") && is_in_session(hierarchy, euid) => {
                Cure::StartInDelegatedScope { program: facts.program.clone() }
            }
            (None, _) => start_as_root(facts),
        },
    }
}

/// The cure where a group was refused that this process may make by the modes of its tree.
pub fn refused_groups(facts: &Facts) -> Cure {
    match (container(facts), facts.euid) {
        (Some(engine), _) => Cure::StartContainerWithCgroups { engine },
        (None, 0) => Cure::LookAtSecurityModules,
        (None, _) => start_as_root(facts),
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

pub fn root(facts: &Facts) -> Cure {
    if facts.euid == 0 { Cure::StartOutsideContainer } else { start_as_root(facts) }
}

/// The cure where programs are missing: their packages, each once. Where a distribution keeps its programs outside of
/// /usr, a package brings nothing into it.
pub fn programs(debian_names: &[&str], facts: &Facts) -> Cure {
    let manager = facts.package_manager;
    if manager == PackageManager::Nix || facts.has_programs_elsewhere() {
        return Cure::ProgramsInUsr { program: facts.program.clone() };
    }

    let mut debian_names: Vec<String> =
        debian_names.iter().map(|name| (*name).to_owned()).collect();
    debian_names.sort_unstable();
    debian_names.dedup();
    Cure::InstallPackages { manager, debian_names }
}
