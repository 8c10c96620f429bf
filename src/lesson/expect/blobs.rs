//! `blobs`: the blobs of an image layout, how many layers its images share, and which no longer are what their names say.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, FactRequest, ObservedState, host};
use crate::fact::BlobReading;
use crate::op::ActorName;
use crate::seen::{Judgement, Seen};
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blobs {
    #[serde(rename = "in", default = "host")]
    pub actor: ActorName,
    /// The directory of the layout.
    pub layout: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// Layers that more than one image of the layout has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<usize>,
    /// Blobs whose digest is another than their name. Asking reads them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<usize>,
}

impl Blobs {
    fn reading(&self) -> BlobReading {
        if self.damaged.is_some() { BlobReading::Hashed } else { BlobReading::Listed }
    }
}

impl ExpectKind for Blobs {
    const SUMMARY: &'static str = "the blobs of an image layout: how many, shared, damaged";

    fn impossible_reason(&self) -> Option<&'static str> {
        let says_nothing = [self.count, self.shared, self.damaged].iter().all(Option::is_none);
        says_nothing.then_some("`blobs` needs `count`, `shared` or `damaged`")
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Files)
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn required_facts(&self) -> Vec<FactRequest> {
        let (actor, layout) = (self.actor.clone(), self.layout.clone());
        vec![FactRequest::Layout { actor, layout, reading: self.reading() }]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let asked = (self.actor.clone(), self.layout.clone(), self.reading());
        let Some(answer) = world.facts.layouts.get(&asked) else {
            return Judgement::failed(Seen::NoActor(self.actor.clone()));
        };
        let Some(fact) = answer else {
            return Judgement::failed(Seen::NoFile);
        };

        let fits = |wanted: Option<usize>, found: usize| wanted.is_none_or(|it| it == found);
        let is_so = fits(self.count, fact.blobs)
            && fits(self.shared, fact.shared)
            && fits(self.damaged, fact.damaged)
            && !fact.is_cut;
        Judgement::new(is_so, Seen::Layout(*fact))
    }
}
