//! Waiting for an actor: the cancel that cuts it short, and the listener who hears that it takes long.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Event;
use super::events::EventSender;
use super::requests::CancelSignal;
use crate::observe::processes;
use crate::op::ActorName;
use crate::seen::Stall;
use crate::wire::guarded::WaitLimits;
use crate::words;

/// The longest wait that nobody is told of.
const NOTICE_DELAY: Duration = Duration::from_millis(800);

/// An actor that is being waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitedActor {
    pub actor: ActorName,
    /// The reason why it may not answer, where the kernel shows one.
    pub why: Option<Stall>,
}

impl std::fmt::Display for AwaitedActor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "waiting for {}", self.actor)?;
        self.why.map_or(Ok(()), |why| write!(f, ": {}", words::stall(why)))
    }
}

/// The cancel and the listener of all waiting in a session. The default: nobody cuts it short, nobody hears of it.
#[derive(Debug, Clone, Default)]
pub struct WaitContext {
    cancel: Option<CancelSignal>,
    listener: Option<EventSender>,
}

impl WaitContext {
    pub fn new(cancel: CancelSignal, listener: EventSender) -> WaitContext {
        WaitContext { cancel: Some(cancel), listener: Some(listener) }
    }

    /// Waiting that nobody cuts short, and somebody hears of.
    pub fn heard_by(listener: EventSender) -> WaitContext {
        WaitContext { cancel: None, listener: Some(listener) }
    }

    pub fn listener(&self) -> Option<&EventSender> {
        self.listener.as_ref()
    }

    /// True if the lab is to be dropped: nothing in it is worth waiting for.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(CancelSignal::is_requested)
    }

    pub fn wait_until(&self, until: Instant) -> WaitLimits<'_> {
        WaitLimits { until, cancel: self.cancel.as_ref().map(AsFd::as_fd) }
    }

    /// The time at which to say that it takes long. What is over in a moment anyway is not worth a word.
    pub fn notice_time(&self, until: Instant) -> Instant {
        let told_at = Instant::now() + NOTICE_DELAY;
        if self.listener.is_some() && until > told_at + NOTICE_DELAY { told_at } else { until }
    }

    pub fn notify(&self, awaited: Option<AwaitedActor>) {
        if let Some(listener) = &self.listener {
            let _ = listener.send(Event::Waiting(awaited));
        }
    }
}

/// The reason why a process may not answer, by its state.
pub fn silence_reason(pid: u32) -> Option<Stall> {
    let dir = format!("/proc/{pid}");
    match processes::read_stat(Path::new(&dir))?.state {
        'T' => Some(Stall::Stopped),
        't' => Some(Stall::Traced),
        'D' => Some(Stall::Uninterruptible),
        _ => None,
    }
}
