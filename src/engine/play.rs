//! The engine on a thread of its own: requests in, events out.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::events::{EventSender, ReceiverGone};
use super::requests::{CancelSignal, RequestQueue};
use super::session::{Session, SessionError};
use super::shell_locations::ShellLocations;
use super::turn::Judging;
use super::waiting::WaitContext;
use super::{Event, PendingShell, Request, TurnGoal};
use crate::diff::Diff;
use crate::engine::link_error::LinkError;
use crate::failure::Failure;
use crate::lesson::detour::Detour;
use crate::proof::Proof;
use crate::report::StepRecord;
use crate::snapshot::Snapshot;

/// The period in which an idle lab is looked at: a change shows within two of these.
const IDLE_LOOK_PERIOD: Duration = Duration::from_millis(90);

/// Open a session and serve requests until the front end is gone or quits. `open` runs on the engine's own thread.
pub fn run_engine(
    open: impl FnOnce(WaitContext) -> Result<Session, SessionError>,
    requests: &RequestQueue,
    pending_shells: &Receiver<PendingShell>,
    events: &EventSender,
) {
    let started = Instant::now();
    let waiting = WaitContext::new(requests.cancel_signal(), events.clone());

    let proof = match open(waiting) {
        Ok(session) => {
            let mut server = Server {
                session,
                shells: ShellLocations::default(),
                cancel: requests.cancel_signal(),
                events,
                has_told_end: false,
                told_detour: None,
                told: Arc::default(),
            };
            // One who hears nothing any more is not told the end either.
            let _ =
                server.tell_ready(started).and_then(|()| server.serve(requests, pending_shells));
            server.session.close_and_compare()
        }
        Err(error) => {
            let _ = events.send(Event::Failed(Failure::of(&error)));
            wait_for_quit(requests);
            Proof::default()
        }
    };

    let _ = events.send(Event::SessionEnded(proof));
}

/// Open the shells that were asked for from outside the front end.
pub fn answer_pending_shells(session: &mut Session, pending_shells: &Receiver<PendingShell>) {
    for pending in pending_shells.try_iter() {
        let opened = session.open_shell_outside(&pending.actor, pending.size);
        let opened = opened.map_err(|error| Failure::of(&error));
        // One who has gone away again is not missed.
        let _ = pending.reply.send(opened);
    }
}

fn wait_for_quit(requests: &RequestQueue) {
    while !matches!(requests.recv(), Ok(Request::Quit) | Err(_)) {}
}

/// The news of a detour that are worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DetourNews {
    /// One that was not told last.
    Changed,
    /// Any there is: who hears of another lab has forgotten the last one's.
    Any,
}

/// A session, and the events that tell of it.
struct Server<'a> {
    session: Session,
    shells: ShellLocations,
    cancel: CancelSignal,
    events: &'a EventSender,
    /// True once it was told that the lab has ended: that is said once.
    has_told_end: bool,
    told_detour: Option<Detour>,
    /// The state of the lab as it was told last.
    told: Arc<Snapshot>,
}

impl Server<'_> {
    fn serve(
        &mut self,
        requests: &RequestQueue,
        pending_shells: &Receiver<PendingShell>,
    ) -> Result<(), ReceiverGone> {
        loop {
            answer_pending_shells(&mut self.session, pending_shells);
            match requests.recv_timeout(IDLE_LOOK_PERIOD) {
                Ok(Request::Quit) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(request) => {
                    self.answer(request)?;
                    self.tell_unseen()?;
                }
                Err(RecvTimeoutError::Timeout) => self.tell_changes()?,
            }
        }
    }

    fn tell(&mut self, event: Event) -> Result<(), ReceiverGone> {
        match &event {
            Event::Ready(ready) => self.told = Arc::clone(&ready.live),
            Event::Played(record) | Event::BranchPlayed { record, .. } => {
                self.told = Arc::clone(&record.after);
            }
            Event::LiveSnapshot(snapshot) => self.told = Arc::clone(snapshot),
            Event::Playing { .. }
            | Event::ChartsSampled(_)
            | Event::OwnCalls(_)
            | Event::TurnBegan { .. }
            | Event::DetourChanged(_)
            | Event::TurnChanged(_)
            | Event::ShellOpened { .. }
            | Event::ShellMoved { .. }
            | Event::Waiting(_)
            | Event::Unpacking(_)
            | Event::RequestRefused { .. }
            | Event::Failed(_)
            | Event::SessionEnded(_) => {}
        }
        self.events.send(event)
    }

    /// Tell the state of the lab where it was read without being told: to break something for a turn, to judge, to take
    /// in a process. What is read then is no change for the next look.
    fn tell_unseen(&mut self) -> Result<(), ReceiverGone> {
        if self.has_told_end || self.cancel.is_requested() {
            return Ok(());
        }
        let Some(last) = self.session.last_snapshot() else { return Ok(()) };
        if *last == *self.told || Diff::between(&self.told, last).is_unchanged_but_clocks() {
            return Ok(());
        }
        let last = last.clone();
        self.tell_live(last)
    }

    fn answer(&mut self, request: Request) -> Result<(), ReceiverGone> {
        let started = Instant::now();
        let session = &mut self.session;

        let answered = match request {
            // Taken even when the lab is to be dropped: what is left out counts for the next one,
            // too.
            Request::LeaveOut { step, out } => {
                if out {
                    session.leave_out(step);
                } else {
                    session.take_in(step);
                }
                if out && session.turn_state().is_some_and(|turn| turn.is_of_step(step)) {
                    session.drop_turn();
                    self.tell(Event::TurnChanged(None))?;
                }
                return self.tell_ready(started);
            }
            // A request behind it in the queue drops the lab.
            _ if !request.is_dropping_lab() && self.cancel.is_requested() => {
                Err(LinkError::Cancelled.into())
            }
            Request::PlayNext => return self.play(Session::play_next),
            Request::PlayInstead => return self.play(Session::play_instead),
            // There is nothing to do in a step that can't be done here, or is left out.
            Request::BeginTurn(TurnGoal::Step) if !session.is_next_open() => {
                return self.play(Session::play_next);
            }
            Request::BeginTurn(goal) => match session.begin_turn(goal) {
                Ok(turn) => {
                    let before = session.turn_start().unwrap_or_default();
                    // What the step breaks is broken by now, and is shown so.
                    self.tell_unseen()?;
                    Ok(Some(Event::TurnBegan { turn, before }))
                }
                Err(error) => Err(error),
            },
            Request::DropTurn => {
                session.drop_turn();
                Ok(Some(Event::TurnChanged(None)))
            }
            Request::PlayBranch { step, branch } => session
                .play_branch(step, branch)
                .map(|record| Some(Event::BranchPlayed { branch, record: Arc::new(record) })),
            Request::OpenShell { tab, actor, size } => {
                let opened =
                    session.open_shell(tab, &actor, size).map_err(|error| Failure::of(&error));
                if let Ok(terminal) = &opened {
                    self.shells.add(tab, &terminal.master);
                }
                Ok(Some(Event::ShellOpened { tab, actor, opened }))
            }
            Request::FinishTurn => match session.finish_turn_if_all_holds() {
                Ok(Some(record)) => {
                    self.tell(Event::TurnChanged(None))?;
                    self.tell(Event::Played(Arc::new(record)))?;
                    return self.tell_ready(started);
                }
                other => other.map(|_| None),
            },
            Request::RewindTo { steps } => match session.rewind_to(steps) {
                Ok(()) => return self.tell_ready(started),
                Err(error) => Err(error),
            },
            Request::LeaveBranch => match session.leave_branch() {
                Ok(()) => {
                    self.tell_ready(started)?;
                    // The turn that waited with its lab goes on.
                    let turn = self.session.turn_state().cloned();
                    return turn.map_or(Ok(()), |turn| self.tell(Event::TurnChanged(Some(turn))));
                }
                Err(error) => Err(error),
            },
            Request::Quit => Ok(None),
        };

        match answered {
            Ok(Some(event)) => {
                let is_of_turn = matches!(event, Event::TurnChanged(_));
                self.tell(event)?;
                // What is typed in a turn counts as the step's own.
                if is_of_turn { self.tell_detour(DetourNews::Changed) } else { Ok(()) }
            }
            Ok(None) => Ok(()),
            Err(error) => self.tell_failure(&error),
        }
    }

    fn play(
        &mut self,
        act: impl FnOnce(&mut Session) -> Result<StepRecord, SessionError>,
    ) -> Result<(), ReceiverGone> {
        let started = Instant::now();
        self.tell(Event::TurnChanged(None))?;
        self.tell(Event::Playing { step: self.session.played_steps() })?;

        match act(&mut self.session) {
            Ok(record) => {
                self.tell(Event::Played(Arc::new(record)))?;
                self.tell_ready(started)
            }
            Err(error) => self.tell_failure(&error),
        }
    }

    /// Tell that the lab is ready. Of one that is about to be dropped nothing is told: the next one follows.
    fn tell_ready(&mut self, since: Instant) -> Result<(), ReceiverGone> {
        if self.cancel.is_requested() {
            return Ok(());
        }

        match self.session.ready_state(since) {
            Ok(ready) => {
                self.has_told_end = false;
                self.tell(Event::Ready(ready))?;
                self.tell_detour(DetourNews::Any)
            }
            Err(error) => self.tell_failure(&error),
        }
    }

    /// Tell of a failure. Nothing is one while a request that drops the lab is on its way.
    fn tell_failure(&mut self, error: &SessionError) -> Result<(), ReceiverGone> {
        if error.is_cancelled() || self.cancel.is_requested() {
            return Ok(());
        }

        self.tell(Event::Failed(Failure::of(error)))?;
        if error.is_end_of_lab() && !std::mem::replace(&mut self.has_told_end, true) {
            self.session.drop_turn();
            self.tell(Event::TurnChanged(None))?;
            // Nothing of it is there any more, and the panes say so.
            self.tell(Event::LiveSnapshot(Arc::default()))?;
        }
        Ok(())
    }

    fn tell_changes(&mut self) -> Result<(), ReceiverGone> {
        if self.has_told_end {
            return Ok(());
        }

        let judged = self.session.snapshot_if_changed().and_then(|changed| {
            let judging = if changed.is_some() { Judging::Now } else { Judging::IfDue };
            let turn = self.session.judge_turn(judging)?;
            Ok((changed, turn))
        });

        match judged {
            Ok((changed, turn)) => {
                let has_changed = changed.is_some() || turn.is_some();
                if let Some(snapshot) = changed {
                    self.tell_live(snapshot)?;
                }
                if let Some((state, snapshot)) = turn {
                    self.tell_live(snapshot)?;
                    self.tell(Event::TurnChanged(Some(state)))?;
                }
                self.tell_unseen()?;
                if has_changed { self.tell_detour(DetourNews::Changed) } else { Ok(()) }
            }
            Err(error) => self.tell_failure(&error),
        }
    }

    fn tell_detour(&mut self, news: DetourNews) -> Result<(), ReceiverGone> {
        match self.session.find_detour() {
            Ok(detour) => {
                let has_changed = detour != self.told_detour;
                let is_told = has_changed || (news == DetourNews::Any && detour.is_some());
                self.told_detour.clone_from(&detour);
                if is_told { self.tell(Event::DetourChanged(detour)) } else { Ok(()) }
            }
            Err(error) => self.tell_failure(&error),
        }
    }

    fn tell_live(&mut self, snapshot: Snapshot) -> Result<(), ReceiverGone> {
        let moved = self.shells.take_moves(&snapshot);
        self.tell(Event::LiveSnapshot(Arc::new(snapshot)))?;
        moved.into_iter().try_for_each(|(tab, actor)| self.tell(Event::ShellMoved { tab, actor }))
    }
}
