//! What lies over the screen: help, lists with search, questions.

use crate::engine::Request;
use crate::op::ActorName;

use super::keymap::Command;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    None,
    Help {
        scroll: usize,
    },
    Steps {
        query: String,
        selected: usize,
    },
    Palette {
        query: String,
        selected: usize,
    },
    Shells {
        query: String,
        selected: usize,
    },
    /// The what-ifs of the step that is shown.
    Branches {
        query: String,
        selected: usize,
    },
    /// Typing a search for the focused pane.
    Search {
        query: String,
    },
    Confirm(Confirm),
}

/// A question with two answers: Enter or y does it, Esc or n does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    pub question: String,
    pub then: Request,
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEntry {
    Step(usize),
    Command(Command),
    /// A shell that is open.
    Tab(usize),
    NewShell(ActorName),
    Branch(usize),
}
