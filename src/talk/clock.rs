//! The clock of a talk: planned and used time per step, and what to skip to end on time. Pure: it is told the time.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lesson::model::{Lesson, Step};

/// Less than this nobody minds.
const MIN_LATENESS: Duration = Duration::from_secs(30);

/// As it stands at one moment; time goes on from there while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// For each step.
    pub planned: Vec<Duration>,
    pub used: Vec<Duration>,
    /// Added to the plan as a whole, for questions from the room.
    pub extra: Duration,
    /// The step that time is counted for.
    pub step: usize,
    /// It has been started, and is not paused.
    pub is_running: bool,
}

impl Clock {
    /// The lesson's minutes (or others), over its steps by how much there is to say about each; none for those that
    /// are `missing`.
    pub fn new(lesson: &Lesson, minutes: Option<u32>, missing: &BTreeSet<usize>) -> Clock {
        let total = Duration::from_secs(u64::from(minutes.unwrap_or(lesson.minutes.watch)) * 60);
        let weigh =
            |(index, step): (usize, &Step)| if missing.contains(&index) { 0 } else { weight(step) };
        let weights: Vec<u32> = lesson.steps.iter().enumerate().map(weigh).collect();
        // Where all steps are missing, there is nothing to divide by.
        let sum: u32 = weights.iter().sum::<u32>().max(1);
        let planned = weights.into_iter().map(|weight| total * weight / sum).collect();

        Clock {
            planned,
            used: vec![Duration::ZERO; lesson.steps.len()],
            extra: Duration::ZERO,
            step: 0,
            is_running: false,
        }
    }

    /// So much time went by.
    pub fn advance(&mut self, time: Duration) {
        if self.is_running
            && let Some(used) = self.used.get_mut(self.step)
        {
            *used += time;
        }
    }

    /// The same, as it is `since` later.
    pub fn advanced_by(&self, since: Duration) -> Clock {
        let mut later = self.clone();
        later.advance(since);
        later
    }

    pub fn total_used(&self) -> Duration {
        self.used.iter().sum()
    }

    pub fn total_planned(&self) -> Duration {
        self.planned.iter().sum::<Duration>() + self.extra
    }

    /// The seconds that the talk ends late, if the steps to come take what is planned for them; negative: early.
    pub fn seconds_late(&self, is_left_out: impl Fn(usize) -> bool) -> i64 {
        let left = |step: usize| match step {
            _ if is_left_out(step) || step < self.step => Duration::ZERO,
            step if step == self.step => self.planned[step].saturating_sub(self.used[step]),
            step => self.planned[step],
        };
        let end = self.total_used() + (0..self.planned.len()).map(left).sum::<Duration>();
        end.as_secs() as i64 - self.total_planned().as_secs() as i64
    }

    /// Steps to come that nothing later rests on, in their order, until what they take makes up for being late.
    pub fn steps_to_skip(
        &self,
        lesson: &Lesson,
        is_left_out: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let Ok(late) = u64::try_from(self.seconds_late(&is_left_out)) else { return Vec::new() };
        let late = Duration::from_secs(late);
        let mut won = Duration::ZERO;
        let mut skipped = Vec::new();
        if late <= MIN_LATENESS {
            return skipped;
        }

        for (index, step) in lesson.steps.iter().enumerate().skip(self.step + 1) {
            if won >= late {
                break;
            }
            if !is_left_out(index) && can_be_missed(step) {
                won += self.planned[index];
                skipped.push(index);
            }
        }

        skipped
    }
}

/// Words to say; showing something takes its time, too.
fn weight(step: &Step) -> u32 {
    let words = |text: &str| text.split_whitespace().count() as u32;
    20 + words(&step.story) + words(&step.after) + words(&step.notes) + 20 * step.quiz.len() as u32
}

/// It only looks, or breaks something and mends it.
fn can_be_missed(step: &Step) -> bool {
    !step.breaks.is_empty() || step.actions.iter().all(|entry| entry.action.is_read_only())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::catalogue;

    #[test]
    fn the_plan_is_the_lessons_minutes_and_time_passes_for_the_step_that_is_on() {
        let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
        let mut clock = Clock::new(&lesson, Some(45), &BTreeSet::new());
        let planned = clock.total_planned().as_secs_f64();
        assert!((planned - 45.0 * 60.0).abs() < 1.0, "{planned}");
        clock.advance(Duration::from_secs(9));
        assert_eq!(clock.total_used(), Duration::ZERO, "it was not started");
        clock.is_running = true;
        clock.advance(Duration::from_secs(9));
        clock.step = 3;
        let later = clock.advanced_by(Duration::from_secs(5));
        assert_eq!((later.used[0].as_secs(), later.used[3].as_secs()), (9, 5));
    }

    #[test]
    fn who_is_late_is_told_what_to_skip_and_who_is_not_is_left_alone() {
        let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
        let mut clock = Clock::new(&lesson, Some(45), &BTreeSet::new());
        clock.is_running = true;
        let none = |_: usize| false;
        assert!(clock.steps_to_skip(&lesson, none).is_empty());

        clock.advance(clock.planned[0] + Duration::from_secs(150));
        assert!((149..=151).contains(&clock.seconds_late(none)), "{}", clock.seconds_late(none));
        let skip = clock.steps_to_skip(&lesson, none);
        assert!(!skip.is_empty());
        assert!(skip.iter().all(|step| *step > 0 && can_be_missed(&lesson.steps[*step])));
        assert!(clock.seconds_late(|step| skip.contains(&step)) <= 0, "skipping them is enough");

        clock.extra = Duration::from_secs(300);
        assert!(clock.steps_to_skip(&lesson, none).is_empty());
    }
}
