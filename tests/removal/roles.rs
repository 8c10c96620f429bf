//! A keeper or a store that is stopped or killed: told in a sentence, replaced, and nothing left.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use unboxed::failure::with_causes;
use unboxed::keeper::handle::KeeperHandle;

use crate::common::{self, Held, Machine, alone};
use crate::{children, clean, is_alive, said, start_keeper, wait_until};

fn store_of(keeper: &KeeperHandle) -> i32 {
    let is_store = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "unboxed: store\n")
    };
    children(keeper.pid()).into_iter().find(|pid| is_alive(*pid) && is_store(pid)).expect("a store")
}

fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("a signal");
}

#[test]
fn a_keeper_that_was_stopped_is_told_and_leaves_nothing() {
    let _turn = alone();
    let before = Machine::now();
    let (mut keeper, plan) = start_keeper();
    let pid = i32::try_from(keeper.pid()).expect("a pid");
    keeper.make_lab(&plan).expect("a lab");
    signal(pid, Signal::SIGSTOP);
    let error = keeper.make_lab(&plan).expect_err("it does not answer").to_string();
    assert!(error.contains("is stopped"), "{error}");
    keeper.end_and_wait();
    assert!(!is_alive(pid));
    before.assert_comes_back();
}

#[test]
fn a_store_that_died_or_was_stopped_is_replaced_and_leaves_nothing() {
    let _turn = alone();
    let before = Machine::now();
    let (mut keeper, plan) = start_keeper();
    keeper.make_lab(&plan).expect("a lab");
    let store = store_of(&keeper);
    signal(store, Signal::SIGKILL);
    wait_until("its end", || !is_alive(store));
    keeper.make_lab(&plan).expect("a lab of another store");

    let store = store_of(&keeper);
    signal(store, Signal::SIGSTOP);
    let error = with_causes(&keeper.make_lab(&plan).expect_err("it does not answer"));
    assert!(error.contains("talk to the store"), "{error}");
    keeper.make_lab(&plan).expect("a lab of another store");
    keeper.end_and_wait();
    before.assert_comes_back();
}

#[test]
fn a_keeper_that_was_killed_is_cleaned_up_after_at_once() {
    let _turn = alone();
    let before = Machine::now();
    // Frozen, where this user has groups.
    let has_groups = common::facts().cgroups.is_delegable("freezer");
    let (lesson, step) =
        if has_groups { ("freezer", "freeze") } else { ("build-a-container", "unshare") };
    let held = Held::start(lesson, step);
    signal(held.keeper(), Signal::SIGKILL);
    drop(held);
    before.assert_comes_back();
    assert_eq!(said(&clean()), "nothing was left behind\n");
}
