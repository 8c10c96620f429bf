//! Scripts of steps that run, fail, are rewound, and of the lesson's end.

#![cfg(test)]

use super::*;
use crate::diagnosis::{Blocker, Cure};
use crate::engine::Request;
use crate::notice::Refusal;
use crate::proof::Proof;
use crate::report::{StepRecord, StepStatus};

#[test]
fn a_step_runs_is_told_of_and_the_next_one_waits() {
    check(
        &mut opened(),
        [
            (ready(0), "", "NextStep 1"),
            (key("Enter"), "ask PlayNext", "Playing 1"),
            (playing(0), "", "Playing 1"),
            (played(0), "remember plain Watched hints 0", "Playing 1"),
            (ready(1), "remember 1 played", "LastStep 1"),
            (key("Enter"), "", "NextStep 2"),
            (key("Enter"), "ask PlayNext", "Playing 2"),
        ],
    );
}

#[test]
fn nothing_is_run_while_a_lab_is_made_or_a_step_runs() {
    check(
        &mut opened(),
        [
            (key("Enter"), "", "Building 1"),
            (key("x"), "", "Building 1, notice"),
            (key("w"), "", "Building 1, notice"),
            (key("T"), "", "Building 1, notice"),
            (key("u"), "", "Building 1"),
            (key("j"), "", "Building 1"),
            (ready(0), "", "NextStep 1"),
            (key("Enter"), "ask PlayNext", "Playing 1"),
            (key("Enter"), "", "Playing 1"),
            (key("T"), "", "Playing 1, notice"),
            (key("x"), "", "Playing 1, notice"),
        ],
    );
}

#[test]
fn a_failed_lab_is_made_anew() {
    check(
        &mut before(1),
        [
            (key("Enter"), "ask PlayNext", "Playing 2"),
            (playing(1), "", "Playing 2"),
            (failed("the keeper is gone"), "", "Failed: the keeper is gone 2"),
            (key("Enter"), "", "Failed: the keeper is gone 2"),
            (key("R"), "", "Failed: the keeper is gone 2, confirm RewindTo { steps: 0 }"),
            (key("y"), "ask RewindTo { steps: 0 }", "Building 2"),
            (ready(0), "", "NextStep 1"),
        ],
    );
}

#[test]
fn a_failed_lab_offers_the_lessons_tape_where_there_is_one() {
    let with = |row: CatalogueRow| {
        let mut model = Model::new(vec![row], SIZE);
        let opened = Msg::LessonOpened { lesson: lesson(), left_off: 0, tape: None };
        let _ = update(&mut model, opened);
        model
    };
    let has_tape = CatalogueRow { has_tape: true, ..catalogue_row() };
    let taped = Effect::OpenLesson { id: "sample".into(), from: crate::app::PlaySource::Tape };
    let opens = format!("{taped:?}");

    check(
        &mut with(has_tape.clone()),
        [
            (key("P"), "", "Building 1"),
            (failed("no lab"), "", "Failed: no lab 1"),
            (key("P"), &opens, "Failed: no lab 1"),
            (
                Msg::LessonOpened { lesson: lesson(), left_off: 0, tape: Some(tape_origin()) },
                "",
                "Building 1",
            ),
            // A tape has no other tape.
            (failed("no tape"), "", "Failed: no tape 1"),
            (key("P"), "", "Failed: no tape 1"),
        ],
    );

    // The tape of another lesson with this id is not this one's.
    for row in [catalogue_row(), CatalogueRow { title: "Another".into(), ..has_tape }] {
        let script =
            [(failed("no lab"), "", "Failed: no lab 1"), (key("P"), "", "Failed: no lab 1")];
        check(&mut with(row), script);
    }
}

#[test]
fn a_tape_says_in_which_steps_control_groups_are_of_another_version() {
    let mut model = Model::new(Vec::new(), SIZE);
    let origin = tape_origin();
    let other = origin.other_cgroups.clone();
    let mut lesson = (*lesson()).clone();
    lesson.steps[1].needs.cgroup_version = Some(1);
    let opened = Msg::LessonOpened { lesson: Arc::new(lesson), left_off: 0, tape: Some(origin) };
    let _ = update(&mut model, opened);

    for (message, is_said) in [
        (ready(0), false),
        (key("Enter"), false),
        (played(0), false),
        (ready(1), false),
        (key("Enter"), true),
        (key("h"), false),
    ] {
        let _ = update(&mut model, message);
        let said = view(&model).note_on_tape();
        assert_eq!(said, other.as_ref().filter(|_| is_said), "{:?}", view(&model).scene());
    }
}

#[test]
fn a_step_whose_expectations_fail_is_told_of_all_the_same() {
    let mut model = before(0);
    let played = Msg::Engine(Event::Played(record(0, false)));
    check(
        &mut model,
        [
            (key("Enter"), "ask PlayNext", "Playing 1"),
            (played, "remember plain Watched hints 0", "Playing 1"),
            (ready(1), "remember 1 played", "LastStep 1"),
        ],
    );
    assert_eq!(view(&model).step_mark(0).sign(), '!');
}

#[test]
fn a_request_that_is_refused_leaves_all_as_it_was() {
    let refused = Msg::Engine(Event::RequestRefused { why: Refusal::WhatIfNotRecorded });
    check(
        &mut before(1),
        [(key("Enter"), "ask PlayNext", "Playing 2"), (refused, "", "NextStep 2, notice")],
    );
}

#[test]
fn a_rewind_asks_first_and_begins_before_the_step() {
    let mut model = after(2);
    check(
        &mut model,
        [
            (key("u"), "", "LastStep 2, confirm RewindTo { steps: 1 }"),
            (key("n"), "", "LastStep 2"),
            (key("u"), "", "LastStep 2, confirm RewindTo { steps: 1 }"),
            (key("Enter"), "", "LastStep 2"),
            (key("u"), "", "LastStep 2, confirm RewindTo { steps: 1 }"),
            (key("ctrl-c"), "", "LastStep 2"),
            (key("u"), "", "LastStep 2, confirm RewindTo { steps: 1 }"),
            (key("y"), "ask RewindTo { steps: 1 }", "Building 2"),
            (ready(1), "remember 1 played", "NextStep 2"),
        ],
    );
    assert!(view(&model).record(1).is_some(), "it can be looked at when it comes up again");
}

#[test]
fn a_lesson_is_taken_up_where_it_was_left() {
    let mut model = Model::new(Vec::new(), SIZE);
    let opened = Msg::LessonOpened { lesson: lesson(), left_off: 2, tape: None };
    check(
        &mut model,
        [
            (opened, "", "Building 1, confirm RewindTo { steps: 2 }"),
            (ready(0), "", "NextStep 1, confirm RewindTo { steps: 2 }"),
            (key("Enter"), "ask RewindTo { steps: 2 }", "Building 1"),
            (ready(2), "remember 2 played", "NextRepair 3"),
        ],
    );
}

#[test]
fn the_end_shows_how_the_machine_compares() {
    let ended = Msg::Engine(Event::SessionEnded(Proof { rows: Vec::new() }));

    check(
        &mut after(4),
        [
            (key("h"), "", "LookingBack 4, not live"),
            (key("Enter"), "", "LookingBack 4, not live, notice"),
            (key("Esc"), "", "Finished 4"),
            (key("Enter"), "ask Quit", "ended after 4, not compared yet"),
            (key("Enter"), "", "ended after 4, not compared yet"),
            (ended, "", "ended after 4, compared"),
            (key("Enter"), "", "catalogue"),
        ],
    );
}

#[test]
fn leaving_a_lesson_asks_first() {
    check(
        &mut after(1),
        [
            (key("q"), "", "LastStep 1, confirm Quit"),
            (key("Esc"), "", "LastStep 1"),
            (key("q"), "", "LastStep 1, confirm Quit"),
            (key("Enter"), "", "LastStep 1"),
            (key("ctrl-c"), "", "LastStep 1, confirm Quit"),
            (key("ctrl-c"), "ask Quit", "ended after 1, not compared yet"),
            (key("q"), "Quit", "ended after 1, not compared yet"),
        ],
    );

    check(
        &mut after(1),
        [
            (key("q"), "", "LastStep 1, confirm Quit"),
            (key("q"), "ask Quit", "ended after 1, not compared yet"),
        ],
    );

    let mut model = after(1);
    check(&mut model, [(Msg::Terminate, "Quit", "LastStep 1")]);
    assert!(model.is_over);
}

#[test]
fn an_engine_that_ends_by_itself_ends_the_lesson() {
    let ended = Msg::Engine(Event::SessionEnded(Proof { rows: Vec::new() }));
    check(
        &mut after(1),
        [
            (failed("the lab has ended"), "", "Failed: the lab has ended 1"),
            (ended, "", "ended after 1, compared"),
            (ready(1), "", "ended after 1, compared"),
        ],
    );
}

#[test]
fn a_tape_goes_on_past_a_step_that_is_for_mending_and_is_remembered_as_one() {
    let mut model = Model::new(Vec::new(), SIZE);
    let opened = Msg::LessonOpened { lesson: lesson(), left_off: 0, tape: Some(tape_origin()) };

    check(
        &mut model,
        [
            (opened, "", "Building 1"),
            (ready(2), "", "NextStep 3"),
            (key("T"), "", "NextStep 3, notice"),
            (key("Enter"), "ask PlayNext", "Playing 3"),
            (played(2), "remember mend OnTape hints 0", "Playing 3"),
            (ready(3), "", "LastStep 3"),
        ],
    );
}

#[test]
fn a_lesson_is_played_once_each_step_that_is_possible_was() {
    let is_whole = |model: &Model| crate::app::ended::ended_lesson(view(model), &[]).is_whole;
    let with_last = |status: StepStatus| {
        let mut model = after(3);
        let record = StepRecord { status, ..(*record(3, true)).clone() };
        let _ = update(&mut model, Msg::Engine(Event::Played(Arc::new(record))));
        model
    };

    assert!(is_whole(&after(4)));
    assert!(!is_whole(&after(3)), "one is yet to come");
    let skipped = StepStatus::Skipped { why: Blocker::NoDisk, cure: Cure::MountDisk };
    assert!(is_whole(&with_last(skipped)), "who can't is not behind");
    assert!(!is_whole(&with_last(StepStatus::LeftOut)));

    let mut jumped = Model::new(Vec::new(), SIZE);
    let opened = Msg::LessonOpened { lesson: lesson(), left_off: 0, tape: None };
    for message in [opened, ready(3), played(3), ready(4)] {
        let _ = update(&mut jumped, message);
    }
    assert!(!is_whole(&jumped), "three were jumped over");
    let steps = crate::app::ended::ended_lesson(view(&jumped), &[]).steps;
    assert_eq!((steps.total, steps.played, steps.replayed), (4, 1, 3));
}

#[test]
fn a_step_begins_again_in_a_new_lab_whatever_became_of_it() {
    let asked = "confirm RewindTo { steps: 1 }";
    let mut turn_on = before(1);
    let _ = update(&mut turn_on, turn(1, TurnGoal::Step, &[true, false]));
    check(
        &mut turn_on,
        [
            (key("r"), "", &format!("YourTurn 2, {asked}")),
            // No key that is pressed without reading loses anything.
            (key("Enter"), "", "YourTurn 2"),
            (key("r"), "", &format!("YourTurn 2, {asked}")),
            (key("y"), "ask RewindTo { steps: 1 }", "Building 2"),
            (ready(1), "remember 1 played; ask BeginTurn(Step)", "NextStep 2"),
        ],
    );

    // Done by hand, it is begun as a turn again; watched, it is not.
    for (done, begun) in [(typed as fn(usize) -> Msg, "; ask BeginTurn(Step)"), (played, "")] {
        let mut model = before(1);
        let _ = update(&mut model, done(1));
        let _ = update(&mut model, ready(2));
        check(
            &mut model,
            [
                (key("r"), "", &format!("LastStep 2, {asked}")),
                (key("y"), "ask RewindTo { steps: 1 }", "Building 2"),
                (ready(1), &format!("remember 1 played{begun}"), "NextStep 2"),
            ],
        );
    }

    let mut model = before(1);
    check(
        &mut model,
        [
            (failed("the lab is gone"), "", "Failed: the lab is gone 2"),
            (key("r"), "", &format!("Failed: the lab is gone 2, {asked}")),
            (key("y"), "ask RewindTo { steps: 1 }", "Building 2"),
            (key("r"), "", "Building 2"),
        ],
    );
}

#[test]
fn a_lesson_that_begins_with_a_later_chapter_plays_what_comes_before_unasked() {
    let mut model = Model::new(Vec::new(), SIZE);
    let opened = Msg::LessonOpened { lesson: lesson(), left_off: 1, tape: None };
    let _ = update(&mut model, opened);
    let effects = update(&mut model, Msg::StartAt { steps: 2 });
    assert_eq!(effects, [Effect::SendToEngine(Request::RewindTo { steps: 2 })]);
    assert!(matches!(model.overlay, ScreenOverlay::None), "nothing is asked");

    let mut model = Model::new(Vec::new(), SIZE);
    let opened = Msg::LessonOpened { lesson: lesson(), left_off: 0, tape: None };
    let _ = update(&mut model, opened);
    assert_eq!(update(&mut model, Msg::StartAt { steps: 0 }), []);
}
