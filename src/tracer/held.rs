//! Threads that are held for the moment of a call: asked to stop, at the call, in the call.

use std::collections::BTreeMap;

use nix::unistd::Pid;

use super::decode::{self, CallerMemory, WrittenCall};
use crate::call::{Call, CallKind, CallResult};
use crate::kernel::call_listener::{AskedCall, CallListener};
use crate::kernel::caller::Caller;
use crate::kernel::ptrace::{self, CallSide, ThreadStop};
use crate::own_call::OwnCall;

/// The memory of a thread that stands still.
pub struct MemoryOf(pub Pid);

impl CallerMemory for MemoryOf {
    fn read(&self, address: u64, into: &mut [u8]) -> usize {
        ptrace::read_memory(self.0, address, into)
    }
}

/// The way that a held thread has come.
#[derive(Debug)]
enum Phase {
    /// It leaves the call that it was asked about, to make it again.
    Asked,
    /// It is let go of as soon as it stops.
    Unwanted,
    /// It is in the call.
    Called(Caller, WrittenCall),
}

#[derive(Debug)]
struct Held {
    shell: u32,
    number: i64,
    phase: Phase,
}

#[derive(Debug, Default)]
pub struct HeldThreads {
    threads: BTreeMap<Pid, Held>,
}

impl HeldThreads {
    pub fn has(&self, thread: Pid) -> bool {
        self.threads.contains_key(&thread)
    }

    /// Hold the thread that asks, and have it make its call again. Where it can't be held, it goes on, and its call is
    /// returned without a result.
    pub fn hold(
        &mut self,
        shell: u32,
        asked: &AskedCall,
        listener: &CallListener,
    ) -> Option<OwnCall> {
        let thread = asked.thread;
        if ptrace::seize(thread).is_err() {
            // Somebody else holds it: the learner's own strace or gdb.
            let written = decode::write(asked.number, asked.arguments, &MemoryOf(thread));
            let caller = Caller::of_thread(thread);
            let _ = listener.let_through(asked.id);
            return written.map(|it| own_call(shell, caller, it, CallResult::Unseen));
        }

        // In this order: a thread that waits for its answer is not interrupted.
        let _ = ptrace::interrupt(thread);
        let phase = match listener.restart(asked.id) {
            Ok(()) => Phase::Asked,
            // Nobody waits any more: the thread was killed, and this may be another with its number.
            Err(_) => Phase::Unwanted,
        };
        self.threads.insert(thread, Held { shell, number: asked.number, phase });
        None
    }

    /// A thread has stopped, or ended. Returns the call that has its result by now.
    pub fn stopped(&mut self, thread: Pid, stop: ThreadStop) -> Option<OwnCall> {
        let Some(held) = self.threads.get_mut(&thread) else {
            let signal = if let ThreadStop::BySignal(signal) = stop { signal } else { 0 };
            if stop != ThreadStop::Ended {
                let _ = ptrace::let_go(thread, signal);
            }
            return None;
        };

        let goes_on = match (stop, &held.phase) {
            (ThreadStop::Ended, _) => Next::Gone,
            (ThreadStop::BySignal(signal), _) => Next::RunToCall(signal),
            (_, Phase::Unwanted) => Next::LetGo(None),
            (ThreadStop::Interrupted, _) => Next::RunToCall(0),
            // It stays stopped with its process, and asks again when that goes on.
            (ThreadStop::WithProcess, Phase::Asked) => Next::LetGo(None),
            (ThreadStop::WithProcess, Phase::Called(..)) => Next::StayStopped,
            (ThreadStop::AtCall, _) => held.at_call(thread),
        };

        let result = match goes_on {
            Next::RunToCall(signal) => {
                // One that was killed meanwhile is told of next.
                let _ = ptrace::run_to_call(thread, signal);
                return None;
            }
            Next::StayStopped => {
                let _ = ptrace::stay_stopped(thread);
                return None;
            }
            Next::LetGo(result) => {
                let _ = ptrace::let_go(thread, 0);
                result
            }
            // Its call ended it: kill(2) of itself.
            Next::Gone => Some(CallResult::Unseen),
        };

        let held = self.threads.remove(&thread)?;
        let Phase::Called(caller, written) = held.phase else { return None };
        result.map(|result| own_call(held.shell, caller, written, result))
    }
}

/// The next thing for a thread that has stopped.
#[derive(Debug)]
enum Next {
    /// With this signal; 0 for none.
    RunToCall(i32),
    StayStopped,
    /// With the result of the call, where there is one to tell.
    LetGo(Option<CallResult>),
    Gone,
}

impl Held {
    fn at_call(&mut self, thread: Pid) -> Next {
        /// Results by which the kernel makes a call again: ERESTARTSYS to ERESTART_RESTARTBLOCK of linux/errno.h.
        const MADE_AGAIN: std::ops::RangeInclusive<i64> = -516..=-512;

        match (ptrace::call_side(thread), &self.phase) {
            (Ok(CallSide::Entry { number, arguments }), Phase::Asked) if number == self.number => {
                match decode::write(number, arguments, &MemoryOf(thread)) {
                    Some(written) => {
                        self.phase = Phase::Called(Caller::of_thread(thread), written);
                        Next::RunToCall(0)
                    }
                    None => Next::LetGo(None),
                }
            }
            (Ok(CallSide::Exit { returned }), Phase::Called(..)) => {
                let is_made_again = MADE_AGAIN.contains(&returned);
                Next::LetGo((!is_made_again).then(|| CallResult::from_returned(returned)))
            }
            // A call of a signal's handler, say: what it was held for is asked about again.
            _ => Next::LetGo(None),
        }
    }
}

fn own_call(shell: u32, caller: Caller, written: WrittenCall, result: CallResult) -> OwnCall {
    let Caller { pid, parent, job, command } = caller;
    let call = Call {
        kind: CallKind::Syscall,
        name: written.name.to_owned(),
        args: written.args,
        result,
        // A call that is watched takes longer than one that is not.
        nanos: 0,
    };
    OwnCall { shell, job, pid, parent, command, call }
}
