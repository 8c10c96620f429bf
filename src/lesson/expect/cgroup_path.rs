//! `cgroup_path`: the path of an actor's control group as another one reads it, which depends on the reader's cgroup
//! namespace.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, FactRequest, ObservedState, host};
use crate::op::ActorName;
use crate::seen::{Judgement, Seen};
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CgroupPath {
    pub of: ActorName,
    #[serde(default = "host")]
    pub seen_by: ActorName,
    /// In the hierarchy of this controller; in v2 there is but one.
    pub controller: String,
    pub is: String,
}

impl ExpectKind for CgroupPath {
    const SUMMARY: &'static str = "the path of an actor's control group, as another actor reads it";

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Cgroups)
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.of, &self.seen_by]
    }

    fn required_facts(&self) -> Vec<FactRequest> {
        vec![FactRequest::CgroupPaths { of: self.of.clone(), reader: self.seen_by.clone() }]
    }

    fn deciding_words(&self) -> Vec<String> {
        vec![self.is.clone()]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let key = (self.of.clone(), self.seen_by.clone());
        let Some(paths) = world.facts.cgroup_paths.get(&key) else {
            return Judgement::failed(Seen::NotBoth([self.of.clone(), self.seen_by.clone()]));
        };
        let has = |controllers: &str| controllers.split(',').any(|one| one == self.controller);
        let in_v1 = paths.iter().find(|(controllers, _)| has(controllers));
        let found = in_v1.or_else(|| paths.iter().find(|(controllers, _)| controllers.is_empty()));
        match found {
            Some((_, path)) => Judgement::new(*path == self.is, Seen::CgroupPath(path.clone())),
            None => Judgement::failed(Seen::NoCgroup(self.controller.clone())),
        }
    }
}
