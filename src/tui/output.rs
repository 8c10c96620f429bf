//! The output to the person's terminal: all of it, or nothing more once the terminal is gone.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// True once the terminal is gone.
static GONE: AtomicBool = AtomicBool::new(false);

pub(super) fn is_gone() -> bool {
    GONE.load(Ordering::SeqCst)
}

pub(super) fn note_gone() {
    GONE.store(true, Ordering::SeqCst);
}

/// The terminal on standard output. The first error that it gives is told, and that it is gone; after that
/// it takes everything, so that whoever puts the cursor back has nothing to complain of.
pub(super) struct TerminalOutput(File);

impl TerminalOutput {
    pub(super) fn open() -> io::Result<TerminalOutput> {
        Ok(TerminalOutput(File::from(io::stdout().as_fd().try_clone_to_owned()?)))
    }
}

impl Write for TerminalOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if is_gone() {
            return Ok(bytes.len());
        }
        loop {
            match self.0.write(bytes) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Whoever had the terminal before may have left it so that a write does not wait.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut room = [PollFd::new(self.0.as_fd(), PollFlags::POLLOUT)];
                    let _ = poll(&mut room, PollTimeout::NONE);
                }
                Err(error) => {
                    note_gone();
                    return Err(error);
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
