//! Limits on a lesson's text, checked before anything is made of it: a lesson may come from anybody. The YAML library
//! takes time that grows with the square of how deeply brackets are nested, and an alias can stand for a list of
//! aliases.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, Visitor};

use super::finding::LessonFinding;

/// Bytes of a lesson's file: twenty times the longest of the program's own.
pub const MAX_BYTES: usize = 1 << 20;
/// Brackets that may be open at once. More than the depth of values, because a lone one in a story counts.
const MAX_BRACKETS: usize = 128;
/// Lists and maps within each other. Lessons need twelve.
const MAX_DEPTH: usize = 32;
/// Values of a lesson, and bytes of its texts, with every alias as what it stands for.
const MAX_VALUES: usize = 50_000;
const MAX_TEXT: usize = 2 << 20;
/// Bytes of one text.
const MAX_ONE_TEXT: usize = 64 << 10;
/// Times that a byte of the text is looked at, all brackets together.
const MAX_BRACKET_STEPS: usize = MAX_BRACKETS;

/// Bound the size and the depth of brackets.
pub fn check_size(text: &str) -> Result<(), LessonFinding> {
    if text.len() > MAX_BYTES {
        return Err(LessonFinding::at_byte(text, 0, "a lesson has at most 1 MiB".into()));
    }

    let mut scanner = Scanner { bytes: text.as_bytes(), effort: MAX_BRACKET_STEPS * text.len() };
    // Whether a bracket opens a list or is a letter of a text depends on all that stands before it. Each is taken for
    // an opening one here: what follows it until it is closed depends on nothing else.
    for at in text.match_indices(['[', '{']).map(|(at, _)| at) {
        if let Err(message) = scanner.follow(at) {
            return Err(LessonFinding::at_byte(text, at, message));
        }
    }
    Ok(())
}

/// Follows brackets as libyaml's scanner does (`yaml_parser_fetch_next_token`, in flow context).
struct Scanner<'a> {
    bytes: &'a [u8],
    /// Bytes that may still be looked at.
    effort: usize,
}

impl Scanner<'_> {
    /// From an opening bracket to the one that closes it, or to the end.
    fn follow(&mut self, from: usize) -> Result<(), String> {
        let mut depth = 0;
        let mut at = from;

        while let Some(&byte) = self.bytes.get(at) {
            let begin = at;
            match byte {
                b'[' | b'{' => {
                    depth += 1;
                    at += 1;
                    if depth > MAX_BRACKETS {
                        return Err(format!(
                            "more than {MAX_BRACKETS} brackets are open at once here"
                        ));
                    }
                }
                b']' | b'}' => {
                    depth -= 1;
                    at += 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                b',' | b':' | b'?' => at += 1,
                b'#' => at = self.until(at, |scanner, at| scanner.line_break(at) > 0),
                b'"' => at = self.double_quoted(at + 1),
                b'\'' => at = self.single_quoted(at + 1),
                b'&' | b'*' => {
                    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
                    at = self.until(at + 1, |scanner, at| !is_name(&scanner.bytes[at]));
                }
                // The address in a tag may hold brackets: no lesson has tags, so that it is enough
                // to count none as closing.
                b'!' => at = self.until(at, |scanner, at| scanner.blank(at) > 0),
                _ if self.blank(at) > 0 => at += self.blank(at),
                b'-' if self.blank(at + 1) > 0 => at += 1,
                _ => at = self.plain(at),
            }

            self.effort = self
                .effort
                .checked_sub(at - begin)
                .ok_or("there are brackets that are never closed, from here on: quote texts that hold them")?;
        }
        Ok(())
    }

    /// The first place from `at` on for which it is true, or the end.
    fn until(&self, at: usize, is_end: impl Fn(&Self, usize) -> bool) -> usize {
        (at..self.bytes.len()).find(|at| is_end(self, *at)).unwrap_or(self.bytes.len())
    }

    fn double_quoted(&self, mut at: usize) -> usize {
        while let Some(byte) = self.bytes.get(at) {
            match byte {
                b'"' => return at + 1,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        at.min(self.bytes.len())
    }

    /// A quote in it is written twice.
    fn single_quoted(&self, mut at: usize) -> usize {
        while let Some(byte) = self.bytes.get(at) {
            match (byte, self.bytes.get(at + 1)) {
                (b'\'', Some(b'\'')) => at += 2,
                (b'\'', _) => return at + 1,
                _ => at += 1,
            }
        }
        at
    }

    /// Words without quotes; a quote within them is a letter.
    fn plain(&self, from: usize) -> usize {
        let mut at = from;
        loop {
            while let Some(byte) = self.bytes.get(at).filter(|_| self.blank(at) == 0) {
                let ends = match byte {
                    b',' | b'[' | b']' | b'{' | b'}' => at > from,
                    b':' => {
                        let next = self.bytes.get(at + 1);
                        next.is_none_or(|next| b",[]{}?".contains(next)) || self.blank(at + 1) > 0
                    }
                    _ => false,
                };
                if ends {
                    return at.max(from + 1);
                }
                at += 1;
            }

            let after = self.until(at, |scanner, at| {
                scanner.blank(at) == 0 && scanner.bytes[at] & 0xc0 != 0x80
            });
            if after == self.bytes.len() || self.bytes[after] == b'#' || after == at {
                return after.max(from + 1);
            }
            at = after;
        }
    }

    /// Bytes of the blank or the line break at a place; 0 where there is none.
    fn blank(&self, at: usize) -> usize {
        if matches!(self.bytes.get(at), Some(b' ' | b'\t')) { 1 } else { self.line_break(at) }
    }

    fn line_break(&self, at: usize) -> usize {
        match self.bytes.get(at..).unwrap_or_default() {
            [b'\n' | b'\r', ..] => 1,
            [0xc2, 0x85, ..] => 2,
            [0xe2, 0x80, 0xa8 | 0xa9, ..] => 3,
            _ => 0,
        }
    }
}

/// The amount that may still be read of a lesson, and the reason where no more is.
#[derive(Debug)]
pub struct ReadAllowance {
    values: Cell<usize>,
    text: Cell<usize>,
    refusal: RefCell<Option<String>>,
}

impl Default for ReadAllowance {
    fn default() -> Self {
        ReadAllowance {
            values: Cell::new(MAX_VALUES),
            text: Cell::new(MAX_TEXT),
            refusal: RefCell::default(),
        }
    }
}

impl ReadAllowance {
    /// The bound at which reading ended, in words; none where it was not for a bound.
    pub fn into_refusal(self) -> Option<String> {
        self.refusal.into_inner()
    }
}

/// Goes through all values, each alias as what it stands for, and keeps none of them.
#[derive(Debug, Clone, Copy)]
pub struct SizeVisitor<'a> {
    allowance: &'a ReadAllowance,
    depth: usize,
}

impl<'a> SizeVisitor<'a> {
    pub fn new(allowance: &'a ReadAllowance) -> Self {
        SizeVisitor { allowance, depth: 0 }
    }

    fn refuse<E: serde::de::Error>(self, why: String) -> E {
        let error = E::custom(&why);
        *self.allowance.refusal.borrow_mut() = Some(why);
        error
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.refuse(format!(
                "more than {MAX_DEPTH} lists and maps lie within each other here"
            )));
        }
        Ok(SizeVisitor { depth: self.depth + 1, ..self })
    }

    fn take<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if text.len() > MAX_ONE_TEXT {
            return Err(self.refuse("a text of a lesson has at most 64 KiB".into()));
        }

        let spend = |from: &Cell<usize>, much: usize| {
            from.get().checked_sub(much).map(|rest| from.set(rest))
        };
        spend(&self.allowance.values, 1).ok_or_else(|| {
            self.refuse(format!(
                "a lesson has at most {MAX_VALUES} values, counted with their aliases"
            ))
        })?;

        spend(&self.allowance.text, text.len()).ok_or_else(|| {
            self.refuse(
                "the texts of a lesson have at most 2 MiB together, counted with their aliases"
                    .into(),
            )
        })
    }
}

impl<'de> DeserializeSeed<'de> for SizeVisitor<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SizeVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a lesson")
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.take("")
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.take("")
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.take("")
    }

    fn visit_i128<E: serde::de::Error>(self, _: i128) -> Result<(), E> {
        self.take("")
    }

    fn visit_u128<E: serde::de::Error>(self, _: u128) -> Result<(), E> {
        self.take("")
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.take("")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.take(text)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.take("")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.take("")?;
        let inner = self.deeper()?;
        while list.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.take("")?;
        let inner = self.deeper()?;
        while map.next_key_seed(inner)?.is_some() {
            map.next_value_seed(inner)?;
        }
        Ok(())
    }

    /// YAML's tags.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        let (tag, _) = tagged.variant::<String>()?;
        Err(self
            .refuse(format!("the tag `{}` means nothing in a lesson", tag.trim_start_matches('!'))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_counted_where_they_open_something() {
        let deep = |open: &str, close: &str| {
            let text = |count: usize| format!("{}{}", open.repeat(count), close.repeat(count));
            assert_eq!(check_size(&text(MAX_BRACKETS)), Ok(()), "{open}{close}");
            let refused = check_size(&text(MAX_BRACKETS + 1)).expect_err(open);
            assert!(refused.message.contains("brackets are open"), "{refused:?}");
        };

        deep("[", "]");
        deep("{a: ", "}");

        // What closes nothing: quoted, a letter of an unquoted text in quotes, after a comment's sign,
        // in a name's place.
        deep("[\"]]]\", ", "]");
        deep("[ ']]''', ", "]");
        deep("[ # ]]]\n", "]");
        deep("[ # ]]]\u{2028}", "]");
        deep("{\"a\":\"}\", b: ", "}");
        deep("[ *a:\"]\", ", "]");
        deep("[ \"\\\"]\" , ", "]");
        deep("[a \"b, ", "]");
        deep("- [x]\n- [", "]");
        deep("[ !<]]]> a, ", "]");
    }

    #[test]
    fn texts_with_brackets_are_no_lists() {
        let many =
            "story: a [link] and an array[0], don't, it's `[ -e x ]` and a lone [ or ] or {\n"
                .repeat(40);
        assert_eq!(check_size(&many), Ok(()));
        assert_eq!(
            check_size(&"- {run: {command: [sh, -c, \"[ -e x ] && echo '}'\"]}}\n".repeat(9000)),
            Ok(())
        );
    }

    #[test]
    fn work_is_bounded_whatever_the_text() {
        // A comment's sign hides all that follows: each bracket is followed to the end.
        let refused = check_size(&"[#".repeat(30_000)).expect_err("brackets without an end");
        assert!(refused.message.contains("never closed"), "{refused:?}");
        assert!(check_size(&"x".repeat(MAX_BYTES + 1)).is_err());
        assert_eq!(check_size(&"x".repeat(MAX_BYTES)), Ok(()));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_followed_past_its_end(text in "[\\[\\]{}\"'#:,?!&*a-c\\\\ \n\u{2028}あ-]{0,300}") {
            let _ = check_size(&text);
        }
    }
}
