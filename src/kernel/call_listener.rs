//! The listener of a seccomp filter, see seccomp_unotify(2): it hears of each watched call before it is made.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::unistd::Pid;

use super::{seccomp, watched_calls};

/// The answer that has the kernel make the call anew once the thread goes on: `ERESTARTNOINTR` of linux/errno.h, which
/// no program ever sees.
const RESTART: i32 = 513;

/// The listener of one shell: of its filter, which all that it starts has, too.
#[derive(Debug)]
pub struct CallListener {
    fd: OwnedFd,
}

/// A call that a thread is about to make. The thread waits until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedCall {
    /// The number of the question; they count up by one.
    pub id: u64,
    /// The thread, as this process counts.
    pub thread: Pid,
    /// The number of the system call.
    pub number: i64,
    pub arguments: [u64; 6],
}

/// Have all watched calls of this process, and of all it starts, wait for the answer of a listener, which this is.
///
/// EBUSY where somebody listens already, EINVAL where the kernel can't (before 5.5), EACCES without CAP_SYS_ADMIN in
/// the own user namespace.
pub fn listen_to_own_calls() -> Result<CallListener, Errno> {
    const LISTENER: libc::c_ulong = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    const ALL: libc::c_ulong = LISTENER
        | libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW
        // While a question is worked on, only a deadly signal ends the call: Linux 5.19.
        | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

    let filter = watched_calls::filter();
    let number = match seccomp::install(&filter, ALL) {
        Err(Errno::EINVAL) => seccomp::install(&filter, LISTENER),
        installed => installed,
    }?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows of it.
    Ok(CallListener { fd: unsafe { OwnedFd::from_raw_fd(number as RawFd) } })
}

impl CallListener {
    /// A descriptor that somebody handed over; EINVAL where it is of another kind.
    pub fn from_fd(fd: OwnedFd) -> Result<CallListener, Errno> {
        let kind = nix::fcntl::readlink(format!("/proc/self/fd/{}", fd.as_raw_fd()).as_str())?;
        if kind == "anon_inode:seccomp notify" {
            Ok(CallListener { fd })
        } else {
            Err(Errno::EINVAL)
        }
    }

    pub fn try_clone(&self) -> Result<CallListener, Errno> {
        let fd = self.fd.try_clone().map_err(super::errno::to_errno)?;
        Ok(CallListener { fd })
    }

    /// Wake whoever answers on the CPU of who asks: Linux 6.6. A kernel without it is a little slower.
    pub fn wake_beside_caller(&self) {
        const SYNC_WAKE_UP: u64 = 1;
        // SAFETY: the request takes a number.
        unsafe {
            libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);
        }
    }

    /// The next question. ENOENT where who asked is gone meanwhile. Waits where there is none: poll(2) first.
    pub fn receive(&self) -> Result<AskedCall, Errno> {
        let mut question = libc::seccomp_notif {
            id: 0,
            pid: 0,
            flags: 0,
            data: libc::seccomp_data { nr: 0, arch: 0, instruction_pointer: 0, args: [0; 6] },
        };
        // SAFETY: the kernel writes one struct, which lives through the call.
        let returned = unsafe {
            libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut question)
        };
        Errno::result(returned)?;
        Ok(AskedCall {
            id: question.id,
            thread: Pid::from_raw(question.pid.cast_signed()),
            number: i64::from(question.data.nr),
            arguments: question.data.args,
        })
    }

    /// Let the call be made. ENOENT where nobody waits for this answer.
    pub fn let_through(&self, id: u64) -> Result<(), Errno> {
        let flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
        self.answer(libc::seccomp_notif_resp { id, val: 0, error: 0, flags })
    }

    /// Have the thread leave the call without making it, and make it again once it goes on.
    pub fn restart(&self, id: u64) -> Result<(), Errno> {
        self.answer(libc::seccomp_notif_resp { id, val: 0, error: -RESTART, flags: 0 })
    }

    fn answer(&self, mut answer: libc::seccomp_notif_resp) -> Result<(), Errno> {
        // SAFETY: the kernel reads one struct, which lives through the call.
        let returned = unsafe {
            libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer)
        };
        Errno::result(returned).map(drop)
    }

    /// True if this question was received, by whomever, and waits for its answer.
    pub fn is_waiting(&self, id: u64) -> bool {
        let mut id = id;
        // SAFETY: the kernel reads one number, which lives through the call.
        let returned = unsafe {
            libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw mut id)
        };
        returned == 0
    }
}

impl AsFd for CallListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for CallListener {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
