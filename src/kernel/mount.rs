//! mount(2), umount2(2), pivot_root(2), and the recursive attributes that only mount_setattr(2) can set.

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags};

use super::notation;
use super::record::Recorder;
use crate::op::{MountFlag, UmountFlag};

/// The arguments of mount(2).
#[derive(Debug, Clone, Copy)]
pub struct MountCall<'a> {
    pub source: Option<&'a str>,
    pub target: &'a str,
    pub fstype: Option<&'a str>,
    pub flags: &'a [MountFlag],
    pub data: Option<&'a str>,
}

pub fn mount(recorder: &mut Recorder, call: MountCall<'_>) -> Result<(), Errno> {
    let args = format!(
        "{}, {}, {}, {}, {}",
        notation::quoted_or_null(call.source),
        notation::quoted(call.target),
        notation::quoted_or_null(call.fstype),
        notation::mount_flags(call.flags),
        notation::quoted_or_null(call.data),
    );
    recorder.call("mount", args, || mount_unrecorded(call))
}

/// mount(2) without a record: for what a role sets up for itself.
pub fn mount_unrecorded(call: MountCall<'_>) -> Result<(), Errno> {
    nix::mount::mount(call.source, call.target, call.fstype, ms_flags(call.flags), call.data)
}

fn ms_flags(flags: &[MountFlag]) -> MsFlags {
    flags
        .iter()
        .map(|flag| match flag {
            MountFlag::ReadOnly => MsFlags::MS_RDONLY,
            MountFlag::NoSuid => MsFlags::MS_NOSUID,
            MountFlag::NoDev => MsFlags::MS_NODEV,
            MountFlag::NoExec => MsFlags::MS_NOEXEC,
            MountFlag::Remount => MsFlags::MS_REMOUNT,
            MountFlag::Bind => MsFlags::MS_BIND,
            MountFlag::Move => MsFlags::MS_MOVE,
            MountFlag::Recursive => MsFlags::MS_REC,
            MountFlag::Unbindable => MsFlags::MS_UNBINDABLE,
            MountFlag::Private => MsFlags::MS_PRIVATE,
            MountFlag::Slave => MsFlags::MS_SLAVE,
            MountFlag::Shared => MsFlags::MS_SHARED,
        })
        .collect()
}

pub fn umount(recorder: &mut Recorder, target: &str, flags: &[UmountFlag]) -> Result<(), Errno> {
    let args = format!("{}, {}", notation::quoted(target), notation::umount_flags(flags));
    let bits = flags
        .iter()
        .map(|flag| match flag {
            UmountFlag::Force => MntFlags::MNT_FORCE,
            UmountFlag::Detach => MntFlags::MNT_DETACH,
            UmountFlag::NoFollow => MntFlags::UMOUNT_NOFOLLOW,
        })
        .collect();
    recorder.call("umount2", args, || nix::mount::umount2(target, bits))
}

pub fn pivot_root(recorder: &mut Recorder, new_root: &str, put_old: &str) -> Result<(), Errno> {
    let args = format!("{}, {}", notation::quoted(new_root), notation::quoted(put_old));
    recorder.call("pivot_root", args, || nix::unistd::pivot_root(new_root, put_old))
}

/// Make `root` the root of this mount namespace and let go of the old one, without a directory to park it in
/// (pivot_root(2), "pivot_root(".", ".")").
pub fn replace_root(root: &Path) -> Result<(), Errno> {
    nix::unistd::chdir(root)?;
    nix::unistd::pivot_root(".", ".")?;
    // The old root now lies on the new one, and `.` means the one on top.
    nix::mount::umount2(".", MntFlags::MNT_DETACH)?;
    nix::unistd::chdir("/")
}

// linux/mount.h.
const MOUNT_ATTR_RDONLY: u64 = 0x1;
const MOUNT_ATTR_NOSUID: u64 = 0x2;
const MOUNT_ATTR_NODEV: u64 = 0x4;
const MOUNT_ATTR_NOEXEC: u64 = 0x8;

/// Make a mount and all below it read-only, without set-uid programs and device files.
pub fn make_read_only(path: &Path) -> Result<(), Errno> {
    restrict(path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
}

/// Make a mount and all below it good for data alone: nothing there is a program or a device.
pub fn deny_programs_and_devices(path: &Path) -> Result<(), Errno> {
    restrict(path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
}

/// mount_setattr(2), Linux 5.12.
fn restrict(path: &Path, attr_set: u64) -> Result<(), Errno> {
    let path = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| Errno::EINVAL)?;

    /// struct mount_attr of linux/mount.h, version 0.
    #[repr(C)]
    struct MountAttr {
        attr_set: u64,
        attr_clr: u64,
        propagation: u64,
        userns_fd: u64,
    }

    let attributes = MountAttr { attr_set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: path is a NUL-terminated string and attributes a mount_attr, both alive for the
    // call; the size is its own.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<MountAttr>(),
        )
    };
    Errno::result(result).map(drop)
}

/// Take a mount of the own mount namespace out of sight; copies in other namespaces stay.
pub fn detach(path: &Path) -> Result<(), Errno> {
    nix::mount::umount2(path, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW)
}

/// Mount a v1 cgroup hierarchy in no mount table: it hangs on this descriptor alone (fsmount(2)), and goes with it.
pub fn open_hierarchy(controllers: &[String]) -> Result<OwnedFd, Errno> {
    // linux/mount.h.
    const CLOEXEC: libc::c_uint = 1;
    const SET_FLAG: libc::c_uint = 0;
    const SET_STRING: libc::c_uint = 1;
    const CMD_CREATE: libc::c_uint = 6;
    const NOSUID_NODEV_NOEXEC: libc::c_uint = 0x2 | 0x4 | 0x8;

    let fstype = c"cgroup";
    // SAFETY: the name is a NUL-terminated string.
    let context = own(unsafe { libc::syscall(libc::SYS_fsopen, fstype.as_ptr(), CLOEXEC) })?;

    let configure = |command: libc::c_uint, key: Option<&str>, value: Option<&str>| {
        let text =
            |text: Option<&str>| text.map(CString::new).transpose().map_err(|_| Errno::EINVAL);
        let (key, value) = (text(key)?, text(value)?);
        let pointer =
            |text: &Option<CString>| text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr());
        // SAFETY: key and value are NULL or NUL-terminated strings, as each command wants them, alive for the call.
        let result = unsafe {
            libc::syscall(
                libc::SYS_fsconfig,
                context.as_raw_fd(),
                command,
                pointer(&key),
                pointer(&value),
                0,
            )
        };
        Errno::result(result).map(drop)
    };

    for option in controllers {
        match option.strip_prefix("name=") {
            Some(name) => configure(SET_STRING, Some("name"), Some(name))?,
            None => configure(SET_FLAG, Some(option), None)?,
        }
    }
    configure(CMD_CREATE, None, None)?;
    // SAFETY: the descriptor is open; the call takes nothing but numbers.
    own(unsafe {
        libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), CLOEXEC, NOSUID_NODEV_NOEXEC)
    })
}

/// The descriptor that a system call returned.
fn own(result: libc::c_long) -> Result<OwnedFd, Errno> {
    let number = Errno::result(result)? as RawFd;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
