//! The **observer** reads the kernel's state of a lab from outside: nothing in the lab can hold it up or lie to it.
//!
//! A snapshot of a lab with a few processes takes about a millisecond. `changed` is the cheap question for idle times:
//! it compares what a fraction of that reads (process tree, mount tables' poll events, network and cgroup dumps).

pub mod cgroups;
pub mod facts;
pub mod machine;
pub mod mounts;
pub mod network;
pub mod overlays;
pub mod processes;
pub mod rootdir;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use self::rootdir::RootDir;
use crate::action::CgroupVersion;
use crate::lesson::model::Look;
use crate::op::{ActorName, NamespaceKind};
use crate::snapshot::{Directory, MountTable, Network, NsInode, Overlay, Process, Snapshot};

/// Most entries shown of one directory.
const LISTED: usize = 500;

/// One actor to look at.
#[derive(Debug, Clone)]
pub struct Subject {
    pub name: ActorName,
    /// As the machine counts.
    pub pid: u32,
    /// A netlink socket that was opened in its network namespace.
    pub netlink: Option<Arc<OwnedFd>>,
}

/// The lab's subtree in one hierarchy, on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupRoot {
    /// `memory`, `cpu,cpuacct`; `unified` for v2.
    pub hierarchy: String,
    pub version: CgroupVersion,
    pub path: PathBuf,
}

/// Looks at one lab.
#[derive(Debug)]
pub struct Observer {
    proc_root: PathBuf,
    lab_init: u32,
    subjects: Vec<Subject>,
    extra_networks: Vec<(String, Arc<OwnedFd>)>,
    cgroups: Vec<CgroupRoot>,
    look: Vec<Look>,
    hostnames: BTreeMap<ActorName, String>,
    last: Snapshot,
}

impl Observer {
    pub fn new(proc_root: PathBuf, lab_init: u32) -> Observer {
        Observer {
            proc_root,
            lab_init,
            subjects: Vec::new(),
            extra_networks: Vec::new(),
            cgroups: Vec::new(),
            look: Vec::new(),
            hostnames: BTreeMap::new(),
            last: Snapshot::default(),
        }
    }

    pub fn set_subjects(&mut self, subjects: Vec<Subject>) {
        self.subjects = subjects;
    }

    /// Network namespaces that no actor is in, by name.
    pub fn set_extra_networks(&mut self, networks: Vec<(String, Arc<OwnedFd>)>) {
        self.extra_networks = networks;
    }

    pub fn set_cgroups(&mut self, roots: Vec<CgroupRoot>) {
        self.cgroups = roots;
    }

    pub fn set_look(&mut self, look: Vec<Look>) {
        self.look = look;
    }

    /// Host names can't be read from outside: the caller asks the actors.
    pub fn set_hostnames(&mut self, hostnames: BTreeMap<ActorName, String>) {
        self.hostnames = hostnames;
    }

    /// The state now. What can't be read is empty: an observer never fails as a whole.
    pub fn snapshot(&mut self) -> Snapshot {
        let processes = self.processes();
        let subjects: Vec<(Subject, RootDir)> = self.living(&processes);
        let mounts: Vec<MountTable> = subjects
            .iter()
            .map(|(subject, _)| MountTable {
                actor: subject.name.clone(),
                ns: inode(&processes, subject.pid, NamespaceKind::Mount),
                rows: mounts::read(&self.proc_root, subject.pid),
            })
            .collect();
        let snapshot = Snapshot {
            networks: self.networks(&processes),
            cgroups: cgroups::read(&self.cgroups),
            overlays: overlays(&subjects, &mounts),
            directories: self.directories(&subjects),
            hostnames: self.hostnames.clone(),
            mounts,
            processes,
        };
        self.last = snapshot.clone();
        snapshot
    }

    /// Whether anything differs from the last snapshot. Reads what a snapshot reads but the layers of overlays that did
    /// not change at their top, and asks no actor.
    pub fn changed(&mut self) -> bool {
        let last = std::mem::take(&mut self.last);
        let now = self.snapshot();
        let changed = !crate::diff::Diff::between(&last, &now).is_empty();
        if !changed {
            self.last = last;
        }
        changed
    }

    fn processes(&self) -> Vec<Process> {
        let mut processes = processes::read(&self.proc_root, self.lab_init);
        for process in &mut processes {
            process.actor =
                self.subjects.iter().find(|subject| subject.pid == process.pid).map(|subject| subject.name.clone());
        }
        processes
    }

    /// The subjects that are still there, each with its root.
    fn living(&self, processes: &[Process]) -> Vec<(Subject, RootDir)> {
        self.subjects
            .iter()
            .filter(|subject| processes.iter().any(|process| process.pid == subject.pid && process.state != 'Z'))
            .filter_map(|subject| Some((subject.clone(), RootDir::open(&self.proc_root, subject.pid).ok()?)))
            .collect()
    }

    fn networks(&self, processes: &[Process]) -> Vec<Network> {
        let mut networks: Vec<Network> = Vec::new();
        for subject in &self.subjects {
            let Some(netlink) = &subject.netlink else { continue };
            let ns = inode(processes, subject.pid, NamespaceKind::Net);
            if ns == NsInode::default() {
                continue;
            }
            match networks.iter_mut().find(|network| network.ns == ns) {
                Some(known) => known.actors.push(subject.name.clone()),
                None => networks.push(Network {
                    name: subject.name.0.clone(),
                    ns,
                    actors: vec![subject.name.clone()],
                    ..network::read(netlink)
                }),
            }
        }
        // The lab's host speaks for its namespace wherever it is in the alphabet.
        networks.sort_by_key(|network| !network.actors.contains(&ActorName::host()));
        for network in &mut networks {
            if network.actors.contains(&ActorName::host()) {
                network.name = ActorName::host().0;
            }
        }
        for (name, netlink) in &self.extra_networks {
            networks.push(Network { name: name.clone(), ..network::read(netlink) });
        }
        networks
    }

    fn directories(&self, subjects: &[(Subject, RootDir)]) -> Vec<Directory> {
        self.look
            .iter()
            .filter_map(|look| {
                let (_, root) = subjects.iter().find(|(subject, _)| subject.name == look.actor)?;
                Some(Directory {
                    actor: look.actor.clone(),
                    path: look.path.clone(),
                    entries: root.list(&look.path, LISTED).ok(),
                })
            })
            .collect()
    }
}

/// Every overlay once per mount namespace it is seen in; a copied mount is the same overlay, told by its device.
fn overlays(subjects: &[(Subject, RootDir)], mounts: &[MountTable]) -> Vec<Overlay> {
    let Some((_, host_root)) = subjects.iter().find(|(subject, _)| subject.name == ActorName::host()) else {
        return Vec::new();
    };
    let mut found: Vec<(String, Overlay)> = Vec::new();
    for ((subject, root), table) in subjects.iter().zip(mounts) {
        for mount in table.rows.iter().filter(|mount| mount.fstype == "overlay") {
            if found.iter().any(|(device, _)| *device == mount.device) {
                continue;
            }
            let layers = overlays::parse_layers(&mount.super_options);
            // The mounter's own paths, where they still lead somewhere; else the host's.
            let sees_layers = layers.lowers.first().is_some_and(|lower| root.is_directory(lower));
            let layers_root = if sees_layers { root } else { host_root };
            found.push((mount.device.clone(), overlays::read(&subject.name, mount, root, layers_root)));
        }
    }
    found.into_iter().map(|(_, overlay)| overlay).collect()
}

fn inode(processes: &[Process], pid: u32, kind: NamespaceKind) -> NsInode {
    processes
        .iter()
        .find(|process| process.pid == pid)
        .and_then(|process| process.namespaces.get(&kind).copied())
        .unwrap_or_default()
}
