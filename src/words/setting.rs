//! Mistakes in settings and themes in words.

use crate::notice::{SettingMistake, SettingProblem};

/// One line: the file, the line in it, the field, and what is wrong.
pub fn setting_mistake(mistake: &SettingMistake) -> String {
    let SettingMistake { file, line, field, problem } = mistake;
    let line = line.map_or_else(String::new, |line| format!(", line {line}"));
    let field = if field.is_empty() { String::new() } else { format!(", {field}") };
    format!("{file}{line}{field}: {}", setting_problem(problem))
}

fn setting_problem(problem: &SettingProblem) -> String {
    match problem {
        SettingProblem::NotRead(error) => error.clone(),
        SettingProblem::NoSuchTheme { known } => {
            format!("no theme has this name; there are {known}")
        }
        SettingProblem::NotToml(error) => error.clone(),
        SettingProblem::NoQuotes => "texts stand in quotes".into(),
        SettingProblem::Twice => "it stands here twice".into(),
        SettingProblem::NoSuchField { near: None } => "there is no such field".into(),
        SettingProblem::NoSuchField { near: Some(near) } => {
            format!("there is no such field; {near}?")
        }
        SettingProblem::WrongKind { wanted, found } => {
            format!("not {}, but {}", with_article(wanted), with_article(kind(found)))
        }
        SettingProblem::NoneOf { text, known } => format!("`{text}` is none of {known}"),
        SettingProblem::NoColor(text) => {
            format!("`{text}` is no colour; one is written \"#5fdc8b\"")
        }
        SettingProblem::NoIndex(index) => format!("{index} is none of 0 to 255"),
    }
}

/// The kind of a value, where TOML's own word is another.
fn kind(toml: &str) -> &str {
    if toml == "string" { "text" } else { toml }
}

fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
    format!("{article} {kind}")
}
