//! The keys while a shell is on the screen: typed into, or looked at.

use crossterm::event::KeyEvent;

use super::FooterText::{Is, Never, Now};
use super::KeyFunction::{Act, Look};
use super::everywhere::{down, first, last, page_down, page_up, up};
use super::{Binding, HelpText, Key, ModeState, always, keys, press, row};
use crate::app::shells::ShellFocus;
use crate::app::{Effect, LessonView, Model, shell_commands, shell_events};

const GO_ON: Binding<LessonView> = Binding {
    key: keys::shell::GO_ON,
    short: Now(shell_commands::go_on_words),
    long: HelpText::Is("go on, from within the shell: once all of your turn is true"),
    works: always,
    run: Act(shell_commands::go_on),
};

const HINT: Binding<LessonView> = Binding {
    key: keys::shell::HINT,
    short: Is("hint"),
    long: HelpText::Is("a hint, from within the shell"),
    works: shell_commands::has_hint,
    run: Act(shell_commands::show_hint),
};

const OTHER_SIDE: Binding<LessonView> = Binding {
    key: keys::shell::OTHER_SIDE,
    short: Now(shell_commands::other_side_words),
    long: HelpText::Is("from the host's shell to the container's, and back"),
    works: |view| shell_commands::other_side(view).is_some(),
    run: Act(shell_commands::to_other_side),
};

/// Every other key goes to the shell. Most important first, as in a footer.
pub static TYPING: [Binding<LessonView>; 5] = [
    GO_ON,
    Binding {
        key: keys::shell::LEAVE_TOO,
        short: Is("leave"),
        long: HelpText::Is("leave the shell"),
        works: always,
        run: Look(shell_events::leave),
    },
    HINT,
    OTHER_SIDE,
    Binding {
        key: keys::shell::LEAVE,
        short: Never,
        long: HelpText::Naming(|| {
            let [other, hint, go_on, leave] = OF_PROGRAMS.map(|key| key.to_string());
            format!(
                "leave the shell; then this key again, {other}, {hint}, {go_on} or {leave}: the program gets it"
            )
        }),
        works: always,
        run: Look(shell_events::leave_for_a_key),
    },
];

/// Every other key is the lesson's.
pub static LOOKING: [Binding<LessonView>; 12] = [
    row(
        keys::shell::LEAVE,
        "send this key to the shell, and type in it again",
        Act(shell_events::send_leave),
    ),
    GO_ON,
    HINT,
    OTHER_SIDE,
    row(keys::shell::LEAVE_TOO, "hide the shells", Look(shell_events::hide)),
    down(Look(|view| shell_events::scroll(view, -1))),
    up(Look(|view| shell_events::scroll(view, 1))),
    page_down(Look(|view| shell_events::scroll(view, -shell_events::PAGE))),
    page_up(Look(|view| shell_events::scroll(view, shell_events::PAGE))),
    first(Look(|view| shell_events::scroll(view, isize::MAX))),
    last(Look(|view| shell_events::scroll(view, isize::MIN))),
    row(keys::shell::HIDE, "hide the shells", Look(shell_events::hide)),
];

/// Keys that are the screen's while a shell is typed into: a program gets one that follows the key which leaves.
const OF_PROGRAMS: [Key; 4] =
    [keys::shell::OTHER_SIDE, keys::shell::HINT, keys::shell::GO_ON, keys::shell::LEAVE_TOO];

/// Keys of the lesson's that turn from a shell to the panes.
const TO_PANES: [Key; 5] = [
    keys::lesson::NEXT_PANE,
    keys::lesson::PREVIOUS_PANE,
    keys::lesson::PANE,
    keys::lesson::PREVIOUS_CHANGE,
    keys::lesson::NEXT_CHANGE,
];

/// The table for the shells as they are now; None where keys are the lesson's.
pub fn table(view: &LessonView) -> Option<&'static [Binding<LessonView>]> {
    view.shells.current_tab()?;
    match view.shells.focus {
        ShellFocus::Hidden | ShellFocus::Shown => None,
        ShellFocus::Typing => Some(&TYPING),
        ShellFocus::Looking => Some(&LOOKING),
    }
}

/// Carry a press out; None when it is not the shell's.
pub fn on_key(model: &mut Model, event: KeyEvent) -> Option<Vec<Effect>> {
    let table = table(LessonView::of(model)?)?;
    let view = LessonView::of_mut(model)?;
    let is_passed = std::mem::take(&mut view.shells.passes_next_key);
    if is_passed && OF_PROGRAMS.iter().any(|key| key.is_pressed(event)) {
        return Some(shell_events::pass_key(view, event));
    }
    if let Some(effects) = press(table, model, event) {
        return Some(effects);
    }

    let view = LessonView::of_mut(model)?;
    if view.shells.is_typing() {
        return Some(shell_events::type_key(view, event));
    }
    // The press is not taken: the lesson, which has the keys then, turns to the pane.
    if TO_PANES.iter().any(|key| key.is_pressed(event)) {
        view.shells.focus = ShellFocus::Shown;
    }
    None
}
