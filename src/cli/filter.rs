//! A filter between a shell of a lab and the real terminal: text, colours and cursor movement pass. Only whole
//! sequences that are known leave here, so that the terminal is never left inside one, and nothing kept grows with
//! what is printed.

use std::collections::BTreeSet;

use crate::text::take_whole_characters;

/// A control sequence longer than this is dropped, in bytes.
const MAX_SEQUENCE: usize = 256;
/// A string (title, clipboard …) that goes on for longer has no end: what comes then is text again, in characters.
const MAX_STRING: usize = 64 * 1024;
/// Digits of one parameter. Terminals take 65535 for "as far as it goes".
const MAX_DIGITS: usize = 5;

/// Controls that move the cursor, ring the bell or switch between two character sets. ENQ, which asks, is not among
/// them.
const CONTROLS: &str = "\u{7}\u{8}\t\n\u{b}\u{c}\r\u{e}\u{f}";

/// The sequences that may follow an ESC: save and restore the cursor, move it, set a tab, keypad modes, line drawing.
const ESCAPES: [&str; 18] = [
    "7", "8", "D", "E", "H", "M", "=", ">", "#8", "(0", "(1", "(2", "(A", "(B", ")0", ")1", ")A",
    ")B",
];

/// Finals of control sequences without prefix: cursor, erasing, inserting, scrolling, tabs, colours, margins.
const FINALS: &str = "@ABCDEFGHIJKLMPSTXZ`abdefgmrsu";

/// Private modes: number, and whether a terminal has it on from the start. Left out are those that change how bytes
/// are read (2, VT52), what `CSI s` means (69), or that make a terminal speak by itself (1004, focus).
const MODES: [(u16, bool); 15] = [
    (1, false),
    (5, false),
    (6, false),
    (7, true),
    (12, false),
    (25, true),
    (47, false),
    (66, false),
    (1000, false),
    (1002, false),
    (1003, false),
    (1006, false),
    (1047, false),
    (1049, false),
    (2004, false),
];

/// A stream of a shell's output on its way to the real terminal.
#[derive(Debug, Default)]
pub struct OutputFilter {
    state: State,
    /// The first bytes of a character, up to three.
    partial: Vec<u8>,
    /// The characters after ESC, or ESC [, so far.
    sequence: String,
    /// The sequences that give the terminal back as it was.
    undo: BTreeSet<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Escape,
    /// A control sequence: ESC [.
    Control,
    /// OSC, DCS, APC, PM, SOS or screen's title: nothing of it passes.
    String {
        swallowed: usize,
    },
}

impl OutputFilter {
    /// The part of these bytes that may be printed. A sequence or a character that is cut waits for the rest.
    pub fn filtered(&mut self, bytes: &[u8]) -> Vec<u8> {
        let bytes = take_whole_characters(&mut self.partial, bytes);
        let mut out = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            chunk.valid().chars().for_each(|letter| self.take(letter, &mut out));
            match chunk.invalid() {
                [] => {}
                // A terminal that does not read UTF-8 takes one of these alone for a C1 control.
                [byte @ 0x80..=0x9f] => self.take(char::from(*byte), &mut out),
                _ => self.take(char::REPLACEMENT_CHARACTER, &mut out),
            }
        }
        out.into_bytes()
    }

    /// The sequences that give the terminal back as it was: its own screen, its cursor, no mouse, no colours.
    pub fn restore_sequences(&self) -> Vec<u8> {
        self.undo.iter().flat_map(|sequence| sequence.bytes()).collect()
    }

    fn take(&mut self, letter: char, out: &mut String) {
        match letter {
            '\u{1b}' => return self.begin(State::Escape),
            // CAN and SUB cancel a sequence.
            '\u{18}' | '\u{1a}' => return self.begin(State::Text),
            // The 8-bit forms, which terminals take in UTF-8 too, are ESC and a letter.
            '\u{80}'..='\u{9f}' => {
                self.begin(State::Escape);
                return self.escape(char::from(letter as u8 - 0x40), out);
            }
            _ => {}
        }

        match self.state {
            State::String { .. } if letter == '\u{7}' => self.begin(State::Text),
            State::String { swallowed: MAX_STRING } => {
                self.begin(State::Text);
                self.text(letter, out);
            }
            State::String { swallowed } => self.state = State::String { swallowed: swallowed + 1 },
            // Terminals carry out controls in the midst of a sequence.
            State::Escape | State::Control if letter.is_control() => self.text(letter, out),
            State::Escape | State::Control if !letter.is_ascii() => {
                self.begin(State::Text);
                self.text(letter, out);
            }
            State::Escape => self.escape(letter, out),
            State::Control => self.control(letter, out),
            State::Text => self.text(letter, out),
        }
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.sequence.clear();
    }

    fn text(&mut self, letter: char, out: &mut String) {
        if letter.is_control() && !CONTROLS.contains(letter) {
            return;
        }
        if letter == '\u{e}' {
            self.remember("\u{f}", UndoNeed::Due);
        }
        out.push(letter);
    }

    /// Keep what is part of a sequence; past the limit it can only grow too long to be any.
    fn keep(&mut self, letter: char) {
        if self.sequence.len() <= MAX_SEQUENCE {
            self.sequence.push(letter);
        }
    }

    fn escape(&mut self, letter: char, out: &mut String) {
        self.keep(letter);
        if (' '..='/').contains(&letter) {
            return;
        }

        let sequence = std::mem::take(&mut self.sequence);
        self.state = match sequence.as_str() {
            "[" => State::Control,
            "]" | "P" | "X" | "^" | "_" | "k" => State::String { swallowed: 0 },
            _ => State::Text,
        };

        match sequence.as_str() {
            // A full reset would empty what the terminal has kept above the screen, too.
            "c" => out.push_str("\u{1b}[!p\u{1b}[H\u{1b}[2J"),
            known if ESCAPES.contains(&known) => {
                if known == "=" || known == ">" {
                    self.remember("\u{1b}>", UndoNeed::due_if(known == "="));
                }
                if known.starts_with(['(', ')']) {
                    self.remember("\u{1b}(B\u{1b})0", UndoNeed::Due);
                }
                out.push('\u{1b}');
                out.push_str(known);
            }
            _ => {}
        }
    }

    fn control(&mut self, letter: char, out: &mut String) {
        if (' '..='?').contains(&letter) {
            return self.keep(letter);
        }

        self.state = State::Text;
        let sequence = std::mem::take(&mut self.sequence);
        if sequence.len() > MAX_SEQUENCE {
            return;
        }

        let (private, rest) =
            sequence.strip_prefix('?').map_or((false, sequence.as_str()), |rest| (true, rest));
        let (parameters, between) =
            rest.split_at(rest.find(|one| (' '..='/').contains(&one)).unwrap_or(rest.len()));
        let is_number =
            |part: &str| part.len() <= MAX_DIGITS && part.bytes().all(|byte| byte.is_ascii_digit());
        if !parameters.split([';', ':']).all(is_number) {
            return;
        }

        match (private, between, letter) {
            (private, "", 'h' | 'l') => self.modes(private, parameters, letter, out),
            (false, "", letter) if is_harmless(parameters, letter) => {
                self.note_change(parameters, letter);
                out.push_str(&format!("\u{1b}[{parameters}{letter}"));
            }
            // The cursor's shape, and a soft reset.
            (false, " ", 'q') => {
                self.remember("\u{1b}[0 q", UndoNeed::Due);
                out.push_str(&format!("\u{1b}[{parameters} q"));
            }
            (false, "!", 'p') => out.push_str("\u{1b}[!p"),
            _ => {}
        }
    }

    /// Set or reset those modes of a list that may be.
    fn modes(&mut self, private: bool, parameters: &str, letter: char, out: &mut String) {
        // Of the public ones only insert mode: another locks the keyboard.
        let (mark, known): (_, &[(u16, bool)]) =
            if private { ("?", &MODES) } else { ("", &[(4, false)]) };
        for mode in parameters.split(';').filter_map(|mode| mode.parse::<u16>().ok()) {
            let Some((_, is_on_at_first)) = known.iter().find(|(known, _)| *known == mode) else {
                continue;
            };
            let back = if *is_on_at_first { 'h' } else { 'l' };
            self.remember(&format!("\u{1b}[{mark}{mode}{back}"), UndoNeed::due_if(letter != back));
            out.push_str(&format!("\u{1b}[{mark}{mode}{letter}"));
        }
    }

    fn note_change(&mut self, parameters: &str, letter: char) {
        match letter {
            'm' => {
                let is_set = !parameters.is_empty() && parameters != "0";
                self.remember("\u{1b}[m", UndoNeed::due_if(is_set));
            }
            // Margins; setting them moves the cursor.
            'r' => {
                let need = UndoNeed::due_if(!parameters.is_empty());
                self.remember("\u{1b}7\u{1b}[r\u{1b}8", need);
            }
            _ => {}
        }
    }

    /// Keep a sequence that gives something back, or drop it when nothing is due any more.
    fn remember(&mut self, undo: &str, need: UndoNeed) {
        match need {
            UndoNeed::Due => drop(self.undo.insert(undo.to_owned())),
            UndoNeed::Over => drop(self.undo.remove(undo)),
        }
    }
}

/// The state of a change to the terminal: it is to be taken back in the end, or has been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UndoNeed {
    Due,
    Over,
}

impl UndoNeed {
    fn due_if(is_changed: bool) -> UndoNeed {
        if is_changed { UndoNeed::Due } else { UndoNeed::Over }
    }
}

fn is_harmless(parameters: &str, letter: char) -> bool {
    match letter {
        // With parameters these set margins, or ask.
        's' | 'u' => parameters.is_empty(),
        // More than one: mouse tracking that waits for an answer.
        'T' => !parameters.contains(';'),
        // What has scrolled off is the person's, not the lab's.
        'J' => parameters.parse::<u32>().is_ok_and(|which| which != 3) || parameters.is_empty(),
        // Repeating makes much of a few bytes.
        'b' => parameters.len() < MAX_DIGITS,
        'm' => true,
        _ => FINALS.contains(letter) && !parameters.contains(':'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(printed: &[u8]) -> String {
        String::from_utf8(OutputFilter::default().filtered(printed)).expect("only UTF-8 leaves")
    }

    #[track_caller]
    fn check(printed: &str, expected: &str) {
        let whole = all(printed.as_bytes());
        assert_eq!(whole, expected, "{printed:?}");
        // However it is cut, the same comes out.
        let bytes = printed.as_bytes();
        for cut in 0..=bytes.len() {
            let mut filter = OutputFilter::default();
            let parts = [filter.filtered(&bytes[..cut]), filter.filtered(&bytes[cut..])].concat();
            assert_eq!(parts, expected.as_bytes(), "{printed:?} cut at {cut}");
        }
        let mut filter = OutputFilter::default();
        let single: Vec<u8> = bytes.iter().flat_map(|byte| filter.filtered(&[*byte])).collect();
        assert_eq!(single, expected.as_bytes(), "{printed:?} byte by byte");
    }

    #[test]
    fn text_colours_and_cursor_movement_pass() {
        let same = [
            "plain\r\n\ttext\u{8}\u{7}",
            "žluťoučký kůň 狐 🦊 ĝ Ŝ",
            "\u{1b}[1;31mred\u{1b}[0m \u{1b}[38;2;1;2;3mrgb \u{1b}[4:3mcurly\u{1b}[m",
            "\u{1b}[2J\u{1b}[H\u{1b}[10;20Hthere\u{1b}[K\u{1b}[3A\u{1b}[2L\u{1b}[5P",
            "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?1h\u{1b}=vi\u{1b}>\u{1b}[?1l\u{1b}[?25h\u{1b}[?1049l",
            "\u{1b}[1;24r\u{1b}7\u{1b}M\u{1b}8\u{1b}D\u{1b}E",
            "\u{1b}(0lqqk\u{1b}(B\u{e}x\u{f}",
            "\u{1b}[?2004h# \u{1b}[?2004l\u{1b}[4h\u{1b}[4l\u{1b}[2 q\u{1b}[!p\u{1b}[s\u{1b}[u\u{1b}[9b",
        ];

        for printed in same {
            check(printed, printed);
        }
    }

    #[test]
    fn titles_clipboards_and_other_strings_do_not_pass() {
        let strings = [
            "\u{1b}]0;title\u{7}",
            "\u{1b}]2;title\u{1b}\\",
            "\u{1b}]52;c;aGVsbG8=\u{7}",
            "\u{1b}]52;c;?\u{1b}\\",
            "\u{1b}]10;?\u{7}\u{1b}]11;?\u{1b}\\\u{1b}]4;1;?\u{7}",
            "\u{1b}]8;;http://example.org\u{1b}\\\u{1b}]8;;\u{1b}\\",
            "\u{1b}P+q544e\u{1b}\\",
            "\u{1b}P$qm\u{1b}\\",
            "\u{1b}P0;1|17/ab\u{1b}\\",
            "\u{1b}_Gi=1;AAAA\u{1b}\\",
            "\u{1b}^private\u{1b}\\\u{1b}Xstring\u{1b}\\\u{1b}kscreen\u{1b}\\",
            // tmux passes on what is wrapped so: an ESC inside begins anew.
            "\u{1b}Ptmux;\u{1b}\u{1b}]52;c;aGVsbG8=\u{7}\u{1b}\\",
            // 8-bit forms, as characters of UTF-8.
            "\u{9d}0;title\u{9c}\u{90}$qm\u{9c}\u{9f}x\u{9c}\u{9e}x\u{9c}\u{98}x\u{9c}",
        ];

        for string in strings {
            check(&format!("before{string}after"), "beforeafter");
        }

        // A character whose last byte looks like the end of a string ends none.
        check("\u{1b}]0;Ŝtill the title\u{7}after", "after");
        check("\u{1b}]0;cancelled\u{18}after\u{1b}]0;too\u{1a}!", "after!");
    }

    #[test]
    fn nothing_that_a_terminal_answers_passes() {
        let queries = [
            "\u{5}",
            "\u{1b}Z",
            "\u{1b}[c",
            "\u{1b}[0c",
            "\u{1b}[>c",
            "\u{1b}[=c",
            "\u{1b}[5n",
            "\u{1b}[6n",
            "\u{1b}[?6n",
            "\u{1b}[x",
            "\u{1b}[21t",
            "\u{1b}[18t",
            "\u{1b}[8;1;1t",
            "\u{1b}[>q",
            "\u{1b}[>0q",
            "\u{1b}[?1$p",
            "\u{1b}[4$p",
            "\u{1b}[?u",
            "\u{1b}[>1u",
            "\u{1b}[?4m",
            "\u{1b}[>4;2m",
            "\u{1b}[1;1;1;1;1;1*y",
            "\u{1b}[1'|",
            "\u{1b}[?1004h",
            "\u{1b}[?996n",
            "\u{1b}[5;5;5;5;5T",
            "\u{9a}",
            "\u{9b}6n",
            "\u{1b}[\u{18}",
        ];

        for query in queries {
            check(&format!("before{query}after"), "beforeafter");
        }
    }

    #[test]
    fn nothing_passes_that_changes_how_a_terminal_reads_or_what_it_keeps() {
        let changes = [
            "\u{1b}[?2l",
            "\u{1b}%@",
            "\u{1b}%G",
            "\u{1b} G",
            "\u{1b}[2h",
            "\u{1b}[12h",
            "\u{1b}[20h",
            "\u{1b}[?69h",
            "\u{1b}[?3h",
            "\u{1b}[5i",
            "\u{1b}[?5i",
            "\u{1b}[3J",
            "\u{1b}[61\"p",
            "\u{1b}[?1r",
            "\u{1b}[1;5s",
            "\u{1b}[123456A",
            "\u{1b}[99999b",
            "\u{1b}[1?h",
            "\u{1b}[<1m",
            "\u{1b}[1#P",
            "\u{1b}N",
            "\u{1b}(%5",
            "\0",
            "\u{7f}",
            "\u{11}",
            "\u{13}",
        ];

        for change in changes {
            check(&format!("before{change}after"), "beforeafter");
        }

        check("\u{1b}c", "\u{1b}[!p\u{1b}[H\u{1b}[2J");
        check("\u{1b}[?2;1049;69h", "\u{1b}[?1049h");
        // A control within a sequence is carried out, a character ends it.
        check("\u{1b}[3\n1mred", "\n\u{1b}[31mred");
        check("\u{1b}[3é1m", "é1m");
        check("\u{1b}\u{1b}[1m", "\u{1b}[1m");
    }

    #[test]
    fn bytes_that_are_no_characters_become_replacements_and_eight_bit_forms_what_they_stand_for() {
        assert_eq!(all(b"a\xffb\xc3(c\xe2\x82d"), "a\u{fffd}b\u{fffd}(c\u{fffd}d");
        assert_eq!(all(b"a\x9b31mb\x9d0;title\x07c\x90$qm\x9cd\x9b6ne"), "a\u{1b}[31mbcde");
        // An overlong ESC is no ESC.
        assert_eq!(all(b"a\xc0\x9b6nb"), "a\u{fffd}b");
    }

    #[test]
    fn what_has_no_end_is_held_in_bounded_room() {
        let mut filter = OutputFilter::default();
        assert_eq!(filter.filtered(b"\x1b]52;c;"), b"");
        for _ in 0..MAX_STRING / 16 - 1 {
            assert_eq!(filter.filtered(&[b'A'; 16]), b"");
        }
        // It was no string, then: people see again what they type.
        assert!(filter.filtered(&[b'B'; 4096]).ends_with(b"BBBB"));

        let mut filter = OutputFilter::default();
        filter.filtered(b"\x1b[");
        for _ in 0..1000 {
            assert_eq!(filter.filtered(&[b'1'; 1000]), b"");
        }
        assert!(filter.sequence.capacity() <= 2 * (MAX_SEQUENCE + 1) && filter.partial.is_empty());
        assert_eq!(filter.filtered(b"mafter"), b"after");
        let mut filter = OutputFilter::default();
        filter.filtered(b"\x1b");
        filter.filtered(&[b'('; 100_000]);
        assert!(filter.sequence.capacity() <= 2 * (MAX_SEQUENCE + 1));
        assert_eq!(filter.filtered(b"Bafter"), b"after");
    }

    #[test]
    fn the_terminal_is_given_back_as_it_was() {
        let restored = |printed: &str| {
            let mut filter = OutputFilter::default();
            filter.filtered(printed.as_bytes());
            String::from_utf8(filter.restore_sequences()).expect("ASCII")
        };

        let nothing = [
            "text",
            "\u{1b}[?1049hvi\u{1b}[?1049l",
            "\u{1b}[?25l\u{1b}[?25h\u{1b}[1mbold\u{1b}[m\u{1b}=\u{1b}>",
        ];
        for printed in nothing {
            assert_eq!(restored(printed), "", "{printed:?}");
        }

        let killed_vi =
            restored("\u{1b}[?1049h\u{1b}[?1000;1006h\u{1b}[?25l\u{1b}[?7l\u{1b}[1;23r\u{1b}[31m");
        for back in [
            "\u{1b}[?1049l",
            "\u{1b}[?1000l",
            "\u{1b}[?1006l",
            "\u{1b}[?25h",
            "\u{1b}[?7h",
            "\u{1b}[r",
            "\u{1b}[m",
        ] {
            assert!(killed_vi.contains(back), "{back:?} is missing: {killed_vi:?}");
        }
    }

    /// Another's reading of what leaves: an emulator that notes what it would do beyond drawing.
    #[derive(Default)]
    struct Noted(Vec<String>);

    impl vt100::Callbacks for Noted {
        fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
            self.0.push(format!("title {title:?}"));
        }

        fn set_window_icon_name(&mut self, _: &mut vt100::Screen, name: &[u8]) {
            self.0.push(format!("icon {name:?}"));
        }

        fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
            self.0.push(format!("copy {data:?}"));
        }

        fn paste_from_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8]) {
            self.0.push("paste".into());
        }

        fn unhandled_osc(&mut self, _: &mut vt100::Screen, parameters: &[&[u8]]) {
            self.0.push(format!("string {parameters:?}"));
        }

        fn unhandled_csi(
            &mut self,
            _: &mut vt100::Screen,
            _: Option<u8>,
            _: Option<u8>,
            _: &[&[u16]],
            letter: char,
        ) {
            if "cnxt".contains(letter) {
                self.0.push(format!("query {letter}"));
            }
        }
    }

    fn noted(printed: &[u8]) -> Vec<String> {
        let (rows, columns) = (24.try_into().expect("not zero"), 80.try_into().expect("not zero"));
        let mut emulator = vt100::Parser::new_with_callbacks(rows, columns, 0, Noted::default());
        emulator.process(printed);
        std::mem::take(&mut emulator.callbacks_mut().0)
    }

    const PIECES: [&[u8]; 20] = [
        b"\x1b",
        b"[",
        b"]",
        b"52;c;",
        b"\x07",
        b"?1049",
        b"h",
        b"\x9b",
        b"6n",
        b"\xc2\x9d",
        b"\x1b\\",
        b"P",
        b"0;t",
        b"c",
        b"\x18",
        b"\xc3",
        b"\xa9",
        b"\n",
        b" ",
        b"11;?",
    ];

    proptest::proptest! {
        #[test]
        fn whatever_comes_what_leaves_passes_again_unchanged(bytes: Vec<u8>, pieces in proptest::collection::vec(0..20_usize, 0..40)) {
            let printed = [pieces.iter().flat_map(|piece| PIECES[*piece]).copied().collect::<Vec<u8>>(), bytes].concat();
            let once = OutputFilter::default().filtered(&printed);
            proptest::prop_assert!(std::str::from_utf8(&once).is_ok());
            proptest::prop_assert_eq!(OutputFilter::default().filtered(&once), once);
        }

        #[test]
        fn whatever_comes_an_emulator_sees_nothing_but_drawing(pieces in proptest::collection::vec(0..20_usize, 0..60), cut: usize) {
            let printed: Vec<u8> = pieces.iter().flat_map(|piece| PIECES[*piece]).copied().collect();
            let (first, second) = printed.split_at(cut.checked_rem(printed.len()).unwrap_or(0));
            let mut filter = OutputFilter::default();
            let passed = [filter.filtered(first), filter.filtered(second), filter.restore_sequences()].concat();
            proptest::prop_assert_eq!(noted(&passed), Vec::<String>::new());
        }
    }

    #[test]
    fn the_emulator_notes_what_is_not_filtered() {
        let printed = b"\x1b]0;title\x07\x1b]52;c;aGk=\x07\x1b]11;?\x07\x1b[6n\x1b[c";
        assert_eq!(noted(printed).len(), 6, "{:?}", noted(printed));
        assert_eq!(noted(&OutputFilter::default().filtered(printed)), Vec::<String>::new());
    }
}
