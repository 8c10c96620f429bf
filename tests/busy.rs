//! A used, busy machine: many labs at once, and programs of others that mount, make groups and links and load the CPUs.

mod common;

use std::process::{Child, Stdio};

use common::{Machine, alone, unboxed};

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
