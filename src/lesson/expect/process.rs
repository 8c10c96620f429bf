//! `pid`: the pid an actor has in its own namespace. `ps`: what the mounted /proc lists. `process`: whether it lives.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, FactRequest, ObservedState};
use crate::fact::ProcListing;
use crate::op::ActorName;
use crate::seen::{Judgement, Seen};
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pid {
    pub of: ActorName,
    pub is: u32,
}

impl ExpectKind for Pid {
    const SUMMARY: &'static str = "the PID of an actor in its own PID namespace";

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Processes)
    }

    fn deciding_words(&self) -> Vec<String> {
        vec![self.of.to_string()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.of]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        match world.snapshot.living_process_of(&self.of) {
            Some(process) => {
                let is_so = process.own_pid() == self.is;
                Judgement::new(is_so, Seen::NsPids(process.ns_pids.clone()))
            }
            None => Judgement::failed(Seen::NoActor(self.of.clone())),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ps {
    #[serde(rename = "in")]
    pub viewer: ActorName,
    pub lists: ActorName,
    pub shown: bool,
}

impl ExpectKind for Ps {
    const SUMMARY: &'static str = "an actor is listed in another's /proc, or is not";

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Processes)
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.viewer, &self.lists]
    }

    fn required_facts(&self) -> Vec<FactRequest> {
        vec![
            FactRequest::ProcLists { viewer: self.viewer.clone(), target: self.lists.clone() },
            FactRequest::ProcCount { viewer: self.viewer.clone() },
        ]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let key = (self.viewer.clone(), self.lists.clone());
        let counted = world.facts.proc_counts.get(&self.viewer).copied();

        match world.facts.proc_lists.get(&key) {
            Some(ProcListing::Listed) => Judgement::new(self.shown, Seen::ProcCount(counted)),
            // In a /proc where nobody is listed, nobody is missing.
            Some(ProcListing::Missing) => {
                let lists_any = counted.is_some_and(|counted| counted.count > 0);
                let shown = counted.filter(|_| lists_any);
                Judgement::new(!self.shown && lists_any, Seen::ProcCount(shown))
            }
            Some(ProcListing::Unknown) => Judgement::failed(Seen::ProcUnread(counted)),
            None => Judgement::failed(Seen::NotBoth([self.viewer.clone(), self.lists.clone()])),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    pub actor: ActorName,
    pub alive: bool,
    /// The letter of `ps`: `D` waits and can't be interrupted.
    #[serde(default)]
    pub state: Option<char>,
}

impl ExpectKind for Process {
    const SUMMARY: &'static str = "an actor lives, has ended, or is in a state";

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Processes)
    }

    fn deciding_words(&self) -> Vec<String> {
        vec![self.actor.to_string()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let process = world.snapshot.living_process_of(&self.actor);
        // Nobody has ended who was never there, and where nobody is at all, nothing is to be seen.
        let was_there = world.facts.made_actors.contains(&self.actor)
            || world.before.process_of(&self.actor).is_some();
        if !self.alive && process.is_none() && !was_there {
            return Judgement::failed(Seen::ActorNeverMade(self.actor.clone()));
        }
        if world.snapshot.processes.is_empty() {
            return Judgement::failed(Seen::NoActor(ActorName::host()));
        }

        let in_state =
            self.state.is_none_or(|state| process.is_some_and(|process| process.state == state));
        let seen = process.map_or(Seen::NoProcess, |process| Seen::Process {
            pid: process.pid,
            state: process.state,
            args: process.args.clone(),
        });
        Judgement::new(process.is_some() == self.alive && in_state, seen)
    }
}
