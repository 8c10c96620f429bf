//! A probe of what this machine lets a lab do: a process of its own makes the parts of one, as the keeper would, and ends.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::sys::signal::Signal;

use super::running_store::become_root;
use crate::doctor::{LabIdMapping, ProbeResult};
use crate::failure::with_causes;
use crate::kernel::process::{self, RoleFork};
use crate::kernel::{confine, inherited};
use crate::lab::store::{self, IdRange, SetGroups};
use crate::lab::trial::{self, NetworkTrial, TRIAL_TIMEOUT, TrialPart};
use crate::op::NamespaceKind;
use crate::wire::protocol::{FailureContext, RoleFailure};

/// The first argument that makes the program this role.
pub const ROLE: &str = "--probe-role";
/// The second one, where a lab's whole network is to be tried.
const WHOLE_NETWORK: &str = "whole-network";

/// The role's main function: it prints a line for each part, and for each failure of it.
pub fn main() -> u8 {
    confine::leave_session_keyring();
    inherited::widen_mode_mask();

    let network = match std::env::args_os().nth(2) {
        Some(word) if word == WHOLE_NETWORK => NetworkTrial::Whole,
        Some(_) | None => NetworkTrial::RuleAlone,
    };
    if let Err(failure) = fork_trial(network) {
        tell(TrialPart::Namespaces, Err(with_causes(&failure)));
    }
    0
}

/// At once and whole, since several processes tell: a write to a pipe of less than PIPE_BUF bytes is not mixed with
/// others, pipe(7).
fn tell(part: TrialPart, outcome: Result<(), String>) {
    let name = name_of(part);
    let line = match outcome {
        Ok(()) => format!("{name}\n"),
        Err(why) => format!("{name} {}\n", why.replace('\n', " ")),
    };
    let _ = std::io::stdout().write_all(line.as_bytes());
    let _ = std::io::stdout().flush();
}

/// The word that a line on a part begins with.
fn name_of(part: TrialPart) -> &'static str {
    match part {
        TrialPart::Namespaces => "namespaces",
        TrialPart::Mounts => "mounts",
        TrialPart::Overlay => "overlay",
        TrialPart::Network => "network",
    }
}

fn fork_trial(network: NetworkTrial) -> Result<(), RoleFailure> {
    let (mapped, say_mapped) = nix::unistd::pipe().while_doing("make a pipe")?;
    let mapping = LabIdMapping::choose();
    let me = nix::unistd::getpid();

    let forked = process::fork_role(&[NamespaceKind::User, NamespaceKind::Mount])
        .while_doing("make a user namespace")?;
    match forked {
        RoleFork::Child => {
            drop(say_mapped);
            let became = wait_for(mapped).and_then(|()| {
                become_root(mapping, me).while_doing("become root of the labs' user namespace")
            });
            match became {
                Ok(()) => trial::try_lab(IdRange { count: mapping.count }, network, &mut tell),
                Err(failure) => tell(TrialPart::Namespaces, Err(with_causes(&failure))),
            }
            process::exit_now(0)
        }
        RoleFork::Parent(store) => {
            let line = format!("0 {} {}", mapping.first, mapping.count);
            let map = |pid| store::map_ids(pid, &line, SetGroups::for_id_count(mapping.count));
            let wrote = store
                .pid()
                .ok_or(Errno::ESRCH)
                .and_then(map)
                .while_doing("write the id maps of the user namespace");
            if wrote.is_ok() {
                let _ = std::fs::File::from(say_mapped).write_all(b"!");
            }
            if !store.has_ended_within(2 * TRIAL_TIMEOUT) {
                let _ = store.send(Signal::SIGKILL);
                store.has_ended_within(TRIAL_TIMEOUT);
            }
            // Where process 1 reaps nobody, as in many containers, it would be there for ever.
            store.reap();
            wrote
        }
    }
}

fn wait_for(mapped: OwnedFd) -> Result<(), RoleFailure> {
    let mut word = [0];
    std::fs::File::from(mapped).read_exact(&mut word).while_doing("wait for the keeper")
}

/// A probe that runs.
#[derive(Debug)]
pub struct RunningProbe(std::io::Result<Child>);

impl RunningProbe {
    /// Run the role in a new process of `program`.
    pub fn start(program: &Path, network: NetworkTrial) -> RunningProbe {
        let mut command = Command::new(program);
        command.arg(ROLE);
        if network == NetworkTrial::Whole {
            command.arg(WHOLE_NETWORK);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        RunningProbe(command.spawn())
    }

    /// Its result, waited for.
    pub fn finish(self) -> ProbeResult {
        match self.0.and_then(Child::wait_with_output) {
            Ok(output) => result(&String::from_utf8_lossy(&output.stdout)),
            Err(error) => result(&format!("namespaces start the probe: {error}\n")),
        }
    }
}

/// Run the role in a new process of `program`, with a whole network, and read what it found.
pub fn probe_machine(program: &Path) -> ProbeResult {
    RunningProbe::start(program, NetworkTrial::Whole).finish()
}

/// The meaning of the lines that a probe printed. A part works only where it was told to: what was not come to, for what
/// failed before it, has that failure.
fn result(told: &str) -> ProbeResult {
    let first = told.lines().find_map(|line| line.split_once(' ')).map(|(_, why)| why);
    let lines_of = |part| {
        let name = name_of(part);
        told.lines().filter(move |line| line.split(' ').next() == Some(name))
    };
    let of = |part| match lines_of(part).find_map(|line| line.split_once(' ')) {
        Some((_, why)) => Err(why.to_owned()),
        None if lines_of(part).next().is_none() => {
            Err(first.unwrap_or("the probe ended before it was tried").to_owned())
        }
        None => Ok(()),
    };

    // Namespaces are told of last: they are all there where anything in them was tried.
    let is_in_namespaces = !told.is_empty() && lines_of(TrialPart::Namespaces).next().is_none();
    ProbeResult {
        userns: if is_in_namespaces { Ok(()) } else { of(TrialPart::Namespaces) },
        mount_in_userns: of(TrialPart::Mounts),
        overlay_in_userns: of(TrialPart::Overlay),
        netns_in_userns: of(TrialPart::Network),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_works_only_where_it_was_tried() {
        let check = |told: &str, expected: [Option<&str>; 4]| {
            let ProbeResult { userns, mount_in_userns, overlay_in_userns, netns_in_userns } =
                result(told);
            let found = [userns, mount_in_userns, overlay_in_userns, netns_in_userns];
            assert_eq!(
                found.map(Result::err),
                expected.map(|why| why.map(str::to_owned)),
                "{told}"
            );
        };

        check("network\nmounts\noverlay\nnamespaces\n", [None; 4]);
        check(
            "network\nmounts EPERM\noverlay no\nnamespaces\n",
            [None, Some("EPERM"), Some("no"), None],
        );
        check("namespaces ENOSYS\n", [Some("ENOSYS"); 4]);
        check("mounts EPERM\n", [None, Some("EPERM"), Some("EPERM"), Some("EPERM")]);
        check("", [Some("the probe ended before it was tried"); 4]);
    }
}
