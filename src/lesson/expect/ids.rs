//! `ids`: the maps of an actor's user namespace, and its user id there.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, ObservedState};
use crate::op::{ActorName, MappedIds, NamespaceKind};
use crate::seen::{Judgement, Seen};
use crate::snapshot::NamespaceHolds;
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    pub of: ActorName,
    /// The actor's effective user id, as its own user namespace counts; 65534 stands for one that is not mapped.
    #[serde(default)]
    pub uid: Option<u32>,
    /// The whole map; an empty list for a namespace that has none. Outside is as the lab's host counts.
    #[serde(default)]
    pub uid_map: Option<Vec<MappedIds>>,
    #[serde(default)]
    pub gid_map: Option<Vec<MappedIds>>,
}

impl ExpectKind for Ids {
    const SUMMARY: &'static str = "the id maps of an actor's user namespace, and its user id there";

    fn impossible_reason(&self) -> Option<&'static str> {
        (self.uid.is_none() && self.uid_map.is_none() && self.gid_map.is_none())
            .then_some("`ids` needs `uid`, `uid_map` or `gid_map`")
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Namespaces)
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.of]
    }

    fn deciding_words(&self) -> Vec<String> {
        vec!["user".into()]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let Some(uid) = world.snapshot.own_uid_of(&self.of) else {
            return Judgement::failed(Seen::NoActor(self.of.clone()));
        };
        if self.uid.is_some_and(|wanted| wanted != uid) {
            return Judgement::failed(Seen::Uid(uid));
        }
        let content = world.snapshot.content_of(&self.of, NamespaceKind::User);
        let Some(holds @ NamespaceHolds::IdMap { uids, gids }) = content else {
            let is_enough = self.uid_map.is_none() && self.gid_map.is_none();
            return Judgement::new(is_enough, Seen::Uid(uid));
        };

        let is_same = |wanted: &Option<Vec<MappedIds>>, found: &Vec<MappedIds>| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        let fits = is_same(&self.uid_map, uids) && is_same(&self.gid_map, gids);
        let tells_maps = self.uid_map.is_some() || self.gid_map.is_some();
        let seen = if tells_maps { Seen::InNamespace(holds.clone()) } else { Seen::Uid(uid) };
        Judgement::new(fits, seen)
    }
}
