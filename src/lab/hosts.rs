//! The hosts of labs that a store has forked, and how those ended that are gone: only a parent is told.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};

use crate::kernel::pidfd::Pidfd;
use crate::wire::{Wire, death_timeout};

/// Ends that are remembered. A keeper asks at once, if it asks at all.
const MAX_ENDS: usize = 16;

/// The children of a store.
#[derive(Debug, Default)]
pub struct Hosts {
    /// By their labs' names.
    alive: Vec<(String, Pidfd)>,
    ended: VecDeque<(String, String)>,
}

impl Hosts {
    pub fn add(&mut self, lab: &str, host: Pidfd) {
        self.alive.push((lab.to_owned(), host));
    }

    /// Wait until there is something to read, and bury meanwhile who ends: a dead host that nobody waited for would stay
    /// in sight of the whole machine.
    pub fn await_word(&mut self, wire: &Wire) {
        loop {
            self.note_ends();
            let mut ready = vec![PollFd::new(wire.as_fd(), PollFlags::POLLIN)];
            // A pidfd is readable once its process has ended: pidfd_open(2).
            ready.extend(
                self.alive.iter().map(|(_, host)| PollFd::new(host.as_fd(), PollFlags::POLLIN)),
            );

            match nix::poll::poll(&mut ready, PollTimeout::NONE) {
                Ok(_) if ready[0].revents().is_none_or(|events| events.is_empty()) => {}
                Err(Errno::EINTR) => {}
                // Reading says what it is.
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// The end of a lab's host, in words; none while it is alive, and for one that is not known.
    pub fn how_it_ended(&mut self, lab: &str) -> Option<String> {
        // Its wire may have ended a moment before it does.
        if let Some((_, host)) = self.alive.iter().find(|(name, _)| name == lab) {
            host.has_ended_within(death_timeout());
        }
        self.note_ends();
        self.ended.iter().find(|(name, _)| name == lab).map(|(_, how)| how.clone())
    }

    fn note_ends(&mut self) {
        for (lab, host) in self.alive.extract_if(.., |(_, host)| host.has_ended()) {
            if let Some(how) = host.end_within(Duration::ZERO) {
                tracing::info!(lab, how, "a lab's host has ended");
                self.ended.push_back((lab, how));
            }
            host.reap();
        }
        let surplus = self.ended.len().saturating_sub(MAX_ENDS);
        self.ended.drain(..surplus);
    }
}
