//! `output`: what an action of this step printed or read. State can't show that a look was taken; this does.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, World, verdict};
use crate::op::ActorName;
use crate::report::Verdict;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    pub says: String,
}

impl ExpectKind for Output {
    fn actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn judge(&self, world: &World<'_>) -> Verdict {
        let sentence = format!("the output says `{}`", self.says);
        let line = world.outputs.iter().flat_map(|output| output.lines()).find(|line| line.contains(&self.says));
        let seen = line.map_or_else(|| format!("{} outputs, none says it", world.outputs.len()), str::to_owned);
        verdict(line.is_some(), sentence, seen)
    }
}
