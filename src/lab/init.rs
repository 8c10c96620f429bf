//! The lab's pid 1: builds the lab around itself, then is the actor `host`.

use std::io::Read;
use std::os::fd::OwnedFd;

use nix::unistd::Pid;

use super::layout::StoreLayout;
use super::network::{self, Internet};
use super::root;
use crate::actor;
use crate::kernel::record::Recorder;
use crate::kernel::{confine, log, panics, process, seccomp};
use crate::op::{ActorName, NamespaceKind};
use crate::wire::Wire;
use crate::wire::protocol::{Doing, FromActor, LabOrder, Numbered, PanickingRole, RoleFailure};

/// The lab's host, from its fork to its end. Never returns: this is a forked process.
pub fn live(
    stage: &StoreLayout,
    request: &LabOrder,
    mut wire: Wire,
    go: OwnedFd,
    parent: Pid,
) -> ! {
    // Who is root in here can take any descriptor of this process: it has none that leads out but its own wire.
    log::close();
    confine::keep_only(&[&wire, &go]);

    let set_up = panics::caught(|| set_up(stage, request, go, parent));
    let status =
        match set_up.unwrap_or_else(|place| Err(RoleFailure::panicked("lab's host", &place))) {
            Ok(internet) => {
                i32::from(actor::serve(&ActorName::host(), wire, &[internet.fd()]).is_err())
            }
            Err(failure) => {
                let _ = wire.send(&Numbered::unasked(FromActor::Stillborn(failure)), &[]);
                1
            }
        };
    process::exit_now(status)
}

fn set_up(
    stage: &StoreLayout,
    request: &LabOrder,
    go: OwnedFd,
    parent: Pid,
) -> Result<Internet, RoleFailure> {
    process::die_with_parent(parent).doing("tie the lab to its keeper")?;
    process::await_children().doing("take over the store's signals")?;
    process::set_title("unboxed: host");
    confine::leave_session_keyring();

    // One byte once the id maps are written and the cgroups entered; the end of file when the keeper gave up.
    let mut word = [0];
    std::fs::File::from(go).read_exact(&mut word).doing("wait for the keeper")?;

    match request.panics {
        Some(PanickingRole::Host) => panic!("a test asked for it"),
        Some(PanickingRole::Actor) => panics::arm(),
        _ => {}
    }
    process::unshare(&mut Recorder::default(), &[NamespaceKind::Cgroup])
        .doing("make the lab's cgroup namespace")?;
    process::set_hostname("host").doing("name the lab's host")?;
    root::build(stage, &request.cgroups, request.scratch.as_deref())?;
    confine::limit_resources().doing("bound the lab's processes")?;
    let internet = network::build()?;
    // Last: nothing that is set up may depend on what the lab must not do.
    seccomp::confine().doing("refuse the system calls that no lesson needs (seccomp)")?;
    Ok(internet)
}
