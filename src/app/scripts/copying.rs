//! Scripts of what is copied: the step's commands, a row, a pane; and of what a learner has typed in a turn.

#![cfg(test)]

use super::*;
use crate::app::HandLine;
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
