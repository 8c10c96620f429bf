//! `measured`: a number that a workload of the step measured: `cpu_share`, `touched_mib`, `forked`.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, ObservedState};
use crate::op::{ActorName, Op, OpRecord};
use crate::seen::{Judgement, Seen};
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    pub what: String,
    /// The workload that measured it; without one, the last that did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ActorName>,
    /// As a share of what this workload measured: 1 is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<ActorName>,
    #[serde(default)]
    pub at_least: Option<f64>,
    #[serde(default)]
    pub at_most: Option<f64>,
}

impl Measured {
    /// The last number counts: a workload says how far it is as it goes.
    fn last<'a>(&self, outputs: impl Iterator<Item = &'a str>) -> Option<f64> {
        let lines = outputs.flat_map(str::lines);
        lines
            .filter_map(|line| {
                line.strip_prefix(self.what.as_str())?.strip_prefix(' ')?.trim().parse::<f64>().ok()
            })
            // `inf` and `nan` are no measurements, and no numbers in JSON.
            .filter(|number| number.is_finite())
            .last()
    }

    fn measured(&self, world: &ObservedState<'_>, by: Option<&ActorName>) -> Option<f64> {
        let Some(by) = by else { return self.last(world.outputs.iter().copied()) };
        let is_its = |record: &&OpRecord| matches!(&record.op, Op::Work { name, .. } if name == by);
        self.last(world.ops.iter().filter(is_its).map(|record| record.outcome.output()))
    }
}

impl ExpectKind for Measured {
    const SUMMARY: &'static str = "what a workload measured";

    fn impossible_reason(&self) -> Option<&'static str> {
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
        self.by.iter().chain(&self.of).collect()
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let Some(number) = self.measured(world, self.by.as_ref()) else {
            return Judgement::failed(Seen::NotMeasured);
        };
        let (compared, seen) = match self.of.as_ref().map(|of| (of, self.measured(world, Some(of))))
        {
            None => (number, Seen::Measured { name: self.what.clone(), number }),
            Some((of, Some(other))) => {
                (number / other, Seen::Compared { number, other, of: of.clone() })
            }
            Some((of, None)) => return Judgement::failed(Seen::NotMeasuredBy(of.clone())),
        };

        // Of nothing, there is no share.
        let fits = compared.is_finite()
            && self.at_least.is_none_or(|least| compared >= least)
            && self.at_most.is_none_or(|most| compared <= most);
        Judgement::new(fits, seen)
    }
}
