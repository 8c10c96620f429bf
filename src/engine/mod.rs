//! The engine plays lessons: it owns the lab, performs steps, records what happened. Front ends talk to it in
//! `Request`s and hear `Event`s; it knows nothing of screens.

mod actor_wire;
mod acts;
mod call_trace;
mod contention;
pub mod events;
pub mod evidence;
pub mod fact_lookup;
mod group_places;
mod group_roots;
mod ipc_watch;
mod judge;
mod keeper_source;
pub mod lab;
pub mod lab_error;
pub mod link;
pub mod link_error;
pub mod options;
pub mod play;
mod playthrough;
pub mod replay;
pub mod requests;
mod sampler;
pub mod session;
mod shell_locations;
pub mod transcript;
pub mod turn;
mod typed_process;
pub mod waiting;

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use self::transcript::Transcript;
use self::waiting::AwaitedActor;
use crate::action::{LabFacts, PreflightCheck};
use crate::failure::Failure;
use crate::kernel::pty::TerminalSize;
use crate::laid_out::UnpackProgress;
use crate::lesson::detour::Detour;
use crate::lesson::expect::verdict::Verdict;
use crate::notice::Refusal;
use crate::op::ActorName;
use crate::own_call::OwnCalls;
use crate::proof::Proof;
use crate::report::{ChartSeries, LabInfo, StepRecord};
use crate::snapshot::Snapshot;

/// A request of a front end. A closed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Play the next step for real.
    PlayNext,
    /// Drop the lab and replay the first `steps` steps for real (0 = a fresh lab).
    RewindTo {
        steps: usize,
    },
    /// A shell beside an actor; the front end numbers them.
    OpenShell {
        tab: u32,
        actor: ActorName,
        size: TerminalSize,
    },
    /// The learner does the next step, or a question's task.
    BeginTurn(TurnGoal),
    /// The learner has done the step: go on, if all of it holds.
    FinishTurn,
    /// End that turn.
    DropTurn,
    /// Play the step after all.
    PlayInstead,
    /// Leave a step that is yet to come out of the lesson, or take it in again.
    LeaveOut {
        step: usize,
        out: bool,
    },
    /// A what-if: another lab, where the steps up to this one are replayed and the branch is played instead.
    PlayBranch {
        step: usize,
        branch: usize,
    },
    /// Go back from a branch, to the lab that was left.
    LeaveBranch,
    Quit,
}

impl Request {
    /// True if the lab that is up is dropped for it: nothing in there is worth waiting for any more.
    pub fn is_dropping_lab(&self) -> bool {
        matches!(self, Request::RewindTo { .. } | Request::Quit)
    }
}

/// The subject of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnGoal {
    /// The next step's expectations.
    Step,
    /// The task of a question, by the places of its step and of itself.
    Question { step: usize, index: usize },
}

/// The state of a turn: how far the learner is.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnState {
    pub step: usize,
    pub goal: TurnGoal,
    /// The verdicts as things are now.
    pub verdicts: Vec<Verdict>,
    /// True for each expectation that has been true at some time of this turn: that credit stays.
    pub earned: Vec<bool>,
}

impl TurnState {
    /// True for a turn that is about doing this step.
    pub fn is_of_step(&self, step: usize) -> bool {
        self.goal == TurnGoal::Step && self.step == step
    }

    pub fn is_fulfilled(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.ok)
    }
}

/// An event that the engine tells. A closed list.
#[derive(Debug, Clone)]
pub enum Event {
    /// A lab is up with `played` steps of the lesson in it, and what the next step will find.
    Ready(ReadyState),
    /// A step started; its record follows.
    Playing {
        step: usize,
    },
    Played(Arc<StepRecord>),
    /// The kernel's state changed (or was first read) outside of a step.
    LiveSnapshot(Arc<Snapshot>),
    /// The calls that the learner's programs made since the turn began, or since the lab is up.
    OwnCalls(Arc<OwnCalls>),
    /// Charts over time got on.
    ChartsSampled(Arc<Vec<ChartSeries>>),
    /// A turn began: what the step breaks is broken, and `before` is the state that the learner finds.
    TurnBegan {
        turn: TurnState,
        before: Arc<Snapshot>,
    },
    /// A turn got on, or ended (None).
    TurnChanged(Option<TurnState>),
    /// Typing has left the lab as a coming step can't use it, or (None) no longer.
    DetourChanged(Option<Detour>),
    /// A branch was played, in a lab of its own.
    BranchPlayed {
        branch: usize,
        record: Arc<StepRecord>,
    },
    /// The shell that was asked for, or why there is none.
    ShellOpened {
        tab: u32,
        actor: ActorName,
        opened: Result<ShellTerminal, Failure>,
    },
    /// The programs of a shell are in this actor now; None: in the one it was opened beside.
    ShellMoved {
        tab: u32,
        actor: Option<ActorName>,
    },
    /// An actor lets the engine wait; None: no longer.
    Waiting(Option<AwaitedActor>),
    /// The progress of an image made elsewhere, on the way to the first lab.
    Unpacking(UnpackProgress),
    /// A request can't be served here; nothing else changed.
    RequestRefused {
        why: Refusal,
    },
    /// The engine could not go on; the lab may be gone. Rewinding builds a new one.
    Failed(Failure),
    /// The answer to `Quit`: the lab is gone, and this is how the machine compares.
    SessionEnded(Proof),
}

/// The learner's end of a shell.
#[derive(Debug, Clone)]
pub struct ShellTerminal {
    /// The terminal's master side: whoever reads it lets the transcript hear.
    pub master: Arc<OwnedFd>,
    pub transcript: Arc<Transcript>,
}

/// A shell that somebody outside the front end wants.
#[derive(Debug)]
pub struct PendingShell {
    pub actor: ActorName,
    pub size: TerminalSize,
    pub reply: Sender<Result<ShellTerminal, Failure>>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct ReadyState {
    pub lab: LabInfo,
    /// Steps played in this lab.
    pub played: usize,
    /// Steps that are left out.
    pub left_out: BTreeSet<usize>,
    pub live: Arc<Snapshot>,
    /// The context of the next step's shell lines.
    pub context: LabFacts,
    /// Preflight of the next step's actions, in order; empty at the end of the lesson.
    pub checks: Vec<Vec<PreflightCheck>>,
    /// The time that building the lab and replaying took, in nanoseconds.
    pub nanos: u64,
}
