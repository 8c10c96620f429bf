//! The rules that the grammar of a lesson can't say: ids that are unique, actors that are there, errnos that exist.

use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr;

use super::expect::Expect;
use super::finding::LessonFinding;
use super::invisible_characters;
use super::model::{Lesson, Minutes, Step};
use super::quiz::{Choice, QuestionKind, QuestionName};
use crate::action::Action;
use crate::op::{ActorName, Bar};

/// Controllers that a lesson can ask for; `unified` is the v2 tree, whatever it has.
pub(super) const CONTROLLERS: [&str; 13] = [
    "memory", "cpu", "cpuacct", "cpuset", "pids", "io", "blkio", "devices", "freezer", "net_cls",
    "net_prio", "hugetlb", "unified",
];

/// A year of evenings; the longest lesson of the program's own has 32 steps.
const MAX_STEPS: usize = 200;
/// Of a step: actions, and expectations.
const MAX_ACTIONS: usize = 200;
/// Of a step: what can be chosen from a list.
const MAX_OFFERS: usize = 50;
/// Characters of what a lesson says at its beginning, and at its end: five rows of 80 columns.
const MAX_LESSON_WORDS: usize = 400;
/// Characters of how a real machine differs from the lab: four rows of 80 columns.
const MAX_REAL: usize = 320;
/// Questions of earlier lessons to choose from.
const MAX_WARM_UP: usize = 8;
const MAX_CHAPTERS: usize = 9;
/// Characters: they stand in a line beside their number.
const MAX_CHAPTER_TITLE: usize = 40;
/// As many as the keys a to g.
const MAX_OPTIONS: usize = 7;

/// The mistakes of a lesson, in the order of the text; empty when it is sound.
pub fn find_mistakes(lesson: &Lesson, text: &str) -> Vec<LessonFinding> {
    if let Some(finding) =
        too_many(lesson, text).or_else(|| invisible_characters::first_in_values(lesson, text))
    {
        return vec![finding];
    }

    let mut findings = Vec::new();
    let mut say =
        |line: usize, message: String| findings.push(LessonFinding { line, column: 1, message });
    if lesson.format != 1 {
        say(
            line_of(text, "format:", 0),
            format!("format {} is newer than this program, which reads format 1", lesson.format),
        );
    }
    if !is_id(&lesson.id) {
        say(
            line_of(text, "id:", 0),
            format!("the id `{}` is not lower case words joined by `-`", lesson.id),
        );
    }
    for (name, said) in [("goal", &lesson.goal), ("recap", &lesson.recap)] {
        let length = said.chars().count();
        if length > MAX_LESSON_WORDS {
            say(
                line_of(text, &format!("{name}:"), 0),
                format!(
                    "the {name} has {length} characters: more than {MAX_LESSON_WORDS} do not fit a small screen"
                ),
            );
        }
    }
    let warm_up: BTreeSet<&QuestionName> = lesson.warm_up.iter().collect();
    if warm_up.len() != lesson.warm_up.len() || warm_up.len() > MAX_WARM_UP {
        say(
            line_of(text, "warm_up:", 0),
            format!("`warm_up` names at most {MAX_WARM_UP} questions, each of them once"),
        );
    }
    if lesson.steps.is_empty() {
        say(line_of(text, "steps:", 0), "a lesson needs at least one step".into());
    }

    let Minutes { watch, all } = lesson.minutes;
    if watch == 0 || all < watch {
        say(
            line_of(text, "minutes:", 0),
            "`minutes` of watching are one at least, and doing all takes no less".into(),
        );
    }

    let lines = lines_of_steps(text);
    for (step, message) in check_chapters(lesson) {
        say(lines.get(step).copied().unwrap_or(1), message);
    }
    let mut ids = BTreeSet::new();
    let mut spawned: BTreeSet<ActorName> = BTreeSet::from([ActorName::host()]);
    for (index, step) in lesson.steps.iter().enumerate() {
        let line = lines.get(index).copied().unwrap_or(1);
        if !is_id(&step.id) {
            say(line, format!("the step id `{}` is not lower case words joined by `-`", step.id));
        }
        if !ids.insert(&step.id) {
            say(line, format!("the step id `{}` is used twice", step.id));
        }
        if step.story.trim().is_empty() {
            say(line, format!("the step `{}` has an empty story", step.id));
        }
        // Branches begin where the step does, without the actors that it starts.
        let spawned_before = spawned.clone();
        for message in check_step(step, &mut spawned) {
            say(line, message);
        }
        for (id, message) in
            check_branches(step, &spawned_before).into_iter().chain(check_quiz(step, &spawned))
        {
            say(line_of(text, &format!("id: {id}"), line), message);
        }
    }

    // Only now are all steps known.
    let known: BTreeSet<&str> = lesson.steps.iter().map(|step| step.id.as_str()).collect();
    let mut asked = BTreeSet::new();
    for question in lesson.questions() {
        let line = || line_of(text, &format!("id: {}", question.id), 0);
        if let Some(see) = question.see.as_deref().filter(|see| !known.contains(see)) {
            let message =
                format!("question `{}` points at a step `{see}`, which is not there", question.id);
            say(line(), message);
        }
        if !asked.insert(&question.id) {
            let message = format!("the question id `{}` is used in two steps", question.id);
            say(line(), message);
        }
    }

    findings.sort_by_key(|finding| finding.line);
    findings
}

/// The mistakes in the chapters, by the places of their first steps.
fn check_chapters(lesson: &Lesson) -> Vec<(usize, String)> {
    let chapters = lesson.chapters();
    let mut findings = Vec::new();
    if chapters.first().is_some_and(|first| first.steps.start > 0) {
        findings.push((0, "a chapter begins later, so the first step begins one, too".into()));
    }
    if chapters.len() > MAX_CHAPTERS {
        findings.push((0, format!("a lesson has at most {MAX_CHAPTERS} chapters")));
    }

    let mut titles = BTreeSet::new();
    for chapter in chapters {
        if !titles.insert(chapter.title) || chapter.title.chars().count() > MAX_CHAPTER_TITLE {
            let title = chapter.title;
            findings.push((
                chapter.steps.start,
                format!(
                    "the chapter `{title}` is there twice, or longer than {MAX_CHAPTER_TITLE} characters"
                ),
            ));
        }
    }
    findings
}

fn check_step(step: &Step, spawned: &mut BTreeSet<ActorName>) -> Vec<String> {
    let mut messages = Vec::new();
    let unborn = |spawned: &BTreeSet<ActorName>, actor: &ActorName| {
        let known: Vec<&str> = spawned.iter().map(ActorName::as_str).collect();
        (!spawned.contains(actor))
            .then(|| format!("there is no actor `{actor}` here yet, only {}", known.join(", ")))
    };

    if step.map.is_some() && step.watch.is_empty() {
        messages.push("`map` is shown with the first view of `watch`, and there is none".into());
    }
    if step.real.chars().count() > MAX_REAL {
        messages.push(format!(
            "`real` of `{}` has more than {MAX_REAL} characters: one sentence or two",
            step.id
        ));
    }
    for entry in step.entries() {
        messages.extend(unborn(spawned, &entry.actor));
        for actor in entry.action.named_actors() {
            messages.extend(unborn(spawned, actor));
        }
        if let Some(errno) = entry.fails.as_ref().filter(|errno| !errno.is_known()) {
            messages.push(format!("`{errno}` is no errno that Linux has"));
        }
        if let Some(fault) = entry.bar.as_deref().and_then(bar_fault) {
            messages.push(fault);
        }
        if let Action::Work(work) = &entry.action {
            // It can be spoken of once it was there, and started again.
            spawned.insert(work.name.clone());
        }
        if let Some(actor) = entry.action.made_actor()
            && !spawned.insert(actor.clone())
        {
            messages.push(format!("the actor `{actor}` is started twice"));
        }
    }

    for actor in step
        .expect
        .iter()
        .flat_map(|expect| expect.actors())
        .chain(step.look.iter().map(|look| &look.actor))
    {
        messages.extend(unborn(spawned, actor));
    }
    messages.extend(step.expect.iter().filter_map(Expect::impossible_reason).map(str::to_owned));

    for hint in &step.hints {
        if let Some(number) =
            hint.expectation.filter(|number| *number == 0 || *number > step.expect.len())
        {
            let count = step.expect.len();
            messages.push(format!(
                "a hint is for expectation {number}, but the step has {count}, counted from 1"
            ));
        }
        if hint.nudge.trim().is_empty() || hint.man.trim().is_empty() {
            messages.push("a hint needs a nudge and a manual page".into());
        }
    }

    if !step.breaks.is_empty() && (step.actions.is_empty() || step.expect.is_empty()) {
        messages.push(format!(
            "`{}` breaks something: it needs actions that mend it, and expectations",
            step.id
        ));
    }
    if step
        .needs
        .cgroup_version
        .is_some_and(|version| !(1..=2).contains(&version) || step.needs.cgroup.is_empty())
    {
        messages.push(
            "`cgroup_version` is 1 or 2, and needs the controllers it is about in `cgroup`".into(),
        );
    }
    for controller in step.needs.cgroup.iter().filter(|name| !CONTROLLERS.contains(&name.as_str()))
    {
        messages.push(format!("`{controller}` is no cgroup controller"));
    }
    messages
}

/// The mistakes in a step's branches, by their ids. A branch begins where the step does.
fn check_branches(step: &Step, spawned: &BTreeSet<ActorName>) -> Vec<(String, String)> {
    let mut findings = Vec::new();
    let mut ids = BTreeSet::new();

    for branch in &step.branches {
        let mut say = |message: String| findings.push((branch.id.clone(), message));
        if !is_id(&branch.id) || !ids.insert(&branch.id) {
            say(format!(
                "the branch id `{}` is not lower case words joined by `-`, or is used twice",
                branch.id
            ));
        }
        if branch.title.trim().is_empty()
            || branch.story.trim().is_empty()
            || branch.after.trim().is_empty()
        {
            say(format!(
                "the branch `{}` needs a title, a story, and what to see after it",
                branch.id
            ));
        }
        if branch.expect.is_empty() {
            say(format!("the branch `{}` leads nowhere: it expects nothing", branch.id));
        }
        for message in check_step(&branch.to_step(), &mut spawned.clone()) {
            say(format!("the branch `{}`: {message}", branch.id));
        }
    }

    findings
}

/// The mistakes in a step's questions, by their ids. Questions are asked when the step has run, predictions before.
fn check_quiz(step: &Step, spawned: &BTreeSet<ActorName>) -> Vec<(String, String)> {
    let mut findings = Vec::new();
    let mut ids = BTreeSet::new();
    for question in &step.quiz {
        let mut say = |message: &str| {
            findings.push((question.id.clone(), format!("question `{}`: {message}", question.id)))
        };
        if !is_id(&question.id) || !ids.insert(&question.id) {
            say("its id is not lower case words joined by `-`, or is used twice");
        }
        if question.ask.trim().is_empty() || question.explain.trim().is_empty() {
            say("it needs words to ask and to explain");
        }

        let options = question.options();
        if options.len() > MAX_OPTIONS {
            say("it has more options than keys a to g");
        }
        let distinct: BTreeSet<&&str> = options.iter().collect();
        if distinct.len() != options.len() && !matches!(question.kind, QuestionKind::Order(_)) {
            say("two options say the same");
        }

        let unexplained = |choice: &Choice| !choice.right && choice.why.trim().is_empty();
        let rights = |choices: &[Choice]| choices.iter().filter(|choice| choice.right).count();
        match &question.kind {
            QuestionKind::Choose(choices) if choices.len() < 2 || rights(choices) != 1 => {
                say("`choose` needs two options or more, of which one is right");
            }
            QuestionKind::ChooseAll(choices) if choices.len() < 2 || rights(choices) == 0 => {
                say("`choose_all` needs two options or more, and a right one");
            }
            QuestionKind::Choose(choices) | QuestionKind::ChooseAll(choices)
                if choices.iter().any(unexplained) =>
            {
                say("an option is wrong and does not say `why`");
            }
            QuestionKind::Value(value) if value.is.is_empty() == value.from.is_none() => {
                say("`value` needs an answer: `is`, or what the lab says: `from`");
            }
            QuestionKind::Order(lines) if lines.len() < 2 => say("`order` needs two lines or more"),
            QuestionKind::Predict(options) if options.len() < 2 => {
                say("`predict` needs two options or more")
            }
            QuestionKind::Predict(options)
                if options.iter().any(|option| option.when.is_empty()) =>
            {
                say("an option of `predict` does not say `when` it is right");
            }
            QuestionKind::Choose(_)
            | QuestionKind::ChooseAll(_)
            | QuestionKind::Value(_)
            | QuestionKind::Order(_)
            | QuestionKind::Predict(_)
            | QuestionKind::Task(_) => {}
        }

        let predictions = question.predictions().iter();
        let expects = predictions.flat_map(|option| &option.when).chain(question.task());
        for expect in expects.clone() {
            if let Some(fault) = expect.impossible_reason() {
                say(fault);
            }
        }

        let source = question.source().map(|source| &source.of);
        let named: Vec<&ActorName> = expects.flat_map(Expect::actors).chain(source).collect();
        if let Some(actor) = named.into_iter().find(|actor| !spawned.contains(actor)) {
            say(&format!("there is no actor `{actor}` here yet"));
        }
    }
    findings
}

/// The fault of a bar's name, if it has one: it has its place beside the drawing.
fn bar_fault(name: &str) -> Option<String> {
    const MOST: usize = Bar::MAX_NAME;
    let fits = (1..=MOST).contains(&name.width());
    (!fits).then(|| format!("`bar: {name}`: the name of a bar has 1 to {MOST} letters"))
}

fn is_id(id: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
    };
    id.split('-').all(is_word)
}

/// The first line, from `after` on, that holds the text; 1 when none does.
pub(super) fn line_of(text: &str, needle: &str, after: usize) -> usize {
    text.lines()
        .skip(after)
        .position(|line| line.contains(needle))
        .map_or(1, |index| after + index + 1)
}

/// The lines where steps begin.
pub(super) fn lines_of_steps(text: &str) -> Vec<usize> {
    let steps = text.lines().position(|line| line.starts_with("steps:")).unwrap_or(0);
    let is_step = |line: &str| line.trim_start().starts_with("- id:");
    text.lines()
        .enumerate()
        .skip(steps)
        .filter(|(_, line)| is_step(line))
        .map(|(at, _)| at + 1)
        .collect()
}

/// More than a screen or a talk can show, and than is looked through quickly: nothing else is said then.
fn too_many(lesson: &Lesson, text: &str) -> Option<LessonFinding> {
    let of_step = |step: &Step| {
        [
            ("actions", step.breaks.len() + step.actions.len(), MAX_ACTIONS),
            ("expectations", step.expect.len(), MAX_ACTIONS),
            ("what-ifs", step.branches.len(), MAX_OFFERS),
            ("questions", step.quiz.len(), MAX_OFFERS),
            ("hints", step.hints.len(), MAX_OFFERS),
            ("directories to list", step.look.len(), MAX_OFFERS),
            ("charts", step.charts.len(), MAX_OFFERS),
        ]
    };

    let lines = || lines_of_steps(text);
    let line_of = |index: usize| lines().get(index).copied().unwrap_or(1);
    if lesson.steps.len() > MAX_STEPS {
        let message =
            format!("a lesson has at most {MAX_STEPS} steps, this one has {}", lesson.steps.len());
        return Some(LessonFinding { line: line_of(MAX_STEPS), column: 1, message });
    }

    lesson.steps.iter().enumerate().find_map(|(index, step)| {
        let branches = step.branches.iter().map(|branch| branch.to_step());
        let all = branches.flat_map(|branch| of_step(&branch)).chain(of_step(step));
        let (what, count, most) = all.into_iter().find(|(_, count, most)| count > most)?;
        let message = format!("a step has at most {most} {what}, and this one has {count}");
        Some(LessonFinding { line: line_of(index), column: 1, message })
    })
}
