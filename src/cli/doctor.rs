//! `unboxed doctor`: what this machine allows, and which lessons play.

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::{Format, tried_facts};
use crate::diagnosis::{MachineFinding, Playable, State};
use crate::doctor::{Facts, LeftOutStep, can_play, findings, findings_page};
use crate::lesson::catalogue;
use crate::lesson::model::Lesson;
use crate::text;
use crate::words;
use crate::words::diagnosis::{detail, subject};

/// Print what this machine allows. Exit code 1 when no lesson can play here.
pub fn doctor(format: Format) -> anyhow::Result<ExitCode> {
    let facts = tried_facts();
    let found = findings(&facts);
    match format {
        Format::Text => println!("{}", verdicts(&facts, &found)?),
        Format::Json => {
            let lessons = playable(&catalogue::all_lessons()?, &facts);
            let object = json!({
                "facts": facts,
                "findings": found.iter().map(finding_json).collect::<Vec<Value>>(),
                "lessons": lessons.iter().map(lesson_json).collect::<Vec<Value>>(),
            });
            println!("{}", text::escaped_json(&serde_json::to_string_pretty(&object)?));
        }
    }

    let blocked = found.iter().any(|finding| finding.state == State::Bad);
    Ok(if blocked { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A finding in words, and the values that they are made of.
fn finding_json(finding: &MachineFinding) -> Value {
    json!({
        "what": subject(finding.what),
        "state": finding.state,
        "detail": detail(finding.what, &finding.detail),
        "cure": finding.cure.as_ref().map(words::cure),
        "values": finding,
    })
}

fn lesson_json((id, title, playable): &(String, String, Playable)) -> Value {
    match playable {
        Playable::Live => json!([id, title, playable]),
        Playable::No { why, cure } => {
            let values = json!({ "why": why, "cure": cure });
            let no =
                json!({ "why": words::blocker(why), "cure": words::cure(cure), "values": values });
            json!([id, title, { "no": no }])
        }
    }
}

/// The same and more, as one text for a report of a fault.
pub fn print_bug_report(log: Option<&Path>) -> anyhow::Result<ExitCode> {
    let facts = tried_facts();
    let verdicts = verdicts(&facts, &findings(&facts))?;
    println!("{}", super::bug_report::bug_report(&facts, &verdicts, log)?);
    Ok(ExitCode::SUCCESS)
}

/// Each lesson by id and title, and whether it plays here.
fn playable(lessons: &[Lesson], facts: &Facts) -> Vec<(String, String, Playable)> {
    lessons
        .iter()
        .map(|lesson| (lesson.id.clone(), lesson.title.clone(), can_play(&lesson.needs, facts)))
        .collect()
}

/// The doctor's words on the machine, the lessons, and steps that are left out.
fn verdicts(facts: &Facts, found: &[MachineFinding]) -> anyhow::Result<String> {
    let lessons = catalogue::all_lessons()?;
    let left_out: Vec<LeftOutStep> =
        lessons.iter().flat_map(|lesson| left_out(lesson, facts)).collect();
    Ok(text::prose_lines(&findings_page(found, &playable(&lessons, facts), &left_out)))
}

/// The steps that a playable lesson leaves out on this machine.
fn left_out(lesson: &Lesson, facts: &Facts) -> Vec<LeftOutStep> {
    if can_play(&lesson.needs, facts) != Playable::Live {
        return Vec::new();
    }

    let verdicts = lesson.steps.iter().map(|step| (step, can_play(&step.needs, facts)));
    verdicts
        .filter_map(|(step, verdict)| match verdict {
            Playable::Live => None,
            Playable::No { why, cure } => Some(LeftOutStep {
                lesson: lesson.id.clone(),
                title: step.title.clone(),
                why,
                cure,
            }),
        })
        .collect()
}
