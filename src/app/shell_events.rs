//! Events of the shells: keys, what their programs print, and another one that is asked for.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::shells::{ShellFocus, inner_size};
use super::{Effect, LessonView, Model, Screen};
use crate::engine::Request;
use crate::op::ActorName;

/// ctrl-], in both ways terminals say it.
fn is_leave(key: KeyEvent) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, KeyCode::Char(']' | '5'))
}

/// A key while the shells may have it; None when it is the lesson's.
pub fn on_key(view: &mut LessonView, key: KeyEvent) -> Option<Vec<Effect>> {
    const PAGE: isize = 8;

    let shells = &mut view.shells;
    let focus = shells.focus;
    let tab = shells.current_mut()?;

    match focus {
        ShellFocus::Hidden | ShellFocus::Shown => return None,
        ShellFocus::Typing if is_leave(key) => shells.focus = ShellFocus::Looking,
        ShellFocus::Typing => {
            tab.scroll(isize::MIN);
            let bytes = tab.key(key);
            return Some(vec![Effect::Type { tab: tab.id, bytes }]);
        }
        ShellFocus::Looking if is_leave(key) => {
            let effect = Effect::Type { tab: tab.id, bytes: vec![0x1d] };
            shells.focus = ShellFocus::Typing;
            return Some(vec![effect]);
        }
        ShellFocus::Looking => match key.code {
            KeyCode::Up | KeyCode::Char('k') => tab.scroll(1),
            KeyCode::Down | KeyCode::Char('j') => tab.scroll(-1),
            KeyCode::PageUp => tab.scroll(PAGE),
            KeyCode::PageDown => tab.scroll(-PAGE),
            KeyCode::Char('g') | KeyCode::Home => tab.scroll(isize::MAX),
            KeyCode::Char('G') | KeyCode::End => tab.scroll(isize::MIN),
            KeyCode::Esc => shells.focus = ShellFocus::Hidden,
            KeyCode::Tab | KeyCode::BackTab | KeyCode::Char('1'..='7' | '[' | ']') => {
                shells.focus = ShellFocus::Shown;
                return None;
            }
            _ => return None,
        },
    }

    Some(Vec::new())
}

/// To the shell that is there, or to a new one where the next action happens.
pub fn enter(view: &mut LessonView, screen: (u16, u16)) -> Vec<Effect> {
    if view.shells.current().is_some() {
        view.shells.focus = ShellFocus::Typing;
        return view.shells.fit(screen, view.zoomed);
    }
    let wanted = view.step().and_then(|step| step.actions.first()).map(|entry| entry.actor.clone());
    let actors = view.actors();
    let actor = wanted.filter(|actor| actors.contains(actor)).unwrap_or_else(ActorName::host);
    ask_for(view, actor, screen)
}

/// Ask the engine for a shell.
pub fn ask_for(view: &mut LessonView, actor: ActorName, screen: (u16, u16)) -> Vec<Effect> {
    let tab = view.shells.number();
    let size = inner_size(screen, view.zoomed);
    vec![Effect::Engine(Request::Shell { tab, actor, size })]
}

/// Take in what a program printed; its terminal may answer.
pub fn on_output(model: &mut Model, tab: u32, printed: &[u8]) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let Some(terminal) = view.shells.get_mut(tab) else { return Vec::new() };
    let bytes = terminal.feed(printed);
    if bytes.is_empty() { Vec::new() } else { vec![Effect::Type { tab, bytes }] }
}

pub fn on_paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    if !view.shells.is_typing() {
        return Vec::new();
    }
    let tab = view.shells.current().map(|tab| (tab.id, tab.paste(text)));
    tab.map(|(tab, bytes)| Effect::Type { tab, bytes }).into_iter().collect()
}
