//! Stable numbers: mount ids as m1, m2 …, namespaces as ns1 …, so that two runs of a lesson look alike.

use std::collections::HashMap;

use crate::op::ActorName;
use crate::snapshot::{NsInode, Snapshot};

/// Numbers given out by order of first appearance in one lab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StableIds {
    /// The lab's first process, by its pid and the time it was started: where another one is, it is another lab.
    lab: Option<(u32, u64)>,
    mounts: HashMap<u32, usize>,
    namespaces: HashMap<NsInode, usize>,
    groups: HashMap<u32, usize>,
}

impl StableIds {
    /// Number what is new in a snapshot.
    pub fn add_snapshot(&mut self, snapshot: &Snapshot) {
        let host = snapshot.process_of(&ActorName::host()).map(|it| (it.pid, it.start_time));
        if host.is_some() && host != self.lab {
            *self = StableIds { lab: host, ..StableIds::default() };
        }

        for mount in snapshot.mounts.iter().flat_map(|table| &table.rows) {
            let next = self.mounts.len() + 1;
            self.mounts.entry(mount.id).or_insert(next);
            if let Some(group) = mount.propagation.shared.or(mount.propagation.master) {
                let next = self.groups.len() + 1;
                self.groups.entry(group).or_insert(next);
            }
        }

        // The kernel gives the inode of a namespace that is gone to the next one at once: two that
        // were never there together can have one name.
        for namespace in snapshot.namespaces() {
            let next = self.namespaces.len() + 1;
            self.namespaces.entry(namespace.inode).or_insert(next);
        }
    }

    pub fn mount_label(&self, id: u32, raw: bool) -> String {
        shown("m", self.mounts.get(&id).copied(), id, raw)
    }

    pub fn namespace_label(&self, inode: NsInode, raw: bool) -> String {
        shown("ns", self.namespaces.get(&inode).copied(), inode.0, raw)
    }

    pub fn peer_group_label(&self, group: u32, raw: bool) -> String {
        shown("pg", self.groups.get(&group).copied(), group, raw)
    }
}

fn shown(prefix: &str, stable: Option<usize>, kernel: impl std::fmt::Display, raw: bool) -> String {
    match stable {
        Some(number) if !raw => format!("{prefix}{number}"),
        _ => kernel.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{MountTable, Omitted, Process};

    #[test]
    fn another_lab_is_numbered_anew_however_it_came() {
        let lab = |pid, mount: &str| {
            let process: Process = crate::app::scripts::process(pid, Some("host"));
            let rows = crate::observe::mounts::parse(mount);
            let table = MountTable {
                actor: ActorName::host(),
                ns: NsInode(1),
                rows,
                omitted: Omitted::Nothing,
            };
            Snapshot { processes: vec![process], mounts: vec![table], ..Snapshot::default() }
        };

        let mut ids = StableIds::default();
        ids.add_snapshot(&lab(10, "41 0 0:1 / / rw - tmpfs none rw"));
        ids.add_snapshot(&lab(10, "42 0 0:1 / / rw - tmpfs none rw"));
        ids.add_snapshot(&Snapshot::default());
        assert_eq!(
            (ids.mount_label(41, false), ids.mount_label(42, false)),
            ("m1".into(), "m2".into())
        );
        ids.add_snapshot(&lab(20, "42 0 0:1 / / rw - tmpfs none rw"));
        assert_eq!(ids.mount_label(42, false), "m1");
    }
}
