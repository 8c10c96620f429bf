//! Every text of a lesson, and what it is there for. Each part of a lesson is taken apart by all of its fields: one
//! that is added does not compile until it has its place here.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::lab_answer::AnswerSource;
use super::model::{Branch, Hint, Lesson, Needs, Step, WatchedDirectory};
use super::quiz::{self, Choice, Prediction, Question, QuestionKind, QuestionName};
use crate::view::Chart;

/// The use of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextUse {
    /// Words for people: what joins letters or emoji is at its place.
    Words,
    /// A name, a path or a command that is only shown.
    Shown,
    /// Text that programs and the kernel are given, or are expected to say: it may hold control characters.
    Given,
}

/// One text of a lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonText<'a> {
    pub role: TextUse,
    pub text: Cow<'a, str>,
}

impl Lesson {
    /// All texts, in the order of the fields.
    pub fn texts(&self) -> Vec<LessonText<'_>> {
        let Lesson {
            format: _,
            number: _,
            id,
            title,
            summary,
            minutes: _,
            goal,
            recap,
            warm_up,
            needs,
            // What it draws stands in the other texts by now.
            challenge: _,
            steps,
        } = self;
        let mut texts = Texts::default();
        texts.shown([id]);
        texts.words([title, summary, goal, recap]);
        for QuestionName { lesson, question } in warm_up {
            texts.shown([lesson, question]);
        }
        texts.needs(needs);
        steps.iter().for_each(|step| texts.step(step));
        texts.found
    }
}

/// The texts found so far.
#[derive(Default)]
struct Texts<'a> {
    found: Vec<LessonText<'a>>,
}

impl<'a> Texts<'a> {
    fn step(&mut self, step: &'a Step) {
        let Step {
            id,
            title,
            chapter,
            story,
            after,
            actions,
            watch: _,
            map: _,
            look,
            charts,
            expect,
            needs,
            docker,
            oci,
            real,
            say,
            callout,
            notes,
            breaks,
            hints,
            branches,
            quiz,
        } = step;

        self.shown([id, docker, oci]);
        self.words([title, chapter, story, after, real, say, callout, notes]);
        self.needs(needs);
        self.looks(look);
        self.charts(charts);
        self.given(&(breaks, actions, expect));
        hints.iter().for_each(|hint| self.hint(hint));
        branches.iter().for_each(|branch| self.branch(branch));
        quiz.iter().for_each(|question| self.question(question));
    }

    fn branch(&mut self, branch: &'a Branch) {
        let Branch { id, title, story, actions, after, watch: _, look, charts, expect } = branch;
        self.shown([id]);
        self.words([title, story, after]);
        self.looks(look);
        self.charts(charts);
        self.given(&(actions, expect));
    }

    fn hint(&mut self, hint: &'a Hint) {
        let Hint { expectation: _, nudge, man } = hint;
        self.words([nudge, man]);
    }

    fn question(&mut self, question: &'a Question) {
        let Question { id, ask, kind, hint, explain, see } = question;
        self.shown([id]);
        self.words([ask, hint, explain]);
        self.kind(kind);
        self.shown(see);
    }

    fn kind(&mut self, kind: &'a QuestionKind) {
        match kind {
            QuestionKind::Choose(choices) | QuestionKind::ChooseAll(choices) => {
                for Choice { say, right: _, why } in choices {
                    self.words([say, why]);
                }
            }
            QuestionKind::Value(quiz::ValueAnswer { is, from, unit: _, spelling: _ }) => {
                self.shown(is);
                if let Some(AnswerSource { what: _, of }) = from {
                    self.shown([&of.0]);
                }
            }
            QuestionKind::Order(lines) => self.shown(lines),
            QuestionKind::Predict(predictions) => {
                for Prediction { say, when, why } in predictions {
                    self.words([say, why]);
                    self.given(when);
                }
            }
            QuestionKind::Task(expects) => self.given(expects),
        }
    }

    fn needs(&mut self, needs: &'a Needs) {
        let Needs {
            root: _,
            kernel: _,
            cgroup,
            disk: _,
            cgroup_version: _,
            other_ids: _,
            programs,
        } = needs;
        self.shown(cgroup);
        self.shown(programs);
    }

    fn looks(&mut self, looks: &'a [WatchedDirectory]) {
        for WatchedDirectory { actor, path } in looks {
            self.shown([&actor.0, path]);
        }
    }

    fn charts(&mut self, charts: &'a [Chart]) {
        for Chart { group, of: _ } in charts {
            self.shown([group]);
        }
    }

    fn words(&mut self, texts: impl IntoIterator<Item = &'a String>) {
        self.add(TextUse::Words, texts);
    }

    fn shown(&mut self, texts: impl IntoIterator<Item = &'a String>) {
        self.add(TextUse::Shown, texts);
    }

    fn add(&mut self, role: TextUse, texts: impl IntoIterator<Item = &'a String>) {
        self.found
            .extend(texts.into_iter().map(|text| LessonText { role, text: Cow::Borrowed(text) }));
    }

    /// Actions and expectations are of many kinds: their texts are those that they are written with.
    fn given(&mut self, what: &impl Serialize) {
        let value =
            serde_json::to_value(what).expect("what was read from text can be written as text");
        self.walk(value);
    }

    fn walk(&mut self, value: Value) {
        match value {
            Value::String(text) => {
                self.found.push(LessonText { role: TextUse::Given, text: Cow::Owned(text) })
            }
            Value::Array(list) => list.into_iter().for_each(|one| self.walk(one)),
            Value::Object(map) => {
                for (name, one) in map {
                    self.found.push(LessonText { role: TextUse::Given, text: Cow::Owned(name) });
                    self.walk(one);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_yaml::Value as Yaml;

    use super::*;
    use crate::lesson::parse::parse;

    /// It has every field with a text in it that a lesson can have.
    const LESSON: &str = "\
format: 1
id: small
number: 2
title: A small one
summary: For tests.
minutes: 1
goal: test it.
recap: It was tested.
warm_up: [other/one]
needs: {kernel: \"5.10\", cgroup: [memory], programs: [nft], cgroup_version: 1}
steps:
  - id: first
    title: First
    chapter: A beginning
    story: Something happens.
    after: Look.
    say: It happens.
    callout: There.
    notes: Speak slowly.
    docker: docker run
    oci: \"{}\"
    real: Root may do that there.
    watch: [mounts]
    look: [{in: host, path: /root}]
    charts: [{group: box, of: memory}]
    needs: {kernel: \"5.12\", cgroup: [cpu], cgroup_version: 1}
    breaks: [{run: {command: [\"rm\"]}}]
    actions: [{in: host, fails: ENOENT, bar: first, run: {command: [\"rm\"]}}]
    expect: [{file: {path: /root/x, is: directory}}]
    hints: [{for: 1, nudge: Make it., man: mkdir(1)}]
    branches:
      - id: other
        title: What if?
        story: So.
        after: Look there.
        watch: [mounts]
        look: [{in: host, path: /tmp}]
        charts: [{group: box, of: cpu}]
        actions: [{run: {command: [id]}}]
        expect: [{output: {says: x}}]
    quiz:
      - id: one
        ask: What?
        choose: [{say: a, right: true, why: so}, {say: b, why: no}]
        hint: Think.
        explain: It is so.
        see: first
      - {id: several, ask: Which?, choose_all: [{say: a, right: true}, {say: b, why: no}], explain: So.}
      - {id: value, ask: How many?, value: {is: [\"5\"], unit: bytes, spelling: exact}, explain: So.}
      - {id: lab, ask: How many?, value: {from: {what: mounts, of: host}}, explain: So.}
      - {id: order, ask: Which first?, order: [a, b], explain: So.}
      - id: before
        ask: What then?
        predict: [{say: a, when: [{output: {says: x}}], why: no}, {say: b, when: [{output: {says: y}}], why: no}]
        explain: So.
      - {id: deed, ask: Do it., do: [{file: {path: /root/x, is: directory}}], explain: So.}
";

    /// Fields whose texts are for programs and the kernel.
    const GIVEN: [&str; 5] = ["actions", "breaks", "expect", "when", "do"];

    /// The places of all texts of a value that are not below one of those fields.
    fn places(value: &Yaml, place: &[Yaml], found: &mut Vec<Vec<Yaml>>) {
        let below = |key: Yaml| [place, &[key]].concat();

        match value {
            Yaml::String(_) => found.push(place.to_vec()),
            Yaml::Sequence(list) => {
                list.iter()
                    .enumerate()
                    .for_each(|(index, one)| places(one, &below(Yaml::from(index)), found));
            }
            Yaml::Mapping(map) => {
                for (key, one) in map
                    .iter()
                    .filter(|(key, _)| !GIVEN.iter().any(|given| key.as_str() == Some(given)))
                {
                    places(one, &below(key.clone()), found);
                }
            }
            Yaml::Null | Yaml::Bool(_) | Yaml::Number(_) | Yaml::Tagged(_) => {}
        }
    }

    #[test]
    fn a_control_character_is_refused_in_every_text_that_is_no_program_s() {
        parse("small.yaml", LESSON).expect("a lesson");
        let whole: Yaml = serde_yaml::from_str(LESSON).expect("YAML");
        let mut found = Vec::new();
        places(&whole, &[], &mut found);
        assert!(found.len() > 60, "{found:?}");

        for place in found {
            let mut changed = whole.clone();
            let text = place.iter().fold(&mut changed, |inner, key| match key.as_u64() {
                Some(index) => &mut inner[index as usize],
                None => &mut inner[key],
            });
            *text = Yaml::from(format!("{}\u{1b}[31m", text.as_str().unwrap_or_default()));
            let written = serde_yaml::to_string(&changed).expect("YAML");
            let error = parse("small.yaml", &written).expect_err(&written);
            // A word of a closed list is none of its words any more.
            let says = ["control character", "unknown variant", "no kernel version"];
            assert!(says.iter().any(|says| error.message.contains(says)), "{place:?}: {error}");
        }
    }

    #[test]
    fn the_lesson_of_these_tests_has_every_field() {
        let lesson = parse("small.yaml", LESSON).expect("a lesson");
        let (mut all, mut filled) = (BTreeSet::new(), BTreeSet::new());
        fields("", &serde_json::to_value(&lesson).expect("JSON"), &mut all, &mut filled);
        let missing: Vec<&String> = all.difference(&filled).collect();
        assert_eq!(missing, [] as [&String; 0]);
    }

    /// The names of all fields, and of those that hold something, with the way to them.
    fn fields(way: &str, value: &Value, all: &mut BTreeSet<String>, filled: &mut BTreeSet<String>) {
        let is_empty = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => {
                list.iter().for_each(|one| fields(way, one, all, filled));
                list.is_empty()
            }
            Value::Object(map) => {
                map.iter().filter(|(name, _)| !GIVEN.contains(&name.as_str())).for_each(
                    |(name, one)| {
                        fields(&format!("{way}/{name}"), one, all, filled);
                    },
                );
                false
            }
            Value::Bool(_) | Value::Number(_) => false,
        };

        all.insert(way.to_owned());
        if !is_empty {
            filled.insert(way.to_owned());
        }
    }
}
