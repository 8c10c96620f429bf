//! The **store**: a process between keeper and labs, in a user namespace of its own. It lays the image out once, in a
//! private tmpfs; every lab starts as a copy of its mount table, in which all of that is locked read-only.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::hosts::Hosts;
use super::store_layout::{StoreLayout, bind_mount};
use super::{init, root};
use crate::failure::{Failure, with_causes};
use crate::image::{self, Image};
use crate::kernel::mount::{self, MountCall};
use crate::kernel::panics;
use crate::kernel::pidfd::Pidfd;
use crate::kernel::process::{self, RoleFork};
use crate::kernel::record::Recorder;
use crate::laid_out::{UnpackProgress, UnpackedImage};
use crate::op::{MountFlag, NamespaceKind};
use crate::rootfs;
use crate::wire::protocol::{
    FailureContext, KeeperToStore, LabOrder, LaidOutImage, PanickingRole, RoleFailure,
    StoreToKeeper,
};
use crate::wire::{Wire, WireError, death_timeout};

/// The id mapping of a lab: how many ids, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRange {
    pub count: u32,
}

/// The namespaces that a lab's host is cloned into. That of its cgroups comes later, once the keeper has put the process
/// into its groups: it starts where one is.
pub(super) const LAB_NAMESPACES: [NamespaceKind; 6] = [
    NamespaceKind::User,
    NamespaceKind::Mount,
    NamespaceKind::Pid,
    NamespaceKind::Net,
    NamespaceKind::Uts,
    NamespaceKind::Ipc,
];

/// The store's main function, until its wire is closed. `wire` leads to the keeper, who wrote the id
/// maps and said so before. Returns the exit status.
///
/// Without an image that was made elsewhere it lays out the default one.
pub fn run_store(mut wire: Wire, ids: IdRange, image: Option<&Image>) -> i32 {
    match panics::catch_panic(|| serve_until_closed(&mut wire, ids, image)) {
        Ok(served) => i32::from(served.is_err()),
        Err(place) => {
            let _ = wire.send(&StoreToKeeper::Failed(RoleFailure::panicked("store", &place)), &[]);
            1
        }
    }
}

fn serve_until_closed(
    wire: &mut Wire,
    ids: IdRange,
    image: Option<&Image>,
) -> Result<(), WireError> {
    let laid_out = lay_out_store(image, |progress| {
        // Whoever does not hear it is gone, which the next word shows.
        let _ = wire.send(&StoreToKeeper::Unpacking(progress), &[]);
    });
    match laid_out {
        Ok((layout, image)) => {
            tracing::info!(?image, "the image is laid out");
            wire.send(&StoreToKeeper::Ready(image), &[])?;
            serve_labs(wire, &layout, ids)
        }
        Err(failure) => wire.send(&StoreToKeeper::Failed(failure), &[]),
    }
}

fn serve_labs(wire: &mut Wire, layout: &StoreLayout, ids: IdRange) -> Result<(), WireError> {
    let mut hosts = Hosts::default();
    loop {
        hosts.await_word(wire);
        let received = match wire.receive::<KeeperToStore>() {
            Ok(received) => received,
            Err(WireError::Closed) => return Ok(()),
            Err(error) => return Err(error),
        };
        let order = match received.message {
            KeeperToStore::Fork(order) => order,
            KeeperToStore::HowItEnded { lab } => {
                wire.send(&StoreToKeeper::Ended(hosts.how_it_ended(&lab)), &[])?;
                continue;
            }
        };

        if order.panics == Some(PanickingRole::Store) {
            panic!("a test asked for it");
        }
        let Ok([actor_end, go]) = <[OwnedFd; 2]>::try_from(received.fds) else {
            return Err(WireError::Garbled(
                "a lab was asked for without its two descriptors".into(),
            ));
        };

        match fork_with_scratch(layout, ids, &order, actor_end, go) {
            Ok(host) => {
                tracing::debug!(lab = order.name, "a lab's host is forked");
                wire.send(&StoreToKeeper::Forked, &[host.as_raw_fd()])?;
                hosts.add(&order.name, host);
            }
            Err(failure) => {
                tracing::error!(failure = with_causes(&failure), "no host of a lab is forked");
                wire.send(&StoreToKeeper::Failed(failure), &[])?;
            }
        }
    }
}

/// Fork a lab's host, with the scratch file bound here: what is set for this mount, the lab's root can't take back in
/// the copy that the lab gets.
fn fork_with_scratch(
    layout: &StoreLayout,
    ids: IdRange,
    request: &LabOrder,
    actor_end: OwnedFd,
    go: OwnedFd,
) -> Result<Pidfd, RoleFailure> {
    let Some(file) = &request.scratch else { return fork_lab(layout, ids, request, actor_end, go) };

    let place = layout.scratch();
    bind_mount(Path::new(file), &place).while_doing("bind the scratch file in the store")?;
    let forked = mount::deny_programs_and_devices(&place)
        .while_doing("mount the scratch file without programs and devices")
        .and_then(|()| fork_lab(layout, ids, request, actor_end, go));

    let _ = mount::detach(&place);
    forked
}

/// Fork the host of a lab into namespaces of its own; returns in the store only.
fn fork_lab(
    layout: &StoreLayout,
    ids: IdRange,
    request: &LabOrder,
    actor_end: OwnedFd,
    go: OwnedFd,
) -> Result<Pidfd, RoleFailure> {
    let me = nix::unistd::getpid();
    match process::fork_role(&LAB_NAMESPACES)
        .while_doing("clone the lab's host into new namespaces")?
    {
        RoleFork::Child => init::run_host(layout, request, Wire::from_fd(actor_end), go, me),
        RoleFork::Parent(host) => {
            let mapped = map_lab(&host, ids);
            if mapped.is_err() {
                let _ = host.send(Signal::SIGKILL);
                host.has_ended_within(death_timeout());
                host.reap();
            }

            mapped.while_doing("write the id maps of the lab's user namespace")?;
            Ok(host)
        }
    }
}

/// Give a lab all ids of the store.
pub(super) fn map_lab(host: &Pidfd, ids: IdRange) -> Result<(), Errno> {
    let map = |pid| map_ids(pid, &format!("0 0 {}", ids.count), SetGroups::for_id_count(ids.count));
    host.pid().ok_or(Errno::ESRCH).and_then(map)
}

/// The right to call setgroups(2) in a user namespace. Without privilege the kernel wants it denied before it takes a
/// map of group ids: user_namespaces(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetGroups {
    Allowed,
    Denied,
}

impl SetGroups {
    /// One id is what can be mapped without privilege.
    pub fn for_id_count(count: u32) -> SetGroups {
        if count == 1 { SetGroups::Denied } else { SetGroups::Allowed }
    }
}

/// Write a process's uid_map and gid_map.
pub fn map_ids(pid: Pid, line: &str, setgroups: SetGroups) -> Result<(), Errno> {
    if setgroups == SetGroups::Denied {
        process::write_file(format!("/proc/{pid}/setgroups"), "deny")?;
    }
    process::write_file(format!("/proc/{pid}/gid_map"), line)?;
    process::write_file(format!("/proc/{pid}/uid_map"), line)
}

fn lay_out_store(
    image: Option<&Image>,
    told: impl FnMut(UnpackProgress),
) -> Result<(StoreLayout, LaidOutImage), RoleFailure> {
    let layout = mount_layout(if image.is_some() { MADE_ELSEWHERE } else { FROM_THIS_MACHINE })?;
    let laid_out = match image {
        None => LaidOutImage::Default { missing: fill_image(&layout.image())? },
        Some(image) => LaidOutImage::Unpacked(unpack_image(image, &layout.image(), told)?),
    };
    // Onto itself: to be read-only, it has to be a mount. mount_setattr(2) takes nothing less.
    bind_mount(&layout.image(), &layout.image()).while_doing("bind the image")?;
    mount::make_read_only(&layout.image()).while_doing("make the image read-only")?;
    Ok((layout, laid_out))
}

/// Options of the tmpfs that holds the default image.
pub(super) const FROM_THIS_MACHINE: &str = "mode=0755,size=256m,nr_inodes=100k";
/// Options of the tmpfs that holds an image made elsewhere. It is memory, and an image that needs more than half of the
/// machine's is refused by the kernel.
const MADE_ELSEWHERE: &str = "mode=0755,size=50%,nr_inodes=1100k";

/// Lay out an image that was made elsewhere: its layers one over the other in `base`, as the steps of lessons call the lowest
/// layer, and `tools` above it with nothing in it.
fn unpack_image(
    image: &Image,
    into: &Path,
    told: impl FnMut(UnpackProgress),
) -> Result<UnpackedImage, RoleFailure> {
    let [base, tools] = ["base", "tools"].map(|name| into.join(name));
    for dir in [&base, &tools] {
        std::fs::create_dir(dir).while_doing("make a directory for the image")?;
    }
    image::unpack(&image.layers, &image.files, &base, told)
        .map_err(|error| RoleFailure::because("lay out the image", Failure::of(&error)))
}

/// The store's own tmpfs, and in it the machine's programs and a place for the image.
pub(super) fn mount_layout(options: &str) -> Result<StoreLayout, RoleFailure> {
    let recorder = &mut Recorder::default();
    let private = [MountFlag::Recursive, MountFlag::Private];
    let call = MountCall { source: None, target: "/", fstype: None, flags: &private, data: None };
    mount::mount(recorder, call).while_doing("make the store's mounts private")?;

    let dir = mount_tmpfs_somewhere(options)?;
    let layout = StoreLayout { dir };
    for dir in [layout.host(), layout.image(), layout.lab()] {
        std::fs::create_dir(&dir).while_doing("make a directory in the store")?;
    }
    std::fs::write(layout.scratch(), "").while_doing("make a file in the store")?;
    root::bind_host(&layout.host())?;
    Ok(layout)
}

/// Cover a directory that any machine has: nothing outside this mount namespace sees it.
fn mount_tmpfs_somewhere(options: &str) -> Result<PathBuf, RoleFailure> {
    let mut last = Errno::ENOENT;
    // Not on /var/tmp, which the scratch file is bound from.
    for target in ["/tmp", "/mnt", "/srv", "/home", "/media", "/opt"] {
        let call = MountCall {
            source: Some("unboxed"),
            target,
            fstype: Some("tmpfs"),
            flags: &[MountFlag::NoSuid, MountFlag::NoDev],
            data: Some(options),
        };

        match mount::mount_unrecorded(call) {
            Ok(()) => return Ok(target.into()),
            Err(errno) => last = errno,
        }
    }

    Err(RoleFailure::new("mount a tmpfs for the image in a user namespace", last))
}

/// The default image from the machine's own programs; returns what the machine lacks.
fn fill_image(into: &Path) -> Result<Vec<String>, RoleFailure> {
    let broken = |error: rootfs::RootfsError| {
        let cause = RoleFailure::new(error.to_string(), error.errno());
        RoleFailure::because("build the image", Failure::of(&cause))
    };
    let plan = rootfs::plan_image(&rootfs::Fixture::embedded(), Path::new("/")).map_err(broken)?;
    rootfs::write_image(&plan, into).while_doing("write the image")?;
    Ok(plan.missing.into_iter().map(|missing| missing.program).collect())
}
