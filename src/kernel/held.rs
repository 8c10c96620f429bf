//! Descriptors that a lesson has an actor keep: under a number that the lesson chose, until they are released.

use std::os::fd::{AsRawFd, IntoRawFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::file;
use super::record::Recorder;
use crate::op::HeldNumber;

/// Open a file and keep it under a number. EBUSY where that is in use.
pub fn hold(recorder: &mut Recorder, path: &str, fd: HeldNumber) -> Result<(), Errno> {
    let number = number(fd);
    let opened = file::open(recorder, path, OFlag::O_RDONLY, 0)?;
    // Only now: the kernel may have given it that very number.
    if opened.as_raw_fd() == number {
        let _ = opened.into_raw_fd();
        return Ok(());
    }
    if is_open(number) {
        return Err(Errno::EBUSY);
    }

    let args = format!("{}, {number}", opened.as_raw_fd());
    recorder.call("dup2", args, || {
        // SAFETY: the call takes two numbers, and nothing is open under the second one: it was looked at above, and this
        // process has one thread.
        Errno::result(unsafe { libc::dup2(opened.as_raw_fd(), number) })
    })?;
    Ok(())
}

/// Close what is held under a number. EBADF where nothing is.
pub fn release(recorder: &mut Recorder, fd: HeldNumber) -> Result<(), Errno> {
    let number = number(fd);
    recorder.call("close", number.to_string(), || {
        // SAFETY: numbers that a lesson may use are owned by nothing in this process but by what `hold` left there.
        Errno::result(unsafe { libc::close(number) }).map(drop)
    })
}

fn number(fd: HeldNumber) -> RawFd {
    u32::from(fd).cast_signed()
}

fn is_open(number: RawFd) -> bool {
    // SAFETY: F_GETFD takes no argument and changes nothing.
    unsafe { libc::fcntl(number, libc::F_GETFD) != -1 }
}
