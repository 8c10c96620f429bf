//! The meaning of the facts: findings about the machine, and whether a lesson plays live on it. Pure.

use serde::Serialize;

use crate::action::SCRATCH_DIR;
use crate::doctor::cgroups::Layout;
use crate::doctor::cure;
use crate::doctor::facts::{Environment, Facts, IdMapping};
use crate::lesson::model::Needs;

/// Labs make whole mount trees read-only with mount_setattr(2), and overlays in user namespaces: 5.12 has both.
pub const LEAST_KERNEL: (u32, u32) = (5, 12);

/// The ids a lab of root is mapped to: 65536 of them from here on.
const LAB_IDS: (u64, u64) = (1_000_000_000, 65_536);

/// The controllers that lessons limit things with.
const CONTROLLERS: [&str; 6] = ["memory", "cpu", "pids", "cpuset", "blkio", "freezer"];

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Playable {
    Live,
    No { why: String, cure: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineFinding {
    pub what: &'static str,
    pub state: State,
    pub detail: String,
    /// Sentences, and lines that start with `$ ` for commands.
    pub cure: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Good,
    /// Some lessons, or some of their steps, do not play live.
    Warn,
    /// No lesson plays live.
    Bad,
}

/// The verdict on a lesson, which needs what every lesson needs, and what it says itself.
pub fn can_play(needs: &Needs, facts: &Facts) -> Playable {
    if let Some(blocker) = findings(facts).into_iter().find(|finding| finding.state == State::Bad) {
        let why = format!("{}: {}", blocker.what, blocker.detail);
        return Playable::No { why, cure: blocker.cure.unwrap_or_default() };
    }

    if let (Some(needed), Some(kernel)) = (needs.kernel, &facts.kernel)
        && kernel.version < needed
    {
        return Playable::No { why: too_old(&kernel.release, needed), cure: cure::kernel(needed) };
    }
    if needs.root && !facts.is_machine_root() {
        let why = match facts.euid {
            0 => "it needs the machine's root, and this is root of a container only",
            _ => "it needs the machine's root",
        };
        return Playable::No { why: why.to_owned(), cure: cure::root(facts.euid) };
    }

    if let Some(wanted) = needs.cgroup_version {
        let version = |name: &String| match (facts.cgroups.hierarchy_of(name), facts.cgroups.layout)
        {
            (Some(tree), _) => Some(tree.version.number()),
            (None, Layout::V2) => Some(2),
            (None, Layout::V1 | Layout::Hybrid | Layout::None) => None,
        };
        if let Some(other) =
            needs.cgroup.iter().filter_map(version).find(|version| *version != wanted)
        {
            let why = format!(
                "it is about control groups of version {wanted}, and this machine has version {other}"
            );
            return Playable::No {
                why,
                cure: format!("a machine that was booted with version {wanted}"),
            };
        }
    }

    if let Some(name) = needs.cgroup.iter().find(|name| !facts.cgroups.is_delegable(name)) {
        let what = match name.as_str() {
            "unified" => "the v2 tree of control groups".to_owned(),
            name => format!("the control group controller {name}"),
        };
        let why = format!("it needs {what}, {}", why_no_controller(name, facts));
        return Playable::No { why, cure: cure::controller(name, facts) };
    }
    if needs.disk && facts.disk.is_none() {
        let why = format!(
            "it needs a real disk, and {SCRATCH_DIR} is on none (a tmpfs, an overlay, or btrfs)"
        );
        return Playable::No {
            why,
            cure: format!("mount an ext4 or xfs file system on {SCRATCH_DIR}"),
        };
    }

    Playable::Live
}

/// Everything worth knowing, what blocks most first. What follows from an earlier finding is left out.
pub fn findings(facts: &Facts) -> Vec<MachineFinding> {
    let mut found = vec![kernel(facts)];
    if facts.kernel.is_some() {
        let probe = &facts.probe;
        found.push(probed("user namespaces", "this process can make one", &probe.userns, facts));
        found.push(ids(facts));
        if probe.userns.is_ok() {
            found.push(probed(
                "mounts",
                "a lab can mount its own /proc",
                &probe.mount_in_userns,
                facts,
            ));
            found.push(probed(
                "network",
                "a lab can have network namespaces",
                &probe.netns_in_userns,
                facts,
            ));
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

impl MachineFinding {
    fn good(what: &'static str, detail: String) -> MachineFinding {
        MachineFinding { what, state: State::Good, detail, cure: None }
    }

    fn warn(what: &'static str, detail: String, cure: String) -> MachineFinding {
        MachineFinding { what, state: State::Warn, detail, cure: Some(cure) }
    }

    fn bad(what: &'static str, detail: String, cure: String) -> MachineFinding {
        MachineFinding { what, state: State::Bad, detail, cure: Some(cure) }
    }
}

fn kernel(facts: &Facts) -> MachineFinding {
    let what = "kernel";
    let Some(kernel) = &facts.kernel else {
        let detail = "there is no /proc: nothing about this machine can be seen".to_owned();
        return MachineFinding::bad(
            what,
            detail,
            "mount it\n$ sudo mount -t proc proc /proc".to_owned(),
        );
    };

    if kernel.version < LEAST_KERNEL {
        return MachineFinding::bad(
            what,
            too_old(&kernel.release, LEAST_KERNEL),
            cure::kernel(LEAST_KERNEL),
        );
    }

    let place = match &facts.environment {
        Environment::Machine => String::new(),
        Environment::Container { hint } => format!(", in a container it seems ({hint})"),
        Environment::Wsl => ", in the Windows Subsystem for Linux".to_owned(),
    };
    MachineFinding::good(what, format!("Linux {}{place}", kernel.release))
}

fn too_old(release: &str, needed: (u32, u32)) -> String {
    format!("Linux {release} is too old: {}.{} or later is needed", needed.0, needed.1)
}

fn probed(
    what: &'static str,
    works: &str,
    result: &Result<(), String>,
    facts: &Facts,
) -> MachineFinding {
    match result {
        Ok(()) => MachineFinding::good(what, works.to_owned()),
        Err(error) => MachineFinding::bad(what, refused(error), cure::user_namespaces(facts)),
    }
}

fn refused(error: &str) -> String {
    format!("tried, and refused: {error}")
}

fn ids(facts: &Facts) -> MachineFinding {
    let what = "user ids";
    if facts.euid != 0 {
        return match (facts.subordinate.has_newuidmap, facts.subordinate.uids) {
            (true, Some((first, count))) => MachineFinding::good(
                what,
                format!("uid {} and {count} more from {first} on", facts.euid),
            ),
            (false, _) | (_, None) => {
                let detail = format!(
                    "a lab has one user only (uid {} outside): chown to others fails",
                    facts.euid
                );
                MachineFinding::warn(what, detail, cure::subordinate(facts.euid))
            }
        };
    }

    let reaches = |range: &IdMapping| {
        let (first, count) = (u64::from(range.inside), u64::from(range.count));
        first <= LAB_IDS.0 && LAB_IDS.0 + LAB_IDS.1 <= first + count
    };
    if facts.uid_map.iter().any(reaches) {
        return MachineFinding::good(
            what,
            format!("labs are mapped to {} ids from {} on", LAB_IDS.1, LAB_IDS.0),
        );
    }

    let detail =
        format!("only {} ids exist here, none as high as a lab of root uses", facts.mapped_ids());
    MachineFinding::warn(
        what,
        detail,
        "start outside of this container, or as an ordinary user".to_owned(),
    )
}

/// The finding about overlays, never a blocker: lessons that mount no overlay play all the same.
fn overlay(facts: &Facts) -> MachineFinding {
    match &facts.probe.overlay_in_userns {
        Ok(()) => MachineFinding::good("overlay", "a lab can mount overlays".to_owned()),
        Err(error) if !facts.overlay_listed => {
            let detail = format!("the kernel does not list it; {}", refused(error));
            MachineFinding::warn(
                "overlay",
                detail,
                "load it, if this kernel has it\n$ sudo modprobe overlay".to_owned(),
            )
        }
        Err(error) => MachineFinding::warn("overlay", refused(error), cure::user_namespaces(facts)),
    }
}

fn cgroups(facts: &Facts) -> MachineFinding {
    let what = "control groups";
    let places: Vec<_> =
        facts.cgroups.hierarchies.iter().filter(|tree| tree.lab_parent.is_some()).collect();

    let layout = match facts.cgroups.layout {
        Layout::None => {
            let detail = "none is mounted: lessons about limits do not play live".to_owned();
            return MachineFinding::warn(what, detail, cure::controller("memory", facts));
        }
        Layout::V1 => "v1, one tree per controller",
        Layout::V2 => "v2, one tree",
        Layout::Hybrid => "v1 trees, and a v2 tree beside them",
    };

    if places.is_empty() {
        let detail = format!("{layout}; this process may make no groups in {}", one_or_more(facts));
        return MachineFinding::warn(what, detail, cure::controller("memory", facts));
    }
    MachineFinding::good(
        what,
        format!("{layout}; labs can be made in {} of {}", places.len(), one_or_more(facts)),
    )
}

fn one_or_more(facts: &Facts) -> String {
    match facts.cgroups.hierarchies.as_slice() {
        [only] => format!("1 tree, {}", only.mount_point),
        trees => format!("{} trees", trees.len()),
    }
}

fn controllers(facts: &Facts) -> MachineFinding {
    let what = "controllers";
    let (ours, others): (Vec<&str>, Vec<&str>) =
        CONTROLLERS.iter().partition(|name| facts.cgroups.is_delegable(name));
    let Some(first) = others.first() else {
        return MachineFinding::good(what, ours.join(" "));
    };
    let has = if ours.is_empty() { "none".to_owned() } else { ours.join(" ") };
    let detail =
        format!("labs have {has}; not {}: {}", others.join(" "), why_no_controller(first, facts));
    MachineFinding::warn(what, detail, cure::controller(first, facts))
}

fn why_no_controller(name: &str, facts: &Facts) -> &'static str {
    if let Some(obstacle) = facts.cgroups.unmounted_with(name).and_then(|tree| tree.obstacle) {
        return obstacle.why();
    }
    match facts.cgroups.hierarchy_of(name) {
        None => "which no mounted tree here has",
        Some(tree) if tree.is_read_only => "whose tree is mounted read-only here",
        Some(_) => "which nobody delegated to this user",
    }
}

fn image(facts: &Facts) -> MachineFinding {
    let what = "programs";
    match &facts.image {
        Err(error) => MachineFinding::bad(
            what,
            error.to_string(),
            "install a shell\n$ sudo apt-get install dash".to_owned(),
        ),
        Ok(missing) if missing.is_empty() => {
            MachineFinding::good(what, "all for the default image".to_owned())
        }
        Ok(missing) => {
            let rows: Vec<_> =
                missing.iter().map(|one| format!("{} ({})", one.program, one.why)).collect();
            MachineFinding::warn(
                what,
                format!("the default image lacks {}", rows.join(", ")),
                cure::programs(missing),
            )
        }
    }
}
