//! The one table of keys: it feeds the keyboard, the footer, the help and the palette.

use crossterm::event::{KeyCode, KeyModifiers};

/// A command that a key gives. A closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    Run,
    LookBack,
    LookForward,
    BackToLive,
    Rewind,
    Restart,
    Steps,
    NextPane,
    PreviousPane,
    Pane(usize),
    Down,
    Up,
    PageDown,
    PageUp,
    First,
    Last,
    NextChange,
    PreviousChange,
    Group,
    Compare,
    ChangesOnly,
    Zoom,
    Beside,
    Shell,
    Shells,
    YourTurn,
    Hint,
    WhatIf,
    LeaveOut,
    CheckYourself,
    StoryDown,
    Search,
    SearchNext,
    SearchPrevious,
    CopyRow,
    CopyPane,
    Numbers,
    Palette,
    Help,
    Redraw,
    Suspend,
    Quit,
}

/// The screens on which a binding applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BindingScope {
    Everywhere,
    Lesson,
    Catalogue,
}

/// One line of the table.
#[derive(Debug)]
pub struct Binding {
    pub(super) keys: &'static [(KeyCode, KeyModifiers)],
    /// As the footer and the help print it.
    pub label: &'static str,
    /// Two or three words.
    pub short: &'static str,
    pub long: &'static str,
    pub command: Command,
    pub(super) place: BindingScope,
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;

macro_rules! keys {
    ($($code:expr),*) => { &[$(($code, NONE)),*] };
}

/// Most important first: a narrow footer drops from the right.
pub const BINDINGS: &[Binding] = &[
    binding(
        keys![KeyCode::Enter],
        "Enter",
        "run",
        "run the next step, the only key that changes the lab",
        Command::Run,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Enter],
        "Enter",
        "open",
        "open the lesson",
        Command::Run,
        BindingScope::Catalogue,
    ),
    binding(
        keys![KeyCode::Char('s')],
        "s",
        "shell",
        "a real shell in the lab; ctrl-] leaves it",
        Command::Shell,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('T')],
        "T",
        "your turn",
        "do the step yourself in a shell; again: end that",
        Command::YourTurn,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('H')],
        "H",
        "hint",
        "a hint for what is not true yet: nudge, manual, command",
        Command::Hint,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('p')],
        "p",
        "check",
        "predict what the step will do; or check yourself",
        Command::CheckYourself,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('w')],
        "w",
        "what if",
        "do another thing at this step, in a lab beside this one",
        Command::WhatIf,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('e')],
        "e",
        "each group",
        "Cgroups: the row's group alone, or each in turn; all again",
        Command::Group,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Left, KeyCode::Char('h')],
        "<-",
        "look back",
        "look at the recorded state one step back",
        Command::LookBack,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Right, KeyCode::Char('l')],
        "->",
        "forward",
        "look one recorded step forward",
        Command::LookForward,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Esc],
        "Esc",
        "live",
        "back to the live lab; closes what is open",
        Command::BackToLive,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Tab],
        "Tab",
        "pane",
        "next pane",
        Command::NextPane,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::BackTab],
        "shift-Tab",
        "",
        "previous pane",
        Command::PreviousPane,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('d')],
        "d",
        "diff",
        "diff, before | after, before, after",
        Command::Compare,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('c')],
        "c",
        "changes",
        "changed rows only, or all",
        Command::ChangesOnly,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('z')],
        "z",
        "zoom",
        "the pane alone, and back",
        Command::Zoom,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('S')],
        "S",
        "",
        "list of shells: go to one, or start another",
        Command::Shells,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('u')],
        "u",
        "rewind",
        "rewind one step: a fresh lab, the steps before replayed",
        Command::Rewind,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('t')],
        "t",
        "steps",
        "list of steps; look at one, or go there",
        Command::Steps,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('o')],
        "o",
        "docker, OCI",
        "shell lines, docker's command, config.json, or notes",
        Command::Beside,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('x')],
        "x",
        "leave out",
        "leave the next step out, and see what is missing then",
        Command::LeaveOut,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char(']')],
        "]",
        "next change",
        "next changed row, across panes",
        Command::NextChange,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('[')],
        "[",
        "",
        "previous changed row",
        Command::PreviousChange,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('/')],
        "/",
        "find",
        "search in the pane",
        Command::Search,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('n')],
        "n",
        "",
        "next match",
        Command::SearchNext,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('N')],
        "N",
        "",
        "previous match",
        Command::SearchPrevious,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char(' ')],
        "Space",
        "read on",
        "scroll the story; never runs anything",
        Command::StoryDown,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('y')],
        "y",
        "copy",
        "copy the row",
        Command::CopyRow,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('Y')],
        "Y",
        "",
        "copy the whole pane",
        Command::CopyPane,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('I')],
        "I",
        "",
        "the kernel's own numbers, or stable ones",
        Command::Numbers,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Char('R')],
        "R",
        "",
        "start the lesson anew",
        Command::Restart,
        BindingScope::Lesson,
    ),
    binding(
        keys![KeyCode::Down, KeyCode::Char('j')],
        "j",
        "",
        "down",
        Command::Down,
        BindingScope::Everywhere,
    ),
    binding(
        keys![KeyCode::Up, KeyCode::Char('k')],
        "k",
        "",
        "up",
        Command::Up,
        BindingScope::Everywhere,
    ),
    binding(
        &[(KeyCode::PageDown, NONE), (KeyCode::Char('d'), CTRL)],
        "PgDn",
        "",
        "a page down",
        Command::PageDown,
        BindingScope::Everywhere,
    ),
    binding(
        &[(KeyCode::PageUp, NONE), (KeyCode::Char('u'), CTRL)],
        "PgUp",
        "",
        "a page up",
        Command::PageUp,
        BindingScope::Everywhere,
    ),
    binding(
        keys![KeyCode::Home, KeyCode::Char('g')],
        "g",
        "",
        "first row",
        Command::First,
        BindingScope::Everywhere,
    ),
    binding(
        keys![KeyCode::End, KeyCode::Char('G')],
        "G",
        "",
        "last row",
        Command::Last,
        BindingScope::Everywhere,
    ),
    binding(
        keys![KeyCode::Char('1')],
        "1-7",
        "",
        "a pane by its number (7: the system calls)",
        Command::Pane(0),
        BindingScope::Lesson,
    ),
    binding(keys![KeyCode::Char('2')], "", "", "", Command::Pane(1), BindingScope::Lesson),
    binding(keys![KeyCode::Char('3')], "", "", "", Command::Pane(2), BindingScope::Lesson),
    binding(keys![KeyCode::Char('4')], "", "", "", Command::Pane(3), BindingScope::Lesson),
    binding(keys![KeyCode::Char('5')], "", "", "", Command::Pane(4), BindingScope::Lesson),
    binding(keys![KeyCode::Char('6')], "", "", "", Command::Pane(5), BindingScope::Lesson),
    binding(keys![KeyCode::Char('7')], "", "", "", Command::Pane(6), BindingScope::Lesson),
    binding(
        &[(KeyCode::Char(':'), NONE), (KeyCode::Char('p'), CTRL)],
        ":",
        "all",
        "everything that can be done, with search",
        Command::Palette,
        BindingScope::Lesson,
    ),
    binding(
        &[(KeyCode::Char('l'), CTRL)],
        "ctrl-l",
        "",
        "draw the screen anew",
        Command::Redraw,
        BindingScope::Everywhere,
    ),
    binding(
        &[(KeyCode::Char('z'), CTRL)],
        "ctrl-z",
        "",
        "suspend",
        Command::Suspend,
        BindingScope::Everywhere,
    ),
    binding(
        keys![KeyCode::Char('?'), KeyCode::F(1)],
        "?",
        "help",
        "this help",
        Command::Help,
        BindingScope::Everywhere,
    ),
    binding(
        &[(KeyCode::Char('q'), NONE), (KeyCode::Char('c'), CTRL)],
        "q",
        "quit",
        "quit; a running lab is taken down",
        Command::Quit,
        BindingScope::Everywhere,
    ),
];

const fn binding(
    keys: &'static [(KeyCode, KeyModifiers)],
    label: &'static str,
    short: &'static str,
    long: &'static str,
    command: Command,
    place: BindingScope,
) -> Binding {
    Binding { keys, label, short, long, command, place }
}

/// The key of a command, as it is printed.
pub fn label(command: Command) -> &'static str {
    BINDINGS.iter().find(|binding| binding.command == command).map_or("", |binding| binding.label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for (index, one) in BINDINGS.iter().enumerate() {
            for other in &BINDINGS[index + 1..] {
                let overlap = one.place == other.place
                    || one.place == BindingScope::Everywhere
                    || other.place == BindingScope::Everywhere;
                for key in one.keys {
                    assert!(
                        !(overlap && other.keys.contains(key)),
                        "{key:?}: {} and {}",
                        one.long,
                        other.long
                    );
                }
            }
        }
    }

    #[test]
    fn no_key_is_ambiguous_in_an_old_terminal() {
        for (code, modifiers) in BINDINGS.iter().flat_map(|binding| binding.keys) {
            let letter = if let KeyCode::Char(letter) = code { *letter } else { ' ' };
            let ambiguous = *modifiers == CTRL && "mijh[ ".contains(letter);
            assert!(!ambiguous && !modifiers.contains(KeyModifiers::ALT), "{code:?} {modifiers:?}");
        }
    }
}
