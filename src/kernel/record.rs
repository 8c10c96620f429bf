//! Recording calls while they are made.

use std::time::Instant;

use nix::errno::Errno;

use crate::call::{Call, CallKind, CallResult, ErrnoName};
use crate::op::OutputPiece;

/// Pieces of output that come closer together than this count as one, in milliseconds.
const MAX_PIECE_MS: u64 = 10;

/// Collects the calls of one op.
#[derive(Debug, Default)]
pub struct Recorder {
    calls: Vec<Call>,
    pieces: Vec<OutputPiece>,
}

/// A call's return value, as the number strace prints behind `=`.
pub trait ReturnValue {
    fn number(&self) -> i64;
}

impl ReturnValue for () {
    fn number(&self) -> i64 {
        0
    }
}

impl ReturnValue for usize {
    fn number(&self) -> i64 {
        *self as i64
    }
}

impl ReturnValue for i32 {
    fn number(&self) -> i64 {
        i64::from(*self)
    }
}

impl ReturnValue for nix::unistd::Pid {
    fn number(&self) -> i64 {
        i64::from(self.as_raw())
    }
}

impl ReturnValue for std::os::fd::OwnedFd {
    fn number(&self) -> i64 {
        use std::os::fd::AsRawFd;
        i64::from(self.as_raw_fd())
    }
}

/// A call that is made again where a signal interrupted it, even one that only stopped and continued
/// the process: signal(7).
pub fn retry_interrupted<T>(mut make: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match make() {
            Err(Errno::EINTR) => {}
            made => return made,
        }
    }
}

impl Recorder {
    /// Make a call and record it. `args` is in strace's notation, and is only known in full before the call.
    pub fn call<T: ReturnValue>(
        &mut self,
        name: &str,
        args: impl Into<String>,
        make: impl FnMut() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let args = args.into();
        self.call_with_late_args(name, make, |_| args)
    }

    /// The same, where part of the arguments is only known afterwards (a status that `wait4` fills in).
    pub fn call_with_late_args<T: ReturnValue>(
        &mut self,
        name: &str,
        mut make: impl FnMut() -> Result<T, Errno>,
        args: impl FnOnce(&Result<T, Errno>) -> String,
    ) -> Result<T, Errno> {
        self.call_with_buffer(name, &mut (), |()| make(), |(), made| args(made))
    }

    /// A call that works on a buffer, which its arguments then show (what `read` put there).
    pub fn call_with_buffer<B: ?Sized, T: ReturnValue>(
        &mut self,
        name: &str,
        buffer: &mut B,
        mut make: impl FnMut(&mut B) -> Result<T, Errno>,
        args: impl FnOnce(&B, &Result<T, Errno>) -> String,
    ) -> Result<T, Errno> {
        let started = Instant::now();
        let made = retry_interrupted(|| make(buffer));
        let nanos = started.elapsed().as_nanos() as u64;

        let result = match &made {
            Ok(value) => CallResult::Value(value.number()),
            Err(errno) => CallResult::Errno(ErrnoName::from_raw(*errno as i32)),
        };
        self.push(Call {
            kind: CallKind::Syscall,
            name: name.into(),
            args: args(buffer, &made),
            result,
            nanos,
        });
        made
    }

    pub fn push(&mut self, call: Call) {
        self.calls.push(call);
    }

    pub fn extend(&mut self, calls: Vec<Call>) {
        self.calls.extend(calls);
    }

    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Note that a program has printed up to here.
    pub fn note_output(&mut self, piece: OutputPiece) {
        match self.pieces.last_mut() {
            Some(last) if piece.at_ms < last.at_ms + MAX_PIECE_MS => last.end = piece.end,
            _ => self.pieces.push(piece),
        }
    }

    pub fn take_pieces(&mut self) -> Vec<OutputPiece> {
        std::mem::take(&mut self.pieces)
    }

    pub fn into_calls(self) -> Vec<Call> {
        self.calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_call_is_made_again_and_recorded_once() {
        let mut recorder = Recorder::default();
        let mut answers = [Ok(7), Err(Errno::EINTR), Err(Errno::EINTR)].to_vec();
        assert_eq!(recorder.call("open", "", || answers.pop().unwrap_or(Err(Errno::EIO))), Ok(7));
        assert_eq!(recorder.calls().len(), 1);
    }
}
