//! What the program tells of itself when something is wrong: a log of every role, and panics that reach the person.

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::tty::Tty;
use common::{Machine, alone, unboxed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use unboxed::engine::options::SessionOptions;
use unboxed::failure::with_causes;
use unboxed::kernel::pidfd::Pidfd;
use unboxed::lesson::catalogue;
use unboxed::op::ActorName;

/// The roles that can be made to panic, and what is said of them.
const ROLES: [(&str, &str); 4] = [
    ("keeper", "the keeper panicked at src/keeper/"),
    ("store", "the store panicked at src/lab/store.rs:"),
    ("host", "the lab's host panicked at src/lab/init.rs:"),
    ("actor", "the actor panicked at src/kernel/panics.rs:"),
];

fn log_of(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a log")
}

#[test]
fn a_panic_of_any_role_is_told_and_logged_and_leaves_nothing() {
    let _turn = alone();
    let before = Machine::now();
    let dir = tempfile::tempdir().expect("a directory");
    for (role, says) in ROLES {
        let log = dir.path().join(role);
        let mut command = unboxed();
        command.args(["run", "1", "--log"]).arg(&log).env(SessionOptions::PANIC_VARIABLE, role);
        let output = command.output().expect("unboxed starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{role}: {said}");
        assert!(said.contains(says) && said.contains(": a test asked for it"), "{role}: {said}");
        assert_eq!(said.matches("panicked").count(), 1, "once: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "in one line: {said}");

        let log = log_of(&log);
        assert!(
            log.lines().any(|line| line.contains(" ERROR ") && line.contains(says)),
            "{role}: {log}"
        );
        before.assert_comes_back();
    }
}

#[test]
fn a_panic_of_a_role_is_on_the_screen() {
    let _turn = alone();
    let before = Machine::now();
    for (role, _) in ROLES {
        let mut tty =
            Tty::start(120, 40, &["learn", "1"], &[(SessionOptions::PANIC_VARIABLE, role)]);
        if role == "actor" {
            tty.wait_for("Enter: run it");
            tty.press("\r");
            tty.wait_for("Enter: go on");
            tty.press("\r\r");
        }
        tty.wait_for("panicked");
        tty.press("q");
        tty.press("q");
        tty.press("q");
        tty.wait_end();
        tty.assert_is_back();
        before.assert_comes_back();
    }
}

#[test]
fn a_keeper_that_is_killed_is_the_reason_that_is_told() {
    let _turn = alone();
    let before = Machine::now();
    let mut tty = Tty::start(120, 40, &["learn", "2"], &[]);
    tty.wait_for("Enter: run it");
    let processes = common::lab_processes();
    let keeper =
        processes.iter().find_map(|line| line.strip_suffix(" unboxed: keeper")).expect("a keeper");
    kill(Pid::from_raw(keeper.parse().expect("a pid")), Signal::SIGKILL).expect("a signal");
    tty.press("\r");
    // Both on one line wherever the text is broken.
    tty.wait_for(&format!("{keeper} is gone"));
    tty.wait_for("killed by SIGKILL");
    tty.press("qqq");
    tty.wait_end();
    before.assert_comes_back();
}

#[test]
fn a_role_of_a_lab_that_dies_without_a_word_is_told_with_the_way_it_ended() {
    let _turn = alone();
    let before = Machine::now();
    let check = |role: &str, says: &str| {
        let lesson = catalogue::find_lesson("what-is-a-container").expect("the lesson");
        let mut session = common::open_session(lesson);
        let host = session.lab().expect("a lab").info().actors[&ActorName::host()];
        let title = format!(" unboxed: {role}");
        let processes = common::lab_processes();
        let pid = processes.iter().find_map(|line| line.strip_suffix(&title)).expect(role);
        kill(Pid::from_raw(pid.parse().expect("a pid")), Signal::SIGKILL).expect("a signal");

        let host = Pidfd::open(Pid::from_raw(i32::try_from(host).expect("a pid")));
        assert!(
            host.is_err() || host.is_ok_and(|host| host.has_ended_within(Duration::from_secs(10)))
        );
        // The end of its wire comes a moment later than its own.
        let deadline = Instant::now() + Duration::from_secs(10);
        let error = loop {
            match session.lab() {
                Ok(_) => assert!(Instant::now() < deadline, "the lab has not ended"),
                Err(error) => break with_causes(&error),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(error.ends_with(&format!("and with it all others: {says}")), "{error}");
        // Asked again, it is the same.
        assert_eq!(with_causes(&session.lab().expect_err("it has ended")), error);
        session.rewind_to(0).expect("a fresh lab");
        assert!(session.close_and_compare().is_clean());
    };

    check("host", "it was killed by SIGKILL");
    check(
        "store",
        "the store, the process that it was forked from, is gone: it was killed by SIGKILL",
    );
    before.assert_comes_back();
}

#[test]
fn an_error_that_nobody_can_read_is_no_panic() {
    let pty = nix::pty::openpty(None, None).expect("a pseudo-terminal");
    drop(pty.master);
    let status = unboxed()
        .args(["run", "nothing-like-it"])
        .stderr(pty.slave)
        .status()
        .expect("unboxed starts");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_panic_of_the_front_end_is_logged_without_a_screen_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    // Whatever is printed there fails, and `println!` panics for it.
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let mut command = unboxed();
    command.args(["doctor", "--log"]).arg(&path).stdout(full);
    let output = command.output().expect("unboxed starts");
    assert!(!output.status.success());
    let log = log_of(&path);
    assert!(
        log.lines().any(|line| line.contains(" ERROR front end[") && line.contains("panicked at ")),
        "{log}"
    );
}

#[test]
fn one_file_tells_in_order_what_every_role_did() {
    let _turn = alone();
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let output =
        unboxed().args(["run", "1", "--log"]).arg(&path).env("UNBOXED_LOG", "trace").output();
    assert!(output.expect("unboxed starts").status.success());

    let log = log_of(&path);
    let place = |needle: &str| log.find(needle).unwrap_or_else(|| panic!("no {needle:?} in {log}"));
    let told = [
        "front end[",
        "starts version=",
        "asked request=MakeLab",
        "the image is laid out",
        "made lab=\"unboxed-",
        " step{lesson=\"what-is-a-container\" id=",
        "request=Perform(Spawn",
        "answer=Performed(",
        "everything is removed",
    ];
    for pair in told.windows(2) {
        assert!(place(pair[0]) < place(pair[1]), "{pair:?}: {log}");
    }
    for line in log.lines() {
        let mut words = line.split(' ');
        assert!(words.next().is_some_and(|time| time.ends_with('Z') && time.len() == 27), "{line}");
        assert!(
            matches!(words.next(), Some("ERROR" | "WARN" | "INFO" | "DEBUG" | "TRACE")),
            "{line}"
        );
        assert!(
            ["front end[", "keeper[", "store["].iter().any(|role| line.contains(role)),
            "{line}"
        );
        assert!(!line.contains(|letter: char| letter.is_control()), "{line:?}");
    }
    // It is for its owner.
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&path).expect("a file").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_a_learner_types_is_not_logged_and_the_log_is_not_in_the_lab() {
    let _turn = alone();
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("our-log");
    let name = path.to_string_lossy().into_owned();
    let mut tty = Tty::start(120, 40, &["learn", "1", "--log", &name], &[("UNBOXED_LOG", "trace")]);
    tty.wait_for("Enter: run it");
    tty.press("s");
    tty.wait_for("keys go to the shell");
    tty.wait_for_prompt();
    tty.press("ls -l /proc/[0-9]*/fd | grep -c our-log; echo my-pass''word\r");
    tty.wait_for("my-password");
    assert!(tty.screen().lines().any(|line| line.trim() == "0"), "{}", tty.screen());
    tty.press("\u{1d}");
    tty.press("qqq");
    tty.wait_end();

    let log = log_of(&path);
    assert!(log.contains("request=Shell"), "{log}");
    assert!(!log.contains("my-pass") && !log.contains("grep"), "{log}");
}

#[test]
fn a_log_that_cannot_be_is_refused_in_one_sentence() {
    let check = |arguments: &[&str], level: &str, says: &str| {
        let output =
            unboxed().args(arguments).env("UNBOXED_LOG", level).output().expect("unboxed starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(says) && said.trim_end().lines().count() == 1, "{said}");
    };
    check(&["doctor", "--log", "/nowhere/log"], "", "could not write the log to /nowhere/log");
    check(&["doctor", "--log", "/dev/null"], "", "it is not a file");
    check(&["doctor", "--log", "/dev/null"], "loud", "it can be info, debug or trace");
}

#[test]
fn a_report_holds_what_a_fault_is_found_by_and_no_names() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    let mut command = unboxed();
    command
        .args(["doctor", "--report", "--log"])
        .arg(&log)
        .env("USER", "adalovelace")
        .env("LOGNAME", "adalovelace");
    std::fs::write(&log, "2026-11-26 adalovelace was here\n").expect("a log");
    let output = command.output().expect("unboxed starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    for part in [
        "unboxed ",
        "system: ",
        "This machine",
        "Facts\n",
        "\"euid\": ",
        "The end of the log\n",
        "USER was here",
    ] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    assert!(!said.contains("adalovelace"), "{said}");
}
