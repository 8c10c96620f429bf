//! `unboxed doctor --report`: one text to put into a report of a fault, without the names of machine and person.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::doctor::Facts;
use crate::kernel::log;
use crate::text;

/// The most of the log's end that is read, in bytes, and printed, in lines.
const MAX_LOG: u64 = 64 * 1024;
const MAX_LOG_LINES: usize = 80;

/// The whole report: versions, `verdicts` as the doctor prints them, facts, and the end of the log that `--log` names.
pub fn report(facts: &Facts, verdicts: &str) -> anyhow::Result<String> {
    let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown");
    let mut report = format!("unboxed {}\nsystem: {}\n\n", env!("CARGO_PKG_VERSION"), system.trim_matches('"'));

    report.push_str(verdicts.trim_end());
    report.push_str("\n\nFacts\n");
    report.push_str(&serde_json::to_string_pretty(facts)?);

    match log::path() {
        Some(path) => {
            report.push_str("\n\nThe end of the log\n");
            report.push_str(&end_of(path).unwrap_or_else(|error| format!("(could not be read: {error})")));
        }
        None => report.push_str("\n\nNo log: `--log FILE` names the one of the run that went wrong."),
    }
    Ok(text::prose_lines(&masked(&report, &names())))
}

fn end_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_LOG)))?;
    let mut bytes = Vec::new();
    file.take(MAX_LOG).read_to_end(&mut bytes)?;

    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(MAX_LOG_LINES)..].join("\n"))
}

/// The words that tell whose machine this is, each with what stands in its place.
fn names() -> Vec<(String, &'static str)> {
    let host = nix::sys::utsname::uname().map(|uname| uname.nodename().to_string_lossy().into_owned());
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::current()).ok().flatten();
    let home = user.as_ref().map(|user| user.dir.clone()).or_else(|| std::env::var_os("HOME").map(PathBuf::from));
    let variables = ["USER", "LOGNAME", "SUDO_USER"].into_iter().filter_map(|name| std::env::var(name).ok());
    let mut names: Vec<(String, &str)> = vec![(host.unwrap_or_default(), "HOST")];
    names.extend(home.map(|home| (home.to_string_lossy().into_owned(), "HOME")));
    names.extend(user.map(|user| user.name).into_iter().chain(variables).map(|name| (name, "USER")));
    // Root is nobody's name, and `/` is in every path.
    names.retain(|(name, _)| !matches!(name.as_str(), "" | "/" | "root" | "/root" | "localhost"));
    names
}

/// The text with each name replaced where it stands as a word of its own.
fn masked(text: &str, names: &[(String, &str)]) -> String {
    let is_of_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    let mut masked = text.to_owned();

    for (name, mask) in names {
        let mut rest = masked.as_str();
        let mut done = String::new();
        while let Some(at) = rest.find(name.as_str()) {
            let (before, after) = (&rest[..at], &rest[at + name.len()..]);
            let stands_alone = !before.ends_with(is_of_word) && !after.starts_with(is_of_word);
            done.push_str(before);
            done.push_str(if stands_alone { mask } else { name });
            rest = after;
        }
        done.push_str(rest);
        masked = done;
    }

    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_masked_as_words_alone() {
        let names = [("wren".to_owned(), "HOST"), ("/home/ada".to_owned(), "HOME"), ("ada".to_owned(), "USER")];
        let check = |text: &str, expected: &str| assert_eq!(masked(text, &names), expected, "{text}");
        check("on wren, by ada in /home/ada/log", "on HOST, by USER in HOME/log");
        check("ada", "USER");
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
