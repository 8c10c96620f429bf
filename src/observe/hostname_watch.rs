//! A host name's changes, seen without asking anybody: poll(2) on /proc/sys/kernel/hostname reports each once,
//! whichever UTS namespace the name was set in.

use std::fs::File;
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout};

#[derive(Debug)]
pub struct HostnameWatch {
    /// The file that is polled; none where the kernel has no such file: then nobody is told.
    file: Option<File>,
}

impl Default for HostnameWatch {
    fn default() -> Self {
        HostnameWatch { file: File::open("/proc/sys/kernel/hostname").ok() }
    }
}

impl HostnameWatch {
    /// True if the name has changed since the last call, or since the watch began.
    pub fn has_changed(&self) -> bool {
        let Some(file) = &self.file else { return false };
        let mut polls = [PollFd::new(file.as_fd(), PollFlags::POLLPRI)];
        nix::poll::poll(&mut polls, PollTimeout::ZERO).is_ok_and(|events| events > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_tells_each_change_once() {
        let watch = HostnameWatch::default();
        let _ = watch.has_changed();
        assert!(watch.file.is_some());
        // In a child with a UTS namespace of its own; where that takes a privilege, nothing changes.
        let set =
            std::process::Command::new("unshare").args(["-Uru", "hostname", "elsewhere"]).status();
        if set.is_ok_and(|status| status.success()) {
            assert!(watch.has_changed());
        }
    }
}
