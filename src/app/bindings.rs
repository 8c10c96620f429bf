//! The lines of the table of keys that hold on the screen that is shown.

use crossterm::event::{KeyEvent, KeyModifiers};

use super::keymap::{BINDINGS, Binding, BindingScope, Command};
use super::{LessonView, Model, Phase, Screen};
use crate::view::ViewKind;

/// The command that a key gives on this screen.
pub fn command(key: KeyEvent, screen: &Screen) -> Option<Command> {
    // Shift is part of the character; terminals differ in whether they say it again.
    let modifiers = key.modifiers - KeyModifiers::SHIFT;
    let fits = |binding: &&Binding| {
        applies(binding, screen)
            && binding.keys.iter().any(|(code, wanted)| *code == key.code && *wanted == modifiers)
    };
    BINDINGS.iter().find(fits).map(|binding| binding.command)
}

fn applies(binding: &Binding, screen: &Screen) -> bool {
    match binding.place {
        BindingScope::Everywhere => true,
        BindingScope::Lesson => matches!(screen, Screen::Lesson(_)),
        BindingScope::Catalogue => matches!(screen, Screen::Catalogue),
    }
}

/// The bindings that do something now, for the footer.
pub fn footer(model: &Model) -> Vec<&'static Binding> {
    let works = |binding: &&Binding| {
        applies(binding, &model.screen)
            && !binding.short.is_empty()
            && works_now(binding.command, &model.screen)
    };
    BINDINGS.iter().filter(works).collect()
}

/// Every binding of this screen with a text, for help and palette.
pub fn listed(screen: &Screen) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| applies(binding, screen) && !binding.long.is_empty())
}

fn works_now(command: Command, screen: &Screen) -> bool {
    let Screen::Lesson(view) = screen else { return true };

    match command {
        Command::Shell | Command::YourTurn | Command::LeaveOut if view.tape.is_some() => false,
        Command::Run => {
            view.learning.branch.is_some()
                || view.can_run()
                || view.can_go_on()
                || view.is_finished()
        }
        Command::LookBack => view.can_look_back(),
        Command::LookForward | Command::BackToLive => !view.is_live(),
        Command::Rewind => view.played() > 0 && is_idle(view),
        Command::Shell => view.ready.is_some(),
        Command::YourTurn => view.can_run() || view.can_go_on(),
        Command::Hint => view.learning.first_open().is_some(),
        Command::WhatIf => {
            view.learning.branch.is_none()
                && view.step().is_some_and(|step| !step.branches.is_empty())
        }
        Command::LeaveOut => view.can_run() && view.learning.turn.is_none(),
        Command::CheckYourself => view.has_question(),
        Command::Group => view.focus == ViewKind::Cgroups && view.has_groups(),
        Command::Compare | Command::ChangesOnly | Command::NextChange => view.has_records(),
        _ => true,
    }
}

fn is_idle(view: &LessonView) -> bool {
    matches!(view.phase, Phase::Ready)
}
