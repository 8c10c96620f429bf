//! Namespaces, derived from who is in them and from what keeps them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Mount, NsInode, Snapshot};
use crate::op::{ActorName, NamespaceKind};

/// One namespace and who is in it: derived from the processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    pub kind: NamespaceKind,
    pub inode: NsInode,
    /// Pids as the machine counts.
    pub members: Vec<u32>,
    pub actors: Vec<ActorName>,
}

/// A namespace that a bind mount keeps, whether or not a process is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptNamespace {
    pub kind: NamespaceKind,
    pub inode: NsInode,
    /// The file that stands for it, as the actor sees it in whose mount table it was found first.
    pub path: String,
}

impl Snapshot {
    /// The namespaces of the lab's processes, by kind, then by the first member's pid.
    pub fn namespaces(&self) -> Vec<Namespace> {
        let mut found: Vec<Namespace> = Vec::new();
        for kind in NamespaceKind::ALL {
            let mut places: HashMap<NsInode, usize> = HashMap::new();
            for process in &self.processes {
                let Some(&inode) = process.namespaces.get(&kind) else { continue };
                let at = *places.entry(inode).or_insert_with(|| {
                    found.push(Namespace { kind, inode, members: Vec::new(), actors: Vec::new() });
                    found.len() - 1
                });
                found[at].members.push(process.pid);
                found[at].actors.extend(process.actor.clone());
            }
        }

        found
    }

    /// The namespaces that files keep, each file once, in the order of the mount tables.
    pub fn kept_namespaces(&self) -> Vec<KeptNamespace> {
        let mut found: Vec<KeptNamespace> = Vec::new();
        for mount in self.mounts.iter().flat_map(|table| &table.rows) {
            let Some((kind, inode)) = mount.namespace() else { continue };
            let kept = KeptNamespace { kind, inode, path: mount.target.clone() };
            if !found.contains(&kept) {
                found.push(kept);
            }
        }
        found
    }
}

impl Mount {
    /// The namespace that a bind mount of a file of /proc/PID/ns stands for: `uts:[4026531838]` is its root.
    pub fn namespace(&self) -> Option<(NamespaceKind, NsInode)> {
        if self.fstype != "nsfs" {
            return None;
        }
        let (name, number) = self.root.strip_suffix(']')?.split_once(":[")?;
        let kind = NamespaceKind::ALL.into_iter().find(|kind| kind.proc_link_name() == name)?;
        Some((kind, NsInode(number.parse().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{MountTable, Propagation};

    #[test]
    fn a_bind_mount_of_a_namespaces_file_keeps_it() {
        let mount = |fstype: &str, root: &str, target: &str| Mount {
            id: 1,
            parent: 1,
            device: "0:4".into(),
            root: root.into(),
            target: target.into(),
            options: "rw".into(),
            propagation: Propagation::default(),
            fstype: fstype.into(),
            source: "nsfs".into(),
            super_options: "rw".into(),
        };
        let rows = vec![
            mount("nsfs", "uts:[4026532327]", "/run/uts"),
            mount("nsfs", "net:[4026532330]", "/run/net"),
            mount("nsfs", "pidfd:[1]", "/run/pidfd"),
            mount("tmpfs", "/uts:[1]", "/tmp"),
        ];
        // Two actors of one mount namespace have the same rows.
        let table = |actor: &str| MountTable {
            actor: actor.into(),
            ns: NsInode(1),
            rows: rows.clone(),
            omitted: crate::snapshot::Omitted::default(),
        };
        let snapshot =
            Snapshot { mounts: vec![table("host"), table("box")], ..Snapshot::default() };

        let kept: Vec<_> = snapshot
            .kept_namespaces()
            .into_iter()
            .map(|kept| (kept.kind, kept.inode.0, kept.path))
            .collect();
        let expected = [
            (NamespaceKind::Uts, 4_026_532_327, "/run/uts".to_owned()),
            (NamespaceKind::Net, 4_026_532_330, "/run/net".to_owned()),
        ];
        assert_eq!(kept, expected);
    }
}
