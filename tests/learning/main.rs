//! Learning by doing on a real pseudo-terminal: the whole lesson typed, shells that misbehave, what-ifs, quizzes.

#[path = "../common/mod.rs"]
mod common;

mod detours;
mod learner;
mod script;

use std::time::{Duration, Instant};

use common::tty::Tty;
use common::{Machine, alone};
use learner::{LEAVE, Learner};
use unboxed::diagnosis::Playable;
use unboxed::doctor::can_play;
use unboxed::lesson::catalogue;
use unboxed::lesson::model::Step;

/// What `unboxed progress` says of a learner whose state lies in this directory.
fn progress_in(place: &str, arguments: &[&str]) -> std::process::Output {
    let mut command = common::unboxed();
    command.arg("progress").args(arguments).env("XDG_STATE_HOME", place);
    command.output().expect("it starts")
}

fn steps() -> Vec<Step> {
    catalogue::find_lesson("build-a-container").expect("the lesson").steps
}

fn plays_here(step: &Step) -> bool {
    can_play(&step.needs, &common::facts()) == Playable::Live
}

fn type_the_lesson(columns: u16, rows: u16) {
    let before = Machine::now();
    let mut learner = Learner::start_typing(columns, rows, "build-a-container", &[]);
    for (index, step) in steps().iter().enumerate() {
        learner.tty.wait_for(&format!("  {}/32", index + 1));
        if plays_here(step) {
            learner.tty.wait_for("YOUR TURN");
            learner.do_step(&step.id);
            learner.tty.press("\r");
        }
        learner.tty.wait_for(if index + 1 < 32 { "Enter go on" } else { "Enter finish" });
        learner.tty.press("\r");
    }
    // The shells that are open go with the lab.
    learner.tty.wait_for("Finish the lesson");
    learner.tty.press("y");
    learner.tty.wait_for("as it was");
    let played = steps().iter().filter(|step| plays_here(step)).count();
    learner.tty.wait_for(&format!("{played} of 32 steps played"));
    learner.tty.press("q");
    assert!(learner.tty.wait_end().success());
    before.assert_comes_back();
}

#[test]
fn the_whole_lesson_is_done_by_typing_at_120x40() {
    let _turn = alone();
    type_the_lesson(120, 40);
}

#[test]
fn the_whole_lesson_is_done_by_typing_at_80x24() {
    let _turn = alone();
    type_the_lesson(80, 24);
}

#[test]
fn odd_steps_are_typed_and_even_ones_played() {
    let _turn = alone();
    let mut learner = Learner::start(120, 40, &["learn", "build-a-container"]);
    for (index, step) in steps().iter().enumerate() {
        learner.tty.wait_for(&format!("  {}/32", index + 1));
        learner.tty.wait_for("LIVE");
        if index % 2 == 0 && plays_here(step) {
            learner.tty.press("T");
            learner.tty.wait_for("YOUR TURN");
            learner.do_step(&step.id);
            learner.tty.press("\r");
        } else if !step.breaks.is_empty() && plays_here(step) {
            // Shown after all: that takes a fresh lab, and the shells go with the old one.
            if learner.kept > 0 {
                learner.tty.press("s");
                learner.tty.wait_for("keys go to the shell");
                learner.tty.press(LEAVE);
                learner.tty.wait_for("s types");
                learner.tty.press("\u{1b}");
                learner.tty.wait_until_gone("s types");
            }
            learner.tty.press("\r");
            learner.tty.wait_for("YOUR TURN");
            learner.tty.press("\r");
            learner.tty.wait_for("Be shown the step");
            learner.tty.press("y");
            learner.kept = 0;
        } else {
            learner.tty.press("\r");
        }
        learner.tty.wait_for(if index + 1 < 32 { "Enter go on" } else { "Enter finish" });
        learner.tty.press("\r");
    }
    learner.tty.wait_for("as it was");
    learner.tty.press("q");
    assert!(learner.tty.wait_end().success());
}

fn with_shell(columns: u16, rows: u16) -> Learner {
    let mut learner = Learner::start(columns, rows, &["learn", "build-a-container"]);
    learner.tty.wait_for("LIVE");
    learner.tty.press("s");
    learner.tty.wait_for("[1 host]");
    learner.tty.wait_for("host:~#");
    learner
}

#[test]
fn full_screen_programs_resize_scroll_back_and_end() {
    let _turn = alone();
    let mut learner = with_shell(120, 40);
    learner.type_line("stty size");
    learner.tty.wait_for("14 120");
    learner.tty.resize(80, 24);
    // The tabs in short: it is drawn at its new size.
    learner.tty.wait_for("1 Moun | 2 Proc");
    learner.type_line("stty size");
    learner.tty.wait_for("11 80");
    learner.type_line("top -d 1");
    learner.tty.wait_for("load average");
    learner.tty.press("q");
    learner.tty.wait_for("host:~#");
    learner.type_line("seq 1 500 | less");
    learner.tty.wait_for("\n8  ");
    learner.tty.press("G");
    learner.tty.wait_for("500");
    learner.tty.press("q");
    learner.type_line("clear; seq 1 300; echo at-$((9*9))");
    learner.tty.wait_for("at-81");
    learner.tty.press(LEAVE);
    learner.tty.press("g");
    learner.tty.wait_for("looking back");
    learner.tty.press("G");
    learner.tty.wait_for("at-81");
    learner.tty.press("s");
    learner.tty.wait_for("keys go to the shell");
    // Twice: the key itself.
    learner.type_line("cat -v");
    learner.tty.press(LEAVE);
    learner.tty.press(LEAVE);
    learner.tty.press("\r");
    learner.tty.wait_for("^]");
    learner.tty.press("\u{4}");
    learner.type_line("exit");
    learner.tty.wait_until_gone("[1 host]");
    learner.leave();
}

#[test]
fn nothing_a_program_prints_gets_past_the_shell() {
    let _turn = alone();
    for (columns, rows) in [(80, 24), (120, 40)] {
        let mut learner = with_shell(columns, rows);
        learner
            .type_line(r"printf '\033]52;c;aGFja2Vk\007\033]0;owned-title\007\033[?1049h\033c'; echo still-$((2*4))");
        learner.tty.wait_for("still-8");
        learner.type_line("head -c 20000 /dev/urandom; echo; reset; echo again-$((2*5))");
        learner.tty.wait_for("again-10");
        learner.type_line(
            "printf '\\xff\\xfe\\x80 \\xe3\\x81\\x82\\xed\\x95\\x9c \\033[5n'; echo wide-$((2*6))",
        );
        learner.tty.wait_for("wide-12");
        learner.tty.wait_for("あ한");
        learner.tty.resize(61, 16);
        learner.tty.resize(columns, rows);
        learner.type_line("clear; echo end-$((2*7))");
        learner.tty.wait_for("end-14");
        let raw =
            String::from_utf8_lossy(&learner.tty.seen.lock().expect("the screen").raw).into_owned();
        for sequence in ["\u{1b}]52", "\u{1b}]0;", "\u{1b}c"] {
            assert!(!raw.contains(sequence), "{sequence:?} got through");
        }
        learner.tty.press(LEAVE);
        learner.leave();
    }
}

#[test]
fn a_flood_and_a_bomb_leave_the_keys_alone() {
    let _turn = alone();
    let mut learner = with_shell(80, 24);
    learner.type_line("yes");
    learner.tty.wait_for("\ny ");
    learner.tty.press(LEAVE);
    learner.tty.press("?");
    learner.tty.wait_for("any other key closes");
    learner.tty.press("q");
    learner.tty.press("s");
    learner.tty.press("\u{3}");
    learner.type_line("clear; echo quiet-$((3*3))");
    learner.tty.wait_for("quiet-9");
    learner.type_line(":(){ :|:& };:");
    let deadline = Instant::now() + Duration::from_secs(10);
    while learner.tty.processes_below() < 200 {
        assert!(Instant::now() < deadline, "the bomb is a dud");
        std::thread::sleep(Duration::from_millis(20));
    }
    learner.tty.press(LEAVE);
    learner.tty.press("?");
    learner.tty.wait_for("any other key closes");
    learner.tty.press("q");
    // A rewind is a new lab, bomb or no bomb.
    learner.tty.press("R");
    learner.tty.wait_for("in a new lab?");
    learner.tty.press("y");
    // A shell is there again, and takes no key by itself.
    learner.tty.wait_for("LIVE");
    learner.tty.wait_for("s types");
    learner.tty.press("s");
    learner.tty.wait_for("keys go to the shell");
    learner.type_line("echo fresh-$((3*4))");
    learner.tty.wait_for("fresh-12");
    learner.tty.press(LEAVE);
    learner.leave();
}

#[test]
fn a_shell_from_another_terminal_enters_the_running_lab() {
    let _turn = alone();
    let home = tempfile::tempdir().expect("a home");
    let runtime = home.path().to_string_lossy().into_owned();
    let environment = [("XDG_RUNTIME_DIR", runtime.as_str())];
    let mut nobody = Tty::start(80, 24, &["shell"], &environment);
    nobody.wait_for("no lab is running");
    nobody.wait_end();
    let mut tty = Tty::start(80, 24, &["learn", "build-a-container"], &environment);
    tty.wait_for("LIVE");
    let mut visitor = Tty::start(100, 30, &["shell", "host"], &environment);
    visitor.wait_for("host:~#");
    visitor.press("stty size; tty; mount -t tmpfs visited /mnt\r");
    visitor.wait_for("30 100");
    visitor.wait_for("/dev/pts/");
    tty.press("1z");
    tty.wait_for("visited");
    let mut refused = Tty::start(80, 24, &["shell", "nobody"], &environment);
    refused.wait_for("there is no actor `nobody`");
    assert!(!refused.wait_end().success());
    visitor.press("exit\r");
    assert!(visitor.wait_end().success());
    visitor.assert_is_back();
    tty.press("qy");
    tty.wait_for("as it was");
    tty.press("q");
    assert!(tty.wait_end().success());
    let left: Vec<_> =
        std::fs::read_dir(home.path().join("unboxed")).expect("a listing").flatten().collect();
    assert!(left.is_empty(), "the socket is still there: {left:?}");
}

#[test]
fn hints_come_in_stages_for_what_is_open_and_are_remembered() {
    let _turn = alone();
    let state = tempfile::tempdir().expect("a directory");
    let place = state.path().to_string_lossy().into_owned();
    let mut learner = Learner::start_typing(120, 40, "2", &[("XDG_STATE_HOME", &place)]);
    learner.tty.wait_for("YOUR TURN");
    learner.do_step("rootfs");
    learner.tty.press("\r");
    learner.tty.wait_for("Enter go on");
    learner.tty.press("\r");
    learner.tty.wait_for("2/32");
    learner.tty.wait_for("YOUR TURN");
    learner.tty.press("H");
    learner.tty.wait_for("Change the propagation");
    assert!(!learner.tty.screen().contains("Read: mount(8)"));
    learner.tty.press("H");
    learner.tty.wait_for("Read: mount(8)");
    learner.tty.press("H");
    learner.tty.wait_for("mount --make-rprivate /");
    learner.do_step("make-rprivate");
    learner.tty.press("\r");
    learner.tty.wait_for("Enter go on");
    learner.leave();
    let progress = |arguments: &[&str]| progress_in(&place, arguments);
    let output = progress(&["--format", "csv"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("2,build-a-container,32,2,0,2,3,"), "{text}");
    let json = progress(&["--format", "json"]);
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(value[1]["details"]["steps"]["rootfs"]["how"], "by_oneself");
    assert_eq!(value[1]["details"]["steps"]["make-rprivate"]["how"], "with_hints");
    let reset = progress(&["reset", "2", "--yes"]);
    assert!(reset.status.success());
    let again = progress(&[]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("0/32"));
}

#[test]
fn a_what_if_and_a_step_left_out_from_the_keyboard() {
    let _turn = alone();
    let mut learner = Learner::start(80, 24, &["learn", "build-a-container"]);
    learner.tty.wait_for("Enter: run it");
    learner.tty.press("\r");
    learner.tty.wait_for("Enter go on");
    learner.tty.press("\r");
    learner.tty.wait_for("2/32");
    learner.tty.press("w");
    learner.tty.wait_for("WHAT IF");
    learner.tty.wait_for("What if the mounts stay shared?");
    learner.tty.wait_for("✔ container has a mount of type tmpfs at /mnt");
    learner.tty.press("\r");
    learner.tty.wait_for("LIVE");
    learner.tty.wait_for("Enter: run it");
    learner.tty.press("x");
    learner.tty.wait_for("left out: Mounts that stay private");
    learner.tty.press("\r");
    learner.tty.wait_for("You left this step out");
    learner.tty.wait_for("○ host has a mount");
    let screen = learner.tty.screen();
    assert!(!screen.contains("−/root/container"), "nothing went: {screen}");
    learner.leave();
}

#[test]
fn a_quiz_on_its_own_ends_with_a_score() {
    let _turn = alone();
    let before = Machine::now();
    let mut tty = Tty::start(80, 24, &["quiz", "what-is-a-container"], &[]);
    // Predict: the kernel decides.
    tty.wait_for("How many of the eight namespaces");
    tty.press("b\r");
    tty.wait_for("RIGHT");
    tty.wait_for("<==");
    tty.press("\r");
    // A value that only the lab knows.
    tty.wait_for("Question 2 of 5: type the answer");
    tty.wait_for("> _");
    tty.press("99999\r");
    tty.wait_for("WRONG");
    tty.press("\r");
    // In order: never in it at first.
    tty.wait_for("in order");
    tty.press("\r");
    tty.wait_for("WRONG");
    tty.press("\r");
    // A task: graded by state.
    tty.wait_for("crate");
    tty.press("\r");
    tty.wait_for("○ for container the machine is called crate");
    tty.press("S");
    tty.wait_for("Shells: type to search");
    tty.press("new shell beside container\r");
    tty.wait_for("keys go to the shell");
    tty.press("hostname crate\r");
    tty.wait_for("RIGHT");
    tty.press("\u{1d}\r");
    // All that are right.
    tty.wait_for("Which of these is a part");
    tty.press(" j j jj j jk");
    tty.press("0");
    tty.wait_for("OPEN");
    tty.press("\r");
    tty.wait_for("2 of 5 right.");
    tty.wait_for("look again at");
    tty.press("q");
    assert!(tty.wait_end().success());
    tty.assert_is_back();
    before.assert_comes_back();
}

#[test]
fn a_lesson_from_a_file_leaves_the_progress_of_its_namesake_alone_and_a_reset_asks() {
    let _turn = alone();
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().display().to_string();
    let file = dir.path().join("mine.yaml");
    let text = "format: 1\nnumber: 2\nid: build-a-container\ntitle: My own version\nsummary: s.\nminutes: 5\n\
                steps:\n  - id: rootfs\n    title: A\n    story: hello\n    actions:\n      - getpid: {}\n";
    std::fs::write(&file, text).expect("a file");

    let file = file.display().to_string();
    let mut learner = Learner {
        tty: Tty::start(120, 40, &["learn", &file, "--yes"], &[("XDG_STATE_HOME", &place)]),
        kept: 0,
    };
    learner.tty.wait_for("Enter: run it");
    learner.tty.press("\r");
    learner.tty.wait_for("Enter finish");
    learner.leave();

    let progress = |arguments: &[&str]| progress_in(&place, arguments);
    let json = progress(&["--format", "json"]);
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(
        (&value[1]["lesson"], &value[1]["played"]),
        (&"build-a-container".into(), &0.into())
    );

    let own = value.as_array().and_then(|rows| rows.last()).expect("rows");
    assert_eq!(
        (&own["lesson"], &own["own"], &own["played"]),
        (&"build-a-container".into(), &true.into(), &1.into())
    );

    // Nobody is there to be asked: nothing is lost, and it is said what would be.
    let kept = || std::fs::read_to_string(dir.path().join("unboxed/progress.json")).expect("kept");
    let before = kept();
    assert!(before.contains("own:build-a-container"), "{before}");
    let refused = progress(&["reset"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("1 step and 0 answers"), "{said}");
    assert_eq!(kept(), before);

    // The namesake has nothing to forget; the lesson from the file has.
    assert!(!progress(&["reset", "2", "--yes"]).status.success());
    assert!(progress(&["reset", &file, "--yes"]).status.success());
    assert!(!kept().contains("own:"));
}
