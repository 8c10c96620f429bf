//! A check of whole lessons: their questions one lesson after the other, and the score.

use super::quiz::{QuizView, all_places};
use super::{Effect, Model, Screen};
use crate::lesson::model::Lesson;
use crate::lesson::quiz::{AnswerMark, shuffled};

/// A check of whole lessons, without the lessons.
#[derive(Debug, Clone, Default)]
pub struct Exam {
    /// Still to come, by id.
    pub lessons: Vec<String>,
    /// None: questions in the order of the lessons.
    pub seed: Option<u64>,
    pub results: Vec<LessonResult>,
}

/// The result of one lesson's questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonResult {
    pub id: String,
    pub title: String,
    pub right: usize,
    pub asked: usize,
    /// Questions not answered right, with the step to look at again.
    pub again: Vec<(String, String)>,
}

impl Exam {
    /// The questions of a lesson, ready to be asked.
    pub fn quiz_of(&self, lesson: &Lesson) -> QuizView {
        let mut items = all_places(lesson);
        if let Some(seed) = self.seed {
            items = shuffled(items.len(), seed).into_iter().map(|place| items[place]).collect();
        }
        QuizView::of_exam(items, self.seed)
    }
}

/// One lesson of a check is over and its lab gone: the next, or the score.
pub fn on_lesson_ended(model: &mut Model) -> Vec<Effect> {
    let Some(exam) = &mut model.exam else { return Vec::new() };
    if let Screen::Lesson(view) = &model.screen
        && let Some(quiz) = &view.quiz
    {
        exam.results.push(result(&view.lesson, quiz));
    }
    if exam.lessons.is_empty() {
        model.screen = Screen::Score;
        return Vec::new();
    }
    let id = exam.lessons.remove(0);
    vec![Effect::OpenLesson { id, from: model.source }]
}

fn result(lesson: &Lesson, quiz: &QuizView) -> LessonResult {
    // One that was not answered was not asked: it is neither wrong nor counted.
    let answered = quiz.marks.iter();
    let wrong = answered.filter(|(_, mark)| **mark != AnswerMark::Right).map(|(item, _)| item);
    let again = wrong.filter_map(|item| {
        let own = lesson.steps.get(item.step)?;
        let question = own.quiz.get(item.index)?;
        let step = question
            .see
            .as_ref()
            .and_then(|id| lesson.steps.iter().find(|step| step.id == *id))
            .unwrap_or(own);
        Some((question.ask.lines().next().unwrap_or_default().to_owned(), step.title.clone()))
    });

    LessonResult {
        id: lesson.id.clone(),
        title: lesson.title.clone(),
        right: quiz.right_count(),
        asked: quiz.marks.len(),
        again: again.collect(),
    }
}
