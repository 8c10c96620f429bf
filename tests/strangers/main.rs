//! Files from strangers, given to the program: lessons and tapes that are huge, endless, deep, hostile, or run something.

#[path = "../common/mod.rs"]
mod common;

mod tapes;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::tty::Tty;
use common::{alone, facts, program, skip, unboxed};
use nix::sys::stat::Mode;
use unboxed::diagnosis::Playable;
use unboxed::doctor::can_play;
use unboxed::lesson::catalogue;
use unboxed::text::is_hidden;

/// MiB of addresses that the program gets for any file. Most of them it has anyway: its own code, and stacks of threads.
const ADDRESSES: u64 = 512;
/// Nothing here takes seconds; a test that hangs says so.
const DEADLINE: Duration = Duration::from_secs(120);

/// What the program says to a file: exactly one sentence and no success, within bounds.
#[track_caller]
fn refused(command: &mut Command) -> String {
    let output = ended(command);
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(
        !output.status.success() && output.status.code() == Some(1),
        "{:?}: {said}",
        output.status
    );
    assert!(
        !said.chars().any(|letter| (letter.is_control() && letter != '\n') || is_hidden(letter)),
        "{said:?}"
    );
    assert!(said.len() < 2000, "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[track_caller]
fn ended(command: &mut Command) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let (mut out, mut err) =
        (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = out.read_to_end(&mut bytes);
        bytes
    });
    let complaints = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = err.read_to_end(&mut bytes);
        bytes
    });
    let since = Instant::now();
    let status = loop {
        match child.try_wait().expect("its end") {
            Some(status) => break status,
            None if since.elapsed() > DEADLINE => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("{command:?} does not end");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let (stdout, stderr) = (reader.join().expect("a reader"), complaints.join().expect("a reader"));
    Output { status, stdout, stderr }
}

/// The program, as it must do with little memory: without it, it would end by a signal.
fn bounded() -> Command {
    let mut command = Command::new("prlimit");
    command.arg(format!("--as={}", ADDRESSES << 20)).arg("--").arg(program());
    command
}

fn put(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}

/// Commands that read a lesson's file; none of them gets to play it.
const READERS: [&[&str]; 7] = [
    &["check"],
    &["run", "--yes"],
    &["record", "--yes", "-o", "/nowhere/x.tape"],
    &["export", "--format", "md"],
    &["learn", "--yes"],
    &["challenge", "--yes"],
    &["quiz", "--yes"],
];

#[test]
fn what_is_no_lesson_is_one_sentence_whoever_reads_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).expect("a pipe");
    let folder = dir.path().join("folder");
    std::fs::create_dir(&folder).expect("a folder");
    let large = put(dir.path(), "large.yaml", vec![b'#'; 3 << 20]);
    let binary = put(dir.path(), "binary.yaml", b"\xff\xfe\x00");
    let files: [(&Path, &str); 7] = [
        (Path::new("/dev/zero"), "it is a device, not a file"),
        (Path::new("/dev/stdin"), "it is a device, not a file"),
        (&fifo, "it is a pipe, not a file"),
        (&folder, "it is a directory, not a file"),
        (&large, "it has more than 1 MiB, and no lesson has"),
        (&binary, "it is not text in UTF-8"),
        (Path::new("/nowhere/x.yaml"), "No such file or directory (os error 2)"),
    ];
    for command in READERS {
        for (path, why) in files {
            let said = refused(bounded().args(command).arg(path));
            let sentence = format!("could not read the lesson file {}: {why}\n", path.display());
            assert_eq!(said.trim_start_matches("unboxed: "), sentence, "{command:?}");
        }
    }
}

#[test]
fn a_lesson_that_is_too_deep_or_grows_is_refused_with_its_line_and_takes_no_memory() {
    let dir = tempfile::tempdir().expect("a directory");
    let fill = |begin: &str, piece: &str, end: &str| {
        let count = ((1 << 20) - begin.len() - end.len()) / piece.len();
        format!("{begin}{}{end}", piece.repeat(count))
    };
    let list = |of: &str| format!("[{}]", [of; 9].join(", "));
    let laughs: String = ('a'..'i')
        .map(|name| {
            let of = if name == 'a' {
                "lol".to_owned()
            } else {
                format!("*{}", char::from(name as u8 - 1))
            };
            format!("{name}: &{name} {}\n", list(&of))
        })
        .collect();
    let fan = format!("x: &x [{}]\ny: [{}]\n", "a, ".repeat(50_000), "*x, ".repeat(100_000));
    let bombs = [
        ("[".repeat(100 << 10), "1:1: more than 128 brackets are open at once here"),
        (fill("", "{a: ", ""), "1:1: more than 128 brackets are open at once here"),
        (fill("", "[\"]\", ", ""), "1:1: more than 128 brackets are open at once here"),
        (fill("", "- ", "x"), "1:65: more than 32 lists and maps lie within each other here"),
        (fill("", "? ", "x"), "1:65: more than 32 lists and maps lie within each other here"),
        (laughs, ": a lesson has at most 50000 values, counted with their aliases"),
        (fan, ": a lesson has at most 50000 values, counted with their aliases"),
        (fill("[", "a,", "]"), ": a lesson has at most 50000 values, counted with their aliases"),
        (fill("id: \"", "\\x41", "\""), "1:5: a text of a lesson has at most 64 KiB"),
        (fill("", "['a] ", "\n"), ""),
    ];
    for (index, (text, says)) in bombs.iter().enumerate() {
        let path = put(dir.path(), &format!("bomb{index}.yaml"), text);
        let said = refused(bounded().arg("check").arg(&path));
        assert!(said.starts_with(&format!("{}:", path.display())) && said.contains(says), "{said}");
    }
    let path = dir.path().join("bomb0.yaml");
    for command in READERS {
        let said = refused(bounded().args(command).arg(&path));
        assert!(said.contains("more than 128 brackets are open at once here"), "{said}");
    }
}

#[test]
fn a_challenge_that_grows_while_it_is_drawn_is_refused_and_takes_no_memory() {
    let dir = tempfile::tempdir().expect("a directory");
    let with = |draw: &str, text: &str| {
        let begin = "format: 1\nnumber: 1\nid: one\ntitle: One\nsummary: s\nminutes: 1\nchallenge:\n  part: Namespaces\n  par: 1\n";
        format!("{begin}  draw:\n{draw}steps: []\n# {text}\n")
    };
    let wide = format!("    a: [\"{0}\", \"{0}\"]\n", "x".repeat(64 << 10));
    let twice: String = (0..40)
        .map(|place| {
            format!("    n{place:02}: [&v{place} \"<n{0:02}><n{0:02}>\", *v{place}]\n", place + 1)
        })
        .collect();
    // What a value holds is read as what is written: its aliases stand for as much.
    let laughs: String = ('a'..'h')
        .map(|name| {
            let of = if name == 'a' {
                "x".to_owned()
            } else {
                format!("*{}", char::from(name as u8 - 1))
            };
            format!("{name}: &{name} [{}]\\n", [of.as_str(); 9].join(", "))
        })
        .collect();
    let aliases = format!("    a: [\"\\n{laughs}\", \"\\n{laughs}\"]\n");
    let bombs = [
        (with(&wide, &"<a>".repeat(300_000)), "10:1: ", "this challenge has more than 1 MiB"),
        (with(&twice, "<n00>"), "10:1: ", "`n00` holds `<` or `>`, or a value of it holds `<`"),
        (
            with(&aliases, "<a>"),
            "",
            "a lesson has at most 50000 values, counted with their aliases",
        ),
    ];
    for (index, (text, place, says)) in bombs.iter().enumerate() {
        let path = put(dir.path(), &format!("drawn{index}.yaml"), text);
        for command in READERS {
            let said = refused(bounded().args(command).arg(&path));
            let said = said.trim_start_matches("unboxed: ");
            assert!(
                said.starts_with(&format!("{}:{place}", path.display())),
                "{command:?}: {said}"
            );
            assert!(said.contains(says), "{command:?}: {said}");
        }
    }
}

/// A lesson that runs two programs.
const RUNS: &str = "\
format: 1
id: small
number: 2
title: A small one
summary: For tests.
minutes: 1
steps:
  - id: first
    title: First
    story: Something happens.
    actions:
      - run: {command: [sh, -c, \"echo a  b > /run/x\"]}
    expect:
      - file: {path: /run/x, is: file}
    branches:
      - id: other
        title: What if?
        story: So.
        after: Look.
        actions: [{run: {command: [id, -u]}}]
        expect: [{output: {says: \"0\"}}]
";

#[test]
fn a_command_may_not_read_otherwise_than_it_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let check = |from: &str, to: &str, place: &str, says: &str| {
        assert!(RUNS.contains(from));
        let path = put(dir.path(), "bidi.yaml", RUNS.replacen(from, to, 1));
        let said = refused(bounded().arg("check").arg(&path));
        assert!(
            said.starts_with(&format!("{}:{place}: ", path.display())) && said.contains(says),
            "{said}"
        );
    };
    check("echo a", "echo \u{202e}a", "12:39", "U+202E can't be seen here");
    check("echo a", "echo \\u2066a", "12:39", "U+2066 can't be seen here");
    check("echo a  b", "echo a\u{a0}b", "12:40", "U+00A0 looks like a blank");
    check("Something", "Some\u{200b}thing", "10:16", "U+200B can't be seen here");
}

fn can_run_labs() -> bool {
    let needs = catalogue::find_lesson("1").expect("a lesson").needs;
    match can_play(&needs, &facts()) {
        Playable::Live => true,
        Playable::No { why, .. } => {
            skip(&unboxed::words::blocker(&why));
            false
        }
    }
}

#[test]
fn a_lesson_from_a_file_says_what_it_runs_and_is_not_played_unasked() {
    let _turn = alone();
    if !can_run_labs() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = put(dir.path(), "small.yaml", RUNS);
    let asking = || {
        let mut command = unboxed();
        command.env("XDG_STATE_HOME", dir.path().join("state")).env_remove("HOME");
        command
    };
    let tape = dir.path().join("small.tape");
    let tape_name = tape.to_str().expect("a name");
    for command in
        [&["run"][..], &["record", "-o", tape_name], &["export", "--live", "--format", "md"]]
    {
        let said = refused(asking().args(command).arg(&path));
        let expected = format!(
            "{name} is not one of unboxed's own lessons. It will run these programs:\n\n\
             step 1 `first`\n  host# sh -c 'echo a  b > /run/x'\n\
             step 1 `first`, what if `other`\n  host# id -u\n\n",
            name = path.display()
        );
        assert!(said.starts_with(&expected), "{said}");
        let last = format!(
            "unboxed: {} was not played: look at the programs that it runs, and say --yes if they may run\n",
            path.display()
        );
        assert!(said.ends_with(&last), "{said}");
    }
    assert!(!tape.exists());
    // Whoever says so is not asked; and that counts for this time.
    // Other labs on this machine may come and go meanwhile, so that how the machine compares is no matter here.
    let output = ended(asking().args(["run", "--yes"]).arg(&path));
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("ok     host sees a file at /run/x"),
        "{output:?}"
    );
    refused(asking().arg("run").arg(&path));
    // What runs nothing of its author's is played.
    let plain = RUNS.replace(
        "run: {command: [sh, -c, \"echo a  b > /run/x\"]}",
        "write: {path: /run/x, text: a}",
    );
    let plain = plain.split("    branches:").next().expect("steps").to_owned();
    let output = ended(asking().arg("run").arg(put(dir.path(), "plain.yaml", plain)));
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("ok     host sees a file at /run/x"),
        "{output:?}"
    );
}

#[test]
fn the_answer_on_a_terminal_is_kept_until_a_lesson_does_something_else() {
    let _turn = alone();
    if !can_run_labs() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let state = dir.path().join("state");
    let environment = [("XDG_STATE_HOME", state.to_str().expect("a name"))];
    let path = put(dir.path(), "small.yaml", RUNS);
    let run = || Tty::start(100, 40, &["run", path.to_str().expect("a name")], &environment);
    let mut tty = run();
    tty.wait_for("Play it? [y/N]");
    assert!(tty.screen().contains("host# sh -c 'echo a  b > /run/x'"), "{}", tty.screen());
    tty.press("n\r");
    tty.wait_for("was not played");
    assert!(!tty.wait_end().success());
    let mut tty = run();
    tty.wait_for("Play it? [y/N]");
    tty.press("y\r");
    tty.wait_for("the machine, before and after");
    tty.wait_end();
    // A talk asks before its hub begins.
    put(dir.path(), "other.yaml", RUNS.replace("[id, -u]", "[id, -n]"));
    let other = dir.path().join("other.yaml");
    let mut tty = Tty::start(100, 40, &["present", other.to_str().expect("a name")], &environment);
    tty.wait_for("Play it? [y/N]");
    tty.press("n\r");
    tty.wait_for("was not played");
    assert!(!tty.wait_end().success());
    // Other words, the same deeds: nothing is asked.
    put(dir.path(), "small.yaml", RUNS.replace("Something happens", "Something else is told"));
    let mut tty = run();
    tty.wait_for("the machine, before and after");
    assert!(!tty.screen().contains("Play it?"), "{}", tty.screen());
    tty.wait_end();
    put(dir.path(), "small.yaml", RUNS.replace("[id, -u]", "[id, -g]"));
    let mut tty = run();
    tty.wait_for("Play it? [y/N]");
    tty.press("\r");
    assert!(!tty.wait_end().success());
}

#[test]
fn the_screen_asks_before_there_is_a_lab() {
    let _turn = alone();
    if !can_run_labs() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let state = dir.path().join("state");
    let environment = [("XDG_STATE_HOME", state.to_str().expect("a name"))];
    let path = put(dir.path(), "small.yaml", RUNS);
    let learn =
        |rows| Tty::start(80, rows, &["learn", path.to_str().expect("a name")], &environment);
    let mut tty = learn(24);
    tty.wait_for("Enter: let it run these, and begin");
    assert!(tty.screen().contains("host# sh -c 'echo a  b > /run/x'"), "{}", tty.screen());
    assert_eq!(tty.processes_below(), 1, "there is no keeper and no lab yet");
    tty.press("\u{1b}");
    assert!(tty.wait_end().success());
    tty.assert_is_back();
    // Where not all of it fits, Enter shows the rest first.
    let mut tty = learn(15);
    tty.wait_for("lines more");
    tty.press("\r");
    tty.wait_for("Enter: let it run these, and begin");
    assert_eq!(tty.processes_below(), 1, "there is no keeper and no lab yet");
    tty.press("\r");
    tty.wait_for("LIVE");
    tty.press("q");
    tty.press("y");
    tty.wait_for("Your machine, before and after");
    tty.press("q");
    assert!(tty.wait_end().success());
    let mut tty = learn(24);
    tty.wait_for("LIVE");
    tty.press("q");
    tty.press("y");
    tty.wait_for("Your machine, before and after");
    tty.press("q");
    assert!(tty.wait_end().success());
}
