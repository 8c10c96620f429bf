//! Every command, started by a careless parent: what it leaves to its children is set right, or named.

use std::process::{Command, Output, Stdio};

use crate::common::{self, Machine, alone};
use crate::terminal::OnTerminal;

/// States that a parent leaves, as Python says them before it becomes the program.
const STATES: [(&str, &str); 12] = [
    ("SIGCHLD ignored", "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"),
    ("every signal blocked", "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())"),
    ("no mode left", "os.umask(0o777)"),
    ("small files", "soft(resource.RLIMIT_FSIZE, 4096)"),
    ("few files", "soft(resource.RLIMIT_NOFILE, 10)"),
    ("few processes", "soft(resource.RLIMIT_NPROC, 1)"),
    ("few addresses", "soft(resource.RLIMIT_AS, 256 << 20)"),
    ("no cores", "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))"),
    ("no directory", "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')"),
    ("a long home", "os.environ['HOME'] += '/' + 'x' * 200; os.mkdir(os.environ['HOME'])"),
    ("no home", "del os.environ['HOME']"),
    ("no TERM", "os.environ.pop('TERM', None)"),
];

/// The program behind a parent that left this.
fn careless(state: &str) -> String {
    format!(
        "import os, resource, signal, sys\n\
         def soft(what, number): resource.setrlimit(what, (number, resource.getrlimit(what)[1]))\n\
         os.chdir(os.environ['HOME'])\n\
         {state}\n\
         os.execv(sys.argv[1], ['unboxed'] + sys.argv[2:])"
    )
}

#[test]
fn every_screen_comes_up_and_ends_whatever_was_inherited() {
    let _turn = alone();
    let before = Machine::now();
    let program = common::program().display().to_string();
    let screens: [(&[&str], &str); 3] = [
        (&["learn", "1"], "Enter: run it"),
        (&["quiz", "1"], "1/"),
        (&["present", "1", "--tape"], "Before containers"),
    ];
    for (name, state) in STATES {
        let parent = careless(state);
        for (arguments, shown) in screens {
            let command = ["setsid", "-c", "python3", "-c", &parent, &program];
            let known = common::as_known_learner(arguments);
            let command: Vec<&str> = command.into_iter().chain(known).collect();
            let mut screen = OnTerminal::start_command(&command, (80, 24));
            screen.wait_for(shown);
            let status = screen.take_away(&format!("{arguments:?}, {name}"));
            assert!(status.success(), "{arguments:?}, {name}: {status}");
        }
    }
    before.assert_comes_back();
}

fn output_of(state: &str, argument: &str) -> Output {
    let home = tempfile::tempdir().expect("a home");
    let mut command = Command::new("python3");
    command.args(["-c", &careless(state)]).arg(common::program()).arg(argument);
    command.env("HOME", home.path()).env_remove("XDG_RUNTIME_DIR").env_remove("XDG_STATE_HOME");
    command.stdin(Stdio::null()).output().expect("python3 starts")
}

#[test]
fn every_command_without_a_screen_does_its_work_whatever_was_inherited() {
    let _turn = alone();
    let before = Machine::now();
    for (name, state) in STATES {
        for argument in ["doctor", "list", "clean"] {
            let output = output_of(state, argument);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{argument}, {name}: {} {said}", output.status);
            assert!(!output.stdout.is_empty(), "{argument}, {name}: {said}");
        }
    }
    before.assert_comes_back();
}

#[test]
fn a_descriptor_that_is_closed_is_no_panic() {
    let _turn = alone();
    let before = Machine::now();
    for closed in ["os.close(0)", "os.close(1)", "os.close(2)", "os.closerange(0, 3)"] {
        for argument in ["learn", "quiz", "doctor", "list", "clean"] {
            let output = output_of(closed, argument);
            let said = String::from_utf8_lossy(&output.stderr);
            // Ended by itself: done, or with an error, and neither by a panic (101) nor by a signal.
            let code = output.status.code();
            assert!(matches!(code, Some(0 | 1)), "{argument}, {closed}: {code:?} {said}");
            assert!(!said.contains("panicked"), "{argument}, {closed}: {said}");
        }
    }
    before.assert_comes_back();
}
