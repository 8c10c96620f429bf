//! The store that is up, as the keeper holds it: a process in a user namespace that labs are forked from.

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Pid, Uid};

use super::answer::{NoAnswer, await_answer, empty_timeout};
use super::cgroups::Subtree;
use super::running_lab;
use super::scratch_file::ScratchFile;
use crate::doctor::LabIdMapping;
use crate::failure::Failure;
use crate::image::Image;
use crate::kernel::pidfd::Pidfd;
use crate::kernel::process::{self, RoleFork};
use crate::kernel::{confine, log};
use crate::lab::store::{self, IdRange};
use crate::laid_out::{UnpackProgress, UnpackedImage};
use crate::op::NamespaceKind;
use crate::wire::protocol::{
    FailureContext, KeeperToStore, LabOrder, PanickingRole, RoleFailure, StoreToKeeper,
};
use crate::wire::{Wire, WireError, death_timeout};

/// The longest that the store may take to lay out the image, or to fork a lab.
const STORE_TIMEOUT: Duration = Duration::from_secs(60);

/// The running store role.
#[derive(Debug)]
pub(super) struct RunningStore {
    wire: Wire,
    pub process: Pidfd,
    /// The lab's root as the machine counts user ids.
    pub root_id: Option<u32>,
    /// True while it owes an answer.
    pub is_silent: bool,
    /// The tally of an image that was made elsewhere.
    pub image: Option<UnpackedImage>,
}

impl RunningStore {
    /// End the store; its labs go with it.
    pub fn end(self) {
        end(&self.process);
    }

    /// Have the store fork a lab's host, put it into its groups, let it go on.
    pub fn fork_lab(
        &mut self,
        name: &str,
        subtree: &Subtree,
        scratch: Option<&ScratchFile>,
        panics: Option<PanickingRole>,
    ) -> Result<(Pidfd, OwnedFd), RoleFailure> {
        let (engine_end, actor_end) = Wire::pair().while_doing("make the lab's wire")?;
        engine_end
            .expect_credentials()
            .map_err(|_| RoleFailure::new("set up the lab's wire", Errno::EIO))?;
        let (go, say_go) = nix::unistd::pipe2(OFlag::O_CLOEXEC).while_doing("make a pipe")?;
        let scratch = scratch.map(|scratch| scratch.path.to_string_lossy().into_owned());
        let request = KeeperToStore::Fork(LabOrder {
            name: name.to_owned(),
            cgroups: subtree.cgroups.clone(),
            scratch,
            panics,
        });

        let host = self.have_forked(&request, vec![actor_end.into_fd(), go])?;
        if let Err(failure) = running_lab::place(&host, &self.process, subtree) {
            let _ = host.send(Signal::SIGKILL);
            return Err(failure);
        }

        std::fs::File::from(say_go).write_all(b"!").while_doing("let the lab go on")?;
        Ok((host, engine_end.into_fd()))
    }

    /// Have the store fork a tracer; the engine's end of its wire, and its process.
    pub fn fork_tracer(&mut self) -> Result<(OwnedFd, Pidfd), RoleFailure> {
        let (engine_end, tracer_end) = Wire::pair().while_doing("make the tracer's wire")?;
        let tracer = self.have_forked(&KeeperToStore::ForkTracer, vec![tracer_end.into_fd()])?;
        Ok((engine_end.into_fd(), tracer))
    }

    /// Have the store fork a process, which alone gets these descriptors: by that it is seen when it is gone.
    fn have_forked(
        &mut self,
        request: &KeeperToStore,
        fds: Vec<OwnedFd>,
    ) -> Result<Pidfd, RoleFailure> {
        const TALK: &str = "talk to the store, the process that labs are forked from";
        let process = &self.process;
        let gone = |error: WireError| lost_store(TALK, process, &error);

        let numbers: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        self.wire.send(request, &numbers).map_err(gone)?;
        drop(fds);
        if let Err(silence) = await_answer(&self.wire, &self.process, STORE_TIMEOUT) {
            self.is_silent = true;
            return Err(RoleFailure::new(TALK, silence.errno()));
        }
        let received = self.wire.receive::<StoreToKeeper>().map_err(gone)?;

        match received.message {
            StoreToKeeper::Forked => {
                let forked = received.fds.into_iter().next().ok_or(Errno::EPROTO);
                forked
                    .and_then(Pidfd::from_fd)
                    .while_doing("hear from the store which process it forked")
            }
            StoreToKeeper::Failed(failure) => Err(failure),
            StoreToKeeper::Ready(_) | StoreToKeeper::Unpacking(_) | StoreToKeeper::Ended(_) => {
                Err(RoleFailure::new("talk to the store", Errno::EPROTO))
            }
        }
    }

    /// The end of a lab's host. The kernel tells it to the parent alone, and that is the store; where the store itself
    /// has ended, its labs went with it.
    pub fn how_lab_ended(&mut self, lab: &str) -> Option<Failure> {
        let of_store = |how: String| {
            Failure::new(format!("the store, the process that it was forked from, is gone: {how}"))
        };
        if let Some(how) = self.process.end_within(Duration::ZERO) {
            return Some(of_store(how));
        }

        let question = KeeperToStore::HowItEnded { lab: lab.to_owned() };
        self.wire.send(&question, &[]).ok()?;
        if await_answer(&self.wire, &self.process, empty_timeout()).is_err() {
            self.is_silent = true;
            return None;
        }
        match self.wire.receive::<StoreToKeeper>() {
            Ok(received) => match received.message {
                StoreToKeeper::Ended(how) => how.map(Failure::new),
                StoreToKeeper::Ready(_)
                | StoreToKeeper::Unpacking(_)
                | StoreToKeeper::Forked
                | StoreToKeeper::Failed(_) => None,
            },
            Err(_) => self.process.end_within(death_timeout()).map(of_store),
        }
    }
}

/// End the process of a store.
fn end(store: &Pidfd) {
    let _ = store.send(Signal::SIGKILL);
    store.has_ended_within(empty_timeout());
    process::reap_all();
}

/// The failure for a store whose wire failed: the way it ended, where that can be told.
fn lost_store(tried: &str, store: &Pidfd, error: &WireError) -> RoleFailure {
    match store.end_within(death_timeout()) {
        Some(how) => RoleFailure::because(tried, Failure::new(how)),
        None => RoleFailure::new(tried, error.errno()),
    }
}

/// Fork the store into a user namespace of its own, map its ids, and have it lay out the image. `told` hears how far that is.
pub(super) fn start(
    image: Option<&Image>,
    mut told: impl FnMut(UnpackProgress),
) -> Result<RunningStore, RoleFailure> {
    let (mut wire, store_end) = Wire::pair().while_doing("make the store's wire")?;
    let (mapped, say_mapped) = nix::unistd::pipe2(OFlag::O_CLOEXEC).while_doing("make a pipe")?;
    let mapping = LabIdMapping::choose();
    let me = nix::unistd::getpid();
    let namespaces = [NamespaceKind::User, NamespaceKind::Mount];

    match process::fork_role(&namespaces).while_doing("make a user namespace")? {
        RoleFork::Child => be_store(store_end, mapped, mapping, image, me),
        RoleFork::Parent(store) => {
            drop((store_end, mapped));
            let maps = store::id_maps(mapping.first, mapping.count);
            let map = |pid| store::map_ids(pid, &maps);

            let ready = store
                .pid()
                .ok_or(Errno::ESRCH)
                .and_then(map)
                .while_doing("write the id maps of the user namespace")
                .and_then(|()| {
                    std::fs::File::from(say_mapped)
                        .write_all(b"!")
                        .while_doing("let the store go on")
                })
                .and_then(|()| await_image(&mut wire, &store, &mut told));

            match ready {
                Ok(image) => Ok(RunningStore {
                    wire,
                    process: store,
                    root_id: Uid::effective().is_root().then_some(mapping.first),
                    is_silent: false,
                    image,
                }),
                Err(failure) => {
                    end(&store);
                    Err(failure)
                }
            }
        }
    }
}

/// Wait until a store has laid out its image, however often it says how far it is: each word counts anew.
fn await_image(
    wire: &mut Wire,
    store: &Pidfd,
    told: &mut impl FnMut(UnpackProgress),
) -> Result<Option<UnpackedImage>, RoleFailure> {
    loop {
        await_answer(wire, store, STORE_TIMEOUT)
            .map_err(NoAnswer::errno)
            .while_doing("start the store")?;
        match wire.receive::<StoreToKeeper>() {
            Ok(received) => match received.message {
                StoreToKeeper::Ready(image) => return Ok(image),
                StoreToKeeper::Unpacking(progress) => told(progress),
                StoreToKeeper::Failed(failure) => return Err(failure),
                StoreToKeeper::Forked | StoreToKeeper::Ended(_) => {
                    return Err(RoleFailure::new("start the store", Errno::EPROTO));
                }
            },
            Err(error) => return Err(lost_store("start the store", store, &error)),
        }
    }
}

fn be_store(
    mut wire: Wire,
    mapped: OwnedFd,
    mapping: LabIdMapping,
    image: Option<&Image>,
    parent: Pid,
) -> ! {
    // The keeper's own wire, and the mounts that are descriptors of its, stay with the keeper.
    let mut kept: Vec<&dyn AsRawFd> = vec![&wire, &mapped, &log::LogDescriptor];
    kept.extend(image.iter().flat_map(|image| &image.files).map(|file| file as &dyn AsRawFd));
    confine::keep_only(&kept);
    log::set_role("store");

    let mut word = [0];
    let ready =
        std::fs::File::from(mapped).read_exact(&mut word).while_doing("wait for the keeper");
    let became = ready.and_then(|()| {
        become_root(mapping, parent).while_doing("become root of the labs' user namespace")
    });
    if let Err(failure) = became {
        let _ = wire.send(&StoreToKeeper::Failed(failure), &[]);
        process::exit_now(1)
    }

    process::set_title("unboxed: store");
    process::exit_now(store::run_store(wire, IdRange { count: mapping.count }, image))
}

/// Become root of the new user namespace, and nobody outside it.
pub(super) fn become_root(mapping: LabIdMapping, parent: Pid) -> Result<(), Errno> {
    if mapping.count > 1 {
        nix::unistd::setgroups(&[])?;
        nix::unistd::setresgid(Gid::from_raw(0), Gid::from_raw(0), Gid::from_raw(0))?;
        nix::unistd::setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0))?;
    }
    // In this order: a change of credentials takes both back.
    process::make_dumpable()?;
    process::die_with_parent(parent)?;
    confine::bound_labs()?;
    confine::bound_kernel_objects();
    // How a lab's host ends is to be heard: ignored children leave no word.
    process::restore_child_waiting()
}
