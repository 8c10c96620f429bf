//! The files that facts are read from.

use std::path::{Path, PathBuf};

/// The root to read below, and the user to read as: a test reads a folder of files.
#[derive(Debug, Clone)]
pub struct MachineRoot {
    pub root: PathBuf,
    pub euid: u32,
    /// Tells if this process may write to a path.
    pub may_write: fn(&Path) -> bool,
}

impl MachineRoot {
    /// This machine, as this process.
    pub fn this_machine() -> MachineRoot {
        use nix::fcntl::{AT_FDCWD, AtFlags};
        use nix::unistd::{AccessFlags, faccessat, geteuid};
        let may_write =
            |path: &Path| faccessat(AT_FDCWD, path, AccessFlags::W_OK, AtFlags::AT_EACCESS).is_ok();
        MachineRoot { root: PathBuf::from("/"), euid: geteuid().as_raw(), may_write }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub fn is_writable(&self, path: &str) -> bool {
        (self.may_write)(&self.path(path))
    }

    pub fn read_text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.path(path)).ok()
    }

    pub(super) fn read_number(&self, path: &str) -> Option<u64> {
        self.read_text(path)?.trim().parse().ok()
    }
}
