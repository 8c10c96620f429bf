//! The way from the engine to a front end: a queue that stays short. What only says how things are now takes the place
//! of what said so before, so that one who is held up (a terminal that takes nothing) finds the latest, and not a heap
//! of it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Event;

pub fn channel() -> (EventSender, EventReceiver) {
    let state = State { queue: VecDeque::new(), senders: 1, has_receiver: true, announced: false };
    let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
    (EventSender(Arc::clone(&shared)), EventReceiver(shared))
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Event>,
    senders: usize,
    has_receiver: bool,
    /// True if `wait_for_event` has told of what is in the queue.
    announced: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, event: Event) {
        let mut recent =
            self.queue.iter().enumerate().rev().take_while(|(_, earlier)| earlier.is_state());
        let outdated =
            recent.find(|(_, earlier)| event.is_replacing(earlier)).map(|(place, _)| place);
        if let Some(place) = outdated {
            self.queue.remove(place);
        }
        self.queue.push_back(event);
    }
}

impl Event {
    /// True if it says how things are, not that something happened.
    fn is_state(&self) -> bool {
        match self {
            Event::LiveSnapshot(_)
            | Event::ChartsSampled(_)
            | Event::OwnCalls(_)
            | Event::TurnChanged(Some(_))
            | Event::DetourChanged(_)
            | Event::ShellMoved { .. }
            | Event::Waiting(_)
            | Event::Unpacking(_)
            | Event::Failed(_) => true,
            Event::Ready(_)
            | Event::Playing { .. }
            | Event::Played(_)
            | Event::TurnBegan { .. }
            | Event::TurnChanged(None)
            | Event::BranchPlayed { .. }
            | Event::ShellOpened { .. }
            | Event::RequestRefused { .. }
            | Event::SessionEnded(_) => false,
        }
    }

    /// True if one who hears this event need not hear the earlier one, when nothing happened between them.
    fn is_replacing(&self, earlier: &Event) -> bool {
        match (self, earlier) {
            (Event::LiveSnapshot(_), Event::LiveSnapshot(_))
            | (Event::ChartsSampled(_), Event::ChartsSampled(_))
            | (Event::OwnCalls(_), Event::OwnCalls(_))
            | (Event::DetourChanged(_), Event::DetourChanged(_))
            | (Event::Waiting(_), Event::Waiting(_))
            | (Event::Unpacking(_), Event::Unpacking(_)) => true,
            (Event::TurnChanged(Some(now)), Event::TurnChanged(Some(then))) => {
                now.step == then.step && now.goal == then.goal
            }
            (Event::ShellMoved { tab: now, .. }, Event::ShellMoved { tab: then, .. }) => {
                now == then
            }
            (Event::Failed(now), Event::Failed(then)) => now == then,
            _ => false,
        }
    }
}

/// The engine's end; there may be several.
#[derive(Debug)]
pub struct EventSender(Arc<Shared>);

/// The error where nobody listens any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverGone;

impl EventSender {
    /// Put an event into the queue; never waits.
    pub fn send(&self, event: Event) -> Result<(), ReceiverGone> {
        let mut state = self.0.state();
        if !state.has_receiver {
            return Err(ReceiverGone);
        }
        state.push(event);
        self.0.changed.notify_all();
        Ok(())
    }
}

impl Clone for EventSender {
    fn clone(&self) -> Self {
        self.0.state().senders += 1;
        EventSender(Arc::clone(&self.0))
    }
}

impl Drop for EventSender {
    fn drop(&mut self) {
        self.0.state().senders -= 1;
        self.0.changed.notify_all();
    }
}

/// The front end's end.
#[derive(Debug)]
pub struct EventReceiver(Arc<Shared>);

impl EventReceiver {
    /// The next event; None when none can come any more.
    pub fn recv(&self) -> Option<Event> {
        let state = self.0.state();
        let waited =
            self.0.changed.wait_while(state, |state| state.queue.is_empty() && state.senders > 0);
        waited.unwrap_or_else(PoisonError::into_inner).queue.pop_front()
    }

    /// The next event; None also when the time is up.
    pub fn recv_until(&self, deadline: Instant) -> Option<Event> {
        let state = self.0.state();
        let left = deadline.saturating_duration_since(Instant::now());
        let waits = |state: &mut State| state.queue.is_empty() && state.senders > 0;
        let waited = self.0.changed.wait_timeout_while(state, left, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0.queue.pop_front()
    }

    /// Wait until there is something that was not told of yet; false when nothing can come any more. For one who waits
    /// while another one takes.
    pub fn wait_for_event(&self) -> bool {
        let state = self.0.state();
        let waits =
            |state: &mut State| (state.queue.is_empty() || state.announced) && state.senders > 0;
        let mut state =
            self.0.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        let is_news = !state.queue.is_empty() && !state.announced;
        state.announced |= is_news;
        is_news
    }

    /// All events in the queue.
    pub fn take_all(&self) -> VecDeque<Event> {
        let mut state = self.0.state();
        state.announced = false;
        std::mem::take(&mut state.queue)
    }
}

impl Drop for EventReceiver {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.has_receiver = false;
        state.queue.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{TurnGoal, TurnState};
    use crate::lesson::expect::verdict::{Expected, Verdict};
    use crate::notice::Refusal;
    use crate::seen::Seen;
    use crate::snapshot::Snapshot;
    use std::time::Duration;

    fn live(hostname: &str) -> Event {
        let hostnames = [("host".into(), hostname.to_owned())].into_iter().collect();
        Event::LiveSnapshot(Arc::new(Snapshot { hostnames, ..Snapshot::default() }))
    }

    fn turn(step: usize, ok: bool) -> Event {
        let expected = Expected::Works { action: "a".into() };
        let verdicts = vec![Verdict::on_action(ok, expected, Seen::Nothing)];
        Event::TurnChanged(Some(TurnState {
            step,
            goal: TurnGoal::Step,
            verdicts,
            earned: vec![ok],
        }))
    }

    #[test]
    fn one_who_takes_nothing_finds_the_latest_and_not_a_heap() {
        let (sender, events) = channel();
        sender.send(Event::Playing { step: 0 }).expect("a listener");

        for number in 0..10_000 {
            sender.send(live(&number.to_string())).expect("a listener");
            sender.send(Event::ChartsSampled(Arc::default())).expect("a listener");
            sender.send(turn(1, false)).expect("a listener");
            sender.send(Event::ShellMoved { tab: number % 3, actor: None }).expect("a listener");
            sender.send(Event::Failed("the lab is gone".into())).expect("a listener");
        }

        assert_eq!(events.0.state().queue.len(), 1 + 4 + 3);
        assert!(matches!(events.recv(), Some(Event::Playing { step: 0 })));

        let latest = events.take_all().into_iter().find_map(|event| match event {
            Event::LiveSnapshot(snapshot) => snapshot.hostnames.values().next().cloned(),
            _ => None,
        });
        assert_eq!(latest.as_deref(), Some("9999"));
    }

    #[test]
    fn what_happened_is_never_dropped_and_keeps_its_place() {
        let (sender, events) = channel();
        let sent = [
            live("a"),
            Event::TurnChanged(None),
            live("b"),
            turn(1, false),
            turn(2, false),
            Event::RequestRefused { why: Refusal::AtTheEnd },
            live("c"),
        ];

        let expected: Vec<String> = sent.iter().map(|event| format!("{event:?}")).collect();
        sent.into_iter().for_each(|event| sender.send(event).expect("a listener"));
        let heard: Vec<String> =
            events.take_all().iter().map(|event| format!("{event:?}")).collect();
        assert_eq!(heard, expected);
    }

    #[test]
    fn news_are_told_once_until_they_are_taken() {
        let (sender, events) = channel();
        let events = Arc::new(events);
        let (told, heard) = std::sync::mpsc::channel();
        let waiter = Arc::clone(&events);
        let thread =
            std::thread::spawn(move || while waiter.wait_for_event() && told.send(()).is_ok() {});

        sender.send(live("a")).expect("a listener");
        heard.recv_timeout(Duration::from_secs(30)).expect("news");

        (0..1000).for_each(|number| sender.send(live(&number.to_string())).expect("a listener"));
        assert!(heard.try_recv().is_err(), "the first word still counts");
        assert_eq!(events.take_all().len(), 1);

        sender.send(live("b")).expect("a listener");
        heard.recv_timeout(Duration::from_secs(30)).expect("news");
        assert_eq!(events.take_all().len(), 1);

        drop(sender);
        thread.join().expect("it ends");
        assert!(events.recv().is_none());
    }

    #[test]
    fn without_a_listener_nothing_is_kept() {
        let (sender, events) = channel();
        drop(events);
        assert_eq!(sender.send(live("a")), Err(ReceiverGone));
    }
}
