//! The time that a lesson takes, estimated from what there is to read, to look at and to do.

use super::model::{Lesson, Minutes, Step};

/// Words that somebody reads in a minute who reads to understand.
const WORDS_A_MINUTE: f64 = 180.0;
/// Minutes to look at what a step changed.
const LOOK: f64 = 25.0 / 60.0;
/// Minutes for a question, a what-if beside its words, and a repair by typing.
const QUESTION: f64 = 0.5;
const WHAT_IF: f64 = 50.0 / 60.0;
const REPAIR: f64 = 3.0;
/// Minutes by which an author's number may differ from the estimate, and the part of it.
const SPARE: f64 = 2.0;
const SPARE_PART: f64 = 0.25;

/// The minutes of a lesson where cgroup v2 is mounted: steps for v1 alone have others for v2 beside them.
pub fn estimate(lesson: &Lesson) -> Minutes {
    let steps = || lesson.steps.iter().filter(|step| step.needs.cgroup_version != Some(1));
    let watch: f64 = steps().map(reading).sum();
    let doing: f64 = steps().map(doing).sum();
    Minutes { watch: whole(watch), all: whole(watch + doing) }
}

/// True if what an author says is near enough to the estimate. One number for both lies between the two.
pub fn is_honest(said: Minutes, estimated: Minutes) -> bool {
    let spare = |minutes: u32| SPARE.max(f64::from(minutes) * SPARE_PART);
    let is_near = |said: u32, least: u32, most: u32| {
        let (least, most) = (f64::from(least) - spare(least), f64::from(most) + spare(most));
        (least..=most).contains(&f64::from(said))
    };
    let Minutes { watch, all } = estimated;
    if said.watch == said.all {
        return is_near(said.all, watch, all);
    }
    is_near(said.watch, watch, watch) && is_near(said.all, all, all)
}

fn reading(step: &Step) -> f64 {
    LOOK + (words(&step.story) + words(&step.after) + words(&step.real)) / WORDS_A_MINUTE
}

fn doing(step: &Step) -> f64 {
    let what_ifs = step
        .branches
        .iter()
        .map(|branch| WHAT_IF + (words(&branch.story) + words(&branch.after)) / WORDS_A_MINUTE);
    let repair = if step.breaks.is_empty() { 0.0 } else { REPAIR };
    what_ifs.sum::<f64>() + repair + QUESTION * step.quiz.len() as f64
}

fn words(text: &str) -> f64 {
    text.split_whitespace().count() as f64
}

fn whole(minutes: f64) -> u32 {
    minutes.ceil().max(1.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::catalogue::all_lessons;

    #[test]
    fn the_minutes_of_each_lesson_are_honest() {
        let lessons = all_lessons().expect("lessons").into_iter();
        let wrong: Vec<(String, Minutes, Minutes)> = lessons
            .map(|lesson| (lesson.id.clone(), lesson.minutes, estimate(&lesson)))
            .filter(|(_, said, estimated)| !is_honest(*said, *estimated))
            .collect();
        assert_eq!(wrong, [], "id, what it says, what is estimated");
    }

    #[test]
    fn what_takes_twice_as_long_is_not_called_short() {
        let estimated = Minutes { watch: 28, all: 57 };
        assert!(is_honest(Minutes { watch: 30, all: 50 }, estimated));
        assert!(!is_honest(Minutes { watch: 18, all: 57 }, estimated));
        assert!(!is_honest(Minutes { watch: 28, all: 40 }, estimated));
        assert!(is_honest(40.into(), estimated) && !is_honest(15.into(), estimated));
        assert!(is_honest(3.into(), 5.into()) && !is_honest(2.into(), 5.into()));
    }
}
