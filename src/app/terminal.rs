//! One shell of the learner's: the screen of its terminal, kept by a terminal emulator that a panic can't get out of.

use std::borrow::Cow;
use std::cell::Cell;
use std::num::NonZeroU16;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_width::UnicodeWidthChar;

use super::typed_line::TypedLine;
use crate::kernel::pty::TerminalSize;
use crate::op::ActorName;
use crate::text::{MAX_COMBINING_MARKS, is_hidden, safe, take_whole_characters};

/// Presses of Enter that wait for their lines at most.
const MAX_ENTERED: usize = 50;
/// Lines kept above the screen.
const SCROLLBACK: usize = 2000;

// Of one thread alone: a panic of another one, at the same time, must still give the real
// terminal back (`tui/terminal_mode.rs`).
thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// A panic that happens now is caught, and is no reason to give the real terminal back.
pub fn is_panic_contained() -> bool {
    CONTAINED.get()
}

/// A tab.
pub struct TerminalTab {
    pub id: u32,
    /// Beside whom it was started.
    pub actor: ActorName,
    /// Whom its programs are in by now, where that is another.
    pub inside: Option<ActorName>,
    /// It is in the lab of a what-if.
    pub in_what_if: bool,
    parser: vt100::Parser<Answers>,
    /// The beginning of a character whose rest has not been printed yet.
    partial: Vec<u8>,
    /// Marks that the last letter carries.
    marks: usize,
    size: TerminalSize,
    /// Lines looked back.
    scroll: usize,
    /// Presses of Enter whose lines were not seen yet.
    entered: usize,
    /// The lines that were typed, until they are taken.
    typed: Vec<TypedLine>,
}

impl std::fmt::Debug for TerminalTab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal")
            .field("id", &self.id)
            .field("actor", &self.actor)
            .finish_non_exhaustive()
    }
}

/// The answers to what programs ask of a terminal; titles and clipboards they set go nowhere.
#[derive(Debug, Default)]
struct Answers {
    bytes: Vec<u8>,
}

impl vt100::Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        first: Option<u8>,
        _second: Option<u8>,
        parameters: &[&[u16]],
        letter: char,
    ) {
        let parameter = parameters.first().and_then(|one| one.first()).copied().unwrap_or(0);

        match (first, letter, parameter) {
            // Device status reports: all is well; and where the cursor is, counted from 1.
            (None, 'n', 5) => self.bytes.extend_from_slice(b"\x1b[0n"),
            (None, 'n', 6) => {
                let (row, column) = screen.cursor_position();
                self.bytes
                    .extend_from_slice(format!("\x1b[{};{}R", row + 1, column + 1).as_bytes());
            }
            // "VT100 with advanced video": no more is promised.
            (None, 'c', 0) => self.bytes.extend_from_slice(b"\x1b[?1;2c"),
            _ => {}
        }
    }
}

impl TerminalTab {
    pub fn new(id: u32, actor: ActorName, size: TerminalSize) -> TerminalTab {
        TerminalTab {
            id,
            actor,
            inside: None,
            in_what_if: false,
            parser: parser(size),
            partial: Vec::new(),
            marks: 0,
            size,
            scroll: 0,
            entered: 0,
            typed: Vec::new(),
        }
    }

    /// The name of the tab: the actor that its programs are in.
    pub fn actor(&self) -> &ActorName {
        self.inside.as_ref().unwrap_or(&self.actor)
    }

    pub fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    pub fn size(&self) -> TerminalSize {
        self.size
    }

    /// Take in what a program printed; returns what the terminal answers it.
    pub fn process_output(&mut self, printed: &[u8]) -> Vec<u8> {
        let shown = self.seen(printed);
        self.process_lines(&shown);
        let mut answers = std::mem::take(&mut self.parser.callbacks_mut().bytes);
        // A program that asks in a loop is answered a little.
        answers.truncate(256);
        self.apply_scroll();
        answers
    }

    /// Have the emulator take it in. At the end of a line that the learner has entered, it is read off the screen: what
    /// programs print is none, however much it looks like one.
    fn process_lines(&mut self, mut printed: &[u8]) {
        while self.entered > 0
            && let Some(end) = printed.iter().position(|byte| *byte == b'\n')
        {
            self.contained(|parser| parser.process(&printed[..end]));
            if let Some(typed) = TypedLine::read(&self.line_of_cursor()) {
                self.entered -= 1;
                self.typed.push(typed);
            }
            self.contained(|parser| parser.process(b"\n"));
            printed = &printed[end + 1..];
        }
        self.contained(|parser| parser.process(printed));
    }

    /// The text of the line that the cursor is in, also where it goes over several rows.
    fn line_of_cursor(&self) -> String {
        let screen = self.screen();
        if screen.alternate_screen() || screen.scrollback() > 0 {
            return String::new();
        }
        let (row, _) = screen.cursor_position();
        let is_begun_above = |row: &u16| *row > 0 && screen.row_wrapped(*row - 1);
        let mut first = row;
        while is_begun_above(&first) {
            first -= 1;
        }
        screen.contents_between(first, 0, row, self.size.columns)
    }

    /// These bytes were typed here: as many lines may be seen as there are presses of Enter among them.
    pub fn note_entered(&mut self, bytes: &[u8]) {
        let presses = bytes.iter().filter(|byte| **byte == b'\r').count();
        // What a program reads is seen as no line: such presses don't add up.
        self.entered = (self.entered + presses).min(MAX_ENTERED);
    }

    /// The lines that were typed since the last time.
    pub fn take_typed(&mut self) -> Vec<TypedLine> {
        std::mem::take(&mut self.typed)
    }

    /// The printed text, in which everything can be seen. An escape takes more columns than the program counted on, so
    /// that a line may come out crooked; but none reads otherwise than it is.
    fn seen<'a>(&mut self, printed: &'a [u8]) -> Cow<'a, [u8]> {
        // ASCII has neither marks nor hidden letters, and is most of what programs print.
        if self.partial.is_empty() && printed.is_ascii() {
            self.marks = 0;
            return Cow::Borrowed(printed);
        }

        let bytes = take_whole_characters(&mut self.partial, printed);
        let mut shown = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                let is_mark = character.width() == Some(0);
                self.marks = if is_mark { self.marks + 1 } else { 0 };
                if is_hidden(character) || self.marks > MAX_COMBINING_MARKS {
                    shown.push_str(&safe(character.encode_utf8(&mut [0; 4])));
                } else {
                    shown.push(character);
                }
            }
            if !chunk.invalid().is_empty() {
                shown.push(char::REPLACEMENT_CHARACTER);
            }
        }

        Cow::Owned(shown.into_bytes())
    }

    pub fn resize(&mut self, size: TerminalSize) {
        self.size = size;
        self.contained(|parser| {
            let (rows, columns) = dimensions(size);
            parser.set_size(rows, columns);
        });
        self.apply_scroll();
    }

    /// Look back by so many lines, or forward by negative ones.
    pub fn scroll(&mut self, by: isize) {
        self.scroll = self.scroll.saturating_add_signed(by);
        self.apply_scroll();
    }

    pub fn is_scrolled(&self) -> bool {
        self.parser.screen().scrollback() > 0
    }

    fn apply_scroll(&mut self) {
        let wanted = self.scroll;
        self.contained(|parser| parser.screen_mut().set_scrollback(wanted));
        // The emulator keeps it within the lines there are.
        self.scroll = self.parser.screen().scrollback();
    }

    /// Whatever the emulator does with hostile bytes, the program goes on, with an empty screen if need be.
    fn contained(&mut self, act: impl FnOnce(&mut vt100::Parser<Answers>)) {
        let parser = &mut self.parser;
        CONTAINED.set(true);
        // Unwind safe, since a parser that panicked is thrown away and never looked at again.
        let went_well = catch_unwind(AssertUnwindSafe(|| act(parser))).is_ok();
        CONTAINED.set(false);
        if !went_well {
            self.parser = self::parser(self.size);
            self.scroll = 0;
            self.parser.process(b"(the terminal had to be rebuilt: press Enter)\r\n");
        }
    }

    /// The bytes a key sends to the program.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "terminals have more keys than any program answers to"
    )]
    pub fn key_bytes(&self, key: KeyEvent) -> Vec<u8> {
        let application = self.screen().application_cursor();
        let bytes = match key.code {
            KeyCode::Char(letter) => return letter_bytes(letter, key.modifiers),
            KeyCode::Enter => b"\r".to_vec(),
            KeyCode::Backspace => b"\x7f".to_vec(),
            KeyCode::Tab => b"\t".to_vec(),
            KeyCode::BackTab => b"\x1b[Z".to_vec(),
            KeyCode::Esc => b"\x1b".to_vec(),
            KeyCode::Up => arrow('A', application, key.modifiers),
            KeyCode::Down => arrow('B', application, key.modifiers),
            KeyCode::Right => arrow('C', application, key.modifiers),
            KeyCode::Left => arrow('D', application, key.modifiers),
            KeyCode::Home => arrow('H', application, key.modifiers),
            KeyCode::End => arrow('F', application, key.modifiers),
            KeyCode::Insert => b"\x1b[2~".to_vec(),
            KeyCode::Delete => b"\x1b[3~".to_vec(),
            KeyCode::PageUp => b"\x1b[5~".to_vec(),
            KeyCode::PageDown => b"\x1b[6~".to_vec(),
            KeyCode::F(number) => function_key(number),
            _ => Vec::new(),
        };

        if key.modifiers.contains(KeyModifiers::ALT) {
            [b"\x1b".as_slice(), &bytes].concat()
        } else {
            bytes
        }
    }

    /// The bytes a paste sends: marked as one where the program asked for that, with no way to end the mark early.
    pub fn paste_bytes(&self, text: &str) -> Vec<u8> {
        // A terminal sends a carriage return for Enter.
        let text = text.replace('\x1b', "").replace('\n', "\r");
        if self.screen().bracketed_paste() {
            format!("\x1b[200~{text}\x1b[201~").into()
        } else {
            text.into()
        }
    }
}

fn parser(size: TerminalSize) -> vt100::Parser<Answers> {
    let (rows, columns) = dimensions(size);
    vt100::Parser::new_with_callbacks(rows, columns, SCROLLBACK, Answers::default())
}

fn dimensions(size: TerminalSize) -> (NonZeroU16, NonZeroU16) {
    let least = NonZeroU16::MIN.saturating_add(1);
    let clamped = |number: u16| NonZeroU16::new(number).map_or(least, |number| number.max(least));
    (clamped(size.rows), clamped(size.columns))
}

fn letter_bytes(letter: char, modifiers: KeyModifiers) -> Vec<u8> {
    let mut bytes = Vec::new();
    if modifiers.contains(KeyModifiers::ALT) {
        bytes.push(0x1b);
    }

    if !modifiers.contains(KeyModifiers::CONTROL) {
        bytes.extend_from_slice(letter.to_string().as_bytes());
        return bytes;
    }

    // Terminals send 0x1c to 0x1f for ctrl with \ ] ^ _, which arrive here as ctrl-4 to ctrl-7.
    match letter.to_ascii_lowercase() {
        letter @ 'a'..='z' => bytes.push(letter as u8 & 0x1f),
        ' ' | '@' | '2' => bytes.push(0),
        '[' | '3' => bytes.push(0x1b),
        '\\' | '4' => bytes.push(0x1c),
        ']' | '5' => bytes.push(0x1d),
        '^' | '6' => bytes.push(0x1e),
        '_' | '/' | '7' => bytes.push(0x1f),
        '?' | '8' => bytes.push(0x7f),
        _ => {}
    }

    bytes
}

fn arrow(letter: char, application: bool, modifiers: KeyModifiers) -> Vec<u8> {
    // xterm's number: 1, and 1 more for shift, 4 for ctrl. Alt is an ESC in front of all of it
    // (`key_bytes`).
    let held = modifiers - KeyModifiers::ALT;
    if !held.is_empty() {
        let number = 1
            + u8::from(held.contains(KeyModifiers::SHIFT))
            + 4 * u8::from(held.contains(KeyModifiers::CONTROL));
        return format!("\x1b[1;{number}{letter}").into();
    }
    format!("\x1b{}{letter}", if application { 'O' } else { '[' }).into()
}

fn function_key(number: u8) -> Vec<u8> {
    // xterm's numbers leave out 16 and 22.
    match number {
        1..=4 => format!("\x1bO{}", char::from(b'P' + number - 1)).into(),
        5 => b"\x1b[15~".to_vec(),
        6..=10 => format!("\x1b[{}~", number + 11).into(),
        11 | 12 => format!("\x1b[{}~", number + 12).into(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(columns: u16, rows: u16) -> TerminalTab {
        TerminalTab::new(0, ActorName::host(), TerminalSize::new(columns, rows))
    }

    #[test]
    fn programs_that_ask_are_answered() {
        let mut terminal = terminal(80, 24);
        assert_eq!(terminal.process_output(b"abc\x1b[6n"), b"\x1b[1;4R");
        assert_eq!(terminal.process_output(b"\x1b[c\x1b[5n"), b"\x1b[?1;2c\x1b[0n");
        assert!(terminal.process_output(&b"\x1b[6n".repeat(10_000)).len() <= 256);
        assert_eq!(
            terminal.process_output(b"\x1b]52;c;aGFjaw==\x07\x1b]0;title\x07\x1b]52;c;?\x07"),
            b""
        );
    }

    #[test]
    fn what_can_not_be_seen_is_shown_however_it_is_cut() {
        let text = "a\u{202e}b\u{200b}c\u{3164}あe\u{301}\r\n".as_bytes();
        for size in 1..text.len() {
            let mut terminal = terminal(80, 24);
            text.chunks(size).for_each(|piece| drop(terminal.process_output(piece)));
            assert_eq!(
                terminal.screen().contents().trim_end(),
                "a\\u{202e}b\\u{200b}c\\u{3164}あe\u{301}",
                "{size}"
            );
        }

        let mut terminal = terminal(80, 24);
        terminal.process_output(format!("e{}\u{1b}[2K\r", "\u{301}".repeat(6)).as_bytes());
        terminal.process_output(format!("e{}", "\u{301}".repeat(3)).as_bytes());
        terminal.process_output("\u{301}\u{301}\r\n".as_bytes());
        assert_eq!(
            terminal.screen().contents().trim_end(),
            format!("e{}\\u{{301}}", "\u{301}".repeat(MAX_COMBINING_MARKS))
        );

        terminal.process_output(b"\x1b[2J\x1b[Ha\xff\xe2\x80b\xe2");
        terminal.process_output(b"c");
        assert_eq!((terminal.partial.len(), terminal.screen().contents().as_str()), (0, "abc"));
    }

    #[test]
    fn keys_become_the_bytes_a_terminal_sends() {
        let mut terminal = terminal(80, 24);
        let check =
            |terminal: &TerminalTab, code: KeyCode, modifiers: KeyModifiers, bytes: &[u8]| {
                assert_eq!(
                    terminal.key_bytes(KeyEvent::new(code, modifiers)),
                    bytes,
                    "{code:?} {modifiers:?}"
                );
            };

        check(&terminal, KeyCode::Char('あ'), KeyModifiers::NONE, "あ".as_bytes());
        check(&terminal, KeyCode::Char('c'), KeyModifiers::CONTROL, &[3]);
        check(&terminal, KeyCode::Char('5'), KeyModifiers::CONTROL, &[0x1d]);
        check(&terminal, KeyCode::Char('b'), KeyModifiers::ALT, b"\x1bb");
        check(&terminal, KeyCode::Up, KeyModifiers::NONE, b"\x1b[A");
        check(&terminal, KeyCode::Left, KeyModifiers::CONTROL, b"\x1b[1;5D");
        check(&terminal, KeyCode::F(5), KeyModifiers::NONE, b"\x1b[15~");
        check(&terminal, KeyCode::F(10), KeyModifiers::NONE, b"\x1b[21~");
        check(&terminal, KeyCode::F(12), KeyModifiers::NONE, b"\x1b[24~");

        terminal.process_output(b"\x1b[?1h");
        check(&terminal, KeyCode::Up, KeyModifiers::NONE, b"\x1bOA");
    }

    #[test]
    fn a_paste_is_marked_where_the_program_asks_and_can_not_end_the_mark() {
        let mut terminal = terminal(80, 24);
        assert_eq!(terminal.paste_bytes("a\nb"), b"a\rb");
        terminal.process_output(b"\x1b[?2004h");
        assert_eq!(terminal.paste_bytes("a\x1b[201~b"), b"\x1b[200~a[201~b\x1b[201~");
    }

    #[test]
    fn a_panic_of_the_emulator_is_contained_and_the_terminal_rebuilt() {
        let mut terminal = terminal(20, 5);
        terminal.process_output(b"before");
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| assert!(is_panic_contained())));
        terminal.contained(|_| panic!("a fault"));
        std::panic::set_hook(hook);
        assert!(!is_panic_contained());
        assert!(terminal.screen().contents().contains("rebuilt"));
        terminal.process_output(b"after");
        assert!(terminal.screen().contents().contains("after"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_and_no_size_are_too_much(
            pieces in proptest::collection::vec((proptest::collection::vec(proptest::num::u8::ANY, 0..60), 0_u16..90, 0_u16..40), 1..12)
        ) {
            let mut terminal = terminal(80, 24);
            for (bytes, columns, rows) in pieces {
                terminal.process_output(&bytes);
                terminal.process_output("あ한e\u{301}".as_bytes());
                terminal.resize(TerminalSize::new(columns, rows));
                terminal.scroll(isize::from(rows as i16) - 20);
            }
        }
    }
}
