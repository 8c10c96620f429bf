//! The hub: it owns the engine's channels, hears windows, and tells all of them the same. A window that is stuck or
//! gone slows nobody: what it misses it gets as a whole once it listens again.

use std::collections::BTreeSet;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError};
use std::time::{Duration, Instant};

use super::AudienceView;
use super::beat::Beat;
use super::clock::Clock;
use super::message::{
    DriverRequest, HubToWindow, PROTOCOL_VERSION, TalkEvent, TalkState, Window, WindowRole,
    WindowToHub, Windows,
};
use crate::engine::events::EventReceiver;
use crate::engine::requests::RequestSender;
use crate::engine::{Event, Request};
use crate::proof::Proof;
use crate::wire::{self, Wire, is_own_user_or_root};

/// The longest that a window may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Messages that wait for a window, before it counts as fallen behind.
const MAX_QUEUED_MESSAGES: usize = 64;
/// The time for which a window that fell behind is left alone.
const CATCH_UP_PAUSE: Duration = Duration::from_millis(500);
/// The longest that windows may take to hear that the talk is over.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The lesson that is presented.
#[derive(Debug, Clone)]
pub struct PresentedLesson {
    /// The lesson's YAML, and the name of its file.
    pub lesson: String,
    pub name: String,
    pub steps: usize,
    pub tape: Option<String>,
    /// Steps that can't be played.
    pub missing: BTreeSet<usize>,
    pub clock: Clock,
}

enum Input {
    Told(Event),
    Came { id: usize, window: Window, queue: SyncSender<Arc<HubToWindow>> },
    Said { id: usize, message: WindowToHub },
    Left { id: usize },
}

struct Connected {
    id: usize,
    window: Window,
    queue: SyncSender<Arc<HubToWindow>>,
    /// It missed something, and gets all anew: not before this moment.
    behind: Option<Instant>,
}

struct Hub {
    subject: PresentedLesson,
    requests: RequestSender,
    windows: Vec<Connected>,
    set: AudienceView,
    shown: AudienceView,
    clock: Clock,
    since: Instant,
    /// The latest record of each step, then what the engine said last of the lab, its charts and its activity.
    records: Vec<Option<TalkEvent>>,
    ready: Option<TalkEvent>,
    live: Option<TalkEvent>,
    charts: Option<TalkEvent>,
    activity: Option<TalkEvent>,
    branched: Option<TalkEvent>,
    /// A step or a what-if was ordered, and what came of it is not known yet.
    is_playing: bool,
}

/// Serve windows that come by this socket until the driver ends the talk or nobody is left; then end the engine.
pub fn run_hub(
    subject: PresentedLesson,
    listener: UnixListener,
    requests: RequestSender,
    events: EventReceiver,
) {
    let (inputs, received) = mpsc::channel();
    let for_events = inputs.clone();

    std::thread::spawn(move || {
        while let Some(event) = events.recv() {
            if for_events.send(Input::Told(event)).is_err() {
                return;
            }
        }
    });

    std::thread::spawn(move || {
        for (id, stream) in wire::incoming_connections(&listener).enumerate() {
            let inputs = inputs.clone();
            std::thread::spawn(move || attend(id, &stream, &inputs));
        }
    });

    let clock = subject.clock.clone();
    let first = (0..subject.steps).find(|step| !subject.missing.contains(step)).unwrap_or_default();
    let audience_view = AudienceView::new().at_beat(Beat::Tell { step: first });
    let mut hub = Hub {
        records: vec![None; subject.steps],
        subject,
        requests,
        windows: Vec::new(),
        set: audience_view.clone(),
        shown: audience_view,
        clock,
        since: Instant::now(),
        ready: None,
        live: None,
        charts: None,
        activity: None,
        branched: None,
        is_playing: false,
    };

    hub.run(&received);
}

/// One window: who it is, then what it says, until it is gone.
fn attend(id: usize, stream: &UnixStream, inputs: &Sender<Input>) {
    if !is_own_user_or_root(stream) {
        return;
    }
    let wires = stream.try_clone().and_then(|one| Ok((one, stream.try_clone()?)));
    let Ok((incoming, outgoing)) = wires else { return };
    let (mut incoming, mut outgoing) =
        (Wire::from_fd(incoming.into()), Wire::from_fd(outgoing.into()));
    if incoming.set_timeout(Some(HELLO_TIMEOUT)).is_err() {
        return;
    }

    let Ok(hello) = incoming.receive::<WindowToHub>() else { return };
    let WindowToHub::Hello { version, role, pid, size } = hello.message else { return };
    if version != PROTOCOL_VERSION {
        let why = format!(
            "the talk is held by another version of this program ({PROTOCOL_VERSION}, the window has {version})"
        );
        let _ = outgoing.send(&HubToWindow::Refused { why }, &[]);
        return;
    }

    // A thread of its own: a window that does not read holds up nobody else.
    let (queue, messages) = mpsc::sync_channel::<Arc<HubToWindow>>(MAX_QUEUED_MESSAGES);
    std::thread::spawn(move || {
        for message in messages {
            if outgoing.send(message.as_ref(), &[]).is_err() {
                return;
            }
        }
    });

    // From here on a window may be silent as long as it likes.
    if incoming.set_timeout(None).is_err()
        || inputs.send(Input::Came { id, window: Window { pid, role, size }, queue }).is_err()
    {
        return;
    }

    while let Ok(said) = incoming.receive::<WindowToHub>() {
        if inputs.send(Input::Said { id, message: said.message }).is_err() {
            return;
        }
    }
    let _ = inputs.send(Input::Left { id });
}

impl Hub {
    fn run(&mut self, inputs: &Receiver<Input>) {
        let mut proof = None;
        // Whoever starts a talk is its first window; one that never comes is gone already.
        let mut alone_until = Some(Instant::now() + HELLO_TIMEOUT);

        loop {
            let input = match inputs.recv_timeout(self.next_wait(alone_until)) {
                Ok(input) => Some(input),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };

            // First of all: the time so far belongs to the step that was on.
            self.pass_time();
            match input {
                Some(Input::Told(Event::SessionEnded(ended))) => {
                    proof = Some(ended);
                    break;
                }
                Some(Input::Told(event)) => self.on_event(&event),
                Some(Input::Came { id, window, queue }) => {
                    alone_until = None;
                    // As if it had fallen behind: it begins with the whole state.
                    self.on_arrival(Connected { id, window, queue, behind: Some(Instant::now()) });
                }
                Some(Input::Said { id, message }) => self.on_message(id, message),
                Some(Input::Left { id }) => {
                    self.windows.retain(|one| one.id != id);
                    self.tell_windows();
                    if self.windows.is_empty() {
                        break;
                    }
                }
                None if alone_until.is_some_and(|until| Instant::now() >= until) => break,
                None => {}
            }
            self.catch_up();
        }

        let _ = self.requests.send(Request::Quit);
        self.say_goodbye(inputs, proof);
    }

    fn next_wait(&self, alone_until: Option<Instant>) -> Duration {
        match alone_until {
            Some(until) => until.saturating_duration_since(Instant::now()),
            None if self.windows.iter().any(|one| one.behind.is_some()) => CATCH_UP_PAUSE,
            // Only an input ends this wait; an hour is as good as no end.
            None => Duration::from_secs(3600),
        }
    }

    /// Wait until the lab is gone, and let the windows know.
    fn say_goodbye(&mut self, inputs: &Receiver<Input>, mut proof: Option<Proof>) {
        while proof.is_none() {
            match inputs.recv() {
                Ok(Input::Told(Event::SessionEnded(ended))) => proof = Some(ended),
                Ok(_) => {}
                Err(_) => break,
            }
        }

        self.tell(HubToWindow::Ended(proof.unwrap_or_default()));
        let until = Instant::now() + CLOSE_TIMEOUT;
        while !self.windows.is_empty() {
            match inputs.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Input::Left { id }) => self.windows.retain(|one| one.id != id),
                Ok(_) => {}
                Err(_) => break,
            }
        }
    }

    fn pass_time(&mut self) {
        let now = Instant::now();
        self.clock.advance(now - self.since);
        self.since = now;
    }

    fn on_event(&mut self, event: &Event) {
        let Some(relayed) = TalkEvent::from_engine_event(event) else { return };

        match &relayed {
            TalkEvent::Ready(_) => {
                // Ready for other orders is said, too: back from a what-if, say, behind which this one waits.
                self.is_playing &= !matches!(self.activity, Some(TalkEvent::Playing { .. }));
                self.activity = None;
                self.live = None;
                self.branched = None;
                self.ready = Some(relayed.clone());
            }
            TalkEvent::Playing { .. } => self.activity = Some(relayed.clone()),
            TalkEvent::Played(_) => {
                self.charts = None;
                if let Event::Played(record) = event
                    && let Some(place) = self.records.get_mut(record.step)
                {
                    *place = Some(relayed.clone());
                }
            }
            TalkEvent::Live(_) => self.live = Some(relayed.clone()),
            TalkEvent::Sampled(_) => self.charts = Some(relayed.clone()),
            TalkEvent::Branched { .. } => {
                self.is_playing = false;
                self.branched = Some(relayed.clone());
            }
            TalkEvent::Refused { .. } => self.is_playing = false,
            TalkEvent::Failed(_) => {
                self.is_playing = false;
                self.activity = Some(relayed.clone());
            }
        }

        self.tell(HubToWindow::Event(relayed));
    }

    fn on_arrival(&mut self, window: Connected) {
        self.windows.push(window);
        self.tell_windows();
    }

    /// The first console; without one, the screen that the talk was begun with.
    fn driver(&self) -> Option<usize> {
        let first =
            |role| self.windows.iter().find(|one| one.window.role == role).map(|one| one.id);
        first(WindowRole::Console).or_else(|| first(WindowRole::Screen))
    }

    fn on_message(&mut self, id: usize, message: WindowToHub) {
        if let WindowToHub::Size { columns, rows } = message {
            if let Some(one) = self.windows.iter_mut().find(|one| one.id == id) {
                one.window.size = (columns, rows);
            }
            self.tell_windows();
            return;
        }

        if self.driver() != Some(id) {
            return;
        }

        match message {
            // Pressed twice before anybody heard of the first press: one step is meant.
            WindowToHub::Request(DriverRequest::Next) if self.is_playing => {}
            WindowToHub::Request(DriverRequest::LeaveOut { step, out })
                if self.subject.tape.is_some() =>
            {
                self.pass_over(step, out)
            }
            WindowToHub::Request(order) => {
                self.is_playing = match order {
                    DriverRequest::Next | DriverRequest::Branch { .. } => true,
                    // The lab that it is played in goes.
                    DriverRequest::RewindTo { .. } | DriverRequest::Quit => false,
                    DriverRequest::EndBranch | DriverRequest::LeaveOut { .. } => self.is_playing,
                };
                let _ = self.requests.send(order.to_engine_request());
            }
            WindowToHub::AudienceView(set) => self.set_audience_view(set),
            WindowToHub::Clock(order) => {
                order.apply_to(&mut self.clock);
                self.tell(HubToWindow::Clock(self.clock.clone()));
            }
            WindowToHub::Hello { .. } | WindowToHub::Size { .. } => {}
        }
    }

    /// A tape was recorded with all its steps: one that is left out is not shown.
    fn pass_over(&mut self, step: usize, out: bool) {
        let missing = &mut self.subject.missing;
        let has_changed = if out { missing.insert(step) } else { missing.remove(&step) };
        if has_changed {
            // They get the whole state, which names the steps that are missing.
            self.windows.iter_mut().for_each(|one| one.behind = Some(Instant::now()));
        }
    }

    fn set_audience_view(&mut self, set: AudienceView) {
        let moved = set.beat != self.set.beat;
        self.shown = set.as_shown(&self.shown);
        self.set = set;
        self.tell(HubToWindow::AudienceView { set: self.set.clone(), shown: self.shown.clone() });

        if moved {
            // The clock starts with the first beat that is left behind.
            let begins = self.clock.total_used().is_zero()
                && !self.clock.is_running
                && self.set.beat != (Beat::Tell { step: 0 });
            self.clock.is_running |= begins;
            self.clock.step = self.set.beat.step();
            self.tell(HubToWindow::Clock(self.clock.clone()));
        }
    }

    fn tell_windows(&mut self) {
        let windows = self.windows();
        self.tell(HubToWindow::Windows(windows));
    }

    fn windows(&self) -> Windows {
        let driver = self.driver();
        let pid = self.windows.iter().find(|one| Some(one.id) == driver).map(|one| one.window.pid);
        Windows { all: self.windows.iter().map(|one| one.window.clone()).collect(), driver: pid }
    }

    fn tell(&mut self, message: HubToWindow) {
        let message = Arc::new(message);
        for one in self.windows.iter_mut().filter(|one| one.behind.is_none()) {
            // One that is gone says so itself.
            if let Err(TrySendError::Full(_)) = one.queue.try_send(Arc::clone(&message)) {
                one.behind = Some(Instant::now() + CATCH_UP_PAUSE);
            }
        }
    }

    /// Everything to those that have nothing, or missed something.
    fn catch_up(&mut self) {
        let now = Instant::now();
        let is_due = |one: &Connected| one.behind.is_some_and(|from| from <= now);
        if !self.windows.iter().any(is_due) {
            return;
        }
        let talk_state = Arc::new(HubToWindow::State(Box::new(self.talk_state())));
        for one in self.windows.iter_mut().filter(|one| is_due(one)) {
            let is_full =
                matches!(one.queue.try_send(Arc::clone(&talk_state)), Err(TrySendError::Full(_)));
            one.behind = is_full.then(|| now + CATCH_UP_PAUSE);
        }
    }

    fn talk_state(&self) -> TalkState {
        // In the order in which a window takes them in: what led there, then how the lab is now.
        let last = [&self.ready, &self.live, &self.charts, &self.activity, &self.branched];

        TalkState {
            lesson: self.subject.lesson.clone(),
            name: self.subject.name.clone(),
            tape: self.subject.tape.clone(),
            missing: self.subject.missing.clone(),
            events: self.records.iter().chain(last).flatten().cloned().collect(),
            set: self.set.clone(),
            shown: self.shown.clone(),
            clock: self.clock.clone(),
            windows: self.windows(),
        }
    }
}
