//! The keys while a shell is on the screen: typed into, or looked at.

use crossterm::event::KeyEvent;

use super::KeyFunction::{Act, Look};
use super::everywhere::{down, first, last, page_down, page_up, up};
use super::{Binding, Key, ModeState, keys, press, row};
use crate::app::shells::ShellFocus;
use crate::app::{Effect, LessonView, Model, shell_events};

/// Every other key goes to the shell.
pub static TYPING: [Binding<LessonView>; 1] = [row(
    keys::shell::LEAVE,
    "leave the shell; twice: the key goes to it",
    Look(shell_events::leave),
)];

/// Every other key is the lesson's.
pub static LOOKING: [Binding<LessonView>; 8] = [
    row(
        keys::shell::LEAVE,
        "send this key to the shell, and type in it again",
        Act(shell_events::send_leave),
    ),
    down(Look(|view| shell_events::scroll(view, -1))),
    up(Look(|view| shell_events::scroll(view, 1))),
    page_down(Look(|view| shell_events::scroll(view, -shell_events::PAGE))),
    page_up(Look(|view| shell_events::scroll(view, shell_events::PAGE))),
    first(Look(|view| shell_events::scroll(view, isize::MAX))),
    last(Look(|view| shell_events::scroll(view, isize::MIN))),
    row(keys::shell::HIDE, "hide the shells", Look(shell_events::hide)),
];

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
