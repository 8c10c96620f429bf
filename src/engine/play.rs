//! The engine on a thread of its own: requests in, events out.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::session::{Session, SessionError};
use super::whereabouts::Whereabouts;
use super::{Event, Goal, Proof, Request, Visit};
use crate::report::StepRecord;
use crate::snapshot::Snapshot;

/// How often an idle lab is looked at: a change shows within two of these.
const TICK: Duration = Duration::from_millis(90);

/// Open a session and serve requests until the front end is gone or quits. `open` runs on the engine's own thread.
pub fn serve(
    open: impl FnOnce() -> Result<Session, SessionError>,
    requests: &Receiver<Request>,
    visits: &Receiver<Visit>,
    events: &Sender<Event>,
) {
    let started = Instant::now();
    let proof = match open() {
        Ok(mut session) => {
            session.tell_charts_to(events.clone());
            let told = tell_ready(&mut session, events, started);
            if told {
                serve_session(&mut session, requests, visits, events);
            }
            session.close()
        }
        Err(error) => {
            let _ = events.send(Event::Failed { message: error.to_string() });
            wait_for_quit(requests);
            Proof::default()
        }
    };
    let _ = events.send(Event::Ended(proof));
}

fn serve_session(
    session: &mut Session,
    requests: &Receiver<Request>,
    visits: &Receiver<Visit>,
    events: &Sender<Event>,
) {
    let mut shells = Whereabouts::default();
    loop {
        answer_visits(session, visits);
        let told = match requests.recv_timeout(TICK) {
            Ok(Request::Quit) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(request) => serve_request(session, &mut shells, request, events),
            Err(RecvTimeoutError::Timeout) => tell_changes(session, &mut shells, events),
        };
        if !told {
            return;
        }
    }
}

/// Shells for those who came in by the door.
pub fn answer_visits(session: &mut Session, visits: &Receiver<Visit>) {
    for visit in visits.try_iter() {
        let opened = session.shell(&visit.actor, visit.size).map_err(|error| error.to_string());
        // One who has gone away again is not missed.
        let _ = visit.reply.send(opened);
    }
}

/// False when nobody listens any more.
fn serve_request(session: &mut Session, shells: &mut Whereabouts, request: Request, events: &Sender<Event>) -> bool {
    let started = Instant::now();
    match request {
        Request::Next => play(session, events, Session::play_next),
        Request::Show => play(session, events, Session::show),
        Request::RewindTo { steps } => match session.rewind_to(steps) {
            Ok(()) => tell_ready(session, events, started),
            Err(error) => fail(events, &error),
        },
        // There is nothing to do in a step that can't be done here, or is left out.
        Request::Turn(Goal::Step) if !session.is_next_open() => play(session, events, Session::play_next),
        Request::Turn(goal) => match session.begin_turn(goal) {
            Ok(state) => events.send(Event::Turn(Some(state))).is_ok(),
            Err(error) => fail(events, &error),
        },
        Request::TurnDone => match session.finish_turn() {
            Ok(Some(record)) => {
                events.send(Event::Turn(None)).is_ok()
                    && events.send(Event::Played(Arc::new(record))).is_ok()
                    && tell_ready(session, events, started)
            }
            Ok(None) => true,
            Err(error) => fail(events, &error),
        },
        Request::EndTurn => {
            session.end_turn();
            events.send(Event::Turn(None)).is_ok()
        }
        Request::LeaveOut { step, out } => {
            session.leave_out(step, out);
            tell_ready(session, events, started)
        }
        Request::Branch { step, branch } => match session.branch(step, branch) {
            Ok(record) => events.send(Event::Branched { branch, record: Arc::new(record) }).is_ok(),
            Err(error) => fail(events, &error),
        },
        Request::EndBranch => match session.end_branch() {
            Ok(()) => tell_ready(session, events, started),
            Err(error) => fail(events, &error),
        },
        Request::Shell { tab, actor, size } => {
            let opened = session.shell(&actor, size).map_err(|error| error.to_string());
            if let Ok(terminal) = &opened {
                shells.add(tab, &terminal.master);
            }
            events.send(Event::Shell { tab, actor, opened }).is_ok()
        }
        Request::Quit => false,
    }
}

fn wait_for_quit(requests: &Receiver<Request>) {
    while !matches!(requests.recv(), Ok(Request::Quit) | Err(_)) {}
}

fn play(
    session: &mut Session,
    events: &Sender<Event>,
    act: impl FnOnce(&mut Session) -> Result<StepRecord, SessionError>,
) -> bool {
    let started = Instant::now();
    if events.send(Event::Turn(None)).is_err() || events.send(Event::Playing { step: session.played() }).is_err() {
        return false;
    }
    match act(session) {
        Ok(record) => events.send(Event::Played(Arc::new(record))).is_ok() && tell_ready(session, events, started),
        Err(error) => fail(events, &error),
    }
}

fn fail(events: &Sender<Event>, error: &SessionError) -> bool {
    events.send(Event::Failed { message: error.to_string() }).is_ok()
}

fn tell_ready(session: &mut Session, events: &Sender<Event>, since: Instant) -> bool {
    match session.ready(since) {
        Ok(ready) => events.send(Event::Ready(ready)).is_ok(),
        Err(error) => events.send(Event::Failed { message: error.to_string() }).is_ok(),
    }
}

fn tell_changes(session: &mut Session, shells: &mut Whereabouts, events: &Sender<Event>) -> bool {
    let changed = session.look_for_changes();
    let stirred = changed.is_some();
    if let Some(snapshot) = changed
        && !tell_live(snapshot, shells, events)
    {
        return false;
    }
    match session.judge_turn(stirred) {
        Ok(Some((state, snapshot))) => {
            tell_live(snapshot, shells, events) && events.send(Event::Turn(Some(state))).is_ok()
        }
        Ok(None) => true,
        Err(error) => fail(events, &error),
    }
}

fn tell_live(snapshot: Snapshot, shells: &mut Whereabouts, events: &Sender<Event>) -> bool {
    let moved = shells.moved(&snapshot);
    let told = events.send(Event::Live(Arc::new(snapshot))).is_ok();
    told && moved.into_iter().all(|(tab, actor)| events.send(Event::ShellInside { tab, actor }).is_ok())
}
