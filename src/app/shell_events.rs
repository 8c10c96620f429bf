//! Events of the shells: what keys do, what their programs print, and another one that is asked for.

use crossterm::event::KeyEvent;

use super::keymap::keys;
use super::shells::{ReopenedShell, ShellFocus, ShellRoom, terminal_size};
use super::{Effect, LearningWay, LessonView, Model, Screen};
use crate::engine::Request;
use crate::notice::Notice;
use crate::op::ActorName;

/// Lines that a page key moves a shell's past output by.
pub(super) const PAGE: isize = 8;
/// The byte that a terminal sends for ctrl-].
const GROUP_SEPARATOR: u8 = 0x1d;

/// Every key that is not the screen's goes to the shell.
pub fn type_key(view: &mut LessonView, key: KeyEvent) -> Vec<Effect> {
    view.shells.note_typing();
    let Some(tab) = view.shells.current_tab_mut() else { return Vec::new() };
    tab.scroll(isize::MIN);
    let bytes = tab.key_bytes(key);
    tab.note_entered(&bytes);
    vec![Effect::TypeIntoShell { tab: tab.id, bytes }]
}

/// From typing to looking at what was printed.
pub fn leave(view: &mut LessonView) {
    view.shells.focus = ShellFocus::Looking;
}

/// The same; if the next key is one that the screen keeps from programs, this once a program gets it.
pub fn leave_for_a_key(view: &mut LessonView) {
    leave(view);
    view.shells.passes_next_key = true;
}

/// A key that the screen keeps from programs goes to the shell, which is typed into again.
pub fn pass_key(view: &mut LessonView, key: KeyEvent) -> Vec<Effect> {
    view.shells.focus = ShellFocus::Typing;
    type_key(view, key)
}

/// The key that leaves, once more: it goes to the shell.
pub fn send_leave(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    view.shells.note_typing();
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

/// To the shell that is in sight, or else to one beside the actor of the step: the one that is there, or a new one.
pub fn enter_or_request(model: &mut Model) -> Vec<Effect> {
    let screen = model.size;
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };

    // The shell of a lab that waits is no place to go to from a what-if, nor the other way round.
    let in_what_if = view.is_in_branch();
    let open = match view.task_actor() {
        Some(actor) => view.shells.tab_beside(&actor, in_what_if),
        None if view.shells.is_shown() => view.shells.last_tab_in(in_what_if),
        None => {
            let beside = view.step_actor();
            let beside = beside.and_then(|actor| view.shells.tab_beside(&actor, in_what_if));
            beside.or_else(|| view.shells.last_tab_in(in_what_if))
        }
    };
    if let Some(index) = open.filter(|index| !view.shells.is_of_last_lab(*index)) {
        view.shells.choose_tab(index);
        return view.shells.resize_tabs(screen, ShellRoom::of_zoom(view.panes.is_zoomed));
    }
    // A second press, while the first shell is being opened; or the first one, while that of the next lab is.
    let is_any_fine = view.task_actor().is_none();
    if view.shells.is_waiting_for_tab() || (is_any_fine && view.shells.give_keys_to_reopened()) {
        return Vec::new();
    }
    let actor = view.task_actor().or(view.step_actor()).unwrap_or_else(ActorName::host);
    let actors = view.actors();
    let actor = Some(actor).filter(|actor| actors.contains(actor)).unwrap_or_else(ActorName::host);
    request_shell(view, actor, screen)
}

/// A shell in sight beside the actor of a turn that has begun, for who learns by typing. The keys stay where they are.
pub fn open_beside_turn(view: &mut LessonView, screen: (u16, u16)) -> Vec<Effect> {
    let is_wanted = view.learning.way == LearningWay::Typed && view.learning.is_step_turn();
    if !is_wanted || view.shells.is_expecting_tab() || view.is_in_branch() {
        return Vec::new();
    }
    let actors = view.actors();
    let actor = view.step_actor().filter(|actor| actors.contains(actor));
    let actor = actor.unwrap_or_else(ActorName::host);
    match view.shells.tab_beside(&actor, view.is_in_branch()) {
        Some(index) => {
            view.shells.bring_to_front(index);
            Vec::new()
        }
        None => request_shown_shell(view, ReopenedShell { actor, takes_keys: false }, screen),
    }
}

/// Ask the engine for a shell that the learner wants to type into.
pub fn request_shell(view: &mut LessonView, actor: ActorName, screen: (u16, u16)) -> Vec<Effect> {
    let takes_keys = true;
    ask_engine(view, actor, screen, takes_keys)
}

/// Ask the engine for a shell that is to be in sight, like one of the lab before. The keys stay where they are, unless the learner waits
/// for it.
pub fn request_shown_shell(
    view: &mut LessonView,
    shown: ReopenedShell,
    screen: (u16, u16),
) -> Vec<Effect> {
    ask_engine(view, shown.actor, screen, shown.takes_keys)
}

fn ask_engine(
    view: &mut LessonView,
    actor: ActorName,
    screen: (u16, u16),
    takes_keys: bool,
) -> Vec<Effect> {
    let size = terminal_size(screen, ShellRoom::of_zoom(view.panes.is_zoomed));
    let tab = view.shells.ask_for_tab(size, takes_keys);
    vec![Effect::SendToEngine(Request::OpenShell { tab, actor, size })]
}

/// A shell was opened, or could not be.
pub fn on_opened(
    model: &mut Model,
    tab: u32,
    actor: ActorName,
    opened: Result<(), String>,
) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    if let Err(error) = opened {
        view.shells.forget_asked(tab);
        model.notice = Some(Notice::NoShell { actor, error });
        return Vec::new();
    }

    let size = terminal_size(model.size, ShellRoom::of_zoom(view.panes.is_zoomed));
    let in_what_if = view.is_in_branch();
    if !view.shells.add_tab(tab, actor.clone(), size, in_what_if) {
        let key = keys::shell::OTHER_SIDE;
        model.notice = Some(Notice::ShellBehind { actor, other_side: key.into() });
    }
    let typed = view.shells.take_to_type(tab);
    // The screen may have another size by now than when it was asked for.
    let mut effects = view.shells.resize_tabs(model.size, ShellRoom::of_zoom(view.panes.is_zoomed));
    effects.extend(typed.map(|bytes| Effect::TypeIntoShell { tab, bytes }));
    effects
}

/// A shell has ended: who typed there is told where the keys go now.
pub fn on_ended(model: &mut Model, tab: u32) {
    let Screen::Lesson(view) = &mut model.screen else { return };
    let Some(ended) = view.shells.close_tab(tab).filter(|ended| ended.had_keys) else { return };

    let next = view.shells.current_tab().map(|tab| tab.actor().clone());
    model.notice =
        Some(Notice::ShellEnded { actor: ended.actor, next, shell: keys::lesson::SHELL.into() });
}

/// Take in what a program printed; its terminal may answer.
pub fn on_output(model: &mut Model, tab: u32, printed: &[u8]) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let Some(terminal) = view.shells.tab_mut(tab) else { return Vec::new() };
    let bytes = terminal.process_output(printed);
    let typed = terminal.take_typed();
    if !terminal.in_what_if {
        typed.into_iter().for_each(|line| view.learning.by_hand.note_line(tab, line));
    }
    if bytes.is_empty() { Vec::new() } else { vec![Effect::TypeIntoShell { tab, bytes }] }
}

pub fn on_paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    if !view.shells.is_typing() {
        return Vec::new();
    }
    view.shells.note_typing();
    let tab = view.shells.current_tab_mut().map(|tab| {
        let bytes = tab.paste_bytes(text);
        tab.note_entered(&bytes);
        (tab.id, bytes)
    });
    tab.map(|(tab, bytes)| Effect::TypeIntoShell { tab, bytes }).into_iter().collect()
}
