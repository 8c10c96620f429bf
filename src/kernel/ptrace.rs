//! Holding one thread for the moment of a call, see ptrace(2): to see the call's arguments as it is made, and its result.

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use super::record::retry_interrupted;

/// The bytes of a page, the unit in which a reach into another process's memory fails.
const PAGE: usize = 4096;

/// The reason for which a held thread does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadStop {
    /// It was interrupted, or goes on after a stop of its whole process.
    Interrupted,
    /// It enters or leaves a system call.
    AtCall,
    /// Its whole process was stopped (SIGSTOP, SIGTSTP …).
    WithProcess,
    /// This signal comes to it.
    BySignal(i32),
    /// It is gone.
    Ended,
}

/// The side of a system call that a thread has stopped at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallSide {
    Entry { number: i64, arguments: [u64; 6] },
    Exit { returned: i64 },
    Neither,
}

/// One of PTRACE_…, where all that goes with it are numbers.
fn request(request: libc::c_long, thread: Pid, data: libc::c_long) -> Result<(), Errno> {
    // SAFETY: of the requests below, none takes a pointer.
    let returned =
        unsafe { libc::syscall(libc::SYS_ptrace, request, thread.as_raw(), 0_usize, data) };
    Errno::result(returned).map(drop)
}

/// Hold a thread, without stopping it yet. EPERM where somebody else holds it, or the machine forbids it.
///
/// Whoever holds it ends, and it runs on: PTRACE_O_EXITKILL is never set.
pub fn seize(thread: Pid) -> Result<(), Errno> {
    let options = libc::c_long::from(libc::PTRACE_O_TRACESYSGOOD);
    request(libc::c_long::from(libc::PTRACE_SEIZE), thread, options)
}

/// Have a held thread stop as soon as it can.
pub fn interrupt(thread: Pid) -> Result<(), Errno> {
    request(libc::c_long::from(libc::PTRACE_INTERRUPT), thread, 0)
}

/// Let a stopped thread run up to its next call, with the signal that has come to it (0: none).
pub fn run_to_call(thread: Pid, signal: i32) -> Result<(), Errno> {
    request(libc::c_long::from(libc::PTRACE_SYSCALL), thread, libc::c_long::from(signal))
}

/// Leave a thread stopped with its process, and hear when that goes on.
pub fn stay_stopped(thread: Pid) -> Result<(), Errno> {
    request(libc::c_long::from(libc::PTRACE_LISTEN), thread, 0)
}

/// Let go of a stopped thread, with the signal that has come to it (0: none).
pub fn let_go(thread: Pid, signal: i32) -> Result<(), Errno> {
    request(libc::c_long::from(libc::PTRACE_DETACH), thread, libc::c_long::from(signal))
}

/// The side of a call that a stopped thread is at.
pub fn call_side(thread: Pid) -> Result<CallSide, Errno> {
    const GET_SYSCALL_INFO: libc::c_long = 0x420e;
    const ENTRY: u64 = 1;
    const EXIT: u64 = 2;
    /// struct ptrace_syscall_info of linux/ptrace.h, in words: the kind in the first, the call from the fourth on.
    const WORDS: usize = 11;

    let mut words = [0_u64; WORDS];
    // SAFETY: the kernel writes no more than the size that it is told, to words that live through the call.
    let returned = unsafe {
        libc::syscall(
            libc::SYS_ptrace,
            GET_SYSCALL_INFO,
            thread.as_raw(),
            size_of_val(&words),
            words.as_mut_ptr(),
        )
    };
    Errno::result(returned)?;

    let [kind, _, _, call, arguments @ .., _] = words;
    Ok(match kind & 0xff {
        ENTRY => CallSide::Entry { number: call.cast_signed(), arguments },
        EXIT => CallSide::Exit { returned: call.cast_signed() },
        _ => CallSide::Neither,
    })
}

/// A held thread that has stopped or ended and was not told of yet; none where there is none.
pub fn next_stop() -> Option<(Pid, ThreadStop)> {
    /// PTRACE_EVENT_STOP of linux/ptrace.h.
    const EVENT_STOP: i32 = 128;
    const AT_CALL: i32 = libc::SIGTRAP | 0x80;

    let mut status = 0;
    let waited = retry_interrupted(|| {
        // SAFETY: the kernel writes one number, which lives through the call. Not nix's: it knows no real-time signals,
        // and a stop by one would be lost.
        Errno::result(unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::WNOHANG) })
    });
    let thread = Pid::from_raw(waited.ok().filter(|pid| *pid > 0)?);

    if !libc::WIFSTOPPED(status) {
        return Some((thread, ThreadStop::Ended));
    }
    let stop = match (libc::WSTOPSIG(status), status >> 16) {
        (libc::SIGTRAP, EVENT_STOP) => ThreadStop::Interrupted,
        (_, EVENT_STOP) => ThreadStop::WithProcess,
        (AT_CALL, _) => ThreadStop::AtCall,
        (signal, _) => ThreadStop::BySignal(signal),
    };
    Some((thread, stop))
}

/// Read a thread's memory from an address on; how many bytes there were, 0 where there is nothing.
pub fn read_memory(thread: Pid, address: u64, into: &mut [u8]) -> usize {
    let mut done = 0;
    while done < into.len() {
        let from = address.wrapping_add(done as u64) as usize;
        let len = (PAGE - from % PAGE).min(into.len() - done);
        let remote = [RemoteIoVec { base: from, len }];
        let mut local = [std::io::IoSliceMut::new(&mut into[done..done + len])];
        match process_vm_readv(thread, &mut local, &remote) {
            Ok(count) if count > 0 => done += count,
            Ok(_) | Err(_) => break,
        }
    }
    done
}
