//! **Tapes**: a recording of a lesson that was played live. It plays anywhere, without a lab, a privilege or a Linux
//! feature.
//!
//! A tape holds what every front end draws from: the calls and what they returned, what programs printed, the kernel's
//! state before and after each step, charts over time, branches, and how the machine compared in the end. See `file`
//! for the format.

mod compatibility;
pub mod embedded;
pub mod file;
pub mod player;
mod record;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::compatibility::TapeMismatch;
pub use self::record::{RecordError, record};
use crate::action::LabFacts;
use crate::diagnosis::Layout;
use crate::doctor::Facts;
use crate::lesson::model::{Lesson, Step};
use crate::notice::Notice;
use crate::proof::Proof;
use crate::report::{LabInfo, StepRecord, StepStatus};
use crate::snapshot::Snapshot;
use crate::view::ViewKind;

/// The version of the format that is written, and the only one that is read.
pub const FORMAT_VERSION: u32 = 2;

/// The place, time and lesson of a tape. Text of a tape is data: it may hold anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeHeader {
    /// `FORMAT_VERSION` of the program that made it.
    pub unboxed_tape: u32,
    /// That program's own version.
    pub program: String,
    pub lesson: String,
    /// `6.12.5-amd64`
    pub kernel: String,
    /// `v1`, `v2` or `none`.
    pub cgroups: String,
    /// True if it was played by the machine's root, not by an ordinary user.
    pub as_root: bool,
    /// `2026-11-24`
    pub date: String,
    /// The steps of the lesson as it was then.
    pub steps: Vec<StepChecksum>,
}

/// The part of a step that must not have changed for a tape to fit its lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepChecksum {
    pub id: String,
    /// CRC-32 of what is done, looked at and expected; not of the words that tell about it.
    pub sum: u32,
}

/// The state that the next step found.
#[derive(Debug, Clone)]
pub struct RecordedState {
    pub lab: LabInfo,
    pub live: Arc<Snapshot>,
    pub context: LabFacts,
}

impl Tape {
    /// Steps that could not be played where it was made.
    pub fn unplayable_steps(&self) -> BTreeSet<usize> {
        let blank = self
            .records
            .iter()
            .filter(|record| matches!(record.status, StepStatus::Skipped { .. }));
        blank.map(|record| record.step).collect()
    }

    /// A word where a step is about control groups, and this machine's are of another version than the tape's.
    pub fn other_cgroups(&self, step: &Step, record: &StepRecord, here: &Facts) -> Option<Notice> {
        self.header.other_cgroups(here).filter(|_| is_about_groups(step, Some(record)))
    }
}

/// True for a step in which the version of control groups makes a difference: it says so, or changes some.
pub fn is_about_groups(step: &Step, record: Option<&StepRecord>) -> bool {
    step.needs.cgroup_version.is_some()
        || record.is_some_and(|record| record.diff().change_count(ViewKind::Cgroups) > 0)
}

/// The origin of a tape, as a front end tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapeOrigin {
    /// The place and time of it.
    pub made: String,
    /// A word for steps on control groups, where this machine's are of another version.
    pub other_cgroups: Option<Notice>,
}

/// A what-if that was played.
#[derive(Debug, Clone)]
pub struct RecordedBranch {
    pub step: usize,
    pub branch: usize,
    pub record: Arc<StepRecord>,
}

#[derive(Debug, Clone)]
pub struct Tape {
    pub header: TapeHeader,
    /// The states before each step, and after the last: one more than there are steps.
    pub states: Vec<RecordedState>,
    pub records: Vec<Arc<StepRecord>>,
    pub branches: Vec<RecordedBranch>,
    pub proof: Proof,
}

impl TapeHeader {
    fn new(lesson: &Lesson, facts: &Facts) -> TapeHeader {
        TapeHeader {
            unboxed_tape: FORMAT_VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            lesson: lesson.id.clone(),
            kernel: facts.kernel.as_ref().map(|kernel| kernel.release.clone()).unwrap_or_default(),
            cgroups: cgroup_words(facts.cgroups.layout).to_owned(),
            as_root: facts.euid == 0,
            date: jiff::Zoned::now().date().to_string(),
            steps: compatibility::step_checksums(lesson),
        }
    }

    /// The beginning of that day, UTC, in seconds since 1970; none where the date is none.
    pub fn recorded_day_start(&self) -> Option<i64> {
        let date: jiff::civil::Date = self.date.parse().ok()?;
        Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
    }

    /// A word where this machine's control groups are of another version than the tape's.
    fn other_cgroups(&self, here: &Facts) -> Option<Notice> {
        let here = cgroup_words(here.cgroups.layout);
        let tape = crate::text::safe(&self.cgroups);
        (self.cgroups != here).then(|| Notice::TapeOfOtherCgroups { tape, here: here.to_owned() })
    }

    /// The origin, as it is told on this machine.
    pub fn origin_seen_from(&self, here: &Facts) -> TapeOrigin {
        TapeOrigin { made: self.origin(), other_cgroups: self.other_cgroups(here) }
    }

    /// `kernel 6.12.5, cgroup v1, 2026-11-24`
    pub fn origin(&self) -> String {
        crate::text::safe(&format!(
            "kernel {}, cgroup {}, {}",
            self.kernel, self.cgroups, self.date
        ))
    }
}

/// The version of control groups that has the controllers.
fn cgroup_words(layout: Layout) -> &'static str {
    match layout {
        Layout::None => "none",
        // Where there are both, lessons find their controllers in version 1.
        Layout::V1 | Layout::Hybrid => "v1",
        Layout::V2 => "v2",
    }
}
