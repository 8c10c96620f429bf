//! A file on the machine's disk for lessons on block I/O. It has a name only until the lab has bound it: nobody else
//! can find, open or execute it, and the kernel takes it away with the lab's mounts.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::sys::statvfs::statvfs;
use nix::unistd::{Gid, Uid, UnlinkatFlags, unlinkat};

use super::cgroups::{MAX_ATTEMPTS, lock_directory, owner_of};
use super::leftovers::{self, SweepResult};
use super::removal::UnremovedGroup;
use crate::action::SCRATCH_DIR;
use crate::kernel::work::MAX_SCRATCH_BYTES;
use crate::wire::protocol::RoleFailure;

/// The text behind the lab's name in the name of its directory, before letters that nobody can foretell.
const NAME_INFIX: &str = ".scratch.";
const FILE: &str = "file";

/// A file for one lab, in a directory of its own that nobody else may enter. Dropping it removes what has a name yet.
#[derive(Debug)]
pub struct ScratchFile {
    pub path: PathBuf,
    /// `major:minor` of the disk it is on.
    pub disk: String,
    /// Locked: a sweep leaves it alone.
    dir: OwnedFd,
}

impl ScratchFile {
    /// An empty file that belongs to the lab's root.
    pub fn create(lab: &str, disk: &str, owner: Option<u32>) -> Result<ScratchFile, RoleFailure> {
        let failed = |errno| {
            let room = statvfs(SCRATCH_DIR).map_or_else(
                |_| String::new(),
                |disk| {
                    let mib = (disk.blocks_available() * disk.fragment_size()) >> 20;
                    format!(", which has room for {mib} MiB and {} files", disk.files_available())
                },
            );
            RoleFailure::new(
                format!(
                    "make a scratch file of up to {} MiB in {SCRATCH_DIR}{room}",
                    MAX_SCRATCH_BYTES >> 20
                ),
                errno,
            )
        };

        let room = statvfs(SCRATCH_DIR).map_err(failed)?;
        if room.blocks_available() * room.fragment_size() < MAX_SCRATCH_BYTES {
            return Err(failed(Errno::ENOSPC));
        }

        let made = match owner {
            Some(owner) => make_as(owner, lab),
            None => make_file(lab),
        };
        made.map(|(path, dir)| ScratchFile { path, disk: disk.to_owned(), dir }).map_err(failed)
    }
}

fn make_file(lab: &str) -> Result<(PathBuf, OwnedFd), Errno> {
    for _ in 0..MAX_ATTEMPTS {
        let path =
            nix::unistd::mkdtemp(&Path::new(SCRATCH_DIR).join(format!("{lab}{NAME_INFIX}XXXXXX")))?;
        let Some(dir) = lock_directory(&path)? else { continue };

        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        return match openat(&dir, FILE, flags, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(_) => Ok((path.join(FILE), dir)),
            Err(errno) => {
                let _ = fs::remove_dir(&path);
                Err(errno)
            }
        };
    }

    Err(Errno::EBUSY)
}

/// Make a file that is the owner's from the start. In v2 the kernel charges what is written out of a file to the
/// group that changed it first, and chown(2) is a change: it would be the keeper's, and a limit on the lab's group
/// hold nothing. To make a file without a name (`O_TMPFILE`) is one, too; to unlink it is none.
fn make_as(owner: u32, lab: &str) -> Result<(PathBuf, OwnedFd), Errno> {
    // The rights over files that root loses by this come back with the user id: capabilities(7).
    let (user, group) =
        (nix::unistd::setfsuid(Uid::from_raw(owner)), nix::unistd::setfsgid(Gid::from_raw(owner)));
    let made = make_file(lab);
    nix::unistd::setfsuid(user);
    nix::unistd::setfsgid(group);
    made
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        let _ = remove(&self.dir, &self.path);
    }
}

/// Take the name away, where it has one yet.
fn remove(dir: &OwnedFd, file: &Path) -> Result<(), Errno> {
    let gone = |result: Result<(), Errno>| match result {
        Err(Errno::ENOENT) => Ok(()),
        other => other,
    };
    gone(unlinkat(dir, FILE, UnlinkatFlags::NoRemoveDir))?;
    let Some(path) = file.parent() else { return Ok(()) };
    gone(fs::remove_dir(path).map_err(crate::kernel::errno::to_errno))
}

/// Remove the files of keepers that died before their lab had bound them.
pub fn sweep_files() -> SweepResult {
    let mut swept = SweepResult::default();
    for entry in fs::read_dir(SCRATCH_DIR).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.split_once(NAME_INFIX).and_then(|(lab, _)| owner_of(lab));
        if owner.is_none_or(|owner| owner.is_alive()) {
            continue;
        }

        let path = entry.path();
        let Some(dir) = leftovers::lock_if_ownerless(&path) else { continue };
        match remove(&dir, &path.join(FILE)) {
            Ok(()) => swept.removed.push(path),
            Err(errno) => swept
                .left
                .push(UnremovedGroup { path, why: format!("{} ({errno:?})", errno.desc()) }),
        }
    }

    swept
}
