//! The engine's side of the keeper: start it, ask for labs, wait for its end.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::answer::{NoAnswer, await_answer};
use super::{cgroups, sweep};
use crate::failure::Failure;
use crate::image::Image;
use crate::kernel::inherited::{self, LowLimit};
use crate::kernel::log;
use crate::kernel::pidfd::Pidfd;
use crate::kernel::sealed;
use crate::laid_out::UnpackProgress;
use crate::op::{ActorName, Op, OpRecord};
use crate::wire::protocol::{EngineToKeeper, KeeperToEngine, LabPlan, MadeLab, RoleFailure};
use crate::wire::{Received, Wire, WireError, death_timeout};

/// The longest that the keeper may take to answer: longer than it waits for its store itself.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);
/// The longest that it may take to remove everything.
const END_TIMEOUT: Duration = Duration::from_secs(20);

/// A running keeper. Dropping it ends the lab and waits until all is removed.
#[derive(Debug)]
pub struct KeeperHandle {
    wire: Option<Wire>,
    child: Child,
    process: Pidfd,
    /// The listener to how far the image is laid out.
    unpacking: UnpackingListener,
}

/// Somebody who hears how far an image is laid out.
#[derive(Default)]
pub struct UnpackingListener(Option<Box<dyn FnMut(UnpackProgress) + Send>>);

impl UnpackingListener {
    pub fn new(listener: impl FnMut(UnpackProgress) + Send + 'static) -> UnpackingListener {
        UnpackingListener(Some(Box::new(listener)))
    }
}

impl std::fmt::Debug for UnpackingListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnpackingListener")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    #[error("could not start the keeper process")]
    Start(#[source] std::io::Error),
    #[error("there can be no lab")]
    Limits(#[from] LowLimit),
    #[error("the keeper process is gone")]
    Gone(#[from] WireError),
    #[error("the keeper process {pid} is gone: {how}")]
    Ended { pid: u32, how: String },
    #[error(
        "the keeper process {0} is stopped, by a signal or a debugger; a new lab gets another keeper"
    )]
    Stopped(u32),
    #[error("the keeper process {0} has not answered for {seconds} seconds", seconds = ANSWER_TIMEOUT.as_secs())]
    Silent(u32),
    #[error("could not make the lab")]
    Lab(#[from] RoleFailure),
}

impl KeeperHandle {
    /// Start a keeper. `program` is this program's own binary: `/proc/self/exe`, or from another
    /// program (a test) its path.
    pub fn start(program: &Path) -> Result<Self, KeeperError> {
        inherited::refuse_low_limits()?;
        let (wire, keeper_end) = Wire::pair().map_err(KeeperError::Start)?;
        let keeper_end = keeper_end.into_fd();

        // A machine that executes nothing from memory (vm.memfd_noexec) runs the file itself.
        let sealed = sealed::sealed_copy(program).ok();
        let copy =
            sealed.iter().map(|fd| PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd())));

        let mut started = Err(std::io::ErrorKind::NotFound.into());
        for path in copy.chain([program.to_path_buf()]) {
            started = keeper_end.try_clone().and_then(|stdin| command(&path).stdin(stdin).spawn());
            if started.is_ok() {
                break;
            }
        }
        let child = started.map_err(KeeperError::Start)?;

        // Nobody else waits for it: its number stays its own until this does.
        let process = i32::try_from(child.id())
            .map_err(|_| Errno::ESRCH)
            .map(Pid::from_raw)
            .and_then(Pidfd::open);
        let process = process.map_err(|errno| KeeperError::Start(errno.into()))?;
        Ok(KeeperHandle {
            wire: Some(wire),
            child,
            process,
            unpacking: UnpackingListener::default(),
        })
    }

    /// Have all labs made from this image, in the place of the default one.
    pub fn use_image(
        &mut self,
        image: &Image,
        unpacking: UnpackingListener,
    ) -> Result<(), KeeperError> {
        self.unpacking = unpacking;
        let wire = self.wire.as_mut().ok_or(WireError::Closed)?;
        let files: Vec<_> = image.files.iter().map(AsRawFd::as_raw_fd).collect();
        Ok(wire.send(&EngineToKeeper::UseImage(image.layers.clone()), &files)?)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A new lab and the wire to its host. The lab before it is dropped.
    pub fn make_lab(&mut self, plan: &LabPlan) -> Result<(MadeLab, Wire), KeeperError> {
        self.ask_for_lab(&EngineToKeeper::MakeLab(plan.clone()))
    }

    /// A new lab; those that are up stay.
    pub fn make_lab_beside(&mut self, plan: &LabPlan) -> Result<(MadeLab, Wire), KeeperError> {
        self.ask_for_lab(&EngineToKeeper::MakeLabBeside(plan.clone()))
    }

    /// End the lab that was made last; the one before it goes on.
    pub fn drop_newest(&mut self) -> Result<(), KeeperError> {
        let wire = self.wire.as_mut().ok_or(WireError::Closed)?;
        Ok(wire.send(&EngineToKeeper::DropNewest, &[])?)
    }

    /// Have the keeper perform what takes the machine's root.
    pub fn perform(&mut self, actor: &ActorName, op: &Op) -> Result<OpRecord, KeeperError> {
        match self.ask(&EngineToKeeper::Device { actor: actor.clone(), op: op.clone() })?.message {
            KeeperToEngine::Performed(record) => Ok(record),
            KeeperToEngine::Failed(failure) => Err(failure.into()),
            KeeperToEngine::Made(_)
            | KeeperToEngine::TracerMade
            | KeeperToEngine::LabEnded(_)
            | KeeperToEngine::Unpacking(_) => Err(KeeperError::Gone(WireError::Closed)),
        }
    }

    /// A tracer for shells; the wire to it, and its process.
    pub fn make_tracer(&mut self) -> Result<(Wire, Pidfd), KeeperError> {
        let received = self.ask(&EngineToKeeper::MakeTracer)?;
        match received.message {
            KeeperToEngine::TracerMade => {
                let fds = <[OwnedFd; 2]>::try_from(received.fds);
                let [wire, process] = fds.map_err(|_| WireError::Closed)?;
                let process = Pidfd::from_fd(process).map_err(WireError::from)?;
                Ok((Wire::from_fd(wire), process))
            }
            KeeperToEngine::Failed(failure) => Err(failure.into()),
            KeeperToEngine::Made(_)
            | KeeperToEngine::Performed(_)
            | KeeperToEngine::LabEnded(_)
            | KeeperToEngine::Unpacking(_) => Err(KeeperError::Gone(WireError::Closed)),
        }
    }

    fn ask_for_lab(&mut self, request: &EngineToKeeper) -> Result<(MadeLab, Wire), KeeperError> {
        let received = self.ask(request)?;
        match received.message {
            KeeperToEngine::Made(made) => {
                let fd: OwnedFd = received.fds.into_iter().next().ok_or(WireError::Closed)?;
                Ok((made, Wire::from_fd(fd)))
            }
            KeeperToEngine::Failed(failure) => Err(failure.into()),
            KeeperToEngine::Performed(_)
            | KeeperToEngine::TracerMade
            | KeeperToEngine::LabEnded(_)
            | KeeperToEngine::Unpacking(_) => Err(KeeperError::Gone(WireError::Closed)),
        }
    }

    fn ask(&mut self, request: &EngineToKeeper) -> Result<Received<KeeperToEngine>, KeeperError> {
        self.ask_once(request).map_err(|error| {
            if let KeeperError::Gone(gone) = error { self.ended(gone) } else { error }
        })
    }

    /// The error for a keeper whose wire failed: the way it ended, where that can be told.
    fn ended(&mut self, gone: WireError) -> KeeperError {
        self.wire = None;
        match self.process.end_within(death_timeout()) {
            Some(how) => KeeperError::Ended { pid: self.child.id(), how },
            None => KeeperError::Gone(gone),
        }
    }

    /// The reason of its end: what it said last without being asked, or how it died. None while it is alive.
    pub fn end_reason(&mut self) -> Option<Failure> {
        if let Some(wire) = self.wire.as_mut().filter(|wire| wire.is_readable())
            && let Ok(Received { message: KeeperToEngine::Failed(failure), .. }) = wire.receive()
        {
            return Some(Failure::of(&failure));
        }
        let how = self.process.end_within(Duration::ZERO)?;
        Some(Failure::of(&KeeperError::Ended { pid: self.child.id(), how }))
    }

    /// The reason of a lab's end, as far as anybody outside it knows: the keeper's own end, or what the store heard.
    pub fn why_lab_ended(&mut self, id: &str) -> Option<Failure> {
        if let Some(why) = self.end_reason() {
            return Some(why);
        }
        match self.ask(&EngineToKeeper::HowLabEnded { id: id.to_owned() }).ok()?.message {
            KeeperToEngine::LabEnded(why) => why,
            KeeperToEngine::Made(_)
            | KeeperToEngine::Performed(_)
            | KeeperToEngine::TracerMade
            | KeeperToEngine::Failed(_)
            | KeeperToEngine::Unpacking(_) => None,
        }
    }

    fn ask_once(
        &mut self,
        request: &EngineToKeeper,
    ) -> Result<Received<KeeperToEngine>, KeeperError> {
        let pid = self.child.id();
        let wire = self.wire.as_mut().ok_or(WireError::Closed)?;
        wire.send(request, &[])?;

        loop {
            if let Err(silence) = await_answer(wire, &self.process, ANSWER_TIMEOUT) {
                // A late answer would be taken for that to the next request.
                self.wire = None;
                return Err(match silence {
                    NoAnswer::Stopped => KeeperError::Stopped(pid),
                    NoAnswer::TimedOut => KeeperError::Silent(pid),
                    NoAnswer::Broken(errno) => KeeperError::Gone(errno.into()),
                });
            }

            let received: Received<KeeperToEngine> = wire.receive()?;
            let KeeperToEngine::Unpacking(progress) = received.message else { return Ok(received) };
            if let Some(listener) = &mut self.unpacking.0 {
                listener(progress);
            }
        }
    }

    /// True once nothing can be asked of it any more: what is wanted takes another keeper.
    pub fn is_lost(&self) -> bool {
        self.wire.is_none() || self.process.has_ended()
    }

    /// End the lab and wait until the keeper has removed everything. One that does not get there is killed, and what
    /// it made is swept in its place.
    pub fn end_and_wait(&mut self) {
        self.wire = None;
        // It may have been stopped, and could not see that.
        let _ = self.process.send(Signal::SIGCONT);
        if !self.process.has_ended_within(END_TIMEOUT) {
            let _ = self.process.send(Signal::SIGKILL);
        }
        if !self.child.wait().is_ok_and(|status| status.success()) {
            sweep::sweep_all(&cgroups::hierarchies());
        }
    }
}

/// The keeper's command but for its standard input, which is its wire.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg0("unboxed: keeper")
        .arg(super::ROLE)
        // Room for the longer titles of the roles that are forked from the keeper.
        .arg(" ".repeat(96))
        // A lab's root can read the environment of the lab's first process, which is the one that the
        // keeper began with: tokens and addresses of whoever started the program are not for lessons, nor
        // for the tapes made of them.
        .env_clear()
        .stdout(Stdio::null())
        .stderr(Stdio::null());

    if let Some((argument, file)) = log::for_role() {
        command.arg(argument).stderr(file);
    }
    command
}

impl Drop for KeeperHandle {
    fn drop(&mut self) {
        self.end_and_wait();
    }
}
