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
use crate::image::{self, Image, UnpackError, UnpackLimits};
use crate::kernel::mount::{self, MountCall};
use crate::kernel::panics;
use crate::kernel::pidfd::Pidfd;
use crate::kernel::process::{self, RoleFork};
use crate::kernel::record::Recorder;
use crate::laid_out::{UnpackProgress, UnpackedImage};
use crate::op::{IdMaps, MappedIds, MountFlag, NamespaceKind, SetgroupsRule};
use crate::rootfs;
use crate::wire::protocol::{
    FailureContext, KeeperToStore, LabOrder, PanickingRole, RoleFailure, StoreToKeeper,
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
        Ok((layout, tally)) => {
            wire.send(&StoreToKeeper::Ready(tally), &[])?;
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
    let map = |pid| map_ids(pid, &id_maps(0, ids.count));
    host.pid().ok_or(Errno::ESRCH).and_then(map)
}

/// The maps that give a user namespace so many ids from 0, those from `first` on outside. One is what can be mapped without
/// privilege, and then the kernel wants setgroups(2) denied before it takes a map of group ids: user_namespaces(7).
pub fn id_maps(first: u32, count: u32) -> IdMaps {
    let ids = vec![MappedIds { inside: 0, outside: first, count }];
    let setgroups = (count == 1).then_some(SetgroupsRule::Deny);
    IdMaps { uids: ids.clone(), gids: ids, setgroups }
}

/// Write the maps of a process's user namespace.
pub fn map_ids(pid: Pid, maps: &IdMaps) -> Result<(), Errno> {
    let mut files = maps.files().into_iter();
    files.try_for_each(|(name, text)| process::write_file(format!("/proc/{pid}/{name}"), &text))
}

/// The store's mounts with its image in place, and the tally of one that was made elsewhere.
fn lay_out_store(
    image: Option<&Image>,
    told: impl FnMut(UnpackProgress),
) -> Result<(StoreLayout, Option<UnpackedImage>), RoleFailure> {
    let (layout, tally) = match image {
        None => {
            let layout = mount_layout(FROM_THIS_MACHINE)?;
            let missing = fill_image(&layout.image())?;
            tracing::info!(?missing, "the image is laid out");
            (layout, None)
        }
        Some(image) => {
            let layout = mount_layout(&made_elsewhere())?;
            let tally = unpack_image(image, &layout.image(), told)?;
            tracing::info!(?tally, "the image is laid out");
            (layout, Some(tally))
        }
    };
    // Onto itself: to be read-only, it has to be a mount. mount_setattr(2) takes nothing less.
    bind_mount(&layout.image(), &layout.image()).while_doing("bind the image")?;
    mount::make_read_only(&layout.image()).while_doing("make the image read-only")?;
    Ok((layout, tally))
}

/// Options of the tmpfs that holds the default image.
pub(super) const FROM_THIS_MACHINE: &str = "mode=0755,size=256m,nr_inodes=100k";

/// Options of the tmpfs that holds an image made elsewhere: at most half of the memory that is available, since its files are in
/// memory, and a machine that has none left would end something else.
fn made_elsewhere() -> String {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = meminfo.lines().find_map(|line| {
        line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    });
    let most = UnpackLimits::OF_LABS.bytes >> 10;
    // Every kernel since 3.14 tells it.
    let kibibytes = available.map_or(1 << 20, |available| (available / 2).clamp(1 << 14, most));
    format!("mode=0755,size={kibibytes}k,nr_inodes=1100k")
}

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
    let broken =
        |error: UnpackError| RoleFailure::because("lay out the image", Failure::of(&error));
    let tally = image::unpack(&image.layers, &image.files, &base, UnpackLimits::OF_LABS, told)
        .map_err(broken)?;
    let added = image::add_mount_points(&base).map_err(broken)?;
    Ok(UnpackedImage { added, ..tally })
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
