//! A lab that is up, as the keeper holds it.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::answer::empty_timeout;
use super::cgroups::Subtree;
use super::scratch_file::ScratchFile;
use crate::kernel::bpf::devices::DevicePolicy;
use crate::kernel::pidfd::Pidfd;
use crate::kernel::process;
use crate::wire::protocol::{FailureContext, RoleFailure};

/// A lab, and what is to be removed with it.
#[derive(Debug)]
pub(super) struct RunningLab {
    pub name: String,
    /// Its first process.
    pub host: Pidfd,
    pub subtree: Subtree,
    pub scratch: Option<ScratchFile>,
    /// The rights of its groups to devices, by the groups' paths, where v2's kernel does not keep them.
    pub devices: BTreeMap<String, DevicePolicy>,
    /// The engine's end of the host's wire, until it is handed over.
    pub engine_end: Option<OwnedFd>,
}

impl RunningLab {
    /// Kill the lab: the kernel kills the whole pid namespace with its first process.
    pub fn kill(&self) {
        let _ = self.host.send(Signal::SIGKILL);
    }

    /// End the lab and remove its groups.
    pub fn end(self) {
        tracing::info!(lab = self.name, "ends");
        self.kill();
        self.host.has_ended_within(empty_timeout());
        self.subtree.remove(empty_timeout());
        process::reap_all();
    }
}

/// Put a lab's first process, which waits, into the lab's groups, and make it the first that the kernel ends where
/// the machine's memory runs out.
pub(super) fn place(host: &Pidfd, store: &Pidfd, subtree: &Subtree) -> Result<(), RoleFailure> {
    let pid =
        host.pid().filter(|pid| pid.as_raw() > 1 && is_child(*pid, store)).ok_or(Errno::ESRCH);
    let pid = pid.while_doing("find the lab's first process among the store's children")?;

    subtree.attach(pid.as_raw()).while_doing("put the lab into its cgroups")?;
    // Written from here: where the machine's root wrote it, nobody in the lab can lower it.
    let _ = process::write_file(format!("/proc/{pid}/oom_score_adj"), "1000");
    // By number, which held as long as the process did.
    if host.has_ended() {
        Err(Errno::ESRCH).while_doing("put the lab into its cgroups")
    } else {
        Ok(())
    }
}

fn is_child(pid: Pid, parent: &Pidfd) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let listed = status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:"))
        .and_then(|pid| pid.trim().parse().ok());
    parent.pid().is_some_and(|parent| Some(parent.as_raw()) == listed)
}
