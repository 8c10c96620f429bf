//! `output`: what an action of this step printed or read. State can't show that a look was taken; this does.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, ObservedState};
use crate::op::ActorName;
use crate::seen::{Judgement, Seen};
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    pub says: String,
    /// A line that says this and nothing else.
    #[serde(default)]
    pub whole: bool,
}

impl ExpectKind for Output {
    const SUMMARY: &'static str = "what the step printed";

    fn impossible_reason(&self) -> Option<&'static str> {
        let hidden = self.says.trim().is_empty()
            || self.says.contains('\n')
            || (self.whole && self.says != self.says.trim());
        hidden.then_some(
            "`says` is never found: it is empty, has several lines, or blanks at its ends",
        )
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Calls)
    }

    fn deciding_words(&self) -> Vec<String> {
        vec![self.says.clone()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let fits = |line: &&str| {
            if self.whole { line.trim() == self.says } else { line.contains(&self.says) }
        };
        let line = world.outputs.iter().flat_map(|output| output.lines()).find(fits);
        let last = world
            .outputs
            .iter()
            .flat_map(|output| output.lines())
            .rfind(|line| !line.trim().is_empty());

        let seen = match line {
            Some(line) => Seen::Printed(line.to_owned()),
            None => Seen::NotPrinted { last: last.map(|last| last.trim().to_owned()) },
        };
        Judgement::new(line.is_some(), seen)
    }
}
