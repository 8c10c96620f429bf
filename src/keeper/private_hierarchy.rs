//! A v1 hierarchy that is mounted nowhere on this machine: the keeper mounts it on a descriptor, in no mount table,
//! makes its groups there, and gives the controllers back at the end.
//!
//! The kernel gives a hierarchy up with its last mount, but only if it has no group left then, and a group that
//! was removed takes some milliseconds to be gone. One whose last mount goes too early stays, with no mount and
//! out of sight, and nobody else can have its controllers. So the end of groups is waited for, and what stayed is
//! mounted again to mend it.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::cgroups::SubtreeHierarchy;
use super::leftovers::{self, SweepResult};
use super::removal::UnremovedGroup;
use crate::doctor::{MachineCgroups, MachineRoot, UnmountedHierarchy};
use crate::kernel::mount;

/// The longest that a removed group may take to be gone, and a hierarchy after its last mount: some 30 milliseconds,
/// but a busy machine's RCU takes its time.
const FREE_TIMEOUT: Duration = Duration::from_secs(4);
/// The number of times that the mount is taken away: what stays then is somebody else's.
const MAX_ATTEMPTS: usize = 2;

/// A hierarchy, mounted as long as this exists: `free_controllers` rather than drop it.
#[derive(Debug)]
pub struct PrivateHierarchy {
    mount: OwnedFd,
    controllers: Vec<String>,
}

/// The hierarchies, by their mount options, that have to be mounted for these controllers, and can be.
pub fn hierarchies_to_mount(controllers: &[String]) -> Vec<Vec<String>> {
    let trees = MachineCgroups::read(&MachineRoot::this_machine()).unmounted;
    let is_wanted =
        |tree: &UnmountedHierarchy| controllers.iter().any(|name| tree.controllers.contains(name));
    trees
        .into_iter()
        .filter(|tree| tree.obstacle.is_none() && is_wanted(tree))
        .map(|tree| tree.controllers)
        .collect()
}

impl PrivateHierarchy {
    pub fn mount_private(controllers: &[String]) -> Result<PrivateHierarchy, Errno> {
        Ok(PrivateHierarchy {
            mount: mount::open_hierarchy(controllers)?,
            controllers: controllers.to_vec(),
        })
    }

    /// Its top directory, for every process of this user.
    fn top(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.mount.as_raw_fd()))
    }

    pub fn hierarchy(&self) -> SubtreeHierarchy {
        SubtreeHierarchy { controllers: self.controllers.clone(), v2: false, parent: self.top() }
    }

    /// Take the mount away, and see to it that the controllers are free again; unless somebody
    /// else has groups or a mount.
    pub fn free_controllers(self) {
        let controllers = self.controllers.clone();
        let mut attached = Some(self);

        for _ in 0..MAX_ATTEMPTS {
            let Some(mounted) =
                attached.take().or_else(|| PrivateHierarchy::mount_private(&controllers).ok())
            else {
                return;
            };
            if !directories(&mounted.top()).is_empty() {
                return;
            }

            // Not before the removed groups are gone: else the hierarchy stays, with no mount.
            wait_until(|| lines(&controllers).iter().all(|(_, groups)| *groups <= 1));
            drop(mounted);
            if wait_until(|| !is_attached(&controllers)) {
                return;
            }
        }
    }
}

fn directories(top: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(top).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// True while any of them is attached: the kernel moves them one by one.
fn is_attached(controllers: &[String]) -> bool {
    lines(controllers).iter().any(|(hierarchy, _)| *hierarchy != 0)
}

/// The lines of /proc/cgroups for these: number of the hierarchy, and count of its groups. The top one counts, and
/// one that was removed and is still on its way out.
fn lines(controllers: &[String]) -> Vec<(u32, u32)> {
    let text = std::fs::read_to_string("/proc/cgroups").unwrap_or_default();
    let one = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let name = words.next()?;
        let line = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        controllers.iter().any(|own| own == name).then_some(line)
    };
    text.lines().filter_map(one).collect()
}

/// Ask until it holds; false when it has not in all that time.
fn wait_until(holds: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + FREE_TIMEOUT;
    while !holds() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Remove the groups of dead keepers from hierarchies that are attached but mounted nowhere in sight.
pub fn sweep_hierarchies() -> SweepResult {
    let mut swept = SweepResult::default();
    for tree in MachineCgroups::read(&MachineRoot::this_machine()).unmounted {
        let UnmountedHierarchy { controllers, is_attached: true, obstacle: None } = tree else {
            continue;
        };
        let Ok(attached) = PrivateHierarchy::mount_private(&controllers) else { continue };
        let top = attached.top();
        let told = |path: &Path| {
            let below = path.strip_prefix(&top).unwrap_or(path);
            PathBuf::from(format!("{}:/{}", controllers.join(","), below.display()))
        };

        let found = leftovers::sweep_groups(&[attached.hierarchy()]);
        let was_empty = found.removed.is_empty() && found.left.is_empty();
        swept.removed.extend(found.removed.iter().map(|path| told(path)));
        swept.left.extend(
            found.left.into_iter().map(|one| UnremovedGroup { path: told(&one.path), ..one }),
        );
        attached.free_controllers();
        if was_empty && !is_attached(&controllers) {
            // One that was given up too early, and held nothing any more.
            swept.removed.push(told(Path::new("")));
        }
    }
    swept
}
