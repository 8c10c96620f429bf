//! The lab as it is now, and what it is compared with.

use std::sync::Arc;

use crate::app::stable_ids::StableIds;
use crate::op::ActorName;
use crate::own_call::OwnCalls;
use crate::report::{ChartSeries, StepRecord};
use crate::snapshot::Snapshot;

/// The newest snapshots of a lab that is up.
#[derive(Debug, Default)]
pub struct LiveLab {
    pub(super) now: Arc<Snapshot>,
    /// As it was before its last step.
    pub(super) before: Arc<Snapshot>,
    /// As its charts have grown.
    pub(in crate::app) charts: Arc<Vec<ChartSeries>>,
    pub(in crate::app) numbers: Arc<StableIds>,
    /// The calls of the learner's programs since the turn began.
    pub(super) own_calls: Arc<OwnCalls>,
}

impl LiveLab {
    /// The lab as a step has left it.
    pub fn after_step(record: &StepRecord, numbers: Arc<StableIds>) -> LiveLab {
        let mut lab = LiveLab {
            now: Arc::clone(&record.after),
            before: Arc::clone(&record.before),
            charts: Arc::new(record.charts.clone()),
            numbers,
            own_calls: Arc::default(),
        };
        lab.give_numbers();
        lab
    }

    /// Compare with how it is now from here on.
    pub fn compare_from_now(&mut self) {
        self.before = Arc::clone(&self.now);
    }

    /// Number what has come.
    pub fn give_numbers(&mut self) {
        // Copied where a record holds them: it keeps the numbers of its own moment (`History`).
        let numbers = Arc::make_mut(&mut self.numbers);
        numbers.add_snapshot(&self.before);
        numbers.add_snapshot(&self.now);
    }

    /// The living actors, host first.
    pub fn actors(&self) -> Vec<ActorName> {
        let alive = self.now.processes.iter().filter(|process| process.state != 'Z');
        let mut actors: Vec<ActorName> =
            alive.filter_map(|process| process.actor.clone()).collect();
        actors.sort_by_key(|actor| *actor != ActorName::host());
        actors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::scripts::{process, snapshot};

    #[test]
    fn the_host_comes_first_and_the_dead_are_no_actors() {
        let mut seen = snapshot(&["second", "host", "gone"]);
        seen.processes[2].state = 'Z';
        seen.processes.push(process(90, None));
        let lab = LiveLab { now: Arc::new(seen), ..LiveLab::default() };
        assert_eq!(lab.actors(), ["host", "second"].map(ActorName::from));
    }
}
