//! `took`: how long one thing that the step did took, or how many bytes, beside another: a ratio, since no machine is as fast
//! as the next.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, ObservedState};
use crate::op::{ActorName, OpRecord};
use crate::seen::{Judgement, Seen};
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Took {
    /// The place among the step's actions, from 1. One that lowers to several ops counts as so many.
    pub action: usize,
    /// The place of the one that it is compared with.
    pub of: usize,
    /// Time, or bytes of the file system below `/root`, for which both actions need a `bar`.
    #[serde(default, skip_serializing_if = "BarMeasure::is_time")]
    pub by: BarMeasure,
    /// As a share of what the other took: 1 is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

/// A measure of actions, by which they are drawn side by side or compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarMeasure {
    /// Wall time, in nanoseconds.
    #[default]
    Time,
    /// Bytes in use afterwards that were not before.
    Bytes,
}

impl BarMeasure {
    /// The measure of an op; none of bytes, where nobody counted them.
    pub fn of(self, record: &OpRecord) -> Option<u64> {
        match self {
            BarMeasure::Time => Some(record.nanos),
            BarMeasure::Bytes => record.bar.as_ref()?.bytes,
        }
    }

    fn is_time(&self) -> bool {
        *self == BarMeasure::Time
    }
}

impl ExpectKind for Took {
    const SUMMARY: &'static str = "the time or the bytes of an action, as a share of another's";

    fn impossible_reason(&self) -> Option<&'static str> {
        match (self.at_least, self.at_most) {
            _ if self.action == 0 || self.of == 0 => Some("actions of `took` are counted from 1"),
            _ if self.action == self.of => Some("`took` compares an action with itself"),
            (None, None) => Some("`took` needs `at_least` or `at_most`"),
            (Some(least), Some(most)) if least > most => Some("`at_least` is more than `at_most`"),
            _ => None,
        }
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Calls)
    }

    fn actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let done = |place: usize| world.ops.get(place.checked_sub(1)?);
        let (Some(done), Some(other)) = (done(self.action), done(self.of)) else {
            return Judgement::failed(Seen::NothingDone);
        };
        let (Some(taken), Some(other)) = (self.by.of(done), self.by.of(other)) else {
            return Judgement::failed(Seen::NotMeasured);
        };

        let share = taken as f64 / other as f64;
        let fits = share.is_finite()
            && self.at_least.is_none_or(|least| share >= least)
            && self.at_most.is_none_or(|most| share <= most);
        let seen = match self.by {
            BarMeasure::Time => Seen::Durations { nanos: taken, other },
            BarMeasure::Bytes => Seen::BytesTaken { bytes: taken, other },
        };
        Judgement::new(fits, seen)
    }
}
