//! A v1 hierarchy that is mounted nowhere on this machine: the keeper mounts it on a descriptor, in no mount table, makes
//! its groups there, and gives the controllers back at the end.
//!
//! The kernel gives a hierarchy up with its last mount, but only if it has no group left then, and a group that was removed
//! takes some milliseconds to be gone. One whose last mount goes too early stays, with no mount and out of sight, and nobody
//! else can have its controllers. So the end of groups is waited for, and what stayed is mounted again to mend it.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::cgroups::{self, Hierarchy};
use crate::doctor::{Cgroups, Roots, Unmounted};
use crate::kernel::mount;

/// How long a removed group may take to be gone, and a hierarchy after its last group.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often one that stayed is mounted again.
const ATTEMPTS: usize = 3;

/// Mounted as long as this lives: `close` it rather than drop it.
#[derive(Debug)]
pub struct Attached {
    mount: OwnedFd,
    controllers: Vec<String>,
}

/// The hierarchies, by their mount options, that have to be mounted for these controllers, and can be.
pub fn wanted(controllers: &[String]) -> Vec<Vec<String>> {
    let trees = Cgroups::read(&Roots::machine()).unmounted;
    let is_wanted = |tree: &Unmounted| controllers.iter().any(|name| tree.controllers.contains(name));
    trees.into_iter().filter(|tree| tree.obstacle.is_none() && is_wanted(tree)).map(|tree| tree.controllers).collect()
}

impl Attached {
    pub fn open(controllers: &[String]) -> Result<Attached, Errno> {
        Ok(Attached { mount: mount::open_hierarchy(controllers)?, controllers: controllers.to_vec() })
    }

    /// Its top directory, for every process of this user.
    fn top(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.mount.as_raw_fd()))
    }

    pub fn hierarchy(&self) -> Hierarchy {
        Hierarchy { controllers: self.controllers.clone(), v2: false, parent: self.top() }
    }

    /// Take the mount away, and see to it that the controllers are free again; unless somebody else has groups there.
    pub fn close(self) {
        let controllers = self.controllers.clone();
        let mut attached = Some(self);
        for _ in 0..ATTEMPTS {
            let Some(mounted) = attached.take().or_else(|| Attached::open(&controllers).ok()) else { return };
            if !directories(&mounted.top()).is_empty() || !wait_until(|| mounted.has_no_dying_group()) {
                return;
            }
            drop(mounted);
            if wait_until(|| !is_attached(&controllers)) {
                return;
            }
        }
    }

    /// None that was removed is still on its way out: /proc/cgroups counts those, too, beside the top one.
    fn has_no_dying_group(&self) -> bool {
        controller_line(&self.controllers).is_none_or(|(_, groups)| groups <= 1)
    }
}

fn directories(top: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(top).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

fn is_attached(controllers: &[String]) -> bool {
    controller_line(controllers).is_some_and(|(hierarchy, _)| hierarchy != 0)
}

/// Number of the hierarchy and count of its groups: the line of /proc/cgroups for the first of these.
fn controller_line(controllers: &[String]) -> Option<(u32, u32)> {
    let text = std::fs::read_to_string("/proc/cgroups").ok()?;
    let mut words = text.lines().map(str::split_ascii_whitespace);
    let mut line =
        words.find(|line| line.clone().next().is_some_and(|name| controllers.iter().any(|own| own == name)))?;
    Some((line.nth(1)?.parse().ok()?, line.next()?.parse().ok()?))
}

/// Ask until it holds; false when it has not within a second.
fn wait_until(holds: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Remove the groups of dead keepers from hierarchies that are attached but mounted nowhere in sight; returns what was
/// removed.
pub fn sweep() -> Vec<PathBuf> {
    let mut removed = Vec::new();
    for tree in Cgroups::read(&Roots::machine()).unmounted {
        let Unmounted { controllers, is_attached: true, obstacle: None } = tree else { continue };
        let Ok(attached) = Attached::open(&controllers) else { continue };
        let top = attached.top();
        let names = cgroups::sweep(&[attached.hierarchy()]);
        removed.extend(names.iter().filter_map(|path| {
            Some(PathBuf::from(format!("{}:/{}", controllers.join(","), path.strip_prefix(&top).ok()?.display())))
        }));
        attached.close();
        if names.is_empty() && !self::is_attached(&controllers) {
            // One that was given up too early, and held nothing any more.
            removed.push(PathBuf::from(format!("{}:/", controllers.join(","))));
        }
    }
    removed
}
