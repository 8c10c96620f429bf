//! The record of an op: the calls it made, what it printed and when, what came of it.

use serde::{Deserialize, Serialize};

use super::{ActorName, Op, Outcome};
use crate::call::Call;

/// The record of one op.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpRecord {
    pub actor: ActorName,
    pub op: Op,
    pub calls: Vec<Call>,
    pub outcome: Outcome,
    /// The parts of a program's output, with the time that each came; empty for other ops.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<OutputPiece>,
    /// Wall time of the whole op as the actor measured it, in nanoseconds.
    pub nanos: u64,
    /// The bar that it counts for, where its step draws some. The engine's word, never an actor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bar: Option<Bar>,
}

/// The part of an op in the bars of its step: those of one name are added up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    pub name: String,
    /// Bytes that the op took of the file system below `/root`: statvfs(3) before and after. None where that could not be read.
    pub bytes: Option<u64>,
}

impl Bar {
    /// The columns of a name beside its drawing.
    pub const MAX_NAME: usize = 10;
}

/// A program had printed so much by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputPiece {
    /// Since the program was started, in milliseconds.
    pub at_ms: u64,
    /// Bytes of the op's output.
    pub end: usize,
}
