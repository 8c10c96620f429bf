//! The mode of the person's terminal: raw and on its other screen while the program has it, and always given back.

use std::io::{BufWriter, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use crossterm::terminal::{EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, event, execute, terminal};

use super::output::TerminalOutput;
use super::terminal_query;
use crate::app::terminal::is_panic_contained;

/// Fail unless there is a terminal that can draw a screen.
pub fn check_terminal() -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        bail!(
            "the screen needs a terminal for input and output; `unboxed run LESSON` plays a lesson without one"
        );
    }
    if std::env::var("TERM").is_ok_and(|term| term == "dumb") {
        bail!(
            "this terminal can't draw a screen (TERM=dumb); `unboxed run LESSON` plays a lesson without one"
        );
    }
    Ok(())
}

/// In raw mode ctrl-z is a key. SIGSTOP, because SIGTSTP is dropped for a process whose shell does no job control.
pub(super) fn suspend() -> anyhow::Result<()> {
    give_back();
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP).context("could not suspend")?;
    take_terminal()
}

/// True while the terminal is ours, and must be given back.
static TAKEN: AtomicBool = AtomicBool::new(false);

pub(super) fn take_terminal() -> anyhow::Result<()> {
    terminal::enable_raw_mode().context("could not switch the terminal to raw mode")?;
    // From here on there is something to give back, even if the rest fails.
    TAKEN.store(true, Ordering::SeqCst);
    let mut out = BufWriter::new(TerminalOutput::open().context("could not open the terminal")?);
    execute!(out, EnterAlternateScreen, cursor::Hide, event::EnableBracketedPaste)
        .context("could not prepare the terminal")
}

/// Everything in reverse; harmless when there is nothing to give back.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        if let Ok(out) = TerminalOutput::open() {
            let mut out = BufWriter::new(out);
            let _ = execute!(
                out,
                // A panic may come in the middle of a frame.
                EndSynchronizedUpdate,
                event::DisableBracketedPaste,
                LeaveAlternateScreen,
                cursor::Show
            );
        }
        // Raw to the end, so that an answer which comes meanwhile is not echoed.
        terminal_query::wait_out();
        let _ = terminal::disable_raw_mode();
    }
}

/// The terminal comes back when this is dropped, and before a panic is printed.
pub(super) struct Restore;

impl Restore {
    pub(super) fn set_up() -> anyhow::Result<Restore> {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if is_panic_contained() {
                return;
            }
            give_back();
            default(panic);
        }));
        take_terminal()?;
        Ok(Restore)
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        give_back();
    }
}
