//! The state of actors that every step takes for granted, as the lesson's own steps have left it.

use std::collections::BTreeMap;

use crate::action::Action;
use crate::lesson::model::{ActionEntry, Step};
use crate::op::{ActorName, NamespaceKind};
use crate::snapshot::{Process, Snapshot};

/// The root directory and the /proc of each actor, as the steps that are done have left them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActorBases(BTreeMap<ActorName, ActorBase>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ActorBase {
    pid: u32,
    start_time: u64,
    /// Device and directory that are mounted at its root.
    pub root: Option<(String, String)>,
    pub has_proc: bool,
}

impl ActorBases {
    /// Take in the state that a step has left, or in which an actor is seen first. Of known actors only what the step was
    /// to change is taken: anything else was done by typing.
    pub fn take(&mut self, now: &Snapshot, done: Option<&Step>) {
        for (actor, process) in living_actors(now) {
            let found = base_of(actor, process, now);
            match self.0.get_mut(actor).filter(|known| known.is_of(process)) {
                Some(known) => {
                    for entry in done.into_iter().flat_map(Step::entries) {
                        if moves_root(entry, actor, now) {
                            known.root.clone_from(&found.root);
                        }
                        if moves_proc(entry) {
                            known.has_proc = found.has_proc;
                        }
                    }
                }
                None => {
                    self.0.insert(actor.clone(), found);
                }
            }
        }
    }

    /// The base of an actor that is still the same process, and what it has now.
    pub(super) fn compare(&self, actor: &ActorName, now: &Snapshot) -> Option<[ActorBase; 2]> {
        let process = now.living_process_of(actor)?;
        let known = self.0.get(actor).filter(|known| known.is_of(process))?;
        Some([known.clone(), base_of(actor, process, now)])
    }
}

impl ActorBase {
    fn is_of(&self, process: &Process) -> bool {
        self.pid == process.pid && self.start_time == process.start_time
    }
}

fn living_actors(now: &Snapshot) -> impl Iterator<Item = (&ActorName, &Process)> {
    let named = now.processes.iter().filter_map(|process| Some((process.actor.as_ref()?, process)));
    named.filter(|(_, process)| process.state != 'Z')
}

fn base_of(actor: &ActorName, process: &Process, now: &Snapshot) -> ActorBase {
    let rows = now.mounts_of(actor).map_or(&[][..], |table| &table.rows);
    let root = rows.iter().find(|row| row.target == "/");
    let proc = rows.iter().rfind(|row| row.target == "/proc");
    ActorBase {
        pid: process.pid,
        start_time: process.start_time,
        root: root.map(|row| (row.device.clone(), row.root.clone())),
        has_proc: proc.is_some_and(|row| row.fstype == "proc"),
    }
}

/// True if the action gives this actor another root: pivot_root(2) gives one to all of a mount namespace.
pub(super) fn moves_root(entry: &ActionEntry, actor: &ActorName, now: &Snapshot) -> bool {
    let mounts = |actor: &ActorName| {
        Some(*now.living_process_of(actor)?.namespaces.get(&NamespaceKind::Mount)?)
    };
    if matches!(entry.action, Action::PivotRoot(_)) {
        let shares = mounts(&entry.actor).is_some_and(|ns| mounts(actor) == Some(ns));
        return entry.actor == *actor || shares;
    }
    matches!(entry.action, Action::Chroot(_)) && entry.actor == *actor
}

/// True if the action may mount or unmount a /proc, in its own mount namespace or, as mounts propagate, in another.
pub(super) fn moves_proc(entry: &ActionEntry) -> bool {
    matches!(
        entry.action,
        Action::Mount(_)
            | Action::Bind(_)
            | Action::MoveMount(_)
            | Action::Umount(_)
            | Action::UmountAll(_)
            | Action::PivotRoot(_)
            | Action::Chroot(_)
            | Action::Run(_)
    )
}
