//! The sweep: groups, hierarchies and files of dead keepers are removed.

use super::cgroups::SubtreeHierarchy;
use super::leftovers::{SweepResult, sweep_groups};
use super::{private_hierarchy, scratch_file};

/// Remove all that dead keepers of this user left.
pub fn sweep_all(hierarchies: &[SubtreeHierarchy]) -> SweepResult {
    let mut swept = sweep_groups(hierarchies);
    swept.add(private_hierarchy::sweep_hierarchies());
    swept.add(scratch_file::sweep_files());
    swept
}
