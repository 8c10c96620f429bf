//! Sockets of running programs, by the number of their process: only the same user can open them.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::kernel::home;

/// What is behind a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// A lab that lets shells in.
    Lab,
    /// A talk that windows can join.
    Talk,
}

impl Behind {
    fn prefix(self) -> &'static str {
        match self {
            Behind::Lab => "lab-",
            Behind::Talk => "talk-",
        }
    }

    fn none_is_there(self) -> &'static str {
        match self {
            Behind::Lab => "no lab is running: start one with `unboxed learn LESSON` in another terminal",
            Behind::Talk => "nobody gives a talk: start one with `unboxed present LESSON` in another terminal",
        }
    }

    fn several_are_there(self) -> &'static str {
        match self {
            Behind::Lab => "several labs are running; say which with --of",
            Behind::Talk => "several talks are on; say which with --of",
        }
    }
}

/// A socket that is listened at; dropping it takes it away.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Listen, as this process.
pub fn listen(behind: Behind) -> anyhow::Result<(Place, UnixListener)> {
    let dir = home::runtime_directory().context("there is neither XDG_RUNTIME_DIR nor a home directory")?;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(&dir).with_context(|| format!("could not make {}", dir.display()))?;
    let path = dir.join(format!("{}{}.sock", behind.prefix(), std::process::id()));
    // A process that had this number before may have died without taking its own away.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).with_context(|| format!("could not listen at {}", path.display()))?;
    let place = Place { path };
    std::fs::set_permissions(&place.path, std::fs::Permissions::from_mode(0o600))
        .context("could not keep others from the socket")?;
    Ok((place, listener))
}

/// Connect to the one asked for, or to the only one that runs. Sockets of the dead are taken away.
pub fn connect(behind: Behind, of: Option<u32>) -> anyhow::Result<UnixStream> {
    let dir = home::runtime_directory().context("there is neither XDG_RUNTIME_DIR nor a home directory")?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let Some(pid) = pid_of(&path, behind) else { continue };
        match UnixStream::connect(&path) {
            Ok(stream) => found.push((pid, stream)),
            Err(_) => drop(std::fs::remove_file(&path)),
        }
    }
    if let Some(wanted) = of {
        found.retain(|(pid, _)| *pid == wanted);
    }
    let pids: Vec<String> = found.iter().map(|(pid, _)| pid.to_string()).collect();
    match found.len() {
        1 => Ok(found.remove(0).1),
        0 => bail!("{}", behind.none_is_there()),
        _ => bail!("{}: {}", behind.several_are_there(), pids.join(", ")),
    }
}

fn pid_of(path: &Path, behind: Behind) -> Option<u32> {
    path.file_name()?.to_str()?.strip_prefix(behind.prefix())?.strip_suffix(".sock")?.parse().ok()
}
