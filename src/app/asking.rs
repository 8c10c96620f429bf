//! The work of the keys about "what is this?": a card on the selected row, its line for a shell, its manual page.

use super::shell_events;
use super::shells::ShellRoom;
use super::{CardView, Effect, ListKind, Model, Screen, ScreenOverlay, SearchList};
use crate::app::panes::RowSubject;
use crate::explain::card::{Card, See};
use crate::explain::{Entry, Reading, see};
use crate::notice::Notice;
use crate::op::ActorName;

/// A card on the selected row; without one, the words of this step.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    match view.card_of_selected_row() {
        Some(card) => model.overlay = ScreenOverlay::Card(CardView::new(card)),
        None => return list_words(model),
    }
    Vec::new()
}

/// A card on the selected row, where there is one on it itself.
pub(super) fn ask_about_selected_row(model: &mut Model) {
    let Screen::Lesson(view) = &model.screen else { return };
    show(model, view.card_of_selected_thing());
}

/// A card on something that is no row in sight.
pub(super) fn ask_about(model: &mut Model, subject: RowSubject) {
    let Screen::Lesson(view) = &model.screen else { return };
    show(model, view.card_of(subject));
}

pub(super) fn ask_about_word(model: &mut Model, entry: &'static Entry) {
    show(model, Some(Card::of_word(entry)));
}

fn show(model: &mut Model, card: Option<Card>) {
    if let Some(card) = card {
        model.overlay = ScreenOverlay::Card(CardView::new(card));
    }
}

pub(super) fn list_words(model: &mut Model) -> Vec<Effect> {
    model.overlay = ScreenOverlay::List(SearchList::new(ListKind::Words, 0));
    Vec::new()
}

pub(super) fn scroll(model: &mut Model, lines: isize) {
    if let ScreenOverlay::Card(shown) = &mut model.overlay {
        let last = shown.max_scroll(model.size);
        // Within bounds first: on a larger screen fewer rows are left to scroll than before.
        shown.scroll = shown.scroll.min(last).saturating_add_signed(lines).min(last);
    }
}

/// The line to see it yourself by, if the card has one.
fn line(model: &Model) -> Option<String> {
    let ScreenOverlay::Card(shown) = &model.overlay else { return None };
    match &shown.card.see {
        See::Line(see) => Some(see.line.clone()),
        See::No(_) => None,
    }
}

pub(super) fn copy_line(model: &mut Model) -> Vec<Effect> {
    match line(model) {
        Some(line) => vec![Effect::CopyText(line)],
        None => refuse(model, Notice::NoLineToSeeBy),
    }
}

/// Put the line into a shell beside host; to run it is the learner's.
pub(super) fn type_line(model: &mut Model) -> Vec<Effect> {
    match line(model) {
        Some(line) => type_beside_host(model, line),
        None => refuse(model, Notice::NoLineToSeeBy),
    }
}

pub(super) fn open_manual(model: &mut Model) -> Vec<Effect> {
    let ScreenOverlay::Card(shown) = &model.overlay else { return Vec::new() };
    match shown.card.reading() {
        Some(Reading::Manual { section, name }) => {
            type_beside_host(model, format!("{}\r", see::manual(section, name)))
        }
        Some(reading @ (Reading::KernelText(_) | Reading::ImageSpec(_))) => {
            let address = reading.to_string();
            refuse(model, Notice::NoManualPage { address })
        }
        None => Vec::new(),
    }
}

fn refuse(model: &mut Model, notice: Notice) -> Vec<Effect> {
    model.notice = Some(notice);
    Vec::new()
}

/// Type into a shell beside host, which is opened where there is none.
fn type_beside_host(model: &mut Model, text: String) -> Vec<Effect> {
    let screen = model.size;
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    if view.tape.is_some() || view.lab.ready.is_none() {
        return refuse(model, Notice::NoLabToTypeInto);
    }
    model.overlay = ScreenOverlay::None;

    let (host, in_what_if) = (ActorName::host(), view.is_in_branch());
    let is_open = |tab: &super::terminal::TerminalTab| {
        *tab.actor() == host && tab.in_what_if == in_what_if && tab.inside.is_none()
    };
    let open = view.shells.tabs().iter().position(is_open);
    let Some(index) = open.filter(|index| !view.shells.is_of_last_lab(*index)) else {
        let effects = shell_events::request_shell(view, host, screen);
        view.shells.type_when_open(text.into_bytes());
        return effects;
    };

    view.shells.choose_tab(index);
    let mut effects = view.shells.resize_tabs(screen, ShellRoom::of_zoom(view.panes.is_zoomed));
    if let Some(tab) = view.shells.current_tab().map(|tab| tab.id) {
        effects.push(Effect::TypeIntoShell { tab, bytes: text.into_bytes() });
    }
    effects
}
