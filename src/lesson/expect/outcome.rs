//! `outcome`: how the last action of the step ended: by its exit status, or by the errno it failed with.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, ObservedState};
use crate::call::ErrnoName;
use crate::op::{self, ActorName, OpRecord};
use crate::seen::{Judgement, Seen};
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Exit status, as a shell's `$?`; 0 also for a call that works.
    #[serde(default)]
    pub status: Option<i32>,
    #[serde(default)]
    pub errno: Option<ErrnoName>,
    /// The number of the step's ops that fail with this errno; without it, the last one counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<usize>,
}

impl ExpectKind for Outcome {
    const SUMMARY: &'static str = "the exit status or the errno of what the step did";

    fn impossible_reason(&self) -> Option<&'static str> {
        match (&self.errno, self.status) {
            (None, None) => Some("`outcome` needs `status` or `errno`"),
            (Some(_), Some(_)) => Some("`outcome` takes `status` or `errno`, not both"),
            (None, Some(_)) if self.times.is_some() => Some("`times` counts an `errno`"),
            (Some(errno), None) if !errno.is_known() => {
                Some("`outcome` names an errno that Linux does not have")
            }
            _ => None,
        }
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Calls)
    }

    fn deciding_words(&self) -> Vec<String> {
        self.errno.iter().map(ToString::to_string).collect()
    }

    fn actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        if self.errno.is_none() && self.status.is_none() {
            return Judgement::failed(Seen::NeitherGiven(["status", "errno"].map(str::to_owned)));
        }

        let Some(last) = world.ops.last() else {
            return Judgement::failed(Seen::NothingDone);
        };
        if let (Some(errno), Some(times)) = (&self.errno, self.times) {
            let is_such = |record: &&OpRecord| matches!(&record.outcome, op::Outcome::Failed { errno: had, .. } if had == errno);
            let count = world.ops.iter().filter(is_such).count();
            return Judgement::new(count == times, Seen::Refusals { errno: errno.clone(), count });
        }
        let (status, errno, seen) = match &last.outcome {
            op::Outcome::Done { .. } => (Some(0), None, Seen::WentWell),
            op::Outcome::Exited { status, .. } => (Some(*status), None, Seen::Status(*status)),
            op::Outcome::Failed { errno, what } => {
                (None, Some(errno), Seen::Failed { call: what.clone(), errno: errno.clone() })
            }
        };

        let fits = match &self.errno {
            Some(wanted) => errno == Some(wanted),
            None => status == self.status,
        };
        Judgement::new(fits, seen)
    }
}
