//! Text that comes from lessons and programs, made fit for a terminal or a page: nothing in it that can't be seen,
//! measured in columns. What is escaped reads as `\x1b` or `\u{202e}`.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Marks that a letter can carry: Hebrew with vowels and accents has four. More of them grow over the lines around.
pub const MAX_COMBINING_MARKS: usize = 4;

/// The distance between two tab stops of a terminal, in columns.
const TAB_COLUMNS: usize = 8;

/// A command, a path, a value, or what a program printed: everything that can't be seen is escaped, so that it reads
/// as it runs. A blank that is not the ASCII one is among that: it looks as if it parted two words, and no shell takes
/// it for that.
pub fn safe(text: &str) -> String {
    escaped(text, TextKind::Code)
}

/// Words for people to read. Unlike in `safe`, what joins letters and emoji stays, and so do the blanks of other
/// scripts.
pub fn prose(text: &str) -> String {
    escaped(text, TextKind::Prose)
}

/// The same as `safe`, for text of several lines.
pub fn safe_lines(text: &str) -> String {
    text.lines().map(safe).collect::<Vec<_>>().join("\n")
}

/// The same as `prose`, for text of several lines.
pub fn prose_lines(text: &str) -> String {
    text.lines().map(prose).collect::<Vec<_>>().join("\n")
}

/// The kind of a text: it decides which characters are at their place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// A command, a path, a value, or what a program printed.
    Code,
    /// Words for people to read.
    Prose,
}

fn escaped(text: &str, kind: TextKind) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }

    let mut shown = String::with_capacity(text.len());
    // A mark before the first letter would land on whatever is drawn in front of the text.
    let mut marks = MAX_COMBINING_MARKS;
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_mark = character.width() == Some(0);
        // What joins letters takes no room above them.
        let is_crowded = is_mark && marks >= MAX_COMBINING_MARKS && !is_hidden(character);
        let next = characters.peek().copied();

        if character.is_control() || is_crowded || is_unseen(kind, before, character, next) {
            push_escape(&mut shown, character);
            before = None;
        } else {
            shown.push(character);
            before = Some(character);
        }
        marks = if is_mark { marks + 1 } else { 0 };
    }

    shown
}

fn push_escape(shown: &mut String, character: char) {
    let code = character as u32;
    shown.push_str(&if character.is_control() {
        format!("\\x{code:02x}")
    } else {
        format!("\\u{{{code:x}}}")
    });
}

/// JSON with the same values in which everything can be seen: a terminal may print it.
pub fn escaped_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        // Outside its strings JSON is ASCII, and newlines are of its layout.
        let is_control = character.is_control() && character != '\n';
        if is_control || is_unseen(TextKind::Code, None, character, None) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(character);
        }
    }

    shown
}

/// True for a character that a reader does not see, or that makes the text around it read in another order. These are
/// the default ignorable code points of the Unicode standard (joiners, directional marks, fillers, selectors, tags),
/// separators of lines, and blanks that are letters by name. Also true for one that has no agreed look: characters for
/// private use, which every font draws as it likes, and what is no character.
pub fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' | '\u{fdd0}'..='\u{fdef}')
        || character as u32 & 0xfffe == 0xfffe
}

/// True if an unseen character has a purpose where it stands. It joins two letters of a script that needs it, or
/// two emoji; or it picks the look of the character before it. Between ASCII characters none has, and never two
/// in a row.
fn is_joining(before: Option<char>, character: char, next: Option<char>) -> bool {
    let is_letter = |other: char| {
        !other.is_ascii() && !other.is_whitespace() && !other.is_control() && !is_hidden(other)
    };

    match character {
        // A heart, its red look chosen, joined with fire.
        '\u{200c}' | '\u{200d}' => {
            before.is_some_and(|before| is_letter(before) || before == '\u{fe0f}')
                && next.is_some_and(is_letter)
        }
        '\u{fe0e}' | '\u{fe0f}' => {
            let is_keycap =
                before.is_some_and(|before| before.is_ascii_digit() || "#*".contains(before));
            before.is_some_and(is_letter) || (is_keycap && next == Some('\u{20e3}'))
        }
        _ => false,
    }
}

/// True if a character between two others can't be seen, or is taken for something else. Control characters are
/// none of these.
fn is_unseen(kind: TextKind, before: Option<char>, character: char, next: Option<char>) -> bool {
    match kind {
        TextKind::Prose => is_hidden(character) && !is_joining(before, character, next),
        TextKind::Code => {
            let is_odd_blank =
                character.is_whitespace() && !character.is_ascii() && !character.is_control();
            is_hidden(character) || is_odd_blank
        }
    }
}

/// The first character of a text that would be escaped, though it is no control character, and its place in bytes.
pub fn first_hidden(text: &str, kind: TextKind) -> Option<(usize, char)> {
    let mut before = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        if is_unseen(kind, before, character, next) {
            return Some((at, character));
        }
        before = Some(character);
    }
    None
}

/// Several lines as one: a sentence and the commands below it.
pub fn one_line(text: &str) -> String {
    text.lines().map(|line| safe(line.trim())).collect::<Vec<_>>().join("  ")
}

/// The text that a terminal would show of a program's output: no escape sequences, no other control characters but
/// newlines and tabs; what was rubbed out by backspace is gone.
pub fn without_escapes(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();

    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => match characters.next() {
                Some('[') => {
                    while characters
                        .next()
                        .is_some_and(|next| !('\u{40}'..='\u{7e}').contains(&next))
                    {
                    }
                }
                Some(']' | 'P' | '_' | '^') => {
                    while let Some(next) = characters.next() {
                        if next == '\u{7}'
                            || (next == '\u{1b}' && characters.next_if_eq(&'\\').is_some())
                        {
                            break;
                        }
                    }
                }
                Some(' '..='/') => drop(characters.next()),
                Some(_) | None => {}
            },
            '\u{8}' if !shown.ends_with('\n') => drop(shown.pop()),
            '\n' | '\t' => shown.push(character),
            other if other.is_control() => {}
            other => shown.push(other),
        }
    }

    shown
}

/// A line of what a program printed, with blanks for its tabs: up to the next eighth column, as a terminal has them.
pub fn tabs_laid(line: &str) -> String {
    let mut laid = String::with_capacity(line.len());
    for (index, part) in line.split('\t').enumerate() {
        if index > 0 {
            laid.push_str(&" ".repeat(TAB_COLUMNS - laid.width() % TAB_COLUMNS));
        }
        laid.push_str(part);
    }
    laid
}

/// At most so many bytes, not ending within a character.
pub fn first_bytes(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

/// The whole characters of a stream that comes in pieces. The beginning of one at a piece's end is kept in `cut` for
/// the next piece; bytes that belong to no character stay between them.
pub fn take_whole_characters(cut: &mut Vec<u8>, piece: &[u8]) -> Vec<u8> {
    let mut bytes = [std::mem::take(cut).as_slice(), piece].concat();
    let is_beginning = |end: &[u8]| {
        str::from_utf8(end)
            .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    // A character has at most four bytes, so that at most three are its beginning.
    let least = bytes.len().saturating_sub(3);
    if let Some(at) = (least..bytes.len()).rev().find(|at| is_beginning(&bytes[*at..])) {
        *cut = bytes.split_off(at);
    }
    bytes
}

/// A path whose parts that are digests have their first twelve letters alone, as docker shows them.
pub fn digests_shortened(text: &str) -> String {
    const DIGEST: usize = 64;
    const SHOWN: usize = 12;
    let parts = text.split('/').map(|part| {
        let is_digest = part.len() == DIGEST
            && part.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        if is_digest { &part[..SHOWN] } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// At most `most` columns, with the cut shown.
pub fn shortened(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }

    let mut kept = String::new();
    let mut columns = 0;
    for character in text.chars() {
        let width = character.width().unwrap_or(0);
        if columns + width + 1 > most {
            break;
        }
        columns += width;
        kept.push(character);
    }

    if most > 0 {
        kept.push('…');
    }
    kept
}

/// Lines of at most `columns`, broken at blanks, or within a word that is too long.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = vec![String::new()];
    let mut width = 0;

    for word in text.split_whitespace() {
        if width > 0 && width + 1 + word.width() > columns {
            lines.push(String::new());
            width = 0;
        } else if width > 0 {
            push(&mut lines, ' ');
            width += 1;
        }
        lay(&mut lines, &mut width, word, columns);
    }

    lines
}

/// All of a text, in pieces of at most so many columns; unlike `wrapped`, it keeps every blank.
pub fn hard_wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = vec![String::new()];
    lay(&mut lines, &mut 0, text, columns);
    lines
}

/// Put characters behind the last line, `width` columns of which are taken, and begin another where one is full.
fn lay(lines: &mut Vec<String>, width: &mut usize, text: &str, columns: usize) {
    for character in text.chars() {
        let own = character.width().unwrap_or(0);
        if *width + own > columns {
            lines.push(String::new());
            *width = 0;
        }
        push(lines, character);
        *width += own;
    }
}

fn push(lines: &mut [String], character: char) {
    if let Some(line) = lines.last_mut() {
        line.push(character);
    }
}

/// Bytes in words of eight columns at most: `0 KiB`, `12.5 MiB`, `100 MiB`.
pub fn bytes_taken(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ if mebibytes < 99.95 => format!("{mebibytes:.1} MiB"),
        _ => format!("{mebibytes:.0} MiB"),
    }
}

/// Filled up with blanks, or cut, to exactly `columns`.
pub fn padded(text: &str, columns: usize) -> String {
    let cut = shortened(text, columns);
    let missing = columns.saturating_sub(cut.width());
    cut + &" ".repeat(missing)
}

/// The text of a mount table without the kernel's escapes: it writes blank, tab, newline, backslash and `#` as three octal digits.
pub fn octal_undone(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }

    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let octal = bytes
            .get(at + 1..at + 4)
            .filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        match (bytes[at], octal) {
            (b'\\', Some(digits)) => {
                let value =
                    digits.iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                plain.push(value as u8);
                at += 4;
            }
            (byte, _) => {
                plain.push(byte);
                at += 1;
            }
        }
    }

    String::from_utf8_lossy(&plain).into_owned()
}

/// Bytes in hexadecimal, two letters each: as sha256sum(1) writes a hash.
pub fn hexadecimal(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_in_a_path_is_shown_by_its_beginning_and_nothing_else_is() {
        let digest = "0123456789abcdef".repeat(4);
        let check = |text: &str, expected: &str| assert_eq!(digests_shortened(text), expected);
        check(&digest, "0123456789ab");
        check(&format!("/a/{digest}/b"), "/a/0123456789ab/b");
        check(&digest[1..], &digest[1..]);
        check(&digest.to_uppercase(), &digest.to_uppercase());
        check("/plain/path", "/plain/path");
    }

    #[test]
    fn control_characters_never_get_through() {
        let check = |text: &str, expected: &str| assert_eq!(safe(text), expected);
        check("plain あ", "plain あ");
        check("\u{1b}[31mred", "\\x1b[31mred");
        check("a\nb\tc", "a\\x0ab\\x09c");
        check("\u{9b}2J", "\\x9b2J");
        assert_eq!(safe_lines("a\n\u{7}b"), "a\n\\x07b");
        assert_eq!(one_line("do:\n  $ this"), "do:  $ this");
    }

    #[test]
    fn a_tab_goes_to_the_next_eighth_column_as_in_a_terminal() {
        let check = |line: &str, expected: &str| assert_eq!(tabs_laid(line), expected);
        check("CapEff:\t0", "CapEff: 0");
        check("a\tb\t\tc", "a       b               c");
        check("12345678\tx", "12345678        x");
        check("あ\tx", "あ      x");
        check("\t", "        ");
        check("plain", "plain");
    }

    #[test]
    fn nothing_that_can_not_be_seen_gets_through() {
        let unseen = [
            0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f,
            0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2063, 0x2066, 0x2067,
            0x2068, 0x2069, 0x206a, 0x2800, 0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0xfffa,
            0xfffb, 0xe000, 0xf8ff, 0xfdd0, 0xffff, 0x1d173, 0xe0001, 0xe0041, 0xe007f, 0xe0100,
            0xe01ef, 0xf0000, 0x10ffff,
        ];

        for code in unseen {
            let character = char::from_u32(code).expect("a character");
            let text = format!("rm{character} a");
            assert_eq!(safe(&text), format!("rm\\u{{{code:x}}} a"));
            assert_eq!(prose(&text), safe(&text), "{code:x}");
            assert_eq!(first_hidden(&text, TextKind::Prose), Some((2, character)), "{code:x}");
        }
        for blank in ['\u{a0}', '\u{1680}', '\u{2003}', '\u{202f}', '\u{205f}', '\u{3000}'] {
            let text = format!("rm{blank}a");
            assert_eq!(safe(&text), format!("rm\\u{{{:x}}}a", blank as u32));
            assert_eq!(
                (prose(&text), first_hidden(&text, TextKind::Code)),
                (text.clone(), Some((2, blank)))
            );
        }
    }

    #[test]
    fn writing_of_all_scripts_stays_whole() {
        let whole = [
            "שלום עולם",
            "שָׁלוֹם",
            "مرحبا",
            "漢字かな",
            "한국어",
            "नमस्ते",
            "tiếng Việt",
            "e\u{301}te\u{301}",
            "☃ 🙂 €",
        ];
        for text in whole {
            assert_eq!(
                (safe(text), prose(text), first_hidden(text, TextKind::Code)),
                (text.into(), text.into(), None)
            );
        }
        let joined = [
            "👩\u{200d}💻",
            "❤\u{fe0f}\u{200d}🔥",
            "1\u{fe0f}\u{20e3}",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
        ];
        for text in joined {
            assert_eq!((prose(text), first_hidden(text, TextKind::Prose)), (text.into(), None));
            assert!(safe(text).is_ascii() || safe(text).contains("\\u{"), "{}", safe(text));
        }
        assert_eq!(prose("a\u{200d}b 👩\u{200d}\u{200d}💻"), "a\\u{200d}b 👩\\u{200d}\\u{200d}💻");
    }

    #[test]
    fn json_shows_everything_and_says_the_same() {
        let value =
            serde_json::json!({"a": "rm \u{202e}x\u{e0041}\u{9b}\u{7f}\n", "あ": ["e\u{301}"]});
        let shown = escaped_json(&serde_json::to_string_pretty(&value).expect("JSON"));
        assert!(shown.contains("rm \\u202ex\\udb40\\udc41\\u009b\\u007f\\n"), "{shown}");
        assert!(shown.contains('\n') && shown.contains('あ'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value);
    }

    #[test]
    fn a_letter_carries_a_few_marks_and_nothing_before_the_text() {
        let tower = format!("e{}x", "\u{301}".repeat(40));
        assert_eq!(safe(&tower).matches('\u{301}').count(), MAX_COMBINING_MARKS);
        assert_eq!(safe(&tower).matches("\\u{301}").count(), 40 - MAX_COMBINING_MARKS);
        assert_eq!(prose(&tower), safe(&tower));
        assert_eq!(safe("\u{301}a"), "\\u{301}a");
    }

    #[test]
    fn escape_sequences_are_taken_out_of_output() {
        let check =
            |text: &str, expected: &str| assert_eq!(without_escapes(text), expected, "{text:?}");
        check("\u{1b}[1;31mred\u{1b}[0m\r\n", "red\n");
        check("a\u{1b}]0;title\u{7}b\u{1b}]8;;x\u{1b}\\c", "abc");
        check("\u{1b}(Bx\u{1b}=y", "xy");
        check("abd\u{8}c\tあ", "abc\tあ");
        check("\u{1b}[", "");
        check("\u{1b}", "");
    }

    #[test]
    fn text_is_broken_at_blanks_and_long_words_within() {
        let check = |text: &str, columns: usize, expected: &[&str]| {
            assert_eq!(wrapped(text, columns), expected);
            assert!(wrapped(text, columns).iter().all(|line| line.width() <= columns.max(2)));
        };
        check("one two three", 7, &["one two", "three"]);
        check("  one   two ", 20, &["one two"]);
        check("a-very-long-word x", 6, &["a-very", "-long-", "word x"]);
        check("あいう", 4, &["あい", "う"]);
        check("", 9, &[""]);
        check("ab", 0, &["ab"]);
    }

    #[test]
    fn text_is_folded_with_all_its_blanks() {
        let check = |text: &str, columns: usize, expected: &[&str]| {
            assert_eq!(hard_wrapped(text, columns), expected)
        };
        check("rm  -r  あ/b", 6, &["rm  -r", "  あ/b"]);
        check("aあ", 2, &["a", "あ"]);
        check("", 9, &[""]);
    }

    #[test]
    fn text_is_cut_and_filled_by_columns_not_characters() {
        let check = |text: &str, columns: usize, expected: &str| {
            assert_eq!(padded(text, columns), expected);
            assert_eq!(padded(text, columns).width(), columns);
        };
        check("abc", 5, "abc  ");
        check("abcdef", 4, "abc…");
        check("あいう", 4, "あ… ");
        check("あいう", 6, "あいう");
        check("", 0, "");
        check("abc", 0, "");
        assert_eq!(
            (first_bytes("aあい", 6), first_bytes("aあ", 4), first_bytes("あ", 0)),
            ("aあ", "aあ", "")
        );
    }

    #[test]
    fn octal_escapes_are_undone() {
        let check = |input: &str, expected: &str| assert_eq!(octal_undone(input), expected);
        check("/a\\040b", "/a b");
        check("/a\\134b", "/a\\b");
        check("/a\\", "/a\\");
        check("/\\343\\201\\202", "/あ");
        check("/\\777", "/\u{fffd}");
    }
}
