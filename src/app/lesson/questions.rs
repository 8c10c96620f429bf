//! The questions of a lesson that can be asked as it stands.

use super::LessonView;
use crate::app::quiz::{QuestionPlace, all_places};
use crate::lesson::quiz::{AnswerMark, QuestionKind};
use crate::lesson::warm_up::WarmUpQuestion;
use crate::view::ViewKind;

impl LessonView {
    /// Words that the deciding rows of a pane hold, while a prediction's outcome is shown.
    pub fn highlighted_words(&self, pane: ViewKind) -> impl Iterator<Item = &str> {
        let points = self.quiz.iter().flat_map(|quiz| &quiz.points);
        points.filter(move |(of, _)| *of == pane).map(|(_, word)| word.as_str())
    }

    /// There is something to ask now.
    pub fn has_question(&self) -> bool {
        self.quiz.is_none() && (!self.due_warm_up().is_empty() || !self.due_questions().is_empty())
    }

    /// The questions of earlier lessons to ask now: at the beginning, and only there.
    pub fn due_warm_up(&self) -> &[WarmUpQuestion] {
        if self.is_at_beginning() { &self.warm_up } else { &[] }
    }

    /// All questions that can be asked here: a tape can't be typed into.
    fn questions(&self) -> Vec<QuestionPlace> {
        let mut items = all_places(&self.lesson);
        if self.tape.is_some() {
            items.retain(|item| {
                !item
                    .question_in(&self.lesson)
                    .is_some_and(|question| matches!(question.kind, QuestionKind::Task(_)))
            });
        }
        items
    }

    /// The questions to ask now: predictions of the next step; else questions of the steps that were played.
    pub(in crate::app) fn due_questions(&self) -> Vec<QuestionPlace> {
        let played = self.played_steps();
        let is_prediction = |item: &QuestionPlace| {
            item.question_in(&self.lesson).is_some_and(|question| question.is_prediction())
        };
        let items = self.questions();
        // One that is open is asked again.
        let answered = |item: &QuestionPlace| {
            self.grades.get(item).is_some_and(|grade| grade.mark != AnswerMark::Open)
        };

        if self.can_run() {
            let next = items
                .iter()
                .filter(|item| item.step == played && is_prediction(item) && !answered(item));
            let next: Vec<QuestionPlace> = next.copied().collect();
            if !next.is_empty() {
                return next;
            }
        }

        items
            .into_iter()
            .filter(|item| item.step < played && !is_prediction(item) && !answered(item))
            .collect()
    }
}
