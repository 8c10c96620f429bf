//! The **ledger** of a shell's listener: the number of the question that was received last, in memory that outlives whoever
//! received it. A question that a dead tracer has received and not answered would keep its thread waiting for ever; the next
//! tracer finds it by this number.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::uio;

use super::call_listener::CallListener;

/// Questions that whoever noted the last one may have received after it; they count up by one.
const MAX_IN_HAND: u64 = 64;

#[derive(Debug)]
pub struct Ledger {
    fd: OwnedFd,
}

impl Ledger {
    pub fn new() -> Result<Ledger, Errno> {
        Ok(Ledger { fd: memfd_create("unboxed: ledger", MFdFlags::MFD_CLOEXEC)? })
    }

    /// A descriptor that somebody handed over.
    pub fn from_fd(fd: OwnedFd) -> Ledger {
        Ledger { fd }
    }

    /// Note a question before anything is done about it.
    pub fn note(&self, id: u64) {
        let _ = uio::pwrite(&self.fd, &id.to_ne_bytes(), 0);
    }

    /// Let the calls be made whose questions somebody who is dead has received and not answered.
    pub fn let_through_in_hand(&self, listener: &CallListener) {
        let Some(last) = self.last() else { return };
        // The first number is drawn: the count may pass the highest.
        for ahead in 0..MAX_IN_HAND {
            // ENOENT where that question does not wait.
            let _ = listener.let_through(last.wrapping_add(ahead));
        }
    }

    /// The question that was noted last; none where there was none yet.
    pub fn last(&self) -> Option<u64> {
        let mut bytes = [0; size_of::<u64>()];
        let count = uio::pread(&self.fd, &mut bytes, 0).ok()?;
        (count == bytes.len()).then(|| u64::from_ne_bytes(bytes))
    }
}

impl AsRawFd for Ledger {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_is_kept() {
        let ledger = Ledger::new().expect("memory");
        assert_eq!(ledger.last(), None);
        ledger.note(7);
        ledger.note(u64::MAX);
        let copy = Ledger::from_fd(ledger.fd.try_clone().expect("a copy"));
        assert_eq!(copy.last(), Some(u64::MAX));
    }
}
