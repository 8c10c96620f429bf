//! Text that comes from lessons and programs, made fit for a terminal: no control characters, measured in columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Control characters as `\x1b`: they never reach a terminal.
pub fn safe(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.push_str(&format!("\\x{:02x}", character as u32));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The same, for text of several lines.
pub fn safe_lines(text: &str) -> String {
    text.lines().map(safe).collect::<Vec<_>>().join("\n")
}

/// Several lines as one: a sentence and the commands below it.
pub fn one_line(text: &str) -> String {
    text.lines().map(|line| safe(line.trim())).collect::<Vec<_>>().join("  ")
}

/// What a terminal would show of a program's output: no escape sequences, no other control characters but newlines;
/// what was rubbed out by backspace is gone.
pub fn without_escapes(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => match characters.next() {
                Some('[') => while characters.next().is_some_and(|next| !('\u{40}'..='\u{7e}').contains(&next)) {},
                Some(']' | 'P' | '_' | '^') => {
                    while let Some(next) = characters.next() {
                        if next == '\u{7}' || (next == '\u{1b}' && characters.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                Some(' '..='/') => drop(characters.next()),
                Some(_) | None => {}
            },
            '\u{8}' if !shown.ends_with('\n') => drop(shown.pop()),
            '\n' => shown.push('\n'),
            '\t' => shown.push(' '),
            other if other.is_control() => {}
            other => shown.push(other),
        }
    }
    shown
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
        kept.push('~');
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
        for character in word.chars() {
            let own = character.width().unwrap_or(0);
            if width + own > columns {
                lines.push(String::new());
                width = 0;
            }
            push(&mut lines, character);
            width += own;
        }
    }
    lines
}

fn push(lines: &mut [String], character: char) {
    if let Some(line) = lines.last_mut() {
        line.push(character);
    }
}

/// Filled up with blanks, or cut, to exactly `columns`.
pub fn column(text: &str, columns: usize) -> String {
    let cut = shortened(text, columns);
    let missing = columns.saturating_sub(cut.width());
    cut + &" ".repeat(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn escape_sequences_are_taken_out_of_output() {
        let check = |text: &str, expected: &str| assert_eq!(without_escapes(text), expected, "{text:?}");
        check("\u{1b}[1;31mred\u{1b}[0m\r\n", "red\n");
        check("a\u{1b}]0;title\u{7}b\u{1b}]8;;x\u{1b}\\c", "abc");
        check("\u{1b}(Bx\u{1b}=y", "xy");
        check("abd\u{8}c\tあ", "abc あ");
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
    fn text_is_cut_and_filled_by_columns_not_characters() {
        let check = |text: &str, columns: usize, expected: &str| {
            assert_eq!(column(text, columns), expected);
            assert_eq!(column(text, columns).width(), columns);
        };
        check("abc", 5, "abc  ");
        check("abcdef", 4, "abc~");
        check("あいう", 4, "あ~ ");
        check("あいう", 6, "あいう");
        check("", 0, "");
        check("abc", 0, "");
    }
}
