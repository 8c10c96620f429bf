//! Scripts of shells: opened, typed into, hidden, resized, ended, and opened again in the next lab.

#![cfg(test)]

use super::*;
use crate::engine::Request;

/// A lesson with a shell beside `host`, which has the keys.
fn with_shell() -> Model {
    let mut model = before(1);
    let _ = update(&mut model, shell(1, "host"));
    model
}

#[test]
fn a_shell_is_asked_for_opened_typed_into_and_left() {
    let size = crate::app::shells::terminal_size(SIZE, false);
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
            (Msg::ShellEnded(1), "", "NextStep 2"),
            (key("Enter"), "ask PlayNext", "Playing 2"),
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
        let size = crate::app::shells::terminal_size(size, zoomed);
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
    let size = crate::app::shells::terminal_size(SIZE, false);
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
fn shells_are_chosen_from_a_list_or_opened_beside_another_actor() {
    let mut model = with_shell();
    press(&mut model, &["ctrl-5"]);
    let size = crate::app::shells::terminal_size(SIZE, false);
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
