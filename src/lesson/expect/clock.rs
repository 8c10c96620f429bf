//! `clock`: what an actor's time namespace adds to its clocks.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, ObservedState};
use crate::op::{ActorName, ClockOffsets, NamespaceKind};
use crate::seen::{Judgement, Seen};
use crate::snapshot::NamespaceHolds;
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockOffset {
    pub of: ActorName,
    /// Seconds.
    #[serde(default)]
    pub monotonic: Option<i64>,
    /// Seconds.
    #[serde(default)]
    pub boottime: Option<i64>,
}

impl ExpectKind for ClockOffset {
    const SUMMARY: &'static str = "the offsets of an actor's clocks";

    fn impossible_reason(&self) -> Option<&'static str> {
        (self.monotonic.is_none() && self.boottime.is_none())
            .then_some("`clock` needs `monotonic` or `boottime`")
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Namespaces)
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.of]
    }

    fn deciding_words(&self) -> Vec<String> {
        vec!["clock".into()]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        if world.snapshot.living_process_of(&self.of).is_none() {
            return Judgement::failed(Seen::NoActor(self.of.clone()));
        }
        // The lab's own time namespace has no offsets that anybody in it could see.
        let offsets = match world.snapshot.content_of(&self.of, NamespaceKind::Time) {
            Some(NamespaceHolds::Clocks(offsets)) => *offsets,
            Some(NamespaceHolds::IdMap { .. } | NamespaceHolds::GroupRoots(_)) | None => {
                ClockOffsets::default()
            }
        };

        let fits = |wanted: Option<i64>, found: Option<i64>| {
            wanted.is_none_or(|wanted| wanted == found.unwrap_or(0))
        };
        let ok = fits(self.monotonic, offsets.monotonic) && fits(self.boottime, offsets.boottime);
        Judgement::new(ok, Seen::InNamespace(NamespaceHolds::Clocks(offsets)))
    }
}
