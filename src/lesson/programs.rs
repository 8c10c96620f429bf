//! The programs that a lesson runs: those that its author chose, as they will be executed. Everything else that
//! lessons do is a closed list of the program's own.

use super::model::{ActionEntry, Lesson};
use crate::action::{Action, LabFacts};
use crate::text::safe;

/// The actions of a lesson, wherever they are done.
fn parts(lesson: &Lesson) -> impl Iterator<Item = (String, &[ActionEntry])> {
    lesson.steps.iter().enumerate().flat_map(|(index, step)| {
        let name = format!("step {} `{}`", index + 1, step.id);
        let broken = (format!("{name}, to break something first"), step.breaks.as_slice());
        let done = (name.clone(), step.actions.as_slice());
        let what_ifs = step.branches.iter().map(move |branch| {
            (format!("{name}, what if `{}`", branch.id), branch.actions.as_slice())
        });
        [broken, done].into_iter().chain(what_ifs)
    })
}

fn is_run(entry: &ActionEntry) -> bool {
    matches!(entry.action, Action::Run(_))
}

/// Add to each step's needs what its commands need: programs, and users beside root.
pub fn note_needs(lesson: &mut Lesson) {
    for step in &mut lesson.steps {
        for entry in step.breaks.iter().chain(&step.actions) {
            let Action::Run(run) = &entry.action else { continue };
            let command: Vec<String> =
                run.command.iter().map(|word| word.shell(&LabFacts::default())).collect();
            for name in command_names(&command) {
                if !step.needs.programs.contains(&name) {
                    step.needs.programs.push(name);
                }
            }
            step.needs.other_ids |= gives_to_another(&command);
        }
    }
}

/// The names of the programs that a command runs: its own, and those of a shell's line, as far as they can be told
/// without being a shell. Builtins and words of the shell's language are among them; nobody misses those.
fn command_names(command: &[String]) -> Vec<String> {
    let Some(first) = command.first() else { return Vec::new() };
    let mut names = vec![first.clone()];
    if let [shell, option, script, ..] = command
        && shell == "sh"
        && option == "-c"
    {
        for part in script.split([';', '|', '&', '(', '{', '`', '\n']) {
            const BEFORE: [&str; 9] =
                ["exec", "!", "then", "do", "else", "if", "while", "until", "time"];
            let mut words = part
                .split_whitespace()
                .skip_while(|word| BEFORE.contains(word) || word.contains('='));
            names.extend(words.next().map(|word| word.trim_end_matches(')').to_owned()));
        }
    }
    names
}

fn gives_to_another(command: &[String]) -> bool {
    let is_root = |owner: &str| owner.split([':', '.']).all(|id| matches!(id, "" | "0" | "root"));
    match command.split_first() {
        Some((program, rest)) if matches!(program.as_str(), "chown" | "chgrp") => {
            let owner = rest.iter().find(|word| !word.starts_with('-'));
            owner.is_some_and(|owner| !is_root(owner))
        }
        _ => false,
    }
}

/// The number of programs it runs. None: there is nothing of an author's that a learner would have to trust.
pub fn program_count(lesson: &Lesson) -> usize {
    parts(lesson).flat_map(|(_, entries)| entries).filter(|entry| is_run(entry)).count()
}

/// Every program, and every file that is written for one to read, under the step it belongs to; a line each.
pub fn program_lines(lesson: &Lesson) -> Vec<String> {
    let context = LabFacts::default();
    let mut lines = Vec::new();

    for (name, entries) in parts(lesson) {
        let told: Vec<String> = entries
            .iter()
            .filter_map(|entry| {
                if let Action::Run(_) = &entry.action {
                    let line = entry.action.shell(&context).join(" ");
                    Some(format!("  {}# {line}", entry.actor))
                } else if let Action::Write(write) = &entry.action {
                    Some(format!("  {} writes {}: {}", entry.actor, write.path, write.text))
                } else {
                    None
                }
            })
            .collect();
        if !told.is_empty() {
            lines.push(safe(&name));
            lines.extend(told.iter().map(|line| safe(line)));
        }
    }

    lines
}

/// A text that is the same for two lessons only if they do the same. What they tell does not count.
pub fn actions_fingerprint(lesson: &Lesson) -> String {
    let all: Vec<(String, &[ActionEntry])> = parts(lesson).collect();
    serde_json::to_string(&all).expect("what was read from text can be written as text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::parse::parse;

    const LESSON: &str = "\
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
    breaks:
      - run: {command: [rm, /root/a b]}
    actions:
      - write: {path: /root/x.sh, text: \"echo hi\\n\"}
      - run: {command: [sh, -c, \"sh /root/x.sh; printf '\\e[2J'\"]}
    expect:
      - file: {path: /root/x, is: directory}
    branches:
      - id: other
        title: What if?
        story: So.
        after: Look.
        actions: [{run: {command: [id]}}]
        expect: [{output: {says: x}}]
";

    #[test]
    fn every_program_is_listed_as_it_is_run() {
        let lesson = parse("small.yaml", LESSON).expect("a lesson");
        let expected = [
            "step 1 `first`, to break something first",
            "  host# rm '/root/a b'",
            "step 1 `first`",
            "  host writes /root/x.sh: echo hi\\x0a",
            "  host# sh -c 'sh /root/x.sh; printf '\\''\\x1b[2J'\\'''",
            "step 1 `first`, what if `other`",
            "  host# id",
        ];

        assert_eq!(
            (program_count(&lesson), program_lines(&lesson)),
            (3, expected.map(String::from).to_vec())
        );
    }

    #[test]
    fn a_step_needs_the_programs_and_the_users_of_its_commands() {
        let check = |command: &[&str], names: &[&str], other_ids: bool| {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(command_names(&command), names, "{command:?}");
            assert_eq!(gives_to_another(&command), other_ids, "{command:?}");
        };

        check(&["ls", "-l"], &["ls"], false);
        check(
            &["sh", "-c", "cd /x 2>/dev/null || exit; a=1 exec dd if=/dev/zero; echo $(cat y)"],
            &["sh", "cd", "exit", "dd", "echo", "cat"],
            false,
        );
        check(&["chown", "-R", "1000", "/root/f"], &["chown"], true);
        check(&["chown", "0:0", "/root/f"], &["chown"], false);

        let lesson = parse("small.yaml", LESSON).expect("a lesson");
        assert_eq!(lesson.steps[0].needs.programs, ["rm", "sh", "printf"]);
    }

    #[test]
    fn two_lessons_are_the_same_if_they_do_the_same() {
        let deeds_with = |from: &str, to: &str| {
            assert!(LESSON.contains(from));
            actions_fingerprint(
                &parse("small.yaml", &LESSON.replacen(from, to, 1)).expect("a lesson"),
            )
        };

        let known = actions_fingerprint(&parse("small.yaml", LESSON).expect("a lesson"));
        assert_eq!(deeds_with("Something happens", "Something else is told"), known);

        for (from, to) in [
            ("[id]", "[id, -u]"),
            ("echo hi", "echo ho"),
            ("a b", "a c"),
            ("run: {command: [id]}", "getpid: {}"),
        ] {
            assert_ne!(deeds_with(from, to), known, "{to}");
        }
    }
}
