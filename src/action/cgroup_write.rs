//! `cgroup_write`: one write to one file of a group, where the lesson is about that file; by its v1 or its v2 name.

use serde::{Deserialize, Serialize};

use super::paths::check_cgroup;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op, WriteMode};
use crate::snapshot::{CgroupVersion, Snapshot};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CgroupWrite {
    pub name: String,
    /// The controller that the file belongs to: `memory`, `cpu`, `cpuset`, `pids`, `freezer` …
    pub controller: String,
    /// On v1; nothing is written there without it.
    #[serde(default)]
    pub v1: Option<FileValue>,
    #[serde(default)]
    pub v2: Option<FileValue>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileValue {
    pub file: String,
    pub value: String,
}

impl CgroupWrite {
    /// Path and value, on this lab's version.
    fn write(&self, context: &LabFacts) -> Result<Option<(String, String)>, LowerError> {
        let mount = context.cgroup_mount(&self.controller)?;
        let chosen = match mount.version {
            CgroupVersion::V1 => &self.v1,
            CgroupVersion::V2 => &self.v2,
        };
        Ok(chosen
            .as_ref()
            .map(|one| (format!("{}/{}/{}", mount.path, self.name, one.file), one.value.clone())))
    }
}

impl ActionKind for CgroupWrite {
    const SUMMARY: &'static str = "writes to a control group's file";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        match self.write(context) {
            Ok(Some((path, value))) => vec![format!("echo {value} > {path}")],
            Ok(None) => Vec::new(),
            Err(error) => vec![format!("# {error}")],
        }
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let write = self.write(context)?;
        let op = |(path, value)| Op::WriteFile {
            path,
            text: format!("{value}\n"),
            mode: WriteMode::Existing,
        };
        Ok(write.map(op).into_iter().collect())
    }

    fn preflight(&self, _: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        vec![check_cgroup(snapshot, &self.name)]
    }
}
