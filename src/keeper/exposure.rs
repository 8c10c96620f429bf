//! Control groups that a lab could write to because its root is the user who started it: those of the lab's own cgroup
//! namespace that this user may write to and that are not the lab's.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{Gid, Uid};

use crate::doctor::{MachineCgroups, MachineRoot, MountedHierarchy};
use crate::kernel::errno::to_errno;
use crate::snapshot::CgroupVersion;
use crate::wire::protocol::RoleFailure;

/// Files that change what happens to processes of a group, or who is in it.
const SETTINGS: [&str; 6] = [
    "cgroup.procs",
    "tasks",
    "freezer.state",
    "cgroup.freeze",
    "cgroup.kill",
    "cgroup.subtree_control",
];
/// The most groups that are looked at in one hierarchy: some seconds' worth, and far more than machines have.
const MAX_GROUPS: usize = 500_000;

/// A group that a lab would see and could change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// A group by its path below the mount point: the lab's own group can be made in it, and then it sees no other.
    Usable(String),
    /// A group by its whole path: nothing can be made in it, or nothing moved into it from outside.
    Open(PathBuf),
    /// Nobody knows: a group that was not looked into, and why. It counts as exposed.
    Unsearched { group: PathBuf, why: Errno },
}

/// The first group, from the own one down, that this user may write to, in a hierarchy that the doctor sees
/// no place in. In v1 a process may be moved into a group from anywhere; in v2 that takes the common
/// ancestor, too (cgroups(7)).
pub fn find_exposure(tree: &MountedHierarchy) -> Option<Exposure> {
    find_exposure_within(tree, MAX_GROUPS)
}

fn find_exposure_within(tree: &MountedHierarchy, max_groups: usize) -> Option<Exposure> {
    let (Some(own), None) = (&tree.own, &tree.lab_parent) else { return None };
    let mount_point = Path::new(&tree.mount_point);
    let mut groups = VecDeque::from([mount_point.join(own)]);
    let mut seen = 0;
    while let Some(group) = groups.pop_front() {
        let may_make = is_writable(&group);
        if may_make && !tree.is_read_only && tree.version == CgroupVersion::V1 {
            let below = group.strip_prefix(mount_point).ok()?;
            return Some(Exposure::Usable(below.to_str()?.to_owned()));
        }
        if may_make || SETTINGS.iter().any(|file| is_writable(&group.join(file))) {
            return Some(Exposure::Open(group));
        }

        seen += 1;
        if seen > max_groups {
            return Some(Exposure::Unsearched { group, why: Errno::E2BIG });
        }
        match groups_in(&group) {
            Ok(below) => groups.extend(below),
            Err(why) => return Some(Exposure::Unsearched { group, why }),
        }
    }
    None
}

/// The groups that lie in one. None in one that went away meanwhile, nor in one that is closed to this user, and so to
/// a lab whose root is this user.
#[expect(clippy::wildcard_enum_match_arm, reason = "errnos are foreign: all others are errors")]
fn groups_in(group: &Path) -> Result<Vec<PathBuf>, Errno> {
    let listed = fs::read_dir(group).and_then(|entries| {
        let mut below = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                below.push(entry.path());
            }
        }
        Ok(below)
    });
    listed.or_else(|error| match to_errno(error) {
        Errno::ENOENT | Errno::ENODEV | Errno::EACCES => Ok(Vec::new()),
        errno => Err(errno),
    })
}

/// An error where a lab of this user's would see a group that it could change, and no group of
/// its own can prevent that; or where that can't be found out.
pub fn refuse_exposed_lab() -> Result<(), RoleFailure> {
    for tree in MachineCgroups::read(&MachineRoot::this_machine()).hierarchies {
        match find_exposure(&tree) {
            Some(Exposure::Open(group)) => {
                let group = group.display();
                return Err(RoleFailure::new(
                    format!(
                        "wall off the control group {group}, which is yours and so the lab's root could change it (start unboxed \
                         in that group or in one that it does not lie below)"
                    ),
                    Errno::EACCES,
                ));
            }
            Some(Exposure::Unsearched { group, why }) => {
                let (group, top) = (group.display(), tree.mount_point);
                return Err(RoleFailure::new(
                    format!(
                        "look through the control groups below {top} for those that are yours, which the lab's root could change: \
                         it ended at {group} (start unboxed in a group with fewer below it: `systemd-run --user --scope unboxed`)"
                    ),
                    why,
                ));
            }
            Some(Exposure::Usable(_)) | None => {}
        }
    }

    Ok(())
}

/// True if this user may write, by owner and mode: a read-only mount does not count, since the lab
/// can make one of its own.
fn is_writable(path: &Path) -> bool {
    let Ok(file) = fs::symlink_metadata(path) else { return false };
    let is_own = file.uid() == Uid::effective().as_raw();
    let is_groups = file.gid() == Gid::effective().as_raw();
    (is_own && file.mode() & 0o200 != 0)
        || (is_groups && file.mode() & 0o020 != 0)
        || file.mode() & 0o002 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn tree(mount_point: &Path, version: CgroupVersion, own: &str) -> MountedHierarchy {
        MountedHierarchy {
            version,
            controllers: Vec::new(),
            mount_point: mount_point.to_string_lossy().into_owned(),
            is_read_only: false,
            own: Some(own.into()),
            lab_parent: None,
            delegable: Vec::new(),
            refused: None,
        }
    }

    #[test]
    fn what_lies_at_or_below_the_own_group_and_is_writable_is_exposed() {
        let home = tempfile::tempdir().expect("a directory");
        let root = home.path();
        for path in ["slice/session", "slice/users", "other"] {
            fs::create_dir_all(root.join(path)).expect("made");
        }
        let shut = |path: &str| {
            fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o555))
                .expect("its mode");
        };
        for path in ["slice/session", "slice", ""] {
            shut(path);
        }
        assert_eq!(find_exposure(&tree(root, CgroupVersion::V1, "slice/session")), None);
        assert_eq!(
            find_exposure(&tree(root, CgroupVersion::V1, "slice")),
            Some(Exposure::Usable("slice/users".into()))
        );
        assert_eq!(
            find_exposure(&tree(root, CgroupVersion::V2, "slice")),
            Some(Exposure::Open(root.join("slice/users")))
        );

        let read_only =
            MountedHierarchy { is_read_only: true, ..tree(root, CgroupVersion::V1, "slice") };
        assert_eq!(find_exposure(&read_only), Some(Exposure::Open(root.join("slice/users"))));
        let walled = MountedHierarchy {
            lab_parent: Some("slice".into()),
            ..tree(root, CgroupVersion::V1, "slice")
        };
        assert_eq!(find_exposure(&walled), None);
        for path in ["", "slice", "slice/session"] {
            fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o755))
                .expect("its mode");
        }
    }
    #[test]
    fn what_was_not_looked_through_counts_as_exposed() {
        let home = tempfile::tempdir().expect("a directory");
        let root = home.path();
        for number in 0..5 {
            fs::create_dir(root.join(format!("group{number}"))).expect("made");
        }
        let mode = |mode| {
            for entry in fs::read_dir(root).expect("a listing").flatten() {
                fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode))
                    .expect("its mode");
            }
            fs::set_permissions(root, fs::Permissions::from_mode(mode)).expect("its mode");
        };
        mode(0o555);
        let tree = tree(root, CgroupVersion::V2, "");
        assert_eq!(find_exposure_within(&tree, 6), None);
        let found = find_exposure_within(&tree, 5);
        assert!(
            matches!(&found, Some(Exposure::Unsearched { why: Errno::E2BIG, .. })),
            "{found:?}"
        );
        mode(0o755);
    }
}
