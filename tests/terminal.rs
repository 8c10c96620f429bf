//! The screen on a real pseudo-terminal: played with keys, and the terminal always comes back.

mod common;

use std::time::{Duration, Instant};

use common::tty::Tty;
use common::{Machine, alone};
use nix::sys::signal::Signal;

#[test]
fn a_student_plays_looks_back_rewinds_and_leaves() {
    let _turn = alone();
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        let before = Machine::now();
        let mut tty = Tty::start(columns, rows, &["learn", "build-a-container"], &[]);
        tty.wait_for("LIVE");
        tty.wait_for("Enter: run it");
        for step in 1..=5 {
            tty.press("\r");
            tty.wait_for("Enter: go on");
            tty.press("\r");
            tty.wait_for(&format!("{}/32", step + 1));
        }
        tty.press("\u{1b}[D");
        tty.wait_for("LOOKING BACK");
        tty.wait_for("5/32");
        tty.press("h");
        tty.wait_for("4/32");
        tty.press("\u{1b}");
        tty.wait_for("LIVE");
        tty.press("u");
        tty.wait_for("Rewind to before");
        tty.press("y");
        tty.wait_for("5/32");
        tty.wait_for("Enter: run it");
        tty.press("?");
        tty.wait_for("any other key closes");
        tty.press("x");
        tty.press("q");
        tty.wait_for("Take it down");
        tty.press("q");
        tty.wait_for("as it was");
        tty.press("q");
        assert!(tty.wait_end().success());
        tty.assert_is_back();
        before.assert_comes_back();
    }
}

#[test]
fn the_catalogue_opens_a_lesson_and_remembers_where_the_learner_left() {
    let _turn = alone();
    let state = tempfile::tempdir().expect("a directory");
    let place = state.path().to_string_lossy().into_owned();
    let mut tty = Tty::start(80, 24, &[], &[("XDG_STATE_HOME", &place)]);
    tty.wait_for("Build a container by hand");
    tty.press("j");
    tty.press("\r");
    tty.wait_for("Enter: run it");
    tty.press("\r");
    tty.wait_for("Enter: go on");
    tty.press("q");
    tty.wait_for("Take it down");
    tty.press("y");
    tty.wait_for("as it was");
    tty.press("q");
    assert!(tty.wait_end().success());
    let mut again = Tty::start(80, 24, &[], &[("XDG_STATE_HOME", &place)]);
    again.wait_for("at 1/32");
    again.press("j\r");
    again.wait_for("Replay them");
    again.press("\r");
    again.wait_for("2/32");
    again.press("q");
    again.wait_for("Take it down");
    again.press("y");
    again.wait_for("as it was");
    again.press("q");
    assert!(again.wait_end().success());
}

#[test]
fn signals_give_the_terminal_back_and_take_the_lab_down() {
    let _turn = alone();
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
        let before = Machine::now();
        let mut tty = Tty::start(80, 24, &["learn", "build-a-container"], &[]);
        tty.wait_for("Enter: run it");
        tty.signal(signal);
        tty.wait_end();
        tty.assert_is_back();
        before.assert_comes_back();
    }
}

#[test]
fn ctrl_z_suspends_and_fg_comes_back() {
    let _turn = alone();
    let mut tty = Tty::start(80, 24, &["learn", "build-a-container"], &[]);
    tty.wait_for("Enter: run it");
    tty.press("\u{1a}");
    let deadline = Instant::now() + Duration::from_secs(5);
    while tty.state() != 'T' {
        assert!(Instant::now() < deadline, "it does not stop: {}", tty.state());
        std::thread::sleep(Duration::from_millis(10));
    }
    tty.assert_is_back();
    tty.signal(Signal::SIGCONT);
    tty.wait_for("Enter: run it");
    assert!(tty.seen.lock().expect("the screen").parser.screen().alternate_screen());
    tty.press("qy");
    tty.wait_for("as it was");
    tty.press("q");
    assert!(tty.wait_end().success());
    tty.assert_is_back();
}

#[test]
fn a_tiny_terminal_says_what_is_needed_and_loses_nothing() {
    let _turn = alone();
    let mut tty = Tty::start(80, 24, &["learn", "build-a-container"], &[]);
    tty.wait_for("Enter: run it");
    tty.press("\r");
    tty.wait_for("Enter: go on");
    tty.resize(40, 10);
    tty.wait_for("needs 60x15");
    tty.resize(120, 40);
    tty.wait_for("Enter: go on");
    tty.press("qy");
    tty.wait_for("as it was");
    tty.press("q");
    assert!(tty.wait_end().success());
}

#[test]
fn without_colour_the_selection_is_still_seen() {
    let _turn = alone();
    let mut tty = Tty::start(80, 24, &[], &[("NO_COLOR", "1")]);
    tty.wait_for("Build a container by hand");
    tty.press("q");
    assert!(tty.wait_end().success());
    let seen = tty.seen.lock().expect("the screen");
    let raw = String::from_utf8_lossy(&seen.raw).into_owned();
    assert!(raw.contains("\u{1b}[7m"), "no reverse video");
    let colours = ["[31m", "[32m", "[33m", "[34m", "[35m", "[36m", "[38;", "[48;"];
    let found: Vec<&&str> =
        colours.iter().filter(|code| raw.contains(&format!("\u{1b}{code}"))).collect();
    assert!(found.is_empty(), "{found:?} in spite of NO_COLOR");
}

#[test]
fn the_first_start_asks_how_to_learn_once_and_keeps_the_answer() {
    let _turn = alone();
    let state = tempfile::tempdir().expect("a directory");
    let place = state.path().to_string_lossy().into_owned();
    let environment = [("XDG_STATE_HOME", place.as_str())];
    let start = |arguments: &[&str]| Tty::start_for_anybody(80, 24, arguments, &environment);

    // Who leaves without a choice is asked again.
    let mut left = start(&[]);
    left.wait_for("How do you want to learn?");
    left.press("q");
    assert!(left.wait_end().success());
    left.assert_is_back();

    let mut first = start(&["learn", "build-a-container"]);
    first.wait_for("How do you want to learn?");
    first.press("j");
    first.wait_for("> I type; show me when I ask");
    first.press("\r");
    // What the lesson is about; and no command before it is asked for.
    first.wait_for("After this lesson you can");
    first.wait_for("Enter: begin");
    assert!(!first.screen().contains("host#"), "{}", first.screen());
    first.press("\r");
    first.wait_for("YOUR TURN");
    first.wait_for("[1 host]");
    assert!(!first.screen().contains("host#"), "{}", first.screen());
    // The keys are still the lesson's; from within the shell it can be gone on with.
    first.press("s");
    first.wait_for("keys go to the shell");
    first.press("\u{1b}[20~");
    first.wait_for("not yet: 2 of 2 not true");
    first.press("\u{1b}[21~");
    first.wait_for("s types");
    first.press("q");
    first.wait_for("Take it down");
    first.press("y");
    first.wait_for("as it was");
    first.press("q");
    assert!(first.wait_end().success());

    let mut again = start(&["learn", "build-a-container"]);
    again.wait_for("Enter: begin");
    again.press("W");
    again.wait_for("How do you want to learn?");
    again.press("k\r");
    again.wait_for("Enter: run it");
    again.press("qy");
    again.wait_for("as it was");
    again.press("q");
    assert!(again.wait_end().success());
    let kept = std::fs::read_to_string(state.path().join("unboxed/progress.json")).expect("a file");
    assert!(kept.contains("\"way\": \"show\""), "{kept}");
}
