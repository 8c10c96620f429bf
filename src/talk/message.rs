//! The messages between windows and the hub: closed lists, with a version, as length-prefixed JSON (`wire`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::AudienceView;
use super::clock::Clock;
use crate::engine::{Event, ReadyState, Request};
use crate::failure::Failure;
use crate::notice::Refusal;
use crate::proof::Proof;
use crate::report::{ChartSeries, RecordWithSnapshots, StepRecord};
use crate::snapshot::Snapshot;

/// Windows of another version are refused.
pub const PROTOCOL_VERSION: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowRole {
    /// The screen of `unboxed present`: it drives while there is no console.
    Screen,
    /// Another audience window: it only watches.
    Watcher,
    Console,
}

/// From a window. The first message is `Hello`, and no other one is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowToHub {
    Hello { version: u32, role: WindowRole, pid: u32, size: (u16, u16) },
    Size { columns: u16, rows: u16 },
    // What follows is the driver's alone.
    Request(DriverRequest),
    AudienceView(AudienceView),
    Clock(ClockChange),
}

/// An order to the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriverRequest {
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
pub enum ClockChange {
    Pause,
    Run,
    Add { seconds: u64 },
}

/// From the hub.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HubToWindow {
    /// All there is: what every window begins with, and what one gets that has fallen behind.
    State(Box<TalkState>),
    /// The window can't take part. In words: one of another version has to be able to say it.
    Refused {
        why: String,
    },
    Event(TalkEvent),
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
pub struct TalkState {
    /// The lesson's YAML, and the name of its file.
    pub lesson: String,
    pub name: String,
    /// The origin of the tape that plays instead of a lab: where and when it was made.
    pub tape: Option<String>,
    /// Steps that can't be played where the talk's lab is, or its tape was made: nobody is shown them.
    pub missing: BTreeSet<usize>,
    /// The events of the engine that still count, in order.
    pub events: Vec<TalkEvent>,
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
    pub role: WindowRole,
    pub size: (u16, u16),
}

/// The engine's events that a talk knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TalkEvent {
    Ready(ReadyState),
    Playing {
        step: usize,
    },
    Played(RecordWithSnapshots),
    Live(Arc<Snapshot>),
    Sampled(Arc<Vec<ChartSeries>>),
    /// A what-if was played; the lab that waits for it is back with the next `Ready`.
    Branched {
        branch: usize,
        record: RecordWithSnapshots,
    },
    Refused {
        why: Refusal,
    },
    Failed(Failure),
}

impl TalkEvent {
    /// None for what a talk has none of (shells, turns, word of waiting), and for its end, which has its own message.
    pub fn from_engine_event(event: &Event) -> Option<TalkEvent> {
        match event {
            Event::Ready(ready) => Some(TalkEvent::Ready(ready.clone())),
            Event::Playing { step } => Some(TalkEvent::Playing { step: *step }),
            Event::Played(record) => {
                Some(TalkEvent::Played(RecordWithSnapshots::from_record(record)))
            }
            Event::LiveSnapshot(snapshot) => Some(TalkEvent::Live(Arc::clone(snapshot))),
            Event::ChartsSampled(charts) => Some(TalkEvent::Sampled(Arc::clone(charts))),
            Event::BranchPlayed { branch, record } => Some(TalkEvent::Branched {
                branch: *branch,
                record: RecordWithSnapshots::from_record(record),
            }),
            Event::RequestRefused { why } => Some(TalkEvent::Refused { why: *why }),
            Event::Failed(failure) => Some(TalkEvent::Failed(failure.clone())),
            Event::TurnBegan { .. }
            | Event::TurnChanged(_)
            | Event::DetourChanged(_)
            | Event::OwnCalls(_)
            | Event::ShellOpened { .. }
            | Event::ShellMoved { .. }
            | Event::Waiting(_)
            | Event::Unpacking(_)
            | Event::SessionEnded(_) => None,
        }
    }

    pub fn into_engine_event(self) -> Event {
        match self {
            TalkEvent::Ready(ready) => Event::Ready(ready),
            TalkEvent::Playing { step } => Event::Playing { step },
            TalkEvent::Played(record) => {
                Event::Played(Arc::<StepRecord>::new(record.into_record()))
            }
            TalkEvent::Live(snapshot) => Event::LiveSnapshot(snapshot),
            TalkEvent::Sampled(charts) => Event::ChartsSampled(charts),
            TalkEvent::Branched { branch, record } => {
                Event::BranchPlayed { branch, record: Arc::new(record.into_record()) }
            }
            TalkEvent::Refused { why } => Event::RequestRefused { why },
            TalkEvent::Failed(failure) => Event::Failed(failure),
        }
    }
}

impl DriverRequest {
    pub fn to_engine_request(&self) -> Request {
        match self {
            DriverRequest::Next => Request::PlayNext,
            DriverRequest::RewindTo { steps } => Request::RewindTo { steps: *steps },
            DriverRequest::LeaveOut { step, out } => Request::LeaveOut { step: *step, out: *out },
            DriverRequest::Branch { step, branch } => {
                Request::PlayBranch { step: *step, branch: *branch }
            }
            DriverRequest::EndBranch => Request::LeaveBranch,
            DriverRequest::Quit => Request::Quit,
        }
    }
}

impl ClockChange {
    pub fn apply_to(self, clock: &mut Clock) {
        match self {
            ClockChange::Pause => clock.is_running = false,
            ClockChange::Run => clock.is_running = true,
            ClockChange::Add { seconds } => {
                clock.extra = clock.extra.saturating_add(Duration::from_secs(seconds))
            }
        }
    }
}
