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
}

/// A program had printed so much by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputPiece {
    /// Since the program was started, in milliseconds.
    pub at_ms: u64,
    /// Bytes of the op's output.
    pub end: usize,
}
