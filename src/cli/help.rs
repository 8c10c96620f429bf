//! `unboxed help`: the command line, a command of it, or the words that a lesson is written in.

use std::process::ExitCode;

use anyhow::Context;

use crate::action::Action;
use crate::lesson::expect::Expect;

/// Print the help on `topic`: nothing for the whole command line, a command, or `actions` and `expectations`.
pub(super) fn help(command: &mut clap::Command, topic: Option<&str>) -> anyhow::Result<ExitCode> {
    match topic {
        None => command.print_long_help()?,
        Some("actions") => print!("{}", table("The actions of a step", Action::SUMMARIES)),
        Some("expectations") => {
            print!("{}", table("The expectations of a step", Expect::SUMMARIES));
        }
        Some(name) => {
            // Until it is built, a command does not know that it belongs to `unboxed`.
            command.build();
            let is_known = |it: &&mut clap::Command| it.get_name() == name && !it.is_hide_set();
            let found = command.get_subcommands_mut().find(is_known);
            found
                .with_context(|| {
                    format!("there is no help on `{name}`: it takes a command, `actions` or `expectations`")
                })?
                .print_long_help()?;
        }
    }

    Ok(ExitCode::SUCCESS)
}

/// One line for each kind: its name in YAML, and its summary.
fn table(heading: &str, kinds: &[(&str, &str)]) -> String {
    let width = kinds.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = kinds.iter().map(|(name, summary)| format!("  {name:width$}  {summary}\n"));
    format!("{heading}, as they are named in YAML:\n\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[test]
    fn each_kind_of_the_tables_is_read_by_its_name_and_has_a_line_of_80_columns() {
        for (heading, kinds) in [("Actions", Action::SUMMARIES), ("Expect", Expect::SUMMARIES)] {
            let text = table(heading, kinds);
            for (name, summary) in kinds {
                let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
                let line = line.unwrap_or_else(|| panic!("`{name}` has no line"));
                assert!(line.ends_with(summary) && line.chars().count() <= 80, "{line}");
                assert!(!summary.is_empty() && !summary.ends_with('.'), "{name}: {summary}");
            }
        }

        // What a kind lacks may be an error; that there is no such kind is none of them.
        let is_named = |name: &str, error: Option<serde_json::Error>| {
            let said = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(!said.contains(&format!("`{name}`, expected one of")), "{name}: {said}");
        };
        for name in Action::NAMES {
            is_named(name, Action::read(name, serde_json::json!({})).err());
        }
        for name in Expect::NAMES {
            is_named(name, Expect::deserialize(serde_json::json!({ *name: {} })).err());
        }
    }
}
