//! Processes by descriptor, see pidfd_open(2): a number may be another process's by the time it is used, a pidfd stays
//! with the one it was opened for.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::record::retry_interrupted;

/// One process, dead or alive.
#[derive(Debug)]
pub struct Pidfd {
    fd: OwnedFd,
}

impl Pidfd {
    /// The process that has this number now. ESRCH where none has, EINVAL for what is no process's number.
    pub fn open(pid: Pid) -> Result<Pidfd, Errno> {
        // SAFETY: pidfd_open takes two numbers.
        let returned = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
        let number = Errno::result(returned)? as i32;

        // SAFETY: the kernel has just made this descriptor, and nobody else knows of it.
        Ok(Pidfd { fd: unsafe { OwnedFd::from_raw_fd(number) } })
    }

    /// A descriptor that somebody handed over; EBADF where it is of another kind.
    pub fn from_fd(fd: OwnedFd) -> Result<Pidfd, Errno> {
        let pidfd = Pidfd { fd };
        pidfd.listed_pid()?.map(|_| pidfd).ok_or(Errno::EBADF)
    }

    /// The number that this process's own pid namespace has for it; none where it has ended or is not in sight.
    pub fn pid(&self) -> Option<Pid> {
        self.listed_pid().ok().flatten().filter(|pid| *pid > 0).map(Pid::from_raw)
    }

    /// The line `Pid:` of the descriptor's own information: -1 for a process that has ended, 0 for one out of sight.
    fn listed_pid(&self) -> Result<Option<i32>, Errno> {
        let path = format!("/proc/self/fdinfo/{}", self.fd.as_raw_fd());
        let text = std::fs::read_to_string(path).map_err(super::errno::to_errno)?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pid:"));
        Ok(line.and_then(|pid| pid.trim().parse().ok()))
    }

    /// Send it a signal; ESRCH where it has ended and was reaped.
    pub fn send(&self, signal: Signal) -> Result<(), Errno> {
        // SAFETY: no siginfo is given; the other arguments are numbers.
        let returned = unsafe {
            let none = std::ptr::null::<libc::siginfo_t>();
            libc::syscall(libc::SYS_pidfd_send_signal, self.fd.as_raw_fd(), signal as i32, none, 0)
        };
        Errno::result(returned).map(drop)
    }

    /// The end of a child of ours that was not reaped, in words; none for others, and for one that
    /// is alive after this time.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a child that was waited for with WEXITED has ended in one of two ways"
    )]
    pub fn end_within(&self, timeout: Duration) -> Option<String> {
        self.has_ended_within(timeout);
        // WNOWAIT leaves it to be reaped: its end can be asked for again, waitid(2).
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        match waitid(Id::PIDFd(self.fd.as_fd()), flags).ok()? {
            WaitStatus::Exited(_, status) => Some(format!("it ended with exit code {status}")),
            WaitStatus::Signaled(_, signal, _) => Some(format!("it was killed by {signal}")),
            _ => None,
        }
    }

    /// Let go of a child of ours that has ended: it is in no list of processes any more. Nothing happens to others.
    pub fn reap(&self) {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        let _ = waitid(Id::PIDFd(self.fd.as_fd()), flags);
    }

    pub fn has_ended(&self) -> bool {
        self.has_ended_within(Duration::ZERO)
    }

    /// Wait for its end, whoever its parent is; a pid namespace's first process ends last. False on time-out.
    pub fn has_ended_within(&self, timeout: Duration) -> bool {
        let mut ready = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        retry_interrupted(|| nix::poll::poll(&mut ready, timeout)).is_ok_and(|count| count > 0)
    }
}

impl AsFd for Pidfd {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Pidfd {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.fd.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pidfd_stays_with_its_process() {
        let mut child =
            std::process::Command::new("sleep").arg("1000").spawn().expect("sleep starts");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
        let pidfd = Pidfd::open(pid).expect("a pidfd");
        assert_eq!(pidfd.pid(), Some(pid));
        assert!(!pidfd.has_ended());

        pidfd.send(Signal::SIGKILL).expect("a signal");
        assert!(pidfd.has_ended_within(Duration::from_secs(10)));
        assert_eq!(pidfd.end_within(Duration::ZERO).as_deref(), Some("it was killed by SIGKILL"));
        child.wait().expect("its end");
        assert_eq!(pidfd.pid(), None);
        assert_eq!(pidfd.send(Signal::SIGKILL), Err(Errno::ESRCH));
    }

    #[test]
    fn what_is_no_process_makes_no_pidfd() {
        for number in [0, -1, i32::MAX] {
            assert!(Pidfd::open(Pid::from_raw(number)).is_err(), "{number}");
        }
        let file = std::fs::File::open("/dev/null").expect("a file");
        assert_eq!(Pidfd::from_fd(file.into()).err(), Some(Errno::EBADF));
    }
}
