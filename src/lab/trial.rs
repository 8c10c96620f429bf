//! A trial of what a lab is made of, in namespaces of its own and without an image: each part is tried by the code that
//! makes it for a lab.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use nix::unistd::Pid;

use super::store::{self, IdRange};
use super::store_layout::StoreLayout;
use super::{network, root};
use crate::failure::{Failure, with_causes};
use crate::kernel::mount::{self, MountCall};
use crate::kernel::process::{self, RoleFork};
use crate::kernel::record::Recorder;
use crate::kernel::{confine, nft, seccomp};
use crate::op::NamespaceKind;
use crate::traffic::{BRIDGE, BRIDGE_NETWORK, BRIDGE_PREFIX};
use crate::wire::protocol::{FailureContext, RoleFailure};

/// A part of a lab that a machine may refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialPart {
    Namespaces,
    Mounts,
    Overlay,
    Network,
}

/// The part of a lab's network that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkTrial {
    /// All of it: the cable, the bridge, NAT.
    Whole,
    /// The rule for NAT, which machines lack most. The kernel takes some 25 ms to take links down again, in which no other
    /// network is made: that of the lab which comes next would wait for it.
    RuleAlone,
}

/// The longest that a trial may take, on however busy a machine; it ends by itself.
pub const TRIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// The place where the outcome of each part is told.
pub type Tell<'a> = &'a mut dyn FnMut(TrialPart, Result<(), String>);

/// Try to make a lab, from within the user namespace of a store. Returns when the trial's lab has ended.
pub fn try_lab(ids: IdRange, network: NetworkTrial, tell: Tell<'_>) {
    let layout = match prepare() {
        Ok(layout) => layout,
        Err(failure) => return tell(TrialPart::Mounts, Err(with_causes(&failure))),
    };
    if let Err(failure) = fork_trial_lab(&layout, ids, network, tell) {
        tell(TrialPart::Namespaces, Err(with_causes(&failure)));
    }
}

/// The mounts of a store, with an empty image.
fn prepare() -> Result<StoreLayout, RoleFailure> {
    let layout = store::mount_layout(store::FROM_THIS_MACHINE)?;
    std::fs::create_dir(layout.image().join("lower")).while_doing("make a directory")?;
    Ok(layout)
}

fn fork_trial_lab(
    layout: &StoreLayout,
    ids: IdRange,
    network: NetworkTrial,
    tell: Tell<'_>,
) -> Result<(), RoleFailure> {
    let (go, say_go) = nix::unistd::pipe().while_doing("make a pipe")?;
    let me = nix::unistd::getpid();
    let forked = process::fork_role(&store::LAB_NAMESPACES)
        .while_doing("clone the lab's host into new namespaces")?;
    match forked {
        RoleFork::Child => {
            drop(say_go);
            be_trial_lab(layout, network, go, me, tell);
            process::exit_now(0)
        }
        RoleFork::Parent(host) => {
            let mapped = store::map_lab(&host, ids)
                .while_doing("write the id maps of the lab's user namespace");
            // By the end of this pipe it goes on, mapped or not.
            drop(say_go);
            host.has_ended_within(TRIAL_TIMEOUT);
            host.reap();
            mapped
        }
    }
}

fn be_trial_lab(
    layout: &StoreLayout,
    network: NetworkTrial,
    go: OwnedFd,
    parent: Pid,
    tell: Tell<'_>,
) {
    let began = process::die_with_parent(parent)
        .while_doing("tie the lab to its keeper")
        .and_then(|()| {
            let mut nothing = Vec::new();
            let read = std::fs::File::from(go).read_to_end(&mut nothing);
            read.map(drop).while_doing("wait for the store")
        })
        .and_then(|()| {
            process::unshare(&mut Recorder::default(), &[NamespaceKind::Cgroup])
                .while_doing("make the lab's cgroup namespace")
        })
        .and_then(|()| process::set_hostname("trial").while_doing("name the lab's host"));
    if let Err(failure) = began {
        return tell(TrialPart::Namespaces, Err(with_causes(&failure)));
    }

    let network = match network {
        NetworkTrial::Whole => network::leave_for_host().and_then(network::build_network).map(drop),
        NetworkTrial::RuleAlone => nft::masquerade(BRIDGE_NETWORK, BRIDGE_PREFIX, BRIDGE)
            .while_doing("add the lab's NAT rule (nf_tables)"),
    };
    let mounted = root::build_root(layout, &[], None);
    let overlaid = match &mounted {
        Ok(()) => mount_overlay(),
        Err(failure) => Err(RoleFailure::because("no mounts, no overlay", Failure::of(failure))),
    };
    // Last, as in a lab: nothing else is tried behind the filter.
    let confined = confine::limit_resources()
        .while_doing("bound the lab's processes")
        .and_then(|()| seccomp::confine().while_doing("set a filter on system calls (seccomp)"));

    for (part, outcome) in [
        (TrialPart::Network, network),
        (TrialPart::Mounts, mounted),
        (TrialPart::Overlay, overlaid),
        (TrialPart::Namespaces, confined),
    ] {
        tell(part, outcome.map_err(|failure| with_causes(&failure)));
    }
}

fn mount_overlay() -> Result<(), RoleFailure> {
    for name in ["upper", "work", "merged"] {
        std::fs::create_dir(Path::new("/root").join(name)).while_doing("make a directory")?;
    }
    let layers = "lowerdir=/image/lower,upperdir=/root/upper,workdir=/root/work,userxattr";
    let call = MountCall {
        source: Some("overlay"),
        target: "/root/merged",
        fstype: Some("overlay"),
        flags: &[],
        data: Some(layers),
    };
    mount::mount_unrecorded(call).while_doing("mount an overlay")
}
