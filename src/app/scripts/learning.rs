//! Scripts of the learner's turn: begun, judged, helped, done or given up.

#![cfg(test)]

use super::*;
use crate::lesson::detour::{Detour, DetourFinding};

const STEP: TurnGoal = TurnGoal::Step;

/// The second step, in the learner's turn; of its two goals these hold.
fn in_turn(holds: &[bool]) -> Model {
    let mut model = before(1);
    let _ = update(&mut model, turn(1, STEP, holds));
    model
}

#[test]
fn a_turn_goes_on_once_all_of_it_holds() {
    check(
        &mut after(1),
        [
            // From the step that ran last: the turn is the next one's.
            (key("T"), "ask BeginTurn(Step)", "NextStep 2"),
            (turn(1, STEP, &[false, false]), "", "YourTurn 2"),
            (turn(1, STEP, &[true, false]), "", "YourTurn 2"),
            (key("Enter"), "", "YourTurn 2, confirm PlayInstead"),
            (key("n"), "", "YourTurn 2"),
            (turn(1, STEP, &[true, true]), "", "YourTurn 2"),
            (key("Enter"), "ask FinishTurn", "YourTurn 2"),
            (no_turn(), "", "NextStep 2"),
            (typed(1), "remember goals ByOneself hints 0", "Playing 2"),
            (ready(2), "remember 2 played", "LastStep 2"),
        ],
    );
}

#[test]
fn a_turn_is_ended_by_the_key_that_began_it() {
    check(
        &mut in_turn(&[false, false]),
        [(key("T"), "ask DropTurn", "YourTurn 2"), (no_turn(), "", "NextStep 2")],
    );
}

#[test]
fn who_asks_to_be_shown_a_step_is_remembered_for_it() {
    check(
        &mut in_turn(&[false, false]),
        [
            (key("Enter"), "", "YourTurn 2, confirm PlayInstead"),
            (key("y"), "ask PlayInstead", "Building 2"),
            (no_turn(), "", "Building 2"),
            (playing(1), "", "Playing 2"),
            (played(1), "remember goals Shown hints 0", "Playing 2"),
            (ready(2), "remember 2 played", "LastStep 2"),
        ],
    );
}

#[test]
fn a_hint_comes_stage_by_stage_and_is_remembered() {
    let mut model = in_turn(&[true, false]);
    let stage = |model: &Model| {
        let view = view(model);
        let step = view.step().expect("a step");
        view.learning.shown_hint(step).map(|shown| (shown.hint.is_some(), shown.stage))
    };
    assert_eq!(stage(&model), None);
    for expected in [1, 2, 3, 3] {
        check(&mut model, [(key("H"), "", "YourTurn 2")]);
        assert_eq!(stage(&model), Some((true, expected)));
    }

    // Another goal has hints of its own to take.
    check(&mut model, [(turn(1, STEP, &[false, true]), "", "YourTurn 2")]);
    assert_eq!(stage(&model), None);
    check(
        &mut model,
        [
            (turn(1, STEP, &[true, true]), "", "YourTurn 2"),
            (key("H"), "", "YourTurn 2, notice"),
            (key("Enter"), "ask FinishTurn", "YourTurn 2"),
            (typed(1), "remember goals WithHints hints 3", "Playing 2"),
        ],
    );
}

#[test]
fn hints_are_for_turns() {
    check(&mut before(1), [(key("H"), "", "NextStep 2, notice")]);
}

#[test]
fn a_step_that_breaks_something_is_always_the_learners() {
    check(
        &mut before(2),
        [
            (key("Enter"), "ask BeginTurn(Step)", "NextRepair 3"),
            (turn(2, STEP, &[false]), "", "YourTurn 3"),
            (key("Enter"), "", "YourTurn 3, confirm PlayInstead"),
        ],
    );
}

#[test]
fn a_step_without_goals_can_only_be_run() {
    check(
        &mut before(3),
        [(key("T"), "", "NextStep 4, notice"), (key("Enter"), "ask PlayNext", "Playing 4")],
    );
}

#[test]
fn who_wants_every_step_gets_the_next_one_at_once() {
    let mut model = Model::new(Vec::new(), SIZE);
    model.your_turn = true;
    let opened = Msg::LessonOpened { lesson: lesson(), left_off: 0, tape: None };

    check(
        &mut model,
        [
            (opened, "", "Building 1"),
            (ready(0), "ask BeginTurn(Step)", "NextStep 1"),
            (turn(0, STEP, &[true]), "", "YourTurn 1"),
            (key("Enter"), "ask FinishTurn", "YourTurn 1"),
            (typed(0), "remember plain ByOneself hints 0", "Playing 1"),
            (ready(1), "remember 1 played", "LastStep 1"),
            (key("Enter"), "ask BeginTurn(Step)", "NextStep 2"),
            (turn(1, STEP, &[false, false]), "", "YourTurn 2"),
            // Enough: from here on steps are run.
            (key("T"), "ask DropTurn", "YourTurn 2"),
            (no_turn(), "", "NextStep 2"),
            (key("Enter"), "ask PlayNext", "Playing 2"),
        ],
    );
}

#[test]
fn a_turn_in_which_something_was_reached_is_not_ended_by_one_key() {
    check(
        &mut in_turn(&[true, false]),
        [
            (key("T"), "", "YourTurn 2, confirm DropTurn"),
            (key("Enter"), "", "YourTurn 2"),
            (key("T"), "", "YourTurn 2, confirm DropTurn"),
            (key("y"), "ask DropTurn", "YourTurn 2"),
            (no_turn(), "", "NextStep 2"),
        ],
    );
}

/// The place of the step whose goals are shown, and of the one that is told of.
fn told(model: &Model) -> (Option<usize>, usize) {
    let view = view(model);
    (view.learning.turn.as_ref().map(|turn| turn.step), view.story_step())
}

#[test]
fn a_rewind_in_a_turn_leads_to_the_turn_of_the_step_before() {
    for holds in [[false, false], [true, false], [true, true]] {
        let mut model = in_turn(&holds);
        check(
            &mut model,
            [
                (key("u"), "", "YourTurn 2, confirm RewindTo { steps: 0 }"),
                (key("y"), "ask RewindTo { steps: 0 }", "Building 2"),
                (key("Enter"), "", "Building 2"),
                // The lab before says a last word.
                (turn(1, STEP, &[true, true]), "", "Building 2"),
                (key("Enter"), "", "Building 2"),
                (ready(0), "ask BeginTurn(Step)", "NextStep 1"),
                (turn(0, STEP, &[false]), "", "YourTurn 1"),
            ],
        );
        assert_eq!(told(&model), (Some(0), 0));
        check(&mut model, [(turn(0, STEP, &[true]), "", "YourTurn 1")]);
        check(&mut model, [(key("Enter"), "ask FinishTurn", "YourTurn 1")]);
    }
}

#[test]
fn a_jump_and_a_new_start_lead_to_the_turn_of_the_step_they_lead_to() {
    let mut model = in_turn(&[true, false]);
    check(
        &mut model,
        [
            (key("R"), "", "YourTurn 2, confirm RewindTo { steps: 0 }"),
            (key("y"), "ask RewindTo { steps: 0 }", "Building 2"),
            (ready(0), "ask BeginTurn(Step)", "NextStep 1"),
            (turn(0, STEP, &[false]), "", "YourTurn 1"),
            (key("t"), "", "YourTurn 1, list of steps"),
            (key("Down"), "", "YourTurn 1, list of steps"),
            (key("Down"), "", "YourTurn 1, list of steps"),
            (key("Enter"), "", "YourTurn 1, confirm RewindTo { steps: 2 }"),
            (key("y"), "ask RewindTo { steps: 2 }", "Building 1"),
            (ready(2), "remember 2 played; ask BeginTurn(Step)", "NextRepair 3"),
            (turn(2, STEP, &[false]), "", "YourTurn 3"),
        ],
    );
    assert_eq!(told(&model), (Some(2), 2));

    // Into a step that only measures: there is nothing to type.
    let mut model = in_turn(&[true, false]);
    check(
        &mut model,
        [
            (key("t"), "", "YourTurn 2, list of steps"),
            (key("Down"), "", "YourTurn 2, list of steps"),
            (key("Down"), "", "YourTurn 2, list of steps"),
            (key("Enter"), "", "YourTurn 2, confirm RewindTo { steps: 3 }"),
            (key("y"), "ask RewindTo { steps: 3 }", "Building 2"),
            (ready(3), "remember 3 played", "NextStep 4"),
        ],
    );
}

#[test]
fn word_of_the_lab_before_is_no_word_of_the_next() {
    let mut model = in_turn(&[true, false]);
    let of_lab = |played, id: &str| {
        let Msg::Engine(Event::Ready(mut ready)) = ready(played) else { panic!("it is one") };
        ready.lab.id = id.into();
        Msg::Engine(Event::Ready(ready))
    };

    check(
        &mut model,
        [
            (key("u"), "", "YourTurn 2, confirm RewindTo { steps: 0 }"),
            (key("y"), "ask RewindTo { steps: 0 }", "Building 2"),
            // The step was just done when the rewind was asked for.
            (typed(1), "remember goals ByOneself hints 0", "Building 1"),
            (ready(2), "remember 2 played; ask BeginTurn(Step)", "NextRepair 3"),
            (turn(2, STEP, &[false]), "", "YourTurn 3"),
            (of_lab(0, "unboxed-1-2-4"), "ask BeginTurn(Step)", "NextStep 1"),
            (turn(0, STEP, &[false]), "", "YourTurn 1"),
        ],
    );
    assert_eq!(told(&model), (Some(0), 0));
}

#[test]
fn a_turn_waits_for_a_what_if_and_goes_on() {
    let mut model = before(0);
    let mut with_turn = before(0);
    for model in [&mut model, &mut with_turn] {
        let _ = update(model, turn(0, STEP, &[false]));
        let mut live = snapshot(&["host", "box"]);
        live.processes.push(process(300, Some("mine")));
        let _ = update(model, Msg::Engine(Event::LiveSnapshot(Arc::new(live))));
    }
    let changes = |model: &Model| view(model).panes.changes(crate::view::ViewKind::Processes);
    assert_eq!(changes(&model), 1, "what was typed is a change");

    check(
        &mut model,
        [
            (key("w"), "ask PlayBranch { step: 0, branch: 0 }", "YourTurn 1"),
            (turn(0, STEP, &[true]), "", "YourTurn 1"),
            (branched(0, 0), "", "Branch 1"),
            (key("Esc"), "ask LeaveBranch", "Branch 1"),
        ],
    );
    let mut live = snapshot(&["host", "box"]);
    live.processes.push(process(300, Some("mine")));
    let Msg::Engine(Event::Ready(mut back)) = ready(0) else { panic!("it is one") };
    back.live = Arc::new(live);
    check(
        &mut model,
        [
            (Msg::Engine(Event::Ready(back)), "", "YourTurn 1"),
            (turn(0, STEP, &[true]), "", "YourTurn 1"),
        ],
    );
    assert_eq!((told(&model), changes(&model)), ((Some(0), 0), 1));
    check(&mut model, [(key("Enter"), "ask FinishTurn", "YourTurn 1")]);

    // A new lab out of a what-if is one for the turn, too.
    check(
        &mut with_turn,
        [
            (key("w"), "ask PlayBranch { step: 0, branch: 0 }", "YourTurn 1"),
            (branched(0, 0), "", "Branch 1"),
            (key("R"), "", "Branch 1, confirm RewindTo { steps: 0 }"),
            (key("y"), "ask RewindTo { steps: 0 }", "Building 1"),
            (ready(0), "ask BeginTurn(Step)", "NextStep 1"),
        ],
    );
}

#[test]
fn a_repair_begins_with_the_broken_state_and_only_what_is_done_then_is_marked() {
    let live = |actors: &[&str]| Msg::Engine(Event::LiveSnapshot(Arc::new(snapshot(actors))));
    let shown = |model: &Model| {
        let panes = &view(model).panes;
        let view = crate::view::ViewKind::Processes;
        (panes.rows(view).any(|row| row.text.contains("box")), panes.changes(view))
    };

    // Whichever comes first: the queue may put the newest state behind the word of the turn.
    for is_state_first in [true, false] {
        let mut model = before(2);
        let mut told = vec![live(&["host"]), turn_began(2, STEP, &[false], &["host"])];
        if !is_state_first {
            told.reverse();
        }
        for msg in told {
            let _ = update(&mut model, msg);
        }
        assert_eq!(
            shown(&model),
            (false, 0),
            "what was broken is gone, and no mark is of the break"
        );

        let _ = update(&mut model, live(&["host", "box"]));
        assert_eq!(shown(&model), (true, 1), "the mend");
    }
}

#[test]
fn a_turn_whose_lab_ends_begins_again_in_the_next_one() {
    check(
        &mut in_turn(&[true, false]),
        [
            (failed("the lab is gone"), "", "YourTurn 2"),
            (no_turn(), "", "Failed: the lab is gone 2"),
            (key("R"), "", "Failed: the lab is gone 2, confirm RewindTo { steps: 0 }"),
            (key("y"), "ask RewindTo { steps: 0 }", "Building 2"),
            (ready(0), "ask BeginTurn(Step)", "NextStep 1"),
        ],
    );
}

#[test]
fn who_is_shown_a_step_or_ends_the_turn_is_in_no_turn_after_it() {
    let mut model = in_turn(&[false, false]);
    check(
        &mut model,
        [
            (key("Enter"), "", "YourTurn 2, confirm PlayInstead"),
            (key("y"), "ask PlayInstead", "Building 2"),
            (turn(1, STEP, &[true, true]), "", "Building 2"),
            (no_turn(), "", "Building 2"),
            (playing(1), "", "Playing 2"),
            (played(1), "remember goals Shown hints 0", "Playing 2"),
            (ready(2), "remember 2 played", "LastStep 2"),
        ],
    );
    assert_eq!(told(&model), (None, 1));

    check(
        &mut in_turn(&[true, true]),
        [
            (key("T"), "", "YourTurn 2, confirm DropTurn"),
            (key("y"), "ask DropTurn", "YourTurn 2"),
            (no_turn(), "", "NextStep 2"),
            (key("u"), "", "NextStep 2, confirm RewindTo { steps: 0 }"),
            (key("y"), "ask RewindTo { steps: 0 }", "Building 2"),
            (ready(0), "", "NextStep 1"),
        ],
    );
}

#[test]
fn a_step_that_is_left_out_begins_no_turn() {
    let mut model = before(1);
    let Screen::Lesson(view) = &mut model.screen else { panic!("a lesson") };
    view.learning.always = true;
    let out = "ask LeaveOut { step: 1, out: true }";
    check(
        &mut model,
        [
            (turn(1, STEP, &[false, false]), "", "YourTurn 2"),
            (key("x"), out, "YourTurn 2, notice"),
            (no_turn(), "", "NextStep 2, notice"),
            (ready_without(1, &[1]), "remember 1 played", "NextStep 2, notice"),
            (key("x"), "ask LeaveOut { step: 1, out: false }", "NextStep 2, notice"),
            (ready(1), "remember 1 played; ask BeginTurn(Step)", "NextStep 2, notice"),
        ],
    );
}

#[test]
fn who_looks_back_in_a_turn_is_in_it_still() {
    check(
        &mut in_turn(&[true, true]),
        [
            (key("h"), "", "YourTurn 1, not live"),
            (key("Esc"), "", "YourTurn 2"),
            (key("Enter"), "ask FinishTurn", "YourTurn 2"),
        ],
    );
}

/// A container that has ended, which matters to the step in this place.
fn detour(step: usize) -> Msg {
    let finding = DetourFinding::ActorEnded("box".into());
    Msg::Engine(Event::DetourChanged(Some(Detour { finding, step })))
}

fn no_detour() -> Msg {
    Msg::Engine(Event::DetourChanged(None))
}

/// The line that is said of a detour, with the key that leads out of it.
fn said(model: &Model) -> Option<String> {
    let view = view(model);
    let found = view.detour()?;
    Some(crate::words::detour::detour(found, view.way_out().as_ref()))
}

#[test]
fn a_detour_is_said_with_the_key_that_mends_it_until_it_is_undone_or_the_lab_goes() {
    let mut model = in_turn(&[false, false]);
    let _ = update(&mut model, detour(1));
    let begins = "Box has ended, and step 2 needs it. Make it again in a shell, or ";
    let check_said = |model: &Model, way_out: &str| {
        assert_eq!(said(model).as_deref(), Some(format!("{begins}{way_out}.").as_str()));
    };
    check_said(&model, "Enter: shows this step in a new lab");

    // Once all of the step is there, it is not shown any more.
    let _ = update(&mut model, turn(1, STEP, &[true, true]));
    check_said(&model, "u: one step back, in a new lab");

    let _ = update(&mut model, no_turn());
    check_said(&model, "u: one step back, in a new lab");
    let _ = update(&mut model, no_detour());
    assert_eq!(said(&model), None);

    // It goes with its lab, and a late word of it says nothing of the next one.
    let _ = update(&mut model, detour(1));
    check(
        &mut model,
        [
            (key("u"), "", "NextStep 2, confirm RewindTo { steps: 0 }"),
            (key("y"), "ask RewindTo { steps: 0 }", "Building 2"),
            (detour(1), "", "Building 2"),
            (ready(0), "", "NextStep 1"),
        ],
    );
    assert_eq!(said(&model), None);
}

#[test]
fn before_the_first_step_a_detour_is_left_by_starting_again() {
    let mut model = before(0);
    let _ = update(&mut model, detour(1));
    let line = said(&model).expect("a line");
    assert!(line.ends_with("R: from the start, in a new lab."), "{line}");
}

#[test]
fn a_detour_comes_into_sight_above_a_story_that_was_read_on() {
    let mut model = before(1);
    check(&mut model, [(key("Space"), "", "NextStep 2")]);
    assert!(view(&model).story.scroll > 0);
    let _ = update(&mut model, detour(1));
    assert_eq!(view(&model).story.scroll, 0);
}
