//! `bind`: show a directory at a second place.

use serde::{Deserialize, Serialize};

use super::mount::MountOption;
use super::paths::{check_is_mount, is_absolute};
use super::pid_text::PidText;
use super::{ActionKind, LabFacts, LowerError, Precondition, PreflightCheck};
use crate::op::{ActorName, MountFlag, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    pub source: PidText,
    pub target: String,
    /// With all that is mounted below the source.
    #[serde(default)]
    pub recursive: bool,
    /// Options of the new mount, as after `-o`. They take a second call: the one that binds ignores them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<MountOption>,
    /// Options that are given with the call that binds, which ignores them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored_options: Vec<MountOption>,
}

impl ActionKind for Bind {
    const SUMMARY: &'static str = "makes a directory or a file appear at a second place";

    fn named_actors(&self) -> Vec<&ActorName> {
        self.source.actors().collect()
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        let option = if self.recursive { "--rbind" } else { "--bind" };
        let words: Vec<&str> = self.options.iter().map(|option| option.word()).collect();
        let words =
            if words.is_empty() { String::new() } else { format!(" -o {}", words.join(",")) };
        vec![format!("mount {option}{words} {} {}", self.source.shell(context), self.target)]
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let mut flags = vec![MountFlag::Bind];
        flags.extend(self.recursive.then_some(MountFlag::Recursive));
        flags.extend(self.ignored_options.iter().map(|option| option.flag()));
        let mut ops = vec![Op::Mount {
            source: Some(self.source.lower(context)?),
            target: self.target.clone(),
            fstype: None,
            flags,
            data: None,
        }];
        if !self.options.is_empty() {
            ops.push(super::remount::change_options(&self.target, &self.options));
        }
        Ok(ops)
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        if !is_absolute(&self.target) {
            return Vec::new();
        }
        let mounted = check_is_mount(actor, snapshot, &self.target).ok;
        let condition = Precondition::NoMountPointYet { path: self.target.clone() };
        vec![PreflightCheck { condition, ok: !mounted }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_bind_mount_take_a_second_call() {
        let check = |bind: &str, line: &str, expected: &[&[MountFlag]]| {
            let bind: Bind = serde_json::from_str(bind).expect(bind);
            assert_eq!(bind.shell(&LabFacts::default()), [line]);
            let ops = bind.lower(&LabFacts::default()).expect("ops");
            let flags: Vec<&[MountFlag]> = ops
                .iter()
                .map(|op| match op {
                    Op::Mount { flags, .. } => flags.as_slice(),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(flags, expected);
        };
        use MountFlag::{Bind as B, ReadOnly, Recursive, Remount};
        check(r#"{"source": "/a", "target": "/b"}"#, "mount --bind /a /b", &[&[B]]);
        check(
            r#"{"source": "/a", "target": "/b", "recursive": true}"#,
            "mount --rbind /a /b",
            &[&[B, Recursive]],
        );
        check(
            r#"{"source": "/a", "target": "/b", "options": ["ro"]}"#,
            "mount --bind -o ro /a /b",
            &[&[B], &[Remount, B, ReadOnly]],
        );
        check(
            r#"{"source": "/a", "target": "/b", "ignored_options": ["ro"]}"#,
            "mount --bind /a /b",
            &[&[B, ReadOnly]],
        );
    }
}
