//! Threads that bring keys, sizes and pastes of the terminal, its end, and signals.

use std::os::fd::AsFd;
use std::sync::mpsc::SyncSender;

use anyhow::Context;
use crossterm::event::{self, Event};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::size::known_size;
use super::{Incoming, output, terminal_query};
use crate::app::Msg;
use crate::app::keymap::early_input::LateAnswer;
use crate::kernel::process;

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what a terminal tells besides has no meaning here"
)]
pub(super) fn watch_keys(sender: SyncSender<Incoming>) {
    std::thread::spawn(move || {
        let mut late_answer = LateAnswer::default();
        while let Ok(event) = event::read() {
            let message = match event {
                Event::Key(key) => {
                    let is_due = terminal_query::is_answer_due();
                    for key in late_answer.keys_besides(key, is_due) {
                        if sender.send(Incoming::App(Msg::Key(key))).is_err() {
                            return;
                        }
                    }
                    continue;
                }
                Event::Resize(columns, rows) => {
                    let (columns, rows) = known_size((columns, rows));
                    Msg::Resize(columns, rows)
                }
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

/// The end of the terminal, which no signal need tell: SIGHUP goes to a session that has it as its controlling
/// terminal, and may be ignored.
pub(super) fn watch_hang_up(sender: SyncSender<Incoming>) {
    std::thread::spawn(move || {
        let (stdin, stdout) = (std::io::stdin(), std::io::stdout());
        // Nothing is asked for: a hang-up and an error are always told, see poll(2).
        let mut ends =
            [stdin.as_fd(), stdout.as_fd()].map(|end| PollFd::new(end, PollFlags::empty()));
        while poll(&mut ends, PollTimeout::NONE) == Err(Errno::EINTR) {}

        output::note_gone();
        // Or whoever reads keys would read the end of the input again and again.
        process::silence_stdin();
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
            let incoming = if signal == SIGCONT {
                Incoming::Continued
            } else {
                // Before it is told: whoever draws may be waiting for a terminal that takes nothing.
                output::note_ending();
                Incoming::App(Msg::Terminate)
            };
            if sender.send(incoming).is_err() {
                return;
            }
        }
    });

    Ok(())
}
