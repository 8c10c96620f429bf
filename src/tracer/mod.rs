//! The **tracer**: a role beside the store that hears of the calls which programs in a learner's shells make, and tells
//! those by which containers are built. It is outside of the lab: nobody in there can see or signal it.
//!
//! A shell's filter (`kernel/watched_calls.rs`) asks before each watched call. Most are let through at once; a thread
//! whose call is to be shown is held by ptrace(2) until the call has its result, and let go again.

mod decode;
mod flags;
mod held;

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use self::held::HeldThreads;
use crate::kernel::call_listener::{AskedCall, CallListener};
use crate::kernel::ledger::Ledger;
use crate::kernel::record::retry_interrupted;
use crate::kernel::{confine, log, panics, process, ptrace};
use crate::own_call::OwnCall;
use crate::wire::protocol::{EngineToTracer, TracerToEngine};
use crate::wire::{Wire, WireError};

/// The calls of one shell that are shown in one period; what is more is let through and counted.
const MAX_SHOWN: u32 = 400;
const PERIOD: Duration = Duration::from_secs(1);

/// The tracer, from its fork to its end. Never returns: this is a forked process. `parent` is the store.
pub fn run_tracer(wire: Wire, parent: nix::unistd::Pid) -> ! {
    confine::keep_only(&[&wire, &log::LogDescriptor]);
    log::set_role("tracer");
    process::set_title("unboxed: tracer");
    let served = panics::catch_panic(|| {
        process::die_with_parent(parent)?;
        Tracer::new(wire)?.serve()
    });
    tracing::info!(?served, "ends");
    process::exit_now(i32::from(!matches!(served, Ok(Ok(())))))
}

/// A shell whose calls are heard.
#[derive(Debug)]
struct WatchedShell {
    listener: CallListener,
    /// The place where the number of each received question is noted, for whoever comes after this tracer.
    ledger: Ledger,
    began: Instant,
    shown: u32,
}

impl WatchedShell {
    /// True while fewer calls than the most were shown in this period; the call that is asked about counts.
    fn may_show(&mut self) -> bool {
        if self.began.elapsed() >= PERIOD {
            (self.began, self.shown) = (Instant::now(), 0);
        }
        self.shown += 1;
        self.shown <= MAX_SHOWN
    }
}

#[derive(Debug)]
struct Tracer {
    telling: Telling,
    stops: SignalFd,
    shells: BTreeMap<u32, WatchedShell>,
    held: HeldThreads,
}

/// The way to the engine. Nothing waits for it: what it has no room for is counted.
#[derive(Debug)]
struct Telling {
    wire: Wire,
    omitted: u64,
}

impl Telling {
    fn tell(&mut self, call: OwnCall) -> Result<(), WireError> {
        if !self.has_room() {
            self.omitted += 1;
            return Ok(());
        }
        self.tell_omitted()?;
        self.wire.send(&TracerToEngine::Made(call), &[])
    }

    fn tell_omitted(&mut self) -> Result<(), WireError> {
        if self.omitted == 0 || !self.has_room() {
            return Ok(());
        }
        let count = std::mem::take(&mut self.omitted);
        self.wire.send(&TracerToEngine::Omitted { count }, &[])
    }

    /// A stream has room for a message as long as it says that it can be written to: the kernel keeps a part of it free.
    fn has_room(&self) -> bool {
        let mut ready = [PollFd::new(self.wire.as_fd(), PollFlags::POLLOUT)];
        nix::poll::poll(&mut ready, PollTimeout::ZERO).is_ok_and(|count| count > 0)
    }
}

impl Tracer {
    fn new(wire: Wire) -> Result<Tracer, WireError> {
        let mut ended = SigSet::empty();
        ended.add(Signal::SIGCHLD);
        ended.thread_block()?;
        let stops = SignalFd::with_flags(&ended, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let telling = Telling { wire, omitted: 0 };
        Ok(Tracer { telling, stops, shells: BTreeMap::new(), held: HeldThreads::default() })
    }

    fn serve(&mut self) -> Result<(), WireError> {
        loop {
            let ready = self.await_word()?;
            if ready.stops {
                while let Ok(Some(_)) = self.stops.read_signal() {}
                while let Some((thread, stop)) = ptrace::next_stop() {
                    if let Some(call) = self.held.stopped(thread, stop) {
                        self.telling.tell(call)?;
                    }
                }
            }
            for shell in ready.asked {
                self.answer_question(shell)?;
            }
            for shell in ready.ended {
                self.shells.remove(&shell);
            }
            if ready.wire {
                match self.telling.wire.receive::<EngineToTracer>() {
                    Ok(received) => self.watch(received.message, received.fds),
                    Err(WireError::Closed) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
            self.telling.tell_omitted()?;
        }
    }

    fn await_word(&self) -> Result<Ready, Errno> {
        // What was too much is told as soon as there is room for it.
        let words = if self.telling.omitted > 0 {
            PollFlags::POLLIN | PollFlags::POLLOUT
        } else {
            PollFlags::POLLIN
        };
        let mut all = vec![
            PollFd::new(self.telling.wire.as_fd(), words),
            PollFd::new(self.stops.as_fd(), PollFlags::POLLIN),
        ];
        all.extend(
            self.shells.values().map(|it| PollFd::new(it.listener.as_fd(), PollFlags::POLLIN)),
        );
        retry_interrupted(|| nix::poll::poll(&mut all, PollTimeout::NONE))?;

        let events = |index: usize| all[index].revents().unwrap_or(PollFlags::empty());
        let of_shells = |wanted: PollFlags| {
            let with_events = self.shells.keys().copied().zip(2..);
            with_events
                .filter(|(_, at)| events(*at).intersects(wanted))
                .map(|(shell, _)| shell)
                .collect()
        };
        Ok(Ready {
            wire: !events(0).difference(PollFlags::POLLOUT).is_empty(),
            stops: !events(1).is_empty(),
            asked: of_shells(PollFlags::POLLIN),
            ended: of_shells(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL),
        })
    }

    /// Hear the calls of another shell. What a tracer before this one had in hand is let through.
    fn watch(&mut self, message: EngineToTracer, fds: Vec<OwnedFd>) {
        let EngineToTracer::Watch { shell } = message;
        let Ok([listener, ledger]) = <[OwnedFd; 2]>::try_from(fds) else { return };
        let Ok(listener) = CallListener::from_fd(listener) else { return };
        let ledger = Ledger::from_fd(ledger);

        ledger.let_through_in_hand(&listener);
        listener.wake_beside_caller();
        self.shells
            .insert(shell, WatchedShell { listener, ledger, began: Instant::now(), shown: 0 });
    }

    fn answer_question(&mut self, number: u32) -> Result<(), WireError> {
        let Some(shell) = self.shells.get_mut(&number) else { return Ok(()) };
        let Ok(asked) = shell.listener.receive() else { return Ok(()) };
        shell.ledger.note(asked.id);

        // A thread that is held makes the call for which it was held.
        if self.held.has(asked.thread) || !is_told(&asked) {
            let _ = shell.listener.let_through(asked.id);
            return Ok(());
        }
        if !shell.may_show() {
            self.telling.omitted += 1;
            let _ = shell.listener.let_through(asked.id);
            return Ok(());
        }
        match self.held.hold(number, &asked, &shell.listener) {
            Some(unheld) => self.telling.tell(unheld),
            None => Ok(()),
        }
    }
}

/// The findings of poll(2).
#[derive(Debug)]
struct Ready {
    wire: bool,
    stops: bool,
    asked: Vec<u32>,
    ended: Vec<u32>,
}

/// True for a call that builds a container: the filter can't see what lies in memory, nor where a path leads.
fn is_told(asked: &AskedCall) -> bool {
    let memory = held::MemoryOf(asked.thread);
    decode::is_told(asked.number, asked.arguments, &memory, |dir, path| {
        crate::kernel::caller_path::is_in_cgroup_tree(asked.thread, dir, path)
    })
}
