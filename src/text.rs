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
