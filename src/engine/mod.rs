//! The engine plays lessons: it owns the lab, performs steps, records what happened. Front ends talk to it in
//! `Request`s and hear `Event`s; it knows nothing of screens.

pub mod facts;
pub mod lab;
pub mod link;
pub mod play;
pub mod replay;
pub mod session;
pub mod transcript;

use std::os::fd::OwnedFd;
use std::sync::Arc;

use self::transcript::Transcript;
use crate::action::{Check, Context};
use crate::kernel::pty::TerminalSize;
use crate::op::ActorName;
use crate::report::{LabInfo, StepRecord};
use crate::snapshot::Snapshot;

/// What a front end can ask for. A closed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Play the next step for real.
    Next,
    /// Drop the lab and replay the first `steps` steps for real (0 = a fresh lab).
    RewindTo {
        steps: usize,
    },
    /// A shell beside an actor; the front end numbers them.
    Shell {
        tab: u32,
        actor: ActorName,
        size: TerminalSize,
    },
    Quit,
}

/// What the engine tells. A closed list.
#[derive(Debug, Clone)]
pub enum Event {
    /// A lab is up with `played` steps of the lesson in it, and what the next step will find.
    Ready(Ready),
    /// A step started; its record follows.
    Playing {
        step: usize,
    },
    Played(Arc<StepRecord>),
    /// The kernel's state changed (or was first read) outside of a step.
    Live(Arc<Snapshot>),
    /// The shell that was asked for, or why there is none.
    Shell {
        tab: u32,
        actor: ActorName,
        opened: Result<ShellTerminal, String>,
    },
    /// The engine could not go on; the lab may be gone. Rewinding builds a new one.
    Failed {
        message: String,
    },
    /// After `Quit`: the lab is gone, and this is how the machine compares.
    Ended(Proof),
}

/// The learner's end of a shell.
#[derive(Debug, Clone)]
pub struct ShellTerminal {
    /// The terminal's master side: whoever reads it lets the transcript hear.
    pub master: Arc<OwnedFd>,
    pub transcript: Arc<Transcript>,
}

#[derive(Debug, Clone)]
pub struct Ready {
    pub lab: LabInfo,
    /// Steps played in this lab.
    pub played: usize,
    pub live: Arc<Snapshot>,
    /// For the next step's shell lines.
    pub context: Context,
    /// Preflight of the next step's actions, in order; empty at the end of the lesson.
    pub checks: Vec<Vec<Check>>,
    /// How long building the lab and replaying took, in nanoseconds.
    pub nanos: u64,
}

/// How the machine compares with what it was before the lab, view by view.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Proof {
    pub rows: Vec<ProofRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ProofRow {
    /// `mounts`, `links`, `cgroups`, `processes`.
    pub what: String,
    /// How many there were before.
    pub before: usize,
    pub after: usize,
    /// What differs, one line each; empty when nothing does.
    pub differences: Vec<String>,
}

impl Proof {
    pub fn is_clean(&self) -> bool {
        self.rows.iter().all(|row| row.differences.is_empty())
    }
}
