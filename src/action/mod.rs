//! **Actions**: what lesson authors write. One file per kind: its fields, its shell equivalent, the ops it lowers to,
//! what must be true before it can work. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

/// What lowering an action has to know about the lab it will run in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Pids of the actors as `host` (pid 1 of the lab) counts.
    pub lab_pids: BTreeMap<ActorName, u32>,
    /// Controller (`memory`, `cpu`, `pids` …) → where the lab has it.
    pub cgroups: BTreeMap<String, CgroupMount>,
}

/// Where a controller's files are, inside the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupMount {
    pub version: CgroupVersion,
    /// The lab's top group as an actor sees it: `/sys/fs/cgroup/memory` (v1), `/sys/fs/cgroup` (v2).
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CgroupVersion {
    V1,
    V2,
}

/// One thing that must hold for an action to work, looked up in a snapshot before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `new_root is a mount point`
    pub text: String,
    pub ok: bool,
}

/// What every action kind answers.
pub trait ActionKind {
    /// The key in YAML.
    const NAME: &'static str;

    /// Lines to type into a shell of the acting actor for the same effect; they must really work there.
    fn shell(&self, context: &Context) -> Vec<String>;

    /// The requests to the kernel, in order. Errors name what is missing (an actor not yet spawned).
    fn lower(&self, context: &Context) -> Result<Vec<Op>, LowerError>;

    /// What must hold before; empty when nothing can be said.
    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<Check>;
}

/// An action that can't be turned into ops in this lab.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LowerError {
    #[error("there is no actor `{0}` yet: it is born by a spawn that was not played")]
    NoActor(ActorName),
    #[error("this lab has no `{0}` controller")]
    NoController(String),
}

/// Any action. A closed list: adding a kind is one file and one variant, and the compiler shows the rest.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {}
