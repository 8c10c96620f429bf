//! What the grammar of a lesson can't say: ids that are unique, actors that were born, errnos that exist.

use std::collections::BTreeSet;

use super::model::{Lesson, Step};
use crate::action::Action;
use crate::op::ActorName;

/// Something wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// Controllers that a lesson can ask for.
const CONTROLLERS: [&str; 12] = [
    "memory", "cpu", "cpuacct", "cpuset", "pids", "io", "blkio", "devices", "freezer", "net_cls", "net_prio", "hugetlb",
];

/// In the order of the text; empty when the lesson is sound.
pub fn check(lesson: &Lesson, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |line: usize, message: String| findings.push(Finding { line, column: 1, message });
    if lesson.format != 1 {
        say(
            line_of(text, "format:", 0),
            format!("format {} is newer than this program, which reads format 1", lesson.format),
        );
    }
    if let Some(at) = control_character(lesson) {
        say(line_of(text, &at, 0), "text holds a control character".into());
    }
    if !is_id(&lesson.id) {
        say(line_of(text, "id:", 0), format!("the id `{}` is not lower case words joined by `-`", lesson.id));
    }
    if lesson.steps.is_empty() {
        say(line_of(text, "steps:", 0), "a lesson needs at least one step".into());
    }
    let mut ids = BTreeSet::new();
    let mut born: BTreeSet<ActorName> = BTreeSet::from([ActorName::host()]);
    for (index, step) in lesson.steps.iter().enumerate() {
        let line = line_of_step(text, index);
        if !is_id(&step.id) {
            say(line, format!("the step id `{}` is not lower case words joined by `-`", step.id));
        }
        if !ids.insert(&step.id) {
            say(line, format!("the step id `{}` is used twice", step.id));
        }
        if step.story.trim().is_empty() {
            say(line, format!("the step `{}` has an empty story", step.id));
        }
        for message in check_step(step, &mut born) {
            say(line, message);
        }
    }
    findings
}

fn check_step(step: &Step, born: &mut BTreeSet<ActorName>) -> Vec<String> {
    let mut messages = Vec::new();
    let unborn = |born: &BTreeSet<ActorName>, actor: &ActorName| {
        let known: Vec<&str> = born.iter().map(ActorName::as_str).collect();
        (!born.contains(actor)).then(|| format!("there is no actor `{actor}` here yet, only {}", known.join(", ")))
    };
    for entry in &step.actions {
        messages.extend(unborn(born, &entry.actor));
        for actor in entry.action.actors() {
            messages.extend(unborn(born, actor));
        }
        if let Some(errno) = entry.fails.as_ref().filter(|errno| !errno.is_known()) {
            messages.push(format!("`{errno}` is no errno that Linux has"));
        }
        if let Action::Spawn(spawn) = &entry.action
            && !born.insert(spawn.actor.clone())
        {
            messages.push(format!("the actor `{}` is born twice", spawn.actor));
        }
    }
    for actor in step.expect.iter().flat_map(|expect| expect.actors()).chain(step.look.iter().map(|look| &look.actor)) {
        messages.extend(unborn(born, actor));
    }
    for controller in step.needs.cgroup.iter().filter(|name| !CONTROLLERS.contains(&name.as_str())) {
        messages.push(format!("`{controller}` is no cgroup controller"));
    }
    messages
}

fn is_id(id: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
    };
    id.split('-').all(is_word)
}

/// The key of the first text that holds a control character other than a newline.
fn control_character(lesson: &Lesson) -> Option<String> {
    let bad = |text: &str| text.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t');
    let of_lesson = [("title:", &lesson.title), ("summary:", &lesson.summary)];
    let of_steps = lesson.steps.iter().flat_map(|step| {
        [
            ("title:", &step.title),
            ("story:", &step.story),
            ("after:", &step.after),
            ("docker:", &step.docker),
            ("oci:", &step.oci),
            ("notes:", &step.notes),
        ]
    });
    of_lesson.into_iter().chain(of_steps).find(|(_, text)| bad(text)).map(|(key, text)| {
        let escaped =
            text.chars().find(|letter| letter.is_control() && *letter != '\n').map_or(String::new(), |letter| {
                if letter == '\u{1b}' { "\\e".into() } else { format!("\\x{:02x}", letter as u32) }
            });
        format!("{key} \"{escaped}")
    })
}

/// The first line, from `after` on, that holds the text; 1 when none does.
fn line_of(text: &str, needle: &str, after: usize) -> usize {
    text.lines().skip(after).position(|line| line.contains(needle)).map_or(1, |index| after + index + 1)
}

/// The line where the Nth step begins.
fn line_of_step(text: &str, index: usize) -> usize {
    let steps = text.lines().position(|line| line.starts_with("steps:")).unwrap_or(0);
    let is_step = |line: &str| line.trim_start().starts_with("- id:");
    text.lines().enumerate().skip(steps).filter(|(_, line)| is_step(line)).nth(index).map_or(1, |(at, _)| at + 1)
}
