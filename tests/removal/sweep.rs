//! Groups of dead keepers are swept however they hold on; what has an owner, is another user's, or holds a process that is no
//! lab's, is left.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};

use crate::common::{self, Held, Machine, Sleeper, alone, program};
use crate::{
    DEAD, Group, USER, children, clean, clean_with, has_played, is_alive, lock, open_dir,
    readable_program, said, trees, wait_until,
};

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
    let mut lab =
        common::BareLab::new(&[tree.controllers.first().map_or("unified", String::as_str)]);
    let script = "cd /sys/fs/cgroup/*/ 2>/dev/null || cd /sys/fs/cgroup
        perl -e 'for (1..40) { mkdir \"n\" x 200 or die $!; chdir \"n\" x 200 or die $!; }' || exit 1
        mkdir shut shut/below && chmod 0 shut/below/cgroup.procs shut/below shut . cgroup.procs";
    let (output, status) = lab.shell(script);
    assert_eq!(status, 0, "{output}");
    lab.end();
    before.assert_comes_back();
}

#[test]
fn a_dead_labs_group_that_nobody_may_open_is_swept() {
    let _turn = alone();
    for tree in trees() {
        let top = Group::make(tree.parent.join(DEAD));
        fs::create_dir(top.0.join("below")).expect("a group");
        fs::set_permissions(&top.0, fs::Permissions::from_mode(0o000)).expect("its mode");
        assert_eq!(said(&clean()), format!("removed {}\n", top.0.display()));
    }
}

#[test]
fn what_is_locked_has_an_owner() {
    let _turn = alone();
    for tree in trees() {
        let top = Group::make(tree.parent.join(DEAD));
        let lock = lock(&top.0);
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
        let other = Sleeper::start();
        top.take_in(other.pid());
        let output = clean();
        assert!(is_alive(other.pid()), "{}", said(&output));
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let expected = format!(
            "left {}: process {} (sleep) is in it, and is none of a lab's\n",
            top.0.display(),
            other.pid()
        );
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
    let works = |mut probe: Command| {
        probe.arg("true").stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    };
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
    let kinds: [&[&str]; 3] = [
        &["--pid", "--fork", "--mount-proc"],
        &["--pid", "--fork"],
        &["--pid", "--cgroup", "--fork", "--mount-proc"],
    ];
    for options in kinds {
        let Some(mut command) = inside(options) else { continue };
        let output = clean_with(command.arg(program()).arg("clean"));
        assert!(is_alive(host), "{options:?}: {}", said(&output));
        assert_eq!(Machine::now().cgroups, groups, "{options:?}");
        assert!(
            said(&output)
                .lines()
                .all(|line| !line.contains(held.said["lab"].as_str().expect("a lab")))
        );
    }
    // As a start does it, too.
    if let Some(mut command) = inside(kinds[0]) {
        let output =
            command.arg(program()).args(["run", "1", "--until", "1"]).output().expect("it starts");
        assert!(is_alive(host), "{}", said(&output));
        assert_eq!(Machine::now().cgroups, groups);
        if common::is_root() {
            assert!(has_played(&said(&output)), "{}", said(&output));
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
        let other = Sleeper::start();
        top.take_in(other.pid());
        let Some(mut command) = inside(&["--pid", "--fork", "--mount-proc"]) else { return };
        let output = clean_with(command.arg(program()).arg("clean"));
        assert!(is_alive(other.pid()), "{}", said(&output));
        assert_eq!(output.status.code(), Some(1), "a sentence, and not a signal: {output:?}");
        assert!(
            said(&output).contains("can't be seen from this PID namespace"),
            "{}",
            said(&output)
        );
    }
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

        let output = clean_with(Command::new(&copy).arg("clean").uid(USER).gid(USER));
        assert_eq!(said(&output), "nothing was left behind\n");
        assert_eq!(said(&clean()), format!("removed {}\n", roots.0.display()));
        assert!(users.0.exists(), "somebody else's");
    }
}

#[test]
fn a_kill_that_fails_is_told() {
    let _turn = alone();
    if !common::is_root() {
        return;
    }
    let (_dir, copy) = readable_program();
    for tree in trees().iter().filter(|tree| !tree.v2) {
        let users = Group::make(tree.parent.join("relx-users"));
        let top = Group::make(users.0.join(DEAD));
        for group in [&users, &top] {
            std::os::unix::fs::chown(&group.0, Some(USER), Some(USER)).expect("an owner");
        }
        // In a PID namespace of its own, as a lab's are, but somebody else's.
        let outer = Sleeper::start_as(Command::new("unshare").args([
            "--pid",
            "--fork",
            "--kill-child",
            "sleep",
            "1000",
        ]));
        wait_until("its child", || children(outer.id()).len() == 1);
        let pid = children(outer.id())[0];
        wait_until("its name", || {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n")
        });
        top.take_in(pid);

        let output = clean_with(Command::new(&copy).arg("clean").uid(USER).gid(USER));
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let why = format!("could not kill process {pid} (sleep): Operation not permitted (EPERM)");
        assert_eq!(said(&output), format!("left {}: {why}\n", top.0.display()));
        drop(outer);
    }
}
