//! Scripts of "what is this?": cards on rows and words, and their lines in a shell.

#![cfg(test)]

use super::*;
use crate::app::CardView;
use crate::app::shells::ShellRoom;
use crate::engine::Request;
use crate::explain::card::Card;
use crate::explain::{WordKind, of_kind};

/// A lesson with the card of a call over it.
fn with_card(word: &str) -> Model {
    let mut model = before(1);
    let entry = of_kind(WordKind::Call, word).expect("an entry");
    model.overlay = ScreenOverlay::Card(CardView::new(Card::of_word(entry)));
    model
}

#[test]
fn a_selected_row_has_a_card_and_without_one_words_are_listed() {
    check(
        &mut before(1),
        [
            (key("i"), "", "NextStep 2, list of words"),
            (key("Enter"), "", "NextStep 2, card namespace, a word"),
            (key("i"), "", "NextStep 2, list of words"),
            (key("Esc"), "", "NextStep 2"),
            (key("2"), "", "NextStep 2"),
            (key("j"), "", "NextStep 2"),
            (key("i"), "", "NextStep 2, card process host"),
            (key("j"), "", "NextStep 2, card process host"),
            (key("Enter"), "", "NextStep 2"),
            (key("g"), "", "NextStep 2"),
            (key("i"), "", "NextStep 2, card the pane Processes"),
            (key("Esc"), "", "NextStep 2"),
        ],
    );
}

#[test]
fn the_line_of_a_card_is_copied_or_typed_into_a_shell_that_is_opened_for_it() {
    let line = "strace -e trace=chroot chroot / true";
    let copied = format!("{:?}", Effect::CopyText(line.into()));
    check(
        &mut with_card("chroot"),
        [(key("y"), copied.as_str(), "NextStep 2, card chroot, a call")],
    );

    let size = crate::app::shells::terminal_size(SIZE, ShellRoom::BelowPanes);
    let asked = format!("ask {:?}", Request::OpenShell { tab: 1, actor: ActorName::host(), size });
    let typed = format!("{:?}", Effect::TypeIntoShell { tab: 1, bytes: line.into() });
    let mut model = with_card("chroot");
    check(
        &mut model,
        [
            (key("s"), &asked, "NextStep 2"),
            // The line is not run: that is the learner's.
            (shell(1, "host"), &typed, "NextStep 2, shell below"),
        ],
    );

    // Where it is open, it is typed at once, and no second time.
    let entry = of_kind(WordKind::Call, "chroot").expect("an entry");
    model.overlay = ScreenOverlay::Card(CardView::new(Card::of_word(entry)));
    check(
        &mut model,
        [
            (key("s"), &typed, "NextStep 2, shell below"),
            (shell(2, "box"), "", "NextStep 2, shell below"),
        ],
    );
}

#[test]
fn a_card_without_a_line_or_a_page_says_so() {
    check(
        &mut with_card("sendfile"),
        [
            (key("y"), "", "NextStep 2, card sendfile, a call, notice"),
            (key("s"), "", "NextStep 2, card sendfile, a call, notice"),
        ],
    );
    let mut model = before(1);
    let entry = of_kind(WordKind::GroupFile, "memory.max").expect("an entry");
    model.overlay = ScreenOverlay::Card(CardView::new(Card::of_word(entry)));
    let shown = "NextStep 2, card memory.max, a file of a control group, notice";
    check(&mut model, [(key("m"), "", shown)]);
}
