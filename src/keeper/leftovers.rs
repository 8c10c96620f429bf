//! The groups that killed keepers left behind. A keeper locks the directory of each group that it makes,
//! for its life; a lock is seen from every PID, cgroup and mount namespace, where a pid says nothing. What
//! is locked has an owner.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::stat::fstat;
use nix::unistd::Uid;

use super::cgroups::{self, SubtreeHierarchy, owner_of};
use super::removal::{self, UnremovedGroup};
use crate::doctor::LabIdMapping;

/// The longest that the groups of one dead lab may take to become empty, from the last one that was removed.
const LAB_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that the groups of all of them may take, if some stay: a start waits for it.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(8);

/// The result of a sweep.
#[derive(Debug, Default)]
pub struct SweepResult {
    pub removed: Vec<PathBuf>,
    /// Groups and files of dead keepers that could not be removed.
    pub left: Vec<UnremovedGroup>,
}

impl SweepResult {
    pub(super) fn add(&mut self, other: SweepResult) {
        self.removed.extend(other.removed);
        self.left.extend(other.left);
    }
}

/// Remove the groups of labs whose keeper is dead: of one lab in all hierarchies together, since each of them can
/// hold back its processes.
pub fn sweep_groups(hierarchies: &[SubtreeHierarchy]) -> SweepResult {
    let mut labs: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for hierarchy in hierarchies {
        for entry in fs::read_dir(&hierarchy.parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if owner_of(&name).is_some_and(|owner| !owner.is_alive()) {
                labs.entry(name).or_default().push(entry.path());
            }
        }
    }

    let mut swept = SweepResult::default();
    let began = Instant::now();
    for paths in labs.into_values() {
        // Held until they are gone: no other sweep meddles, and a keeper that is just making one makes it anew.
        let locks: Vec<Option<OwnedFd>> =
            paths.iter().map(|path| lock_if_ownerless(path)).collect();
        // One that is there and can't be locked has an owner: all of its lab is left alone.
        let mut refused = paths.iter().zip(&locks).filter(|(_, lock)| lock.is_none());
        if refused.any(|(path, _)| path.exists()) {
            continue;
        }
        let left = removal::kill_and_remove(
            &paths,
            LAB_TIMEOUT.min(TOTAL_TIMEOUT.saturating_sub(began.elapsed())),
        );
        let is_gone = |path: &PathBuf| left.iter().all(|one| one.path != *path);
        swept.removed.extend(paths.into_iter().filter(is_gone));
        swept.left.extend(left);
    }
    swept
}

/// The lock of a directory of ours that nobody else has; none for one that has an owner, or is another user's.
pub(super) fn lock_if_ownerless(path: &Path) -> Option<OwnedFd> {
    // A lab's root may have taken away the permission to open it. To who may not change it, this does nothing.
    let mode = fs::symlink_metadata(path)
        .ok()
        .filter(|found| found.is_dir() && is_ours(found.uid()))?
        .mode();
    if mode & 0o500 != 0o500 {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o711));
    }

    let lock = cgroups::lock_directory(path).ok()??;
    // Asked again of what was opened: the name may have led to something else a moment before.
    is_ours(fstat(&lock).ok()?.st_uid).then_some(lock)
}

/// True for this user and the root of this user's labs.
fn is_ours(uid: u32) -> bool {
    uid == Uid::effective().as_raw() || uid == LabIdMapping::choose().first
}
