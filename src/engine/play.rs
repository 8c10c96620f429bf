//! The engine on a thread of its own: requests in, events out.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::session::{Session, SessionError};
use super::{Event, Proof, Request};

/// How often an idle lab is looked at: a change shows within two of these.
const TICK: Duration = Duration::from_millis(90);

/// Open a session and serve requests until the front end is gone or quits. `open` runs on the engine's own thread.
pub fn serve(
    open: impl FnOnce() -> Result<Session, SessionError>,
    requests: &Receiver<Request>,
    events: &Sender<Event>,
) {
    let started = Instant::now();
    let proof = match open() {
        Ok(mut session) => {
            let told = tell_ready(&mut session, events, started);
            if told {
                serve_session(&mut session, requests, events);
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

fn serve_session(session: &mut Session, requests: &Receiver<Request>, events: &Sender<Event>) {
    loop {
        let told = match requests.recv_timeout(TICK) {
            Ok(Request::Next) => play(session, events),
            Ok(Request::RewindTo { steps }) => rewind(session, steps, events),
            Ok(Request::Shell { tab, actor, size }) => {
                let opened = session.shell(&actor, size).map_err(|error| error.to_string());
                events.send(Event::Shell { tab, actor, opened }).is_ok()
            }
            Ok(Request::Quit) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => tell_changes(session, events),
        };
        if !told {
            return;
        }
    }
}

fn wait_for_quit(requests: &Receiver<Request>) {
    while !matches!(requests.recv(), Ok(Request::Quit) | Err(_)) {}
}

/// False when nobody listens any more.
fn play(session: &mut Session, events: &Sender<Event>) -> bool {
    let started = Instant::now();
    if events.send(Event::Playing { step: session.played() }).is_err() {
        return false;
    }
    match session.play_next() {
        Ok(record) => events.send(Event::Played(Arc::new(record))).is_ok() && tell_ready(session, events, started),
        Err(error) => events.send(Event::Failed { message: error.to_string() }).is_ok(),
    }
}

fn rewind(session: &mut Session, steps: usize, events: &Sender<Event>) -> bool {
    let started = Instant::now();
    match session.rewind_to(steps) {
        Ok(()) => tell_ready(session, events, started),
        Err(error) => events.send(Event::Failed { message: error.to_string() }).is_ok(),
    }
}

fn tell_ready(session: &mut Session, events: &Sender<Event>, since: Instant) -> bool {
    match session.ready(since) {
        Ok(ready) => events.send(Event::Ready(ready)).is_ok(),
        Err(error) => events.send(Event::Failed { message: error.to_string() }).is_ok(),
    }
}

fn tell_changes(session: &mut Session, events: &Sender<Event>) -> bool {
    match session.look_for_changes() {
        Some(snapshot) => events.send(Event::Live(Arc::new(snapshot))).is_ok(),
        None => true,
    }
}
