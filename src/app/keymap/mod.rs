//! The keys of every mode: a table for each, whose rows hold all that there is to a key, down to the function that
//! carries it out. Footer, help and palette are made from the same rows, and texts name a key by its constant in `keys`.

pub mod catalogue;
pub mod early_input;
pub mod edit;
pub mod ended;
mod everywhere;
pub mod keys;
pub mod lesson;
pub mod modes;
pub mod overlay;
pub mod quiz;
pub mod shell;
pub mod talk;

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::talk::TalkView;
use super::{Effect, LessonView, Model, Screen};
use crate::notice::KeyName;

/// One press: a key, and whether ctrl is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl Chord {
    const fn plain(code: KeyCode) -> Chord {
        Chord { code, modifiers: KeyModifiers::NONE }
    }

    const fn ctrl(letter: char) -> Chord {
        Chord { code: KeyCode::Char(letter), modifiers: KeyModifiers::CONTROL }
    }

    fn is_pressed(self, event: KeyEvent) -> bool {
        // Shift is part of the character; terminals differ in whether they say it again.
        self.code == event.code && self.modifiers == event.modifiers - KeyModifiers::SHIFT
    }
}

/// The name that is printed for it, everywhere.
impl fmt::Display for Chord {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other keys are printed by their own names"
    )]
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            out.write_str("ctrl-")?;
        }

        match self.code {
            KeyCode::Char(' ') => out.write_str("Space"),
            KeyCode::Char(letter) => write!(out, "{letter}"),
            KeyCode::Left => out.write_str("<-"),
            KeyCode::Right => out.write_str("->"),
            KeyCode::PageDown => out.write_str("PgDn"),
            KeyCode::PageUp => out.write_str("PgUp"),
            KeyCode::BackTab => out.write_str("shift-Tab"),
            KeyCode::F(number) => write!(out, "F{number}"),
            // `Enter`, `Esc`, `Tab`, `Up`, `Home` …
            other => write!(out, "{other:?}"),
        }
    }
}

/// The key of one command: all chords that give it, the one to print first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    chords: &'static [Chord],
    /// Each chord means another place in a row of things, and all are printed: `1-7`.
    is_range: bool,
}

impl Key {
    const fn new(chords: &'static [Chord]) -> Key {
        Key { chords, is_range: false }
    }

    const fn range(chords: &'static [Chord]) -> Key {
        Key { chords, is_range: true }
    }

    /// The place of the pressed chord among those of this key.
    pub fn place(&self, event: KeyEvent) -> Option<usize> {
        self.chords.iter().position(|chord| chord.is_pressed(event))
    }

    pub fn is_pressed(&self, event: KeyEvent) -> bool {
        self.place(event).is_some()
    }

    /// The name to print for a press of it, of a range that of the chord.
    pub fn pressed_name(&self, place: usize) -> String {
        self.chord(if self.is_range { place } else { 0 }).to_string()
    }

    /// One chord of it, or else the first.
    pub fn chord(&self, place: usize) -> Chord {
        self.chords.get(place).copied().unwrap_or(self.chords[0])
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.chords {
            [first, .., last] if self.is_range => write!(out, "{first}-{last}"),
            [first, ..] => first.fmt(out),
            [] => Ok(()),
        }
    }
}

impl From<Key> for KeyName {
    fn from(key: Key) -> KeyName {
        KeyName(key.to_string())
    }
}

/// The two or three words of a row in the footer.
#[derive(Debug)]
pub enum FooterText<V> {
    /// It has no place there.
    Never,
    Is(&'static str),
    /// Another one as things stand.
    Now(fn(&V) -> &'static str),
}

/// The sentence of a row in help and palette.
#[derive(Debug)]
pub enum HelpText {
    Is(&'static str),
    /// It names another key.
    Naming(fn() -> String),
}

/// The function that carries a key out.
#[derive(Debug)]
pub enum KeyFunction<V> {
    /// Only what is looked at changes.
    Look(fn(&mut V)),
    Act(fn(&mut Model) -> Vec<Effect>),
    /// The key is a range, of which so many chords mean something now.
    Nth {
        count: fn(&V) -> usize,
        act: fn(&mut Model, usize) -> Vec<Effect>,
    },
}

/// The part of the model that the keys of a mode are about.
pub trait ModeState: Sized + 'static {
    fn of(model: &Model) -> Option<&Self>;
    fn of_mut(model: &mut Model) -> Option<&mut Self>;
}

impl ModeState for Model {
    fn of(model: &Model) -> Option<&Model> {
        Some(model)
    }

    fn of_mut(model: &mut Model) -> Option<&mut Model> {
        Some(model)
    }
}

impl ModeState for LessonView {
    fn of(model: &Model) -> Option<&LessonView> {
        if let Screen::Lesson(view) = &model.screen { Some(view) } else { None }
    }

    fn of_mut(model: &mut Model) -> Option<&mut LessonView> {
        if let Screen::Lesson(view) = &mut model.screen { Some(view) } else { None }
    }
}

impl ModeState for TalkView {
    fn of(model: &Model) -> Option<&TalkView> {
        if let Screen::Talk(window) = &model.screen { Some(window) } else { None }
    }

    fn of_mut(model: &mut Model) -> Option<&mut TalkView> {
        if let Screen::Talk(window) = &mut model.screen { Some(window) } else { None }
    }
}

/// One row of a mode's table: a key, and everything about it.
#[derive(Debug)]
pub struct Binding<V: 'static> {
    pub key: Key,
    pub short: FooterText<V>,
    pub long: HelpText,
    /// It does something now: the footer shows it then. Pressed all the same, it says why it does not.
    pub works: fn(&V) -> bool,
    pub run: KeyFunction<V>,
}

impl<V: ModeState> Binding<V> {
    /// Carry it out as the chord at this place says.
    pub fn run(&self, model: &mut Model, place: usize) -> Vec<Effect> {
        match &self.run {
            KeyFunction::Look(look) => {
                if let Some(state) = V::of_mut(model) {
                    look(state);
                }
                Vec::new()
            }
            KeyFunction::Act(act) => act(model),
            KeyFunction::Nth { act, .. } => act(model, place),
        }
    }

    /// The place of the pressed chord, if it is one that means something.
    fn place(&self, state: &V, event: KeyEvent) -> Option<usize> {
        let place = self.key.place(event)?;
        match &self.run {
            KeyFunction::Look(_) | KeyFunction::Act(_) => Some(place),
            KeyFunction::Nth { count, .. } => (place < count(state)).then_some(place),
        }
    }

    pub fn help(&self) -> String {
        match &self.long {
            HelpText::Is(text) => (*text).to_owned(),
            HelpText::Naming(text) => text(),
        }
    }
}

/// For rows that do something at all times.
const fn always<V>(_: &V) -> bool {
    true
}

/// A row that does something at all times, and has no place in a footer.
const fn row<V: ModeState>(key: Key, long: &'static str, run: KeyFunction<V>) -> Binding<V> {
    Binding { key, short: FooterText::Never, long: HelpText::Is(long), works: always, run }
}

/// The row of a table that a press means, and the place of the chord in it.
fn find<'a, V: ModeState>(
    table: &'a [Binding<V>],
    state: &V,
    event: KeyEvent,
) -> Option<(&'a Binding<V>, usize)> {
    table.iter().find_map(|row| Some((row, row.place(state, event)?)))
}

/// Carry out what a press means by this table; None if it means nothing there.
fn press<V: ModeState>(
    table: &[Binding<V>],
    model: &mut Model,
    event: KeyEvent,
) -> Option<Vec<Effect>> {
    let (row, place) = find(table, V::of(model)?, event)?;
    Some(row.run(model, place))
}

/// The rows of a table that do something now, with their words for the footer. Neighbours with the same words are one
/// item: `j k move`.
fn footer<V: ModeState>(table: &[Binding<V>], state: &V) -> Vec<(String, &'static str)> {
    let mut items: Vec<(String, &'static str)> = Vec::new();
    // Help and the way out stand at the footer's end, whatever has room before them.
    let at_end = [keys::everywhere::HELP, keys::everywhere::QUIT, keys::talk::END];
    let is_shown = |row: &&Binding<V>| (row.works)(state) && !at_end.contains(&row.key);
    for row in table.iter().filter(is_shown) {
        let words = match &row.short {
            FooterText::Never => continue,
            FooterText::Is(words) => words,
            FooterText::Now(words) => words(state),
        };

        match items.last_mut().filter(|(_, last)| *last == words) {
            Some((keys, _)) => *keys = format!("{keys} {}", row.key),
            None => items.push((row.key.to_string(), words)),
        }
    }

    items
}

/// The rows of a table for the help: the key as it is printed, and what it does.
fn help<V: ModeState>(table: &[Binding<V>]) -> Vec<(String, String)> {
    table.iter().map(|row| (row.key.to_string(), row.help())).collect()
}

/// The press of a key by its printed name, for scripts of messages.
#[cfg(test)]
pub fn press_of(name: &str) -> KeyEvent {
    let (modifiers, rest) = match name.strip_prefix("ctrl-") {
        Some(rest) => (KeyModifiers::CONTROL, rest),
        None => (KeyModifiers::NONE, name),
    };

    let mut letters = rest.chars();
    let code = match (letters.next(), letters.next()) {
        (Some(letter), None) => KeyCode::Char(letter),
        _ => {
            let named = [
                KeyCode::Enter,
                KeyCode::Esc,
                KeyCode::Tab,
                KeyCode::BackTab,
                KeyCode::Char(' '),
                KeyCode::Left,
                KeyCode::Right,
                KeyCode::Up,
                KeyCode::Down,
                KeyCode::PageUp,
                KeyCode::PageDown,
                KeyCode::Home,
                KeyCode::End,
            ];
            let functions = (1..=12).map(KeyCode::F);
            let found = named
                .into_iter()
                .chain(functions)
                .find(|code| Chord::plain(*code).to_string() == rest);
            found.unwrap_or_else(|| panic!("no key is named {rest}"))
        }
    };

    KeyEvent::new(code, modifiers)
}
