//! `pid`: the pid an actor has in its own namespace. `ps`: what the mounted /proc lists. `process`: whether it lives.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, FactRequest, UNREAD, World};
use crate::fact::{Listing, ProcCount};
use crate::op::ActorName;
use crate::verdict::Verdict;
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pid {
    pub of: ActorName,
    pub is: u32,
}

impl ExpectKind for Pid {
    const SUMMARY: &'static str = "the pid of an actor in its own pid namespace";

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Processes)
    }

    fn points(&self) -> Vec<String> {
        vec![self.of.to_string()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.of]
    }

    fn judge(&self, world: &World<'_>) -> Verdict {
        let sentence = format!("{} is pid {} in its own pid namespace", self.of, self.is);
        match world.snapshot.process_of(&self.of) {
            Some(process) => {
                let pids: Vec<String> = process.ns_pids.iter().map(u32::to_string).collect();
                Verdict::new(
                    process.own_pid() == self.is,
                    sentence,
                    format!("NSpid: {}", pids.join(" ")),
                )
            }
            None => Verdict::failed(sentence, format!("there is no {}", self.of)),
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
    const SUMMARY: &'static str =
        "an actor is listed in another's /proc, or how many processes are";

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Processes)
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.viewer, &self.lists]
    }

    fn facts(&self) -> Vec<FactRequest> {
        vec![
            FactRequest::ProcLists { viewer: self.viewer.clone(), target: self.lists.clone() },
            FactRequest::ProcCount { viewer: self.viewer.clone() },
        ]
    }

    fn judge(&self, world: &World<'_>) -> Verdict {
        let verb = if self.shown { "lists" } else { "does not list" };
        let sentence = format!("the /proc that {} sees {verb} {}", self.viewer, self.lists);
        let key = (self.viewer.clone(), self.lists.clone());
        let counted = match world.facts.proc_counts.get(&self.viewer) {
            Some(ProcCount { count, is_cut: false }) => format!("it lists {count} processes"),
            Some(ProcCount { count, is_cut: true }) => {
                format!("it lists more than {count} processes")
            }
            None => "it lists no processes".into(),
        };

        match world.facts.proc_lists.get(&key) {
            Some(Listing::Listed) => Verdict::new(self.shown, sentence, counted),
            Some(Listing::Missing) => Verdict::new(!self.shown, sentence, counted),
            Some(Listing::Unknown) => Verdict::failed(sentence, format!("{UNREAD}: {counted}")),
            None => {
                Verdict::failed(sentence, format!("{} or {} is not there", self.viewer, self.lists))
            }
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

    fn points(&self) -> Vec<String> {
        vec![self.actor.to_string()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn judge(&self, world: &World<'_>) -> Verdict {
        let process = world.snapshot.process_of(&self.actor).filter(|process| process.state != 'Z');
        let mut sentence =
            format!("{} is {}", self.actor, if self.alive { "alive" } else { "gone" });
        sentence.extend(self.state.map(|state| format!(", in state {state}")));
        let in_state =
            self.state.is_none_or(|state| process.is_some_and(|process| process.state == state));
        let seen = process.map_or_else(
            || "no such process".into(),
            |process| format!("pid {} {} {}", process.pid, process.state, process.args),
        );
        Verdict::new(process.is_some() == self.alive && in_state, sentence, seen)
    }
}
