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
use super::message::{FromHub, Order, Role, ToHub, Told, VERSION, Whole, Window, Windows};
use crate::engine::events::EventReceiver;
use crate::engine::requests::Requests;
use crate::engine::{Event, Request};
use crate::proof::Proof;
use crate::wire::{self, Wire, is_own};

/// The longest that a window may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// Messages that wait for a window, before it counts as fallen behind.
const QUEUE: usize = 64;
/// The time for which a window that fell behind is left alone.
const CATCH_UP: Duration = Duration::from_millis(500);
/// The longest that windows may take to hear that the talk is over.
const FAREWELL: Duration = Duration::from_secs(2);

/// The lesson that is presented.
#[derive(Debug, Clone)]
pub struct Presented {
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
    Came { id: usize, window: Window, queue: SyncSender<Arc<FromHub>> },
    Said { id: usize, message: ToHub },
    Left { id: usize },
}

struct Connected {
    id: usize,
    window: Window,
    queue: SyncSender<Arc<FromHub>>,
    /// It missed something, and gets all anew: not before this moment.
    behind: Option<Instant>,
}

struct Hub {
    subject: Presented,
    requests: Requests,
    windows: Vec<Connected>,
    set: AudienceView,
    shown: AudienceView,
    clock: Clock,
    since: Instant,
    /// The latest record of each step, then what the engine said last of the lab, its charts and its doings.
    records: Vec<Option<Told>>,
    ready: Option<Told>,
    live: Option<Told>,
    charts: Option<Told>,
    doing: Option<Told>,
    branched: Option<Told>,
    /// A step or a what-if was ordered, and what came of it is not known yet.
    is_playing: bool,
}

/// Serve windows that come by this socket until the driver ends the talk or nobody is left; then end the engine.
pub fn serve(
    subject: Presented,
    listener: UnixListener,
    requests: Requests,
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
        for (id, stream) in wire::visitors(&listener).enumerate() {
            let inputs = inputs.clone();
            std::thread::spawn(move || attend(id, &stream, &inputs));
        }
    });

    let clock = subject.clock.clone();
    let first = (0..subject.steps).find(|step| !subject.missing.contains(step)).unwrap_or_default();
    let stage = AudienceView::new().at(Beat::Tell { step: first });
    let mut hub = Hub {
        records: vec![None; subject.steps],
        subject,
        requests,
        windows: Vec::new(),
        set: stage.clone(),
        shown: stage,
        clock,
        since: Instant::now(),
        ready: None,
        live: None,
        charts: None,
        doing: None,
        branched: None,
        is_playing: false,
    };

    hub.run(&received);
}

/// One window: who it is, then what it says, until it is gone.
fn attend(id: usize, stream: &UnixStream, inputs: &Sender<Input>) {
    if !is_own(stream) {
        return;
    }
    let wires = stream.try_clone().and_then(|one| Ok((one, stream.try_clone()?)));
    let Ok((incoming, outgoing)) = wires else { return };
    let (mut incoming, mut outgoing) =
        (Wire::from_fd(incoming.into()), Wire::from_fd(outgoing.into()));
    if incoming.set_timeout(Some(PATIENCE)).is_err() {
        return;
    }

    let Ok(hello) = incoming.receive::<ToHub>() else { return };
    let ToHub::Hello { version, role, pid, size } = hello.message else { return };
    if version != VERSION {
        let why = format!(
            "the talk is held by another version of this program ({VERSION}, the window has {version})"
        );
        let _ = outgoing.send(&FromHub::Refused { why }, &[]);
        return;
    }

    // A thread of its own: a window that does not read holds up nobody else.
    let (queue, messages) = mpsc::sync_channel::<Arc<FromHub>>(QUEUE);
    std::thread::spawn(move || {
        for message in messages {
            if outgoing.send(message.as_ref(), &[]).is_err() {
                return;
            }
        }
    });

    if incoming.set_timeout(None).is_err()
        || inputs.send(Input::Came { id, window: Window { pid, role, size }, queue }).is_err()
    {
        return;
    }

    while let Ok(said) = incoming.receive::<ToHub>() {
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
        let mut alone_until = Some(Instant::now() + PATIENCE);

        loop {
            let input = match inputs.recv_timeout(self.patience(alone_until)) {
                Ok(input) => Some(input),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };

            self.pass_time();
            match input {
                Some(Input::Told(Event::Ended(ended))) => {
                    proof = Some(ended);
                    break;
                }
                Some(Input::Told(event)) => self.on_event(&event),
                Some(Input::Came { id, window, queue }) => {
                    alone_until = None;
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

    fn patience(&self, alone_until: Option<Instant>) -> Duration {
        match alone_until {
            Some(until) => until.saturating_duration_since(Instant::now()),
            None if self.windows.iter().any(|one| one.behind.is_some()) => CATCH_UP,
            None => Duration::from_secs(3600),
        }
    }

    /// Wait until the lab is gone, and let the windows know.
    fn say_goodbye(&mut self, inputs: &Receiver<Input>, mut proof: Option<Proof>) {
        while proof.is_none() {
            match inputs.recv() {
                Ok(Input::Told(Event::Ended(ended))) => proof = Some(ended),
                Ok(_) => {}
                Err(_) => break,
            }
        }

        self.tell(FromHub::Ended(proof.unwrap_or_default()));
        let until = Instant::now() + FAREWELL;
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
        self.clock.pass(now - self.since);
        self.since = now;
    }

    fn on_event(&mut self, event: &Event) {
        let Some(told) = Told::of(event) else { return };

        match &told {
            Told::Ready(_) => {
                // Ready for other orders is said, too: back from a what-if, say, behind which this one waits.
                self.is_playing &= !matches!(self.doing, Some(Told::Playing { .. }));
                self.doing = None;
                self.live = None;
                self.branched = None;
                self.ready = Some(told.clone());
            }
            Told::Playing { .. } => self.doing = Some(told.clone()),
            Told::Played(_) => {
                self.charts = None;
                if let Event::Played(record) = event
                    && let Some(place) = self.records.get_mut(record.step)
                {
                    *place = Some(told.clone());
                }
            }
            Told::Live(_) => self.live = Some(told.clone()),
            Told::Sampled(_) => self.charts = Some(told.clone()),
            Told::Branched { .. } => {
                self.is_playing = false;
                self.branched = Some(told.clone());
            }
            Told::Refused { .. } => self.is_playing = false,
            Told::Failed(_) => {
                self.is_playing = false;
                self.doing = Some(told.clone());
            }
        }

        self.tell(FromHub::Told(told));
    }

    fn on_arrival(&mut self, window: Connected) {
        self.windows.push(window);
        self.tell_windows();
    }

    /// The first console; without one, the screen that the talk was begun with.
    fn driver(&self) -> Option<usize> {
        let first =
            |role| self.windows.iter().find(|one| one.window.role == role).map(|one| one.id);
        first(Role::Console).or_else(|| first(Role::Screen))
    }

    fn on_message(&mut self, id: usize, message: ToHub) {
        if let ToHub::Size { columns, rows } = message {
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
            ToHub::Order(Order::Next) if self.is_playing => {}
            ToHub::Order(Order::LeaveOut { step, out }) if self.subject.tape.is_some() => {
                self.pass_over(step, out)
            }
            ToHub::Order(order) => {
                self.is_playing = match order {
                    Order::Next | Order::Branch { .. } => true,
                    // The lab that it is played in goes.
                    Order::RewindTo { .. } | Order::Quit => false,
                    Order::EndBranch | Order::LeaveOut { .. } => self.is_playing,
                };
                let _ = self.requests.send(order.request());
            }
            ToHub::AudienceView(set) => self.set_stage(set),
            ToHub::Clock(order) => {
                order.apply(&mut self.clock);
                self.tell(FromHub::Clock(self.clock.clone()));
            }
            ToHub::Hello { .. } | ToHub::Size { .. } => {}
        }
    }

    /// A tape was recorded with all its steps: one that is left out is not shown.
    fn pass_over(&mut self, step: usize, out: bool) {
        let missing = &mut self.subject.missing;
        let has_changed = if out { missing.insert(step) } else { missing.remove(&step) };
        if has_changed {
            self.windows.iter_mut().for_each(|one| one.behind = Some(Instant::now()));
        }
    }

    fn set_stage(&mut self, set: AudienceView) {
        let moved = set.beat != self.set.beat;
        self.shown = set.as_shown(&self.shown);
        self.set = set;
        self.tell(FromHub::AudienceView { set: self.set.clone(), shown: self.shown.clone() });
        if moved {
            // The clock starts with the first beat that is left behind.
            let begins = self.clock.total_used().is_zero()
                && !self.clock.runs
                && self.set.beat != (Beat::Tell { step: 0 });
            self.clock.runs |= begins;
            self.clock.step = self.set.beat.step();
            self.tell(FromHub::Clock(self.clock.clone()));
        }
    }

    fn tell_windows(&mut self) {
        let windows = self.windows();
        self.tell(FromHub::Windows(windows));
    }

    fn windows(&self) -> Windows {
        let driver = self.driver();
        let pid = self.windows.iter().find(|one| Some(one.id) == driver).map(|one| one.window.pid);
        Windows { all: self.windows.iter().map(|one| one.window.clone()).collect(), driver: pid }
    }

    fn tell(&mut self, message: FromHub) {
        let message = Arc::new(message);
        for one in self.windows.iter_mut().filter(|one| one.behind.is_none()) {
            // One that is gone says so itself.
            if let Err(TrySendError::Full(_)) = one.queue.try_send(Arc::clone(&message)) {
                one.behind = Some(Instant::now() + CATCH_UP);
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
        let whole = Arc::new(FromHub::Whole(Box::new(self.whole())));
        for one in self.windows.iter_mut().filter(|one| is_due(one)) {
            let is_full =
                matches!(one.queue.try_send(Arc::clone(&whole)), Err(TrySendError::Full(_)));
            one.behind = is_full.then(|| now + CATCH_UP);
        }
    }

    fn whole(&self) -> Whole {
        let last = [&self.ready, &self.live, &self.charts, &self.doing, &self.branched];
        Whole {
            lesson: self.subject.lesson.clone(),
            name: self.subject.name.clone(),
            tape: self.subject.tape.clone(),
            missing: self.subject.missing.clone(),
            told: self.records.iter().chain(last).flatten().cloned().collect(),
            set: self.set.clone(),
            shown: self.shown.clone(),
            clock: self.clock.clone(),
            windows: self.windows(),
        }
    }
}
