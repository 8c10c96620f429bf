//! `run`: a program, without a shell; what it prints is shown.

use serde::{Deserialize, Serialize};

use super::paths::shell_word;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub command: Vec<String>,
    /// The program changes the system, so that a rewind has to run it again. Most only look.
    #[serde(default)]
    pub changes: bool,
}

impl ActionKind for Run {
    const SUMMARY: &'static str = "runs a program without a shell and shows what it prints";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn is_read_only(&self) -> bool {
        !self.changes
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        let words: Vec<String> = self.command.iter().map(|word| shell_word(word)).collect();
        vec![words.join(" ")]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Run { argv: self.command.clone() }])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}
