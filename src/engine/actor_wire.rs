//! One actor asked: each request has a number, which its answer repeats, and each has its time. An answer that comes
//! late is known by its number and dropped, with its descriptors. Whoever says anything else is lost: it is not asked
//! again.

use std::time::{Duration, Instant};

use super::waiting::{AwaitedActor, WaitContext, silence_reason};
use crate::engine::link_error::LinkError;
use crate::failure::with_causes;
use crate::kernel::load::{self, MAX_STRETCH};
use crate::op::{ActorName, Op};
use crate::wire::guarded::{GuardError, GuardedWire};
use crate::wire::protocol::{ActorToEngine, EngineToActor, Numbered};
use crate::wire::{Received, Wire};

/// The longest that a new actor may take to introduce itself.
const INTRODUCTION_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest wait, on an idle machine, for a late answer when there is something else to be done: the actor may just have woken up.
const LATE_OP_TIMEOUT: Duration = Duration::from_secs(3);
const LATE_QUESTION_TIMEOUT: Duration = Duration::from_millis(20);
/// The extra time for an answer that has begun to come.
const BEGUN_ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest that the answer to a request may take.
fn limit(request: &EngineToActor) -> Duration {
    const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
    match request {
        EngineToActor::Hostname { .. }
        | EngineToActor::CgroupPaths { .. }
        | EngineToActor::IpcTables { .. } => load::stretched(Duration::from_secs(1)),
        EngineToActor::ProbeAddress { timeout_ms, .. } => {
            ANSWER_TIMEOUT + MAX_STRETCH * Duration::from_millis(u64::from(*timeout_ms))
        }
        EngineToActor::Netlink { .. }
        | EngineToActor::Shell { .. }
        | EngineToActor::StandIn { .. } => ANSWER_TIMEOUT,
        EngineToActor::Perform(op) => match op {
            // A program is killed after 20 seconds, and no workload takes longer than 15.
            Op::Run { .. }
            | Op::Work { .. }
            | Op::CopyTree { .. }
            | Op::Pack(_)
            | Op::MakeImage(_)
            | Op::Unlayer(_) => Duration::from_secs(30),
            Op::Ping { timeout_ms, .. } | Op::Dial { timeout_ms, .. } => {
                ANSWER_TIMEOUT + MAX_STRETCH * Duration::from_millis(u64::from(*timeout_ms))
            }
            Op::Spawn { .. }
            | Op::Enter { .. }
            | Op::Mount { .. }
            | Op::Umount { .. }
            | Op::UmountAll
            | Op::PivotRoot { .. }
            | Op::Chroot { .. }
            | Op::Chdir { .. }
            | Op::Mkdir { .. }
            | Op::Rmdir { .. }
            | Op::Unlink { .. }
            | Op::WriteFile { .. }
            | Op::ReadFile { .. }
            | Op::Hold { .. }
            | Op::Release { .. }
            | Op::SetHostname { .. }
            | Op::GetPid
            | Op::Ipc { .. }
            | Op::Net(_)
            | Op::PacketRule(_)
            | Op::PortRule(_)
            | Op::Device { .. }
            | Op::Kill { .. } => ANSWER_TIMEOUT,
        },
    }
}

/// The wire to an actor, and what it owes.
#[derive(Debug)]
pub struct ActorWire {
    actor: ActorName,
    wire: GuardedWire,
    /// The pid of the one at the other end, as the machine counts.
    pid: u32,
    asked: u64,
    /// The number of the request whose answer is still to come. It is asked nothing more until then.
    owed: Option<u64>,
    lost: Option<Loss>,
}

/// The reason why an actor is not asked any more.
#[derive(Debug, Clone)]
enum Loss {
    Ended,
    /// A thing that it did and that actors don't do.
    Misbehaved(String),
}

impl ActorWire {
    /// Wait for the first word of a new actor.
    pub fn await_introduction(
        actor: ActorName,
        wire: Wire,
        waiting: &WaitContext,
    ) -> Result<(ActorWire, Received<ActorToEngine>), LinkError> {
        let mut new = ActorWire {
            actor,
            wire: wire.into(),
            pid: 0,
            asked: 0,
            // Nobody asked for the first word, but it is due.
            owed: Some(0),
            lost: None,
        };

        let received = new.await_answer(INTRODUCTION_TIMEOUT, waiting)?;
        match received.sender.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0) {
            Some(pid) => new.pid = pid,
            None => return Err(new.mark_lost("it does not say which process it is")),
        }

        Ok((new, received))
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// True while it is there and was not lost.
    pub fn is_usable(&self) -> bool {
        self.lost.is_none() && !self.wire.has_ended()
    }

    /// A thing that it did and that actors don't do; none where it was not lost, or has just ended.
    pub fn loss_reason(&self) -> Option<&str> {
        match &self.lost {
            Some(Loss::Misbehaved(why)) => Some(why),
            Some(Loss::Ended) | None => None,
        }
    }

    pub fn has_ended(&self) -> bool {
        self.wire.has_ended()
    }

    /// True if it is behind with its answers and has just begun to give them.
    pub fn has_woken_up(&self) -> bool {
        self.lost.is_none() && self.owed.is_some() && self.wire.is_readable()
    }

    /// Send a request and wait for its answer.
    pub fn ask(
        &mut self,
        request: &EngineToActor,
        waiting: &WaitContext,
    ) -> Result<Received<ActorToEngine>, LinkError> {
        if let Some(loss) = &self.lost {
            return Err(self.error(loss));
        }

        let is_op = matches!(request, EngineToActor::Perform(_));
        self.settle_debts(is_op, waiting)?;

        let within = limit(request);
        let id = self.asked + 1;
        self.asked = id;
        let sent = self
            .wire
            .send(&Numbered { id, message: request }, &waiting.wait_until(Instant::now() + within));
        match sent {
            Ok(()) => {}
            Err(GuardError::Cancelled) => return Err(LinkError::Cancelled),
            // Half of the request may be on its way: nothing after it would be understood.
            Err(GuardError::TimedOut) => {
                return Err(self.mark_lost("it does not take what it is asked"));
            }
            Err(other) => return Err(self.lose_by(other)),
        }

        self.owed = Some(id);
        self.await_answer(within, waiting)
    }

    /// Drop what it was asked for earlier and answers only now. An error when it still owes something.
    fn settle_debts(&mut self, for_op: bool, waiting: &WaitContext) -> Result<(), LinkError> {
        let (within, grace) = if for_op {
            (load::stretched(LATE_OP_TIMEOUT), load::stretched(BEGUN_ANSWER_TIMEOUT))
        } else {
            (load::stretched(LATE_QUESTION_TIMEOUT), Duration::ZERO)
        };
        self.await_owed(within, grace, waiting).map(drop)
    }

    fn await_answer(
        &mut self,
        within: Duration,
        waiting: &WaitContext,
    ) -> Result<Received<ActorToEngine>, LinkError> {
        let grace = load::stretched(BEGUN_ANSWER_TIMEOUT);
        self.await_owed(within, grace, waiting)?.ok_or_else(|| self.silent())
    }

    /// The answer that is owed; none where none is. One that has begun when the time is up gets some grace.
    fn await_owed(
        &mut self,
        within: Duration,
        grace: Duration,
        waiting: &WaitContext,
    ) -> Result<Option<Received<ActorToEngine>>, LinkError> {
        if self.owed.is_none() {
            return Ok(None);
        }

        let mut until = Instant::now() + within;
        let mut part = waiting.notice_time(until);
        let mut told = false;
        // What had come when the time was up for the first time.
        let mut late_since = None;
        let ended = loop {
            match self.next_answer(part, waiting) {
                Ok(received) => break Ok(Some(received)),
                Err(GuardError::TimedOut) if part < until => {
                    part = until;
                    told = true;
                    waiting.notify(Some(AwaitedActor {
                        actor: self.actor.clone(),
                        why: silence_reason(self.pid),
                    }));
                }
                // It has answered, or begun to: who was suspended meanwhile may be this very program.
                Err(GuardError::TimedOut)
                    if late_since.is_none() && !grace.is_zero() && self.wire.has_begun() =>
                {
                    late_since = Some(self.wire.received_bytes());
                    until = Instant::now() + grace;
                    part = until;
                }
                Err(GuardError::TimedOut)
                    if late_since.is_some_and(|then| then < self.wire.received_bytes()) =>
                {
                    break Err(self.mark_lost("it does not end what it began to say"));
                }
                Err(GuardError::TimedOut) => break Err(self.silent()),
                Err(GuardError::Cancelled) => break Err(LinkError::Cancelled),
                Err(other) => break Err(self.lose_by(other)),
            }
        };

        if told {
            waiting.notify(None);
        }
        ended
    }

    /// The answer that it owes, and no other.
    fn next_answer(
        &mut self,
        until: Instant,
        waiting: &WaitContext,
    ) -> Result<Received<ActorToEngine>, GuardError> {
        let Received { message, fds, sender } =
            self.wire.receive::<Numbered<ActorToEngine>>(&waiting.wait_until(until))?;

        if self.owed != Some(message.id) {
            return Err(GuardError::Garbled("it answered what nobody had asked".into()));
        }
        self.owed = None;
        // A panic is the last word of a role, whatever it was asked.
        if let ActorToEngine::Panicked(failure) = &message.message {
            return Err(GuardError::Garbled(with_causes(failure)));
        }

        Ok(Received { message: message.message, fds, sender })
    }

    fn silent(&self) -> LinkError {
        LinkError::Silent { actor: self.actor.clone(), why: silence_reason(self.pid) }
    }

    /// Ask it nothing any more; returns the error that says why.
    pub fn mark_lost(&mut self, why: &str) -> LinkError {
        self.lose_by(GuardError::Garbled(why.to_owned()))
    }

    fn lose_by(&mut self, error: GuardError) -> LinkError {
        let loss = if matches!(error, GuardError::Closed) {
            Loss::Ended
        } else {
            Loss::Misbehaved(error.to_string())
        };
        let error = self.error(&loss);
        self.lost = Some(loss);
        error
    }

    fn error(&self, loss: &Loss) -> LinkError {
        let actor = self.actor.clone();
        match loss {
            Loss::Ended => LinkError::ActorGone { actor },
            Loss::Misbehaved(why) => LinkError::Lost { actor, why: why.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{events, requests};
    use std::io::Write;
    use std::os::fd::{AsRawFd, RawFd};
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc::RecvTimeoutError;

    /// An actor, and the other end of its wire, where anybody may be.
    fn introduced() -> (ActorWire, Wire) {
        let (ours, mut theirs) = Wire::pair().expect("a wire");
        ours.expect_credentials().expect("credentials");
        send(&mut theirs, 0, ActorToEngine::Introduced { actor: "container".into() }, &[]);
        let (wire, _) =
            ActorWire::await_introduction("container".into(), ours, &WaitContext::default())
                .expect("an actor");
        assert_eq!(wire.pid(), std::process::id());
        (wire, theirs)
    }

    fn send(wire: &mut Wire, id: u64, message: ActorToEngine, fds: &[RawFd]) {
        wire.send(&Numbered { id, message }, fds).expect("it is sent");
    }

    fn hostname(name: &str) -> ActorToEngine {
        ActorToEngine::Hostname(Some(name.into()))
    }

    const ASK: EngineToActor = EngineToActor::Hostname { pid: None };

    fn answer_of(wire: &mut ActorWire) -> Result<ActorToEngine, String> {
        wire.ask(&ASK, &WaitContext::default())
            .map(|received| received.message)
            .map_err(|error| error.to_string())
    }

    /// The other end sends something; the actor is lost, with a sentence, and not asked again.
    #[track_caller]
    fn check_lost(sentence: &str, send: impl FnOnce(Wire)) {
        let (mut wire, theirs) = introduced();
        send(theirs);
        let expected = Err(format!("container is lost: {sentence}"));
        assert_eq!(answer_of(&mut wire), expected);
        assert_eq!(answer_of(&mut wire), expected);
        assert!(!wire.is_usable());
    }

    #[test]
    fn whoever_says_what_actors_do_not_say_is_lost() {
        check_lost("it answered what nobody had asked", |mut theirs| {
            send(&mut theirs, 7, hostname("a"), &[]);
            std::mem::forget(theirs);
        });

        let raw = |bytes: &'static [u8]| {
            move |theirs: Wire| {
                let mut stream = UnixStream::from(theirs.into_fd());
                stream.write_all(bytes).expect("it is sent");
                std::mem::forget(stream);
            }
        };

        check_lost("it sent a message of 4294967295 bytes", raw(b"\xff\xff\xff\xff"));
        check_lost("it sent a message of 4194305 bytes", raw(b"\x01\x00\x40\x00"));
        check_lost("EOF while parsing a value at line 1 column 0", raw(b"\0\0\0\0"));
        check_lost("expected value at line 1 column 1", raw(b"\x04\0\0\0]]]]"));
        check_lost("it sent more descriptors than anybody asked for", |mut theirs| {
            let fds = [theirs.as_raw_fd(); 200];
            send(&mut theirs, 1, hostname("a"), &fds);
            std::mem::forget(theirs);
        });
        check_lost(
            "invalid type: integer `5`, expected struct Numbered at line 1 column 1",
            raw(b"\x01\0\0\x005"),
        );
    }

    #[test]
    fn deep_nesting_is_refused_without_falling_over() {
        let (mut wire, theirs) = introduced();
        let body = [br#"{"id":1,"message":"#.as_slice(), &b"[".repeat(1 << 20)].concat();
        let mut stream = UnixStream::from(theirs.into_fd());
        let writer = std::thread::spawn(move || {
            let length = u32::try_from(body.len()).expect("a length").to_le_bytes();
            // It may be cut off in the middle.
            let _ = stream.write_all(&[&length, body.as_slice()].concat());
            stream
        });

        let said = answer_of(&mut wire).expect_err("no answer");
        assert!(said.starts_with("container is lost"), "{said}");
        drop(wire);
        writer.join().expect("it ends");
    }

    #[test]
    fn the_end_of_the_wire_is_the_end_of_the_actor() {
        let (mut wire, theirs) = introduced();
        assert!(wire.is_usable());
        drop(theirs);
        assert!(!wire.is_usable() && wire.has_ended());
        assert_eq!(answer_of(&mut wire), Err("container is gone".into()));
        assert_eq!(answer_of(&mut wire), Err("container is gone".into()));
    }

    #[test]
    fn a_late_answer_is_dropped_with_its_descriptors_and_the_next_one_counts() {
        let (mut wire, mut theirs) = introduced();
        let silent = answer_of(&mut wire).expect_err("nobody answers");
        assert!(silent.starts_with("container does not answer"), "{silent}");
        // It is asked nothing more as long as it owes an answer.
        let again = answer_of(&mut wire).expect_err("nobody answers");
        assert_eq!(again, silent);
        assert!(wire.is_usable() && !wire.has_woken_up());

        let (kept, passed) = std::io::pipe().expect("a pipe");
        send(&mut theirs, 1, hostname("late"), &[passed.as_raw_fd()]);
        drop(passed);
        assert!(wire.has_woken_up());

        // Asked anew, with the next number.
        let peer = std::thread::spawn(move || {
            let first = theirs.receive::<Numbered<EngineToActor>>().expect("a request").message;
            let second = theirs.receive::<Numbered<EngineToActor>>().expect("a request").message;
            send(&mut theirs, second.id, hostname("now"), &[]);
            (first.id, second.id, theirs)
        });
        assert_eq!(answer_of(&mut wire), Ok(hostname("now")));
        let (first, second, _theirs) = peer.join().expect("it ends");
        assert_eq!((first, second), (1, 2));

        // The only other end of the pipe went with the late answer.
        let mut kept = kept;
        assert_eq!(std::io::Read::read(&mut kept, &mut [0]).expect("the end"), 0);
    }

    #[test]
    fn an_answer_that_is_there_counts_even_when_the_time_is_up() {
        let (mut wire, mut theirs) = introduced();
        send(&mut theirs, 0, hostname("there"), &[]);
        wire.owed = Some(0);
        // As after a suspension in the middle of the wait.
        let answer = wire.await_answer(Duration::ZERO, &WaitContext::default());
        assert_eq!(answer.expect("it is there").message, hostname("there"));
    }

    #[test]
    fn whoever_drips_holds_nobody_beyond_the_deadline() {
        let (mut wire, theirs) = introduced();
        let mut stream = UnixStream::from(theirs.into_fd());
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let peer = std::thread::spawn(move || {
            stream.write_all(&100_000_u32.to_le_bytes()).expect("a header");
            let mut sent = 0;
            // Always one byte more, long before anybody's patience for a single one is at its end.
            while stopped.recv_timeout(Duration::from_micros(500)) == Err(RecvTimeoutError::Timeout)
            {
                if stream.write_all(b" ").is_ok() {
                    sent += 1;
                }
            }
            sent
        });

        // Silent at first, lost at the latest when something else is to be done: in either case nobody waits on.
        let mut said = answer_of(&mut wire).expect_err("no answer");
        for _ in 0..10 {
            if said.starts_with("container is lost") {
                break;
            }
            assert!(said.starts_with("container does not answer"), "{said}");
            let op = EngineToActor::Perform(Op::GetPid);
            said = wire.ask(&op, &WaitContext::default()).expect_err("no answer").to_string();
        }

        drop(stop);
        assert_eq!(said, "container is lost: it does not end what it began to say");
        let sent = peer.join().expect("it ends");
        assert!(sent < 100_000, "it was waited for to the end");
    }

    #[test]
    fn a_request_that_drops_the_lab_ends_all_waiting() {
        let (mut wire, _theirs) = introduced();
        let (front, queue) = requests::channel().expect("a queue");
        let (sender, events) = events::channel();
        let waiting = WaitContext::new(queue.cancel_signal(), sender);
        let op = EngineToActor::Perform(Op::Run { argv: vec!["true".into()] });
        let asker = std::thread::spawn(move || wire.ask(&op, &waiting).map(|_| ()));

        // Only once it says that it waits, so that it does.
        let said = events.recv();
        assert!(matches!(said, Some(crate::engine::Event::Waiting(Some(_)))), "{said:?}");

        front.send(crate::engine::Request::RewindTo { steps: 0 }).expect("it is heard");
        let ended = asker.join().expect("it ends");
        assert!(matches!(ended, Err(LinkError::Cancelled)), "{ended:?}");
        assert!(matches!(events.recv(), Some(crate::engine::Event::Waiting(None))));
    }
}
