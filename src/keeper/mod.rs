//! The **keeper**: a process outside the lab that makes it and unmakes it. It lives as long as the engine's end of its
//! wire: however the engine dies, the keeper sees the end of file, kills the lab and removes what it made.

pub mod cgroups;
pub mod exposure;
pub mod handle;
pub mod removal;
pub mod scratch;
pub mod sweep;
pub mod unmounted;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Pid, Uid};

use self::cgroups::{Hierarchy, Owner, Subtree};
use self::scratch::Scratch;
use self::unmounted::Attached;
use crate::kernel::bpf::Policy;
use crate::kernel::perform;
use crate::kernel::process::{self, Fork};
use crate::kernel::record::Recorder;
use crate::lab::protocol::{Doing, FromKeeper, FromStore, LabCgroup, LabMade, LabPlan, RoleFailure, ToKeeper, ToStore};
use crate::lab::store::{self, IdRange};
use crate::lab::wire::{Wire, WireError};
use crate::op::{ActorName, NamespaceKind, Op};

/// The first argument that makes the program this role, and not a front end.
pub const ROLE: &str = "--keeper-role";
/// Where, as root, a lab's ids begin on the machine: far above any real user.
const FIRST_ID: u32 = 1_000_000_000;
const IDS: u32 = 65_536;
/// How long the store may take to fork a lab, and first to lay out the image.
const FORK_TIMEOUT: Duration = Duration::from_secs(10);
const START_TIMEOUT: Duration = Duration::from_secs(40);
/// How long a cgroup may take to become empty after its processes were killed.
const PATIENCE: Duration = Duration::from_secs(1);

/// The role's main function; standard input is the wire. Returns the exit code.
pub fn main() -> u8 {
    let _ = nix::unistd::setsid();
    process::ignore_terminal_signals();
    process::set_title("unboxed: keeper");
    let _ = process::adopt_orphans();
    let wire = Wire::from_fd(process::move_fd(process::take_stdin(), 3));
    let mut keeper = Keeper {
        owner: Owner::me(),
        hierarchies: cgroups::hierarchies(),
        attached: Vec::new(),
        store: None,
        current: Vec::new(),
        spare: None,
        made: 0,
    };
    let served = keeper.serve(wire);
    keeper.unmake();
    u8::from(served.is_err())
}

#[derive(Debug)]
struct Keeper {
    owner: Owner,
    hierarchies: Vec<Hierarchy>,
    /// Those that nobody had mounted.
    attached: Vec<Attached>,
    store: Option<Store>,
    /// The labs that are up, the newest last.
    current: Vec<Lab>,
    spare: Option<(LabPlan, Lab)>,
    made: u32,
}

/// The running store role.
#[derive(Debug)]
struct Store {
    wire: Wire,
    pid: Pid,
    /// The lab's root as the machine counts user ids.
    root_id: Option<u32>,
}

#[derive(Debug)]
struct Lab {
    name: String,
    init: Pid,
    subtree: Subtree,
    scratch: Option<Scratch>,
    /// What its groups may do with devices, by their paths, where v2's kernel does not keep that.
    devices: BTreeMap<String, Policy>,
    /// The engine's end of the host's wire, until it is handed over.
    engine_end: Option<OwnedFd>,
}

impl Keeper {
    fn serve(&mut self, mut wire: Wire) -> Result<(), WireError> {
        loop {
            let (plan, replaces) = match wire.receive() {
                Ok(received) => match received.message {
                    ToKeeper::MakeLab(plan) => (plan, true),
                    ToKeeper::MakeLabBeside(plan) => (plan, false),
                    ToKeeper::Device { actor, op } => {
                        let answer = self.device_rule(&actor, &op);
                        wire.send(&answer, &[])?;
                        continue;
                    }
                    ToKeeper::DropNewest => {
                        if let Some(lab) = self.current.pop() {
                            lab.end();
                        }
                        continue;
                    }
                },
                Err(WireError::Closed) => return Ok(()),
                Err(error) => return Err(error),
            };
            let lab = match self.spare.take() {
                Some((ready_for, lab)) if ready_for == plan => Ok(lab),
                other => {
                    if let Some((_, lab)) = other {
                        lab.end();
                    }
                    self.make_lab(&plan)
                }
            };
            self.hand_over(&mut wire, lab, replaces)?;
            // Only now, so that nobody waits for a teardown or for the next lab.
            if plan.spare {
                self.spare = self.make_lab(&plan).ok().map(|lab| (plan, lab));
            }
        }
    }

    /// Write a rule for a group of the newest lab, and for no other group.
    fn device_rule(&mut self, actor: &ActorName, op: &Op) -> FromKeeper {
        let refused = |errno| FromKeeper::Failed(RoleFailure::new("write a rule for devices", errno));
        let Op::Device { group, rule } = op else { return refused(Errno::EINVAL) };
        let inside = !group.is_empty() && group.split('/').all(|part| !matches!(part, "" | "." | ".."));
        let Some(lab) = self.current.last_mut().filter(|_| inside) else { return refused(Errno::ENOENT) };
        let trees = &lab.subtree.cgroups;
        let v1 = trees.iter().find(|tree| !tree.v2 && tree.controllers.iter().any(|name| name == "devices"));
        // A cgroup tree holds no links: the path leads below the lab's own group, whoever made the directory.
        let dir = |tree: &LabCgroup| format!("{}/{group}", tree.machine_path);
        match (v1, trees.iter().find(|tree| tree.v2)) {
            (Some(v1), _) => FromKeeper::Performed(perform::device_rule(actor, op, &dir(v1), rule)),
            (None, Some(v2)) => {
                let policy = lab.devices.entry(group.clone()).or_default();
                FromKeeper::Performed(perform::device_program(actor, op, &dir(v2), rule, policy))
            }
            (None, None) => refused(Errno::ENOENT),
        }
    }

    fn hand_over(&mut self, wire: &mut Wire, lab: Result<Lab, RoleFailure>, replaces: bool) -> Result<(), WireError> {
        let mut lab = match lab {
            Ok(lab) => lab,
            Err(failure) => return wire.send(&FromKeeper::Failed(failure), &[]),
        };
        let old = if replaces { std::mem::take(&mut self.current) } else { Vec::new() };
        old.iter().for_each(Lab::kill);
        let made = LabMade {
            id: lab.name.clone(),
            cgroups: lab.subtree.cgroups.clone(),
            disk: lab.scratch.as_ref().map(|scratch| scratch.disk.clone()),
            rootless: !Uid::effective().is_root(),
        };
        let engine_end = lab.engine_end.take();
        let fds: Vec<_> = engine_end.iter().map(AsRawFd::as_raw_fd).collect();
        self.current.push(lab);
        let sent = wire.send(&FromKeeper::Made(made), &fds);
        old.into_iter().for_each(Lab::end);
        sent
    }

    fn make_lab(&mut self, plan: &LabPlan) -> Result<Lab, RoleFailure> {
        if self.store.is_none() {
            sweep::everything(&self.hierarchies);
            self.store = Some(start_store()?);
        }
        self.attach(&plan.controllers)?;
        let Some(store) = &mut self.store else { return Err(RoleFailure::new("start the store", Errno::EIO)) };
        self.made += 1;
        let name = self.owner.lab_name(self.made);
        let scratch = match &plan.disk {
            Some(disk) => Some(Scratch::make(&name, disk, store.root_id)?),
            None => None,
        };
        let subtree = Subtree::make(&self.hierarchies, &name, &plan.controllers, store.root_id)?;
        match fork_init(store, &name, &subtree, scratch.as_ref()) {
            Ok((init, engine_end)) => {
                Ok(Lab { name, init, subtree, scratch, devices: BTreeMap::new(), engine_end: Some(engine_end) })
            }
            Err(failure) => {
                subtree.remove(PATIENCE);
                // Dead, or not to be woken: the next lab needs another one.
                if matches!(failure.errno.0.as_str(), "EPIPE" | "ETIMEDOUT")
                    && let Some(store) = self.store.take()
                {
                    store.end();
                }
                Err(failure)
            }
        }
    }

    /// Mount the hierarchies of controllers that a lesson wants and nobody has mounted. Not before the store is forked: its
    /// copies of the descriptors would be mounts, too.
    fn attach(&mut self, controllers: &[String]) -> Result<(), RoleFailure> {
        if !self.attached.is_empty() {
            return Ok(());
        }
        for wanted in unmounted::wanted(controllers) {
            let names = wanted.join(",");
            let attached = Attached::open(&wanted).doing(&format!(
                "mount the v1 hierarchy of {names} (/proc/cgroups shows whether another one has them)"
            ))?;
            self.hierarchies.push(attached.hierarchy());
            self.attached.push(attached);
        }
        Ok(())
    }

    /// Take everything away. Goes on past what fails.
    fn unmake(&mut self) {
        let labs: Vec<Lab> = self.current.drain(..).chain(self.spare.take().map(|(_, lab)| lab)).collect();
        for lab in labs {
            lab.end();
        }
        if let Some(store) = self.store.take() {
            store.end();
        }
        process::reap_all();
        self.attached.drain(..).for_each(Attached::close);
    }
}

impl Store {
    /// Its labs go with it.
    fn end(self) {
        let _ = nix::sys::signal::kill(self.pid, Signal::SIGKILL);
        let _ = process::wait(&mut Recorder::default(), self.pid);
    }
}

impl Lab {
    /// The kernel kills the whole pid namespace with its first process.
    fn kill(&self) {
        let _ = nix::sys::signal::kill(self.init, Signal::SIGKILL);
    }

    fn end(self) {
        self.kill();
        process::await_end(self.init, PATIENCE);
        self.subtree.remove(PATIENCE);
        process::reap_all();
    }
}

/// Have the store fork a lab's host, put it into its groups, let it go on.
fn fork_init(
    store: &mut Store,
    name: &str,
    subtree: &Subtree,
    scratch: Option<&Scratch>,
) -> Result<(Pid, OwnedFd), RoleFailure> {
    let (engine_end, actor_end) = Wire::pair().doing("make the lab's wire")?;
    engine_end.expect_credentials().map_err(|_| RoleFailure::new("set up the lab's wire", Errno::EIO))?;
    let (go, say_go) = nix::unistd::pipe().doing("make a pipe")?;
    let scratch = scratch.map(|scratch| scratch.path.to_string_lossy().into_owned());
    let request = ToStore { name: name.to_owned(), cgroups: subtree.cgroups.clone(), scratch };
    let gone = |_: WireError| RoleFailure::new("talk to the store", Errno::EPIPE);
    store.wire.send(&request, &[actor_end.raw_fd(), go.as_raw_fd()]).map_err(gone)?;
    drop((actor_end, go));
    await_store(&store.wire, store.pid, FORK_TIMEOUT)?;
    match store.wire.receive::<FromStore>().map_err(gone)?.message {
        FromStore::Forked { pid } => {
            let attached = subtree.attach(pid).doing("put the lab into its cgroups");
            if let Err(failure) = attached {
                let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
                return Err(failure);
            }
            std::fs::File::from(say_go).write_all(b"!").doing("let the lab go on")?;
            Ok((Pid::from_raw(pid), engine_end.into_fd()))
        }
        FromStore::Failed(failure) => Err(failure),
        FromStore::Ready { .. } => Err(RoleFailure::new("talk to the store", Errno::EPROTO)),
    }
}

/// Until the store says something; somebody may have stopped it.
fn await_store(wire: &Wire, pid: Pid, timeout: Duration) -> Result<(), RoleFailure> {
    let began = Instant::now();
    while !wire.is_ready(Duration::from_millis(500)) {
        if began.elapsed() >= timeout {
            return Err(RoleFailure::new("wait for the store", Errno::ETIMEDOUT));
        }
        let _ = nix::sys::signal::kill(pid, Signal::SIGCONT);
    }
    Ok(())
}

/// Fork the store into a user namespace of its own and map its ids.
fn start_store() -> Result<Store, RoleFailure> {
    let (mut wire, store_end) = Wire::pair().doing("make the store's wire")?;
    let (mapped, say_mapped) = nix::unistd::pipe().doing("make a pipe")?;
    let mapping = Mapping::choose();
    let me = nix::unistd::getpid();
    let namespaces = [NamespaceKind::User, NamespaceKind::Mount];
    match process::fork(&mut Recorder::default(), &namespaces).doing("make a user namespace")? {
        Fork::Child => {
            drop((wire, say_mapped));
            be_store(store_end, mapped, mapping, me)
        }
        Fork::Parent(pid) => {
            drop((store_end, mapped));
            let line = format!("0 {} {}", mapping.first, mapping.count);
            let ready = store::map_ids(pid, &line, mapping.count == 1)
                .doing("write the id maps of the user namespace")
                .and_then(|()| std::fs::File::from(say_mapped).write_all(b"!").doing("let the store go on"))
                .and_then(|()| await_store(&wire, pid, START_TIMEOUT))
                .and_then(|()| match wire.receive::<FromStore>() {
                    Ok(received) => match received.message {
                        FromStore::Ready { .. } => Ok(()),
                        FromStore::Failed(failure) => Err(failure),
                        FromStore::Forked { .. } => Err(RoleFailure::new("start the store", Errno::EPROTO)),
                    },
                    Err(_) => Err(RoleFailure::new("start the store", Errno::EPIPE)),
                });
            if let Err(failure) = ready {
                let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
                let _ = process::wait(&mut Recorder::default(), pid);
                return Err(failure);
            }
            Ok(Store { wire, pid, root_id: Uid::effective().is_root().then_some(mapping.first) })
        }
    }
}

fn be_store(wire: Wire, mapped: OwnedFd, mapping: Mapping, parent: Pid) -> ! {
    let mut word = [0];
    let ready = std::fs::File::from(mapped).read_exact(&mut word).is_ok();
    let status = if ready && become_root(mapping, parent).is_ok() {
        process::set_title("unboxed: store");
        i32::from(store::serve(wire, IdRange { count: mapping.count }).is_err())
    } else {
        1
    };
    process::exit_now(status)
}

/// Root of the new user namespace: nobody outside it.
fn become_root(mapping: Mapping, parent: Pid) -> Result<(), Errno> {
    if mapping.count > 1 {
        nix::unistd::setgroups(&[])?;
        nix::unistd::setresgid(Gid::from_raw(0), Gid::from_raw(0), Gid::from_raw(0))?;
        nix::unistd::setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0))?;
    }
    // In this order: a change of credentials takes both back.
    process::be_visible()?;
    process::die_with_parent(parent)?;
    // Children that end are nobody's news: the keeper watches labs by other means.
    process::ignore_children()
}

/// Which ids of the machine a lab's ids are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mapping {
    first: u32,
    count: u32,
}

impl Mapping {
    /// Root: a high range, or the highest one that this process's own namespace has. Anybody else: themself.
    fn choose() -> Mapping {
        if !Uid::effective().is_root() {
            return Mapping { first: Uid::effective().as_raw(), count: 1 };
        }
        let own = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        Mapping::within(&own)
    }

    fn within(uid_map: &str) -> Mapping {
        let ranges = uid_map.lines().filter_map(|line| {
            let mut numbers = line.split_ascii_whitespace().map(str::parse::<u32>);
            let first = numbers.next()?.ok()?;
            Some((first, numbers.nth(1)?.ok()?))
        });
        let mut best = Mapping { first: 0, count: 1 };
        for (first, count) in ranges {
            let end = first.saturating_add(count);
            if first <= FIRST_ID && FIRST_ID + IDS <= end {
                return Mapping { first: FIRST_ID, count: IDS };
            }
            if count >= 2 * IDS && end - IDS > best.first {
                best = Mapping { first: end - IDS, count: IDS };
            } else if best.count == 1 && count > 1 && end - 1 > best.first {
                best = Mapping { first: end - 1, count: 1 };
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_of_root_gets_ids_that_no_user_has() {
        let check = |map: &str, first, count| assert_eq!(Mapping::within(map), Mapping { first, count }, "{map}");
        check("         0          0 4294967295\n", FIRST_ID, IDS);
        check("0 100000 200000\n", 200000 - IDS, IDS);
        check("0 100000 65536\n", 65535, 1);
        check("0 1000 1\n", 0, 1);
        check("", 0, 1);
    }
}
