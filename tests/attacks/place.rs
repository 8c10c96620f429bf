//! Where a run may leave something, and what it left: judged by the run's own processes, so that other labs of the machine are
//! not met.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use unboxed::keeper::cgroups::{OwnerProcess, hierarchies, owner_of};

use super::common::unboxed;

/// A home and a place for temporary files of the runs' own, and the machine's mounts before them.
#[derive(Debug)]
pub struct Place {
    dir: tempfile::TempDir,
    mounts: BTreeSet<String>,
}

impl Place {
    pub fn new() -> Place {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["home", "run", "tmp", "outputs"] {
            std::fs::create_dir(dir.path().join(name)).expect("a directory");
        }
        Place { dir, mounts: mounts() }
    }

    pub fn outputs(&self) -> PathBuf {
        self.dir.path().join("outputs")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = unboxed();
        let dir = self.dir.path();
        command.args(arguments).env("HOME", dir.join("home")).env("TMPDIR", dir.join("tmp"));
        command.env("XDG_RUNTIME_DIR", dir.join("run")).env_remove("XDG_STATE_HOME");
        command
    }

    /// What is there of these processes now: themselves, their groups, their files; and mounts that are new.
    pub fn left_by(&self, processes: &[OwnerProcess]) -> Vec<String> {
        let is_theirs = |name: &str| owner_of(name).is_some_and(|owner| processes.contains(&owner));
        let mut left: Vec<String> = processes
            .iter()
            .filter(|process| process.is_alive())
            .map(|process| self::title(*process))
            .collect();
        for hierarchy in hierarchies() {
            let parent = hierarchy.parent.display().to_string();
            left.extend(
                names(&hierarchy.parent)
                    .filter(|name| is_theirs(name))
                    .map(|name| format!("group {parent}/{name}")),
            );
        }
        for dir in ["/tmp", "/var/tmp", "/run", "/dev/shm"] {
            let theirs = names(Path::new(dir))
                .filter(|name| is_theirs(name.split('.').next().unwrap_or(name)));
            left.extend(theirs.map(|name| format!("file {dir}/{name}")));
        }
        for dir in ["home", "run", "tmp"] {
            left.extend(
                names(&self.dir.path().join(dir))
                    .map(|name| format!("file {dir}/{name} of the run's own")),
            );
        }
        left.extend(mounts().difference(&self.mounts).map(|mount| format!("mount {mount}")));
        left
    }
}

fn title(process: OwnerProcess) -> String {
    let read =
        |name: &str| std::fs::read(format!("/proc/{}/{name}", process.pid)).unwrap_or_default();
    let title = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
    format!("process {} {}", process.pid, title.trim())
}

fn names(dir: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
}

fn mounts() -> BTreeSet<String> {
    let text = std::fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    text.lines().map(str::to_owned).collect()
}
