//! The messages between windows and the hub: closed lists, with a version, as length-prefixed JSON (`wire`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::AudienceView;
use super::clock::Clock;
use crate::engine::{Event, Ready, Request};
use crate::failure::Failure;
use crate::notice::Refusal;
use crate::proof::Proof;
use crate::report::{Series, StepRecord, WholeRecord};
use crate::snapshot::Snapshot;

/// Windows of another version are refused.
pub const VERSION: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The screen of `unboxed present`: it drives while there is no console.
    Screen,
    /// Another audience window: it only watches.
    Watcher,
    Console,
}

/// From a window. The first message is `Hello`, and no other one is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToHub {
    Hello { version: u32, role: Role, pid: u32, size: (u16, u16) },
    Size { columns: u16, rows: u16 },
    // What follows is the driver's alone.
    Order(Order),
    AudienceView(AudienceView),
    Clock(ClockOrder),
}

/// An order to the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    Next,
    RewindTo {
        steps: usize,
    },
    LeaveOut {
        step: usize,
        out: bool,
    },
    Branch {
        step: usize,
        branch: usize,
    },
    EndBranch,
    /// The talk is over.
    Quit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockOrder {
    Pause,
    Run,
    Add { seconds: u64 },
}

/// From the hub.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromHub {
    /// All there is: what every window begins with, and what one gets that has fallen behind.
    Whole(Box<Whole>),
    /// The window can't take part. In words: one of another version has to be able to say it.
    Refused {
        why: String,
    },
    Told(Told),
    /// The audience view as the driver has set it, and as the audience sees it.
    AudienceView {
        set: AudienceView,
        shown: AudienceView,
    },
    Clock(Clock),
    Windows(Windows),
    /// The talk is over.
    Ended(Proof),
}

/// The state of a talk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Whole {
    /// The lesson's YAML, and the name of its file.
    pub lesson: String,
    pub name: String,
    /// The origin of the tape that plays instead of a lab: where and when it was made.
    pub tape: Option<String>,
    /// Steps that can't be played where the talk's lab is, or its tape was made: nobody is shown them.
    pub missing: BTreeSet<usize>,
    /// The events of the engine that still count, in order.
    pub told: Vec<Told>,
    pub set: AudienceView,
    pub shown: AudienceView,
    pub clock: Clock,
    pub windows: Windows,
}

/// The windows that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    pub all: Vec<Window>,
    /// By its pid.
    pub driver: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub pid: u32,
    pub role: Role,
    pub size: (u16, u16),
}

/// The engine's events that a talk knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    Ready(Ready),
    Playing {
        step: usize,
    },
    Played(WholeRecord),
    Live(Arc<Snapshot>),
    Sampled(Arc<Vec<Series>>),
    /// A what-if was played; the lab that waits for it is back with the next `Ready`.
    Branched {
        branch: usize,
        record: WholeRecord,
    },
    Refused {
        why: Refusal,
    },
    Failed(Failure),
}

impl Told {
    /// None for what a talk has none of (shells, turns, word of waiting), and for its end, which has its own message.
    pub fn of(event: &Event) -> Option<Told> {
        match event {
            Event::Ready(ready) => Some(Told::Ready(ready.clone())),
            Event::Playing { step } => Some(Told::Playing { step: *step }),
            Event::Played(record) => Some(Told::Played(WholeRecord::of(record))),
            Event::Live(snapshot) => Some(Told::Live(Arc::clone(snapshot))),
            Event::Sampled(charts) => Some(Told::Sampled(Arc::clone(charts))),
            Event::Branched { branch, record } => {
                Some(Told::Branched { branch: *branch, record: WholeRecord::of(record) })
            }
            Event::Refused { why } => Some(Told::Refused { why: *why }),
            Event::Failed(failure) => Some(Told::Failed(failure.clone())),
            Event::Turn(_)
            | Event::Shell { .. }
            | Event::ShellInside { .. }
            | Event::Waiting(_)
            | Event::Ended(_) => None,
        }
    }

    pub fn into_event(self) -> Event {
        match self {
            Told::Ready(ready) => Event::Ready(ready),
            Told::Playing { step } => Event::Playing { step },
            Told::Played(record) => Event::Played(Arc::<StepRecord>::new(record.into_record())),
            Told::Live(snapshot) => Event::Live(snapshot),
            Told::Sampled(charts) => Event::Sampled(charts),
            Told::Branched { branch, record } => {
                Event::Branched { branch, record: Arc::new(record.into_record()) }
            }
            Told::Refused { why } => Event::Refused { why },
            Told::Failed(failure) => Event::Failed(failure),
        }
    }
}

impl Order {
    pub fn request(&self) -> Request {
        match self {
            Order::Next => Request::Next,
            Order::RewindTo { steps } => Request::RewindTo { steps: *steps },
            Order::LeaveOut { step, out } => Request::LeaveOut { step: *step, out: *out },
            Order::Branch { step, branch } => Request::Branch { step: *step, branch: *branch },
            Order::EndBranch => Request::EndBranch,
            Order::Quit => Request::Quit,
        }
    }
}

impl ClockOrder {
    pub fn apply(self, clock: &mut Clock) {
        match self {
            ClockOrder::Pause => clock.runs = false,
            ClockOrder::Run => clock.runs = true,
            ClockOrder::Add { seconds } => {
                clock.extra = clock.extra.saturating_add(Duration::from_secs(seconds))
            }
        }
    }
}
