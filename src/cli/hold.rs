//! The end of a lab that `unboxed run --hold` keeps up: its input ends, or a signal comes.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use anyhow::Context;

use crate::kernel::load;

/// The longest that a signal waits for whoever holds the lab, and the last words for whoever reads them: the terminal
/// may take nothing.
const STALL_TIMEOUT: Duration = Duration::from_secs(2);

/// The time between two looks at a held lab.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// The end of holding a lab.
#[derive(Debug)]
pub(super) struct Stop {
    /// Speaks, or is closed, when it is time.
    asked: Receiver<()>,
    /// Dropped once it is known that it is time.
    unheard: Option<Sender<()>>,
    is_held: Arc<AtomicBool>,
}

impl Stop {
    /// Watch for the end, where a lab is to be held. Signals that come while the lesson still plays end the program; the
    /// keeper then takes the lab away.
    pub(super) fn watch(hold: bool) -> anyhow::Result<Stop> {
        let (sender, asked) = mpsc::channel();
        let (unheard, heard) = mpsc::channel();
        let stop = Stop { asked, unheard: Some(unheard), is_held: Arc::default() };
        if hold {
            stop.watch_signals(sender.clone(), heard)?;
            std::thread::spawn(move || {
                let _ = std::io::stdin().read_to_end(&mut Vec::new());
                let _ = sender.send(());
            });
        }
        Ok(stop)
    }

    fn watch_signals(&self, sender: Sender<()>, heard: Receiver<()>) -> anyhow::Result<()> {
        let mut signals =
            signal_hook::iterator::Signals::new([libc::SIGTERM, libc::SIGINT, libc::SIGHUP])
                .context("could not watch for signals")?;
        let is_held = Arc::clone(&self.is_held);

        std::thread::spawn(move || {
            for signal in signals.forever() {
                let _ = sender.send(());
                // Whoever is to hear it may still play, or wait for a terminal that takes nothing.
                let is_heard = is_held.load(Ordering::SeqCst)
                    && heard.recv_timeout(load::stretched(STALL_TIMEOUT))
                        == Err(RecvTimeoutError::Disconnected);
                if !is_heard {
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
            }
        });
        Ok(())
    }

    /// From here on the lab is held, and a signal is its regular end.
    pub(super) fn begin(&self) {
        self.is_held.store(true, Ordering::SeqCst);
    }

    /// Wait a moment; true as long as nobody has asked for the end.
    pub(super) fn is_awaited(&mut self) -> bool {
        let is_awaited = self.asked.recv_timeout(LOOK_PERIOD) == Err(RecvTimeoutError::Timeout);
        if !is_awaited {
            self.unheard = None;
        }
        is_awaited
    }

    /// What is said once a held lab is gone must not wait for ever, either: SIGALRM ends it.
    pub(super) fn bound_last_words(&self) {
        if self.is_held.load(Ordering::SeqCst) {
            let seconds = load::stretched(STALL_TIMEOUT).as_secs();
            nix::unistd::alarm::set(u32::try_from(seconds).unwrap_or(u32::MAX));
        }
    }
}
