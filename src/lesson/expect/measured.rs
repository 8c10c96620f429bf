//! `measured`: a number that a workload of the step measured: `cpu_share`, `touched_mib`, `forked`.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, World, verdict};
use crate::lesson::model::ViewKind;
use crate::op::ActorName;
use crate::report::Verdict;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    pub what: String,
    #[serde(default)]
    pub at_least: Option<f64>,
    #[serde(default)]
    pub at_most: Option<f64>,
}

impl ExpectKind for Measured {
    fn fault(&self) -> Option<&'static str> {
        match (self.at_least, self.at_most) {
            (None, None) => Some("`measured` needs `at_least` or `at_most`"),
            (Some(least), Some(most)) if least > most => Some("`at_least` is more than `at_most`"),
            _ => None,
        }
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Cgroups)
    }

    fn actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn judge(&self, world: &World<'_>) -> Verdict {
        let mut sentence = format!("{} is", self.what);
        sentence.extend(self.at_least.map(|least| format!(" at least {least}")));
        sentence.extend(self.at_most.map(|most| format!(" at most {most}")));
        // The last one counts: a workload says how far it is as it goes.
        let lines = world.outputs.iter().flat_map(|output| output.lines());
        let number = lines
            .filter_map(|line| line.strip_prefix(self.what.as_str())?.strip_prefix(' ')?.trim().parse::<f64>().ok())
            .next_back();
        let Some(number) = number else { return verdict(false, sentence, "it was not measured") };
        let fits = self.at_least.is_none_or(|least| number >= least) && self.at_most.is_none_or(|most| number <= most);
        verdict(fits, sentence, format!("{} {number}", self.what))
    }
}
