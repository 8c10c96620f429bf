//! Waiting for another role's answer without trusting that it comes.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};

use crate::kernel::load;
use crate::kernel::pidfd::Pidfd;
use crate::wire::Wire;

/// The longest that a cgroup may take on an idle machine to become empty after its processes were killed.
const EMPTY_TIMEOUT: Duration = Duration::from_secs(1);
/// The time between two looks whether a process that does not answer is stopped.
const STATE_PERIOD: Duration = Duration::from_millis(500);

/// The longest that a cgroup may take now to become empty: the killed need a CPU to die.
pub fn empty_timeout() -> Duration {
    load::stretched(EMPTY_TIMEOUT)
}

/// The reason that there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// The process is stopped, by a signal or a debugger.
    Stopped,
    TimedOut,
    Broken(Errno),
}

impl NoAnswer {
    pub fn errno(self) -> Errno {
        match self {
            NoAnswer::Stopped | NoAnswer::TimedOut => Errno::ETIMEDOUT,
            NoAnswer::Broken(errno) => errno,
        }
    }
}

/// Wait until there is something to read from `process`, or its end of the wire is closed.
pub fn await_answer(wire: &Wire, process: &Pidfd, timeout: Duration) -> Result<(), NoAnswer> {
    let deadline = Instant::now() + timeout;
    let mut was_stopped = false;
    while Instant::now() < deadline {
        let mut ready = [PollFd::new(wire.as_fd(), PollFlags::POLLIN)];
        let period = PollTimeout::try_from(STATE_PERIOD).unwrap_or(PollTimeout::MAX);
        match nix::poll::poll(&mut ready, period) {
            Ok(0) => {}
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(NoAnswer::Broken(errno)),
        }

        // Twice in a row: who looks at a process may stop it for a moment.
        let is_stopped = is_stopped(process);
        if is_stopped && was_stopped {
            return Err(NoAnswer::Stopped);
        }
        was_stopped = is_stopped;
    }
    Err(NoAnswer::TimedOut)
}

fn is_stopped(process: &Pidfd) -> bool {
    let Some(pid) = process.pid() else { return false };
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The command may hold a `)`. T: stopped by a signal, t: by a debugger, proc_pid_stat(5).
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['T', 't']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::Signal;

    #[test]
    fn who_is_stopped_is_not_waited_for() {
        let mut child =
            std::process::Command::new("sleep").arg("1000").spawn().expect("sleep starts");
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
        let process = Pidfd::open(pid).expect("a pidfd");
        let (wire, other) = Wire::pair().expect("a wire");
        let wait = |timeout| await_answer(&wire, &process, timeout);

        assert_eq!(wait(Duration::from_millis(1)), Err(NoAnswer::TimedOut));
        process.send(Signal::SIGSTOP).expect("a signal");
        assert_eq!(wait(Duration::from_secs(600)), Err(NoAnswer::Stopped));

        // The end of the wire is an answer, too: reading says what it is.
        drop(other);
        assert_eq!(wait(Duration::from_secs(600)), Ok(()));
        child.kill().expect("killed");
        child.wait().expect("its end");
    }
}
