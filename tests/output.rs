//! What the command line prints: failures once and in words, cuts with a word about them, and nothing to nobody.

mod common;

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use common::{Machine, alone, unboxed};
use unboxed::doctor::Facts;
use unboxed::lesson::catalogue;
use unboxed::words;

/// A lesson of one step with this in it, played.
fn play(step: &str) -> Output {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("lesson.yaml");
    let head = "format: 1\nnumber: 21\nid: mine\ntitle: Mine\nsummary: s.\nminutes: 5\nsteps:\n  - id: a\n    title: A\n    story: s\n";
    std::fs::write(&file, format!("{head}{step}")).expect("a file");
    unboxed().args(["run", "--yes"]).arg(&file).output().expect("unboxed starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_program_that_is_meant_to_fail_is_no_failure() {
    let _turn = alone();
    let step = |status: u32| {
        format!(
            "    actions: [{{run: {{command: [grep, nosuch, /etc/passwd]}}}}]\n    expect: [{{outcome: {{status: {status}}}}}]\n"
        )
    };

    let output = play(&step(1));
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("ok     the last action ends with status 1"), "{said}");
    assert!(!said.contains("failed"), "{said}");

    // Another status is one failure, not two.
    let output = play(&step(2));
    let said = text(&output.stdout);
    assert!(!output.status.success(), "{said}");
    assert_eq!(said.matches("failed").count(), 1, "{said}");
}

#[test]
fn a_program_that_fails_before_the_last_is_a_failure_all_the_same() {
    let _turn = alone();
    let output = play(
        "    actions: [{run: {command: ['false']}}, {run: {command: ['false']}}]\n    expect: [{outcome: {status: 1}}]\n",
    );
    let said = text(&output.stdout);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("failed run works"), "{said}");
}

#[test]
fn a_program_that_is_missing_is_named_once_with_what_to_do() {
    let _turn = alone();
    let output = play("    actions: [{run: {command: [no-such-program]}}]\n");
    let said = text(&output.stdout);
    assert!(!output.status.success(), "{said}");
    assert_eq!(
        said.matches("there is no program `no-such-program` in the lab").count(),
        1,
        "{said}"
    );
    assert_eq!(said.matches("apt-file search bin/no-such-program").count(), 1, "{said}");
}

#[test]
fn output_past_the_limit_is_cut_with_a_word_about_it() {
    let _turn = alone();
    let output = play("    actions: [{run: {command: [head, -c, '100000', /dev/zero]}}]\n");
    let said = text(&output.stdout);
    assert!(said.contains("[34464 bytes more were printed, and are left out here]"), "{said:.300}");
}

#[test]
fn a_program_in_the_background_does_not_hold_its_step() {
    let _turn = alone();
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("lesson.yaml");
    let lesson = "format: 1\nnumber: 21\nid: mine\ntitle: Mine\nsummary: s.\nminutes: 5\nsteps:\n";
    let step = |id: &str, command: &str| {
        format!(
            "  - id: {id}\n    title: A\n    story: s\n    actions: [{{run: {{command: [sh, -c, '{command}']}}}}]\n    expect: [{{output: {{says: started}}}}]\n"
        )
    };
    let steps = step("silent", "sleep 1000 & echo started")
        + &step("flooding", "(while :; do echo x; done) & echo started");
    std::fs::write(&file, format!("{lesson}{steps}")).expect("a file");

    let output = unboxed().args(["run", "--yes", "--format", "json"]).arg(&file).output();
    let output = output.expect("unboxed starts");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(output.status.success(), "{said:#}");
    // A step that is held waits for the whole time that a program gets.
    for step in said["steps"].as_array().expect("steps") {
        let took = Duration::from_nanos(step["ops"][0]["nanos"].as_u64().expect("a time"));
        assert!(took < Duration::from_secs(15), "{}: {took:?}", step["id"]);
    }
}

/// A command whose standard output nobody reads any more.
fn to_nobody(command: &mut Command) -> Output {
    let (read, write) = nix::unistd::pipe().expect("a pipe");
    drop(read);
    command.stdin(Stdio::null()).stdout(Stdio::from(write)).stderr(Stdio::piped());
    command.spawn().expect("it starts").wait_with_output().expect("its end")
}

#[test]
fn a_reader_who_has_seen_enough_ends_every_command_silently() {
    let _turn = alone();
    let before = Machine::now();
    let commands: [&[&str]; 16] = [
        &["challenge"],
        &["run", "1"],
        &["run", "1", "--format", "json"],
        &["run", "20", "--tape"],
        &["run", "1", "--until", "1", "--hold"],
        &["doctor"],
        &["doctor", "--format", "json"],
        &["list"],
        &["list", "--format", "json"],
        &["export", "2", "--format", "md"],
        &["progress"],
        &["source", "2"],
        &["check", "lessons/20-pids.yaml"],
        &["help", "actions"],
        &["completions", "bash"],
        &["man"],
    ];
    for arguments in commands {
        let output = to_nobody(unboxed().args(arguments));
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
        let signal = output.status.signal();
        assert_eq!(signal, Some(nix::libc::SIGPIPE), "{arguments:?}: {:?}", output.status);
    }
    // The labs are gone with their readers.
    before.assert_comes_back();
}

#[test]
fn the_list_has_every_lesson_with_what_it_takes_to_choose_one() {
    let output = unboxed().args(["list", "--format", "json"]).output().expect("unboxed starts");
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let lessons = catalogue::all_lessons().expect("lessons");
    assert_eq!(rows.len(), lessons.len());
    for (row, lesson) in rows.iter().zip(&lessons) {
        assert_eq!(row["number"], lesson.number);
        assert_eq!(
            (&row["id"], &row["title"]),
            (&lesson.id.clone().into(), &lesson.title.clone().into())
        );
        assert_eq!(row["minutes"], lesson.minutes.watch);
        assert_eq!(row["minutes_doing"], lesson.minutes.all);
        let plays = row["plays"].as_str().expect("a word");
        assert_eq!(plays == "live", row["why"].is_null(), "{row}");
    }

    let plain = text(&unboxed().arg("list").output().expect("unboxed starts").stdout);
    for lesson in &lessons {
        assert!(plain.contains(&lesson.id) && plain.contains(&lesson.title), "{plain}");
    }
}

#[test]
fn a_tape_is_told_as_text_without_a_lab_and_says_that_it_is_one() {
    let by = |arguments: &[&str]| {
        let output = unboxed().args(arguments).output().expect("unboxed starts");
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let said = by(&["run", "pids", "--tape"]);
    assert!(said.starts_with("TAPE: kernel "), "{said:.200}");
    assert!(said.contains("ok     "), "{said:.2000}");
    assert_eq!(said, by(&["run", "--tape", "pids"]));

    let first = by(&["run", "--tape", "20", "--until", "1"]);
    assert!(said.starts_with(first.split("\nthe machine, before").next().expect("a text")));
    let json = by(&["run", "pids", "--tape", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(json["tape"].as_str().is_some_and(|origin| origin.starts_with("kernel ")), "{json}");
}

#[test]
fn a_tape_says_which_steps_are_about_control_groups_of_another_version() {
    use unboxed::diagnosis::Layout;
    let at = |layout: Layout| {
        let mut facts = common::facts();
        facts.cgroups.layout = layout;
        facts
    };

    let (v1, v2) = (at(Layout::V1), at(Layout::V2));
    let (lesson, tape) = common::lessons::taped("build-a-container");
    let (own, other) = if tape.header.cgroups == "v1" { (&v1, &v2) } else { (&v2, &v1) };
    let notes = |here: &Facts| {
        let steps = lesson.steps.iter().zip(&tape.records);
        let noted = steps.filter_map(|(step, record)| {
            Some((step.id.clone(), words::notice(&tape.other_cgroups(step, record, here)?)))
        });
        noted.collect::<Vec<_>>()
    };

    assert_eq!(notes(own), []);
    let noted = notes(other);
    assert!(!noted.is_empty() && noted.len() < lesson.steps.len(), "{noted:?}");
    assert!(noted.iter().all(|(_, said)| said.contains("v1") && said.contains("v2")), "{noted:?}");
}

#[test]
fn progress_lists_lessons_from_files_whatever_their_names_hold() {
    let place = tempfile::tempdir().expect("a directory");
    let dir = place.path().join("unboxed");
    std::fs::create_dir(&dir).expect("made");
    let names = ["mine", "漢字漢字漢字漢字漢字漢字漢字漢字", "a,\"b\"\u{1b}[2J\n"];
    let lessons: serde_json::Map<String, serde_json::Value> = names
        .iter()
        .map(|name| (format!("own:{name}"), serde_json::json!({ "played": 3 })))
        .collect();
    let text = serde_json::json!({ "format": 2, "lessons": lessons }).to_string();
    std::fs::write(dir.join("progress.json"), text).expect("written");

    let said = |format: &str| {
        let mut command = common::unboxed();
        command.args(["progress", "--format", format]).env("XDG_STATE_HOME", place.path());
        let output = command.output().expect("it starts");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };

    let text = said("text");
    let rows: Vec<&str> = text.lines().collect();
    assert!(rows.iter().any(|row| row.starts_with("   mine (from a file)")), "{text}");
    let width = |row: &str| unicode_width::UnicodeWidthStr::width(row);
    assert!(rows.iter().all(|row| width(row) == width(rows[0])), "{text}");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");

    let csv = said("csv");
    assert!(csv.contains("\n,mine (from a file),,"), "{csv}");
    assert!(csv.contains("\n,\"a,\"\"b\"\"\\x1b[2J\\x0a (from a file)\",,"), "{csv}");
}
