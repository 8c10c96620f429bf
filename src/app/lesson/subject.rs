//! The subject of a step, as its author wrote it: of many changed rows it tells which one is brought into sight.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::app::panes::{PaneRow, PaneSection};
use crate::diff::{ChangeKind, is_counter};
use crate::lesson::model::Step;

/// The words of a step's expectations and actions, with how much each tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    words: BTreeMap<String, usize>,
}

/// The weights of words: an expectation says more of what a step is about than what is done for it.
const EXPECTED: usize = 3;
const DONE: usize = 1;

impl Subject {
    pub fn of_step(step: &Step) -> Subject {
        let mut subject = Subject::default();
        step.actions.iter().for_each(|entry| subject.add(entry, DONE));
        step.expect.iter().for_each(|expect| subject.add(expect, EXPECTED));
        subject
    }

    fn add(&mut self, what: &impl Serialize, weight: usize) {
        // A value that can't be written as JSON tells nothing, and is only a place to scroll to.
        if let Ok(value) = serde_json::to_value(what) {
            self.add_value(&value, weight);
        }
    }

    fn add_value(&mut self, value: &Value, weight: usize) {
        let mut add = |word: &str| {
            let known = self.words.entry(word.to_owned()).or_default();
            *known = weight.max(*known);
        };

        match value {
            Value::String(text) => text.split_whitespace().for_each(add),
            Value::Number(number) => add(&number.to_string()),
            Value::Array(values) => values.iter().for_each(|value| self.add_value(value, weight)),
            Value::Object(fields) => {
                for (name, value) in fields.iter().filter(|(_, value)| !is_nothing(value)) {
                    // `limits: {pids: 20}`: the name tells, too.
                    if value.is_number() {
                        self.add_value(&Value::String(name.clone()), weight);
                    }
                    self.add_value(value, weight);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// The weight of the words that a row has.
    fn weight(&self, row: &PaneRow) -> usize {
        let tokens: Vec<&str> = row
            .text
            .split(|letter: char| letter.is_whitespace() || "|,()".contains(letter))
            .collect();
        let is_named = |word: &str| {
            tokens.iter().any(|token| {
                let token = token.trim_start_matches(['├', '└', '─']);
                // `172.17.0.2` is in `172.17.0.2/16`, `pids` in `pids.max`.
                token.strip_prefix(word).is_some_and(|rest| {
                    rest.is_empty() || (word.len() > 2 && rest.starts_with(['.', '/']))
                })
            })
        };
        let named = self.words.iter().filter(|(word, _)| is_named(word));
        named.map(|(_, weight)| weight).sum()
    }

    /// Mark a counter that moves by itself where the step is about it: there it is no noise.
    pub fn mark_expected(&self, sections: &mut [PaneSection]) {
        let rows = sections.iter_mut().flat_map(|section| &mut section.rows);
        for row in rows.filter(|row| row.mark == ChangeKind::Quiet) {
            let is_expected = |token: &str| {
                // Names of files have a point in them: `cpu.stat`.
                token.contains('.') && is_counter(token) && self.words.get(token) == Some(&EXPECTED)
            };
            if row.text.split_whitespace().any(is_expected) {
                row.mark = ChangeKind::Changed;
            }
        }
    }

    /// The row that tells most of the step among those that changed; the first of equals. None where nothing changed.
    pub fn most_telling<'a>(&self, rows: impl Iterator<Item = &'a PaneRow>) -> Option<usize> {
        let changed = rows.enumerate().filter(|(_, row)| row.mark.is_change());
        // A row that came tells more than one that something has moved on.
        let weight = |row: &PaneRow| (self.weight(row), row.mark != ChangeKind::Gone);
        let best = changed.map(|(place, row)| (weight(row), std::cmp::Reverse(place))).max();
        best.map(|(_, std::cmp::Reverse(place))| place)
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value == &Value::Bool(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::panes::RowKind;
    use crate::lesson::catalogue;

    fn told(step: &str, rows: &[(ChangeKind, &str)]) -> Option<usize> {
        let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
        let step = lesson.steps.iter().find(|it| it.id == step).expect("the step");
        let rows: Vec<PaneRow> = rows
            .iter()
            .map(|(mark, text)| PaneRow {
                mark: *mark,
                text: (*text).into(),
                kind: RowKind::Plain,
                group: None,
                subject: None,
            })
            .collect();
        Subject::of_step(step).most_telling(rows.iter())
    }

    #[test]
    fn what_a_step_expects_comes_before_what_happens_beside_it() {
        let changed = ChangeKind::Changed;
        assert_eq!(
            told(
                "repair-limit",
                &[
                    (changed, "  cpu.stat  nr_periods 6"),
                    (changed, "  memory.failcnt  3"),
                    (changed, "  pids.max  20  was 1"),
                ]
            ),
            Some(2)
        );
        assert_eq!(
            told(
                "repair-route",
                &[
                    (ChangeKind::Added, "  route 172.17.0.0/16 dev eth0"),
                    (ChangeKind::Added, "  route default via 172.17.0.1 dev eth0"),
                ]
            ),
            Some(1)
        );
        assert_eq!(
            told(
                "repair-proc",
                &[(changed, "m9  /dev  tmpfs"), (ChangeKind::Added, "m44 └─/proc  proc  private")]
            ),
            Some(1)
        );
    }

    #[test]
    fn a_counter_is_marked_where_the_step_expects_something_of_it() {
        let marks = |lesson: &str, step: usize| {
            let lesson = catalogue::find_lesson(lesson).expect("the lesson");
            let texts =
                ["  cpuacct.usage  7  was 3", "  memory.current  7  was 3", "  eth0 cpu.max"];
            let rows = texts.map(|text| PaneRow {
                mark: ChangeKind::Quiet,
                text: text.into(),
                kind: RowKind::Dim,
                group: None,
                subject: None,
            });
            let mut sections = [PaneSection { rows: rows.to_vec() }];
            Subject::of_step(&lesson.steps[step]).mark_expected(&mut sections);
            sections[0].rows.iter().map(|row| row.mark.sign()).collect::<String>()
        };
        let cpu = catalogue::find_lesson("14").expect("the lesson");
        let expects_usage = |step: &Step| {
            serde_json::to_string(&step.expect).is_ok_and(|text| text.contains("cpuacct.usage"))
        };
        let step = cpu.steps.iter().position(expects_usage).expect("a step on the account");
        assert_eq!(marks("14", step), "~  ");
        assert_eq!(marks("build-a-container", 0), "   ");
    }

    #[test]
    fn of_equals_the_first_is_told_and_without_a_change_none() {
        let same = ChangeKind::Same;
        let added = ChangeKind::Added;
        assert_eq!(told("repair-proc", &[(same, "/proc"), (added, "a"), (added, "b")]), Some(1));
        assert_eq!(told("repair-proc", &[(same, "/proc"), (ChangeKind::Quiet, "proc")]), None);
    }
}
