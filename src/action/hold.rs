//! `hold` and `release`: keep a file open in an actor, and close it.

use serde::{Deserialize, Serialize};

use super::paths::shell_word;
use super::pid_text::PidText;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

/// The number of a descriptor that a lesson holds: 7, 8 or 9. Those below are the actor's own, and a POSIX shell knows
/// none beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct HeldNumber(u32);

impl Default for HeldNumber {
    fn default() -> Self {
        HeldNumber(9)
    }
}

impl TryFrom<u32> for HeldNumber {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        let is_free = (7..=9).contains(&number);
        is_free
            .then_some(HeldNumber(number))
            .ok_or_else(|| format!("the descriptor {number} is none of 7, 8 and 9"))
    }
}

impl From<HeldNumber> for u32 {
    fn from(number: HeldNumber) -> u32 {
        number.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    pub path: PidText,
    #[serde(default)]
    pub fd: HeldNumber,
}

impl ActionKind for Hold {
    const SUMMARY: &'static str = "opens a file and keeps it open";

    fn named_actors(&self) -> Vec<&ActorName> {
        self.path.actors().collect()
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        vec![format!("exec {}< {}", self.fd.0, shell_word(&self.path.shell(context)))]
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Hold { path: self.path.lower(context)?, fd: self.fd.0 }])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    #[serde(default)]
    pub fd: HeldNumber,
}

impl ActionKind for Release {
    const SUMMARY: &'static str = "closes a file that `hold` keeps open";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        vec![format!("exec {}<&-", self.fd.0)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Release { fd: self.fd.0 }])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_held_under_a_number_that_a_shell_knows() {
        let hold: Hold = serde_json::from_str(r#"{"path": "/run/net"}"#).expect("an action");
        assert_eq!(hold.shell(&LabFacts::default()), ["exec 9< /run/net"]);
        let release: Release = serde_json::from_str(r#"{"fd": 8}"#).expect("an action");
        assert_eq!(release.shell(&LabFacts::default()), ["exec 8<&-"]);
        for wrong in [0, 3, 6, 10] {
            assert!(serde_json::from_str::<Release>(&format!(r#"{{"fd": {wrong}}}"#)).is_err());
        }
    }
}
