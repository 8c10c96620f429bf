//! The calls that a learner's programs make: the engine's side of the tracer. A thread hears what the tracer tells, and
//! keeps a copy of each shell's listener: a shell whose listener is gone can't mount, fork or leave any more (ENOSYS).
//! Where the tracer dies or stands still, the thread lets all calls through in its place, unseen, within a tenth of a
//! second; a new tracer goes on where it stopped.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::Event;
use super::events::EventSender;
use crate::kernel::call_listener::CallListener;
use crate::kernel::ledger::Ledger;
use crate::kernel::pidfd::Pidfd;
use crate::kernel::record::retry_interrupted;
use crate::observe::processes::{read_schedule, read_stat};
use crate::own_call::OwnCalls;
use crate::wire::Wire;
use crate::wire::protocol::{EngineToTracer, TracerToEngine};

/// The most calls that are kept of one turn.
const MAX_CALLS: usize = 400;
/// The time without an answer after which the tracer is looked at.
const PATIENCE: Duration = Duration::from_millis(40);

/// The tracer's process, and the wire to it.
#[derive(Debug)]
pub struct RunningTracer {
    pub wire: Wire,
    pub process: Pidfd,
}

/// The part that thread and session share.
#[derive(Debug)]
struct Shared {
    seen: Mutex<OwnCalls>,
    /// Shells and tracers that the thread has not taken over yet.
    news: Mutex<Vec<News>>,
    /// Readable once there are news, or the thread is to end.
    woken: EventFd,
    is_ending: AtomicBool,
    /// True while no tracer hears: all calls are let through unseen.
    is_lost: AtomicBool,
}

#[derive(Debug)]
enum News {
    Shell { number: u32, listener: CallListener, ledger: Ledger },
    Tracer(RunningTracer),
}

/// The calls of all shells of a session. Dropping it ends the thread.
#[derive(Debug)]
pub struct CallTrace {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CallTrace {
    pub fn start(tracer: RunningTracer, events: Option<EventSender>) -> Result<CallTrace, Errno> {
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            news: Mutex::default(),
            woken: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
            is_ending: AtomicBool::new(false),
            is_lost: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || Hearing::new(tracer, of_thread, events).hear());
        Ok(CallTrace { shared, thread: Some(thread) })
    }

    /// Hear the calls of a shell.
    pub fn add(&self, number: u32, listener: CallListener) -> Result<(), Errno> {
        let ledger = Ledger::new()?;
        self.tell(News::Shell { number, listener, ledger });
        Ok(())
    }

    /// Go on with another tracer in the place of one that is lost.
    pub fn resume(&self, tracer: RunningTracer) {
        self.shared.is_lost.store(false, Ordering::Relaxed);
        self.tell(News::Tracer(tracer));
    }

    /// True while no tracer hears.
    pub fn is_lost(&self) -> bool {
        self.shared.is_lost.load(Ordering::Relaxed)
    }

    /// Forget what was seen so far: a turn begins.
    pub fn begin(&self) {
        let mut seen = lock(&self.shared.seen);
        let turn = seen.turn + 1;
        *seen = OwnCalls { is_lost: self.is_lost(), turn, ..OwnCalls::default() };
    }

    /// The calls that were seen since the beginning.
    pub fn seen(&self) -> OwnCalls {
        lock(&self.shared.seen).clone()
    }

    fn tell(&self, news: News) {
        lock(&self.shared.news).push(news);
        let _ = self.shared.woken.write(1);
    }
}

impl Drop for CallTrace {
    fn drop(&mut self) {
        self.shared.is_ending.store(true, Ordering::Relaxed);
        let _ = self.shared.woken.write(1);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A shell, as the thread keeps it.
#[derive(Debug)]
struct HeardShell {
    listener: CallListener,
    ledger: Ledger,
}

impl HeardShell {
    /// The question that was received last, if it waits for its answer still.
    fn in_hand(&self) -> Option<u64> {
        self.ledger.last().filter(|id| self.listener.is_waiting(*id))
    }

    fn has_question(&self) -> bool {
        self.events().contains(PollFlags::POLLIN)
    }

    /// True once nobody is left who has its filter.
    fn has_ended(&self) -> bool {
        self.events().contains(PollFlags::POLLHUP)
    }

    fn events(&self) -> PollFlags {
        let mut ready = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        let polled = nix::poll::poll(&mut ready, PollTimeout::ZERO);
        polled.ok().and_then(|_| ready[0].revents()).unwrap_or(PollFlags::empty())
    }

    /// Let a question through that has come, and those that somebody who is dead has received.
    fn let_through(&self) {
        self.ledger.let_through_in_hand(&self.listener);
        while self.has_question() {
            let Ok(asked) = self.listener.receive() else { return };
            let _ = self.listener.let_through(asked.id);
        }
    }
}

/// The tracer's activity up to now, as the kernel tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct TracerActivity {
    /// True while it runs, or waits for a CPU.
    is_runnable: bool,
    /// Its times on a CPU and before, /proc/PID/schedstat: they move when it gets one.
    times: String,
}

impl TracerActivity {
    fn of(pid: Pid) -> TracerActivity {
        let stat = read_stat(Path::new(&format!("/proc/{pid}")));
        TracerActivity {
            is_runnable: stat.is_some_and(|stat| stat.state == 'R'),
            times: read_schedule(pid.as_raw().cast_unsigned()).unwrap_or_default(),
        }
    }
}

/// The sight that the thread had when it began to watch the tracer.
#[derive(Debug)]
struct Watched {
    /// The shells with a question that waits, and the last question of each that was received.
    waiting: Vec<(u32, Option<u64>)>,
    tracer: TracerActivity,
}

/// The thread's own.
#[derive(Debug)]
struct Hearing {
    tracer: Option<RunningTracer>,
    shells: BTreeMap<u32, HeardShell>,
    shared: Arc<Shared>,
    events: Option<EventSender>,
    /// Set while it is seen whether the tracer gets on.
    watched: Option<Watched>,
}

/// The reasons that the thread woke up for.
#[derive(Debug, Default)]
struct Woken {
    by_session: bool,
    by_word: bool,
    by_end: bool,
    by_question: bool,
}

impl Hearing {
    fn new(tracer: RunningTracer, shared: Arc<Shared>, events: Option<EventSender>) -> Hearing {
        Hearing { tracer: Some(tracer), shells: BTreeMap::new(), shared, events, watched: None }
    }

    fn hear(&mut self) {
        loop {
            let Ok(woken) = self.await_word() else { return };
            if woken.by_session {
                let _ = self.shared.woken.read();
                if self.shared.is_ending.load(Ordering::Relaxed) {
                    return;
                }
                self.take_news();
            }
            if woken.by_word {
                self.take_word();
            }
            if woken.by_end {
                self.lose_tracer("it ended");
            }
            self.shells.retain(|_, shell| !shell.has_ended());

            if self.tracer.is_none() {
                self.shells.values().for_each(HeardShell::let_through);
            } else {
                self.watch_tracer(woken.by_question);
            }
        }
    }

    /// Wait for anything; with a bound while the tracer is watched.
    fn await_word(&self) -> Result<Woken, Errno> {
        let mut all = vec![PollFd::new(self.shared.woken.as_fd(), PollFlags::POLLIN)];
        if let Some(tracer) = &self.tracer {
            all.push(PollFd::new(tracer.wire.as_fd(), PollFlags::POLLIN));
            all.push(PollFd::new(tracer.process.as_fd(), PollFlags::POLLIN));
        }
        let shells_from = all.len();
        // While the tracer is watched, it has its time to answer.
        let asks_shells = self.watched.is_none();
        let wanted = if asks_shells { PollFlags::POLLIN } else { PollFlags::empty() };
        all.extend(self.shells.values().map(|it| PollFd::new(it.listener.as_fd(), wanted)));

        let timeout = match &self.watched {
            Some(_) => PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX),
            None => PollTimeout::NONE,
        };
        retry_interrupted(|| nix::poll::poll(&mut all, timeout))?;

        let is_ready = |index: usize| all[index].any().unwrap_or(false);
        let has_tracer = self.tracer.is_some();
        Ok(Woken {
            by_session: is_ready(0),
            by_word: has_tracer && is_ready(1),
            by_end: has_tracer && is_ready(2),
            by_question: (shells_from..all.len()).any(is_ready),
        })
    }

    fn take_news(&mut self) {
        let news = std::mem::take(&mut *lock(&self.shared.news));
        for one in news {
            match one {
                News::Shell { number, listener, ledger } => {
                    self.shells.insert(number, HeardShell { listener, ledger });
                    self.hand_over(number);
                }
                News::Tracer(tracer) => {
                    self.tracer = Some(tracer);
                    let numbers: Vec<u32> = self.shells.keys().copied().collect();
                    numbers.into_iter().for_each(|number| self.hand_over(number));
                }
            }
        }
    }

    /// Give a shell's listener to the tracer.
    fn hand_over(&mut self, number: u32) {
        let (Some(tracer), Some(shell)) = (&mut self.tracer, self.shells.get(&number)) else {
            return;
        };
        let fds = [shell.listener.as_raw_fd(), shell.ledger.as_raw_fd()];
        if tracer.wire.send(&EngineToTracer::Watch { shell: number }, &fds).is_err() {
            self.lose_tracer("it can't be told of a shell");
        }
    }

    fn take_word(&mut self) {
        let Some(tracer) = &mut self.tracer else { return };
        let Ok(received) = tracer.wire.receive::<TracerToEngine>() else {
            return self.lose_tracer("its wire ended");
        };
        self.tell(|seen| match received.message {
            TracerToEngine::Made(call) if seen.calls.len() < MAX_CALLS => {
                seen.calls.push(Arc::new(call));
            }
            TracerToEngine::Made(_) => seen.omitted += 1,
            TracerToEngine::Omitted { count } => seen.omitted += count,
        });
    }

    /// Change what was seen, and tell it.
    fn tell(&self, change: impl FnOnce(&mut OwnCalls)) {
        let mut seen = lock(&self.shared.seen);
        change(&mut seen);
        if let Some(events) = &self.events {
            // Under the lock: what a turn's beginning has cleared is not told after it.
            let _ = events.send(Event::OwnCalls(Arc::new(seen.clone())));
        }
    }

    /// See whether the tracer answers. It has a moment for each question. One that does nothing meanwhile, not even wait for a
    /// CPU as on a busy machine, is given up.
    fn watch_tracer(&mut self, has_new_question: bool) {
        let Some(watched) = self.watched.take() else {
            if has_new_question {
                self.watched = self.watch();
            }
            return;
        };

        let Some(now) = self.watch() else { return };
        let stands = watched.waiting.iter().any(|one| now.waiting.contains(one));
        if !stands {
            return;
        }
        if !now.tracer.is_runnable && now.tracer.times == watched.tracer.times {
            self.lose_tracer("it does not answer");
        } else {
            self.watched = Some(now);
        }
    }

    /// The questions that wait now; none where there are none.
    fn watch(&self) -> Option<Watched> {
        let asking =
            self.shells.iter().filter(|(_, it)| it.has_question() || it.in_hand().is_some());
        let waiting: Vec<_> = asking.map(|(number, it)| (*number, it.ledger.last())).collect();
        if waiting.is_empty() {
            return None;
        }
        let pid = self.tracer.as_ref()?.process.pid();
        Some(Watched { waiting, tracer: pid.map(TracerActivity::of).unwrap_or_default() })
    }

    /// Let go of the tracer; threads that it holds run on once it is dead.
    fn lose_tracer(&mut self, why: &str) {
        if let Some(tracer) = self.tracer.take() {
            tracing::warn!(why, "the tracer is lost: calls are let through unseen");
            let _ = tracer.process.send(Signal::SIGKILL);
            tracer.process.has_ended_within(crate::wire::death_timeout());
        }
        self.watched = None;
        self.shared.is_lost.store(true, Ordering::Relaxed);
        self.shells.values().for_each(HeardShell::let_through);
        // Without a shell there was nothing to hear.
        if !self.shells.is_empty() {
            self.tell(|seen| seen.is_lost = true);
        }
    }
}
