//! `unboxed doctor`: what this machine allows, and which lessons play.

use std::process::ExitCode;

use super::{Format, facts};
use crate::doctor::{Playable, State, can_play, findings, render};
use crate::lesson::catalogue;
use crate::lesson::model::Lesson;
use crate::text;

/// Exit code 1 when no lesson can play here.
pub fn doctor(format: Format) -> anyhow::Result<ExitCode> {
    let facts = facts();
    let found = findings(&facts);
    let lessons: Vec<(String, String, Playable)> = catalogue::all()?
        .into_iter()
        .map(|lesson| (lesson.id.clone(), lesson.title.clone(), can_play(&lesson.needs, &facts)))
        .collect();
    match format {
        Format::Text => {
            println!("{}", text::prose_lines(&render(&found, &lessons)));
            for lesson in catalogue::all()? {
                print_skipped(&lesson, &facts);
            }
        }
        Format::Json => {
            let object = serde_json::json!({ "facts": facts, "findings": found, "lessons": lessons });
            println!("{}", text::in_json(&serde_json::to_string_pretty(&object)?));
        }
    }
    let blocked = found.iter().any(|finding| finding.state == State::Bad);
    Ok(if blocked { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Steps that a playable lesson leaves out on this machine.
fn print_skipped(lesson: &Lesson, facts: &crate::doctor::Facts) {
    if can_play(&lesson.needs, facts) != Playable::Live {
        return;
    }
    for step in &lesson.steps {
        if let Playable::No { why, cure } = can_play(&step.needs, facts) {
            let why = text::one_line(&why);
            println!("note  {}: the step `{}` is left out here: {why}", lesson.id, text::prose(&step.title));
            println!("      to change that: {}", text::one_line(&cure));
        }
    }
}
