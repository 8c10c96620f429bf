//! `unboxed doctor --report`: one text to put into a report of a fault, without the names of machine and person.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::{input, private_names};
use crate::doctor::Facts;
use crate::text;

/// The most of the log's end that is read, in bytes, and printed, in lines.
const MAX_LOG: u64 = 64 * 1024;
const MAX_LOG_LINES: usize = 80;

/// The whole report: versions, `verdicts` as the doctor prints them, facts, and the end of a run's log.
pub fn bug_report(facts: &Facts, verdicts: &str, log: Option<&Path>) -> anyhow::Result<String> {
    let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system =
        system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown");
    let mut report =
        format!("unboxed {}\nsystem: {}\n\n", env!("CARGO_PKG_VERSION"), system.trim_matches('"'));

    report.push_str(verdicts.trim_end());
    report.push_str("\n\nFacts\n");
    report.push_str(&serde_json::to_string_pretty(facts)?);

    match log {
        Some(path) => {
            report.push_str("\n\nThe end of the log\n");
            report.push_str(
                &end_of(path).unwrap_or_else(|error| format!("(could not be read: {error:#})")),
            );
        }
        None => {
            report.push_str("\n\nNo log: `--log FILE` names the one of the run that went wrong.")
        }
    }

    // Root is nobody's name, and `/` is in every path.
    let mut names = private_names::private_names();
    names.retain(|(name, _)| !matches!(name.as_str(), "" | "/" | "root" | "/root" | "localhost"));
    Ok(text::prose_lines(&masked(&report, &names)))
}

fn end_of(path: &Path) -> anyhow::Result<String> {
    let mut file = input::open_regular_file(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_LOG)))?;
    let mut bytes = Vec::new();
    file.take(MAX_LOG).read_to_end(&mut bytes)?;

    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(MAX_LOG_LINES)..].join("\n"))
}

/// The text with each name replaced where it stands as a word of its own.
fn masked(text: &str, names: &[(String, &str)]) -> String {
    let is_of_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    let mut masked = text.to_owned();

    for (name, mask) in names {
        let mut done = String::with_capacity(masked.len());
        let mut from = 0;
        for (at, found) in masked.match_indices(name.as_str()) {
            let end = at + found.len();
            let stands_alone =
                !masked[..at].ends_with(is_of_word) && !masked[end..].starts_with(is_of_word);
            done.push_str(&masked[from..at]);
            done.push_str(if stands_alone { mask } else { found });
            from = end;
        }

        done.push_str(&masked[from..]);
        masked = done;
    }

    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_masked_as_words_alone() {
        let names = [
            ("wren".to_owned(), "HOST"),
            ("/home/ada".to_owned(), "HOME"),
            ("ada".to_owned(), "USER"),
        ];
        let check =
            |text: &str, expected: &str| assert_eq!(masked(text, &names), expected, "{text}");

        check("on wren, by ada in /home/ada/log", "on HOST, by USER in HOME/log");
        check("ada", "USER");
        check("adaada", "adaada");
        check("wrens adapt; ada-2 and lada", "wrens adapt; ada-2 and lada");
        check("ada,ada;wren.local", "USER,USER;HOST.local");
        check("", "");
    }

    #[test]
    fn of_a_long_log_the_last_lines_are_told() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let lines: Vec<String> = (0..20_000).map(|number| format!("line {number}")).collect();
        std::fs::write(file.path(), lines.join("\n")).expect("written");
        let end = end_of(file.path()).expect("the end");
        assert_eq!(end.lines().count(), MAX_LOG_LINES);
        assert_eq!(end.lines().last(), Some("line 19999"));
    }
}
