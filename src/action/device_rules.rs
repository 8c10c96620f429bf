//! `device`: what a group may do with a device file. Only the machine's root may say so: the keeper writes it (v1), or
//! attaches a program that says it (v2).

use serde::{Deserialize, Serialize};

use super::paths::check_cgroup;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, DeviceRule, Op};
use crate::snapshot::{CgroupVersion, Snapshot};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceRules {
    pub group: String,
    /// `a` for all, or `c 1:5 rwm`: type, major:minor, read, write, mknod.
    #[serde(default)]
    pub deny: Option<String>,
    #[serde(default)]
    pub allow: Option<String>,
}

impl DeviceRules {
    fn rules(&self) -> Vec<DeviceRule> {
        let deny = self.deny.iter().map(|rule| DeviceRule { allow: false, rule: rule.clone() });
        deny.chain(self.allow.iter().map(|rule| DeviceRule { allow: true, rule: rule.clone() }))
            .collect()
    }
}

impl ActionKind for DeviceRules {
    const SUMMARY: &'static str = "allows or denies a control group the use of a device";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        let is_v2 =
            context.cgroups.get("devices").is_some_and(|mount| mount.version == CgroupVersion::V2);
        let line = |rule: DeviceRule| match is_v2 {
            true => {
                let word = if rule.allow { "allow" } else { "deny" };
                format!(
                    "# on the machine, as its root: a BPF program attached to .../{}: {word} {}",
                    self.group, rule.rule
                )
            }
            false => {
                format!(
                    "# on the machine, as its root: echo '{}' > .../{}/{}",
                    rule.rule,
                    self.group,
                    rule.file()
                )
            }
        };

        self.rules().into_iter().map(line).collect()
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        context.cgroup_mount("devices")?;
        Ok(self
            .rules()
            .into_iter()
            .map(|rule| Op::Device { group: self.group.clone(), rule })
            .collect())
    }

    fn preflight(&self, _: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        vec![check_cgroup(snapshot, &self.group)]
    }
}
