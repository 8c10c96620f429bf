//! Answers as people type them, compared with the right one: what differs in writing alone is the same. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    #[default]
    None,
    /// `64MiB`, `64M` and `67108864` are the same.
    Bytes,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spelling {
    #[default]
    Exact,
    /// One letter may be wrong, missing or too much.
    Forgiving,
}

/// True if what was given says what was wanted.
pub(super) fn is_same(wanted: &str, given: &str, unit: Unit, spelling: Spelling) -> bool {
    let (wanted, given) = (plain(wanted), plain(given));
    if given.is_empty() {
        return false;
    }
    if wanted == given {
        return true;
    }

    if unit == Unit::Bytes
        && let (Some(one), Some(other)) = (bytes(&wanted), bytes(&given))
    {
        return one == other;
    }
    if let (Some(one), Some(other)) = (number_list(&wanted), number_list(&given)) {
        return one == other;
    }

    // A wrong digit is another number; a wrong letter in a short word may be another word.
    let has_digits = |text: &str| text.chars().any(|letter| letter.is_ascii_digit());
    spelling == Spelling::Forgiving
        && wanted.chars().count() > 3
        && !has_digits(&wanted)
        && !has_digits(&given)
        && strsim::osa_distance(&wanted, &given) <= 1
}

/// Without quotes around it, blanks too many, capitals, a full stop, and the slash at the end of a path.
fn plain(text: &str) -> String {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    for quote in ['"', '\'', '`'] {
        let inner = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
        if let Some(inner) = inner {
            text = inner.trim().to_owned();
        }
    }

    let text = text.strip_suffix('.').unwrap_or(&text).trim_end();
    let bare = text.trim_end_matches('/');
    // The root is nothing but its slash.
    if bare.is_empty() { text.to_owned() } else { bare.to_owned() }
}

/// `64 mib`, `0.5 gib`, `65536k`: units as docker and the kernel read them, in powers of 1024.
fn bytes(text: &str) -> Option<u64> {
    let text = text.replace([' ', '_'], "");
    let is_digit = |letter: char| letter.is_ascii_digit() || letter == '.';
    let digits = text.find(|letter: char| !is_digit(letter)).unwrap_or(text.len());
    let factor: u64 = match &text[digits..] {
        "" | "b" | "byte" | "bytes" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };

    let (whole, part) = text[..digits].split_once('.').unwrap_or((&text[..digits], ""));
    let whole: u64 = if whole.is_empty() && !part.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = u128::from(whole) * u128::from(factor);
    if !part.is_empty() {
        let scale = 10_u128.checked_pow(u32::try_from(part.len()).ok()?)?;
        let fraction = part.parse::<u128>().ok()?.checked_mul(u128::from(factor))?;
        // A part of a byte is no size.
        if fraction % scale != 0 {
            return None;
        }
        total += fraction / scale;
    }
    u64::try_from(total).ok()
}

/// `0-2, 5`, `0,1,2,5` and `0 1 2 5`: numbers as the kernel lists CPUs, however they are written.
fn number_list(text: &str) -> Option<BTreeSet<u32>> {
    /// More than this is no list that somebody writes.
    const MAX_RANGE: u32 = 4096;
    let dashed = text.replace(['–', '—'], "-").replace(" -", "-").replace("- ", "-");
    let mut numbers = BTreeSet::new();

    for part in dashed.split([',', ' ']).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last - first > MAX_RANGE {
            return None;
        }
        numbers.extend(first..=last);
    }
    (!numbers.is_empty()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &str, unit: Unit, given: &[&str], expected: bool) {
        for text in given {
            let found = is_same(wanted, text, unit, Spelling::Exact);
            assert_eq!(found, expected, "{wanted} and {text:?}");
        }
    }

    #[test]
    fn a_path_and_a_word_are_the_same_in_whatever_writing() {
        let same = ["/proc/", " /proc ", "/PROC", "`/proc`", "\"/proc\"", "'/proc/'", "/proc."];
        check("/proc", Unit::None, &same, true);
        check("/proc", Unit::None, &["/pro", "/proc/1", "", "''"], false);
        check("/", Unit::None, &["/", " / "], true);
        check("it opens", Unit::None, &["It  opens.", "it opens"], true);
    }

    #[test]
    fn a_list_is_the_numbers_in_it() {
        let same = ["0-2, 5", "0-2,5", "0,1,2,5", "0 1 2 5", "5, 0-2", "0 - 2, 5", "0–2,5"];
        check("0-2,5", Unit::None, &same, true);
        check("0-2,5", Unit::None, &["0-3,5", "0-2", "0-2,5,6", "2-0,5", "0-4294967295"], false);
        check("10:1", Unit::None, &["10,1", "10"], false);
        check("5", Unit::None, &["05", "5"], true);
    }

    #[test]
    fn a_size_is_its_bytes() {
        let same =
            ["512MiB", "512 MiB", "512M", "512 mb", "0.5 GiB", ".5g", "524288k", "536870912"];
        check("512MiB", Unit::Bytes, &same, true);
        let others = ["512", "0.5 MiB", "1.5.2M", "0.3 GiB", "M", ".", "99999999999999999999g"];
        check("512MiB", Unit::Bytes, &others, false);
        // Without the unit of the question a number is a number.
        check("512MiB", Unit::None, &["0.5 GiB"], false);
    }
}
