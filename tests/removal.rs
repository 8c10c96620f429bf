//! What is taken away, and what never: groups of dead keepers however they hold on, nobody else's.

mod common;

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use common::{Held, Machine, alone, program, unboxed};
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use unboxed::keeper::cgroups::{Hierarchy, hierarchies};

/// As a keeper would call its first lab that died long ago: no pid is that large.
const DEAD: &str = "unboxed-4194399-1-1-1";
/// A user that nobody is.
const USER: u32 = 64_002;

/// One hierarchy of each version that groups can be made in.
fn trees() -> Vec<Hierarchy> {
    let all = hierarchies();
    let of = |v2| all.iter().find(|tree| tree.v2 == v2 && tree.controllers != ["cpuset"]).cloned();
    [of(true), of(false)].into_iter().flatten().collect()
}

fn clean() -> Output {
    unboxed().arg("clean").output().expect("unboxed starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

/// Ends with the test, whatever comes.
struct Sleeper(Child);

impl Sleeper {
    fn start(command: &mut Command) -> Sleeper {
        Sleeper(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts"))
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).expect("a pid")
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
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
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).expect("a process goes into the group");
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

fn open_dir(path: &Path) -> OwnedFd {
    openat(AT_FDCWD, path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).expect("a directory")
}

fn nest(top: &Path, depth: usize) {
    let name = "n".repeat(200);
    let mut dir = open_dir(top);
    for _ in 0..depth {
        mkdirat(&dir, name.as_str(), Mode::S_IRWXU).expect("a group");
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        dir = openat(&dir, name.as_str(), flags, Mode::empty()).expect("a group");
    }
}

#[test]
fn groups_deeper_than_any_path_are_removed() {
    let _turn = alone();
    for tree in trees() {
        let top = Group::make(tree.parent.join(DEAD));
        // PATH_MAX is 4096.
        nest(&top.0, 40);
        for number in 0..30 {
            fs::create_dir(top.0.join(format!("wide{number}"))).expect("a group");
        }
        let output = clean();
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(said(&output), format!("removed {}\n", top.0.display()));
        assert!(!top.0.exists());
    }
}

#[test]
fn a_lab_that_nests_groups_and_takes_their_permissions_away_leaves_none() {
    let _turn = alone();
    let before = Machine::now();
    let Some(tree) = trees().into_iter().next_back() else { return };
    let mut lab = common::BareLab::new(&[tree.controllers.first().map_or("unified", String::as_str)]);
    let script = "cd /sys/fs/cgroup/*/ 2>/dev/null || cd /sys/fs/cgroup
        perl -e 'for (1..40) { mkdir \"n\" x 200 or die $!; chdir \"n\" x 200 or die $!; }' || exit 1
        mkdir shut shut/below && chmod 0 shut/below/cgroup.procs shut/below shut";
    let (output, status) = lab.shell(script);
    assert_eq!(status, 0, "{output}");
    lab.end();
    before.assert_comes_back();
}

#[test]
fn what_is_locked_has_an_owner() {
    let _turn = alone();
    for tree in trees() {
        let top = Group::make(tree.parent.join(DEAD));
        let lock = open_dir(&top.0);
        // As the keeper holds it.
        #[allow(deprecated, reason = "nix's Flock would give it up when dropped")]
        nix::fcntl::flock(lock.as_raw_fd(), nix::fcntl::FlockArg::LockExclusive).expect("a lock");
        assert_eq!(said(&clean()), "nothing was left behind\n");
        assert!(top.0.exists());

        drop(lock);
        assert_eq!(said(&clean()), format!("removed {}\n", top.0.display()));
    }
}

#[test]
fn a_process_that_is_no_labs_is_not_killed_and_told_of() {
    let _turn = alone();
    for tree in trees() {
        let top = Group::make(tree.parent.join(DEAD));
        let other = Sleeper::start(Command::new("sleep").arg("1000"));
        top.take_in(other.pid());
        let output = clean();
        assert!(is_alive(other.pid()), "{}", said(&output));
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let expected =
            format!("left {}: process {} (sleep) is in it, and is none of a lab's\n", top.0.display(), other.pid());
        assert_eq!(said(&output), expected);

        drop(other);
        assert!(clean().status.success());
        assert!(!top.0.exists());
    }
}

/// `unshare` with these options, or none where this user may not.
fn inside(options: &[&str]) -> Option<Command> {
    let mut command = Command::new("unshare");
    if !common::is_root() {
        command.arg("-Ur");
    }
    command.args(options);
    let works = |mut probe: Command| probe.arg("true").stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    let mut probe = Command::new("unshare");
    probe.args(command.get_args());
    if !works(probe) {
        common::skip(&format!("unshare {options:?} is refused here"));
        return None;
    }
    Some(command)
}

#[test]
fn a_sweep_from_other_namespaces_leaves_a_living_lab_alone() {
    let _turn = alone();
    let before = Machine::now();
    let held = Held::start("build-a-container", "unshare");
    let host = held.actor("host");
    let groups = Machine::now().cgroups;
    let kinds: [&[&str]; 3] =
        [&["--pid", "--fork", "--mount-proc"], &["--pid", "--fork"], &["--pid", "--cgroup", "--fork", "--mount-proc"]];
    for options in kinds {
        let Some(mut command) = inside(options) else { continue };
        let output = command.arg(program()).arg("clean").output().expect("it starts");
        assert!(is_alive(host), "{options:?}: {}", said(&output));
        assert_eq!(Machine::now().cgroups, groups, "{options:?}");
        assert!(said(&output).lines().all(|line| !line.contains(held.said["lab"].as_str().expect("a lab"))));
    }
    // As a start does it, too.
    if let Some(mut command) = inside(kinds[0]) {
        let output = command.arg(program()).args(["run", "1", "--until", "1"]).output().expect("it starts");
        assert!(is_alive(host), "{}", said(&output));
        assert_eq!(Machine::now().cgroups, groups);
        if common::is_root() {
            assert!(output.status.success(), "{}", said(&output));
        }
    }
    drop(held);
    before.assert_comes_back();
}

#[test]
fn processes_out_of_sight_are_left_and_the_sweep_survives_them() {
    let _turn = alone();
    for tree in trees() {
        let top = Group::make(tree.parent.join(DEAD));
        let other = Sleeper::start(Command::new("sleep").arg("1000"));
        top.take_in(other.pid());
        let Some(mut command) = inside(&["--pid", "--fork", "--mount-proc"]) else { return };
        let output = command.arg(program()).arg("clean").output().expect("it starts");
        assert!(is_alive(other.pid()), "{}", said(&output));
        assert_eq!(output.status.code(), Some(1), "a sentence, and not a signal: {output:?}");
        assert!(said(&output).contains("can't be seen from this PID namespace"), "{}", said(&output));
    }
}

/// The program where any user can execute it.
fn readable_program() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    let copy = dir.path().join("unboxed");
    fs::copy(program(), &copy).expect("a copy");
    (dir, copy)
}

#[test]
fn one_users_groups_are_not_anothers_to_sweep() {
    let _turn = alone();
    if !common::is_root() {
        return;
    }
    let (_dir, copy) = readable_program();
    for tree in trees() {
        let roots = Group::make(tree.parent.join(DEAD));
        let users = Group::make(tree.parent.join("unboxed-4194399-1-2-1"));
        std::os::unix::fs::chown(&users.0, Some(USER), Some(USER)).expect("an owner");

        let output = Command::new(&copy).arg("clean").uid(USER).gid(USER).output().expect("it starts");
        assert_eq!(said(&output), "nothing was left behind\n");
        assert_eq!(said(&clean()), format!("removed {}\n", roots.0.display()));
        assert!(users.0.exists(), "somebody else's");
    }
}
