//! The mistakes in the terms of a challenge.

use super::challenge::PARTS;
use super::finding::LessonFinding;
use super::lint::line_of;
use super::model::Lesson;

/// The mistakes in the terms; none for a lesson that is no challenge. `text` is as the author wrote it.
pub fn find_mistakes(lesson: &Lesson, text: &str) -> Vec<LessonFinding> {
    let Some(terms) = &lesson.challenge else { return Vec::new() };
    let mut findings = Vec::new();
    let mut say = |needle: &str, message: String| {
        findings.push(LessonFinding { line: line_of(text, needle, 0), column: 1, message });
    };

    if !PARTS.contains(&terms.part.as_str()) {
        say("part:", format!("the part `{}` is none of {}", terms.part, PARTS.join(", ")));
    }
    if terms.par == 0 {
        say("par:", "a challenge takes one command at least: its `par` is 0".into());
    }
    let is_task = matches!(lesson.steps.as_slice(), [step] if !step.breaks.is_empty() && step.quiz.is_empty());
    if !is_task {
        say(
            "steps:",
            "a challenge is one step without questions, whose `breaks` is how its lab begins"
                .into(),
        );
    }
    for (name, values) in &terms.draw {
        let needle = format!("{name}:");
        if values.len() < 2 {
            say(&needle, format!("`{name}` needs two values or more to draw from"));
        }
        if !text.contains(&format!("<{name}>")) {
            say(&needle, format!("`{name}` is drawn, and <{name}> stands nowhere"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::lesson::parse::parse;

    const SAMPLE: &str = "format: 1\nnumber: 3\nid: one\ntitle: One\nsummary: s\nminutes: 1\nchallenge:\n  part: Namespaces\n  par: 1\n  \
        draw: {name: [red, green, blue], pids: [5, 6]}\nsteps:\n  - id: task\n    title: The name is <name>\n    story: s\n    \
        breaks:\n      - mkdir: {paths: [/root/<name>]}\n    actions:\n      - hostname: {set: <name>}\n    \
        expect:\n      - hostname: {of: host, is: <name>}\n      - cgroup: {name: x, limit: {pids: <pids>}}\n";

    #[test]
    fn the_word_may_be_written_with_escapes() {
        let escaped = SAMPLE.replacen("challenge:", r#""challen\u0067e":"#, 1);
        let drawn = parse("one.yaml", SAMPLE).expect("a challenge");
        assert!(!drawn.steps[0].title.contains('<'), "{}", drawn.steps[0].title);
        assert_eq!(parse("one.yaml", &escaped), Ok(drawn));
    }

    #[test]
    fn mistakes_in_the_terms_are_told_with_their_line() {
        let check = |from: &str, to: &str, line: usize, says: &str| {
            let text = SAMPLE.replacen(from, to, 1);
            let error = parse("one.yaml", &text).expect_err(to);
            assert!(error.line == line && error.message.contains(says), "{to}: {error}");
        };
        check("part: Namespaces", "part: Nampesaces", 8, "is none of The whole container");
        check("par: 1", "par: 0", 9, "`par` is 0");
        check("par: 1", "pra: 1", 9, "unknown field `pra`");
        check("[5, 6]", "[5]", 10, "`pids` needs two values");
        check("pids: [5, 6]", "pids: [5, 6], far: [1, 2]", 10, "<far> stands nowhere");
        check("[5, 6]", "[5, <name>]", 10, "a value of it holds `<`");
        check("pids: [5, 6]", "a>: [5, 6]", 10, "`a>` holds `<` or `>`");
        check(
            "    breaks:\n      - mkdir: {paths: [/root/<name>]}\n",
            "",
            11,
            "one step without questions",
        );
    }
}
