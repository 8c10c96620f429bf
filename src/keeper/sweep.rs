//! The sweep: groups, hierarchies and files of dead keepers are removed.

use super::cgroups::Hierarchy;
use super::leftovers::{Swept, groups};
use super::{scratch, unmounted};

/// Remove all that dead keepers of this user left.
pub fn everything(hierarchies: &[Hierarchy]) -> Swept {
    let mut swept = groups(hierarchies);
    swept.add(unmounted::sweep());
    swept.add(scratch::sweep());
    swept
}
