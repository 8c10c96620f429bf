//! Signals, limits and the mode mask as whoever started the program left them, set right before
//! anything depends on them.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::stat::Mode;

use super::confine;

/// Set right the program as it was started, front end or role.
pub fn reset_process() {
    // What a shell, an editor or make left open is no business of a lab's.
    confine::keep_descriptors_from_children();

    let _ = SigSet::empty().thread_set_mask();
    // Whoever ignores SIGCHLD hands that on, and then no child can be waited for. A file that grows past RLIMIT_FSIZE
    // is an error to be told, not the end.
    for (which, disposition) in
        [(Signal::SIGCHLD, SigHandler::SigDfl), (Signal::SIGXFSZ, SigHandler::SigIgn)]
    {
        // SAFETY: neither disposition runs code of ours.
        let _ = unsafe { signal(which, disposition) };
    }
}

/// Widen the mode mask and the limits of a role that lays out files: their modes are those that are asked for, and
/// soft limits are as wide as the hard ones allow. A lab has limits of its own.
pub fn widen_limits() -> Result<(), Errno> {
    nix::sys::stat::umask(Mode::S_IWGRP | Mode::S_IWOTH);

    for resource in [
        Resource::RLIMIT_AS,
        Resource::RLIMIT_DATA,
        Resource::RLIMIT_FSIZE,
        Resource::RLIMIT_NOFILE,
        Resource::RLIMIT_NPROC,
        Resource::RLIMIT_CPU,
    ] {
        let (_, hard) = getrlimit(resource)?;
        setrlimit(resource, hard, hard)?;
    }
    Ok(())
}
