//! Questions of earlier lessons, asked before a lesson begins: those that were answered wrong come first.

use super::finding::LessonFinding;
use super::lint::line_of;
use super::model::Lesson;
use super::quiz::{AnswerMark, Question, QuestionKind, QuestionName};

/// Questions that are asked before a lesson: it is about something else.
pub const WARM_UP_QUESTIONS: usize = 2;

/// A question of an earlier lesson.
#[derive(Debug, Clone, PartialEq)]
pub struct WarmUpQuestion {
    /// The id of its lesson.
    pub lesson: String,
    /// The title of its lesson.
    pub title: String,
    pub question: Question,
}

/// The last answer to a question, and how often there was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastAnswer {
    pub mark: AnswerMark,
    pub tries: u32,
}

/// A learner's past, as far as questions are chosen by it.
pub trait PastAnswers {
    /// None where it was never answered.
    fn answer(&self, lesson: &Lesson, question: &str) -> Option<PastAnswer>;

    /// True if at least a step of the lesson is behind the learner.
    fn has_begun(&self, lesson: &Lesson) -> bool;
}

/// The questions to begin a lesson with: of those that its author names, or else of the lessons before it that the learner
/// has begun, the nearest first. Those answered wrong come first, then those not known, never asked, and answered right,
/// of these the one that was asked least often.
pub fn choose(lesson: &Lesson, known: &[Lesson], past: &impl PastAnswers) -> Vec<WarmUpQuestion> {
    // A challenge asks nothing but what is to be done.
    if lesson.challenge.is_some() {
        return Vec::new();
    }
    let found: Vec<(&Lesson, &Question)> = if lesson.warm_up.is_empty() {
        let mut before: Vec<&Lesson> =
            known.iter().filter(|one| one.number < lesson.number && past.has_begun(one)).collect();
        before.sort_by_key(|one| std::cmp::Reverse(one.number));
        before.into_iter().flat_map(|one| one.questions().map(move |it| (one, it))).collect()
    } else {
        lesson.warm_up.iter().filter_map(|name| find(name, known)).collect()
    };

    let mut ranked: Vec<(u8, u32, &Lesson, &Question)> = found
        .into_iter()
        .filter(|(_, question)| is_asked_without_lab(question))
        .map(|(of, question)| {
            let past = past.answer(of, &question.id);
            let rank = match past.map(|past| past.mark) {
                Some(AnswerMark::Wrong) => 0,
                Some(AnswerMark::Open) => 1,
                None => 2,
                Some(AnswerMark::Right) => 3,
            };
            (rank, past.map_or(0, |past| past.tries), of, question)
        })
        .collect();
    // The sort is stable: among equals the order of the author, or of the lessons, counts.
    ranked.sort_by_key(|(rank, tries, ..)| (*rank, *tries));

    let chosen = ranked.into_iter().take(WARM_UP_QUESTIONS);
    chosen
        .map(|(_, _, of, question)| WarmUpQuestion {
            lesson: of.id.clone(),
            title: of.title.clone(),
            question: question.clone(),
        })
        .collect()
}

/// The first name that leads to no question of an earlier lesson which can be asked before a lab is there.
pub fn find_mistake(lesson: &Lesson, text: &str, known: &[Lesson]) -> Option<LessonFinding> {
    lesson.warm_up.iter().find_map(|name| {
        let why = match find(name, known) {
            None => "is no question of the program's lessons",
            Some((of, _)) if of.number >= lesson.number => "is of no earlier lesson",
            Some((_, question)) if !is_asked_without_lab(question) => {
                "needs a lab: predictions, tasks and values that a lab says can't be asked here"
            }
            Some(_) => return None,
        };
        let line = line_of(text, &name.to_string(), 0);
        Some(LessonFinding { line, column: 1, message: format!("warm_up: `{name}` {why}") })
    })
}

fn find<'a>(name: &QuestionName, known: &'a [Lesson]) -> Option<(&'a Lesson, &'a Question)> {
    let lesson = known.iter().find(|one| one.id == name.lesson)?;
    Some((lesson, lesson.questions().find(|question| question.id == name.question)?))
}

/// True if the lesson itself says what is right: no kernel is asked.
fn is_asked_without_lab(question: &Question) -> bool {
    match &question.kind {
        QuestionKind::Choose(_) | QuestionKind::ChooseAll(_) | QuestionKind::Order(_) => true,
        QuestionKind::Value(value) => value.from.is_none(),
        QuestionKind::Predict(_) | QuestionKind::Task(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::lesson::catalogue::{all_lessons, lesson_text};

    /// Answers by `LESSON/QUESTION`; each of these lessons has been begun.
    #[derive(Default)]
    struct Answers(BTreeMap<&'static str, PastAnswer>);

    impl PastAnswers for Answers {
        fn answer(&self, lesson: &Lesson, question: &str) -> Option<PastAnswer> {
            self.0.get(format!("{}/{question}", lesson.id).as_str()).copied()
        }

        fn has_begun(&self, lesson: &Lesson) -> bool {
            self.0.keys().any(|key| key.starts_with(&lesson.id))
        }
    }

    fn answers(all: &[(&'static str, AnswerMark, u32)]) -> Answers {
        let all = all
            .iter()
            .map(|(name, mark, tries)| (*name, PastAnswer { mark: *mark, tries: *tries }));
        Answers(all.collect())
    }

    fn check(lesson: &Lesson, past: &Answers, expected: &[&str]) {
        let known = all_lessons().expect("lessons");
        let chosen = choose(lesson, &known, past);
        let names: Vec<String> =
            chosen.iter().map(|one| format!("{}/{}", one.lesson, one.question.id)).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn what_was_answered_wrong_is_asked_first() {
        let names = [
            "what-is-a-container/root-order",
            "build-a-container/where-ps-looks",
            "build-a-container/what-hides",
        ];
        let mut lesson = all_lessons().expect("lessons").pop().expect("the last one");
        lesson.warm_up = names.iter().map(|name| name.parse().expect("a name")).collect();
        let [kinds, ps, hides] = names;
        let (right, wrong, open) = (AnswerMark::Right, AnswerMark::Wrong, AnswerMark::Open);

        check(&lesson, &answers(&[]), &[kinds, ps]);
        check(&lesson, &answers(&[(hides, wrong, 1)]), &[hides, kinds]);
        check(&lesson, &answers(&[(kinds, right, 1), (hides, open, 1)]), &[hides, ps]);
        check(
            &lesson,
            &answers(&[(kinds, right, 3), (ps, right, 1), (hides, right, 2)]),
            &[ps, hides],
        );
    }

    #[test]
    fn without_names_questions_are_of_lessons_that_were_begun_before() {
        let lessons = all_lessons().expect("lessons");
        let mut last = lessons.last().expect("the last one").clone();
        last.warm_up.clear();
        check(&last, &answers(&[]), &[]);

        let past = answers(&[("build-a-container/what-hides", AnswerMark::Wrong, 2)]);
        let chosen = choose(&last, &lessons, &past);
        assert_eq!(chosen.len(), WARM_UP_QUESTIONS);
        assert_eq!(chosen[0].question.id, "what-hides");
        assert!(chosen.iter().all(|one| one.lesson == "build-a-container"));
        check(&lessons[0], &past, &[]);
    }

    #[test]
    fn each_lesson_names_questions_that_can_be_asked_before_it() {
        let lessons = all_lessons().expect("lessons");
        for lesson in &lessons {
            let text = lesson_text(&lesson.id).expect("its text");
            assert_eq!(find_mistake(lesson, text, &lessons), None, "{}", lesson.id);
        }

        let mut lesson = lessons[1].clone();
        for (name, why) in [
            ("build-a-container/none", "is no question"),
            ("nowhere/what-hides", "is no question"),
            ("build-a-container/what-hides", "is of no earlier lesson"),
            ("what-is-a-container/pid-on-host", "needs a lab"),
        ] {
            lesson.warm_up = vec![name.parse().expect("a name")];
            let text = format!("id: x\nwarm_up: [{name}]\n");
            let found = find_mistake(&lesson, &text, &lessons).expect(name);
            assert!(
                found.message.starts_with(&format!("warm_up: `{name}` {why}")),
                "{}",
                found.message
            );
            assert_eq!(found.line, 2);
        }
    }
}
