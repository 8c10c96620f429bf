//! A question with its answer, as far as the lesson and the recorded kernel know it.

use crate::lesson::quiz::{Answer, LabAnswers, Question, QuestionKind, grade};
use crate::report::StepRecord;
use crate::words;

#[derive(Debug)]
pub struct AnsweredQuestion<'a> {
    /// The number of the question, from 1, through the whole lesson.
    pub number: usize,
    pub question: &'a Question,
    /// The options in the order they are shown in.
    pub options: Vec<AnswerOption<'a>>,
    /// The states to bring about.
    pub goals: Vec<String>,
    /// The right answer, in words.
    pub right: String,
}

#[derive(Debug)]
pub struct AnswerOption<'a> {
    pub letter: char,
    pub say: &'a str,
    pub mark: OptionMark,
    /// The reason why it is wrong; may be empty.
    pub why: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionMark {
    Right,
    Wrong,
    /// A line to put in order; a prediction that no kernel has decided.
    Open,
}

impl OptionMark {
    fn of(is_right: bool) -> OptionMark {
        if is_right { OptionMark::Right } else { OptionMark::Wrong }
    }
}

impl<'a> AnsweredQuestion<'a> {
    /// A question with its answer; `place` is that of the question in its step, from 0.
    pub fn new(
        number: usize,
        place: usize,
        question: &'a Question,
        record: &'a StepRecord,
    ) -> AnsweredQuestion<'a> {
        let predicted = record.predicted(place);
        let source = question.source();
        let lab = LabAnswers {
            holds: predicted.map(|predicted| predicted.holds()).unwrap_or_default(),
            value: source.and_then(|source| source.read(&record.after)),
        };

        let right = match &question.kind {
            QuestionKind::Predict(_) if lab.holds.is_empty() => {
                "the step was left out where this was recorded".to_owned()
            }
            QuestionKind::Choose(_)
            | QuestionKind::ChooseAll(_)
            | QuestionKind::Value(_)
            | QuestionKind::Order(_)
            | QuestionKind::Predict(_)
            | QuestionKind::Task(_) => grade(question, &Answer::Unknown, &lab).right,
        };

        AnsweredQuestion {
            number,
            question,
            options: options(question, &lab),
            goals: goals(question),
            right,
        }
    }

    /// True if it is asked before the step runs.
    pub fn is_prediction(&self) -> bool {
        self.question.is_prediction()
    }

    /// The letters of the right options: `b`, `a, c`; empty where there are none.
    pub fn right_letters(&self) -> String {
        let right = self.options.iter().filter(|option| option.mark == OptionMark::Right);
        right.map(|option| option.letter.to_string()).collect::<Vec<_>>().join(", ")
    }
}

fn options<'a>(question: &'a Question, lab: &LabAnswers) -> Vec<AnswerOption<'a>> {
    let all: Vec<(&str, OptionMark, &str)> = match &question.kind {
        QuestionKind::Choose(choices) | QuestionKind::ChooseAll(choices) => choices
            .iter()
            .map(|one| (one.say.as_str(), OptionMark::of(one.right), one.why.as_str()))
            .collect(),
        QuestionKind::Predict(predictions) => {
            let worth = |index: usize| {
                lab.holds.get(index).map_or(OptionMark::Open, |holds| OptionMark::of(*holds))
            };
            let options = predictions.iter().enumerate();
            options.map(|(index, one)| (one.say.as_str(), worth(index), one.why.as_str())).collect()
        }
        QuestionKind::Order(lines) => {
            let order = question.shown_order(None);
            order.into_iter().map(|line| (lines[line].as_str(), OptionMark::Open, "")).collect()
        }
        QuestionKind::Value(_) | QuestionKind::Task(_) => Vec::new(),
    };

    // As the keys that choose them; lessons have no more than seven.
    ('a'..='z')
        .zip(all)
        .map(|(letter, (say, worth, why))| AnswerOption { letter, say, mark: worth, why })
        .collect()
}

fn goals(question: &Question) -> Vec<String> {
    let QuestionKind::Task(expects) = &question.kind else { return Vec::new() };
    expects.iter().map(|expect| words::expected(&expect.into())).collect()
}
