//! A file on the machine's disk for lessons on block I/O: named after its keeper, as cgroups are, and removed with the lab.

use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid};

use super::cgroups::owner_of;
use super::sweep::Swept;
use crate::doctor::disk::SCRATCH_DIR;

const ENDING: &str = ".scratch";

/// Removed when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    pub path: PathBuf,
    /// `major:minor` of the disk it is on.
    pub disk: String,
}

impl Scratch {
    /// An empty file that belongs to the lab's root.
    pub fn make(lab: &str, disk: &str, owner: Option<u32>) -> std::io::Result<Scratch> {
        let path = Path::new(SCRATCH_DIR).join(format!("{lab}{ENDING}"));
        let made = match owner {
            Some(owner) => make_as(owner, &path),
            None => make_file(&path),
        };
        made.map(|()| Scratch { path, disk: disk.to_owned() })
    }
}

fn make_file(path: &Path) -> std::io::Result<()> {
    // Never through a link that somebody left there.
    fs::OpenOptions::new().write(true).create_new(true).open(path).map(drop)
}

/// The file is the owner's from its birth. In v2 the kernel charges what is written out of a file to the group that
/// changed it first, and chown(2) is a change: it would be the keeper's, and a limit on the lab's group hold nothing.
fn make_as(owner: u32, path: &Path) -> std::io::Result<()> {
    let (user, group) = (nix::unistd::setfsuid(Uid::from_raw(owner)), nix::unistd::setfsgid(Gid::from_raw(owner)));
    let made = make_file(path);
    nix::unistd::setfsuid(user);
    nix::unistd::setfsgid(group);
    made
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Remove the files that dead keepers left behind.
pub fn sweep() -> Swept {
    let mut swept = Swept::default();
    for entry in fs::read_dir(SCRATCH_DIR).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_suffix(ENDING).and_then(owner_of);
        if owner.is_some_and(|owner| !owner.is_alive()) && fs::remove_file(entry.path()).is_ok() {
            swept.removed.push(entry.path());
        }
    }
    swept
}
