//! Scripts of what-ifs and of steps that are left out.

#![cfg(test)]

use super::*;
use crate::view::ViewKind;

#[test]
fn a_what_if_has_the_screen_until_it_is_left() {
    let mut model = after(1);
    check(
        &mut model,
        [
            (key("w"), "ask PlayBranch { step: 0, branch: 0 }", "Building 1"),
            (branched(0, 0), "", "Branch 1"),
            (key("u"), "", "Branch 1, confirm RewindTo { steps: 0 }"),
            (key("Esc"), "", "Branch 1"),
            (key("w"), "", "Branch 1, notice"),
            (key("x"), "", "Branch 1, notice"),
            (key("p"), "", "Branch 1, notice"),
        ],
    );
    assert_eq!(view(&model).branch().map(|branch| branch.id.as_str()), Some("other"));
    assert_eq!(view(&model).panes.focus, ViewKind::Mounts, "what the what-if watches");

    check(
        &mut model,
        [
            (key("Enter"), "ask LeaveBranch", "Branch 1"),
            (ready(1), "remember 1 played", "LastStep 1"),
        ],
    );
    assert_eq!(view(&model).panes.focus, ViewKind::Files, "what the step watches");
}

#[test]
fn a_what_if_of_a_step_that_is_looked_back_at_leads_back_to_the_live_lab() {
    check(
        &mut before(2),
        [
            (key("h"), "", "LookingBack 2, not live"),
            (key("h"), "", "LookingBack 1, not live"),
            (key("w"), "ask PlayBranch { step: 0, branch: 0 }", "Building 1, not live"),
            (branched(0, 0), "", "Branch 1"),
            (key("Esc"), "ask LeaveBranch", "Branch 1"),
            (ready(2), "remember 2 played", "NextRepair 3"),
        ],
    );
}

#[test]
fn nothing_else_is_looked_at_in_a_what_if() {
    let mut model = after(2);
    check(
        &mut model,
        [
            (branched(0, 0), "", "Branch 1"),
            (key("h"), "", "Branch 1"),
            (key("l"), "", "Branch 1"),
            (key("t"), "", "Branch 1, list of steps"),
            (key("Enter"), "", "Branch 1"),
            (key("d"), "", "Branch 1"),
        ],
    );
}

#[test]
fn a_what_if_whose_lab_fails_can_be_left() {
    check(
        &mut after(1),
        [
            (branched(0, 0), "", "Branch 1"),
            (failed("it is gone"), "", "Branch 1"),
            (key("Enter"), "ask LeaveBranch", "Branch 1"),
            (ready(1), "remember 1 played", "LastStep 1"),
        ],
    );
}

#[test]
fn a_fresh_lab_ends_the_what_if_and_begins_before_the_step() {
    let mut model = after(2);
    check(
        &mut model,
        [
            (branched(0, 0), "", "Branch 1"),
            (key("R"), "", "Branch 1, confirm RewindTo { steps: 0 }"),
            (key("y"), "ask RewindTo { steps: 0 }", "Building 2"),
            (ready(0), "", "NextStep 1"),
            (key("Enter"), "ask PlayNext", "Playing 1"),
        ],
    );
}

#[test]
fn of_two_what_ifs_in_a_row_none_stands_in_for_the_lab() {
    let mut model = after(1);
    check(
        &mut model,
        [
            (branched(0, 0), "", "Branch 1"),
            (branched(0, 0), "", "Branch 1"),
            (ready(1), "remember 1 played", "LastStep 1"),
        ],
    );
}

#[test]
fn a_step_without_a_what_if_says_so() {
    check(&mut before(1), [(key("w"), "", "NextStep 2, notice")]);
}

#[test]
fn a_step_is_left_out_and_taken_in_again() {
    let mut model = before(1);
    check(
        &mut model,
        [
            (key("x"), "ask LeaveOut { step: 1, out: true }", "NextStep 2, notice"),
            (ready_without(1, &[1]), "remember 1 played", "NextStep 2, notice"),
        ],
    );
    assert_eq!(view(&model).step_mark(1).sign(), 'x');

    check(
        &mut model,
        [
            (key("x"), "ask LeaveOut { step: 1, out: false }", "NextStep 2, notice"),
            (ready(1), "remember 1 played", "NextStep 2, notice"),
        ],
    );
    assert_eq!(view(&model).step_mark(1).sign(), ' ');
}

#[test]
fn any_step_that_is_to_come_is_left_out_from_the_list_and_none_that_was_played() {
    check(
        &mut before(1),
        [
            (key("t"), "", "NextStep 2, list of steps"),
            (key("Down"), "", "NextStep 2, list of steps"),
            (
                key("ctrl-x"),
                "ask LeaveOut { step: 2, out: true }",
                "NextStep 2, list of steps, notice",
            ),
            (key("Up"), "", "NextStep 2, list of steps"),
            (key("Up"), "", "NextStep 2, list of steps"),
            (key("ctrl-x"), "", "NextStep 2, list of steps, notice"),
        ],
    );
}

#[test]
fn a_step_that_was_left_out_is_not_remembered_as_done() {
    let left_out = StepRecord { status: StepStatus::LeftOut, ..(*record(0, false)).clone() };
    check(
        &mut before(0),
        [
            (key("Enter"), "ask PlayNext", "Playing 1"),
            (Msg::Engine(Event::Played(Arc::new(left_out))), "", "Playing 1"),
            (ready_without(1, &[0]), "remember 1 played", "LastStep 1"),
        ],
    );
}
