//! Rows that several screens have: each with the screen's own function, or the same for all.

use super::{Binding, FooterText, HelpText, KeyFunction, ModeState, always, keys, row};
use crate::app::{Effect, Model, ScreenOverlay, welcome};

pub const fn down<V: ModeState>(run: KeyFunction<V>) -> Binding<V> {
    row(keys::everywhere::DOWN, "down", run)
}

pub const fn up<V: ModeState>(run: KeyFunction<V>) -> Binding<V> {
    row(keys::everywhere::UP, "up", run)
}

pub const fn page_down<V: ModeState>(run: KeyFunction<V>) -> Binding<V> {
    row(keys::everywhere::PAGE_DOWN, "a page down", run)
}

pub const fn page_up<V: ModeState>(run: KeyFunction<V>) -> Binding<V> {
    row(keys::everywhere::PAGE_UP, "a page up", run)
}

pub const fn first<V: ModeState>(run: KeyFunction<V>) -> Binding<V> {
    row(keys::everywhere::FIRST, "first row", run)
}

pub const fn last<V: ModeState>(run: KeyFunction<V>) -> Binding<V> {
    row(keys::everywhere::LAST, "last row", run)
}

pub const fn redraw<V: ModeState>() -> Binding<V> {
    row(
        keys::everywhere::REDRAW,
        "draw the screen again",
        KeyFunction::Act(|_| vec![Effect::Redraw]),
    )
}

pub const fn suspend<V: ModeState>() -> Binding<V> {
    row(keys::everywhere::SUSPEND, "suspend", KeyFunction::Act(|_| vec![Effect::Suspend]))
}

pub const fn help<V: ModeState>() -> Binding<V> {
    Binding {
        key: keys::everywhere::HELP,
        short: FooterText::Is("keys"),
        long: HelpText::Is("this list of keys"),
        works: always,
        run: KeyFunction::Act(open_help),
    }
}

pub const fn way<V: ModeState>() -> Binding<V> {
    Binding {
        key: keys::everywhere::WAY,
        short: FooterText::Is("how I learn"),
        long: HelpText::Is("how you learn: shown first, or typing first; and the first screen"),
        works: always,
        run: KeyFunction::Act(welcome::open),
    }
}

pub const fn quit<V: ModeState>(act: fn(&mut Model) -> Vec<Effect>) -> Binding<V> {
    Binding {
        key: keys::everywhere::QUIT,
        short: FooterText::Is("quit"),
        long: HelpText::Is("quit; a running lab is taken down"),
        works: always,
        run: KeyFunction::Act(act),
    }
}

fn open_help(model: &mut Model) -> Vec<Effect> {
    model.overlay = ScreenOverlay::Help { scroll: 0 };
    Vec::new()
}
