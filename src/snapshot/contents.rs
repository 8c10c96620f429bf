//! The contents of namespaces, besides processes: the maps of ids, the offsets of clocks, the top of the control groups.

use serde::{Deserialize, Serialize};

use super::{NsInode, Snapshot};
use crate::op::{ActorName, ClockOffsets, MappedIds, NamespaceKind};

/// A namespace of an actor and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceContent {
    pub inode: NsInode,
    /// The actors in it.
    pub actors: Vec<ActorName>,
    pub holds: NamespaceHolds,
}

/// The content of a namespace, by its kind. A closed list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamespaceHolds {
    /// Of a user namespace. Outside means: as the lab's host counts; for the host's own, as the machine does.
    IdMap { uids: Vec<MappedIds>, gids: Vec<MappedIds> },
    /// Of a time namespace.
    Clocks(ClockOffsets),
    /// Of a cgroup namespace.
    GroupRoots(Vec<GroupRoot>),
}

/// The group of one hierarchy that a cgroup namespace shows as `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRoot {
    /// As in /proc/PID/cgroup: `pids`, `cpu,cpuacct`; empty for v2.
    pub controllers: String,
    /// As the lab's host reads it.
    pub path: String,
}

impl NamespaceContent {
    /// True for a namespace of the lab's own, which the host is in.
    pub fn is_of_host(&self) -> bool {
        self.actors.contains(&ActorName::host())
    }
}

impl NamespaceHolds {
    pub fn kind(&self) -> NamespaceKind {
        match self {
            NamespaceHolds::IdMap { .. } => NamespaceKind::User,
            NamespaceHolds::Clocks(_) => NamespaceKind::Time,
            NamespaceHolds::GroupRoots(_) => NamespaceKind::Cgroup,
        }
    }
}

impl Snapshot {
    /// The content of an actor's namespace of a kind.
    pub fn content_of(&self, actor: &ActorName, kind: NamespaceKind) -> Option<&NamespaceHolds> {
        let inode = self.process_of(actor)?.namespaces.get(&kind)?;
        let mut all = self.contents.iter();
        let content = all.find(|it| it.inode == *inode && it.holds.kind() == kind)?;
        Some(&content.holds)
    }

    /// The effective user id of an actor as its own user namespace counts; 65534 where it has none there.
    pub fn own_uid_of(&self, actor: &ActorName) -> Option<u32> {
        const OVERFLOW_UID: u32 = 65534;
        let process = self.living_process_of(actor)?;
        let inside = |uid: u32, maps: Option<&NamespaceHolds>| {
            let Some(NamespaceHolds::IdMap { uids, .. }) = maps else { return Some(uid) };
            uids.iter().find_map(|range| range.id_inside(uid))
        };

        let host = ActorName::host();
        let in_lab = inside(process.uid, self.content_of(&host, NamespaceKind::User));
        let is_in_labs = |it: &crate::snapshot::Process| {
            process.namespaces.get(&NamespaceKind::User) == it.namespaces.get(&NamespaceKind::User)
        };
        if self.process_of(&host).is_some_and(is_in_labs) {
            return Some(in_lab.unwrap_or(OVERFLOW_UID));
        }
        let own = self.content_of(actor, NamespaceKind::User);
        Some(in_lab.and_then(|uid| inside(uid, own)).unwrap_or(OVERFLOW_UID))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Process;

    fn process(pid: u32, actor: &str, user: u64, uid: u32) -> Process {
        Process {
            pid,
            ns_pids: vec![pid],
            ppid: 1,
            start_time: 1,
            uid,
            state: 'S',
            comm: String::new(),
            args: String::new(),
            actor: Some(actor.into()),
            namespaces: [(NamespaceKind::User, NsInode(user))].into(),
            cgroups: Vec::new(),
        }
    }

    #[test]
    fn a_uid_is_told_as_the_namespace_of_its_process_counts() {
        let range = |inside, outside, count| MappedIds { inside, outside, count };
        let content = |inode: u64, actor: &str, uids: Vec<MappedIds>| NamespaceContent {
            inode: NsInode(inode),
            actors: vec![actor.into()],
            holds: NamespaceHolds::IdMap { gids: uids.clone(), uids },
        };
        let snapshot = Snapshot {
            processes: vec![
                process(1, "host", 1, 1_000_000_000),
                process(2, "nobody", 2, 1_000_000_000),
                process(3, "shifted", 3, 1_000_001_000),
                process(4, "ranged", 3, 1_000_002_032),
            ],
            contents: vec![
                content(1, "host", vec![range(0, 1_000_000_000, 65536)]),
                content(2, "nobody", Vec::new()),
                content(3, "shifted", vec![range(0, 1000, 1), range(1, 2000, 100)]),
            ],
            ..Snapshot::default()
        };
        let check =
            |actor: &str, uid| assert_eq!(snapshot.own_uid_of(&actor.into()), uid, "{actor}");
        check("host", Some(0));
        check("nobody", Some(65534));
        check("shifted", Some(0));
        check("ranged", Some(33));
        check("absent", None);
    }
}
