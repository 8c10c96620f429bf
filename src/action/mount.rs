//! `mount`: a file system of some type on a directory.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, Precondition, PreflightCheck};
use crate::op::{ActorName, MountFlag, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    #[serde(rename = "type")]
    pub fstype: String,
    #[serde(default = "none")]
    pub source: String,
    pub target: String,
    #[serde(default)]
    pub options: Vec<MountOption>,
    /// Options of the file system itself, as after `-o`.
    #[serde(default)]
    pub data: Option<String>,
}

/// Per-mount options, as after `-o`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MountOption {
    Ro,
    NoSuid,
    NoDev,
    NoExec,
}

impl MountOption {
    pub fn word(self) -> &'static str {
        match self {
            MountOption::Ro => "ro",
            MountOption::NoSuid => "nosuid",
            MountOption::NoDev => "nodev",
            MountOption::NoExec => "noexec",
        }
    }

    pub fn flag(self) -> MountFlag {
        match self {
            MountOption::Ro => MountFlag::ReadOnly,
            MountOption::NoSuid => MountFlag::NoSuid,
            MountOption::NoDev => MountFlag::NoDev,
            MountOption::NoExec => MountFlag::NoExec,
        }
    }
}

fn none() -> String {
    "none".into()
}

impl ActionKind for Mount {
    const SUMMARY: &'static str = "mounts a file system: proc, sysfs, tmpfs, cgroup2 and others";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        let words: Vec<&str> =
            self.options.iter().map(|option| option.word()).chain(self.data.as_deref()).collect();
        let options =
            if words.is_empty() { String::new() } else { format!(" -o {}", words.join(",")) };
        vec![format!("mount -t {} {}{options} {}", self.fstype, self.source, self.target)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Mount {
            source: Some(self.source.clone()),
            target: self.target.clone(),
            fstype: Some(self.fstype.clone()),
            flags: self.options.iter().map(|option| option.flag()).collect(),
            data: self.data.clone(),
        }])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        // In a user namespace the kernel mounts proc only while another one is in full sight
        // (EPERM).
        if self.fstype != "proc" {
            return Vec::new();
        }
        let has_proc = snapshot
            .mounts_of(actor)
            .is_some_and(|table| table.rows.iter().any(|row| row.fstype == "proc"));
        vec![PreflightCheck { condition: Precondition::OtherProcMounted, ok: has_proc }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_data_go_behind_one_o() {
        let mount = Mount {
            fstype: "tmpfs".into(),
            source: none(),
            target: "/mnt".into(),
            options: vec![MountOption::Ro, MountOption::NoSuid],
            data: Some("size=1m".into()),
        };
        assert_eq!(
            mount.shell(&LabFacts::default()),
            ["mount -t tmpfs none -o ro,nosuid,size=1m /mnt"]
        );
    }
}
