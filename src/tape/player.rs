//! Playing a tape: the same requests, the same events as a live lab's, from what was recorded.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Tape;
use crate::engine::events::EventSender;
use crate::engine::requests::RequestQueue;
use crate::engine::{Event, ReadyState, Request, TurnGoal};
use crate::lesson::model::Lesson;
use crate::notice::Refusal;

/// Serve requests until the front end is gone or quits. The tape must fit the lesson (`Tape::check_fits`).
pub fn play_tape(tape: &Tape, lesson: &Lesson, requests: &RequestQueue, events: &EventSender) {
    let mut player = Player { tape, lesson, played: 0 };
    let mut answers = vec![player.ready()];

    loop {
        for event in answers {
            if events.send(event).is_err() {
                return;
            }
        }

        answers = match requests.recv() {
            Ok(Request::Quit) | Err(_) => break,
            Ok(request) => player.answer(&request),
        };
    }

    let _ = events.send(Event::SessionEnded(tape.proof.clone()));
}

struct Player<'a> {
    tape: &'a Tape,
    lesson: &'a Lesson,
    played: usize,
}

impl Player<'_> {
    fn answer(&mut self, request: &Request) -> Vec<Event> {
        match request {
            Request::PlayNext | Request::PlayInstead | Request::FinishTurn => self.next(),
            Request::RewindTo { steps } => {
                self.played = (*steps).min(self.tape.records.len());
                vec![self.ready()]
            }
            Request::BeginTurn(TurnGoal::Step | TurnGoal::Question { .. }) => {
                refused(Refusal::NothingToType)
            }
            Request::OpenShell { tab, actor, .. } => {
                let opened = Err("a tape has none: nothing runs behind it".into());
                vec![Event::ShellOpened { tab: *tab, actor: actor.clone(), opened }]
            }
            Request::LeaveOut { .. } => refused(Refusal::NothingToLeaveOut),
            Request::PlayBranch { step, branch } => {
                let taken = self
                    .tape
                    .branches
                    .iter()
                    .find(|taken| taken.step == *step && taken.branch == *branch);
                match taken {
                    Some(taken) => {
                        vec![Event::BranchPlayed {
                            branch: *branch,
                            record: Arc::clone(&taken.record),
                        }]
                    }
                    None => refused(Refusal::WhatIfNotRecorded),
                }
            }
            Request::LeaveBranch => vec![self.ready()],
            Request::DropTurn | Request::Quit => Vec::new(),
        }
    }

    fn next(&mut self) -> Vec<Event> {
        let Some(record) = self.tape.records.get(self.played) else {
            return refused(Refusal::AtTheEnd);
        };
        let playing = Event::Playing { step: self.played };
        self.played += 1;
        vec![playing, Event::Played(Arc::clone(record)), self.ready()]
    }

    fn ready(&self) -> Event {
        match self.tape.state_after(self.lesson, self.played) {
            Some(ready) => Event::Ready(ready),
            // One moment more than steps: `file` reads no other tapes.
            None => Event::Failed("the tape has nothing here".into()),
        }
    }
}

impl Tape {
    /// The lesson's state after so many steps; None past the end.
    pub fn state_after(&self, lesson: &Lesson, played: usize) -> Option<ReadyState> {
        let moment = self.states.get(played)?;
        let checks =
            lesson.steps.get(played).map_or_else(Vec::new, |step| step.preflight(&moment.live));

        Some(ReadyState {
            lab: moment.lab.clone(),
            played,
            left_out: BTreeSet::new(),
            live: Arc::clone(&moment.live),
            context: moment.context.clone(),
            checks,
            nanos: 0,
        })
    }
}

fn refused(why: Refusal) -> Vec<Event> {
    vec![Event::RequestRefused { why }]
}
