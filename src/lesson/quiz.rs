//! Questions and their grading. Pure: what only the kernel can tell comes in as an argument.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::expect::Expect;
use super::lab_answer::AnswerSource;
use super::typed_answer::is_same;
pub use super::typed_answer::{Spelling, Unit};

/// One question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "QuestionFields", into = "QuestionFields")]
pub struct Question {
    pub id: String,
    /// Markdown.
    pub ask: String,
    pub kind: QuestionKind,
    pub hint: String,
    /// Markdown, shown after every answer.
    pub explain: String,
    /// The step that shows it; without one, the step the question stands in.
    pub see: Option<String>,
}

/// The name of a question among those of all lessons: `LESSON/QUESTION`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QuestionName {
    pub lesson: String,
    pub question: String,
}

impl FromStr for QuestionName {
    type Err = String;

    fn from_str(text: &str) -> Result<QuestionName, String> {
        let name = text.split_once('/').filter(|(lesson, question)| {
            !lesson.is_empty() && !question.is_empty() && !question.contains('/')
        });
        let (lesson, question) = name
            .ok_or_else(|| format!("`{text}` is no question, like `build-a-container/why-lazy`"))?;
        Ok(QuestionName { lesson: lesson.to_owned(), question: question.to_owned() })
    }
}

impl TryFrom<String> for QuestionName {
    type Error = String;

    fn try_from(text: String) -> Result<QuestionName, String> {
        text.parse()
    }
}

impl From<QuestionName> for String {
    fn from(name: QuestionName) -> String {
        name.to_string()
    }
}

impl fmt::Display for QuestionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.lesson, self.question)
    }
}

/// The kind of a question, with what is to be answered.
#[derive(Debug, Clone, PartialEq)]
pub enum QuestionKind {
    /// One of these is right.
    Choose(Vec<Choice>),
    /// Any number of these are right.
    ChooseAll(Vec<Choice>),
    /// A word or a number to type.
    Value(ValueAnswer),
    /// Lines in their right order; they are shown in another.
    Order(Vec<String>),
    /// Predictions of what will be seen once the step has run; the kernel decides.
    Predict(Vec<Prediction>),
    /// A state to bring about, by any means, after the step.
    Task(Vec<Expect>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub say: String,
    #[serde(default)]
    pub right: bool,
    /// The reason why it is wrong; for a right one, may be empty.
    #[serde(default)]
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    pub say: String,
    /// It was right if all of this holds after the step.
    pub when: Vec<Expect>,
    #[serde(default)]
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Value")]
pub struct ValueAnswer {
    /// Any of these.
    #[serde(default)]
    pub is: Vec<String>,
    /// Or what the lab says after the step.
    #[serde(default)]
    pub from: Option<AnswerSource>,
    #[serde(default)]
    pub unit: Unit,
    #[serde(default)]
    pub spelling: Spelling,
}

impl QuestionKind {
    /// The words that tell the learner what to do.
    pub fn instruction(&self) -> &'static str {
        match self {
            QuestionKind::Choose(_) => "choose one",
            QuestionKind::ChooseAll(_) => "choose all that are right",
            QuestionKind::Value(_) => "type the answer",
            QuestionKind::Order(_) => "put in order",
            QuestionKind::Predict(_) => "predict, then run",
            QuestionKind::Task(_) => "do it yourself",
        }
    }
}

impl Question {
    /// True if it is asked before the step runs, and decided by running it.
    pub fn is_prediction(&self) -> bool {
        matches!(self.kind, QuestionKind::Predict(_))
    }

    /// The options as they are shown, by their places in the lesson. Lines to put in order are never shown in their right
    /// one; all else is shuffled where a check has a seed for it. What a learner, a handout and a wall show is the same.
    pub fn shown_order(&self, seed: Option<u64>) -> Vec<usize> {
        let count = self.options().len();
        if seed.is_none() && !matches!(self.kind, QuestionKind::Order(_)) {
            return (0..count).collect();
        }

        // By its id, so that questions with as many options are not all shuffled alike.
        let own = self
            .id
            .bytes()
            .fold(seed.unwrap_or(0), |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        shuffled(count, own)
    }

    /// The options of a prediction, which the kernel decides on; none of any other kind.
    pub fn predictions(&self) -> &[Prediction] {
        match &self.kind {
            QuestionKind::Predict(predictions) => predictions,
            QuestionKind::Choose(_)
            | QuestionKind::ChooseAll(_)
            | QuestionKind::Value(_)
            | QuestionKind::Order(_)
            | QuestionKind::Task(_) => &[],
        }
    }

    /// The state that a task asks for; none of any other kind.
    pub fn task(&self) -> &[Expect] {
        match &self.kind {
            QuestionKind::Task(expects) => expects,
            QuestionKind::Choose(_)
            | QuestionKind::ChooseAll(_)
            | QuestionKind::Value(_)
            | QuestionKind::Order(_)
            | QuestionKind::Predict(_) => &[],
        }
    }

    /// The place in the lab that holds the answer, where the lab has it.
    pub fn source(&self) -> Option<&AnswerSource> {
        match &self.kind {
            QuestionKind::Value(value) => value.from.as_ref(),
            QuestionKind::Choose(_)
            | QuestionKind::ChooseAll(_)
            | QuestionKind::Order(_)
            | QuestionKind::Predict(_)
            | QuestionKind::Task(_) => None,
        }
    }

    /// The lines to choose from, in the order they are written.
    pub fn options(&self) -> Vec<&str> {
        match &self.kind {
            QuestionKind::Choose(choices) | QuestionKind::ChooseAll(choices) => {
                choices.iter().map(|choice| choice.say.as_str()).collect()
            }
            QuestionKind::Order(lines) => lines.iter().map(String::as_str).collect(),
            QuestionKind::Predict(predictions) => {
                predictions.iter().map(|prediction| prediction.say.as_str()).collect()
            }
            QuestionKind::Value(_) | QuestionKind::Task(_) => Vec::new(),
        }
    }
}

/// The fields of a question as a lesson gives them: six that make its kind, of which one is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Question")]
struct QuestionFields {
    id: String,
    ask: String,
    #[serde(default)]
    choose: Vec<Choice>,
    #[serde(default)]
    choose_all: Vec<Choice>,
    #[serde(default)]
    value: Option<ValueAnswer>,
    #[serde(default)]
    order: Vec<String>,
    #[serde(default)]
    predict: Vec<Prediction>,
    #[serde(default, rename = "do")]
    task: Vec<Expect>,
    #[serde(default)]
    hint: String,
    explain: String,
    #[serde(default)]
    see: Option<String>,
}

/// The mistake of a question that has no kind, or several.
pub(super) const NOT_ONE_KIND: &str =
    "it needs exactly one of choose, choose_all, value, order, predict, do";

impl TryFrom<QuestionFields> for Question {
    type Error = String;

    fn try_from(fields: QuestionFields) -> Result<Question, String> {
        // An empty list is none: a lesson may be written by a program that writes all fields.
        let given = [
            (!fields.choose.is_empty()).then_some(QuestionKind::Choose(fields.choose)),
            (!fields.choose_all.is_empty()).then_some(QuestionKind::ChooseAll(fields.choose_all)),
            fields.value.map(QuestionKind::Value),
            (!fields.order.is_empty()).then_some(QuestionKind::Order(fields.order)),
            (!fields.predict.is_empty()).then_some(QuestionKind::Predict(fields.predict)),
            (!fields.task.is_empty()).then_some(QuestionKind::Task(fields.task)),
        ];

        let mut given = given.into_iter().flatten();
        let (Some(kind), None) = (given.next(), given.next()) else {
            return Err(format!("question `{}`: {NOT_ONE_KIND}", fields.id));
        };

        Ok(Question {
            id: fields.id,
            ask: fields.ask,
            kind,
            hint: fields.hint,
            explain: fields.explain,
            see: fields.see,
        })
    }
}

impl From<Question> for QuestionFields {
    fn from(question: Question) -> QuestionFields {
        let Question { id, ask, kind, hint, explain, see } = question;
        let mut fields = QuestionFields {
            id,
            ask,
            choose: Vec::new(),
            choose_all: Vec::new(),
            value: None,
            order: Vec::new(),
            predict: Vec::new(),
            task: Vec::new(),
            hint,
            explain,
            see,
        };

        match kind {
            QuestionKind::Choose(choices) => fields.choose = choices,
            QuestionKind::ChooseAll(choices) => fields.choose_all = choices,
            QuestionKind::Value(value) => fields.value = Some(value),
            QuestionKind::Order(lines) => fields.order = lines,
            QuestionKind::Predict(predictions) => fields.predict = predictions,
            QuestionKind::Task(expects) => fields.task = expects,
        }
        fields
    }
}

/// The answer of a learner; options by their place in the lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Unknown,
    One(usize),
    Several(BTreeSet<usize>),
    Text(String),
    Order(Vec<usize>),
    /// The state was reached.
    Done,
}

/// The facts that only the lab can tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabAnswers {
    /// Of a prediction: which options hold.
    pub holds: Vec<bool>,
    /// Of a value: what the kernel says.
    pub value: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerMark {
    Right,
    Wrong,
    /// "I do not know": open, not wrong.
    Open,
}

/// The mark for an answer, and the words to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grade {
    pub mark: AnswerMark,
    /// The learner's own answer, in words; nothing where none was given.
    pub own: String,
    /// The right answer, in words.
    pub right: String,
    /// The reasons why its wrong parts are wrong.
    pub why: Vec<String>,
}

/// Grade an answer.
pub fn grade(question: &Question, answer: &Answer, lab: &LabAnswers) -> Grade {
    let right = right_answer(question, lab);
    let own = own_answer(question, answer);

    let (is_right, why) = match (&question.kind, answer) {
        (_, Answer::Unknown) => {
            return Grade { mark: AnswerMark::Open, own, right, why: Vec::new() };
        }
        (QuestionKind::Choose(choices), Answer::One(index)) => match choices.get(*index) {
            Some(choice) => {
                (choice.right, explained_unless(choice.right, &choice.say, &choice.why))
            }
            None => (false, Vec::new()),
        },
        (QuestionKind::ChooseAll(choices), Answer::Several(chosen)) => {
            let is_wrong = |index: usize, choice: &Choice| chosen.contains(&index) != choice.right;
            let wrong: Vec<&Choice> = choices
                .iter()
                .enumerate()
                .filter(|(index, choice)| is_wrong(*index, choice))
                .map(|(_, choice)| choice)
                .collect();
            let why = wrong.iter().flat_map(|choice| {
                let missed = if choice.right && choice.why.is_empty() {
                    "this is right, too"
                } else {
                    &choice.why
                };
                explained(&choice.say, missed)
            });
            (wrong.is_empty(), why.collect())
        }
        (QuestionKind::Value(value), Answer::Text(text)) => {
            (is_value(value, text, lab.value.as_deref()), Vec::new())
        }
        (QuestionKind::Order(lines), Answer::Order(order)) => {
            let first_wrong =
                order.iter().enumerate().find(|(place, line)| lines[*place] != lines[**line]);
            let why = first_wrong
                .map(|(place, _)| format!("place {} is not: {}", place + 1, lines[order[place]]));
            (order.len() == lines.len() && why.is_none(), why.into_iter().collect())
        }
        (QuestionKind::Predict(predictions), Answer::One(index)) => {
            let holds = lab.holds.get(*index).copied().unwrap_or(false);
            let why =
                predictions.get(*index).map(|one| explained_unless(holds, &one.say, &one.why));
            (holds, why.unwrap_or_default())
        }
        (QuestionKind::Task(_), Answer::Done) => (true, Vec::new()),
        _ => (false, Vec::new()),
    };

    Grade { mark: if is_right { AnswerMark::Right } else { AnswerMark::Wrong }, own, right, why }
}

fn explained_unless(is_right: bool, say: &str, why: &str) -> Vec<String> {
    if is_right { Vec::new() } else { explained(say, why) }
}

/// A wrong option with its author's reason, if there is one.
fn explained(say: &str, why: &str) -> Vec<String> {
    if why.is_empty() { Vec::new() } else { vec![format!("`{say}`: {why}")] }
}

/// The answer as the learner gave it.
fn own_answer(question: &Question, answer: &Answer) -> String {
    let options = question.options();
    let said = |option: &usize| options.get(*option).copied().unwrap_or_default();
    match answer {
        Answer::Unknown | Answer::Done => String::new(),
        Answer::One(option) => said(option).to_owned(),
        Answer::Several(chosen) if chosen.is_empty() => "none of them".into(),
        Answer::Several(chosen) => chosen.iter().map(said).collect::<Vec<_>>().join("; "),
        Answer::Text(text) => text.trim().to_owned(),
        Answer::Order(order) => order.iter().map(said).collect::<Vec<_>>().join(" > "),
    }
}

fn right_answer(question: &Question, lab: &LabAnswers) -> String {
    let said = |choices: &[Choice]| {
        let right: Vec<&str> =
            choices.iter().filter(|one| one.right).map(|one| one.say.as_str()).collect();
        right.join("; ")
    };

    match &question.kind {
        QuestionKind::Choose(choices) | QuestionKind::ChooseAll(choices) => said(choices),
        QuestionKind::Value(value) => {
            lab.value.clone().or_else(|| value.is.first().cloned()).unwrap_or_default()
        }
        QuestionKind::Order(lines) => lines.join(" > "),
        QuestionKind::Predict(predictions) => {
            let held = predictions.iter().zip(&lab.holds).filter(|(_, holds)| **holds);
            let held: Vec<&str> = held.map(|(one, _)| one.say.as_str()).collect();
            if held.is_empty() { "none of these, says the kernel".into() } else { held.join("; ") }
        }
        QuestionKind::Task(_) => "the lab decides".into(),
    }
}

fn is_value(value: &ValueAnswer, text: &str, from_lab: Option<&str>) -> bool {
    value
        .is
        .iter()
        .map(String::as_str)
        .chain(from_lab)
        .any(|wanted| is_same(wanted, text, value.unit, value.spelling))
}

/// The next number of splitmix64 (Steele, Lea, Flood 2014): enough for questions and challenges.
pub fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// 0 to `count` in another order, the same for the same seed. Never the order itself, where there is another.
pub fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut state = seed;

    for last in (1..count).rev() {
        order.swap(last, (next_random(&mut state) % (last as u64 + 1)) as usize);
    }

    if count > 1 && order.iter().enumerate().all(|(place, one)| place == *one) {
        order.rotate_left(1);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(kind: &str) -> Question {
        serde_json::from_str(&format!(
            "{{\"id\": \"q\", \"ask\": \"?\", \"explain\": \"!\", {kind}}}"
        ))
        .expect(kind)
    }

    #[test]
    fn one_choice_is_right_and_the_others_say_why_not() {
        let question =
            question(r#""choose": [{"say": "a", "right": true}, {"say": "b", "why": "because"}]"#);
        let check = |index, mark, why: &[&str]| {
            let grade = grade(&question, &Answer::One(index), &LabAnswers::default());
            assert_eq!((grade.mark, grade.right.as_str()), (mark, "a"));
            assert_eq!(grade.why, why);
        };
        check(0, AnswerMark::Right, &[]);
        check(1, AnswerMark::Wrong, &["`b`: because"]);
        let open = grade(&question, &Answer::Unknown, &LabAnswers::default());
        assert_eq!((open.mark, open.why.len()), (AnswerMark::Open, 0));
    }

    #[test]
    fn all_right_ones_and_no_other_must_be_chosen() {
        let question = question(
            r#""choose_all": [{"say": "a", "right": true}, {"say": "b", "why": "no"}, {"say": "c", "right": true}]"#,
        );
        let check = |chosen: &[usize], mark, wrong: usize| {
            let grade = grade(
                &question,
                &Answer::Several(chosen.iter().copied().collect()),
                &LabAnswers::default(),
            );
            assert_eq!((grade.mark, grade.why.len()), (mark, wrong), "{chosen:?}: {grade:?}");
        };

        check(&[0, 2], AnswerMark::Right, 0);
        check(&[0], AnswerMark::Wrong, 1);
        check(&[0, 1], AnswerMark::Wrong, 2);
        check(&[], AnswerMark::Wrong, 2);
    }

    #[test]
    fn an_answer_is_told_beside_the_right_one() {
        let own = |kind: &str, answer: Answer| {
            let grade = grade(&question(kind), &answer, &LabAnswers::default());
            (grade.own, grade.right)
        };
        let said = |own: &str, right: &str| (own.to_owned(), right.to_owned());
        let choose = r#""choose": [{"say": "a", "right": true}, {"say": "b"}]"#;
        assert_eq!(own(choose, Answer::One(1)), said("b", "a"));
        assert_eq!(own(choose, Answer::Unknown), said("", "a"));
        let all = r#""choose_all": [{"say": "a", "right": true}, {"say": "b", "right": true}]"#;
        assert_eq!(own(all, Answer::Several([1].into())), said("b", "a; b"));
        assert_eq!(own(all, Answer::Several([].into())), said("none of them", "a; b"));
        let value = r#""value": {"is": ["64MiB"], "unit": "bytes"}"#;
        assert_eq!(own(value, Answer::Text(" 32m ".into())), said("32m", "64MiB"));
        let order = r#""order": ["a", "b"]"#;
        assert_eq!(own(order, Answer::Order(vec![1, 0])), said("b > a", "a > b"));
    }

    #[test]
    fn values_forgive_what_the_question_says() {
        let check = |kind: &str, text: &str, expected: bool| {
            let grade = grade(&question(kind), &Answer::Text(text.into()), &LabAnswers::default());
            assert_eq!(grade.mark == AnswerMark::Right, expected, "{kind} {text}");
        };

        let bytes = r#""value": {"is": ["64MiB"], "unit": "bytes"}"#;
        for (text, expected) in [
            ("64MiB", true),
            ("64 mib", true),
            ("64m", true),
            ("67108864", true),
            ("65536k", true),
            ("64", false),
            ("63M", false),
            ("", false),
            ("99999999999999999999g", false),
        ] {
            check(bytes, text, expected);
        }

        let word = r#""value": {"is": ["whiteout"], "spelling": "forgiving"}"#;
        for (text, expected) in [
            ("Whiteout", true),
            (" whiteout ", true),
            ("whitout", true),
            ("witheout", false),
            ("blackout", false),
        ] {
            check(word, text, expected);
        }

        let exact = r#""value": {"is": ["pivot_root"]}"#;
        check(exact, "pivot_rot", false);
        let number = r#""value": {"is": ["1024"], "spelling": "forgiving"}"#;
        check(number, "1025", false);
    }

    #[test]
    fn what_the_lab_says_is_the_answer() {
        let value = question(r#""value": {"from": {"what": "mounts", "of": "container"}}"#);
        let lab = LabAnswers { value: Some("22".into()), ..LabAnswers::default() };
        assert_eq!(grade(&value, &Answer::Text("22".into()), &lab).mark, AnswerMark::Right);
        assert_eq!(grade(&value, &Answer::Text("21".into()), &lab).right, "22");
        let predict = question(
            r#""predict": [{"say": "a", "when": [], "why": "no"}, {"say": "b", "when": []}]"#,
        );
        let lab = LabAnswers { holds: vec![false, true], ..LabAnswers::default() };
        assert_eq!(grade(&predict, &Answer::One(1), &lab).mark, AnswerMark::Right);
        assert_eq!(grade(&predict, &Answer::One(0), &lab).why, ["`a`: no"]);
    }

    #[test]
    fn lines_have_one_order_and_equal_lines_may_change_places() {
        let question = question(r#""order": ["a", "b", "a"]"#);
        let check = |order: &[usize], mark| {
            let given = grade(&question, &Answer::Order(order.to_vec()), &LabAnswers::default());
            assert_eq!(given.mark, mark, "{order:?}");
        };
        check(&[0, 1, 2], AnswerMark::Right);
        check(&[2, 1, 0], AnswerMark::Right);
        check(&[1, 0, 2], AnswerMark::Wrong);
        check(&[0, 1], AnswerMark::Wrong);
    }

    #[test]
    fn each_seed_shuffles_in_its_own_way() {
        let question = question(
            r#""choose": [{"say": "a", "right": true}, {"say": "b"}, {"say": "c"}, {"say": "d"}]"#,
        );
        let orders: BTreeSet<Vec<usize>> =
            (0..8).map(|seed| question.shown_order(Some(seed))).collect();
        assert!(orders.len() > 4, "{orders:?}");
        assert_ne!(shuffled(9, 0), shuffled(9, 1));
        assert_eq!(question.shown_order(None), [0, 1, 2, 3]);
    }

    #[test]
    fn a_seed_gives_one_order_which_is_never_the_right_one() {
        assert_eq!(shuffled(0, 1), [] as [usize; 0]);
        assert_eq!(shuffled(1, 1), [0]);
        for seed in 0..200 {
            for count in 2..6 {
                let order = shuffled(count, seed);
                assert_eq!(order, shuffled(count, seed));
                assert_ne!(order, (0..count).collect::<Vec<_>>());
                assert_eq!(order.iter().copied().collect::<BTreeSet<_>>().len(), count);
            }
        }
    }

    #[test]
    fn a_question_is_of_one_kind_and_is_written_as_it_was_read() {
        let read = |kind: &str| {
            let text = format!(r#"{{"id": "q", "ask": "?", "explain": "!"{kind}}}"#);
            serde_json::from_str::<Question>(&text)
        };

        for kind in [
            r#", "choose": [{"say": "a", "right": true}]"#,
            r#", "choose_all": [{"say": "a"}]"#,
            r#", "value": {"is": ["1"]}"#,
            r#", "order": ["a", "b"], "choose": []"#,
            r#", "predict": [{"say": "a", "when": []}]"#,
            r#", "do": [{"output": {"says": "x"}}]"#,
        ] {
            let question = read(kind).expect(kind);
            let written = serde_json::to_string(&question).expect("JSON");
            assert_eq!(serde_json::from_str::<Question>(&written).expect(&written), question);
        }

        for kind in ["", r#", "choose": []"#, r#", "order": ["a"], "value": {}"#] {
            let error = read(kind).expect_err(kind).to_string();
            assert!(error.starts_with(&format!("question `q`: {NOT_ONE_KIND}")), "{error}");
        }
    }
}
