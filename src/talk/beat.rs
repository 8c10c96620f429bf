//! **Beats**: what one press of a clicker moves on by. A step is told, then shown; its questions are asked between.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::lesson::model::{Branch, Lesson, Step};
use crate::lesson::quiz::{Question, QuestionKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beat {
    /// The step before it runs: what will be done.
    Tell { step: usize },
    /// A question of the step, by its place; a prediction comes before the step runs, others after it.
    Ask { step: usize, question: usize },
    /// The step after it has run: what came of it.
    Show { step: usize },
    /// A what-if of the step: told, then played in a lab of its own. Not on the way; the speaker turns to it.
    WhatIf { step: usize, branch: usize },
}

impl Beat {
    pub fn step(self) -> usize {
        match self {
            Beat::Tell { step }
            | Beat::Ask { step, .. }
            | Beat::Show { step }
            | Beat::WhatIf { step, .. } => step,
        }
    }

    /// The step runs between this beat and what follows it.
    pub fn is_before_run(self, lesson: &Lesson) -> bool {
        match self {
            Beat::Tell { .. } => true,
            Beat::Ask { .. } => self.question(lesson).is_some_and(Question::is_prediction),
            Beat::Show { .. } | Beat::WhatIf { .. } => false,
        }
    }

    /// For the speaker.
    pub fn label(self, revealed: bool) -> &'static str {
        match (self, revealed) {
            (Beat::Tell { .. }, _) => "what will be done",
            (Beat::Show { .. }, _) => "what came of it",
            (Beat::Ask { .. }, false) => "a question",
            (Beat::Ask { .. }, true) => "its answer",
            (Beat::WhatIf { .. }, false) => "what if",
            (Beat::WhatIf { .. }, true) => "what came of a what-if",
        }
    }

    pub fn question(self, lesson: &Lesson) -> Option<&Question> {
        match self {
            Beat::Ask { step, question } => lesson.steps.get(step)?.quiz.get(question),
            Beat::Tell { .. } | Beat::Show { .. } | Beat::WhatIf { .. } => None,
        }
    }

    /// The branch that a what-if is told and shown as.
    pub fn branch(self, lesson: &Lesson) -> Option<&Branch> {
        match self {
            Beat::WhatIf { step, branch } => lesson.steps.get(step)?.branches.get(branch),
            Beat::Tell { .. } | Beat::Show { .. } | Beat::Ask { .. } => None,
        }
    }

    /// The step's next what-if; None where it has no more.
    pub fn next_what_if(self, lesson: &Lesson) -> Option<Beat> {
        let step = self.step();
        let branch = if let Beat::WhatIf { branch, .. } = self { branch + 1 } else { 0 };
        let next = Beat::WhatIf { step, branch };
        next.branch(lesson).map(|_| next)
    }
}

/// Every beat of a lesson, without the steps that are left out. A task is for one at a keyboard, not for a room.
pub fn beats(lesson: &Lesson, left_out: &BTreeSet<usize>) -> Vec<Beat> {
    let steps = lesson.steps.iter().enumerate().filter(|(index, _)| !left_out.contains(index));
    steps.flat_map(|(index, step)| of_step(index, step)).collect()
}

fn of_step(step: usize, of: &Step) -> Vec<Beat> {
    let asked = |belongs: fn(&Question) -> bool| {
        let questions = of.quiz.iter().enumerate().filter(move |(_, question)| {
            belongs(question) && !matches!(question.kind, QuestionKind::Task(_))
        });
        questions.map(move |(question, _)| Beat::Ask { step, question })
    };
    let mut beats = vec![Beat::Tell { step }];
    beats.extend(asked(Question::is_prediction));
    beats.push(Beat::Show { step });
    beats.extend(asked(|question| !question.is_prediction()));
    beats
}

/// The beat after this one; None at the end.
pub fn beat_after(beats: &[Beat], beat: Beat) -> Option<Beat> {
    // It is not on the way: forth and back lead to its step.
    if let Beat::WhatIf { step, .. } = beat {
        return Some(Beat::Tell { step });
    }
    let at = beats.iter().position(|known| *known == beat);
    match at {
        Some(at) => beats.get(at + 1).copied(),
        // It was left out: on with the first step after it.
        None => beats.iter().find(|known| known.step() > beat.step()).copied(),
    }
}

/// The beat before this one.
pub fn beat_before(beats: &[Beat], beat: Beat) -> Option<Beat> {
    if let Beat::WhatIf { step, .. } = beat {
        return Some(Beat::Tell { step });
    }
    match beats.iter().position(|known| *known == beat) {
        Some(at) => beats.get(at.checked_sub(1)?).copied(),
        None => beats.iter().rev().find(|known| known.step() < beat.step()).copied(),
    }
}

pub fn first_paragraph(story: &str) -> &str {
    story.trim().split("\n\n").next().unwrap_or_default()
}

/// The part of a story that the audience reads: its first sentence.
pub fn audience_sentence(story: &str) -> String {
    let paragraph = first_paragraph(story);
    let mut in_code = false;
    let mut letters = paragraph.char_indices().peekable();

    while let Some((at, letter)) = letters.next() {
        match letter {
            '`' => in_code = !in_code,
            '.' | '?' | '!' if !in_code => {
                let ends = letters.peek().is_none_or(|(_, next)| next.is_whitespace());
                // "e.g. this" goes on.
                let is_short = paragraph[..at].ends_with("e.g") || paragraph[..at].ends_with("i.e");
                if ends && !is_short {
                    return paragraph[..=at].to_owned();
                }
            }
            // Chinese and Japanese put no blank behind a sentence.
            '。' | '？' | '！' if !in_code => {
                return paragraph[..at + letter.len_utf8()].to_owned();
            }
            _ => {}
        }
    }

    paragraph.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::catalogue;

    #[test]
    fn a_sentence_ends_where_it_ends() {
        let check = |story: &str, expected: &str| assert_eq!(audience_sentence(story), expected);
        check("One. Two.", "One.");
        check("Run `ls . x`. Then", "Run `ls . x`.");
        check("Version 2.1 is out! Yes", "Version 2.1 is out!");
        check("Some, e.g. this one. Next", "Some, e.g. this one.");
        check("No end\nin it\n\nSecond.", "No end\nin it");
        check("一句。二句。", "一句。");
    }

    #[test]
    fn beats_go_forth_and_back_and_over_what_is_left_out() {
        let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
        let all = beats(&lesson, &BTreeSet::new());
        for pair in all.windows(2) {
            assert_eq!(beat_after(&all, pair[0]), Some(pair[1]));
            assert_eq!(beat_before(&all, pair[1]), Some(pair[0]));
        }
        assert_eq!(beat_after(&all, all[all.len() - 1]), None);
        let without = beats(&lesson, &BTreeSet::from([1]));
        assert!(without.iter().all(|beat| beat.step() != 1));
        assert_eq!(beat_after(&without, Beat::Tell { step: 1 }), Some(Beat::Tell { step: 2 }));
        assert_eq!(beat_before(&without, Beat::Tell { step: 1 }).map(Beat::step), Some(0));
    }
}
