//! A probe of what this machine lets a lab do: a process of its own makes the parts of one, as the keeper would, and ends.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Uid;

use super::cgroups::{self, OwnerProcess, SubtreeHierarchy};
use super::exposure;
use super::running_store::become_root;
use crate::doctor::{LabIdMapping, ProbeResult, RefusedTree};
use crate::failure::with_causes;
use crate::kernel::process::{self, RoleFork};
use crate::kernel::{confine, inherited};
use crate::lab::store::{self, IdRange};
use crate::lab::trial::{self, NetworkTrial, TRIAL_TIMEOUT, TrialPart};
use crate::op::NamespaceKind;
use crate::wire::protocol::{FailureContext, RoleFailure};

/// The first argument that makes the program this role.
pub const ROLE: &str = "--probe-role";
/// The second one, where a lab's whole network is to be tried.
const WHOLE_NETWORK: &str = "whole-network";
/// The words that lines on control groups begin with: on those of a lab, and on a tree that labs do without.
const GROUPS: &str = "groups";
const REFUSED_TREE: &str = "tree\t";

/// The role's main function: it prints a line for each part, and for each failure of it.
pub fn main() -> u8 {
    confine::leave_session_keyring();
    inherited::widen_mode_mask();

    let network = match std::env::args_os().nth(2) {
        Some(word) if word == WHOLE_NETWORK => NetworkTrial::Whole,
        Some(_) | None => NetworkTrial::RuleAlone,
    };
    try_groups();
    if let Err(failure) = fork_trial(network) {
        tell(TrialPart::Namespaces, Err(with_causes(&failure)));
    }
    0
}

/// At once and whole, since several processes tell: a write to a pipe of less than PIPE_BUF bytes is not mixed with
/// others, pipe(7).
fn tell(part: TrialPart, outcome: Result<(), String>) {
    tell_line(name_of(part), outcome);
}

fn tell_line(name: &str, outcome: Result<(), String>) {
    let line = match outcome {
        Ok(()) => name.to_owned(),
        Err(why) => format!("{name} {}", why.replace('\n', " ")),
    };
    let line = line + "\n";
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

/// Try a lab's groups in every tree that they would be in.
fn try_groups() {
    let mapping = LabIdMapping::choose();
    let owner = Uid::effective().is_root().then_some(mapping.first);
    let is_same_user = cgroups::is_same_user(owner);
    let name = OwnerProcess::this_process().lab_name(0);

    let mut outcome = match is_same_user {
        true => exposure::refuse_exposed_lab().map_err(|failure| with_causes(&failure)),
        false => Ok(()),
    };
    // Root's labs have no group in a tree without controllers of v1 (systemd's own).
    let is_used = |tree: &SubtreeHierarchy| {
        is_same_user || tree.v2 || tree.controllers.iter().any(|name| !name.starts_with("name="))
    };
    for tree in cgroups::hierarchies().into_iter().filter(is_used) {
        let Err(errno) = cgroups::try_group(&tree, &name, owner) else { continue };
        match tree.failure_without(is_same_user, errno) {
            Some(failure) => outcome = outcome.and(Err(with_causes(&failure))),
            None => {
                let failure = RoleFailure::new("make a control group", errno);
                let place = tree.parent.to_string_lossy();
                tell_line(&format!("{REFUSED_TREE}{place}\t{}", with_causes(&failure)), Ok(()));
            }
        }
    }
    tell_line(GROUPS, outcome);
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
            let maps = store::id_maps(mapping.first, mapping.count);
            let map = |pid| store::map_ids(pid, &maps);
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
    const NOT_TRIED: &str = "the probe ended before it was tried";
    let (trees, told): (Vec<&str>, Vec<&str>) =
        told.lines().partition(|line| line.starts_with(REFUSED_TREE));
    let (groups, told): (Vec<&str>, Vec<&str>) =
        told.into_iter().partition(|line| line.split(' ').next() == Some(GROUPS));

    let first = told.iter().find_map(|line| line.split_once(' ')).map(|(_, why)| why);
    let outcome =
        |lines: &[&str], untold: &str| match lines.first().map(|line| line.split_once(' ')) {
            Some(Some((_, why))) => Err(why.to_owned()),
            Some(None) => Ok(()),
            None => Err(untold.to_owned()),
        };
    let of = |part| {
        let name = name_of(part);
        let is_of = |line: &&str| line.split(' ').next() == Some(name);
        let lines: Vec<&str> = told.iter().copied().filter(is_of).collect();
        outcome(&lines, first.unwrap_or(NOT_TRIED))
    };

    // Namespaces are told of last: they are all there where anything in them was tried.
    let tells_of_namespaces =
        told.iter().any(|line| line.split(' ').next() == Some(name_of(TrialPart::Namespaces)));
    let is_in_namespaces = !told.is_empty() && !tells_of_namespaces;
    ProbeResult {
        userns: if is_in_namespaces { Ok(()) } else { of(TrialPart::Namespaces) },
        mount_in_userns: of(TrialPart::Mounts),
        overlay_in_userns: of(TrialPart::Overlay),
        netns_in_userns: of(TrialPart::Network),
        groups: outcome(&groups, first.unwrap_or(NOT_TRIED)),
        refused_trees: trees.into_iter().filter_map(refused_tree).collect(),
    }
}

fn refused_tree(line: &str) -> Option<RefusedTree> {
    let (parent, why) = line.strip_prefix(REFUSED_TREE)?.split_once('\t')?;
    Some(RefusedTree { parent: parent.to_owned(), why: why.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_works_only_where_it_was_tried() {
        let check = |told: &str, expected: [Option<&str>; 4]| {
            let found = result(told);
            let found = [
                found.userns,
                found.mount_in_userns,
                found.overlay_in_userns,
                found.netns_in_userns,
            ];
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
        check("groups EAGAIN\ntree\t/c\tEPERM: x y\nmounts\noverlay\nnetwork\n", [None; 4]);
    }

    #[test]
    fn groups_are_told_of_by_themselves_and_trees_that_labs_do_without() {
        let check = |told: &str, groups: Result<(), &str>, trees: &[(&str, &str)]| {
            let found = result(told);
            assert_eq!(found.groups, groups.map_err(str::to_owned), "{told}");
            let found: Vec<(&str, &str)> = found
                .refused_trees
                .iter()
                .map(|tree| (tree.parent.as_str(), tree.why.as_str()))
                .collect();
            assert_eq!(found, trees, "{told}");
        };

        check("groups\nnamespaces ENOSYS\n", Ok(()), &[]);
        check("groups make a group: EAGAIN\nmounts\n", Err("make a group: EAGAIN"), &[]);
        check("tree\t/a b\tEPERM: x\ngroups\nnamespaces\n", Ok(()), &[("/a b", "EPERM: x")]);
        check("", Err("the probe ended before it was tried"), &[]);
    }
}
