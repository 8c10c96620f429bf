//! Scripts of what is copied: the step's commands, a row, a pane; and of what a learner has typed in a turn.

#![cfg(test)]

use super::*;
use crate::app::HandLine;
use crate::call::{Call, CallKind, CallResult};
use crate::own_call::OwnCall;
use crate::view::ViewKind;

/// The text that a key copies, if it does.
fn copied(model: &mut Model, name: &str) -> Option<String> {
    model.notice = None;
    match &update(model, key(name))[..] {
        [Effect::CopyText(text)] => Some(text.clone()),
        [] => None,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn the_commands_of_the_step_are_copied_and_with_a_row_selected_that_row() {
    let mut model = after(2);
    assert_eq!(copied(&mut model, "y").as_deref(), Some("mkdir -p /two /three"));
    let script = copied(&mut model, "Y").expect("a script");
    assert!(script.ends_with("# 2. Two goals\n# in host:\nmkdir -p /two /three\n"), "{script}");

    press(&mut model, &["2", "j"]);
    let row = copied(&mut model, "y").expect("a row");
    let rows = view(&model).panes.rows(ViewKind::Processes);
    let rows: Vec<String> = rows.map(|row| row.text.trim().to_owned()).collect();
    assert!(rows.contains(&row), "{row}: {rows:?}");
    press(&mut model, &["Esc"]);
    assert_eq!(copied(&mut model, "y").as_deref(), Some("mkdir -p /two /three"));

    // Alone on the screen, the pane is what is copied.
    press(&mut model, &["z"]);
    let pane = copied(&mut model, "Y").expect("a pane");
    assert!(rows.iter().all(|row| pane.contains(row)), "{pane}");
}

#[test]
fn nothing_is_copied_that_the_learner_is_to_find() {
    let mut model = before(1);
    assert!(copied(&mut model, "y").is_some());
    let _ = update(&mut model, turn(1, TurnGoal::Step, &[false, false]));
    for name in ["y", "Y"] {
        assert_eq!(copied(&mut model, name), None, "{name}");
        assert!(matches!(model.notice, Some(Notice::CommandKeptBack { .. })), "{name}");
    }
    // The third hint tells it.
    press(&mut model, &["H", "H"]);
    assert_eq!(copied(&mut model, "y"), None);
    press(&mut model, &["H"]);
    assert!(copied(&mut model, "y").is_some());

    // Before something is broken, and before the step of who types.
    assert_eq!(copied(&mut before(2), "y"), None);
    let mut model = before(1);
    let Screen::Lesson(view) = &mut model.screen else { unreachable!("a lesson is open") };
    view.learning.way = LearningWay::Typed;
    assert_eq!(copied(&mut model, "Y"), None);
}

fn live(actors: &[&str]) -> Msg {
    Msg::Engine(Event::LiveSnapshot(Arc::new(snapshot(actors))))
}

fn printed(text: &str) -> Msg {
    Msg::ShellPrinted { tab: 1, bytes: text.as_bytes().to_vec() }
}

#[test]
fn the_lines_that_were_typed_and_what_each_changed_are_kept_of_a_step_done_by_hand() {
    let mut model = before(1);
    for message in [
        turn_began(1, TurnGoal::Step, &[false, false], &["host"]),
        key("s"),
        shell(1, "host"),
        printed("host:~# "),
        key("l"),
        key("Enter"),
        // A correction, and output that only looks like a prompt.
        printed("lx\u{8} \u{8}s\r\nhost:~# looks like it\r\n"),
        live(&["host", "box"]),
        key("m"),
        key("Enter"),
        printed("host:~# mkdir /three\r\n"),
        // A program that only comes and goes is no change.
        live(&["host", "box", "inner"]),
        live(&["host", "box"]),
        no_turn(),
        typed(1),
    ] {
        let _ = update(&mut model, message);
    }
    let told = |line: &HandLine| {
        let typed = line.typed.as_ref().map_or("", |typed| &typed.command).to_owned();
        (typed, line.changes.iter().filter(|it| it.view == ViewKind::Processes).count())
    };
    let lines: Vec<(String, usize)> =
        view(&model).learning.by_hand.of_step(1).iter().map(told).collect();
    assert_eq!(lines, [("ls".to_owned(), 1), ("mkdir /three".to_owned(), 0)]);
}

/// A call of a process in the group of this number; `bash` is the shell itself.
fn own_call(job: u32, program: &str, name: &str) -> Arc<OwnCall> {
    let call = Call {
        kind: CallKind::Syscall,
        name: name.into(),
        args: String::new(),
        result: CallResult::Value(0),
        nanos: 0,
    };
    let command = vec![program.to_owned()];
    Arc::new(OwnCall { shell: 1, job, pid: job, parent: 1, command, call })
}

fn own_calls(turn: u64, calls: &[Arc<OwnCall>]) -> Msg {
    let calls = OwnCalls { calls: calls.to_vec(), turn, ..OwnCalls::default() };
    Msg::Engine(Event::OwnCalls(Arc::new(calls)))
}

#[test]
fn a_call_stands_below_the_line_that_made_it_also_where_the_line_is_in_the_background() {
    let mut model = before(1);
    let late = own_call(5, "mount", "of the turn before");
    let (first, second) = (own_call(7, "unshare", "unshare"), own_call(8, "mount", "mount"));
    let background = own_call(7, "sleep", "setns");
    let by_shell = own_call(2, "bash", "kill");
    for message in [
        turn_began(1, TurnGoal::Step, &[false, false], &["host"]),
        key("s"),
        shell(1, "host"),
        own_calls(3, &[late]),
        printed("host:~# "),
        key("l"),
        key("Enter"),
        printed("unshare x &\r\nhost:~# "),
        own_calls(4, &[Arc::clone(&first)]),
        key("m"),
        key("Enter"),
        printed("mount y\r\nhost:~# "),
        own_calls(4, &[first, second, background, by_shell]),
        no_turn(),
        typed(1),
    ] {
        let _ = update(&mut model, message);
    }
    let told = |line: &HandLine| {
        let typed = line.typed.as_ref().map_or("", |typed| &typed.command).to_owned();
        (typed, line.calls.iter().map(|own| own.call.name.clone()).collect::<Vec<_>>().join(" "))
    };
    let lines: Vec<(String, String)> =
        view(&model).learning.by_hand.of_step(1).iter().map(told).collect();
    let expected = [("unshare x &", "unshare setns"), ("mount y", "mount kill")];
    assert_eq!(lines, expected.map(|(line, calls)| (line.to_owned(), calls.to_owned())));
}
