//! A mount table's changes, seen without reading it: poll(2) on mountinfo reports each once, see proc_pid_mounts(5).

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout};

use super::ObservedActor;

/// An open mountinfo per subject.
#[derive(Debug, Default)]
pub struct MountWatch {
    files: Vec<(u32, File)>,
}

impl MountWatch {
    /// True if a table has changed since the last call, or a subject is looked at for the first time.
    pub fn has_changed(&mut self, proc_root: &Path, subjects: &[ObservedActor]) -> bool {
        self.files.retain(|(pid, _)| subjects.iter().any(|subject| subject.pid == *pid));
        let mut changed = false;
        for subject in subjects {
            if self.files.iter().any(|(pid, _)| *pid == subject.pid) {
                continue;
            }
            if let Ok(file) = File::open(proc_root.join(format!("{}/mountinfo", subject.pid))) {
                self.files.push((subject.pid, file));
                changed = true;
            }
        }

        let mut polls: Vec<PollFd<'_>> = self
            .files
            .iter()
            .map(|(_, file)| PollFd::new(file.as_fd(), PollFlags::POLLPRI))
            .collect();
        let events = nix::poll::poll(&mut polls, PollTimeout::ZERO).unwrap_or(0);
        changed || events > 0
    }
}
