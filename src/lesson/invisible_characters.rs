//! Characters of a lesson that a reader would not see, or that turn the order of what stands around them. Learners
//! would be shown an escape in their place (`text::safe`); the author is told instead, and the lesson is refused: no
//! text needs them.

use super::finding::LessonFinding;
use super::model::Lesson;
use super::texts::{LessonText, TextUse};
use crate::text::{TextKind, first_hidden};

/// The first that stands in the text as it is, wherever: a comment is read, too.
pub fn first_in_text(text: &str) -> Option<LessonFinding> {
    let (at, character) = first_hidden(text, TextKind::Prose)?;
    Some(LessonFinding::at_byte(text, at, message(character)))
}

/// The first that a value holds: in quotes YAML has escapes for it, and what is at its place in words is not in a
/// command.
pub fn first_in_values(lesson: &Lesson, text: &str) -> Option<LessonFinding> {
    if !text.contains('\\') && first_hidden(text, TextKind::Code).is_none() {
        return None;
    }
    let character = lesson.texts().iter().find_map(first_bad)?;
    Some(LessonFinding::at_byte(text, find(text, character), message(character)))
}

fn message(character: char) -> String {
    let code = character as u32;
    if character.is_control() {
        return format!("text holds a control character, U+{code:04X}");
    }
    if character.is_whitespace() {
        return format!("U+{code:04X} looks like a blank and is none for a shell: write a blank");
    }
    format!(
        "U+{code:04X} can't be seen here, or changes how the text around it reads: leave it out"
    )
}

fn first_bad(text: &LessonText<'_>) -> Option<char> {
    let (kind, may_control) = match text.role {
        TextUse::Words => (TextKind::Prose, false),
        TextUse::Shown => (TextKind::Code, false),
        // It is shown as an escape.
        TextUse::Given => (TextKind::Code, true),
    };
    let control = text
        .text
        .chars()
        .find(|letter| !may_control && letter.is_control() && !"\n\t".contains(*letter));
    control.or_else(|| first_hidden(&text.text, kind).map(|(_, character)| character))
}

/// The place in the text of a character of a value: itself, or YAML's escape for it.
fn find(text: &str, character: char) -> usize {
    let code = character as u32;
    let mut written =
        vec![character.to_string(), format!("\\u{code:04x}"), format!("\\U{code:08x}")];
    if code < 0x100 {
        written.push(format!("\\x{code:02x}"));
    }

    let short = match character {
        '\u{1b}' => "\\e",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\0' => "\\0",
        '\u{85}' => "\\N",
        '\u{a0}' => "\\_",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        _ => "",
    };

    let same = text.to_ascii_lowercase();
    let long = written.iter().filter_map(|one| same.find(&one.to_ascii_lowercase()));
    let short = Some(short).filter(|short| !short.is_empty()).and_then(|short| text.find(short));
    long.chain(short).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::lesson::parse::parse;
    use crate::text::safe;

    const LESSON: &str = "\
format: 1
id: small
number: 2
title: A small one
summary: For tests.
minutes: 1
steps:
  - id: first
    title: First
    story: Something happens.
    actions:
      - run: {command: [\"rm\", \"/tmp/x\"]} # why
    expect:
      - file: {path: /root/x, is: directory}
";

    fn check(from: &str, to: &str, expected: Result<(), (usize, usize, &str)>) {
        assert!(LESSON.contains(from), "{from}");
        let text = LESSON.replacen(from, to, 1);
        match (parse("small.yaml", &text), expected) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err((line, column, says))) => {
                assert_eq!((error.line, error.column), (line, column), "{to:?}: {error}");
                assert!(error.message.contains(says), "{to:?}: {error}");
                assert!(error.to_string().lines().all(|line| safe(line) == line), "{error}");
            }
            (read, expected) => panic!("{to:?}: {read:?}, not {expected:?}"),
        }
    }

    #[test]
    fn what_can_not_be_seen_is_refused_at_its_place() {
        check("/tmp/x", "/tmp/\u{202e}x", Err((12, 37, "U+202E")));
        check("/tmp/x", "/tmp/\\u202Ex", Err((12, 37, "U+202E")));
        check("/tmp/x", "/tmp/\\U000E0041x", Err((12, 37, "U+E0041")));
        check("/tmp/x", "/tmp\u{a0}x", Err((12, 36, "U+00A0 looks like a blank")));
        check("/tmp/x", "/tmp\\_x", Err((12, 36, "U+00A0 looks like a blank")));
        check("/tmp/x", "👩\u{200d}💻", Err((12, 33, "U+200D")));
        check("# why", "# \u{2066}why", Err((12, 44, "U+2066")));
        check("format", "\u{feff}format", Err((1, 1, "U+FEFF")));
        check("First", "Fi\u{200b}rst", Err((9, 14, "U+200B")));
        check("Something", "\u{200f}Something", Err((10, 12, "U+200F")));
        check("Something happens.", "\"a\\e[31m\"", Err((10, 14, "control character, U+001B")));
        check("/root/x", "/root/\u{3164}", Err((14, 28, "U+3164")));
    }

    #[test]
    fn writing_of_all_scripts_is_read() {
        check("First", "שָׁלוֹם مرحبا 漢字\u{3000}かな 👩\u{200d}💻 ❤\u{fe0f} 10\u{a0}MiB", Ok(()));
        check("/tmp/x", "/tmp/漢字 שלום", Ok(()));
        check("/tmp/x", "\\e[31m", Ok(()));
    }
}
