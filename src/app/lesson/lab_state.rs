//! The lab of a lesson as the engine tells of it: what it is busy with, and how far the lesson is in it.

use crate::action::{LabFacts, PreflightCheck};
use crate::engine::ReadyState;
use crate::engine::waiting::AwaitedActor;
use crate::laid_out::UnpackProgress;
use crate::lesson::detour::Detour;

/// The work that the lab is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// A lab is being made, or steps are replayed.
    Building,
    Ready,
    Playing {
        step: usize,
    },
    Failed {
        message: String,
    },
}

/// The state of the lab.
#[derive(Debug)]
pub struct LabState {
    pub phase: Phase,
    /// None until the first lab is up.
    pub ready: Option<ReadyState>,
    /// The actor that the lesson waits for.
    pub awaited: Option<AwaitedActor>,
    /// The progress of an image made elsewhere, before the first lab.
    pub unpacking: Option<UnpackProgress>,
    /// The detour that it is on by what was typed.
    pub detour: Option<Detour>,
}

impl Default for LabState {
    fn default() -> LabState {
        LabState {
            phase: Phase::Building,
            ready: None,
            awaited: None,
            unpacking: None,
            detour: None,
        }
    }
}

impl LabState {
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// Steps played in the lab that is up.
    pub fn played(&self) -> usize {
        self.ready.as_ref().map_or(0, |ready| ready.played)
    }

    pub fn is_left_out(&self, step: usize) -> bool {
        self.ready.as_ref().is_some_and(|ready| ready.left_out.contains(&step))
    }

    /// For shell lines of actions.
    pub fn context(&self) -> LabFacts {
        self.ready.as_ref().map(|ready| ready.context.clone()).unwrap_or_default()
    }

    /// The preflight of the next step's actions.
    pub fn checks(&self) -> &[Vec<PreflightCheck>] {
        self.ready.as_ref().map(|ready| ready.checks.as_slice()).unwrap_or_default()
    }

    /// It runs without the machine's root.
    pub fn is_rootless(&self) -> bool {
        self.ready.as_ref().is_some_and(|ready| ready.lab.rootless)
    }
}
