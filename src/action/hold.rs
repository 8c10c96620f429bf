//! `hold` and `release`: keep a file open in an actor, and close it.

use serde::{Deserialize, Serialize};

use super::paths::shell_word;
use super::pid_text::PidText;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, HeldNumber, Op};
use crate::snapshot::Snapshot;

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
        vec![format!("exec {}< {}", self.fd, shell_word(&self.path.shell(context)))]
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Hold { path: self.path.lower(context)?, fd: self.fd }])
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
        vec![format!("exec {}<&-", self.fd)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Release { fd: self.fd }])
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
