//! The file that holds what was copied last: a terminal never says whether its clipboard took it.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;

use crate::kernel::directory::OpenDirectory;

const COPY_FILE: &str = "copied.txt";

/// Put a copy in a file of its own, in a directory that nobody else can get at.
pub(super) fn keep_copy(dir: &Path, text: &str) -> Result<PathBuf, String> {
    let dir = OpenDirectory::make_private(dir).map_err(|error| error.to_string())?;
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    let written = dir.replace(OsStr::new(COPY_FILE), mode, |file| file.write_all(text.as_bytes()));
    written
        .map(|()| dir.path().join(COPY_FILE))
        .map_err(|error| format!("{}: {error}", dir.path().join(COPY_FILE).display()))
}
