//! The **keeper**: a process outside the lab that makes it and unmakes it. It lives as long as the engine's end of its
//! wire: however the engine dies, the keeper sees the end of file, kills the lab and removes what it made.

pub mod cgroups;
pub mod exposure;
pub mod handle;
mod ids;
pub mod leftovers;
pub mod removal;
pub mod scratch;
pub mod sweep;
pub mod unmounted;
mod waiting;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Pid, Uid};

use self::cgroups::{Hierarchy, Owner, Subtree};
use self::ids::Mapping;
use self::scratch::Scratch;
use self::unmounted::Attached;
use self::waiting::{Silence, await_answer};
use crate::kernel::bpf::devices::Policy;
use crate::kernel::bpf::settings;
use crate::kernel::pidfd::Pidfd;
use crate::kernel::process::{self, RoleFork};
use crate::kernel::{confine, inherited, log, panics, perform};
use crate::lab::store::{self, IdRange};
use crate::op::{ActorName, NamespaceKind, Op};
use crate::wire::protocol::{
    Doing, FromKeeper, FromStore, LabCgroup, LabMade, LabPlan, PanickingRole, RoleFailure,
    ToKeeper, ToStore,
};
use crate::wire::{Wire, WireError};

/// The first argument that makes the program this role, and not a front end.
pub const ROLE: &str = "--keeper-role";
/// The longest that the store may take to lay out the image, or to fork a lab.
const STORE_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest that a process may take to die after its wire has ended.
const DEATH_TIMEOUT: Duration = Duration::from_millis(500);
/// The longest that a cgroup may take to become empty after its processes were killed.
const PATIENCE: Duration = Duration::from_secs(1);

/// The role's main function; standard input is the wire. Returns the exit code.
pub fn main() -> u8 {
    let _ = nix::unistd::setsid();
    // The title is written over the arguments.
    let log_level = log::level_for_role();
    panics::remember();
    log::set_role("keeper");
    confine::leave_session_keyring();
    let _ = inherited::widen();
    process::ignore_terminal_signals();
    process::set_title("unboxed: keeper");
    let _ = process::adopt_orphans();

    let mut wire = Wire::from_fd(process::move_fd(process::take_stdin(), 3));
    // Only now that the wire has its number.
    if let Some(level) = log_level {
        log::inherit(level);
    }
    confine::keep_only(&[&wire, &log::Descriptor]);

    let mut keeper = Keeper {
        owner: Owner::me(),
        hierarchies: cgroups::hierarchies(),
        attached: Vec::new(),
        store: None,
        silent: Vec::new(),
        current: Vec::new(),
        spare: None,
        made: 0,
    };

    let served = panics::caught(|| keeper.serve(&mut wire));
    tracing::info!(?served, "nothing more is asked: all labs are removed");
    // Before the labs go: whoever sees one go asks why.
    if let Err(place) = &served {
        let _ = wire.send(&FromKeeper::Failed(RoleFailure::panicked("keeper", place)), &[]);
    }
    keeper.unmake();
    tracing::info!("everything is removed");
    u8::from(!matches!(served, Ok(Ok(()))))
}

#[derive(Debug)]
struct Keeper {
    owner: Owner,
    hierarchies: Vec<Hierarchy>,
    /// Hierarchies that nobody had mounted.
    attached: Vec<Attached>,
    store: Option<Store>,
    /// Stores that did not answer: nothing is asked of them any more, but labs that are up may hang on them.
    silent: Vec<Store>,
    /// The labs that are up, the newest last.
    current: Vec<Lab>,
    spare: Option<(LabPlan, Lab)>,
    made: u32,
}

/// The running store role.
#[derive(Debug)]
struct Store {
    wire: Wire,
    process: Pidfd,
    /// The lab's root as the machine counts user ids.
    root_id: Option<u32>,
    /// True while it owes an answer.
    is_silent: bool,
}

#[derive(Debug)]
struct Lab {
    name: String,
    /// Its first process.
    host: Pidfd,
    subtree: Subtree,
    scratch: Option<Scratch>,
    /// The rights of its groups to devices, by the groups' paths, where v2's kernel does not keep them.
    devices: BTreeMap<String, Policy>,
    /// The engine's end of the host's wire, until it is handed over.
    engine_end: Option<OwnedFd>,
}

impl Keeper {
    fn serve(&mut self, wire: &mut Wire) -> Result<(), WireError> {
        loop {
            let (plan, replaces) = match wire
                .receive::<ToKeeper>()
                .inspect(|received| tracing::info!(request = ?received.message, "asked"))
            {
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

            self.hand_over(wire, lab, replaces)?;
            // Only now, so that nobody waits for a teardown or for the next lab.
            if plan.spare {
                let spare = self
                    .make_lab(&plan)
                    .inspect_err(|failure| tracing::error!(%failure, "no spare lab"));
                self.spare = spare.ok().map(|lab| (plan, lab));
            }
        }
    }

    /// Write a rule for a group of the newest lab, and for no other group.
    fn device_rule(&mut self, actor: &ActorName, op: &Op) -> FromKeeper {
        let refused =
            |errno| FromKeeper::Failed(RoleFailure::new("write a rule for devices", errno));
        let Op::Device { group, rule } = op else { return refused(Errno::EINVAL) };
        let inside =
            !group.is_empty() && group.split('/').all(|part| !matches!(part, "" | "." | ".."));
        let Some(lab) = self.current.last_mut().filter(|_| inside) else {
            return refused(Errno::ENOENT);
        };

        let trees = &lab.subtree.cgroups;
        let v1 = trees
            .iter()
            .find(|tree| !tree.v2 && tree.controllers.iter().any(|name| name == "devices"));
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

    fn hand_over(
        &mut self,
        wire: &mut Wire,
        lab: Result<Lab, RoleFailure>,
        replaces: bool,
    ) -> Result<(), WireError> {
        let mut lab = match lab {
            Ok(lab) => lab,
            Err(failure) => {
                tracing::error!(%failure, "no lab");
                return wire.send(&FromKeeper::Failed(failure), &[]);
            }
        };
        tracing::info!(lab = lab.name, host = ?lab.host.pid(), "made");

        // Killed before the new lab is handed over, waited for only after: nobody waits for a teardown.
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
        if plan.panics == Some(PanickingRole::Keeper) {
            panic!("a test asked for it");
        }

        if self.store.as_ref().is_some_and(|store| store.process.has_ended()) {
            // Its labs went with it.
            self.store.take().into_iter().for_each(Store::end);
        }
        if self.store.is_none() {
            sweep::everything(&self.hierarchies);
            self.store = Some(start_store()?);
        }

        self.attach(&plan.controllers)?;
        let Some(store) = &mut self.store else {
            return Err(RoleFailure::new("start the store", Errno::EIO));
        };
        self.made += 1;
        let name = self.owner.lab_name(self.made);

        let scratch = match &plan.disk {
            Some(disk) => Some(Scratch::make(&name, disk, store.root_id)?),
            None => None,
        };
        let subtree = Subtree::make(&self.hierarchies, &name, &plan.controllers, store.root_id)?;
        if let Some(v2) = subtree.cgroups.iter().find(|cgroup| cgroup.v2) {
            // The machine's root can; anybody else can reach that setting without a lab, too.
            let _ = settings::guard(&v2.machine_path);
        }

        match fork_init(store, &name, &subtree, scratch.as_ref(), plan.panics) {
            Ok((host, engine_end)) => Ok(Lab {
                name,
                host,
                subtree,
                scratch,
                devices: BTreeMap::new(),
                engine_end: Some(engine_end),
            }),
            Err(failure) => {
                self.silent.extend(self.store.take_if(|store| store.is_silent));
                subtree.remove(PATIENCE);
                Err(failure)
            }
        }
    }

    /// Mount the hierarchies of controllers that a lesson wants and nobody has mounted. Not before the store is
    /// forked: its copies of the descriptors would be mounts, too.
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
        let labs: Vec<Lab> =
            self.current.drain(..).chain(self.spare.take().map(|(_, lab)| lab)).collect();
        for lab in labs {
            lab.end();
        }
        self.silent.drain(..).chain(self.store.take()).for_each(Store::end);
        self.attached.drain(..).for_each(Attached::close);
    }
}

impl Store {
    /// End the store; its labs go with it.
    fn end(self) {
        let _ = self.process.send(Signal::SIGKILL);
        self.process.wait(PATIENCE);
        process::reap_all();
    }
}

impl Lab {
    /// Kill the lab: the kernel kills the whole pid namespace with its first process.
    fn kill(&self) {
        let _ = self.host.send(Signal::SIGKILL);
    }

    fn end(self) {
        tracing::info!(lab = self.name, "ends");
        self.kill();
        self.host.wait(PATIENCE);
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
    panics: Option<PanickingRole>,
) -> Result<(Pidfd, OwnedFd), RoleFailure> {
    let (engine_end, actor_end) = Wire::pair().doing("make the lab's wire")?;
    engine_end
        .expect_credentials()
        .map_err(|_| RoleFailure::new("set up the lab's wire", Errno::EIO))?;
    let (go, say_go) = nix::unistd::pipe2(OFlag::O_CLOEXEC).doing("make a pipe")?;
    let scratch = scratch.map(|scratch| scratch.path.to_string_lossy().into_owned());
    let request =
        ToStore { name: name.to_owned(), cgroups: subtree.cgroups.clone(), scratch, panics };

    const TALK: &str = "talk to the store, the process that labs are forked from";
    let process = &store.process;
    let gone = |error: WireError| lost_store(TALK, process, &error);

    store.wire.send(&request, &[actor_end.as_raw_fd(), go.as_raw_fd()]).map_err(gone)?;
    drop((actor_end, go));
    if let Err(silence) = await_answer(&store.wire, &store.process, STORE_TIMEOUT) {
        store.is_silent = true;
        return Err(RoleFailure::new(TALK, silence.errno()));
    }
    let received = store.wire.receive::<FromStore>().map_err(gone)?;

    match received.message {
        FromStore::Forked => {
            let host =
                received.fds.into_iter().next().ok_or(Errno::EPROTO).and_then(Pidfd::from_fd);
            let host = host.doing("hear from the store which process it forked")?;
            if let Err(failure) = place(&host, store, subtree) {
                let _ = host.send(Signal::SIGKILL);
                return Err(failure);
            }

            std::fs::File::from(say_go).write_all(b"!").doing("let the lab go on")?;
            Ok((host, engine_end.into_fd()))
        }
        FromStore::Failed(failure) => Err(failure),
        FromStore::Ready { .. } => Err(RoleFailure::new("talk to the store", Errno::EPROTO)),
    }
}

/// Put a lab's first process, which waits, into the lab's groups, and make it the first that the kernel ends where
/// the machine's memory runs out.
fn place(host: &Pidfd, store: &Store, subtree: &Subtree) -> Result<(), RoleFailure> {
    let pid = host
        .pid()
        .filter(|pid| pid.as_raw() > 1 && is_child(*pid, &store.process))
        .ok_or(Errno::ESRCH);
    let pid = pid.doing("find the lab's first process among the store's children")?;

    subtree.attach(pid.as_raw()).doing("put the lab into its cgroups")?;
    // Written from here: where the machine's root wrote it, nobody in the lab can lower it.
    let _ = process::write_file(format!("/proc/{pid}/oom_score_adj"), "1000");
    // By number, which held as long as the process did.
    if host.has_ended() { Err(Errno::ESRCH).doing("put the lab into its cgroups") } else { Ok(()) }
}

fn is_child(pid: Pid, parent: &Pidfd) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let listed = status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:"))
        .and_then(|pid| pid.trim().parse().ok());
    parent.pid().is_some_and(|parent| Some(parent.as_raw()) == listed)
}

/// The failure for a store whose wire failed: the way it ended, where that can be told.
fn lost_store(doing: &str, store: &Pidfd, error: &WireError) -> RoleFailure {
    match store.how_it_ended_within(DEATH_TIMEOUT) {
        Some(how) => RoleFailure { doing: format!("{doing}: {how}"), errno: None },
        None => RoleFailure::new(doing, error.errno()),
    }
}

/// Fork the store into a user namespace of its own and map its ids.
fn start_store() -> Result<Store, RoleFailure> {
    let (mut wire, store_end) = Wire::pair().doing("make the store's wire")?;
    let (mapped, say_mapped) = nix::unistd::pipe2(OFlag::O_CLOEXEC).doing("make a pipe")?;
    let mapping = Mapping::choose();
    let me = nix::unistd::getpid();
    let namespaces = [NamespaceKind::User, NamespaceKind::Mount];

    match process::fork_role(&namespaces).doing("make a user namespace")? {
        RoleFork::Child => be_store(store_end, mapped, mapping, me),
        RoleFork::Parent(store) => {
            drop((store_end, mapped));
            let line = format!("0 {} {}", mapping.first, mapping.count);
            let map = |pid| store::map_ids(pid, &line, mapping.count == 1);

            let ready = store
                .pid()
                .ok_or(Errno::ESRCH)
                .and_then(map)
                .doing("write the id maps of the user namespace")
                .and_then(|()| {
                    std::fs::File::from(say_mapped).write_all(b"!").doing("let the store go on")
                })
                .and_then(|()| {
                    await_answer(&wire, &store, STORE_TIMEOUT)
                        .map_err(Silence::errno)
                        .doing("start the store")
                })
                .and_then(|()| match wire.receive::<FromStore>() {
                    Ok(received) => match received.message {
                        FromStore::Ready { .. } => Ok(()),
                        FromStore::Failed(failure) => Err(failure),
                        FromStore::Forked => {
                            Err(RoleFailure::new("start the store", Errno::EPROTO))
                        }
                    },
                    Err(error) => Err(lost_store("start the store", &store, &error)),
                });

            let store = Store {
                wire,
                process: store,
                root_id: Uid::effective().is_root().then_some(mapping.first),
                is_silent: false,
            };

            match ready {
                Ok(()) => Ok(store),
                Err(failure) => {
                    store.end();
                    Err(failure)
                }
            }
        }
    }
}

fn be_store(mut wire: Wire, mapped: OwnedFd, mapping: Mapping, parent: Pid) -> ! {
    // The keeper's own wire, and the mounts that are descriptors of its, stay with the keeper.
    confine::keep_only(&[&wire, &mapped, &log::Descriptor]);
    log::set_role("store");

    let mut word = [0];
    let ready = std::fs::File::from(mapped).read_exact(&mut word).doing("wait for the keeper");
    let became = ready.and_then(|()| {
        become_root(mapping, parent).doing("become root of the labs' user namespace")
    });
    if let Err(failure) = became {
        let _ = wire.send(&FromStore::Failed(failure), &[]);
        process::exit_now(1)
    }

    process::set_title("unboxed: store");
    process::exit_now(store::serve(wire, IdRange { count: mapping.count }))
}

/// Become root of the new user namespace, and nobody outside it.
fn become_root(mapping: Mapping, parent: Pid) -> Result<(), Errno> {
    if mapping.count > 1 {
        nix::unistd::setgroups(&[])?;
        nix::unistd::setresgid(Gid::from_raw(0), Gid::from_raw(0), Gid::from_raw(0))?;
        nix::unistd::setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0))?;
    }
    // In this order: a change of credentials takes both back.
    process::be_visible()?;
    process::die_with_parent(parent)?;
    confine::bound_labs()?;
    confine::bound_kernel_objects();
    // Children that end are nobody's news: the keeper watches labs by other means.
    process::ignore_children()
}
