//! The keys by what they do, mode by mode. Tables bind them to functions; texts that name a key print its constant here.

use crossterm::event::KeyCode;

use super::{Chord, Key};
use crate::view::ViewKind;

const fn key(code: KeyCode) -> Chord {
    Chord::plain(code)
}

const fn letter(letter: char) -> Chord {
    Chord::plain(KeyCode::Char(letter))
}

const fn ctrl(letter: char) -> Chord {
    Chord::ctrl(letter)
}

/// As many letters or digits, from the first on.
const fn from<const COUNT: usize>(first: char) -> [Chord; COUNT] {
    let mut chords = [letter(first); COUNT];
    let mut at = 0;
    while at < COUNT {
        chords[at] = letter((first as u8 + at as u8) as char);
        at += 1;
    }
    chords
}

/// A module per mode, with a constant per key, and a list of all of them: each must have a row in the mode's table.
macro_rules! keys {
    ($($(#[$about:meta])* $mode:ident { $($name:ident $([$range:ident])?: $chords:expr;)+ })+) => {
        $(
            $(#[$about])*
            pub mod $mode {
                use super::*;

                $(pub const $name: Key = keys!(@ $($range)? $chords);)+

                pub const ALL: &[Key] = &[$($name),+];
            }
        )+
    };
    (@ range $chords:expr) => { Key::range(&$chords) };
    (@ $chords:expr) => { Key::new(&$chords) };
}

keys! {
    /// The same on several screens.
    everywhere {
        DOWN: [letter('j'), key(KeyCode::Down)];
        UP: [letter('k'), key(KeyCode::Up)];
        PAGE_DOWN: [key(KeyCode::PageDown), ctrl('d')];
        PAGE_UP: [key(KeyCode::PageUp), ctrl('u')];
        FIRST: [letter('g'), key(KeyCode::Home)];
        LAST: [letter('G'), key(KeyCode::End)];
        REDRAW: [ctrl('l')];
        SUSPEND: [ctrl('z')];
        HELP: [letter('?'), key(KeyCode::F(1))];
        WAY: [letter('W')];
        QUIT: [letter('q'), ctrl('c')];
    }

    catalogue {
        OPEN: [key(KeyCode::Enter)];
    }

    /// After a lesson.
    ended {
        OPEN: [key(KeyCode::Enter)];
        COPY: [letter('y')];
        SAVE: [letter('S')];
        MAP: [letter('m')];
        BACK: [key(KeyCode::Esc)];
    }

    lesson {
        RUN: [key(KeyCode::Enter)];
        SHELL: [letter('s')];
        YOUR_TURN: [letter('T')];
        HINT: [letter('H')];
        ASK: [letter('i')];
        CHECK_YOURSELF: [letter('p')];
        WHAT_IF: [letter('w')];
        GROUP: [letter('e')];
        LOOK_BACK: [key(KeyCode::Left), letter('h')];
        LOOK_FORWARD: [key(KeyCode::Right), letter('l')];
        BACK_TO_LIVE: [key(KeyCode::Esc)];
        NEXT_PANE: [key(KeyCode::Tab)];
        PREVIOUS_PANE: [key(KeyCode::BackTab)];
        COMPARE: [letter('d')];
        ALL_ROWS: [letter('c')];
        MAP: [letter('m')];
        ZOOM: [letter('z')];
        SHELLS: [letter('S')];
        REWIND: [letter('u')];
        STEP_AGAIN: [letter('r')];
        STEPS: [letter('t')];
        BESIDE: [letter('o')];
        LEAVE_OUT: [letter('x')];
        NEXT_CHANGE: [letter(']')];
        PREVIOUS_CHANGE: [letter('[')];
        SEARCH: [letter('/')];
        SEARCH_NEXT: [letter('n')];
        SEARCH_PREVIOUS: [letter('N')];
        READ_ON: [letter(' ')];
        READ_BACK: [letter('b'), key(KeyCode::Backspace)];
        COPY: [letter('y')];
        COPY_WHOLE: [letter('Y')];
        NUMBERS: [letter('I')];
        RESTART: [letter('R')];
        SEE_TAPE: [letter('P')];
        PANE [range]: from::<{ ViewKind::ALL.len() }>('1');
        PALETTE: [letter(':'), ctrl('p')];
    }

    quiz {
        OPTION [range]: from::<7>('a');
        MARK: [letter(' ')];
        ENTER: [key(KeyCode::Enter)];
        VISIT: [letter('v')];
        HINT: [letter('H')];
        UNKNOWN: [letter('0')];
        LATER: [key(KeyCode::Esc)];
    }

    shell {
        // In both ways that terminals say it.
        LEAVE: [ctrl(']'), ctrl('5')];
        // Many keyboards have no `]` of their own; some terminals keep F10 for their menu.
        LEAVE_TOO: [key(KeyCode::F(10))];
        GO_ON: [key(KeyCode::F(9))];
        HINT: [key(KeyCode::F(8))];
        OTHER_SIDE: [key(KeyCode::F(6))];
        HIDE: [key(KeyCode::Esc)];
    }

    /// Over the screen; also while something is typed, so that no letter closes it.
    overlay {
        CLOSE: [key(KeyCode::Esc), ctrl('c')];
    }

    /// The help, and the programs of somebody else's lesson.
    reading {
        PAGE_DOWN: [letter(' '), key(KeyCode::PageDown)];
        PAGE_UP: [key(KeyCode::PageUp)];
    }

    /// A card on something.
    card {
        COPY: [letter('y')];
        TYPE: [letter('s')];
        MANUAL: [letter('m')];
        WORDS: [letter('i')];
    }

    confirm {
        YES: [letter('y'), letter('Y')];
        ENTER: [key(KeyCode::Enter)];
        // The key that asked, once more.
        QUIT: [letter('q'), ctrl('c')];
        NO: [key(KeyCode::Esc)];
    }

    /// The first screen.
    welcome {
        TURN: [key(KeyCode::Down), key(KeyCode::Up), letter('j'), letter('k'), key(KeyCode::Tab)];
        CHOOSE: [key(KeyCode::Enter)];
        LATER: [key(KeyCode::Esc)];
        QUIT: [letter('q'), ctrl('c')];
    }

    programs {
        AGREE: [key(KeyCode::Enter)];
        LEAVE: [key(KeyCode::Esc), letter('q'), ctrl('c')];
    }

    search {
        FIND: [key(KeyCode::Enter)];
    }

    list {
        DOWN: [key(KeyCode::Down)];
        UP: [key(KeyCode::Up)];
        CHOOSE: [key(KeyCode::Enter)];
        LEAVE_OUT: [ctrl('x')];
    }

    /// A clicker sends PgDn, PgUp, `b` or `.`.
    talk {
        NEXT: [key(KeyCode::PageDown), letter(' '), key(KeyCode::Right), letter('n')];
        BACK: [key(KeyCode::PageUp), key(KeyCode::Left)];
        RUN_NOW: [key(KeyCode::Enter)];
        RUN_NOW_TOO: [ctrl('e')];
        REWIND: [letter('u')];
        RESTART: [letter('R')];
        JUMP: [letter('t')];
        WHAT_IF: [letter('w')];
        BLANK: [letter('B'), letter('b'), letter('.')];
        FREEZE: [letter('F')];
        PANE [range]: from::<{ ViewKind::ALL.len() }>('1');
        ZOOM: [letter('z')];
        MARK: [letter('L')];
        DOWN: [letter('j')];
        UP: [letter('k')];
        NOTES_DOWN: [key(KeyCode::Down)];
        NOTES_UP: [key(KeyCode::Up)];
        SKIP: [letter('S')];
        ADD_TIME: [letter('A')];
        PAUSE: [letter('P')];
        KEYS: [letter('K')];
        MASK: [letter('M')];
        ARM: [letter('a')];
        END: [letter('q')];
        CLOSE: [ctrl('c')];
    }

    /// A question to the speaker.
    talk_confirm {
        YES: [letter('y'), letter('Y')];
    }

    /// The list of steps in a talk.
    talk_jump {
        PAGE_DOWN: [key(KeyCode::PageDown)];
        PAGE_UP: [key(KeyCode::PageUp)];
        FIRST: [key(KeyCode::Home)];
        LAST: [key(KeyCode::End)];
        GO: [key(KeyCode::Enter)];
        STAY: [key(KeyCode::Esc)];
    }
}
