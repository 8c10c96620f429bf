//! Nothing is left, however it dies: each of the processes killed at every step, front end and keeper together, and the terminal.

#[path = "../common/mod.rs"]
mod common;
mod inherited;
mod relay;
mod terminal;

use common::{Held, Machine, alone, unboxed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use unboxed::lesson::catalogue;

#[derive(Debug, Clone, Copy)]
enum Victim {
    FrontEnd,
    Keeper,
    LabInit,
    Container,
    FrontEndAndKeeper,
}

fn die(held: &Held, victim: Victim) {
    let kill = |pid: i32| {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    };
    let front_end = i32::try_from(held.child.id()).expect("a pid");
    match victim {
        Victim::FrontEnd => kill(front_end),
        Victim::Keeper => kill(held.keeper()),
        Victim::LabInit => kill(held.actor("host")),
        Victim::Container => {
            if held.said["actors"].get("container").is_some() {
                kill(held.actor("container"));
            }
        }
        Victim::FrontEndAndKeeper => {
            let keeper = held.keeper();
            // Stopped first, so that the keeper can't see the end of its wire before it dies itself.
            let _ = nix::sys::signal::kill(Pid::from_raw(keeper), Signal::SIGSTOP);
            kill(front_end);
            kill(keeper);
        }
    }
}

/// The processes are named by what they are, so a test can tell when all of them are gone.
fn no_lab_of(id: &str) -> bool {
    !unboxed::keeper::cgroups::hierarchies()
        .iter()
        .any(|hierarchy| hierarchy.parent.join(id).exists())
}

/// The number of labs that stand, and lose somebody, at a time: starting one is mostly waiting.
const LABS: usize = 8;

fn check(victim: Victim) {
    let _turn = alone();
    let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
    let before = Machine::now();
    for steps in common::sampled(&lesson.steps).chunks(LABS) {
        let labs: Vec<Held> = std::thread::scope(|scope| {
            let starting: Vec<_> = steps
                .iter()
                .map(|step| scope.spawn(|| Held::start("build-a-container", &step.id)))
                .collect();
            starting.into_iter().map(|lab| lab.join().expect("a lab")).collect()
        });
        let places: Vec<(String, i32, &str)> = std::iter::zip(&labs, steps)
            .map(|(lab, step)| {
                let id = lab.said["lab"].as_str().expect("a lab").to_owned();
                (id, lab.actor("host"), step.id.as_str())
            })
            .collect();
        labs.iter().for_each(|lab| die(lab, victim));
        drop(labs);

        if matches!(victim, Victim::FrontEndAndKeeper) {
            // Without both, the next start has to sweep.
            places.iter().for_each(|(_, host, _)| wait_until_gone(*host));
            let output = unboxed().arg("clean").output().expect("unboxed starts");
            assert!(output.status.success());
            let again = unboxed().arg("clean").output().expect("unboxed starts");
            assert_eq!(String::from_utf8_lossy(&again.stdout), "nothing was left behind\n");
        }
        for (id, host, step) in places {
            wait_until_gone(host);
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
            while !no_lab_of(&id) && std::time::Instant::now() < deadline {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            assert!(no_lab_of(&id), "{victim:?} at {step}: cgroups of {id} are left");
        }
    }
    before.assert_comes_back();
}

#[track_caller]
fn wait_until_gone(pid: i32) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    let is_alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
    };
    while is_alive() {
        assert!(std::time::Instant::now() < deadline, "process {pid} outlived its lab");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn a_killed_front_end_leaves_nothing() {
    check(Victim::FrontEnd);
}

#[test]
fn a_killed_keeper_leaves_nothing() {
    check(Victim::Keeper);
}

#[test]
fn a_killed_lab_leaves_nothing() {
    check(Victim::LabInit);
}

#[test]
fn a_killed_container_leaves_nothing() {
    check(Victim::Container);
}

#[test]
fn front_end_and_keeper_killed_together_leave_nothing_after_a_sweep() {
    check(Victim::FrontEndAndKeeper);
}

#[test]
fn processes_that_hear_no_signal_are_swept_too() {
    let _turn = alone();
    if !common::is_root() {
        return;
    }
    let before = Machine::now();
    // Waiting for memory, throttled, frozen: a v1 group lets none of these die by itself.
    for (lesson, step) in [("memory", "killer-off"), ("cpu", "weight"), ("freezer", "freeze")] {
        let held = Held::start(lesson, step);
        let id = held.said["lab"].as_str().expect("a lab").to_owned();
        let keeper = held.keeper();
        die(&held, Victim::FrontEndAndKeeper);
        drop(held);
        wait_until_gone(keeper);
        // One is enough: a lab is thawed in all hierarchies before it is waited for in any.
        let cleaned = unboxed().arg("clean").output().expect("unboxed starts");
        let said = String::from_utf8_lossy(&cleaned.stdout).into_owned();
        assert!(cleaned.status.success() && said.contains(&id), "{lesson} at {step}: {said}");
        assert!(no_lab_of(&id), "{lesson} at {step}: cgroups of {id} are left: {said}");
        before.assert_comes_back();
    }
}

#[test]
fn a_process_that_waits_for_its_disk_is_swept_too() {
    let _turn = alone();
    if !common::is_root() {
        return;
    }
    let before = Machine::now();
    let mut child = unboxed()
        .args(["run", "blkio"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("unboxed starts");
    let below = || {
        unboxed::observe::processes::process_tree(std::path::Path::new("/proc"), child.id(), &[])
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    // Long in `D`: at the limit of one MiB a second, and not just in passing.
    let mut waited = 0;
    while waited < 20 {
        assert!(std::time::Instant::now() < deadline, "nobody waits for the disk: {:?}", below());
        let waits = below()
            .iter()
            .any(|(_, stat)| stat.comm.starts_with("unboxed: writer") && stat.state == 'D');
        waited = if waits { waited + 1 } else { 0 };
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let keeper = below()
        .iter()
        .find(|(_, stat)| stat.comm == "unboxed: keeper")
        .map(|(pid, _)| *pid)
        .expect("a keeper");
    let keeper = Pid::from_raw(i32::try_from(keeper).expect("a pid"));
    kill(keeper, Signal::SIGSTOP).expect("a signal");
    child.kill().expect("killed");
    kill(keeper, Signal::SIGKILL).expect("a signal");
    child.wait().expect("its end");
    wait_until_gone(keeper.as_raw());
    let cleaned = unboxed().arg("clean").output().expect("unboxed starts");
    assert!(cleaned.status.success(), "{}", String::from_utf8_lossy(&cleaned.stdout));
    before.assert_comes_back();
}

/// None where this machine has the hierarchy mounted, or this user may not mount it.
fn hierarchy_to_mount() -> Option<Vec<String>> {
    let facts = common::facts();
    let tree = facts.cgroups.unmounted_with("net_cls").filter(|tree| tree.obstacle.is_none());
    tree.map(|tree| tree.controllers.clone())
}

#[test]
fn a_hierarchy_that_the_keeper_mounted_is_given_back_however_it_dies() {
    let _turn = alone();
    if hierarchy_to_mount().is_none() {
        return;
    }
    let before = Machine::now();
    for victim in [Victim::FrontEnd, Victim::Keeper, Victim::LabInit, Victim::FrontEndAndKeeper] {
        let held = Held::start("net-cls-prio", "classid");
        let host = held.actor("host");
        let during = Machine::now();
        let is_in_use = during.attached != before.attached;
        assert!(is_in_use || before.has_others || during.has_others, "net_cls is in use");
        assert_eq!(during.mounts, before.mounts, "and in no mount table of the machine's");
        die(&held, victim);
        drop(held);
        wait_until_gone(host);
        if matches!(victim, Victim::FrontEndAndKeeper) {
            let output = unboxed().arg("clean").output().expect("unboxed starts");
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(said.contains("net_cls") && said.contains(":/unboxed-"), "{victim:?}: {said}");
            let again = unboxed().arg("clean").output().expect("unboxed starts");
            assert_eq!(String::from_utf8_lossy(&again.stdout), "nothing was left behind\n");
        }
        before.assert_comes_back();
    }
}

#[test]
fn a_hierarchy_that_others_use_out_of_sight_is_shared_and_left_to_them() {
    let _turn = alone();
    let Some(controllers) = hierarchy_to_mount() else {
        return;
    };
    let before = Machine::now();
    // As a container runtime with a mount namespace of its own would have it.
    let open = || unboxed::kernel::mount::open_hierarchy(&controllers).expect("a hierarchy");
    let foreign = |mount: &std::os::fd::OwnedFd| {
        use std::os::fd::AsRawFd;
        std::path::PathBuf::from(format!("/proc/self/fd/{}/unboxed-foreign", mount.as_raw_fd()))
    };
    let mount = open();
    std::fs::create_dir(foreign(&mount)).expect("a group");
    let played = unboxed()
        .args(["run", "net-cls-prio", "--until", "classid"])
        .output()
        .expect("unboxed starts");
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stdout));
    assert!(foreign(&mount).exists());
    // Without a mount, but with a group: it is not ours to give up.
    drop(mount);
    let cleaned = unboxed().arg("clean").output().expect("unboxed starts");
    assert_eq!(String::from_utf8_lossy(&cleaned.stdout), "nothing was left behind\n");
    let mount = open();
    std::fs::remove_dir(foreign(&mount)).expect("the group is still there, and goes");
    // At once, so that the kernel keeps the hierarchy: the next sweep mends that.
    drop(mount);
    assert!(unboxed().arg("clean").status().expect("unboxed starts").success());
    before.assert_comes_back();
}

#[test]
fn a_foreign_group_is_never_swept() {
    let _turn = alone();
    let hierarchies = unboxed::keeper::cgroups::hierarchies();
    let Some(hierarchy) = hierarchies.first() else {
        return;
    };
    // Like ours in name, but of no keeper's.
    let foreign = hierarchy.parent.join("unboxed-foreign");
    std::fs::create_dir(&foreign).expect("a group");
    assert!(unboxed().arg("clean").status().expect("unboxed starts").success());
    assert!(foreign.exists());
    std::fs::remove_dir(&foreign).expect("the group goes");
}

#[test]
fn sigterm_ends_a_held_lab() {
    let _turn = alone();
    let before = Machine::now();
    let mut held = Held::start("build-a-container", "unshare");
    kill(Pid::from_raw(i32::try_from(held.child.id()).expect("a pid")), Signal::SIGTERM)
        .expect("a signal");
    let status = held.child.wait().expect("its end");
    assert!(status.success(), "{status}");
    before.assert_comes_back();
}
