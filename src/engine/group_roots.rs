//! The groups at which the cgroup namespaces of actors begin: asked for once for each namespace, since it never changes,
//! and a process that has walked out of it could not tell any more.

use super::link::ActorLinks;
use crate::observe::contents::{GroupRoots, group_roots};
use crate::op::{ActorName, NamespaceKind};
use crate::snapshot::{NsInode, Snapshot};

/// The groups at which the cgroup namespaces of a lab's actors begin.
#[derive(Debug, Default)]
pub struct KnownGroupRoots {
    pub known: GroupRoots,
}

impl KnownGroupRoots {
    /// Ask for the namespaces that are new in a snapshot, and forget those that are gone. True if anything was learnt.
    pub fn ask_for_new_ones(&mut self, links: &mut ActorLinks, snapshot: &Snapshot) -> bool {
        let kind = NamespaceKind::Cgroup;
        let hosts = snapshot
            .process_of(&ActorName::host())
            .and_then(|process| process.namespaces.get(&kind).copied());
        let living: Vec<(NsInode, u32)> = snapshot
            .processes
            .iter()
            .filter(|process| process.actor.is_some() && process.state != 'Z')
            .filter_map(|process| Some((*process.namespaces.get(&kind)?, process.lab_pid()?)))
            .filter(|(inode, _)| Some(*inode) != hosts)
            .collect();
        self.known.retain(|inode, _| living.iter().any(|(one, _)| one == inode));

        let mut has_learnt = false;
        for (inode, pid) in living {
            if self.known.contains_key(&inode) {
                continue;
            }
            let mut read = |reader| links.cgroup_paths(pid, reader).ok().flatten();
            let roots = read(pid).zip(read(1)).and_then(|(own, hosts)| group_roots(&own, &hosts));
            self.known.insert(inode, roots);
            has_learnt = true;
        }
        has_learnt
    }
}
