//! `run`: a program, without a shell; what it prints is shown.

use serde::{Deserialize, Serialize, Serializer};

use super::paths::shell_words;
use super::pid_text::PidText;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub command: Vec<PidText>,
    /// False for a program that only looks: a rewind need not run it again. Where nothing is said it is run again,
    /// since nobody can tell what a program leaves behind.
    #[serde(default, serialize_with = "write_said")]
    pub changes: Option<bool>,
}

/// As `changes` was always written: tapes are told by it whether they fit.
fn write_said<S: Serializer>(changes: &Option<bool>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(*changes == Some(true))
}

impl ActionKind for Run {
    const SUMMARY: &'static str = "runs a program without a shell and shows what it prints";

    fn named_actors(&self) -> Vec<&ActorName> {
        self.command.iter().flat_map(PidText::actors).collect()
    }

    fn is_read_only(&self) -> bool {
        self.changes == Some(false)
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        vec![shell_words(self.command.iter().map(|word| word.shell(context)))]
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let argv = self.command.iter().map(|word| word.lower(context)).collect::<Result<_, _>>()?;
        Ok(vec![Op::Run { argv }])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}
