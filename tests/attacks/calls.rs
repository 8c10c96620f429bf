//! Which system calls can fail how: what a busy, full or forbidding machine answers, see ERRORS in their manual pages.

use libc::*;
use nix::errno::Errno;

/// Calls by name and number.
pub type Calls = &'static [(&'static str, i64)];

macro_rules! calls {
    ($($call:ident)*) => { &[$((stringify!($call), $call)),*] };
}

/// An errno, and the calls that are made to fail with it.
pub const FAULTS: [(Errno, Calls); 6] = [
    (
        Errno::ENOMEM,
        calls! {
            SYS_mmap SYS_clone SYS_clone3 SYS_vfork SYS_execve SYS_openat SYS_mount SYS_socket SYS_socketpair SYS_unshare
            SYS_mkdir SYS_poll SYS_readlink SYS_sendmsg SYS_recvmsg SYS_pidfd_open SYS_signalfd4
        },
    ),
    (
        Errno::EMFILE,
        calls! {
            SYS_openat SYS_openat2 SYS_socket SYS_socketpair SYS_pipe2 SYS_dup SYS_dup3 SYS_eventfd2 SYS_signalfd4
            SYS_epoll_create1 SYS_memfd_create SYS_accept4 SYS_pidfd_open SYS_open_tree SYS_fsopen SYS_fsmount
        },
    ),
    (
        Errno::ENOSPC,
        calls! {
            SYS_write SYS_pwrite64 SYS_writev SYS_mkdir SYS_mkdirat SYS_mount SYS_symlink SYS_symlinkat SYS_rename SYS_renameat2
            SYS_ftruncate SYS_copy_file_range SYS_sendfile SYS_unshare SYS_clone3 SYS_fallocate
        },
    ),
    (
        Errno::EPERM,
        calls! {
            SYS_mount SYS_umount2 SYS_unshare SYS_setns SYS_pivot_root SYS_chroot SYS_chown SYS_fchown SYS_fchownat SYS_lchown
            SYS_setresuid SYS_setresgid SYS_setgroups SYS_setfsuid SYS_sethostname SYS_mount_setattr SYS_kill SYS_prctl
            SYS_pidfd_send_signal SYS_prlimit64 SYS_clone3 SYS_bpf SYS_unlink SYS_rmdir SYS_unlinkat SYS_setsockopt SYS_seccomp
            SYS_keyctl SYS_setsid SYS_open_tree SYS_fsopen SYS_fsmount SYS_move_mount
        },
    ),
    (
        Errno::EINTR,
        calls! {
            SYS_read SYS_write SYS_poll SYS_ppoll SYS_wait4 SYS_waitid SYS_recvmsg SYS_recvfrom SYS_sendmsg SYS_sendto
            SYS_nanosleep SYS_clock_nanosleep SYS_futex SYS_epoll_wait SYS_epoll_pwait SYS_openat SYS_flock SYS_connect
            SYS_accept4
        },
    ),
    (
        Errno::EAGAIN,
        calls! {
            SYS_clone SYS_clone3 SYS_vfork SYS_setresuid SYS_setuid SYS_recvmsg SYS_recvfrom SYS_sendmsg SYS_sendto
        },
    ),
];

/// What makes a directory that is already there into a lab's group.
pub const AFTER_MKDIR: Calls = calls! { SYS_flock SYS_fchmod };

/// The faults of a quick look.
pub fn sample() -> Vec<(Errno, Calls)> {
    FAULTS
        .into_iter()
        .filter(|(errno, _)| [Errno::EMFILE, Errno::ENOSPC, Errno::EINTR].contains(errno))
        .collect()
}

/// A call for a message.
pub fn name(number: i64) -> String {
    let known = FAULTS.iter().flat_map(|(_, calls)| *calls).find(|(_, known)| *known == number);
    known.map_or_else(
        || format!("system call {number}"),
        |(name, _)| name.trim_start_matches("SYS_").to_owned(),
    )
}
