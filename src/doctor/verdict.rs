//! The meaning of the facts: findings about the machine, and whether a lesson plays live on it. Pure.

use crate::diagnosis::{
    Blocker, Cure, Detail, FindingTopic, LackingProgram, Layout, MachineFinding, NoController,
    OldKernel, Playable, State, Trees,
};
use crate::doctor::cure;
use crate::doctor::facts::Facts;
use crate::doctor::ids::LabIdMapping;
use crate::lesson::model::Needs;

/// Labs make whole mount trees read-only with mount_setattr(2), and overlays in user namespaces: 5.12 has both.
pub const MIN_KERNEL: (u32, u32) = (5, 12);

/// The controllers that lessons limit things with.
const CONTROLLERS: [&str; 6] = ["memory", "cpu", "pids", "cpuset", "blkio", "freezer"];

/// The verdict on a lesson, which needs what every lesson needs, and what it says itself.
pub fn can_play(needs: &Needs, facts: &Facts) -> Playable {
    for MachineFinding { what, state, detail, cure } in findings(facts) {
        if let (State::Bad, Some(cure)) = (state, cure) {
            return Playable::No { why: Blocker::Machine { what, detail: Box::new(detail) }, cure };
        }
    }

    if let (Some(needed), Some(kernel)) = (needs.kernel, &facts.kernel)
        && kernel.version < needed
    {
        let why = Blocker::KernelTooOld(too_old(&kernel.release, needed));
        return Playable::No { why, cure: cure::kernel(needed) };
    }
    if needs.root && !facts.is_machine_root() {
        let why = Blocker::NeedsRoot { is_root_of_container: facts.euid == 0 };
        return Playable::No { why, cure: cure::root(facts) };
    }

    if let Some(wanted) = needs.cgroup_version {
        let version = |name: &String| match (facts.cgroups.hierarchy_of(name), facts.cgroups.layout)
        {
            (Some(tree), _) => Some(tree.version.as_number()),
            (None, Layout::V2) => Some(2),
            (None, Layout::V1 | Layout::Hybrid | Layout::None) => None,
        };
        if let Some(here) =
            needs.cgroup.iter().filter_map(version).find(|version| *version != wanted)
        {
            let why = Blocker::OtherCgroupVersion { wanted, here };
            return Playable::No { why, cure: Cure::BootCgroupVersion { wanted } };
        }
    }

    if let Some(name) = needs.cgroup.iter().find(|name| !facts.cgroups.is_delegable(name)) {
        let why = Blocker::NoController { name: name.clone(), why: why_no_controller(name, facts) };
        return Playable::No { why, cure: cure::controller(name, facts) };
    }
    if needs.disk && facts.disk.is_none() {
        return Playable::No { why: Blocker::NoDisk, cure: Cure::MountDisk };
    }

    if needs.other_ids && LabIdMapping::of_user(facts.euid, &facts.uid_map).count == 1 {
        let why = Blocker::OneUser { uid: facts.euid };
        return Playable::No { why, cure: one_user(facts) };
    }
    let missing = facts.image.iter().flatten();
    if let Some(one) = missing.into_iter().find(|one| needs.programs.contains(&one.program)) {
        let why = Blocker::NoProgram { program: one.program.clone(), why: one.why.clone() };
        return Playable::No { why, cure: cure::programs(&[&one.debian_package], facts) };
    }

    Playable::Live
}

fn one_user(facts: &Facts) -> Cure {
    if facts.euid == 0 { Cure::StartOutsideContainerOrAsUser } else { cure::start_as_root(facts) }
}

/// The finding about a lab's root and its /proc, which a cover of one file is enough to forbid.
fn mounts(facts: &Facts) -> MachineFinding {
    let what = FindingTopic::Mounts;
    let Err(error) = facts.probe.mount_in_userns.clone() else { return good(what, Detail::Works) };
    let covers = facts.covers_of_proc.clone();
    let detail = if !covers.is_empty() {
        Detail::ProcCovered { covers, error }
    } else if facts.is_proc_subset {
        Detail::ProcSubset { error }
    } else {
        Detail::Refused { error }
    };
    bad(what, detail, cure::mounts(facts))
}

/// Everything worth knowing, what blocks most first. What follows from an earlier finding is left out.
pub fn findings(facts: &Facts) -> Vec<MachineFinding> {
    let mut found = vec![kernel(facts)];
    if facts.kernel.is_some() {
        let probe = &facts.probe;
        found.push(probed(FindingTopic::UserNamespaces, &probe.userns, facts));
        found.push(ids(facts));
        if probe.userns.is_ok() {
            found.push(mounts(facts));
            found.push(probed(FindingTopic::Network, &probe.netns_in_userns, facts));
            found.push(overlay(facts));
        }
        found.push(cgroups(facts));
        if facts.cgroups.hierarchies.iter().any(|tree| tree.lab_parent.is_some()) {
            found.push(controllers(facts));
        }
    }

    found.push(image(facts));
    found
}

fn good(what: FindingTopic, detail: Detail) -> MachineFinding {
    MachineFinding { what, state: State::Good, detail, cure: None }
}

fn warn(what: FindingTopic, detail: Detail, cure: Cure) -> MachineFinding {
    MachineFinding { what, state: State::Warn, detail, cure: Some(cure) }
}

fn bad(what: FindingTopic, detail: Detail, cure: Cure) -> MachineFinding {
    MachineFinding { what, state: State::Bad, detail, cure: Some(cure) }
}

fn kernel(facts: &Facts) -> MachineFinding {
    let what = FindingTopic::Kernel;
    let Some(kernel) = &facts.kernel else {
        return bad(what, Detail::NothingSeen, Cure::MountProc);
    };

    if kernel.version < MIN_KERNEL {
        let old = too_old(&kernel.release, MIN_KERNEL);
        return bad(what, Detail::KernelTooOld(old), cure::kernel(MIN_KERNEL));
    }

    let (release, environment) = (kernel.release.clone(), facts.environment.clone());
    good(what, Detail::Kernel { release, environment })
}

fn too_old(release: &str, needed: (u32, u32)) -> OldKernel {
    OldKernel { release: release.to_owned(), needed }
}

fn probed(what: FindingTopic, result: &Result<(), String>, facts: &Facts) -> MachineFinding {
    match result {
        Ok(()) => good(what, Detail::Works),
        Err(error) => {
            bad(what, Detail::Refused { error: error.clone() }, cure::user_namespaces(facts))
        }
    }
}

fn ids(facts: &Facts) -> MachineFinding {
    let what = FindingTopic::UserIds;
    let uid = facts.euid;
    let mapping = LabIdMapping::of_user(uid, &facts.uid_map);
    if uid != 0 {
        return warn(what, Detail::OneId { uid }, cure::start_as_root(facts));
    }
    if mapping.count > 1 {
        let (first, count) = (u64::from(mapping.first), u64::from(mapping.count));
        return good(what, Detail::LabIds { first, count });
    }

    let few = Detail::FewIds { count: facts.mapped_ids() };
    warn(what, few, Cure::StartOutsideContainerOrAsUser)
}

/// The finding about overlays, never a blocker: lessons that mount no overlay play all the same.
fn overlay(facts: &Facts) -> MachineFinding {
    let what = FindingTopic::Overlay;
    match facts.probe.overlay_in_userns.clone() {
        Ok(()) => good(what, Detail::Works),
        Err(error) if !facts.overlay_listed => {
            warn(what, Detail::NotListed { error }, Cure::LoadOverlay)
        }
        Err(error) => warn(what, Detail::Refused { error }, cure::user_namespaces(facts)),
    }
}

fn cgroups(facts: &Facts) -> MachineFinding {
    let what = FindingTopic::ControlGroups;
    let layout = facts.cgroups.layout;
    if layout == Layout::None {
        return warn(what, Detail::NoCgroups, cure::controller("memory", facts));
    }

    let all = &facts.cgroups.hierarchies;
    let usable = all.iter().filter(|tree| tree.lab_parent.is_some()).count();
    let trees = match all.as_slice() {
        [only] => Trees::One { mount_point: only.mount_point.clone() },
        several => Trees::Several(several.len()),
    };

    if let Err(error) = facts.probe.groups.clone() {
        return bad(what, Detail::Refused { error }, cure::refused_groups(facts));
    }
    if let Some(error) = all.iter().find_map(|tree| tree.refused.clone()) {
        let detail = Detail::CgroupsRefused { layout, usable, trees, error };
        return warn(what, detail, cure::refused_groups(facts));
    }

    let detail = Detail::Cgroups { layout, usable, trees };
    match usable {
        0 => warn(what, detail, cure::controller("memory", facts)),
        _ => good(what, detail),
    }
}

fn controllers(facts: &Facts) -> MachineFinding {
    let what = FindingTopic::Controllers;
    let (has, lacks): (Vec<String>, Vec<String>) = CONTROLLERS
        .iter()
        .map(|name| (*name).to_owned())
        .partition(|name| facts.cgroups.is_delegable(name));
    let Some(first) = lacks.first() else {
        return good(what, Detail::AllControllers(has));
    };

    let (why, cure) = (why_no_controller(first, facts), cure::controller(first, facts));
    warn(what, Detail::SomeControllers { has, lacks, why }, cure)
}

fn why_no_controller(name: &str, facts: &Facts) -> NoController {
    if let Some(obstacle) = facts.cgroups.unmounted_with(name).and_then(|tree| tree.obstacle) {
        return NoController::Unmounted(obstacle);
    }
    match facts.cgroups.hierarchy_of(name) {
        None => NoController::InNoTree,
        Some(tree) if tree.is_read_only => NoController::ReadOnly,
        Some(tree) if tree.refused.is_some() => NoController::Refused,
        Some(_) => NoController::NotDelegated,
    }
}

fn image(facts: &Facts) -> MachineFinding {
    let what = FindingTopic::Programs;
    match &facts.image {
        Err(error) => bad(
            what,
            Detail::NoImage { error: error.to_string() },
            cure::programs(&["dash"], facts),
        ),
        Ok(missing) if missing.is_empty() => good(what, Detail::AllPrograms),
        Ok(_) if facts.has_programs_elsewhere() => {
            warn(what, Detail::ProgramsElsewhere, cure::programs(&[], facts))
        }
        Ok(missing) => {
            let packages: Vec<&str> =
                missing.iter().map(|one| one.debian_package.as_str()).collect();
            let lacking = missing
                .iter()
                .map(|one| LackingProgram { program: one.program.clone(), why: one.why.clone() });
            warn(what, Detail::LacksPrograms(lacking.collect()), cure::programs(&packages, facts))
        }
    }
}
