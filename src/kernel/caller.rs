//! The process that makes a call, as /proc tells of it while it stands still.

use nix::unistd::Pid;

/// The most that is kept of a command line.
const MAX_ARGUMENTS: usize = 64;
const MAX_BYTES: usize = 4096;

/// The process that makes a call. Pids are as the machine counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    pub pid: u32,
    pub parent: u32,
    /// The process group.
    pub job: u32,
    pub command: Vec<String>,
}

impl Caller {
    /// The process of a thread. What can't be read is empty.
    pub fn of_thread(thread: Pid) -> Caller {
        let read = |name: &str| std::fs::read(format!("/proc/{thread}/{name}")).unwrap_or_default();
        let stat = String::from_utf8_lossy(&read("stat")).into_owned();
        let status = String::from_utf8_lossy(&read("status")).into_owned();
        let pid = status.lines().find_map(|line| line.strip_prefix("Tgid:"));

        // Behind the name, which may have anything in it: state, parent, group.
        let behind_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let mut numbers = behind_name.split(' ').skip(1).map(|word| word.parse().unwrap_or(0));
        Caller {
            pid: pid.and_then(|pid| pid.trim().parse().ok()).unwrap_or(0),
            parent: numbers.next().unwrap_or(0),
            job: numbers.next().unwrap_or(0),
            command: arguments(&read("cmdline")),
        }
    }
}

/// The arguments of /proc/PID/cmdline: each ends with a zero byte.
fn arguments(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    let words = bytes.split(|byte| *byte == 0).take(MAX_ARGUMENTS);
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_falls_into_its_arguments() {
        assert_eq!(arguments(b"mount\0-t\0proc\0\0x y\0"), ["mount", "-t", "proc", "", "x y"]);
        assert_eq!(arguments(b""), [""; 0]);
        assert_eq!(arguments(&[b'a'; 9000])[0].len(), MAX_BYTES);
        assert_eq!(arguments(&[b'a', 0].repeat(1000)).len(), MAX_ARGUMENTS);
    }

    #[test]
    fn a_process_is_read_by_its_thread() {
        let own = Caller::of_thread(nix::unistd::gettid());
        assert_eq!(own.pid, std::process::id());
        assert_eq!(own.parent, nix::unistd::getppid().as_raw().cast_unsigned());
        assert_eq!(own.job, nix::unistd::getpgrp().as_raw().cast_unsigned());
        assert!(!own.command.is_empty());
    }
}
