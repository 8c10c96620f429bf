//! Scripts of shells: opened, typed into, hidden, resized, ended, and opened again in the next lab.

#![cfg(test)]

use super::*;
use crate::app::shells::ShellRoom;
use crate::engine::Request;

/// A lesson with a shell beside `host`, which has the keys.
fn with_shell() -> Model {
    let mut model = before(1);
    let _ = update(&mut model, shell(1, "host"));
    model
}

#[test]
fn a_shell_is_asked_for_opened_typed_into_and_left() {
    let size = crate::app::shells::terminal_size(SIZE, ShellRoom::BelowPanes);
    let asked = format!("ask {:?}", Request::OpenShell { tab: 1, actor: ActorName::host(), size });

    check(
        &mut before(1),
        [
            (key("s"), &asked, "NextStep 2"),
            (shell(1, "host"), "", "NextStep 2, shell below"),
            (key("q"), "TypeIntoShell { tab: 1, bytes: [113] }", "NextStep 2, shell below"),
            (key("Enter"), "TypeIntoShell { tab: 1, bytes: [13] }", "NextStep 2, shell below"),
            (key("ctrl-5"), "", "NextStep 2, shell below"),
            (key("Enter"), "ask PlayNext", "Playing 2, shell below"),
            (key("ctrl-5"), "TypeIntoShell { tab: 1, bytes: [29] }", "Playing 2, shell below"),
            (key("ctrl-5"), "", "Playing 2, shell below"),
            (key("Esc"), "", "Playing 2"),
            (key("s"), "", "Playing 2, shell below"),
        ],
    );
}

#[test]
fn a_shell_that_ends_leaves_the_keys_to_the_lesson() {
    check(
        &mut with_shell(),
        [
            (Msg::ShellPrinted { tab: 1, bytes: b"bye".to_vec() }, "", "NextStep 2, shell below"),
            (Msg::ShellEnded(7), "", "NextStep 2, shell below"),
            (Msg::ShellEnded(1), "", "NextStep 2, notice"),
            (key("Enter"), "ask PlayNext", "Playing 2"),
        ],
    );
}

#[test]
fn a_shell_that_ends_gives_its_keys_to_no_other_shell_and_says_so() {
    let mut model = with_shell();
    let _ = update(&mut model, shell(2, "box"));
    check(
        &mut model,
        [
            (key("a"), "TypeIntoShell { tab: 2, bytes: [97] }", "NextStep 2, shell below"),
            (Msg::ShellEnded(2), "", "NextStep 2, shell below, notice"),
            (key("a"), "", "NextStep 2, shell below"),
            (Msg::Paste("ls".into()), "", "NextStep 2, shell below"),
            (key("s"), "", "NextStep 2, shell below"),
            (key("a"), "TypeIntoShell { tab: 1, bytes: [97] }", "NextStep 2, shell below"),
        ],
    );

    // Another one that ends takes nothing from the one that is typed into.
    let _ = update(&mut model, shell(3, "box"));
    check(
        &mut model,
        [
            (Msg::ShellEnded(1), "", "NextStep 2, shell below"),
            (key("a"), "TypeIntoShell { tab: 3, bytes: [97] }", "NextStep 2, shell below"),
        ],
    );
}

#[test]
fn a_shell_that_comes_up_late_takes_no_keys_from_the_one_that_is_typed_into() {
    let mut model = with_shell();
    let size = crate::app::shells::terminal_size(SIZE, ShellRoom::BelowPanes);
    let asked = format!("ask {:?}", Request::OpenShell { tab: 1, actor: "box".into(), size });
    press(&mut model, &["ctrl-5", "S", "b", "o", "x"]);
    check(
        &mut model,
        [
            (key("Enter"), &asked, "NextStep 2, shell below"),
            (key("s"), "", "NextStep 2, shell below"),
            (key("a"), "TypeIntoShell { tab: 1, bytes: [97] }", "NextStep 2, shell below"),
        ],
    );

    // The engine's answer is for the tab that was asked for.
    let Screen::Lesson(view) = &mut model.screen else { panic!("a lesson") };
    let tab = view.shells.ask_for_tab(size, true);
    check(
        &mut model,
        [
            (key("a"), "TypeIntoShell { tab: 1, bytes: [97] }", "NextStep 2, shell below"),
            (shell(tab, "box"), "", "NextStep 2, shell below, notice"),
            (key("a"), "TypeIntoShell { tab: 1, bytes: [97] }", "NextStep 2, shell below"),
        ],
    );
}

#[test]
fn a_second_press_opens_no_second_shell() {
    let mut model = before(1);
    press(&mut model, &["s"]);
    check(
        &mut model,
        [(key("s"), "", "NextStep 2"), (shell(1, "host"), "", "NextStep 2, shell below")],
    );
}

#[test]
fn a_shell_that_is_opened_while_the_screen_changes_gets_the_size_it_has_now() {
    let fitted = |zoomed| {
        let size = crate::app::shells::terminal_size((80, 24), ShellRoom::of_zoom(zoomed));
        format!("{:?}", Effect::ResizeShell { tab: 1, size })
    };
    let mut model = before(1);
    press(&mut model, &["s"]);
    check(
        &mut model,
        [
            (Msg::Resize(80, 24), "", "NextStep 2"),
            (shell(1, "host"), &fitted(false), "NextStep 2, shell below"),
            (key("ctrl-5"), "", "NextStep 2, shell below"),
            (key("z"), &fitted(true), "NextStep 2, shell alone"),
            (key("1"), "", "NextStep 2, pane alone"),
            (key("Esc"), &fitted(false), "NextStep 2, shell below"),
        ],
    );
}

#[test]
fn what_was_typed_is_named_before_it_is_lost() {
    let lost = |model: &Model| match &model.overlay {
        ScreenOverlay::Confirm(confirm) => crate::words::prompt(&confirm.prompt),
        other => panic!("a question: {other:?}"),
    };

    let mut model = with_shell();
    press(&mut model, &["a", "ctrl-5", "R"]);
    assert!(lost(&model).contains("what you typed beside host"), "{}", lost(&model));
    press(&mut model, &["y"]);
    let _ = update(&mut model, ready(0));
    press(&mut model, &["R"]);
    assert!(lost(&model).ends_with("Lost: this lab."), "{}", lost(&model));
}

#[test]
fn a_what_if_that_was_typed_in_is_not_left_by_one_key() {
    let mut model = after(1);
    let _ = update(&mut model, branched(0, 0));
    press(&mut model, &["s"]);
    let _ = update(&mut model, shell(1, "host"));
    check(
        &mut model,
        [
            (key("a"), "TypeIntoShell { tab: 1, bytes: [97] }", "Branch 1, shell below"),
            (key("ctrl-5"), "", "Branch 1, shell below"),
            (key("Enter"), "", "Branch 1, shell below, confirm LeaveBranch"),
            (key("Enter"), "", "Branch 1, shell below"),
            (key("Enter"), "", "Branch 1, shell below, confirm LeaveBranch"),
            (key("y"), "ask LeaveBranch", "Branch 1, shell below"),
        ],
    );
}

#[test]
fn a_terminal_that_is_asked_answers() {
    check(
        &mut with_shell(),
        [(
            Msg::ShellPrinted { tab: 1, bytes: b"\x1b[6n".to_vec() },
            "TypeIntoShell { tab: 1, bytes: [27, 91, 49, 59, 49, 82] }",
            "NextStep 2, shell below",
        )],
    );
}

#[test]
fn a_paste_goes_to_the_shell_that_is_typed_into_and_to_nothing_else() {
    let paste = || Msg::Paste("ls".into());
    check(
        &mut with_shell(),
        [
            (paste(), "TypeIntoShell { tab: 1, bytes: [108, 115] }", "NextStep 2, shell below"),
            (key("ctrl-5"), "", "NextStep 2, shell below"),
            (paste(), "", "NextStep 2, shell below"),
        ],
    );
}

#[test]
fn each_shell_has_the_size_of_its_place() {
    let fitted = |size, zoomed| {
        let size = crate::app::shells::terminal_size(size, ShellRoom::of_zoom(zoomed));
        format!("{:?}", Effect::ResizeShell { tab: 1, size })
    };
    let mut model = with_shell();
    press(&mut model, &["ctrl-5"]);
    check(
        &mut model,
        [
            (Msg::Resize(80, 24), &fitted((80, 24), false), "NextStep 2, shell below"),
            (Msg::Resize(80, 24), "", "NextStep 2, shell below"),
            (key("z"), &fitted((80, 24), true), "NextStep 2, shell alone"),
            (key("1"), "", "NextStep 2, pane alone"),
            (key("z"), &fitted((80, 24), false), "NextStep 2, shell below"),
        ],
    );

    // Without a shell there is nothing to fit.
    check(&mut before(1), [(Msg::Resize(80, 24), "", "NextStep 2")]);
}

#[test]
fn a_shell_that_could_not_be_opened_is_told_of() {
    let refused = Event::ShellOpened { tab: 1, actor: "box".into(), opened: Err("no room".into()) };
    check(&mut before(1), [(Msg::Engine(refused), "", "NextStep 2, notice")]);
}

#[test]
fn a_shell_that_is_shown_is_opened_again_in_the_next_lab() {
    let size = crate::app::shells::terminal_size(SIZE, ShellRoom::BelowPanes);
    let asked = format!("ask {:?}", Request::OpenShell { tab: 1, actor: ActorName::host(), size });
    let mut model = with_shell();
    press(&mut model, &["ctrl-5"]);

    check(
        &mut model,
        [
            (key("R"), "", "NextStep 2, shell below, confirm RewindTo { steps: 0 }"),
            (key("y"), "ask RewindTo { steps: 0 }", "Building 2, shell below"),
            (Msg::ShellEnded(1), "", "Building 2"),
            (ready(0), &asked, "NextStep 1"),
            (ready(0), "", "NextStep 1"),
        ],
    );
}

#[test]
fn a_shell_of_the_last_lab_that_dies_late_takes_no_key() {
    let size = crate::app::shells::terminal_size(SIZE, ShellRoom::BelowPanes);
    let asked = format!("ask {:?}", Request::OpenShell { tab: 1, actor: ActorName::host(), size });
    let mut model = before(1);
    let _ = update(&mut model, shell(7, "host"));
    press(&mut model, &["ctrl-5", "R", "y"]);

    check(
        &mut model,
        [
            (key("s"), "", "Building 2, shell below"),
            (key("a"), "", "Building 2, shell below"),
            (ready(0), &asked, "NextStep 1"),
            // For the one that is being opened, and for no second one.
            (key("s"), "", "NextStep 1"),
            (Msg::ShellEnded(7), "", "NextStep 1"),
            (shell(1, "host"), "", "NextStep 1, shell below"),
            (key("a"), "TypeIntoShell { tab: 1, bytes: [97] }", "NextStep 1, shell below"),
        ],
    );
}

#[test]
fn shells_are_chosen_from_a_list_or_opened_beside_another_actor() {
    let mut model = with_shell();
    press(&mut model, &["ctrl-5"]);
    let size = crate::app::shells::terminal_size(SIZE, ShellRoom::BelowPanes);
    let asked = format!("ask {:?}", Request::OpenShell { tab: 1, actor: "box".into(), size });

    check(
        &mut model,
        [
            (key("S"), "", "NextStep 2, shell below, list of shells"),
            (key("b"), "", "NextStep 2, shell below, list of shells"),
            (key("o"), "", "NextStep 2, shell below, list of shells"),
            (key("x"), "", "NextStep 2, shell below, list of shells"),
            (key("Enter"), &asked, "NextStep 2, shell below"),
        ],
    );
}

#[test]
fn a_failure_behind_a_shell_is_told_in_front_of_it() {
    check(
        &mut with_shell(),
        [(failed("it is gone"), "", "Failed: it is gone 2, shell below, notice")],
    );
}

/// A turn over the step with two goals, with a shell beside `host` that has the keys.
fn in_turn_with_shell() -> Model {
    let mut model = with_shell();
    let _ = update(&mut model, turn(1, TurnGoal::Step, &[false, false]));
    model
}

#[test]
fn nothing_needs_leaving_a_shell() {
    check(
        &mut in_turn_with_shell(),
        [
            // Not while something is open, and the step is never shown by it.
            (key("F9"), "", "YourTurn 2, shell below, notice"),
            (key("F8"), "", "YourTurn 2, shell below"),
            (turn(1, TurnGoal::Step, &[true, true]), "", "YourTurn 2, shell below"),
            (key("F9"), "ask FinishTurn", "YourTurn 2, shell below"),
            (no_turn(), "", "NextStep 2, shell below"),
            (typed(1), "remember goals WithHints hints 1", "Playing 2, shell below"),
            (ready(2), "remember 2 played", "LastStep 2, shell below"),
            (key("F9"), "", "NextRepair 3, shell below"),
            (key("a"), "TypeIntoShell { tab: 1, bytes: [97] }", "NextRepair 3, shell below"),
            (key("F9"), "ask BeginTurn(Step)", "NextRepair 3, shell below"),
            (key("F10"), "", "NextRepair 3, shell below"),
            (key("F10"), "", "NextRepair 3"),
        ],
    );
}

#[test]
fn a_program_gets_the_screens_keys_behind_the_one_that_leaves() {
    let typed = |bytes: &[u8]| format!("TypeIntoShell {{ tab: 1, bytes: {bytes:?} }}");
    let (f6, f9, f10) = (typed(b"\x1b[17~"), typed(b"\x1b[20~"), typed(b"\x1b[21~"));
    check(
        &mut in_turn_with_shell(),
        [
            (key("ctrl-5"), "", "YourTurn 2, shell below"),
            (key("F10"), &f10, "YourTurn 2, shell below"),
            (key("ctrl-5"), "", "YourTurn 2, shell below"),
            (key("F9"), &f9, "YourTurn 2, shell below"),
            (key("ctrl-5"), "", "YourTurn 2, shell below"),
            (key("F6"), &f6, "YourTurn 2, shell below"),
            // It was typed into again; any other key in between, and the next one is the screen's.
            (key("ctrl-5"), "", "YourTurn 2, shell below"),
            (key("j"), "", "YourTurn 2, shell below"),
            (key("F9"), "", "YourTurn 2, shell below, notice"),
        ],
    );
}

#[test]
fn a_key_goes_from_the_hosts_shell_to_the_containers_and_back() {
    let mut model = with_shell();
    let size = crate::app::shells::terminal_size(SIZE, ShellRoom::BelowPanes);
    let asked = format!("ask {:?}", Request::OpenShell { tab: 1, actor: "box".into(), size });
    check(
        &mut model,
        [
            (key("F6"), &asked, "NextStep 2, shell below"),
            (key("F6"), "", "NextStep 2, shell below"),
            (key("b"), "TypeIntoShell { tab: 1, bytes: [98] }", "NextStep 2, shell below"),
        ],
    );
    let _ = update(&mut model, shell(2, "box"));
    check(
        &mut model,
        [
            (key("a"), "TypeIntoShell { tab: 2, bytes: [97] }", "NextStep 2, shell below"),
            (key("F6"), "", "NextStep 2, shell below"),
            (key("a"), "TypeIntoShell { tab: 1, bytes: [97] }", "NextStep 2, shell below"),
        ],
    );
}
