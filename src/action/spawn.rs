//! `spawn`: a new actor, in new namespaces or, with none, as a plain child.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, Precondition, PreflightCheck};
use crate::op::{ActorName, NamespaceKind, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    pub actor: ActorName,
    #[serde(default)]
    pub unshare: Vec<NamespaceKind>,
}

impl ActionKind for Spawn {
    const SUMMARY: &'static str = "starts a process, in new namespaces or as a plain child";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        if self.unshare.is_empty() {
            return vec!["sleep infinity &".into()];
        }
        let mut options: Vec<&str> =
            self.unshare.iter().map(|kind| kind.unshare_option()).collect();
        if self.unshare.contains(&NamespaceKind::Mount) {
            // unshare(1) would make all mounts private by itself; the call alone does not.
            options.push("--propagation unchanged");
        }
        vec![format!("unshare {} --fork sh", options.join(" "))]
    }

    fn own_process(&self) -> Option<&str> {
        Some(self.actor.as_str())
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Spawn { actor: self.actor.clone(), unshare: self.unshare.clone() }])
    }

    fn preflight(&self, _: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        let is_free = snapshot.process_of(&self.actor).is_none();
        vec![PreflightCheck {
            condition: Precondition::NoProcessYet(self.actor.clone()),
            ok: is_free,
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_line_is_unshares() {
        let spawn =
            Spawn { actor: "box".into(), unshare: vec![NamespaceKind::Mount, NamespaceKind::Pid] };
        assert_eq!(
            spawn.shell(&LabFacts::default()),
            ["unshare --mount --pid --propagation unchanged --fork sh"]
        );
        let plain = Spawn { actor: "box".into(), unshare: Vec::new() };
        assert_eq!(plain.shell(&LabFacts::default()), ["sleep infinity &"]);
        assert_eq!(plain.own_process(), Some("box"));
    }
}
