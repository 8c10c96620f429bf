//! The start of an actor in namespaces that are there already: a process that enters them, and is the actor, or, where
//! its PID is to be another namespace's, forks it, as nsenter(1) does.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::Answer;
use super::spawn::{begin_actor, fork_reporting, report_to_parent, tell_of_actor, wait_for_actor};
use crate::kernel::process::{self, Fork};
use crate::kernel::record::Recorder;
use crate::kernel::{confine, enter};
use crate::op::{ActorName, EnterTarget, NamespaceKind, Op};
use crate::wire::{Wire, WireError};

/// The namespaces and groups that a new actor is to be in.
struct Place<'a> {
    target: &'a EnterTarget,
    kinds: &'a [NamespaceKind],
    groups: &'a [String],
}

/// Perform an `Enter` and report, with the engine's end of the new actor's wire.
pub fn enter_as_actor(parent: &ActorName, wire: &mut Answer<'_>, op: &Op) -> Result<(), WireError> {
    tell_of_actor(parent, wire, op, |recorder, actor_end| {
        let Op::Enter { actor, target, kinds, groups } = op else { return Err(Errno::EINVAL) };
        let place = Place { target, kinds, groups };
        let me = nix::unistd::getpid();
        fork_reporting(recorder, |reporter| enter_and_begin(actor, &place, actor_end, reporter, me))
    })
}

fn enter_and_begin(
    actor: &ActorName,
    place: &Place<'_>,
    actor_end: Wire,
    reporter: OwnedFd,
    parent: Pid,
) -> ! {
    confine::keep_only(&[&actor_end, &reporter]);
    let _ = process::die_with_parent(parent);
    process::reset_signals();

    let is_forking = place.kinds.contains(&NamespaceKind::Pid);
    if is_forking {
        // Before it enters: the /proc of another mount namespace may not have this process, and a title is set by way of it.
        let options = NamespaceKind::unshare_options(place.kinds);
        process::set_title(&format!("nsenter {options}"));
    }

    let mut recorder = Recorder::default();
    let me = nix::unistd::getpid();
    let entered = enter::enter(&mut recorder, place.target, place.kinds, place.groups);

    // A process keeps the PID that it has: only a child gets one of another namespace.
    if !is_forking {
        report_to_parent(reporter, recorder, entered.err());
        match entered {
            Ok(()) => begin_actor(actor, actor_end, parent),
            Err(_) => process::exit_now(1),
        }
    }

    let forked = entered.and_then(|()| match process::fork(&mut recorder, &[])? {
        Fork::Child => begin_actor(actor, actor_end, me),
        Fork::Parent(child) => Ok(child),
    });
    report_to_parent(reporter, recorder, forked.err());
    let Ok(child) = forked else { process::exit_now(1) };

    wait_for_actor("nsenter", child)
}
