//! `hostname`: the name of the machine as an actor sees it.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, ObservedState};
use crate::op::ActorName;
use crate::seen::{Judgement, Seen};
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hostname {
    pub of: ActorName,
    pub is: String,
}

impl ExpectKind for Hostname {
    const SUMMARY: &'static str = "the host name that an actor sees";

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Namespaces)
    }

    fn deciding_words(&self) -> Vec<String> {
        vec![self.is.clone()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.of]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let seen = world.snapshot.hostnames.get(&self.of);
        let shown = seen.cloned().map_or_else(|| Seen::NoActor(self.of.clone()), Seen::HostName);
        Judgement::new(seen == Some(&self.is), shown)
    }
}
