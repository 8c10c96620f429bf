//! The limits that a role sets itself for good: fewer descriptors, no keys, bounds on what it may take of the
//! machine. All of them hold for what the role starts, too.

use std::os::fd::{AsRawFd, RawFd};

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::process;

/// Descriptors beyond the standard streams that whoever started this program left open: they end with the next
/// execve(2), and so reach no role and no program that is run.
pub fn keep_descriptors_from_children() {
    close_range(3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
}

/// Close every descriptor but the standard streams and these, which a role that has just begun goes on with.
pub fn keep_only(kept: &[&dyn AsRawFd]) {
    let mut numbers: Vec<u32> = kept
        .iter()
        .map(|one| one.as_raw_fd())
        .filter(|fd| *fd > 2)
        .map(RawFd::cast_unsigned)
        .collect();
    numbers.sort_unstable();

    let mut first = 3;
    for number in numbers {
        if number > first {
            close_range(first, number - 1, 0);
        }
        first = number + 1;
    }
    close_range(first, u32::MAX, 0);
}

fn close_range(first: u32, last: u32, flags: libc::c_uint) {
    // SAFETY: whoever closes goes on with none of these: the callers are roles that have just begun, and
    // they name what they keep.
    let returned = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if returned == 0 {
        return;
    }

    // A container may refuse that call: one by one, then.
    let names = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<u32> =
        names.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| (first..=last).contains(number)) {
        // SAFETY: as above.
        unsafe {
            match flags {
                0 => libc::close(number.cast_signed()),
                _ => libc::fcntl(number.cast_signed(), libc::F_SETFD, libc::FD_CLOEXEC),
            };
        }
    }
}

/// A new session keyring, without a name: that of whoever started the program is out of reach. Not everywhere can
/// there be one (no keys in the kernel, none left to have, a container that refuses the call); a lab can't use any
/// key all the same, since its filter refuses these calls.
pub fn leave_session_keyring() {
    const KEYCTL_JOIN_SESSION_KEYRING: libc::c_int = 1;
    // SAFETY: no name is given.
    unsafe {
        let none = std::ptr::null::<libc::c_char>();
        libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, none);
    }
}

/// Bounds on what all labs of a program take together, whatever ids and namespaces are made in them: the
/// kernel keeps them with the user namespace of a lab when it is made, and counts what is below. For the
/// store, before it forks labs.
///
/// Since Linux 5.14; before, a user id of the machine is bounded as a whole by the hard limits alone.
pub fn bound_labs() -> Result<(), Errno> {
    const PROCESSES: u64 = 1200;
    const QUEUED_SIGNALS: u64 = 4096;
    const MESSAGE_QUEUES: u64 = 1 << 20;
    const LOCKED_MEMORY: u64 = 16 << 20;
    lower(&[
        (Resource::RLIMIT_NPROC, PROCESSES),
        (Resource::RLIMIT_SIGPENDING, QUEUED_SIGNALS),
        (Resource::RLIMIT_MSGQUEUE, MESSAGE_QUEUES),
        (Resource::RLIMIT_MEMLOCK, LOCKED_MEMORY),
    ])
}

/// Objects of the kernel's that a user namespace may own with all below it, see namespaces(7) and inotify(7). A
/// machine that shows /proc/sys read-only keeps its own bounds.
pub fn bound_kernel_objects() {
    const NAMESPACES: [&str; 8] = ["user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time"];
    for kind in NAMESPACES {
        let _ = process::write_file(format!("/proc/sys/user/max_{kind}_namespaces"), "256");
    }
    for (name, most) in [("max_inotify_instances", "64"), ("max_inotify_watches", "16384")] {
        let _ = process::write_file(format!("/proc/sys/user/{name}"), most);
    }
}

/// Bounds on what any process of a lab may take, cgroups or not. Hard ones: nobody in the lab can raise them.
pub fn limit_resources() -> Result<(), Errno> {
    /// Counted per user *and* user namespace since Linux 5.14, so it is the lab's alone.
    const PROCESSES: u64 = 400;
    const ADDRESS_SPACE: u64 = 1 << 30;
    const FILE_SIZE: u64 = 1 << 30;
    const OPEN_FILES: u64 = 4096;
    /// The bound on core files, in bytes. Not 0: that forbids files, but where core_pattern names a program, the
    /// kernel starts it all the same, as the machine's root. With 1 it does neither, see core(5) and fs/coredump.c.
    const CORE: u64 = 1;

    lower(&[
        (Resource::RLIMIT_NPROC, PROCESSES),
        (Resource::RLIMIT_AS, ADDRESS_SPACE),
        (Resource::RLIMIT_FSIZE, FILE_SIZE),
        (Resource::RLIMIT_NOFILE, OPEN_FILES),
        (Resource::RLIMIT_CORE, CORE),
    ])
}

fn lower(limits: &[(Resource, u64)]) -> Result<(), Errno> {
    for (resource, most) in limits {
        let (_, hard) = getrlimit(*resource)?;
        // A hard limit that is lower already stays: only CAP_SYS_RESOURCE raises one, setrlimit(2).
        let most = (*most).min(hard);
        setrlimit(*resource, most, most)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;

    #[test]
    fn only_the_named_descriptors_stay_open() {
        // In a process of its own: the descriptors of this one belong to other tests.
        let open = || -> OwnedFd { std::fs::File::open("/dev/null").expect("a file").into() };
        let files: Vec<OwnedFd> = (0..8).map(|_| open()).collect();
        let kept: Vec<&dyn AsRawFd> = vec![&files[5], &files[2]];

        // SAFETY: the child makes system calls only, and ends.
        match unsafe { nix::unistd::fork() }.expect("a child") {
            nix::unistd::ForkResult::Child => {
                keep_only(&kept);
                let is_open = |fd: &OwnedFd| {
                    std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).is_ok()
                };
                let right = files
                    .iter()
                    .enumerate()
                    .all(|(index, fd)| is_open(fd) == matches!(index, 2 | 5));
                process::exit_now(i32::from(!right))
            }
            nix::unistd::ForkResult::Parent { child } => {
                let ended = nix::sys::wait::waitpid(child, None).expect("its end");
                assert!(matches!(ended, nix::sys::wait::WaitStatus::Exited(_, 0)), "{ended:?}");
            }
        }
    }
}
