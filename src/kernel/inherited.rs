//! Signals, limits and the mode mask as whoever started the program left them, set right before
//! anything depends on them.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::stat::Mode;

use super::confine;

/// The stack that Linux gives a process where nobody says otherwise.
const STACK_BYTES: u64 = 8 << 20;

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

    keep_owner_bits();
    widen_soft_limits();
}

/// A hard limit that whoever started the program left lower than a lab takes; only root can widen it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the limit on {what} is {is}, and unboxed takes {least} (`ulimit -H{flag}` shows it; log in anew, or have whoever set it widen it)"
)]
pub struct LowLimit {
    what: &'static str,
    flag: char,
    is: u64,
    least: u64,
}

/// The limits that are looked at, and the least that does: they were tried out, with something to spare.
const LEAST_FILES: Least = (Resource::RLIMIT_NOFILE, "open files", 'n', 64);
const LEAST_FILE: Least = (Resource::RLIMIT_FSIZE, "bytes of a file", 'f', 64 << 20);
const LEAST_STACK: Least = (Resource::RLIMIT_STACK, "bytes of stack", 's', 128 << 10);

type Least = (Resource, &'static str, char, u64);

/// An error where a hard limit is too low to make a lab, which would fail half-way and in words of its own.
pub fn refuse_low_limits() -> Result<(), LowLimit> {
    refuse_below(LEAST_FILES)?;
    refuse_below(LEAST_FILE)
}

/// An error where the stack is too small for the program itself.
pub fn refuse_low_stack() -> Result<(), LowLimit> {
    refuse_below(LEAST_STACK)
}

fn refuse_below((resource, what, flag, least): Least) -> Result<(), LowLimit> {
    let is = getrlimit(resource).map_or(u64::MAX, |(_, hard)| hard);
    if is < least { Err(LowLimit { what, flag, is, least }) } else { Ok(()) }
}

/// Widen the mode mask of a role that lays out files: their modes are those that are asked for.
pub fn widen_mode_mask() {
    nix::sys::stat::umask(Mode::S_IWGRP | Mode::S_IWOTH);
}

/// Leave the owner what it makes: a mask that takes that away has progress and sockets that nobody can open. What others
/// may do with a file stays whoever started the program's to say.
fn keep_owner_bits() {
    let mask = nix::sys::stat::umask(Mode::S_IRWXG | Mode::S_IRWXO);
    nix::sys::stat::umask(mask.difference(Mode::S_IRWXU));
}

/// Make soft limits as wide as the hard ones allow, of which a shell or a supervisor may have left less than a
/// lab takes. A lab has limits of its own. Goes on past one that the kernel refuses.
fn widen_soft_limits() {
    for resource in [
        Resource::RLIMIT_AS,
        Resource::RLIMIT_DATA,
        Resource::RLIMIT_FSIZE,
        Resource::RLIMIT_NOFILE,
        Resource::RLIMIT_NPROC,
        Resource::RLIMIT_CPU,
    ] {
        if let Ok((_, hard)) = getrlimit(resource) {
            let _ = setrlimit(resource, hard, hard);
        }
    }

    // No wider than everywhere: threads of C programs get stacks of this size, and none at all without a limit.
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_STACK)
        && soft < STACK_BYTES
    {
        let _ = setrlimit(Resource::RLIMIT_STACK, STACK_BYTES.min(hard), hard);
    }
}
