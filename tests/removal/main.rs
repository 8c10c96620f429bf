//! What is taken away, and what never: groups of dead keepers however they hold on, nobody else's; and that whatever breaks
//! meanwhile is told in a sentence, with nothing left.

#[path = "../common/mod.rs"]
mod common;

mod disk;
mod exposure;
mod roles;
mod sweep;

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use common::{program, unboxed};
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use unboxed::keeper::cgroups::{SubtreeHierarchy, hierarchies};
use unboxed::keeper::handle::KeeperHandle;
use unboxed::wire::protocol::LabPlan;

/// As a keeper would call its first lab that died long ago: no pid is that large.
const DEAD: &str = "unboxed-4194399-1-1-1";
/// A user that nobody is.
const USER: u32 = 64_002;

/// One hierarchy of each version that groups can be made in.
fn trees() -> Vec<SubtreeHierarchy> {
    let all = hierarchies();
    let of = |v2| all.iter().find(|tree| tree.v2 == v2 && tree.controllers != ["cpuset"]).cloned();
    [of(true), of(false)].into_iter().flatten().collect()
}

fn clean() -> Output {
    clean_with(unboxed().arg("clean"))
}

/// With no sockets of other runs in reach.
fn clean_with(command: &mut Command) -> Output {
    let home = tempfile::tempdir().expect("a directory");
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    command.env("HOME", home.path()).env_remove("XDG_RUNTIME_DIR").env_remove("XDG_STATE_HOME");
    command.output().expect("it starts")
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The exit code tells of the machine, too, where others may be at work.
fn has_played(said: &str) -> bool {
    said.contains("1 of ")
        && said.contains("the machine, before and after")
        && !said.contains("  failed ")
}

fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

#[track_caller]
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A group by its path, removed with the test.
struct Group(PathBuf);

impl Group {
    fn make(path: PathBuf) -> Group {
        fs::create_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Group(path)
    }

    fn take_in(&self, pid: i32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string())
            .expect("a process goes into the group");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..200 {
            if fs::remove_dir(&self.0).is_ok() || !self.0.exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A directory that is locked, as a keeper locks those it made, for as long as this lives.
fn lock(path: &Path) -> OwnedFd {
    let dir = open_dir(path);
    #[allow(deprecated, reason = "nix's Flock would give it up when dropped")]
    nix::fcntl::flock(dir.as_raw_fd(), nix::fcntl::FlockArg::LockExclusive).expect("a lock");
    dir
}

fn open_dir(path: &Path) -> OwnedFd {
    openat(AT_FDCWD, path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
        .expect("a directory")
}

/// The program where any user can execute it.
fn readable_program() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let copy = common::copy_program(dir.path());
    (dir, copy)
}

fn start_keeper() -> (KeeperHandle, LabPlan) {
    let keeper = KeeperHandle::start(program()).expect("the keeper starts");
    (keeper, LabPlan::default())
}

fn children(pid: u32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
