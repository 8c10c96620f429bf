//! The engine's side of the keeper: start it, ask for labs, wait for its end.

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{cgroups, sweep};
use crate::lab::protocol::{FromKeeper, LabMade, LabPlan, RoleFailure, ToKeeper};
use crate::lab::wire::{Wire, WireError};
use crate::op::{ActorName, Op, OpRecord};

/// How long the keeper may take for an answer: a lab on a busy machine takes some seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take to remove everything: longer than it tries.
const END_TIMEOUT: Duration = Duration::from_secs(30);
/// How often one that says nothing is told to go on, in case somebody has stopped it.
const PERIOD: Duration = Duration::from_millis(500);

/// A running keeper. Dropping it ends the lab and waits until all is removed.
#[derive(Debug)]
pub struct KeeperHandle {
    wire: Option<Wire>,
    child: Child,
}

#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    #[error("could not start the keeper process: {0}")]
    Start(std::io::Error),
    #[error("the keeper process is gone: {0}")]
    Gone(#[from] WireError),
    #[error("the keeper process does not answer (process {pid}, for {} s)", ANSWER_TIMEOUT.as_secs())]
    Silent { pid: u32 },
    #[error("could not make the lab: {0}")]
    Lab(#[from] RoleFailure),
}

impl KeeperHandle {
    /// `program` is this program's own binary: `/proc/self/exe`, or from another program (a test) its path.
    pub fn start(program: &Path) -> Result<Self, KeeperError> {
        let (wire, keeper_end) = Wire::pair().map_err(KeeperError::Start)?;
        let child = Command::new(program)
            .arg0("unboxed: keeper")
            .arg(super::ROLE)
            // Room for the longer titles of the roles that are forked from the keeper.
            .arg(" ".repeat(96))
            .stdin(Stdio::from(keeper_end.into_fd()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(KeeperError::Start)?;
        Ok(KeeperHandle { wire: Some(wire), child })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A new lab and the wire to its host. The lab before it is dropped.
    pub fn make_lab(&mut self, plan: &LabPlan) -> Result<(LabMade, Wire), KeeperError> {
        self.ask_for_lab(&ToKeeper::MakeLab(plan.clone()))
    }

    /// A new lab; those that are up stay.
    pub fn make_lab_beside(&mut self, plan: &LabPlan) -> Result<(LabMade, Wire), KeeperError> {
        self.ask_for_lab(&ToKeeper::MakeLabBeside(plan.clone()))
    }

    /// End the lab that was made last; the one before it goes on.
    pub fn drop_newest(&mut self) -> Result<(), KeeperError> {
        let wire = self.wire.as_mut().ok_or(WireError::Closed)?;
        Ok(wire.send(&ToKeeper::DropNewest, &[])?)
    }

    /// Have the keeper perform what takes the machine's root.
    pub fn perform(&mut self, actor: &ActorName, op: &Op) -> Result<OpRecord, KeeperError> {
        let wire = self.wire.as_mut().ok_or(WireError::Closed)?;
        wire.send(&ToKeeper::Device { actor: actor.clone(), op: op.clone() }, &[])?;
        await_answer(wire, self.child.id())?;
        match wire.receive::<FromKeeper>()?.message {
            FromKeeper::Performed(record) => Ok(record),
            FromKeeper::Failed(failure) => Err(failure.into()),
            FromKeeper::Made(_) => Err(KeeperError::Gone(WireError::Closed)),
        }
    }

    fn ask_for_lab(&mut self, request: &ToKeeper) -> Result<(LabMade, Wire), KeeperError> {
        let wire = self.wire.as_mut().ok_or(WireError::Closed)?;
        wire.send(request, &[])?;
        await_answer(wire, self.child.id())?;
        let received = wire.receive::<FromKeeper>()?;
        match received.message {
            FromKeeper::Made(made) => {
                let fd: OwnedFd = received.fds.into_iter().next().ok_or(WireError::Closed)?;
                Ok((made, Wire::from_fd(fd)))
            }
            FromKeeper::Failed(failure) => Err(failure.into()),
            FromKeeper::Performed(_) => Err(KeeperError::Gone(WireError::Closed)),
        }
    }

    /// End the lab and wait until the keeper has removed everything. What one left that did not come to that, goes here.
    pub fn end(&mut self) {
        if self.wire.take().is_none() {
            return;
        }
        if !self.await_end() {
            sweep::everything(&cgroups::hierarchies());
        }
    }

    /// Whether it ended in good order.
    fn await_end(&mut self) -> bool {
        let began = Instant::now();
        let mut told = None;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) if began.elapsed() < END_TIMEOUT => {}
                Ok(None) | Err(_) => {
                    // The store and its labs die with it.
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    return false;
                }
            }
            if told.is_none_or(|told: Instant| told.elapsed() >= PERIOD) {
                go_on(self.child.id());
                told = Some(Instant::now());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Until there is something to receive.
fn await_answer(wire: &Wire, pid: u32) -> Result<(), KeeperError> {
    let began = Instant::now();
    while !wire.is_ready(PERIOD) {
        if began.elapsed() >= ANSWER_TIMEOUT {
            return Err(KeeperError::Silent { pid });
        }
        go_on(pid);
    }
    Ok(())
}

/// Nothing happens to one that was not stopped. The pid is a child's that nobody has waited for.
fn go_on(pid: u32) {
    if let Ok(pid) = i32::try_from(pid) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
    }
}

impl Drop for KeeperHandle {
    fn drop(&mut self) {
        self.end();
    }
}
