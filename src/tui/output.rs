//! The output to the person's terminal: all of it, or nothing more once the terminal is gone. A thread of its own writes:
//! a terminal that takes nothing holds that one up, and not the end of the program.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The longest that the end of the program waits for a terminal that takes nothing.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest that it waits for one that takes a little now and then.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// The output, which the threads that draw, write and end the program share.
static OUTPUT: Output = Output {
    state: Mutex::new(State {
        bytes: Vec::new(),
        is_written: true,
        error: None,
        is_gone: false,
        end: None,
    }),
    changed: Condvar::new(),
};

struct Output {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// The bytes that wait for the thread that writes.
    bytes: Vec<u8>,
    /// True once the terminal has taken all that it was given.
    is_written: bool,
    error: Option<io::Error>,
    is_gone: bool,
    end: Option<End>,
}

/// The bounds of one write, once the program ends.
struct End {
    began: Instant,
    /// The moment at which the terminal took something last.
    moved: Instant,
}

impl End {
    fn now() -> End {
        let now = Instant::now();
        End { began: now, moved: now }
    }

    fn deadline(&self) -> Instant {
        (self.moved + STALL_TIMEOUT).min(self.began + END_TIMEOUT)
    }
}

impl Output {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Have bytes written, and wait until they are, or until nobody waits for that any more.
    fn write_out(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.is_gone {
            return Ok(());
        }
        if state.is_written && state.end.is_some() {
            state.end = Some(End::now());
        }
        state.bytes.extend_from_slice(bytes);
        state.is_written = false;
        self.changed.notify_all();

        while !state.is_gone && !state.is_written && state.error.is_none() {
            let Some(end) = &state.end else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = end.deadline().saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.is_gone = true;
            } else {
                let woken = self.changed.wait_timeout(state, left);
                state = woken.unwrap_or_else(PoisonError::into_inner).0;
            }
        }

        match state.error.take() {
            Some(error) => {
                state.is_gone = true;
                Err(error)
            }
            None => Ok(()),
        }
    }

    /// Write what comes, as long as the terminal takes it.
    fn pass_on(&self, mut terminal: File) {
        loop {
            let waits = |state: &mut State| state.bytes.is_empty();
            let waited = self.changed.wait_while(self.state(), waits);
            let mut state = waited.unwrap_or_else(PoisonError::into_inner);
            let bytes = std::mem::take(&mut state.bytes);
            drop(state);

            let written = self.write_all(&mut terminal, &bytes);
            let mut state = self.state();
            state.is_written = state.bytes.is_empty();
            state.error = written.err();
            let is_over = state.error.is_some();
            self.changed.notify_all();
            if is_over {
                return;
            }
        }
    }

    fn write_all(&self, terminal: &mut File, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match terminal.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    bytes = &bytes[count..];
                    if let Some(end) = &mut self.state().end {
                        end.moved = Instant::now();
                    }
                    self.changed.notify_all();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Whoever had the terminal before may have left it so that a write does not wait.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut room = [PollFd::new(terminal.as_fd(), PollFlags::POLLOUT)];
                    let _ = poll(&mut room, PollTimeout::NONE);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// True once the terminal is gone, or takes nothing while the program ends: nothing more reaches the person there.
pub fn is_gone() -> bool {
    OUTPUT.state().is_gone
}

pub(super) fn note_gone() {
    OUTPUT.state().is_gone = true;
    OUTPUT.changed.notify_all();
}

/// The program is to end: from here on a terminal that takes nothing is waited for with a bound.
pub fn note_ending() {
    OUTPUT.state().end.get_or_insert_with(End::now);
    OUTPUT.changed.notify_all();
}

/// The terminal on standard output. The first error that it gives is told, and that it is gone; after that
/// it takes everything, so that whoever puts the cursor back has nothing to complain of.
#[derive(Debug)]
pub struct TerminalOutput(());

impl TerminalOutput {
    pub fn open() -> io::Result<TerminalOutput> {
        static STARTED: Once = Once::new();
        let terminal = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        STARTED.call_once(|| {
            std::thread::spawn(|| OUTPUT.pass_on(terminal));
        });
        Ok(TerminalOutput(()))
    }
}

impl Write for TerminalOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        OUTPUT.write_out(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
