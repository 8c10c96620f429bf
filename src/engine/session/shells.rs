//! The shells of a session, and the calls that are heard in them.

use super::{Session, SessionError};
use crate::engine::ShellTerminal;
use crate::engine::call_trace::{CallTrace, RunningTracer};
use crate::kernel::pty::TerminalSize;
use crate::op::ActorName;
use crate::own_call::OwnCalls;

/// The hearing of calls: whether it is wanted, and who hears.
#[derive(Debug)]
pub(super) struct HeardCalls {
    is_wanted: bool,
    /// None until the first shell is opened, and where there can be no tracer.
    trace: Option<CallTrace>,
    /// Shells that were opened for somebody outside the front end.
    outside: u32,
}

impl HeardCalls {
    pub fn new(is_wanted: bool) -> HeardCalls {
        HeardCalls { is_wanted, trace: None, outside: 0 }
    }

    /// A turn begins: what was called before is not of it.
    pub fn begin(&self) {
        if let Some(trace) = &self.trace {
            trace.begin();
        }
    }

    /// Hear no more: the labs go.
    pub fn end(&mut self) {
        self.trace = None;
    }

    /// The calls since the turn began.
    pub fn seen(&self) -> OwnCalls {
        self.trace.as_ref().map(CallTrace::seen).unwrap_or_default()
    }
}

impl Session {
    /// A shell beside an actor of the lab that is up. The front end numbers them from 1.
    pub fn open_shell(
        &mut self,
        number: u32,
        actor: &ActorName,
        size: TerminalSize,
    ) -> Result<ShellTerminal, SessionError> {
        let is_heard = self.has_tracer();
        let (terminal, listener) =
            self.in_lab(|current, _| current.shell(actor, size, is_heard))?;
        if let (Some(listener), Some(trace)) = (listener, &self.heard.trace)
            && let Err(errno) = trace.add(number, listener)
        {
            tracing::warn!(?errno, "a shell can't be heard");
        }
        Ok(terminal)
    }

    /// A shell for somebody outside the front end.
    pub fn open_shell_outside(
        &mut self,
        actor: &ActorName,
        size: TerminalSize,
    ) -> Result<ShellTerminal, SessionError> {
        // Numbered from above: the front end counts from below.
        let number = u32::MAX - self.heard.outside;
        self.heard.outside += 1;
        self.open_shell(number, actor, size)
    }

    /// The calls that were seen in shells since the turn began.
    pub fn own_calls(&self) -> OwnCalls {
        self.heard.seen()
    }

    /// True if there is a tracer, or one could be started: then calls of shells may wait for it.
    fn has_tracer(&mut self) -> bool {
        // What is typed in a what-if is no part of the learner's own way.
        if self.is_in_branch() {
            return false;
        }
        let is_heard = self.heard.trace.as_ref().is_some_and(|trace| !trace.is_lost());
        if is_heard || !self.heard.is_wanted {
            return is_heard;
        }
        let Some(keeper) = &mut self.keeper else { return false };
        let made = keeper.make_tracer().map(|(wire, process)| RunningTracer { wire, process });
        let tracer = match made {
            Ok(tracer) => tracer,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no tracer");
                return false;
            }
        };

        match &self.heard.trace {
            Some(trace) => trace.resume(tracer),
            None => {
                let listener = self.waiting.listener().cloned();
                self.heard.trace = CallTrace::start(tracer, listener).ok();
            }
        }
        self.heard.trace.is_some()
    }
}
