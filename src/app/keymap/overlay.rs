//! The keys while something lies over the screen: help, a question, a line to search by, a list.

use crossterm::event::KeyEvent;

use super::KeyFunction::{Act, Look};
use super::everywhere::{down, first, last, up};
use super::{Binding, edit, keys, press, row};
use crate::app::overlay_commands::{self as functions, PAGE};
use crate::app::{Effect, Model, ScreenOverlay, asking, lists};

const CLOSE: Binding<Model> = row(keys::overlay::CLOSE, "close it", Look(functions::close));

/// Any other key closes it.
pub static HELP: [Binding<Model>; 5] = [
    down(Look(|model| functions::scroll_help(model, 1))),
    up(Look(|model| functions::scroll_help(model, -1))),
    row(
        keys::reading::PAGE_DOWN,
        "a page down",
        Look(|model| functions::scroll_help(model, PAGE as isize)),
    ),
    row(
        keys::reading::PAGE_UP,
        "a page up",
        Look(|model| functions::scroll_help(model, -(PAGE as isize))),
    ),
    CLOSE,
];

/// Any other key means no.
pub static CONFIRM: [Binding<Model>; 4] = [
    row(keys::confirm::YES, "yes", Act(functions::say_yes)),
    row(
        keys::confirm::ENTER,
        "no; yes where nothing is lost by it",
        Act(functions::say_the_harmless),
    ),
    row(keys::confirm::QUIT, "yes, where it was asked by this key", Act(functions::quit_again)),
    row(keys::confirm::NO, "no", Look(functions::close)),
];

/// Any other key types.
pub static SEARCH: [Binding<Model>; 2] =
    [row(keys::search::FIND, "to the first row that holds it", Act(functions::find)), CLOSE];

/// Any other key types.
pub static LIST: [Binding<Model>; 5] = [
    row(keys::list::DOWN, "down", Look(|model| lists::move_by(model, 1))),
    row(keys::list::UP, "up", Look(|model| lists::move_by(model, -1))),
    row(keys::list::CHOOSE, "go there, or do it", Act(lists::choose)),
    row(keys::list::LEAVE_OUT, "leave this step out, or take it in again", Act(lists::leave_out)),
    CLOSE,
];

/// Any other key closes it.
pub static CARD: [Binding<Model>; 9] = [
    down(Look(|model| asking::scroll(model, 1))),
    up(Look(|model| asking::scroll(model, -1))),
    row(
        keys::reading::PAGE_DOWN,
        "a page down",
        Look(|model| asking::scroll(model, PAGE as isize)),
    ),
    row(keys::reading::PAGE_UP, "a page up", Look(|model| asking::scroll(model, -(PAGE as isize)))),
    row(keys::card::COPY, "copy the line to see it yourself", Act(asking::copy_line)),
    row(keys::card::TYPE, "put that line into a shell beside host", Act(asking::type_line)),
    row(keys::card::MANUAL, "open the manual page in a shell", Act(asking::open_manual)),
    row(keys::card::WORDS, "the words of this step, and all others", Act(asking::list_words)),
    CLOSE,
];

pub static PROGRAMS: [Binding<Model>; 8] = [
    row(
        keys::programs::AGREE,
        "a page down; at the end: let it run these, and begin",
        Act(functions::agree),
    ),
    down(Look(|model| functions::scroll_programs(model, 1))),
    up(Look(|model| functions::scroll_programs(model, -1))),
    row(
        keys::reading::PAGE_DOWN,
        "a page down",
        Look(|model| functions::scroll_programs(model, PAGE as isize)),
    ),
    row(
        keys::reading::PAGE_UP,
        "a page up",
        Look(|model| functions::scroll_programs(model, -(PAGE as isize))),
    ),
    first(Look(|model| functions::scroll_programs(model, isize::MIN))),
    last(Look(|model| functions::scroll_programs(model, isize::MAX))),
    row(keys::programs::LEAVE, "leave", Act(functions::disagree)),
];

/// The function for keys that have no row.
type OtherKey = fn(&mut Model, KeyEvent);

/// Carry a press out; None when nothing lies over the screen.
pub fn on_key(model: &mut Model, event: KeyEvent) -> Option<Vec<Effect>> {
    let (table, otherwise): (&[Binding<Model>], OtherKey) = match &model.overlay {
        ScreenOverlay::None => return None,
        ScreenOverlay::Help { .. } => (&HELP, |model, _| functions::close(model)),
        ScreenOverlay::Confirm(_) => (&CONFIRM, |model, _| functions::close(model)),
        ScreenOverlay::Search { .. } => (&SEARCH, type_into),
        ScreenOverlay::List(_) => (&LIST, type_into),
        // Any other key does nothing: consent is neither given nor refused by accident.
        ScreenOverlay::Programs(_) => (&PROGRAMS, |_, _| {}),
        ScreenOverlay::Card(_) => (&CARD, |model, _| functions::close(model)),
    };

    Some(press(table, model, event).unwrap_or_else(|| {
        otherwise(model, event);
        Vec::new()
    }))
}

/// Type into the line that is searched by; a list begins at its top again.
fn type_into(model: &mut Model, event: KeyEvent) {
    match &mut model.overlay {
        ScreenOverlay::Search { query } => {
            edit::typed(query, event);
        }
        ScreenOverlay::List(list) => {
            if edit::typed(&mut list.query, event) {
                list.selected = 0;
            }
        }
        ScreenOverlay::None
        | ScreenOverlay::Help { .. }
        | ScreenOverlay::Confirm(_)
        | ScreenOverlay::Programs(_)
        | ScreenOverlay::Card(_) => {}
    }
}
