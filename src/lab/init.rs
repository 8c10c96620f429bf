//! The lab's pid 1: builds the lab around itself, then is the actor `host`.

use std::io::Read;
use std::os::fd::OwnedFd;

use nix::unistd::Pid;

use super::network::{self, InternetSocket};
use super::root;
use super::store_layout::StoreLayout;
use crate::actor;
use crate::kernel::record::Recorder;
use crate::kernel::{confine, log, panics, process, seccomp};
use crate::op::{ActorName, NamespaceKind};
use crate::wire::Wire;
use crate::wire::protocol::{
    ActorToEngine, FailureContext, LabOrder, Numbered, PanickingRole, RoleFailure,
};

/// The lab's host, from its fork to its end. Never returns: this is a forked process.
pub fn run_host(
    layout: &StoreLayout,
    request: &LabOrder,
    mut wire: Wire,
    go: OwnedFd,
    parent: Pid,
) -> ! {
    // Who is root in here can take any descriptor of this process: it has none that leads out but its own wire.
    log::close();
    confine::keep_only(&[&wire, &go]);

    let set_up = panics::catch_panic(|| set_up(layout, request, go, parent));
    let status =
        match set_up.unwrap_or_else(|place| Err(RoleFailure::panicked("lab's host", &place))) {
            Ok(internet) => {
                i32::from(actor::run_actor(&ActorName::host(), wire, &[internet.fd()]).is_err())
            }
            Err(failure) => {
                let _ = wire.send(&Numbered::unsolicited(ActorToEngine::BuildFailed(failure)), &[]);
                1
            }
        };
    process::exit_now(status)
}

fn set_up(
    layout: &StoreLayout,
    request: &LabOrder,
    go: OwnedFd,
    parent: Pid,
) -> Result<InternetSocket, RoleFailure> {
    process::die_with_parent(parent).while_doing("tie the lab to its keeper")?;
    process::restore_child_waiting().while_doing("take over the store's signals")?;
    process::set_title("unboxed: host");
    confine::leave_session_keyring();

    // One byte once the id maps are written and the cgroups entered; the end of file when the keeper gave up.
    let mut word = [0];
    std::fs::File::from(go).read_exact(&mut word).while_doing("wait for the keeper")?;

    match request.panics {
        Some(PanickingRole::Host) => panic!("a test asked for it"),
        Some(PanickingRole::Actor) => panics::arm(),
        _ => {}
    }
    // Now that the groups are entered: they become the root of its view, cgroup_namespaces(7).
    process::unshare(&mut Recorder::default(), &[NamespaceKind::Cgroup])
        .while_doing("make the lab's cgroup namespace")?;
    process::set_hostname("host").while_doing("name the lab's host")?;
    let left = network::leave_for_host()?;
    root::build_root(layout, &request.cgroups, request.scratch.as_deref())?;
    confine::limit_resources().while_doing("bound the lab's processes")?;
    let internet = network::build_network(left)?;
    // Last: nothing that is set up may depend on what the lab must not do.
    seccomp::confine().while_doing("refuse the system calls that no lesson needs (seccomp)")?;
    Ok(internet)
}
