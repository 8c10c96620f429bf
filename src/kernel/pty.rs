//! Pseudo-terminals: a fresh one for every shell, so that nothing in a lab ever holds the learner's own terminal.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::pty::Winsize;

/// Columns and rows of a terminal; never less than 2x2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TerminalSize {
    pub columns: u16,
    pub rows: u16,
}

impl TerminalSize {
    pub fn new(columns: u16, rows: u16) -> TerminalSize {
        TerminalSize { columns: columns.max(2), rows: rows.max(2) }
    }

    fn winsize(self) -> Winsize {
        Winsize { ws_row: self.rows, ws_col: self.columns, ws_xpixel: 0, ws_ypixel: 0 }
    }
}

/// The two ends of a new pseudo-terminal: of this mount namespace's own /dev/pts, where it has one.
#[derive(Debug)]
pub struct Pty {
    pub master: OwnedFd,
    pub slave: OwnedFd,
}

pub fn open(size: TerminalSize) -> Result<Pty, Errno> {
    let ends = nix::pty::openpty(Some(&size.winsize()), None)?;
    Ok(Pty { master: ends.master, slave: ends.slave })
}

/// Tell the terminal, and by SIGWINCH its foreground program, a new size.
pub fn resize(master: &OwnedFd, size: TerminalSize) -> Result<(), Errno> {
    let size = size.winsize();
    // SAFETY: TIOCSWINSZ reads one winsize, which lives through the call.
    let result = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
    Errno::result(result).map(drop)
}

/// Make the terminal this process's standard streams and its controlling terminal, in a session of its own: job
/// control needs that, and a push of keystrokes (TIOCSTI) can then reach no other terminal.
pub fn make_controlling_terminal(slave: OwnedFd) -> Result<(), Errno> {
    nix::unistd::setsid()?;
    // SAFETY: TIOCSCTTY takes no pointer; 0 means: do not steal it from another session.
    Errno::result(unsafe { libc::ioctl(slave.as_raw_fd(), libc::TIOCSCTTY, 0) })?;
    nix::unistd::dup2_stdin(&slave)?;
    nix::unistd::dup2_stdout(&slave)?;
    nix::unistd::dup2_stderr(&slave)
}
