//! `packets`: a firewall rule for what a group sends: it counts the packets, and may give them to a class of `shape`.

use serde::{Deserialize, Serialize};

use super::paths::check_cgroup;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;
use crate::traffic::{ClassId, PacketRule, PacketSender};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Packets {
    pub of: PacketOwner,
    /// The class that they go to.
    pub to_class: Option<ClassId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PacketOwner {
    /// Of groups with this number in `net_cls.classid`: v1 has that.
    Classid(ClassId),
    /// Of a v2 group, below the lab's top one.
    Group(String),
}

/// As it is written: `{classid: "10:1"}` or `{group: box}`, and `to_class`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    classid: Option<ClassId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_class: Option<ClassId>,
}

impl TryFrom<Fields> for Packets {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let of = match (fields.classid, fields.group) {
            (Some(class), None) => PacketOwner::Classid(class),
            (None, Some(group)) => PacketOwner::Group(group),
            (None, None) | (Some(_), Some(_)) => {
                return Err("`packets` needs `classid` or `group`, and not both");
            }
        };
        Ok(Packets { of, to_class: fields.to_class })
    }
}

impl From<Packets> for Fields {
    fn from(packets: Packets) -> Fields {
        let to_class = packets.to_class;
        match packets.of {
            PacketOwner::Classid(class) => {
                Fields { classid: Some(class), to_class, ..Fields::default() }
            }
            PacketOwner::Group(group) => {
                Fields { group: Some(group), to_class, ..Fields::default() }
            }
        }
    }
}

/// The directory in which nft(8) looks for groups, and from which it counts their names.
const TOP: &str = "/sys/fs/cgroup/";

impl Packets {
    fn rule(&self, context: &LabFacts) -> Result<PacketRule, LowerError> {
        let of = match &self.of {
            PacketOwner::Classid(class) => PacketSender::Class(*class),
            PacketOwner::Group(group) => {
                let tree = context.cgroup_mount("unified")?;
                let level = group.split('/').count() as u32;
                PacketSender::Group { path: format!("{}/{group}", tree.path), level }
            }
        };
        Ok(PacketRule { of, class: self.to_class })
    }
}

impl ActionKind for Packets {
    const SUMMARY: &'static str =
        "counts the packets of a control group, and may give them a class";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        let Ok(rule) = self.rule(context) else {
            return vec!["# this lab has no v2 tree of control groups".into()];
        };

        let whose = match &rule.of {
            PacketSender::Class(class) => format!("meta cgroup {:#x}", class.0),
            PacketSender::Group { path, level } => {
                format!("socket cgroupv2 level {level} '\"{}\"'", path.trim_start_matches(TOP))
            }
        };
        let class =
            rule.class.map_or_else(String::new, |class| format!(" meta priority set {class}"));

        vec![
            "nft add table ip unboxed".into(),
            "nft add chain ip unboxed out '{ type filter hook output priority 0; }'".into(),
            format!("nft add rule ip unboxed out {whose} counter{class}"),
        ]
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::PacketRule(self.rule(context)?)])
    }

    fn preflight(&self, _: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        let PacketOwner::Group(group) = &self.of else { return Vec::new() };
        vec![check_cgroup(snapshot, group)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::CgroupMount;
    use crate::snapshot::CgroupVersion;

    const CLASS: ClassId = ClassId(0x10_0001);

    #[test]
    fn a_rule_names_its_group_as_nft_does() {
        let check = |of: PacketOwner, class: Option<ClassId>, expected: &str| {
            let tree =
                CgroupMount { version: CgroupVersion::V2, path: "/sys/fs/cgroup/unified".into() };
            let context =
                LabFacts { cgroups: [("unified".into(), tree)].into(), ..LabFacts::default() };
            let lines = Packets { of, to_class: class }.shell(&context);
            assert_eq!(lines[2], format!("nft add rule ip unboxed out {expected}"));
        };

        check(PacketOwner::Classid(CLASS), None, "meta cgroup 0x100001 counter");
        check(
            PacketOwner::Classid(CLASS),
            Some(CLASS),
            "meta cgroup 0x100001 counter meta priority set 10:1",
        );
        check(
            PacketOwner::Group("a/b".into()),
            None,
            "socket cgroupv2 level 2 '\"unified/a/b\"' counter",
        );
    }

    #[test]
    fn a_group_of_v2_needs_its_tree() {
        let packets = Packets { of: PacketOwner::Group("box".into()), to_class: None };
        assert_eq!(
            packets.lower(&LabFacts::default()),
            Err(LowerError::NoController("unified".into()))
        );
    }
}
