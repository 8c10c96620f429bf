//! The mouse: what a place of the screen stands for, as it was drawn, and what a click or the wheel does there.

use crossterm::event::KeyEvent;

use super::keymap::modes;
use super::{
    Effect, LessonView, Model, Screen, ScreenOverlay, asking, catalogue, lists, overlay_commands,
    shell_events,
};
use crate::app::panes::RowSubject;
use crate::app::shells::{ShellFocus, ShellRoom};
use crate::app::talk::driving;
use crate::explain::Entry;
use crate::view::ViewKind;

/// The rows that a turn of the wheel moves by.
const WHEEL_ROWS: isize = 3;

/// The thing that a place of the screen stands for. A closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointTarget {
    /// The name of a key, which a click presses.
    Key(KeyEvent),
    /// A line of the catalogue.
    CatalogueRow(usize),
    /// An entry of the list that lies over the screen.
    ListEntry(usize),
    /// The list of keys, which the wheel scrolls.
    Help,
    /// The step of a lesson, in the title.
    Step(usize),
    /// The text of the step.
    Story,
    Pane(ViewKind),
    /// A row of a pane, of all its rows.
    PaneRow(ViewKind, usize),
    /// Rows that are folded, by the first of them.
    PaneFold(ViewKind, usize),
    /// A call that the text of the step tells of, by its place in what was done.
    StepCall {
        op: usize,
        call: usize,
    },
    /// A word in bold that the glossary has.
    Word(&'static Entry),
    /// The card that lies over the screen.
    Card,
    ShellTab(usize),
    /// The screen of the shell in front. Its programs are told of no mouse.
    Shell,
}

/// The way that something is pointed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointing {
    Click,
    WheelDown,
    WheelUp,
}

impl Pointing {
    /// Rows down.
    fn rows(self) -> isize {
        match self {
            Pointing::Click => 0,
            Pointing::WheelDown => WHEEL_ROWS,
            Pointing::WheelUp => -WHEEL_ROWS,
        }
    }
}

/// Carry out what pointing at something means.
pub fn on_point(model: &mut Model, target: PointTarget, how: Pointing) -> Vec<Effect> {
    // What lies over the screen has the mouse to itself, as it has the keys; the names of keys stay what they are.
    let is_over = matches!(
        target,
        PointTarget::Help | PointTarget::ListEntry(_) | PointTarget::Key(_) | PointTarget::Card
    );
    // A card is only read: a click beside it closes it, and is what it would be without it.
    if matches!(model.overlay, ScreenOverlay::Card(_)) && !is_over && how == Pointing::Click {
        model.overlay = ScreenOverlay::None;
    }
    if model.overlay != ScreenOverlay::None && !is_over {
        return Vec::new();
    }

    match target {
        PointTarget::Key(key) if how == Pointing::Click => return modes::on_key(model, key),
        PointTarget::Key(_) => {}
        PointTarget::CatalogueRow(row) => return point_at_lesson(model, row, how),
        PointTarget::ListEntry(entry) => return point_at_entry(model, entry, how),
        PointTarget::Help => {
            overlay_commands::scroll_help(model, how.rows());
            if let Screen::Talk(window) = &mut model.screen {
                driving::scroll_help(window, how.rows());
            }
            modes::bound_help(model);
        }
        PointTarget::Step(step) if how == Pointing::Click => return lists::go_to(model, step),
        PointTarget::Card => asking::scroll(model, how.rows()),
        PointTarget::Word(entry) if how == Pointing::Click => asking::ask_about_word(model, entry),
        PointTarget::StepCall { op, call } if how == Pointing::Click => {
            asking::ask_about(model, RowSubject::Call { op, call });
        }
        PointTarget::PaneRow(kind, row) if how == Pointing::Click => {
            if let Screen::Lesson(view) = &mut model.screen {
                turn_to(view, kind);
                view.panes.select_row(row);
            }
            asking::ask_about_selected_row(model);
        }
        PointTarget::ShellTab(tab) if how == Pointing::Click => {
            let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
            view.shells.choose_tab(tab);
            return view.shells.resize_tabs(model.size, ShellRoom::of_zoom(view.panes.is_zoomed));
        }
        PointTarget::Step(_)
        | PointTarget::Story
        | PointTarget::StepCall { .. }
        | PointTarget::Word(_)
        | PointTarget::Pane(_)
        | PointTarget::PaneRow(..)
        | PointTarget::PaneFold(..)
        | PointTarget::ShellTab(_)
        | PointTarget::Shell => {
            if let Screen::Lesson(view) = &mut model.screen {
                point_in_lesson(view, target, how);
            }
        }
    }
    Vec::new()
}

/// A click chooses a lesson, a second one opens it.
fn point_at_lesson(model: &mut Model, row: usize, how: Pointing) -> Vec<Effect> {
    match how {
        Pointing::Click if model.chosen == row => catalogue::open(model),
        Pointing::Click => {
            catalogue::choose(model, row);
            Vec::new()
        }
        Pointing::WheelDown | Pointing::WheelUp => {
            catalogue::choose(model, model.chosen.saturating_add_signed(how.rows().signum()));
            Vec::new()
        }
    }
}

/// A click chooses an entry, a second one goes there.
fn point_at_entry(model: &mut Model, entry: usize, how: Pointing) -> Vec<Effect> {
    let ScreenOverlay::List(list) = &mut model.overlay else { return Vec::new() };
    match how {
        Pointing::Click if list.selected == entry => lists::choose(model),
        Pointing::Click => {
            list.selected = entry;
            Vec::new()
        }
        Pointing::WheelDown | Pointing::WheelUp => {
            lists::move_by(model, how.rows().signum());
            Vec::new()
        }
    }
}

fn point_in_lesson(view: &mut LessonView, target: PointTarget, how: Pointing) {
    let is_click = how == Pointing::Click;
    match target {
        PointTarget::Story | PointTarget::StepCall { .. } | PointTarget::Word(_) if !is_click => {
            match how {
                Pointing::WheelDown => view.story.read_on(),
                Pointing::WheelUp | Pointing::Click => view.story.read_back(),
            }
        }
        PointTarget::Pane(kind) if is_click => turn_to(view, kind),
        // The selected row is among those that are shown.
        PointTarget::PaneFold(kind, row) if is_click => {
            turn_to(view, kind);
            view.panes.select_row(row);
        }
        PointTarget::Pane(kind)
        | PointTarget::PaneRow(kind, _)
        | PointTarget::PaneFold(kind, _) => {
            turn_to(view, kind);
            view.panes.move_selection(how.rows());
        }
        PointTarget::Shell if !is_click => shell_events::scroll(view, -how.rows()),
        // Keys never go to a shell by a click that may have been meant for what it shows.
        PointTarget::Shell
        | PointTarget::ShellTab(_)
        | PointTarget::Story
        | PointTarget::StepCall { .. }
        | PointTarget::Word(_)
        | PointTarget::Card
        | PointTarget::Step(_)
        | PointTarget::Key(_)
        | PointTarget::CatalogueRow(_)
        | PointTarget::ListEntry(_)
        | PointTarget::Help => {}
    }
}

/// Turn to a pane. Whoever looks at a shell turns away from it; who types goes on typing.
fn turn_to(view: &mut LessonView, kind: ViewKind) {
    view.panes.focus = kind;
    if view.shells.focus == ShellFocus::Looking {
        view.shells.focus = ShellFocus::Shown;
    }
}
