//! Events of the shells: what keys do, what their programs print, and another one that is asked for.

use crossterm::event::KeyEvent;

use super::shells::{ShellFocus, terminal_size};
use super::{Effect, LessonView, Model, Screen};
use crate::engine::Request;
use crate::op::ActorName;

/// Lines that a page key moves a shell's past output by.
pub(super) const PAGE: isize = 8;
/// The byte that a terminal sends for ctrl-].
const GROUP_SEPARATOR: u8 = 0x1d;

/// Every key that is not the screen's goes to the shell.
pub fn type_key(view: &mut LessonView, key: KeyEvent) -> Vec<Effect> {
    let Some(tab) = view.shells.current_tab_mut() else { return Vec::new() };
    tab.scroll(isize::MIN);
    let bytes = tab.key_bytes(key);
    vec![Effect::TypeIntoShell { tab: tab.id, bytes }]
}

/// From typing to looking at what was printed.
pub fn leave(view: &mut LessonView) {
    view.shells.focus = ShellFocus::Looking;
}

/// The key that leaves, once more: it goes to the shell.
pub fn send_leave(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let Some(tab) = view.shells.current_tab() else { return Vec::new() };
    let effect = Effect::TypeIntoShell { tab: tab.id, bytes: vec![GROUP_SEPARATOR] };
    view.shells.focus = ShellFocus::Typing;
    vec![effect]
}

pub fn hide(view: &mut LessonView) {
    view.shells.focus = ShellFocus::Hidden;
}

/// Look back by so many lines, or forward by negative ones.
pub fn scroll(view: &mut LessonView, lines: isize) {
    if let Some(tab) = view.shells.current_tab_mut() {
        tab.scroll(lines);
    }
}

/// To the shell that is there, or to a new one where the next action happens.
pub fn enter_or_request(model: &mut Model) -> Vec<Effect> {
    let screen = model.size;
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };

    if view.shells.current_tab().is_some() {
        view.shells.focus = ShellFocus::Typing;
        return view.shells.resize_tabs(screen, view.panes.is_zoomed);
    }
    let wanted = view.step().and_then(|step| step.actions.first()).map(|entry| entry.actor.clone());
    let actors = view.actors();
    let actor = wanted.filter(|actor| actors.contains(actor)).unwrap_or_else(ActorName::host);
    request_shell(view, actor, screen)
}

/// Ask the engine for a shell.
pub fn request_shell(view: &mut LessonView, actor: ActorName, screen: (u16, u16)) -> Vec<Effect> {
    let tab = view.shells.take_next_id();
    let size = terminal_size(screen, view.panes.is_zoomed);
    vec![Effect::SendToEngine(Request::OpenShell { tab, actor, size })]
}

/// Take in what a program printed; its terminal may answer.
pub fn on_output(model: &mut Model, tab: u32, printed: &[u8]) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let Some(terminal) = view.shells.tab_mut(tab) else { return Vec::new() };
    let bytes = terminal.process_output(printed);
    if bytes.is_empty() { Vec::new() } else { vec![Effect::TypeIntoShell { tab, bytes }] }
}

pub fn on_paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    if !view.shells.is_typing() {
        return Vec::new();
    }
    let tab = view.shells.current_tab().map(|tab| (tab.id, tab.paste_bytes(text)));
    tab.map(|(tab, bytes)| Effect::TypeIntoShell { tab, bytes }).into_iter().collect()
}
