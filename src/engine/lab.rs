//! One lab as the engine sees it: its actors, its observer, what it can do.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::group_places::{cgroup_mounts, cgroup_root};
use super::group_roots::KnownGroupRoots;
use super::ipc_watch;
use super::lab_error::LabError;
use super::link::ActorLinks;
use super::waiting::WaitContext;
use crate::action::LabFacts;
use crate::engine::link_error::LinkError;
use crate::keeper::handle::KeeperHandle;
use crate::kernel::call_listener::CallListener;
use crate::kernel::pidfd::Pidfd;
use crate::kernel::pty::TerminalSize;
use crate::laid_out::UnpackedImage;
use crate::lesson::model::{Step, WatchedDirectory};
use crate::observe::hostname_watch::HostnameWatch;
use crate::observe::layouts::KnownDigests;
use crate::observe::rootdir::RootDir;
use crate::observe::{CgroupRoot, ObservedActor, Observer};
use crate::op::{ActorName, Op, OpRecord};
use crate::report::LabInfo;
use crate::snapshot::{Process, Snapshot};
use crate::wire::Wire;
use crate::wire::protocol::{LabPlan, MadeLab};

/// The period in which actors are asked for host names that change all the time.
const ASK_PERIOD: Duration = Duration::from_secs(1);

/// The directory of the lab's host whose file system is the lab's own: what lessons make is there.
const FILES: &str = "/root";

/// A running lab.
#[derive(Debug)]
pub struct Lab {
    made: MadeLab,
    links: ActorLinks,
    observer: Observer,
    /// Host names as last asked for: they can't be read from outside.
    hostnames: BTreeMap<ActorName, String>,
    names: HostnameWatch,
    group_roots: KnownGroupRoots,
    known_digests: KnownDigests,
    /// True while a step is about System V objects: asking costs a process for each IPC namespace.
    watches_ipc: bool,
    /// True after something was done that may have changed a host name.
    stale: bool,
    asked: Instant,
    /// The names of all that were ever made in it, the dead among them.
    made_actors: BTreeSet<ActorName>,
}

impl Lab {
    /// A new lab in the place of the one before it.
    pub fn make(
        keeper: &mut KeeperHandle,
        plan: &LabPlan,
        waiting: &WaitContext,
    ) -> Result<Lab, LabError> {
        Lab::first_alive(|| {
            let made = keeper.make_lab(plan)?;
            Lab::open_made(made, keeper, waiting)
        })
    }

    /// A new lab beside the one that is up.
    pub fn make_beside(
        keeper: &mut KeeperHandle,
        plan: &LabPlan,
        waiting: &WaitContext,
    ) -> Result<Lab, LabError> {
        Lab::first_alive(|| {
            let made = keeper.make_lab_beside(plan)?;
            Lab::open_made(made, keeper, waiting)
        })
    }

    /// A lab that is alive. One that was made ahead may have ended meanwhile: then there is another one.
    fn first_alive(mut make: impl FnMut() -> Result<Lab, LabError>) -> Result<Lab, LabError> {
        match make() {
            Ok(lab) if lab.has_ended() => make(),
            Err(LabError::EndedAtStart { .. }) => make(),
            other => other,
        }
    }

    /// A lab that was handed over; for one that has ended meanwhile, the reason.
    fn open_made(
        (made, wire): (MadeLab, Wire),
        keeper: &mut KeeperHandle,
        waiting: &WaitContext,
    ) -> Result<Lab, LabError> {
        let id = made.id.clone();
        Lab::open((made, wire), waiting).map_err(|error| {
            if let LabError::Link(LinkError::ActorGone { .. }) = error {
                LabError::EndedAtStart { why: keeper.why_lab_ended(&id) }
            } else {
                error
            }
        })
    }

    fn open((made, wire): (MadeLab, Wire), waiting: &WaitContext) -> Result<Lab, LabError> {
        // Watched first: a name that is set from now on is not missed.
        let names = HostnameWatch::default();
        let links = ActorLinks::open_waiting(wire, waiting.clone())?;
        let host = links.get(&ActorName::host()).map_or(0, |link| link.pid);

        let mut observer = Observer::new(PathBuf::from("/proc"), host);
        observer.set_cgroups(made.cgroups.iter().map(cgroup_root).collect());
        if let Some(internet) = &links.internet {
            observer.set_extra_networks(vec![("internet".into(), Arc::clone(internet))]);
        }

        let hostnames = BTreeMap::new();
        let mut lab = Lab {
            made,
            links,
            observer,
            hostnames,
            watches_ipc: false,
            names,
            group_roots: KnownGroupRoots::default(),
            known_digests: KnownDigests::default(),
            stale: true,
            asked: Instant::now(),
            made_actors: [ActorName::host()].into(),
        };
        lab.tell_observer();
        Ok(lab)
    }

    /// `unboxed-PID-START-N-NAMESPACE`.
    pub fn id(&self) -> &str {
        &self.made.id
    }

    /// The tally of the image that it is made from, where that is not the default one.
    pub fn image(&self) -> Option<UnpackedImage> {
        self.made.image
    }

    pub fn info(&self) -> LabInfo {
        LabInfo {
            id: self.made.id.clone(),
            actors: self.links.iter().map(|(name, link)| (name.clone(), link.pid)).collect(),
            rootless: self.made.rootless,
        }
    }

    /// The digests of files of its image layouts, as far as they were looked at.
    pub(super) fn known_digests(&mut self) -> &mut KnownDigests {
        &mut self.known_digests
    }

    pub fn links(&mut self) -> &mut ActorLinks {
        &mut self.links
    }

    /// The pid of an actor as the machine counts.
    pub fn pid_of(&self, actor: &ActorName) -> Option<u32> {
        self.links.get(actor).map(|link| link.pid)
    }

    /// Bytes in use of the lab's own file system, which is below `/root` of its host; none where that can't be read.
    pub fn used_bytes(&self) -> Option<u64> {
        let host = self.pid_of(&ActorName::host())?;
        RootDir::open(Path::new("/proc"), host).ok()?.used_bytes(FILES).ok()
    }

    /// A descriptor of the actor's process, with which its end can be waited for.
    pub fn pidfd_of(&self, actor: &ActorName) -> Option<Pidfd> {
        let pid = i32::try_from(self.pid_of(actor)?).ok()?;
        Pidfd::open(Pid::from_raw(pid)).ok()
    }

    /// The names of all actors that were ever made in this lab: one that is gone was there, one that is not, never.
    pub fn made_actors(&self) -> &BTreeSet<ActorName> {
        &self.made_actors
    }

    /// True if it is among the lab's actors, and alive.
    pub fn has_actor(&self, actor: &ActorName) -> bool {
        self.links.is_usable(actor)
    }

    /// The first of these that is not among the lab's actors, or is so no more.
    pub fn first_missing_actor<'a>(
        &self,
        mut actors: impl Iterator<Item = &'a ActorName>,
    ) -> Option<&'a ActorName> {
        actors.find(|actor| !self.has_actor(actor))
    }

    /// The lab's subtrees, on the machine.
    pub fn cgroups(&self) -> &[CgroupRoot] {
        self.observer.cgroups()
    }

    /// Look at what steps are about: their directories, and System V objects where one speaks of them.
    pub fn watch_steps(&mut self, steps: &[&Step]) {
        let mut look: Vec<WatchedDirectory> = Vec::new();
        for directory in steps.iter().flat_map(|step| &step.look) {
            if !look.contains(directory) {
                look.push(directory.clone());
            }
        }
        self.observer.set_watched_directories(look);

        self.watches_ipc = steps.iter().any(|step| step.is_about_ipc());
        if !self.watches_ipc {
            self.observer.set_ipc(Vec::new());
        }
    }

    fn ask_ipc_if_watched(&mut self) {
        if self.watches_ipc {
            self.asked = Instant::now();
            ipc_watch::ask(&mut self.links, &mut self.observer, lab_pid);
        }
    }

    pub fn perform(&mut self, actor: &ActorName, op: Op) -> Result<OpRecord, LinkError> {
        // What an earlier op has ended must not live on in the next one, by what we hold of it.
        self.let_go_of_the_dead();
        let makes_actor = op.made_actor().is_some();
        let made = if let Op::Work { name, .. } = &op { Some(name) } else { op.made_actor() };
        let made = made.cloned();
        let worker = if let Op::Work { name, background: true, .. } = &op {
            Some(name.clone())
        } else {
            None
        };

        // Even one that fails or is not waited for may have changed a name.
        self.stale = true;
        let record = self.links.perform(actor, op)?;
        self.made_actors.extend(made.filter(|_| record.outcome.is_ok()));

        if let Some(name) = worker {
            self.take_in_worker(&name, actor, record.outcome.output())?;
        }
        if makes_actor {
            self.tell_observer();
        }
        Ok(record)
    }

    /// Take a process of the lab as an actor; `pid` as the machine counts. False when it is not in the lab.
    pub fn adopt(&mut self, name: &ActorName, pid: u32) -> Result<bool, LinkError> {
        let snapshot = self.observer.snapshot();
        // Only processes of the lab are in its snapshot: any other pid is refused.
        let Some(lab_pid) = snapshot.process(pid).and_then(Process::lab_pid) else {
            return Ok(false);
        };
        self.links.adopt(name.clone(), pid, lab_pid)?;
        self.made_actors.insert(name.clone());
        self.stale = true;
        self.tell_observer();
        Ok(true)
    }

    /// The same for a process that may end meanwhile: then, or where the host is held up, the next look finds another.
    pub fn adopt_if_there(&mut self, name: &ActorName, pid: u32) -> Result<bool, LinkError> {
        match self.adopt(name, pid) {
            Err(
                LinkError::ActorGone { .. } | LinkError::Silent { .. } | LinkError::Lost { .. },
            ) => Ok(false),
            other => other,
        }
    }

    /// True for an actor that is a process somebody has typed.
    pub fn is_typed_process(&self, actor: &ActorName) -> bool {
        self.links.is_typed_process(actor)
    }

    /// A workload in the background is an actor: its op's output says `pid N`, as the PID namespace of who started it counts.
    fn take_in_worker(
        &mut self,
        name: &ActorName,
        by: &ActorName,
        said: &str,
    ) -> Result<(), LinkError> {
        let snapshot = self.observer.snapshot();
        let pid = said.strip_prefix("pid ").and_then(|pid| pid.trim().parse().ok());
        let found = pid.and_then(|pid| snapshot.process_beside(by, pid));
        // It may have ended already.
        if let Some((pid, lab_pid)) = found.and_then(|it| Some((it.pid, it.lab_pid()?))) {
            self.links.adopt(name.clone(), pid, lab_pid)?;
            self.tell_observer();
        }
        Ok(())
    }

    /// A shell beside an actor, on a new terminal, whose master side this is; with the listener of its calls, where they
    /// are to be heard and can be.
    pub fn open_shell(
        &mut self,
        actor: &ActorName,
        size: TerminalSize,
        is_heard: bool,
    ) -> Result<(OwnedFd, Option<CallListener>), LinkError> {
        let pid = self.pid_of(actor).ok_or_else(|| LinkError::UnknownActor(actor.clone()))?;
        let lab_pid = lab_pid(pid).ok_or_else(|| LinkError::UnknownActor(actor.clone()))?;
        self.links.open_shell(actor, lab_pid, size, is_heard)
    }

    /// The kernel's state now, host names included.
    pub fn snapshot(&mut self) -> Snapshot {
        self.ask_hostnames_if_stale();
        self.let_go_of_the_dead();
        self.ask_ipc_if_watched();
        let snapshot = self.observer.snapshot();
        if self.group_roots.ask_for_new_ones(&mut self.links, &snapshot) {
            self.observer.set_group_roots(self.group_roots.known.clone());
            return self.observer.snapshot();
        }
        snapshot
    }

    /// The state now, if it is not what the last snapshot showed.
    pub fn snapshot_if_changed(&mut self) -> Option<Snapshot> {
        if self.asked.elapsed() >= ASK_PERIOD {
            self.ask_hostnames_if_stale();
            self.let_go_of_the_dead();
            self.ask_ipc_if_watched();
        }
        self.observer.snapshot_if_changed()
    }

    /// Keep nothing alive that only an ended actor was in.
    fn let_go_of_the_dead(&mut self) {
        if self.links.close_sockets_of_the_dead() {
            self.tell_observer();
        }
    }

    /// The state as it was read last.
    pub fn last_snapshot(&self) -> &Snapshot {
        self.observer.last_snapshot()
    }

    /// True once its first process has ended.
    pub fn has_ended(&self) -> bool {
        self.links.lab_has_ended()
    }

    /// An error once its first process has ended: what is read of its processes may be others' by then.
    pub fn check_alive(&self) -> Result<(), LabError> {
        if !self.has_ended() {
            return Ok(());
        }
        let pid = self.pid_of(&ActorName::host()).unwrap_or_default();
        Err(LabError::Ended { pid, why: self.links.end_reason() })
    }

    /// The cancel and the listener of all waiting for its actors.
    pub(super) fn waiting(&self) -> &WaitContext {
        self.links.waiting()
    }

    /// The context for lowering one action: the pids are looked up only for one that names an actor.
    pub fn lab_facts_for(&mut self, names_an_actor: bool) -> LabFacts {
        let named = self.links.iter().filter(|_| names_an_actor);
        self.facts_with(
            named.filter_map(|(name, link)| Some((name.clone(), lab_pid(link.pid)?))).collect(),
        )
    }

    /// The context for lowering any action, with the pids of a snapshot.
    pub fn lab_facts(&self, snapshot: &Snapshot) -> LabFacts {
        let processes = snapshot.processes.iter();
        self.facts_with(
            processes
                .filter_map(|process| Some((process.actor.clone()?, process.lab_pid()?)))
                .collect(),
        )
    }

    fn facts_with(&self, lab_pids: BTreeMap<ActorName, u32>) -> LabFacts {
        LabFacts {
            lab_pids,
            cgroups: cgroup_mounts(&self.made.cgroups),
            disk: self.made.disk.clone(),
            ..LabFacts::default()
        }
    }

    /// Tell the observer its subjects. The host comes first: it is what others are compared with.
    fn tell_observer(&mut self) {
        let mut subjects: Vec<ObservedActor> = self
            .links
            .iter()
            .map(|(name, link)| ObservedActor {
                name: name.clone(),
                pid: link.pid,
                netlink: link.netlink.clone(),
                monitor: link.monitor().cloned(),
                firewall: link.firewall().cloned(),
            })
            .collect();

        subjects.sort_by_key(|subject| subject.name != ActorName::host());
        self.observer.set_actors(subjects);
    }

    /// The pid of an adopted actor as the lab's host counts.
    fn pid_of_adopted(&self, actor: &ActorName) -> Option<u32> {
        let pid = self.links.get(actor).filter(|_| self.links.is_typed_process(actor))?.pid;
        lab_pid(pid)
    }

    /// Ask actors for their host names, if these may have changed. Being asked costs actors time: they are let alone
    /// as long as nothing was done and the kernel tells of no change.
    fn ask_hostnames_if_stale(&mut self) {
        self.stale |= self.names.has_changed() || self.links.has_woken_up();
        if !self.stale {
            return;
        }

        self.stale = false;
        self.asked = Instant::now();
        let actors: Vec<ActorName> = self.links.iter().map(|(name, _)| name.clone()).collect();
        self.hostnames.retain(|actor, _| actors.contains(actor));

        for actor in actors {
            let asked = match self.pid_of_adopted(&actor) {
                Some(lab_pid) => self.links.hostname_of(lab_pid),
                None => self.links.hostname(&actor),
            };
            match asked {
                Ok(Some(name)) => {
                    self.hostnames.insert(actor, name);
                }
                // One that does not answer may have the name it had; it is asked again when something happens.
                Err(LinkError::Silent { .. } | LinkError::Cancelled) => {}
                // A dead actor has none.
                Ok(None) | Err(_) => {
                    self.hostnames.remove(&actor);
                }
            }
        }

        self.observer.set_hostnames(self.hostnames.clone());
    }
}

/// The pid as the lab's host counts: the second of NSpid.
fn lab_pid(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let pids = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    pids.split_ascii_whitespace().nth(1)?.parse().ok()
}
