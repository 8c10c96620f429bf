//! A question with its answer, as far as the lesson and the recorded kernel know it.

use crate::lesson::quiz::{Answer, FromLab, Kind, Question, grade};
use crate::report::StepRecord;
use crate::words;

#[derive(Debug)]
pub struct Asked<'a> {
    /// The number of the question, from 1, through the whole lesson.
    pub number: usize,
    pub question: &'a Question,
    /// The options in the order they are shown in.
    pub options: Vec<Offered<'a>>,
    /// The states to bring about.
    pub goals: Vec<String>,
    /// The right answer, in words.
    pub right: String,
}

#[derive(Debug)]
pub struct Offered<'a> {
    pub letter: char,
    pub say: &'a str,
    pub worth: Worth,
    /// The reason why it is wrong; may be empty.
    pub why: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    Right,
    Wrong,
    /// A line to put in order; a prediction that no kernel has decided.
    Open,
}

impl Worth {
    fn of(is_right: bool) -> Worth {
        if is_right { Worth::Right } else { Worth::Wrong }
    }
}

impl<'a> Asked<'a> {
    /// A question with its answer; `place` is that of the question in its step, from 0.
    pub fn new(
        number: usize,
        place: usize,
        question: &'a Question,
        record: &'a StepRecord,
    ) -> Asked<'a> {
        let predicted = record.predicted.iter().find(|predicted| predicted.question == place);
        let source = question.source();
        let lab = FromLab {
            holds: predicted.map(|predicted| predicted.holds()).unwrap_or_default(),
            value: source.and_then(|source| source.read(&record.after)),
        };

        let right = match &question.kind {
            Kind::Predict(_) if lab.holds.is_empty() => {
                "the step was left out where this was recorded".to_owned()
            }
            Kind::Choose(_)
            | Kind::ChooseAll(_)
            | Kind::Value(_)
            | Kind::Order(_)
            | Kind::Predict(_)
            | Kind::Task(_) => grade(question, &Answer::Unknown, &lab).right,
        };

        Asked { number, question, options: options(question, &lab), goals: goals(question), right }
    }

    /// True if it is asked before the step runs.
    pub fn is_prediction(&self) -> bool {
        matches!(self.question.kind, Kind::Predict(_))
    }

    /// The letters of the right options: `b`, `a, c`; empty where there are none.
    pub fn right_letters(&self) -> String {
        let right = self.options.iter().filter(|option| option.worth == Worth::Right);
        right.map(|option| option.letter.to_string()).collect::<Vec<_>>().join(", ")
    }
}

fn options<'a>(question: &'a Question, lab: &FromLab) -> Vec<Offered<'a>> {
    let all: Vec<(&str, Worth, &str)> = match &question.kind {
        Kind::Choose(choices) | Kind::ChooseAll(choices) => choices
            .iter()
            .map(|one| (one.say.as_str(), Worth::of(one.right), one.why.as_str()))
            .collect(),
        Kind::Predict(predictions) => {
            let worth =
                |index: usize| lab.holds.get(index).map_or(Worth::Open, |holds| Worth::of(*holds));
            let options = predictions.iter().enumerate();
            options.map(|(index, one)| (one.say.as_str(), worth(index), one.why.as_str())).collect()
        }
        Kind::Order(lines) => {
            let order = question.shown_order(None);
            order.into_iter().map(|line| (lines[line].as_str(), Worth::Open, "")).collect()
        }
        Kind::Value(_) | Kind::Task(_) => Vec::new(),
    };

    // As the keys that choose them; lessons have no more than seven.
    ('a'..='z')
        .zip(all)
        .map(|(letter, (say, worth, why))| Offered { letter, say, worth, why })
        .collect()
}

fn goals(question: &Question) -> Vec<String> {
    let Kind::Task(expects) = &question.kind else { return Vec::new() };
    expects.iter().map(|expect| words::expected(&expect.into())).collect()
}
