//! The **keeper**: a process outside the lab that makes it and unmakes it. It lives as long as the engine's end of its
//! wire: however the engine dies, the keeper sees the end of file, kills the lab and removes what it made.

mod answer;
pub mod cgroups;
pub mod exposure;
pub mod handle;
pub mod leftovers;
pub mod private_hierarchy;
pub mod probe;
pub mod removal;
mod running_lab;
mod running_store;
pub mod scratch_file;
pub mod sweep;

use std::collections::BTreeMap;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::unistd::Uid;

use self::answer::empty_timeout;
use self::cgroups::{OwnerProcess, Subtree, SubtreeHierarchy};
use self::private_hierarchy::PrivateHierarchy;
use self::running_lab::RunningLab;
use self::running_store::RunningStore;
use self::scratch_file::ScratchFile;
use crate::failure::{Failure, with_causes};
use crate::image::Image;
use crate::kernel::bpf::settings;
use crate::kernel::{confine, inherited, log, panics, perform, process};
use crate::laid_out::UnpackProgress;
use crate::op::{ActorName, Op};
use crate::wire::protocol::{
    EngineToKeeper, FailureContext, KeeperToEngine, LabCgroup, LabPlan, MadeLab, PanickingRole,
    RoleFailure,
};
use crate::wire::{Wire, WireError};

/// The first argument that makes the program this role, and not a front end.
pub const ROLE: &str = "--keeper-role";

/// The role's main function; standard input is the wire. Returns the exit code.
pub fn main() -> u8 {
    let _ = nix::unistd::setsid();
    // The title is written over the arguments.
    let log_level = log::level_for_role();
    panics::install_hook();
    log::set_role("keeper");
    confine::leave_session_keyring();
    inherited::widen_mode_mask();
    process::ignore_terminal_signals();
    process::set_title("unboxed: keeper");
    let _ = process::adopt_orphans();

    let mut wire = Wire::from_fd(process::move_fd(process::take_stdin(), 3));
    // Only now that the wire has its number.
    if let Some(level) = log_level {
        log::inherit(level);
    }
    confine::keep_only(&[&wire, &log::LogDescriptor]);

    let mut keeper = Keeper {
        image: None,
        owner: OwnerProcess::this_process(),
        hierarchies: cgroups::hierarchies(),
        attached: Vec::new(),
        store: None,
        silent: Vec::new(),
        current: Vec::new(),
        spare: None,
        made: 0,
    };

    let served = panics::catch_panic(|| keeper.serve(&mut wire));
    tracing::info!(?served, "nothing more is asked: all labs are removed");
    // Before the labs go: whoever sees one go asks why.
    if let Err(place) = &served {
        let _ = wire.send(&KeeperToEngine::Failed(RoleFailure::panicked("keeper", place)), &[]);
    }
    keeper.unmake();
    tracing::info!("everything is removed");
    u8::from(!matches!(served, Ok(Ok(()))))
}

#[derive(Debug)]
struct Keeper {
    /// The image that stores lay out; none for the default one.
    image: Option<Image>,
    owner: OwnerProcess,
    hierarchies: Vec<SubtreeHierarchy>,
    /// Hierarchies that nobody had mounted.
    attached: Vec<PrivateHierarchy>,
    store: Option<RunningStore>,
    /// Stores that did not answer: nothing is asked of them any more, but labs that are up may hang on them.
    silent: Vec<RunningStore>,
    /// The labs that are up, the newest last.
    current: Vec<RunningLab>,
    spare: Option<(LabPlan, RunningLab)>,
    made: u32,
}

/// The fate of the labs that are up when another one is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Succession {
    InPlaceOfAll,
    Beside,
}

impl Keeper {
    fn serve(&mut self, wire: &mut Wire) -> Result<(), WireError> {
        loop {
            let (plan, succession) = match wire
                .receive::<EngineToKeeper>()
                .inspect(|received| tracing::info!(request = ?received.message, "asked"))
            {
                Ok(received) => match received.message {
                    EngineToKeeper::UseImage(layers) => {
                        let files = received.fds.into_iter().map(Into::into).collect();
                        self.image = Some(Image { layers, files });
                        continue;
                    }
                    EngineToKeeper::MakeLab(plan) => (plan, Succession::InPlaceOfAll),
                    EngineToKeeper::MakeLabBeside(plan) => (plan, Succession::Beside),
                    EngineToKeeper::Device { actor, op } => {
                        let answer = self.device_rule(&actor, &op);
                        wire.send(&answer, &[])?;
                        continue;
                    }
                    EngineToKeeper::HowLabEnded { id } => {
                        let how = self.how_lab_ended(&id);
                        tracing::info!(lab = id, ?how, "ended");
                        wire.send(&KeeperToEngine::LabEnded(how), &[])?;
                        continue;
                    }
                    EngineToKeeper::MakeTracer => {
                        self.make_tracer(wire)?;
                        continue;
                    }
                    EngineToKeeper::DropNewest => {
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
                    self.make_lab(&plan, |progress| {
                        // Whoever does not hear it is gone, which the next word shows.
                        let _ = wire.send(&KeeperToEngine::Unpacking(progress), &[]);
                    })
                }
            };

            self.hand_over(wire, lab, succession)?;
            // Only now, so that nobody waits for a teardown or for the next lab.
            if plan.spare {
                // Its store is up: nothing is unpacked for it.
                let spare = self.make_lab(&plan, |_| {}).inspect_err(|failure| {
                    tracing::error!(failure = with_causes(failure), "no spare lab")
                });
                self.spare = spare.ok().map(|lab| (plan, lab));
            }
        }
    }

    fn make_tracer(&mut self, wire: &mut Wire) -> Result<(), WireError> {
        let none = || RoleFailure::new("start a tracer without a store", Errno::ESRCH);
        let made = self.store.as_mut().ok_or_else(none).and_then(RunningStore::fork_tracer);
        self.set_silent_store_aside();
        match made {
            Ok((engine_end, tracer)) => wire
                .send(&KeeperToEngine::TracerMade, &[engine_end.as_raw_fd(), tracer.as_raw_fd()]),
            Err(failure) => {
                tracing::error!(failure = with_causes(&failure), "no tracer");
                wire.send(&KeeperToEngine::Failed(failure), &[])
            }
        }
    }

    fn how_lab_ended(&mut self, id: &str) -> Option<Failure> {
        let how = self.store.as_mut()?.how_lab_ended(id);
        self.set_silent_store_aside();
        how
    }

    /// A store that owes an answer is asked nothing more: it would be taken for that to the next question.
    fn set_silent_store_aside(&mut self) {
        self.silent.extend(self.store.take_if(|store| store.is_silent));
    }

    /// Write a rule for a group of the newest lab, and for no other group.
    fn device_rule(&mut self, actor: &ActorName, op: &Op) -> KeeperToEngine {
        let refused =
            |errno| KeeperToEngine::Failed(RoleFailure::new("write a rule for devices", errno));
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
            (Some(v1), _) => {
                KeeperToEngine::Performed(perform::device_rule(actor, op, &dir(v1), rule))
            }
            (None, Some(v2)) => {
                let policy = lab.devices.entry(group.clone()).or_default();
                KeeperToEngine::Performed(perform::device_program(
                    actor,
                    op,
                    &dir(v2),
                    rule,
                    policy,
                ))
            }
            (None, None) => refused(Errno::ENOENT),
        }
    }

    fn hand_over(
        &mut self,
        wire: &mut Wire,
        lab: Result<RunningLab, RoleFailure>,
        succession: Succession,
    ) -> Result<(), WireError> {
        let mut lab = match lab {
            Ok(lab) => lab,
            Err(failure) => {
                tracing::error!(failure = with_causes(&failure), "no lab");
                return wire.send(&KeeperToEngine::Failed(failure), &[]);
            }
        };
        tracing::info!(lab = lab.name, host = ?lab.host.pid(), "made");

        // Killed before the new lab is handed over, waited for only after: nobody waits for a teardown.
        let old = match succession {
            Succession::InPlaceOfAll => std::mem::take(&mut self.current),
            Succession::Beside => Vec::new(),
        };
        old.iter().for_each(RunningLab::kill);
        let made = MadeLab {
            id: lab.name.clone(),
            cgroups: lab.subtree.cgroups.clone(),
            disk: lab.scratch.as_ref().map(|scratch| scratch.disk.clone()),
            rootless: !Uid::effective().is_root(),
            image: self.store.as_ref().and_then(|store| store.image),
        };

        let engine_end = lab.engine_end.take();
        let fds: Vec<_> = engine_end.iter().map(AsRawFd::as_raw_fd).collect();
        self.current.push(lab);
        let sent = wire.send(&KeeperToEngine::Made(made), &fds);
        old.into_iter().for_each(RunningLab::end);
        sent
    }

    /// A new lab. `told` hears how far its image is laid out, where that is to be done first.
    fn make_lab(
        &mut self,
        plan: &LabPlan,
        told: impl FnMut(UnpackProgress),
    ) -> Result<RunningLab, RoleFailure> {
        if plan.panics == Some(PanickingRole::Keeper) {
            panic!("a test asked for it");
        }

        if self.store.as_ref().is_some_and(|store| store.process.has_ended()) {
            // Its labs went with it.
            self.store.take().into_iter().for_each(RunningStore::end);
        }
        if self.store.is_none() {
            sweep::sweep_all(&self.hierarchies);
            self.store = Some(running_store::start(self.image.as_ref(), told)?);
        }

        self.attach(&plan.controllers)?;
        let Some(store) = &mut self.store else {
            return Err(RoleFailure::new("start the store", Errno::EIO));
        };
        self.made += 1;
        let name = self.owner.lab_name(self.made);

        let scratch = match &plan.disk {
            Some(disk) => Some(ScratchFile::create(&name, disk, store.root_id)?),
            None => None,
        };
        let subtree = Subtree::make(&self.hierarchies, &name, &plan.controllers, store.root_id)?;
        if let Some(v2) = subtree.cgroups.iter().find(|cgroup| cgroup.v2) {
            // The machine's root can; anybody else can reach that setting without a lab, too.
            let _ = settings::refuse_machine_settings(&v2.machine_path);
        }

        match store.fork_lab(&name, &subtree, scratch.as_ref(), plan.panics) {
            Ok((host, engine_end)) => Ok(RunningLab {
                name,
                host,
                subtree,
                scratch,
                devices: BTreeMap::new(),
                engine_end: Some(engine_end),
            }),
            Err(failure) => {
                self.set_silent_store_aside();
                subtree.remove(empty_timeout());
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
        for wanted in private_hierarchy::hierarchies_to_mount(controllers) {
            let names = wanted.join(",");
            let attached = PrivateHierarchy::mount_private(&wanted).while_doing(&format!(
                "mount the v1 hierarchy of {names} (/proc/cgroups shows whether another one has them)"
            ))?;
            self.hierarchies.push(attached.hierarchy());
            self.attached.push(attached);
        }
        Ok(())
    }

    /// Take everything away. Goes on past what fails.
    fn unmake(&mut self) {
        // In this order: labs hang on stores, and the kernel frees a hierarchy without groups.
        let labs: Vec<RunningLab> =
            self.current.drain(..).chain(self.spare.take().map(|(_, lab)| lab)).collect();
        for lab in labs {
            lab.end();
        }
        self.silent.drain(..).chain(self.store.take()).for_each(RunningStore::end);
        self.attached.drain(..).for_each(PrivateHierarchy::free_controllers);
    }
}
