//! Scripts of the two ways to learn: chosen at the first start, changed by a key, and what begins in each.

#![cfg(test)]

use super::*;
use crate::app::shells::{ShellRoom, terminal_size};
use crate::app::{AfterWelcome, PlaySource, ProgramList, ProgramStart, begin};
use crate::engine::Request;

fn at_first_start(first: AfterWelcome) -> Model {
    let mut model = Model::new(Vec::new(), SIZE);
    assert_eq!(begin(&mut model, first, ProgramStart::First), []);
    model
}

/// The lesson opens for somebody who types, its lab with `host` alone.
fn opened_by_who_types() -> Model {
    let mut model = Model::new(Vec::new(), SIZE);
    model.way = LearningWay::Typed;
    let _ = update(&mut model, Msg::LessonOpened { lesson: lesson(), left_off: 0, tape: None });
    let _ = update(&mut model, ready(0));
    model
}

fn shell_asked(tab: u32) -> String {
    let size = terminal_size(SIZE, ShellRoom::BelowPanes);
    format!("ask {:?}", Request::OpenShell { tab, actor: ActorName::host(), size })
}

#[test]
fn the_first_start_asks_how_to_learn_and_then_goes_where_it_was_to_go() {
    let lesson = AfterWelcome::Lesson { id: "sample".into(), from: PlaySource::Lab };
    let mut model = at_first_start(lesson.clone());
    check(
        &mut model,
        [
            (key("x"), "", "catalogue, welcome Shown"),
            (key("j"), "", "catalogue, welcome Typed"),
            (key("Up"), "", "catalogue, welcome Shown"),
            (key("Tab"), "", "catalogue, welcome Typed"),
            (key("Enter"), "KeepWay(Typed); OpenLesson { id: \"sample\", from: Lab }", "catalogue"),
        ],
    );
    assert_eq!(model.way, LearningWay::Typed);

    // Later: nothing is kept, so that the next start asks again.
    check(
        &mut at_first_start(lesson),
        [(key("Esc"), "OpenLesson { id: \"sample\", from: Lab }", "catalogue")],
    );
    let programs = ProgramList { lesson: "sample".into(), lines: Vec::new(), scroll: 0 };
    check(
        &mut at_first_start(AfterWelcome::Programs(programs)),
        [(key("Enter"), "KeepWay(Shown)", "catalogue, programs")],
    );
    check(
        &mut at_first_start(AfterWelcome::Catalogue),
        [(key("q"), "Quit", "catalogue, welcome Shown")],
    );
    let mut model = Model::new(Vec::new(), SIZE);
    assert_eq!(begin(&mut model, AfterWelcome::Catalogue, ProgramStart::Later), []);
    assert_eq!(screen_text(&model), "catalogue");
}

#[test]
fn who_types_begins_each_step_with_a_turn_and_a_shell_that_takes_no_keys() {
    check(
        &mut opened_by_who_types(),
        [
            // The lesson's beginning is read first.
            (key("Enter"), "ask BeginTurn(Step)", "NextStep 1"),
            (
                turn_began(0, TurnGoal::Step, &[false], &["host", "box"]),
                &shell_asked(1),
                "YourTurn 1",
            ),
            (shell(1, "host"), "", "YourTurn 1, shell below"),
            (key("H"), "", "YourTurn 1, shell below"),
            (turn(0, TurnGoal::Step, &[true]), "", "YourTurn 1, shell below"),
            (key("Enter"), "ask FinishTurn", "YourTurn 1, shell below"),
            (no_turn(), "", "NextStep 1, shell below"),
            (typed(0), "remember plain WithHints hints 3", "Playing 1, shell below"),
            (ready(1), "remember 1 played", "LastStep 1, shell below"),
            (key("Enter"), "ask BeginTurn(Step)", "NextStep 2, shell below"),
            (
                turn_began(1, TurnGoal::Step, &[false, false], &["host", "box"]),
                "",
                "YourTurn 2, shell below",
            ),
        ],
    );
}

#[test]
fn who_types_watches_one_step_by_ending_its_turn_and_types_the_next() {
    let mut model = opened_by_who_types();
    press(&mut model, &["Enter"]);
    let _ = update(&mut model, turn(0, TurnGoal::Step, &[false]));
    assert!(!view(&model).is_at_beginning());
    check(
        &mut model,
        [
            (key("T"), "ask DropTurn", "YourTurn 1"),
            (no_turn(), "", "NextStep 1"),
            (ready(0), "", "NextStep 1"),
        ],
    );
    assert!(!view(&model).keeps_command_back());
    check(
        &mut model,
        [
            (key("Enter"), "ask PlayNext", "Playing 1"),
            (played(0), "remember plain Watched hints 0", "Playing 1"),
            (ready(1), "remember 1 played", "LastStep 1"),
            (key("Enter"), "ask BeginTurn(Step)", "NextStep 2"),
        ],
    );
    assert!(view(&model).keeps_command_back());
}

#[test]
fn the_way_is_changed_by_a_key_and_counts_from_the_next_step_on() {
    let mut model = before(1);
    check(
        &mut model,
        [
            (key("W"), "", "NextStep 2, welcome Shown"),
            (key("Esc"), "", "NextStep 2"),
            (key("W"), "", "NextStep 2, welcome Shown"),
            (key("j"), "", "NextStep 2, welcome Typed"),
            (key("Enter"), "KeepWay(Typed); ask BeginTurn(Step)", "NextStep 2"),
            (turn(1, TurnGoal::Step, &[false, false]), "", "YourTurn 2"),
            // The turn that is on stays.
            (key("W"), "", "YourTurn 2, welcome Typed"),
            (key("k"), "", "YourTurn 2, welcome Shown"),
            (key("Enter"), "KeepWay(Shown)", "YourTurn 2"),
            (key("W"), "", "YourTurn 2, welcome Shown"),
            (key("q"), "", "YourTurn 2"),
        ],
    );
}

#[test]
fn the_beginning_of_a_lesson_goes_with_the_first_step_or_a_look_at_the_panes() {
    let begun = |keys: &[&str]| {
        let mut model = opened();
        assert!(view(&model).is_at_beginning(), "while the lab is being made");
        let _ = update(&mut model, ready(0));
        press(&mut model, keys);
        view(&model).is_at_beginning()
    };
    assert!(begun(&[]));
    assert!(begun(&["Space", "o", "?", "Esc", "t", "Esc", "W", "Esc"]));
    for key in ["Tab", "m", "1", "Enter", "T", "d", "j"] {
        assert!(!begun(&[key]), "{key}");
    }

    let mut model = Model::new(Vec::new(), SIZE);
    let _ = update(&mut model, Msg::LessonOpened { lesson: lesson(), left_off: 2, tape: None });
    assert!(!view(&model).is_at_beginning());
}
