//! Threads that bring keys, sizes and pastes of the terminal, and signals.

use std::sync::mpsc::SyncSender;

use anyhow::Context;
use crossterm::event::{self, Event};

use super::Incoming;
use crate::app::Msg;

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what a terminal tells besides has no meaning here"
)]
pub(super) fn watch_keys(sender: SyncSender<Incoming>) {
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            let message = match event {
                Event::Key(key) => Msg::Key(key),
                Event::Resize(columns, rows) => Msg::Resize(columns, rows),
                Event::Paste(text) => Msg::Paste(text),
                _ => continue,
            };
            if sender.send(Incoming::App(message)).is_err() {
                return;
            }
        }

        // The terminal is gone.
        let _ = sender.send(Incoming::App(Msg::Terminate));
    });
}

pub(super) fn watch_signals(sender: SyncSender<Incoming>) -> anyhow::Result<()> {
    use libc::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    // In raw mode no key makes a signal (termios(3)): these come from outside.
    let mut signals =
        signal_hook::iterator::Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGCONT])
            .context("could not watch for signals")?;

    std::thread::spawn(move || {
        for signal in signals.forever() {
            let incoming =
                if signal == SIGCONT { Incoming::Continued } else { Incoming::App(Msg::Terminate) };
            if sender.send(incoming).is_err() {
                return;
            }
        }
    });

    Ok(())
}
