//! Questions on the terminal with two answers, before a command does what can't be undone. Whatever is no yes is a no.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::Context;

/// True if somebody is there to be asked.
pub fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Ask, and wait for the answer: true is a yes.
pub fn yes_or_no(question: &str) -> anyhow::Result<bool> {
    let mut err = io::stderr().lock();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    drop(err);

    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("could not read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
