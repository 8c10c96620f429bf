//! `link`: change a link: give it away, rename it, plug it into a bridge, switch it on.

use serde::{Deserialize, Serialize};

use super::paths::{check_link, check_no_link};
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, NetOp, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub name: String,
    /// Move it into the network namespace of this actor.
    #[serde(default)]
    pub netns: Option<ActorName>,
    #[serde(default)]
    pub rename: Option<String>,
    #[serde(default)]
    pub master: Option<String>,
    #[serde(default)]
    pub up: Option<bool>,
}

impl Link {
    fn has_settings(&self) -> bool {
        self.rename.is_some() || self.master.is_some() || self.up.is_some()
    }
}

impl ActionKind for Link {
    const SUMMARY: &'static str = "moves a network device, renames it, or sets it up";

    fn named_actors(&self) -> Vec<&ActorName> {
        self.netns.iter().collect()
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(actor) = &self.netns {
            // The process called unshare is in the container's network namespace too.
            let word = context.pid_words.get(actor).map_or("$(pidof unshare)", String::as_str);
            lines.push(format!("ip link set {} netns {word}", self.name));
        }

        if self.has_settings() {
            let mut words = vec![format!("ip link set {}", self.name)];
            words.extend(self.rename.as_ref().map(|name| format!("name {name}")));
            words.extend(self.master.as_ref().map(|bridge| format!("master {bridge}")));
            words.extend(self.up.map(|up| if up { "up".into() } else { "down".into() }));
            lines.push(words.join(" "));
        }
        lines
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let mut ops = Vec::new();
        if let Some(actor) = &self.netns {
            ops.push(Op::Net(NetOp::MoveLink {
                name: self.name.clone(),
                pid: context.lab_pid(actor)?,
            }));
        }

        if self.has_settings() {
            ops.push(Op::Net(NetOp::SetLink {
                name: self.name.clone(),
                rename: self.rename.clone(),
                up: self.up,
                master: self.master.clone(),
            }));
        }
        Ok(ops)
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        let mut checks = vec![check_link(actor, snapshot, &self.name)];
        checks.extend(self.master.as_ref().map(|bridge| check_link(actor, snapshot, bridge)));
        checks
    }

    fn obstacles(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        let new_name = self.rename.as_deref().unwrap_or(&self.name);
        let renamed = self.rename.iter().map(|name| check_no_link(actor, snapshot, name));
        let moved = self.netns.iter().map(|home| check_no_link(home, snapshot, new_name));
        renamed.chain(moved).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link { name: "c0".into(), netns: None, rename: None, master: None, up: None }
    }

    #[test]
    fn settings_go_into_one_line_and_one_request() {
        let link = Link { rename: Some("eth0".into()), up: Some(true), ..link() };
        assert_eq!(link.shell(&LabFacts::default()), ["ip link set c0 name eth0 up"]);
        assert_eq!(link.lower(&LabFacts::default()).map(|ops| ops.len()), Ok(1));
    }

    #[test]
    fn a_link_goes_to_an_actor_that_lives() {
        let link = Link { netns: Some("box".into()), ..link() };
        assert_eq!(link.lower(&LabFacts::default()), Err(LowerError::NoActor("box".into())));
        let context = LabFacts { lab_pids: [("box".into(), 7)].into(), ..LabFacts::default() };
        let moved = Op::Net(NetOp::MoveLink { name: "c0".into(), pid: 7 });
        assert_eq!(link.lower(&context), Ok(vec![moved]));
        assert_eq!(link.shell(&context), ["ip link set c0 netns $(pidof unshare)"]);
    }
}
