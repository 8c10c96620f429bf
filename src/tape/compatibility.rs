//! The check that a tape still is of the lesson it was made of.

use serde::Serialize;

use super::{StepChecksum, Tape};
use crate::lesson::model::{ActionEntry, Lesson, Needs, Step};

/// The reason why a tape can't be played with a lesson.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TapeMismatch {
    #[error("the tape is of the lesson `{tape}`, not of `{lesson}`")]
    OtherLesson { tape: String, lesson: String },
    #[error(
        "the tape has {tape} steps, the lesson has {lesson}: one of them has changed since it was recorded"
    )]
    Length { tape: usize, lesson: usize },
    #[error("step {number} `{lesson}` has changed since the tape was recorded")]
    Step { number: usize, lesson: String },
}

impl Tape {
    /// Check that the lesson has the same steps, in which the same is done, looked at and expected.
    pub fn check_fits(&self, lesson: &Lesson) -> Result<(), TapeMismatch> {
        let header = &self.header;
        if header.lesson != lesson.id {
            let tape = crate::text::safe(&header.lesson);
            return Err(TapeMismatch::OtherLesson { tape, lesson: lesson.id.clone() });
        }
        if header.steps.len() != lesson.steps.len() {
            return Err(TapeMismatch::Length {
                tape: header.steps.len(),
                lesson: lesson.steps.len(),
            });
        }

        let step_id =
            |index: usize| lesson.steps.get(index).map(|step| step.id.clone()).unwrap_or_default();
        let changed = step_checksums(lesson)
            .into_iter()
            .zip(&header.steps)
            .position(|(now, then)| now != *then);
        let strange = self.branches.iter().find(|taken| {
            lesson.steps.get(taken.step).is_none_or(|step| taken.branch >= step.branches.len())
        });

        match changed.or(strange.map(|taken| taken.step)) {
            Some(index) => Err(TapeMismatch::Step { number: index + 1, lesson: step_id(index) }),
            None => Ok(()),
        }
    }
}

pub(super) fn step_checksums(lesson: &Lesson) -> Vec<StepChecksum> {
    lesson
        .steps
        .iter()
        .map(|step| StepChecksum { id: step.id.clone(), sum: sum(lesson, step) })
        .collect()
}

/// The checksum of text that differs where a tape would. A field that came later is left out of it where it is not
/// given (`skip_serializing_if`), so that tapes of lessons without it go on fitting.
fn sum(lesson: &Lesson, step: &Step) -> u32 {
    let branches: Vec<(&str, &[ActionEntry])> = step
        .branches
        .iter()
        .map(|branch| (branch.id.as_str(), branch.actions.as_slice()))
        .collect();
    let branch_expects: Vec<_> =
        step.branches.iter().map(|branch| (&branch.expect, &branch.look, &branch.charts)).collect();
    // What is recorded is which of them came true; their texts may be bettered.
    let predictions: Vec<Vec<_>> = step
        .quiz
        .iter()
        .map(|question| question.predictions().iter().map(|one| &one.when).collect())
        .collect();

    let parts = [
        text(&(without_programs(&lesson.needs), without_programs(&step.needs))),
        text(&(&step.breaks, &step.actions)),
        text(&(&step.look, &step.charts)),
        text(&step.expect),
        text(&(branches, branch_expects)),
        text(&predictions),
    ];

    crc32fast::hash(parts.join("\n").as_bytes())
}

/// The needs without those programs that follow from the commands, which are in the sum themselves.
fn without_programs(needs: &Needs) -> Needs {
    Needs { programs: Vec::new(), ..needs.clone() }
}

fn text(value: &impl Serialize) -> String {
    // Lessons were read from text: they can be written as such.
    serde_json::to_string(value).unwrap_or_default()
}
