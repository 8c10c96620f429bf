//! `unboxed explain`: what a call, a flag, an errno, a file of a control group or a word of the field means.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use crate::explain::card::Card;
use crate::explain::{self, WordKind};
use crate::text;

/// Columns of text: as many as read well, and as every terminal has.
const COLUMNS: usize = 76;

#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// A call (`pivot_root`), a flag (`MS_PRIVATE`), an errno (`EBUSY`), a file of a control group (`memory.max`), or a word of the
    /// field (`peer group`); without one, all of them
    pub words: Vec<String>,
}

/// Print what a word means, or all words.
pub fn explain(arguments: &ExplainArguments) -> anyhow::Result<ExitCode> {
    if arguments.words.is_empty() {
        print!("{}", list());
        return Ok(ExitCode::SUCCESS);
    }

    let word = arguments.words.join(" ");
    let Some(entry) = explain::find(&word) else {
        let near = explain::near(&word);
        let shown = text::one_line(&word);
        match near.is_empty() {
            true => {
                bail!("there is no `{shown}` in the glossary (`unboxed explain` lists all words)")
            }
            false => {
                bail!("there is no `{shown}` in the glossary; near it are: {}", near.join(", "))
            }
        }
    };

    let card = Card::of_word(entry);
    println!("{}\n", card.title);
    for line in card.lines(COLUMNS) {
        println!("{}", line.text);
    }
    Ok(ExitCode::SUCCESS)
}

/// All words, by kind, as running text.
fn list() -> String {
    let mut text = String::new();
    for kind in WordKind::ALL {
        let mut words: Vec<&str> =
            explain::all().filter(|entry| entry.kind == kind).map(|entry| entry.word).collect();
        words.sort_by_key(|word| word.to_lowercase());
        text.push_str(&format!("{}:\n", kind.title()));
        for row in text::wrapped(&words.join(", "), COLUMNS - 2) {
            text.push_str(&format!("  {row}\n"));
        }
        text.push('\n');
    }
    text + "unboxed explain WORD says what one means.\n"
}
