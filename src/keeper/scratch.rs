//! A file on the machine's disk for lessons on block I/O: named after its keeper, as cgroups are, and removed with the lab.

use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid};

use super::cgroups::owner_of;
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
        // Never through a link that somebody left there.
        fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
        let scratch = Scratch { path, disk: disk.to_owned() };
        if let Some(owner) = owner {
            nix::unistd::chown(&scratch.path, Some(Uid::from_raw(owner)), Some(Gid::from_raw(owner)))?;
        }
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Remove the files that dead keepers left behind; returns what was removed.
pub fn sweep() -> Vec<PathBuf> {
    let mut removed = Vec::new();
    for entry in fs::read_dir(SCRATCH_DIR).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_suffix(ENDING).and_then(owner_of);
        if owner.is_some_and(|owner| !owner.is_alive()) && fs::remove_file(entry.path()).is_ok() {
            removed.push(entry.path());
        }
    }
    removed
}
