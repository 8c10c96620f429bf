//! Reading a lesson from YAML. Errors show the place: `file:line:column`, the line, a caret.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeSeed;

use super::bounds::{self, ReadAllowance, SizeVisitor};
use super::challenge::{self, Challenge};
use super::challenge_lint;
use super::finding::LessonFinding;
use super::given;
use super::invisible_characters;
use super::lint;
use super::model::Lesson;
use super::programs;
use super::suggestion::nearest_word;
use crate::text::{first_bytes, safe};

/// The mistake that makes a lesson unusable, and its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonError {
    /// The file's name, as the author knows it.
    pub file: String,
    /// From 1; 0 when the whole text is meant.
    pub line: usize,
    /// From 1.
    pub column: usize,
    pub message: String,
    /// The line itself.
    pub source: String,
    /// The word that may have been meant.
    pub meant: Option<String>,
}

impl std::error::Error for LessonError {}

impl fmt::Display for LessonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if !self.source.is_empty() {
            let number = self.line.to_string();
            let gap = " ".repeat(number.len());
            let before =
                safe(&self.source.chars().take(self.column.saturating_sub(1)).collect::<String>());
            write!(
                f,
                "\n{gap} |\n{number} | {}\n{gap} | {}^",
                safe(&self.source),
                " ".repeat(before.chars().count())
            )?;
        }

        if let Some(meant) = &self.meant {
            write!(f, "\ndid you mean `{meant}`?")?;
        }

        Ok(())
    }
}

/// Bytes shown of a line.
const MAX_SOURCE: usize = 400;

/// Parse and check one lesson. `file` is for messages only. Of a challenge it is the first draw.
pub fn parse(file: &str, text: &str) -> Result<Lesson, LessonError> {
    parse_drawn(file, text, 0)
}

/// The same, of a challenge with what this seed draws.
pub fn parse_drawn(file: &str, text: &str, seed: u64) -> Result<Lesson, LessonError> {
    check_bounds(file, text)?;
    let written = text;
    let text = drawn(written, seed).map_err(|finding| error_at(file, written, finding))?;
    if let Cow::Owned(text) = &text {
        // What is drawn may hold anything, too.
        check_bounds(file, text)?;
    }

    let text = &*text;
    let mut lesson: Lesson =
        serde_yaml::from_str(text).map_err(|error| from_yaml(file, text, &error))?;
    let findings = challenge_lint::find_mistakes(&lesson, written).into_iter();
    match findings.chain(lint::find_mistakes(&lesson, text)).next() {
        None => {
            programs::note_needs(&mut lesson);
            Ok(lesson)
        }
        Some(finding) => Err(error_at(file, text, finding)),
    }
}

/// Bound what is made of a text, before anything is.
fn check_bounds(file: &str, text: &str) -> Result<(), LessonError> {
    let refuse = |finding: LessonFinding| error_at(file, text, finding);
    bounds::check_size(text).map_err(refuse)?;
    if let Some(finding) = invisible_characters::first_in_text(text) {
        return Err(refuse(finding));
    }

    // The first pass only counts, and keeps nothing: with aliases a short text can stand for a long one.
    let allowance = ReadAllowance::default();
    if let Err(error) =
        SizeVisitor::new(&allowance).deserialize(serde_yaml::Deserializer::from_str(text))
    {
        let told = from_yaml(file, text, &error);
        return Err(match allowance.into_refusal() {
            // Without the way through the lists to it.
            Some(message) => LessonError { message, ..told },
            None => told,
        });
    }
    Ok(())
}

/// The text with what a seed draws; as it is where it is no challenge's.
fn drawn(text: &str, seed: u64) -> Result<Cow<'_, str>, LessonFinding> {
    #[derive(Deserialize)]
    struct Header {
        challenge: Option<Challenge>,
    }

    // Nearly all lessons are none, and reading one takes time. (A key can be written with escapes, too.)
    if !text.contains("challenge") && !text.contains('\\') {
        return Ok(Cow::Borrowed(text));
    }

    // What is wrong with it is told of the whole text.
    let header: Option<Header> = serde_yaml::from_str(text).ok();
    match header.and_then(|header| header.challenge) {
        Some(terms) if !terms.draw.is_empty() => match challenge::draw(&terms, text, seed) {
            Ok(drawn) => Ok(Cow::Owned(drawn)),
            Err(message) => {
                Err(LessonFinding { line: lint::line_of(text, "draw:", 0), column: 1, message })
            }
        },
        Some(_) | None => Ok(Cow::Borrowed(text)),
    }
}

fn from_yaml(file: &str, text: &str, error: &serde_yaml::Error) -> LessonError {
    let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
    let full = error.to_string();
    // The parser says the place behind its message; ours stands before it.
    let message = full.split(" at line ").next().unwrap_or(&full).to_owned();
    let branch_id = |step: usize, branch: usize| {
        let lesson: serde_yaml::Value = serde_yaml::from_str(text).ok()?;
        lesson["steps"][step]["branches"][branch]["id"].as_str().map(str::to_owned)
    };
    if let Some(finding) = given::mistake(&message, text, branch_id) {
        return error_at(file, text, finding);
    }

    let mut built = error_at(file, text, LessonFinding { line, column, message });
    built.meant = meant(&built.message);
    point_at_word(&mut built, text);
    built
}

fn error_at(file: &str, text: &str, finding: LessonFinding) -> LessonError {
    let LessonFinding { line, column, message } = finding;
    let source = line.checked_sub(1).and_then(|index| text.lines().nth(index)).unwrap_or_default();
    // A line can be as long as the file.
    let source = first_bytes(source, MAX_SOURCE).to_owned();
    LessonError { file: file.to_owned(), line, column: column.max(1), message, source, meant: None }
}

/// serde's "unknown field `x`, expected one of `a`, `b`": the nearest of those.
fn meant(message: &str) -> Option<String> {
    let (wrong, known) = message.split_once("expected")?;
    let wrong = wrong.split('`').nth(1)?;
    nearest_word(wrong, known.split('`').skip(1).step_by(2)).map(str::to_owned)
}

/// The parser names the place where a map begins: go on to the word the message is about, if it comes soon.
fn point_at_word(error: &mut LessonError, text: &str) {
    const MAX_LINES_AHEAD: usize = 8;
    let Some(word) = error.message.split('`').nth(1).filter(|word| !word.is_empty()) else {
        return;
    };

    let from = error.line.max(1) - 1;
    let found = text
        .lines()
        .enumerate()
        .skip(from)
        .take(MAX_LINES_AHEAD)
        .find_map(|(index, line)| Some((index, line, line.find(word)?)));

    if let Some((index, line, at)) = found {
        error.line = index + 1;
        error.source = first_bytes(line, MAX_SOURCE).to_owned();
        error.column = line[..at].chars().count() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
format: 1
id: small
number: 2
title: A small one
summary: For tests.
minutes: 1
steps:
  - id: first
    title: First
    story: Something happens.
    actions:
      - in: host
        mkdir: {paths: [/root/x]}
    expect:
      - file: {path: /root/x, is: directory}
";

    #[test]
    fn a_good_lesson_is_read() {
        let lesson = parse("small.yaml", GOOD).expect("a lesson");
        assert_eq!(lesson.steps[0].actions[0].action.name(), "mkdir");
        assert_eq!(lesson.steps[0].actions[0].actor.as_str(), "host");
    }

    #[test]
    fn a_broken_lesson_is_refused_with_the_place_and_the_word_meant() {
        let check = |from: &str, to: &str, line: usize, says: &str, meant: Option<&str>| {
            assert!(GOOD.contains(from), "{from}");
            let error = parse("small.yaml", &GOOD.replacen(from, to, 1)).expect_err(to);
            assert!(error.message.contains(says), "{to}: {error}");
            assert_eq!(error.line, line, "{to}: {error}");
            assert_eq!(error.meant.as_deref(), meant, "{to}: {error}");
            assert!(error.to_string().starts_with(&format!("small.yaml:{line}:")), "{error}");
        };

        check("summary: For", "sumary: For", 5, "unknown field `sumary`", Some("summary"));
        check("mkdir: {", "mkdri: {", 13, "unknown field `mkdri`", Some("mkdir"));
        check("paths: [", "path: [", 13, "unknown field `path`", Some("paths"));
        check("- file: {path", "- fil: {path", 15, "unknown field `fil`", Some("file"));
        check(
            "is: directory",
            "is: directroy",
            15,
            "unknown variant `directroy`",
            Some("directory"),
        );
        check("format: 1", "format: 2", 1, "format 2", None);
        check("title: First", "title: \"\\e[31m\"", 9, "control character", None);
        check("story: Something happens.", "story: \"\"", 8, "empty story", None);
        check("- in: host", "- in: container", 8, "`container`", None);
        check("- in: host", "- fails: EBUZY", 8, "EBUZY", None);
        check("- in: host", "- bar: eleven-long", 8, "1 to 10 letters", None);
        check("id: first", "id: First One", 8, "id", None);
        check("minutes: 1", "minutes: {watch: 9, do: 5}", 6, "takes no less", None);
        check("minutes: 1", "minutes: soon", 6, "like `{watch: 28, do: 57}`", None);
        check("minutes: 1", "minutes: {watch: 9, don: 5}", 6, "unknown field `don`", Some("do"));
        check("minutes: 1", "minutes: 1\nwarm_up: [why-lazy]", 7, "is no question", None);
        check("minutes: 1", "minutes: 1\nwarm_up: [a/b, a/b]", 7, "each of them once", None);
        let long = format!("title: First\n    chapter: {}", "x".repeat(41));
        check("title: First", &long, 8, "longer than 40 characters", None);
        let real = format!("title: First\n    real: {}", "x".repeat(321));
        check("title: First", &real, 8, "`real` of `first` has more than 320", None);
    }

    #[test]
    fn what_a_learner_would_stumble_over_is_refused_with_its_line() {
        let check = |addition: &str, line: usize, says: &str| {
            let error = parse("small.yaml", &format!("{GOOD}{addition}")).expect_err(addition);
            assert!(error.message.contains(says), "{addition}: {error}");
            assert_eq!(error.line, line, "{addition}: {error}");
        };
        let quiz = |kind: &str| {
            format!("    quiz:\n      - id: one\n        ask: What?\n        explain: So.\n{kind}")
        };

        check(&quiz(""), 17, "exactly one of choose");
        check(&quiz("        choose: [{say: a, right: true}]\n"), 17, "two options or more");
        check(
            &quiz("        choose: [{say: a, right: true}, {say: b}]\n"),
            17,
            "does not say `why`",
        );
        check(
            &quiz("        choose_all: [{say: a, why: x}, {say: b, why: x}]\n"),
            17,
            "a right one",
        );
        check(&quiz("        value: {unit: bytes}\n"), 17, "needs an answer");
        check(
            &quiz("        value: {is: [a]}\n        see: nowhere\n"),
            17,
            "points at a step `nowhere`",
        );
        check(&quiz("        order: [a]\n"), 17, "two lines");
        check(
            &quiz("        predict: [{say: a, when: []}, {say: b, when: []}]\n"),
            17,
            "does not say `when`",
        );
        check(&quiz("        do: [{pid: {of: nobody, is: 1}}]\n"), 17, "no actor `nobody`");
        check(
            &quiz("        value: {from: {what: mounts, of: nobody}}\n"),
            17,
            "no actor `nobody`",
        );
        check(&quiz("        order: [a, b]\n        value: {is: [a]}\n"), 17, "exactly one");

        let branch = |rest: &str| {
            format!(
                "    branches:\n      - id: other\n        title: What if?\n        story: So.\n        after: Look.\n{rest}"
            )
        };
        check(&branch("        actions: []\n        expect: []\n"), 17, "leads nowhere");
        check(
            &branch(
                "        actions: [{in: nobody, getpid: {}}]\n        expect: [{output: {says: x}}]\n",
            ),
            17,
            "nobody",
        );

        check("    hints: [{for: 2, nudge: x, man: y}]\n", 8, "expectation 2, but the step has 1");
        check("      - outcome: {}\n", 8, "`outcome` needs");
        check(
            "      - namespaces: {of: host, differ_from: host, kinds: [net]}\n",
            8,
            "with itself",
        );
        check(
            "      - cgroup_file: {name: a, file: [pids.max], at_least: 2, at_most: 1}\n",
            8,
            "more than",
        );
        check("      - file: {path: /x, is: absent, contains: x}\n", 8, "contains nothing");
        check(
            "    breaks: [{mkdir: {paths: [/x]}}]\n    branchs: []\n",
            17,
            "unknown field `branchs`",
        );
    }

    #[test]
    fn what_is_given_twice_or_not_at_all_is_told_at_its_id() {
        let check = |addition: &str, expected: &str| {
            let error = parse("small.yaml", &format!("{GOOD}{addition}")).expect_err(addition);
            assert_eq!(error.to_string().lines().next(), Some(expected), "{error}");
        };

        let question = |id: &str, kind: &str| {
            format!("    quiz:\n      - ask: What?\n        id: {id}\n        explain: So.\n{kind}")
        };
        let mistake = "it needs exactly one of choose, choose_all, value, order, predict, do";
        check(&question("one", ""), &format!("small.yaml:18:1: question `one`: {mistake}"));
        check(
            &question("two", "        order: [a, b]\n        value: {is: [a]}\n"),
            &format!("small.yaml:18:1: question `two`: {mistake}"),
        );

        let tasks = "needs exactly one of touch, burn, write, fork, open, send, serve, count";
        check(
            "    breaks: [{work: {name: idle}}]\n",
            &format!("small.yaml:8:1: the work `idle` {tasks}"),
        );
        check(
            "    branches:\n      - title: What if?\n        id: other\n        story: So.\n        after: Look.\n        \
             expect: []\n        actions: [{in: host, work: {name: busy, burn: 1, fork: 2}}]\n",
            &format!("small.yaml:18:1: the branch `other`: the work `busy` {tasks}"),
        );
    }

    #[test]
    fn a_lesson_that_grows_while_it_is_read_is_refused_at_the_place() {
        let check = |from: &str, to: &str, line: usize, says: &str| {
            let error = parse("small.yaml", &GOOD.replacen(from, to, 1)).expect_err(says);
            assert_eq!(error.line, line, "{error}");
            assert!(error.message.starts_with(says), "{error}");
            assert!(error.to_string().len() < 1000, "{error}");
        };

        let nine = |list: &str| [list; 9].join(", ");
        let laughs = format!(
            "paths: [&a [{}], &b [{}], &c [{}], &d [{}], &e [{}], &f [{}], ",
            nine("x"),
            nine("*a"),
            nine("*b"),
            nine("*c"),
            nine("*d"),
            nine("*e")
        );
        check("paths: [", &laughs, 13, "a lesson has at most 50000 values");
        let texts = format!("paths: [&a {}, {}, ", "x".repeat(60_000), ["*a"; 40].join(", "));
        check("paths: [", &texts, 13, "the texts of a lesson have at most 2 MiB together");
        check(
            "Something happens",
            &"x".repeat(70_000),
            10,
            "a text of a lesson has at most 64 KiB",
        );

        let deep = format!("{}x{}", "[".repeat(40), "]".repeat(40));
        check("/root/x]", &format!("{deep}]"), 13, "more than 32 lists and maps");
        check(
            "/root/x]",
            &format!("{}]", deep.repeat(5).replace(']', "")),
            13,
            "more than 128 brackets",
        );
        check("/root/x]", "!secret x]", 13, "the tag `secret` means nothing");

        let step = GOOD.split_once("  - id").expect("steps").1;
        let steps: String = (0..200)
            .map(|index| format!("  - id{}", step.replace("first", &format!("s{index}"))))
            .collect();
        check(
            "  - id",
            &format!("{steps}  - id"),
            1608,
            "a lesson has at most 200 steps, this one has 201",
        );
        let action = "      - in: host\n        mkdir: {paths: [/root/x]}\n".repeat(200);
        check(
            "    expect",
            &format!("{action}    expect"),
            8,
            "a step has at most 200 actions, and this one has 201",
        );
    }

    #[test]
    fn the_caret_stands_below_the_word() {
        let error = parse("x.yaml", &GOOD.replace("paths: [", "path: ["))
            .expect_err("an error")
            .to_string();
        let lines: Vec<&str> = error.lines().collect();
        let caret = lines[3].find('^').expect("a caret");
        assert!(lines[2][caret..].starts_with("path"), "{error}");
    }

    #[test]
    fn what_is_no_yaml_is_refused() {
        for text in ["", "{", "- - -\n\t", "format: 1", "\u{0}", "a: &a [*a]", "&a [*a, *a]"] {
            assert!(parse("x.yaml", text).is_err(), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[-a-z0-9:{}\\[\\]\n ,&*!|>'\"#%@]{0,200}") {
            let _ = parse("x.yaml", &text);
        }
    }
}
