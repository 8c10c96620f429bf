//! The parts of a lab that an action may change and an expectation reads. What is said here of an action is never too
//! little: a part that it might change counts as changed.

use std::collections::BTreeSet;

use crate::action::Action;
use crate::lesson::expect::Expect;
use crate::lesson::lint::CONTROLLERS;
use crate::lesson::model::{ActionEntry, Step};
use crate::op::ActorName;

/// A part of what a lab's snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LabPart {
    Processes,
    Mounts,
    Files,
    Names,
    Network,
    Cgroups,
}

use LabPart::{Cgroups, Files, Mounts, Names, Network, Processes};

/// The parts of a lab that actions which are yet to come may change.
#[derive(Debug, Default)]
pub(super) struct ChangedParts {
    parts: BTreeSet<LabPart>,
    /// Actors that are made or ended: all about them changes.
    actors: BTreeSet<ActorName>,
    everything: bool,
}

impl ChangedParts {
    pub fn add_step(&mut self, step: &Step) {
        step.entries().for_each(|entry| self.add(entry));
    }

    pub fn add(&mut self, entry: &ActionEntry) {
        if entry.action.is_read_only() {
            return;
        }
        if let Some(actor) = entry.action.made_actor() {
            self.actors.insert(actor.clone());
            return;
        }
        // What was made only to be ended takes nothing with it that is there already.
        if let Action::Kill(kill) = &entry.action
            && self.actors.contains(&kill.actor)
        {
            self.parts.insert(Processes);
            return;
        }

        match parts_of(&entry.action) {
            Some(parts) => self.parts.extend(parts),
            None => self.everything = true,
        }
    }

    pub fn has_actor(&self, actor: &ActorName) -> bool {
        self.everything || self.actors.contains(actor)
    }

    pub fn has_part(&self, part: LabPart) -> bool {
        self.everything || self.parts.contains(&part)
    }

    /// True if these actions may change what decides the expectation.
    pub fn may_decide(&self, expect: &Expect) -> bool {
        let Some(parts) = parts_read(expect) else { return true };
        parts.iter().any(|part| self.has_part(*part))
            || expect.actors().into_iter().any(|actor| self.has_actor(actor))
    }

    /// True if these actions may change what decides whether that one works.
    pub fn may_prepare(&self, entry: &ActionEntry) -> bool {
        let Some(parts) = parts_of(&entry.action) else { return true };
        let mut actors = entry.action.named_actors().into_iter().chain([&entry.actor]);
        parts.iter().any(|part| self.has_part(*part)) || actors.any(|actor| self.has_actor(actor))
    }
}

/// The parts that an action changes or works on; None: any.
fn parts_of(action: &Action) -> Option<Vec<LabPart>> {
    // A file there is a setting of something else, and so is a group's, wherever its tree is mounted.
    let files = |path: &str| {
        let is_kernels = path.starts_with("/proc/") || path.starts_with("/sys/");
        (!is_kernels && !is_named_as_in_a_group(path)).then(|| vec![Files])
    };

    match action {
        Action::Mount(_)
        | Action::Bind(_)
        | Action::Remount(_)
        | Action::MoveMount(_)
        | Action::Propagation(_)
        | Action::Umount(_)
        | Action::UmountAll(_)
        | Action::PivotRoot(_)
        | Action::Chroot(_)
        | Action::Overlay(_) => Some(vec![Mounts, Files]),
        Action::Mkdir(mkdir) => mkdir
            .paths
            .iter()
            .map(|path| files(path))
            .collect::<Option<Vec<_>>>()
            .map(|all| all.concat()),
        Action::Rm(rm) => files(&rm.path),
        Action::Write(write) => files(&write.path.to_string()),
        Action::Unpack(_)
        | Action::Pack(_)
        | Action::MakeImage(_)
        | Action::Unlayer(_)
        | Action::Chdir(_) => Some(vec![Files]),
        Action::Read(_) | Action::Getpid(_) | Action::Hold(_) => Some(Vec::new()),
        Action::Hostname(_) | Action::Ipc(_) => Some(vec![Names]),
        Action::Ping(_)
        | Action::Dial(_)
        | Action::Dnat(_)
        | Action::Firewall(_)
        | Action::Veth(_)
        | Action::Link(_)
        | Action::Address(_)
        | Action::Route(_)
        | Action::Shape(_) => Some(vec![Network]),
        Action::Packets(_) => Some(vec![Network, Cgroups]),
        Action::Cgroup(_) | Action::CgroupWrite(_) | Action::DeviceRules(_) => {
            Some(vec![Cgroups, Processes])
        }
        Action::Spawn(_) | Action::Enter(_) | Action::IdMap(_) => Some(vec![Processes]),
        // With a first process all others of its namespace end; a program may do anything.
        Action::Kill(_) | Action::Release(_) | Action::Work(_) | Action::Run(_) => None,
    }
}

/// True for a path whose file is called as those of control groups are: `pids.max`, `cgroup.procs`.
fn is_named_as_in_a_group(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.split_once('.')
        .is_some_and(|(beginning, _)| beginning == "cgroup" || CONTROLLERS.contains(&beginning))
}

/// The parts that decide an expectation; None where it is about what happens in its step, or moves by itself.
fn parts_read(expect: &Expect) -> Option<&'static [LabPart]> {
    match expect {
        Expect::Mount(_) | Expect::Mounts(_) => Some(&[Mounts]),
        Expect::File(_) | Expect::Blobs(_) | Expect::Overlay(_) => Some(&[Mounts, Files]),
        Expect::Ps(_) | Expect::KeptByFile(_) => Some(&[Mounts, Processes]),
        Expect::Namespaces(_)
        | Expect::Pid(_)
        | Expect::Process(_)
        | Expect::Ids(_)
        | Expect::ClockOffset(_) => Some(&[Processes]),
        Expect::Hostname(_) | Expect::Ipc(_) => Some(&[Names]),
        Expect::Link(_) | Expect::Address(_) | Expect::Route(_) => Some(&[Network]),
        Expect::Cgroup(_) | Expect::CgroupPath(_) => Some(&[Cgroups, Processes]),
        // Who asks whether an address answers sends packets.
        Expect::Reach(_)
        | Expect::Output(_)
        | Expect::Outcome(_)
        | Expect::CgroupFile(_)
        | Expect::Measured(_)
        | Expect::Took(_)
        | Expect::Traffic(_) => None,
    }
}
