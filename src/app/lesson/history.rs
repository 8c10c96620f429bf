//! The records of the steps that were played, to look back at.

use std::sync::Arc;

use crate::app::stable_ids::StableIds;
use crate::report::StepRecord;

/// A record and the numbering of the lab it was made in.
#[derive(Debug, Clone)]
pub struct RecordedStep {
    pub record: Arc<StepRecord>,
    pub numbers: Arc<StableIds>,
}

/// The newest record of each step, in whatever lab it was made.
#[derive(Debug)]
pub struct History {
    steps: Vec<Option<RecordedStep>>,
}

impl History {
    pub fn new(steps: usize) -> History {
        History { steps: vec![None; steps] }
    }

    /// A record that is of no step of the lesson is not kept.
    pub fn set(&mut self, record: Arc<StepRecord>, numbers: Arc<StableIds>) {
        if let Some(place) = self.steps.get_mut(record.step) {
            *place = Some(RecordedStep { record, numbers });
        }
    }

    pub fn get(&self, step: usize) -> Option<&RecordedStep> {
        self.steps.get(step)?.as_ref()
    }

    pub fn record(&self, step: usize) -> Option<&Arc<StepRecord>> {
        self.get(step).map(|recorded| &recorded.record)
    }

    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(Option::is_none)
    }

    /// The last recorded step before this one.
    pub fn before(&self, step: usize) -> Option<usize> {
        (0..step.min(self.steps.len())).rev().find(|step| self.steps[*step].is_some())
    }

    /// The first recorded step after this one, below `end`.
    pub fn after(&self, step: usize, end: usize) -> Option<usize> {
        (step + 1..end.min(self.steps.len())).find(|step| self.steps[*step].is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::scripts::record;

    fn history(steps: usize, recorded: &[usize]) -> History {
        let mut history = History::new(steps);
        for step in recorded {
            history.set(record(*step, true), Arc::default());
        }
        history
    }

    #[test]
    fn steps_without_a_record_are_passed_over() {
        let history = history(6, &[0, 2, 5]);
        let before = [0, 1, 2, 3, 5, 6, 60].map(|step| history.before(step));
        assert_eq!(before, [None, Some(0), Some(0), Some(2), Some(2), Some(5), Some(5)]);

        assert_eq!(history.after(0, 6), Some(2));
        assert_eq!(history.after(2, 5), None, "the fifth is not in this lab");
        assert_eq!(history.after(2, 60), Some(5));
        assert_eq!(history.after(5, 6), None);
    }

    #[test]
    fn a_record_of_no_step_is_not_kept() {
        let mut history = history(2, &[]);
        history.set(record(2, true), Arc::default());
        assert!(history.is_empty() && history.record(2).is_none());
    }
}
