//! `shape`: a class with a rate at a device: a queueing discipline (HTB) at its root, and one class in it. Who sends
//! through the class is not said here: what nobody gives to it passes at once.

use serde::{Deserialize, Serialize};

use super::paths::check_link;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, NetOp, Op};
use crate::snapshot::Snapshot;
use crate::traffic::{ClassId, Rate};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    pub dev: String,
    pub class: ClassId,
    pub rate: Rate,
}

impl ActionKind for Shape {
    const SUMMARY: &'static str = "limits the rate of a class of what a device sends";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        let Shape { dev, class, rate } = self;
        let handle = class.qdisc();
        vec![
            format!("tc qdisc add dev {dev} root handle {handle} htb"),
            format!(
                "tc class add dev {dev} parent {handle} classid {class} htb rate {rate} burst 15k cburst 15k"
            ),
        ]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![
            Op::Net(NetOp::AddQdisc { dev: self.dev.clone(), of: self.class }),
            Op::Net(NetOp::AddClass { dev: self.dev.clone(), class: self.class, rate: self.rate }),
        ])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        vec![check_link(actor, snapshot, &self.dev)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_names_its_qdisc() {
        let shape = Shape { dev: "eth0".into(), class: ClassId(0x10_0001), rate: Rate(8_000_000) };
        assert_eq!(
            shape.shell(&LabFacts::default()),
            [
                "tc qdisc add dev eth0 root handle 10: htb",
                "tc class add dev eth0 parent 10: classid 10:1 htb rate 8mbit burst 15k cburst 15k"
            ]
        );
        assert_eq!(shape.lower(&LabFacts::default()).map(|ops| ops.len()), Ok(2));
    }
}
