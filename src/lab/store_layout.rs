//! The files and directories of the store that labs are built from.

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::kernel::mount::{self, MountCall};
use crate::op::MountFlag;

/// Everything a lab is built from lies below this directory of the store's mount namespace.
#[derive(Debug, Clone)]
pub struct StoreLayout {
    pub dir: PathBuf,
}

impl StoreLayout {
    /// The host's directories that labs see, sealed.
    pub fn host(&self) -> PathBuf {
        self.dir.join("host")
    }

    /// The image, one directory a layer.
    pub fn image(&self) -> PathBuf {
        self.dir.join("image")
    }

    /// An empty directory: each lab mounts its own root there.
    pub fn lab(&self) -> PathBuf {
        self.dir.join("lab")
    }

    /// An empty file, which the scratch file covers while a lab is forked.
    pub fn scratch(&self) -> PathBuf {
        self.dir.join("scratch")
    }
}

/// A recursive bind mount.
pub fn bind_mount(source: &Path, target: &Path) -> Result<(), Errno> {
    let (Some(source), Some(target)) = (source.to_str(), target.to_str()) else {
        return Err(Errno::EINVAL);
    };
    mount::mount_unrecorded(MountCall {
        source: Some(source),
        target,
        fstype: None,
        flags: &[MountFlag::Bind, MountFlag::Recursive],
        data: None,
    })
}
