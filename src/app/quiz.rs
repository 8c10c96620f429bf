//! Questions on the screen: one after the other, in a lesson or as a check of whole lessons.

use std::collections::{BTreeMap, BTreeSet};

use crate::lesson::model::Lesson;
use crate::lesson::quiz::{AnswerMark, Grade, Question};
use crate::lesson::warm_up::WarmUpQuestion;
use crate::view::ViewKind;

/// A question by the places of its step and of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuestionPlace {
    pub step: usize,
    pub index: usize,
}

impl QuestionPlace {
    pub(super) fn question_in(self, lesson: &Lesson) -> Option<&Question> {
        lesson.steps.get(self.step)?.quiz.get(self.index)
    }
}

/// The stage that the asking is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuizStage {
    /// The lab is brought to where the question is asked.
    Preparing,
    Asking,
    /// The step runs, or the task is being done.
    Waiting(Option<usize>),
    Answered(Grade),
    /// Every question has been asked.
    Over,
}

/// The setting in which questions are asked.
#[derive(Debug, Clone, PartialEq)]
pub enum QuizSetting {
    /// The lesson, while it is played.
    Lesson,
    /// A check of whole lessons.
    Exam,
    /// Questions of earlier lessons, before this one begins.
    WarmUp(Vec<WarmUpQuestion>),
}

/// Questions that are being asked.
#[derive(Debug)]
pub struct QuizView {
    pub(super) places: Vec<QuestionPlace>,
    pub(super) at: usize,
    pub stage: QuizStage,
    /// The place of the cursor among the options as shown.
    pub cursor: usize,
    pub chosen: BTreeSet<usize>,
    pub text: String,
    /// The options as shown, by their place in the lesson.
    pub shown: Vec<usize>,
    /// A line is being moved.
    pub lifted: bool,
    pub hint: bool,
    pub marks: BTreeMap<QuestionPlace, AnswerMark>,
    /// The seed of a check that is shuffled.
    pub(super) seed: Option<u64>,
    pub(super) asked_in: QuizSetting,
    /// Rows that decided a prediction: their pane, and a word they hold.
    pub points: Vec<(ViewKind, String)>,
    /// The expectations that decided it, each with what the kernel showed.
    pub seen: Vec<String>,
}

pub(super) fn all_places(lesson: &Lesson) -> Vec<QuestionPlace> {
    let steps = lesson.steps.iter().enumerate();
    steps
        .flat_map(|(step, one)| (0..one.quiz.len()).map(move |index| QuestionPlace { step, index }))
        .collect()
}

impl QuizView {
    /// Questions of a lesson, while it is played.
    pub(crate) fn in_lesson(items: Vec<QuestionPlace>) -> QuizView {
        QuizView::new(items)
    }

    /// Questions of a check.
    pub(super) fn of_exam(items: Vec<QuestionPlace>, seed: Option<u64>) -> QuizView {
        let asked_in = QuizSetting::Exam;
        QuizView { stage: QuizStage::Preparing, seed, asked_in, ..QuizView::new(items) }
    }

    /// Questions of earlier lessons.
    pub(super) fn of_warm_up(questions: Vec<WarmUpQuestion>) -> QuizView {
        let places = (0..questions.len()).map(|index| QuestionPlace { step: 0, index }).collect();
        QuizView { asked_in: QuizSetting::WarmUp(questions), ..QuizView::new(places) }
    }

    fn new(items: Vec<QuestionPlace>) -> QuizView {
        QuizView {
            places: items,
            at: 0,
            stage: QuizStage::Asking,
            cursor: 0,
            chosen: BTreeSet::new(),
            text: String::new(),
            shown: Vec::new(),
            lifted: false,
            hint: false,
            marks: BTreeMap::new(),
            seed: None,
            asked_in: QuizSetting::Lesson,
            points: Vec::new(),
            seen: Vec::new(),
        }
    }

    pub fn is_answered(&self) -> bool {
        matches!(self.stage, QuizStage::Answered(_))
    }

    pub fn is_exam(&self) -> bool {
        self.asked_in == QuizSetting::Exam
    }

    /// The question of an earlier lesson that is asked now.
    pub fn warm_up(&self) -> Option<&WarmUpQuestion> {
        let QuizSetting::WarmUp(questions) = &self.asked_in else { return None };
        questions.get(self.current_place()?.index)
    }

    pub fn current_place(&self) -> Option<QuestionPlace> {
        self.places.get(self.at).copied()
    }

    pub fn question<'a>(&'a self, lesson: &'a Lesson) -> Option<&'a Question> {
        match &self.asked_in {
            QuizSetting::WarmUp(_) => self.warm_up().map(|asked| &asked.question),
            QuizSetting::Lesson | QuizSetting::Exam => self.current_place()?.question_in(lesson),
        }
    }

    /// The place of the question, from 1, and the number of all.
    pub fn position(&self) -> (usize, usize) {
        (self.at + 1, self.places.len())
    }

    /// Questions that were not answered yet.
    pub fn left_count(&self) -> usize {
        self.places.iter().filter(|place| !self.marks.contains_key(place)).count()
    }

    pub fn right_count(&self) -> usize {
        self.marks.values().filter(|mark| **mark == AnswerMark::Right).count()
    }

    /// A question comes up: nothing chosen, options in their place.
    pub(crate) fn prepare_question(&mut self, lesson: &Lesson) {
        let Some(question) = self.question(lesson) else {
            self.stage = QuizStage::Over;
            return;
        };

        self.shown = question.shown_order(self.seed);
        self.cursor = 0;
        self.chosen.clear();
        self.text.clear();
        self.lifted = false;
        self.hint = false;
        self.points.clear();
        self.seen.clear();
        self.stage = QuizStage::Asking;
    }
}
