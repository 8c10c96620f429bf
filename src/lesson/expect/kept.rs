//! `namespace`: a namespace that a file keeps, and how many processes are in it.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, ObservedState, or_unread};
use crate::op::{ActorName, NamespaceKind};
use crate::seen::{CutList, Judgement, Seen};
use crate::snapshot::Omitted;
use crate::view::ViewKind;

/// A namespace of a kind that a bind mount in an actor's mount table keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptByFile {
    pub kind: NamespaceKind,
    /// The file, as the actor sees it.
    pub kept_by: String,
    #[serde(rename = "in", default = "ActorName::host")]
    pub actor: ActorName,
    /// Processes of the lab that are in it; any number without it.
    #[serde(default)]
    pub members: Option<usize>,
}

impl ExpectKind for KeptByFile {
    const SUMMARY: &'static str = "a namespace that a file keeps, and how many processes are in it";

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Namespaces)
    }

    fn deciding_words(&self) -> Vec<String> {
        vec![self.kept_by.clone()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let table = world.snapshot.mounts_of(&self.actor);
        // Of two mounts on one file the upper one, which stands later, is what the path leads to.
        let mount =
            table.and_then(|table| table.rows.iter().rfind(|row| row.target == self.kept_by));
        let Some((kind, inode)) = mount.and_then(|mount| mount.namespace()) else {
            // The file may be among the mounts that were not read.
            let (omitted, listed) = table
                .filter(|_| mount.is_none())
                .map_or_else(|| (Omitted::Nothing, 0), |table| (table.omitted, table.rows.len()));
            let seen = || Seen::NothingKept { path: self.kept_by.clone() };
            return Judgement::failed(or_unread(omitted, CutList::Mounts, listed, seen));
        };

        let is_in =
            |process: &&crate::snapshot::Process| process.namespaces.get(&kind) == Some(&inode);
        let members = world.snapshot.processes.iter().filter(is_in).count();
        // Who was not read may be in it.
        let unread = self.members.map_or(Omitted::Nothing, |_| world.snapshot.processes_omitted);
        let is_counted = self.members.is_none_or(|wanted| wanted == members);
        let listed = world.snapshot.processes.len();
        Judgement::new(
            kind == self.kind && is_counted && unread.is_nothing(),
            or_unread(unread, CutList::Processes, listed, || Seen::Kept { kind, members }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::expect::FactAnswers;
    use crate::snapshot::{Mount, MountTable, NsInode, Omitted, Propagation, Snapshot};

    #[test]
    fn a_file_keeps_a_namespace_of_its_kind_with_so_many_processes() {
        let row = Mount {
            id: 1,
            parent: 1,
            device: "0:4".into(),
            root: "net:[42]".into(),
            target: "/run/net".into(),
            options: "rw".into(),
            propagation: Propagation::default(),
            fstype: "nsfs".into(),
            source: "nsfs".into(),
            super_options: "rw".into(),
        };
        let (actor, ns) = (ActorName::host(), NsInode(1));
        let table = MountTable { actor, ns, rows: vec![row], omitted: Omitted::default() };
        let snapshot = Snapshot { mounts: vec![table], ..Snapshot::default() };
        let cut = Snapshot { processes_omitted: Omitted::Rows(1), ..snapshot.clone() };
        let check_in = |snapshot: &Snapshot, expected: &str, holds: bool| {
            let kept: KeptByFile = serde_json::from_str(expected).expect("an expectation");
            let world = ObservedState {
                snapshot,
                before: snapshot,
                facts: &FactAnswers::default(),
                outputs: &[],
                ops: &[],
            };
            assert_eq!(kept.judge(&world).ok, holds, "{expected}");
        };
        let check = |expected: &str, holds: bool| check_in(&snapshot, expected, holds);
        check(r#"{"kind": "net", "kept_by": "/run/net"}"#, true);
        check(r#"{"kind": "net", "kept_by": "/run/net", "members": 0}"#, true);
        check(r#"{"kind": "net", "kept_by": "/run/net", "members": 1}"#, false);
        check(r#"{"kind": "uts", "kept_by": "/run/net"}"#, false);
        check(r#"{"kind": "net", "kept_by": "/run/other"}"#, false);
        // Who was not read may be in it.
        check_in(&cut, r#"{"kind": "net", "kept_by": "/run/net", "members": 0}"#, false);
        check_in(&cut, r#"{"kind": "net", "kept_by": "/run/net"}"#, true);
    }
}
