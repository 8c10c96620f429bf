//! A used, busy machine: many labs at once, and programs of others that mount, make groups and links and load the CPUs.

mod common;

use std::process::{Child, Command, Stdio};

use common::{Machine, alone, unboxed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The lesson played so many times at once; what each of those that failed said.
fn failures_of(count: usize) -> Vec<String> {
    let start = |_| {
        let mut command = unboxed();
        command.args(["run", "2"]).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    // Each has a reader of its own: a full pipe would hold its lab up.
    let readers: Vec<_> = (0..count)
        .map(start)
        .map(|child: Child| std::thread::spawn(move || child.wait_with_output().expect("its end")))
        .collect();

    let ends = readers.into_iter().map(|reader| reader.join().expect("a reader"));
    ends.filter(|output| !output.status.success())
        .map(|output| {
            let said = String::from_utf8_lossy(&output.stdout);
            let bad = said.lines().filter(|line| line.contains("failed") || line.contains("shows"));
            let bad: Vec<&str> = bad.collect();
            format!("{}{}", bad.join("\n"), String::from_utf8_lossy(&output.stderr))
        })
        .collect()
}

#[test]
fn six_labs_at_once_all_play() {
    let _turn = alone();
    let before = Machine::now();
    assert_eq!(failures_of(6), Vec::<String>::new());
    before.assert_comes_back();
}

#[test]
#[ignore = "a minute of a loaded machine: CONTRIBUTING.md says when"]
fn thirty_labs_at_once_all_play() {
    let _turn = alone();
    let before = Machine::now();
    assert_eq!(failures_of(30), Vec::<String>::new());
    before.assert_comes_back();
}

/// Loops that take CPUs from everybody, until this is dropped; they end by themselves, too.
struct Load(Vec<Child>);

impl Load {
    fn start(count: usize) -> Load {
        let spin = |_| {
            // Each in a session of its own: a kernel with autogroups gives all tasks of one session one share.
            let mut command = Command::new("setsid");
            command
                .args(["timeout", "120", "sh", "-c", "while :; do :; done"])
                .stdin(Stdio::null());
            command.spawn().expect("timeout is there")
        };
        Load((0..count).map(spin).collect())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // timeout(1) hands it on to the loop.
            let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
            let _ = kill(pid, Signal::SIGTERM);
            let _ = child.wait();
        }
    }
}

#[test]
fn a_share_of_the_cpus_that_others_took_is_not_judged_and_said() {
    let _turn = alone();
    if !common::lessons_here().iter().any(|lesson| lesson.id == "cpu") {
        return;
    }
    let before = Machine::now();
    let cpus = std::thread::available_parallelism().expect("CPUs").get();
    let load = Load::start(3 * cpus);
    let played = unboxed().args(["run", "cpu"]).output().expect("unboxed starts");
    drop(load);

    let said = String::from_utf8_lossy(&played.stdout).into_owned();
    assert!(!said.contains("  failed "), "{said}");
    // The loops are three for each CPU, and what measures itself is one or two: it gets a third at most, where it
    // should get half.
    assert!(said.contains("  unsure cpu_share is at least 0.6"), "{said}");
    let percents: Vec<u32> = said
        .split("others took ")
        .skip(1)
        .filter_map(|rest| rest.split(' ').next()?.parse().ok())
        .collect();
    assert!(!percents.is_empty() && percents.iter().all(|percent| *percent >= 50), "{said}");
    // Nothing that can't be judged is claimed to be well.
    assert!(!played.status.success(), "{said}");
    before.assert_comes_back();
}
