//! Stable numbers: mount ids as m1, m2 …, namespaces as ns1 …, so that two runs of a lesson look alike.

use std::collections::HashMap;

use crate::snapshot::{NsInode, Snapshot};

/// Numbers given out by order of first appearance in one lab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StableIds {
    mounts: HashMap<u32, usize>,
    namespaces: HashMap<NsInode, usize>,
    groups: HashMap<u32, usize>,
}

impl StableIds {
    /// Number what is new in a snapshot.
    pub fn add_snapshot(&mut self, snapshot: &Snapshot) {
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
