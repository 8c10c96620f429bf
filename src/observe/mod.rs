//! The **observer** reads the kernel's state of a lab from outside: nothing in the lab can hold it up or lie to it.
//!
//! A snapshot of a lab with a few processes takes a millisecond or two. `snapshot_if_changed` is
//! for idle times: every other time it reads only the process tree and asks poll(2) about the mount
//! tables, a tenth of that. How much it is, is not for the lab to say: see `bounds`.

pub mod actor_facts;
mod attributes;
pub mod bounds;
pub mod cgroups;
pub mod contents;
pub mod cpu_times;
mod dump;
pub mod hostname_watch;
pub mod ipc;
mod kernel_file;
pub mod layouts;
pub mod machine;
mod mount_watch;
pub mod mounts;
mod netlink;
pub mod network;
pub mod overlays;
pub mod processes;
pub mod rootdir;
mod rules;
pub mod samples;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use self::mount_watch::MountWatch;
use self::netlink::NamespaceShare;
use self::rootdir::RootDir;
use crate::diff::Diff;
use crate::lesson::model::WatchedDirectory;
use crate::op::{ActorName, NamespaceKind};
use crate::snapshot::{
    Cgroup, CgroupVersion, Directory, IpcTable, MountTable, Network, NsInode, Omitted, Overlay,
    Process, Snapshot,
};

/// Idle calls of `snapshot_if_changed` between two readings of counters.
const COUNTERS_PERIOD: u32 = 10;

/// One actor to look at.
#[derive(Debug, Clone)]
pub struct ObservedActor {
    pub name: ActorName,
    /// Its pid, as the machine counts.
    pub pid: u32,
    /// A netlink socket that was opened in its network namespace.
    pub netlink: Option<Arc<OwnedFd>>,
    /// One that hears of every change there, non-blocking.
    pub monitor: Option<Arc<OwnedFd>>,
    /// A netfilter socket that was opened there.
    pub firewall: Option<Arc<OwnedFd>>,
}

/// The lab's subtree in one hierarchy, on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupRoot {
    /// `memory`, `cpu,cpuacct`; `unified` for v2.
    pub hierarchy: String,
    pub version: CgroupVersion,
    pub path: PathBuf,
}

/// Rows, and what was left out behind them.
type Cut<T> = (Vec<T>, Omitted);

/// Looks at one lab.
#[derive(Debug)]
pub struct Observer {
    proc_root: PathBuf,
    lab_init: u32,
    subjects: Vec<ObservedActor>,
    extra_networks: Vec<(String, Arc<OwnedFd>)>,
    cgroups: Vec<CgroupRoot>,
    look: Vec<WatchedDirectory>,
    hostnames: BTreeMap<ActorName, String>,
    ipc: Vec<IpcTable>,
    group_roots: contents::GroupRoots,
    last: Snapshot,
    ticks: u32,
    watch: MountWatch,
    overlays: overlays::OverlayCache,
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
            ipc: Vec::new(),
            group_roots: contents::GroupRoots::new(),
            last: Snapshot::default(),
            ticks: 0,
            watch: MountWatch::default(),
            overlays: overlays::OverlayCache::default(),
        }
    }

    pub fn set_actors(&mut self, subjects: Vec<ObservedActor>) {
        self.subjects = subjects;
    }

    /// Network namespaces that no actor is in, by name.
    pub fn set_extra_networks(&mut self, networks: Vec<(String, Arc<OwnedFd>)>) {
        self.extra_networks = networks;
    }

    pub fn set_cgroups(&mut self, roots: Vec<CgroupRoot>) {
        self.cgroups = roots;
    }

    pub fn cgroups(&self) -> &[CgroupRoot] {
        &self.cgroups
    }

    pub fn set_watched_directories(&mut self, look: Vec<WatchedDirectory>) {
        self.look = look;
    }

    /// Host names can't be read from outside: the caller asks the actors.
    pub fn set_hostnames(&mut self, hostnames: BTreeMap<ActorName, String>) {
        self.hostnames = hostnames;
    }

    /// System V objects can't be read from outside either.
    pub fn set_ipc(&mut self, tables: Vec<IpcTable>) {
        self.ipc = tables;
    }

    /// The groups at which cgroup namespaces begin: they can't be read from outside, either.
    pub fn set_group_roots(&mut self, roots: contents::GroupRoots) {
        self.group_roots = roots;
    }

    /// The state now. What can't be read is empty: an observer never fails as a whole.
    pub fn snapshot(&mut self) -> Snapshot {
        let (processes, networks, cgroups) = self.read(&self.last.networks);
        self.look(processes, networks, cgroups)
    }

    /// The processes, networks and groups: read anew where something has stirred.
    fn read(&self, earlier: &[Network]) -> (Cut<Process>, Vec<Network>, Cut<Cgroup>) {
        let processes = self.processes();
        let networks = self.networks(&processes.0, earlier);
        (processes, networks, cgroups::read(&self.cgroups))
    }

    fn look(
        &mut self,
        processes: Cut<Process>,
        networks: Vec<Network>,
        cgroups: Cut<Cgroup>,
    ) -> Snapshot {
        let ((processes, processes_omitted), (cgroups, cgroups_omitted)) = (processes, cgroups);
        let subjects: Vec<(ObservedActor, RootDir)> = self.living(&processes);

        let mut limits = mounts::MountLimits::default();
        let mut table = |subject: &ObservedActor| {
            let ns = inode(&processes, subject.pid, NamespaceKind::Mount);
            let (rows, omitted) = mounts::read(&self.proc_root, subject.pid, &mut limits);
            MountTable { actor: subject.name.clone(), ns, rows, omitted }
        };
        let mounts: Vec<MountTable> = subjects.iter().map(|(subject, _)| table(subject)).collect();
        let (overlays, overlays_omitted) = overlays(&mut self.overlays, &subjects, &mounts);

        let snapshot = Snapshot {
            networks,
            cgroups,
            cgroups_omitted,
            overlays,
            overlays_omitted,
            directories: self.directories(&subjects),
            hostnames: self.hostnames.clone(),
            ipc: self.ipc.clone(),
            contents: contents::read(&self.proc_root, &processes, self.lab_init, &self.group_roots),
            mounts,
            processes,
            processes_omitted,
        };

        self.last = snapshot.clone();
        snapshot
    }

    /// The state as it was read last.
    pub fn last_snapshot(&self) -> &Snapshot {
        &self.last
    }

    /// The state now, if it differs from the last snapshot. For idle times: every other call looks only at what is
    /// cheap (the process tree, the mount tables' poll events), unless that has stirred.
    pub fn snapshot_if_changed(&mut self) -> Option<Snapshot> {
        self.ticks = self.ticks.wrapping_add(1);
        let any_change = self.has_changed();
        if self.ticks % 2 == 1 && !any_change {
            return None;
        }

        let last = std::mem::take(&mut self.last);
        // The same processes in the same namespaces: most of what is known of them can't have changed.
        let same = !any_change
            && last
                .processes
                .iter()
                .all(|process| processes::has_same_namespaces(&self.proc_root, process));
        // An unfinished dump goes on, whether or not anything stirs.
        let unfinished = last.networks.iter().any(|network| network.omitted.is_uncounted());
        let quiet = network::is_unchanged(&self.subjects) && !unfinished;

        let (processes, networks, cgroups) = if same {
            let networks = if quiet {
                last.networks.clone()
            } else {
                self.networks(&last.processes, &last.networks)
            };
            // About once a second the counters too.
            let earlier =
                if self.ticks.is_multiple_of(COUNTERS_PERIOD) { &[][..] } else { &last.cgroups };
            let cgroups = cgroups::read_without_counters(&self.cgroups, earlier);
            ((last.processes.clone(), last.processes_omitted), networks, cgroups)
        } else {
            self.read(&last.networks)
        };

        let now = self.look(processes, networks, cgroups);
        // Equality is far cheaper than a diff, and the usual case.
        if now == last || Diff::between(&last, &now).is_unchanged_but_clocks() {
            // `look` has replaced it, but the next one is compared with what the caller has.
            self.last = last;
            return None;
        }
        Some(now)
    }

    fn has_changed(&mut self) -> bool {
        let tree = processes::process_tree(&self.proc_root, self.lab_init, &self.actors());
        let known = self
            .last
            .processes
            .iter()
            .map(|process| (process.pid, process.start_time, process.comm.as_str()));
        let same_tree =
            tree.iter().map(|(pid, stat)| (*pid, stat.start_time, stat.comm.as_str())).eq(known);
        !same_tree || self.watch.has_changed(&self.proc_root, &self.subjects)
    }

    /// The actors' pids.
    fn actors(&self) -> Vec<u32> {
        self.subjects.iter().map(|subject| subject.pid).collect()
    }

    fn processes(&self) -> Cut<Process> {
        let (mut processes, omitted) =
            processes::read(&self.proc_root, self.lab_init, &self.actors());
        for process in &mut processes {
            process.actor = self
                .subjects
                .iter()
                .find(|subject| subject.pid == process.pid)
                .map(|subject| subject.name.clone());
        }
        (processes, omitted)
    }

    /// The subjects that are still there, each with its root.
    fn living(&self, processes: &[Process]) -> Vec<(ObservedActor, RootDir)> {
        self.subjects
            .iter()
            .filter(|subject| {
                processes.iter().any(|process| process.pid == subject.pid && process.state != 'Z')
            })
            .filter_map(|subject| {
                Some((subject.clone(), RootDir::open(&self.proc_root, subject.pid).ok()?))
            })
            .collect()
    }

    /// `earlier` is what is told of a namespace while the kernel is busy with a list of it that was too long.
    fn networks(&self, processes: &[Process], earlier: &[Network]) -> Vec<Network> {
        let mut networks: Vec<Network> = Vec::new();
        let names = cgroups::GroupNames::new(&self.cgroups);
        let share = NamespaceShare::one_of(self.subjects.len() + self.extra_networks.len());

        for subject in &self.subjects {
            let Some(netlink) = &subject.netlink else { continue };
            let ns = inode(processes, subject.pid, NamespaceKind::Net);
            if ns == NsInode::default() {
                continue;
            }
            match networks.iter_mut().find(|network| network.ns == ns) {
                Some(known) => known.actors.push(subject.name.clone()),
                None => {
                    let earlier = earlier.iter().find(|network| network.ns == ns);
                    let mut network = network::read(netlink, share, earlier);
                    if let Some(firewall) = &subject.firewall {
                        rules::read(&mut network, firewall, share, &|inode| names.get(inode));
                    }
                    let actors = vec![subject.name.clone()];
                    networks.push(Network { name: subject.name.0.clone(), ns, actors, ..network });
                }
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
            let earlier = earlier.iter().find(|network| network.name == *name);
            networks.push(Network { name: name.clone(), ..network::read(netlink, share, earlier) });
        }

        networks
    }

    fn directories(&self, subjects: &[(ObservedActor, RootDir)]) -> Vec<Directory> {
        self.look
            .iter()
            .filter_map(|look| {
                let (_, root) = subjects.iter().find(|(subject, _)| subject.name == look.actor)?;
                let (entries, omitted) = root
                    .list(&look.path, bounds::MAX_ENTRIES, bounds::MAX_ENTRIES_COUNTED)
                    .ok()
                    .unzip();
                let (actor, path) = (look.actor.clone(), look.path.clone());
                Some(Directory { actor, path, entries, omitted: omitted.unwrap_or_default() })
            })
            .collect()
    }
}

/// Every overlay once per mount namespace it is seen in; a copied mount is the same overlay, told by its device.
fn overlays(
    cache: &mut overlays::OverlayCache,
    subjects: &[(ObservedActor, RootDir)],
    mounts: &[MountTable],
) -> Cut<Overlay> {
    let Some((_, host_root)) =
        subjects.iter().find(|(subject, _)| subject.name == ActorName::host())
    else {
        return (Vec::new(), Omitted::Nothing);
    };

    let mut limits = overlays::OverlayLimits::default();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut found: Vec<Overlay> = Vec::new();
    for ((subject, root), table) in subjects.iter().zip(mounts) {
        for mount in table.rows.iter().filter(|mount| mount.fstype == "overlay") {
            if !seen.insert(&mount.device) || found.len() >= bounds::MAX_OVERLAYS {
                continue;
            }
            let layers = overlays::parse_layers(&mount.super_options);
            // The mounter's own paths, where they still lead somewhere; else the host's.
            let sees_layers = layers.lowers.first().is_some_and(|lower| root.is_directory(lower));
            let layers_root = if sees_layers { root } else { host_root };
            found.push(cache.read(&subject.name, mount, root, layers_root, &mut limits));
        }
    }

    cache.retain(&seen);
    let omitted = Omitted::rows(seen.len() - found.len());
    // Where a table was cut, overlays may be among what is missing.
    let unseen = mounts.iter().any(|table| !table.omitted.is_nothing());
    (found, if unseen { Omitted::Uncounted } else { omitted })
}

fn inode(processes: &[Process], pid: u32, kind: NamespaceKind) -> NsInode {
    processes
        .iter()
        .find(|process| process.pid == pid)
        .and_then(|process| process.namespaces.get(&kind).copied())
        .unwrap_or_default()
}
