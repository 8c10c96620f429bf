//! `ipc`: the System V objects of the IPC namespace that an actor is in.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, ObservedState, or_unread};
use crate::op::{ActorName, IpcKind, IpcObject};
use crate::seen::{CutList, Judgement, Seen};
use crate::snapshot::Omitted;
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ipc {
    #[serde(rename = "in", default = "ActorName::host")]
    pub actor: ActorName,
    #[serde(default)]
    pub queues: Option<usize>,
    /// Segments of shared memory.
    #[serde(default)]
    pub segments: Option<usize>,
    /// Sets of semaphores.
    #[serde(default)]
    pub semaphores: Option<usize>,
    /// The key of one of them, of any kind.
    #[serde(default)]
    pub key: Option<u32>,
}

impl ExpectKind for Ipc {
    const SUMMARY: &'static str = "the System V objects of an IPC namespace";

    fn impossible_reason(&self) -> Option<&'static str> {
        let numbers = [self.queues, self.segments, self.semaphores];
        let says_nothing = numbers.iter().all(Option::is_none) && self.key.is_none();
        says_nothing.then_some("`ipc` needs `queues`, `segments`, `semaphores` or `key`")
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Namespaces)
    }

    fn deciding_words(&self) -> Vec<String> {
        vec![format!("{}:", self.actor)]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let Some(table) = world.snapshot.ipc_of(&self.actor) else {
            return Judgement::failed(Seen::NoActor(self.actor.clone()));
        };
        let objects = &table.objects;
        let count = |kind| objects.iter().filter(|it: &&IpcObject| it.kind == kind).count();
        let fits = |wanted: Option<usize>, kind| wanted.is_none_or(|wanted| count(kind) == wanted);

        let are_so_many = fits(self.queues, IpcKind::Queue)
            && fits(self.segments, IpcKind::Memory)
            && fits(self.semaphores, IpcKind::Semaphores);
        let has_key = self.key.is_none_or(|key| objects.iter().any(|it| it.key == key));

        // Who counts has to have read all; a key that was found is there, whatever else is.
        let counts = [self.queues, self.segments, self.semaphores].iter().any(Option::is_some);
        let omitted = if counts || !has_key { table.omitted } else { Omitted::Nothing };
        let seen = || Seen::IpcObjects(objects.clone());
        Judgement::new(
            are_so_many && has_key && omitted.is_nothing(),
            or_unread(omitted, CutList::IpcObjects, objects.len(), seen),
        )
    }
}
