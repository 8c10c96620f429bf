//! Remarks of panes: what no row of the kernel's says, as values. `words::remark` says them.

use crate::notice::KeyName;
use crate::seen::CutRows;

/// A line of a pane that is no row. A closed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    Nothing,
    NothingChanged,
    NoCalls,
    /// Nobody hears any more which calls are made in shells.
    CallsNotHeard,
    /// Calls of the learner's programs that were too many to be kept.
    MoreCalls {
        count: u64,
    },
    NoCgroups,
    /// Neither a directory nor an overlay is there to show.
    NoFiles,
    /// The head of the groups' tree.
    WhoIsInWhichGroup {
        key: KeyName,
        is_one_alone: bool,
    },
    /// More rows than were read.
    More(CutRows),
    /// The same, where a comparison is shown: there is none of them.
    MoreNotCompared(CutRows),
    /// The same, of the moment before alone.
    MoreBefore(CutRows),
}
