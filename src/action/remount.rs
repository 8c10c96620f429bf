//! `remount`: other options for a mount that is there: `ro`, `nosuid`.

use serde::{Deserialize, Serialize};

use super::mount::MountOption;
use super::paths::{check_is_mount, is_absolute};
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, MountFlag, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remount {
    pub target: String,
    /// All that the mount is to have from now on, besides those of its file system; empty: `rw`.
    #[serde(default)]
    pub options: Vec<MountOption>,
}

/// The call that gives this one mount its options, and leaves its file system alone.
pub(super) fn change_options(target: &str, options: &[MountOption]) -> Op {
    let mut flags = vec![MountFlag::Remount, MountFlag::Bind];
    flags.extend(options.iter().map(|option| option.flag()));
    Op::Mount { source: None, target: target.to_owned(), fstype: None, flags, data: None }
}

impl ActionKind for Remount {
    const SUMMARY: &'static str = "gives a mount other options, its file system aside";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        let mut words: Vec<&str> = self.options.iter().map(|option| option.word()).collect();
        if !self.options.contains(&MountOption::Ro) {
            words.insert(0, "rw");
        }
        vec![format!("mount -o remount,bind,{} {}", words.join(","), self.target)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![change_options(&self.target, &self.options)])
    }

    fn preflight(&self, actor: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        if !is_absolute(&self.target) {
            return Vec::new();
        }
        vec![check_is_mount(actor, snapshot, &self.target)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remount_is_of_one_mount_alone_and_says_rw_where_nothing_is_read_only() {
        let check = |options: Vec<MountOption>, line: &str, flags: &[MountFlag]| {
            let remount = Remount { target: "/m".into(), options };
            assert_eq!(remount.shell(&LabFacts::default()), [line]);
            let ops = remount.lower(&LabFacts::default()).expect("ops");
            assert!(matches!(&ops[..], [Op::Mount { flags: own, .. }] if own == flags), "{ops:?}");
        };
        use MountFlag::{Bind, NoSuid, ReadOnly, Remount as Re};
        check(vec![MountOption::Ro], "mount -o remount,bind,ro /m", &[Re, Bind, ReadOnly]);
        check(vec![], "mount -o remount,bind,rw /m", &[Re, Bind]);
        check(vec![MountOption::NoSuid], "mount -o remount,bind,rw,nosuid /m", &[Re, Bind, NoSuid]);
    }
}
