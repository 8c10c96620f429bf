//! The engine on a thread of its own: requests in, events out.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::events::{EventSender, Unheard};
use super::requests::{Cancel, RequestQueue};
use super::session::{Session, SessionError};
use super::turn::Judging;
use super::waiting::Waiting;
use super::whereabouts::Whereabouts;
use super::{Event, Goal, Request, Visit};
use crate::engine::link_error::LinkError;
use crate::failure::Failure;
use crate::proof::Proof;
use crate::report::StepRecord;
use crate::snapshot::Snapshot;

/// The period in which an idle lab is looked at: a change shows within two of these.
const TICK: Duration = Duration::from_millis(90);

/// Open a session and serve requests until the front end is gone or quits. `open` runs on the engine's own thread.
pub fn serve(
    open: impl FnOnce(Waiting) -> Result<Session, SessionError>,
    requests: &RequestQueue,
    visits: &Receiver<Visit>,
    events: &EventSender,
) {
    let started = Instant::now();
    let waiting = Waiting::new(requests.cancel(), events.clone());

    let proof = match open(waiting) {
        Ok(session) => {
            let mut server = Server {
                session,
                shells: Whereabouts::default(),
                cancel: requests.cancel(),
                events,
                has_told_end: false,
            };
            // One who hears nothing any more is not told the end either.
            let _ = server.tell_ready(started).and_then(|()| server.serve(requests, visits));
            server.session.close()
        }
        Err(error) => {
            let _ = events.send(Event::Failed(Failure::of(&error)));
            wait_for_quit(requests);
            Proof::default()
        }
    };

    let _ = events.send(Event::Ended(proof));
}

/// Open the shells that were asked for from outside the front end.
pub fn answer_visits(session: &mut Session, visits: &Receiver<Visit>) {
    for visit in visits.try_iter() {
        let opened = session.shell(&visit.actor, visit.size).map_err(|error| Failure::of(&error));
        // One who has gone away again is not missed.
        let _ = visit.reply.send(opened);
    }
}

fn wait_for_quit(requests: &RequestQueue) {
    while !matches!(requests.recv(), Ok(Request::Quit) | Err(_)) {}
}

/// A session, and the events that tell of it.
struct Server<'a> {
    session: Session,
    shells: Whereabouts,
    cancel: Cancel,
    events: &'a EventSender,
    /// True once it was told that the lab has ended: that is said once.
    has_told_end: bool,
}

impl Server<'_> {
    fn serve(&mut self, requests: &RequestQueue, visits: &Receiver<Visit>) -> Result<(), Unheard> {
        loop {
            answer_visits(&mut self.session, visits);
            match requests.recv_timeout(TICK) {
                Ok(Request::Quit) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(request) => self.answer(request)?,
                Err(RecvTimeoutError::Timeout) => self.tell_changes()?,
            }
        }
    }

    fn tell(&self, event: Event) -> Result<(), Unheard> {
        self.events.send(event)
    }

    fn answer(&mut self, request: Request) -> Result<(), Unheard> {
        let started = Instant::now();
        let session = &mut self.session;

        let answered = match request {
            Request::LeaveOut { step, out } => {
                if out {
                    session.leave_out(step);
                } else {
                    session.take_in(step);
                }
                return self.tell_ready(started);
            }
            // A request behind it in the queue drops the lab.
            _ if !request.drops_lab() && self.cancel.is_asked() => Err(LinkError::Cancelled.into()),
            Request::Next => return self.play(Session::play_next),
            Request::Show => return self.play(Session::show),
            // There is nothing to do in a step that can't be done here, or is left out.
            Request::Turn(Goal::Step) if !session.is_next_open() => {
                return self.play(Session::play_next);
            }
            Request::Turn(goal) => {
                session.begin_turn(goal).map(|state| Some(Event::Turn(Some(state))))
            }
            Request::EndTurn => {
                session.end_turn();
                Ok(Some(Event::Turn(None)))
            }
            Request::Branch { step, branch } => session
                .branch(step, branch)
                .map(|record| Some(Event::Branched { branch, record: Arc::new(record) })),
            Request::Shell { tab, actor, size } => {
                let opened = session.shell(&actor, size).map_err(|error| Failure::of(&error));
                if let Ok(terminal) = &opened {
                    self.shells.add(tab, &terminal.master);
                }
                Ok(Some(Event::Shell { tab, actor, opened }))
            }
            Request::TurnDone => match session.finish_turn() {
                Ok(Some(record)) => {
                    self.tell(Event::Turn(None))?;
                    self.tell(Event::Played(Arc::new(record)))?;
                    return self.tell_ready(started);
                }
                other => other.map(|_| None),
            },
            Request::RewindTo { steps } => match session.rewind_to(steps) {
                Ok(()) => return self.tell_ready(started),
                Err(error) => Err(error),
            },
            Request::EndBranch => match session.end_branch() {
                Ok(()) => return self.tell_ready(started),
                Err(error) => Err(error),
            },
            Request::Quit => Ok(None),
        };

        match answered {
            Ok(event) => event.map_or(Ok(()), |event| self.tell(event)),
            Err(error) => self.tell_failure(&error),
        }
    }

    fn play(
        &mut self,
        act: impl FnOnce(&mut Session) -> Result<StepRecord, SessionError>,
    ) -> Result<(), Unheard> {
        let started = Instant::now();
        self.tell(Event::Turn(None))?;
        self.tell(Event::Playing { step: self.session.played() })?;

        match act(&mut self.session) {
            Ok(record) => {
                self.tell(Event::Played(Arc::new(record)))?;
                self.tell_ready(started)
            }
            Err(error) => self.tell_failure(&error),
        }
    }

    /// Tell that the lab is ready. Of one that is about to be dropped nothing is told: the next one follows.
    fn tell_ready(&mut self, since: Instant) -> Result<(), Unheard> {
        if self.cancel.is_asked() {
            return Ok(());
        }

        match self.session.ready(since) {
            Ok(ready) => {
                self.has_told_end = false;
                self.tell(Event::Ready(ready))
            }
            Err(error) => self.tell_failure(&error),
        }
    }

    /// Tell of a failure. Nothing is one while a request that drops the lab is on its way.
    fn tell_failure(&mut self, error: &SessionError) -> Result<(), Unheard> {
        if error.is_cancelled() || self.cancel.is_asked() {
            return Ok(());
        }

        if error.is_end_of_lab() && !std::mem::replace(&mut self.has_told_end, true) {
            self.session.end_turn();
            self.tell(Event::Turn(None))?;
            // Nothing of it is there any more, and the panes say so.
            self.tell(Event::Live(Arc::default()))?;
        }

        self.tell(Event::Failed(Failure::of(error)))
    }

    fn tell_changes(&mut self) -> Result<(), Unheard> {
        if self.has_told_end {
            return Ok(());
        }

        let judged = self.session.look_for_changes().and_then(|changed| {
            let judging = if changed.is_some() { Judging::Now } else { Judging::IfDue };
            let turn = self.session.judge_turn(judging)?;
            Ok((changed, turn))
        });

        match judged {
            Ok((changed, turn)) => {
                if let Some(snapshot) = changed {
                    self.tell_live(snapshot)?;
                }
                if let Some((state, snapshot)) = turn {
                    self.tell_live(snapshot)?;
                    self.tell(Event::Turn(Some(state)))?;
                }
                Ok(())
            }
            Err(error) => self.tell_failure(&error),
        }
    }

    fn tell_live(&mut self, snapshot: Snapshot) -> Result<(), Unheard> {
        let moved = self.shells.moved(&snapshot);
        self.tell(Event::Live(Arc::new(snapshot)))?;
        moved.into_iter().try_for_each(|(tab, actor)| self.tell(Event::ShellInside { tab, actor }))
    }
}
