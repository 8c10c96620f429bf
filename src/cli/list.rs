//! `unboxed list`: the lessons, and how each of them can be played here.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{Format, tried_facts};
use crate::diagnosis::Playable;
use crate::doctor::{Facts, can_play};
use crate::lesson::catalogue;
use crate::lesson::model::Lesson;
use crate::tape::embedded;
use crate::{text, words};

#[derive(Debug, Args)]
pub struct ListArguments {
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Print each lesson's number, id, minutes and title, and whether it plays live; where it doesn't, why.
pub fn list(arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let facts = tried_facts();
    let lessons = catalogue::all_lessons()?;

    match arguments.format {
        Format::Text => {
            let width = lessons.iter().map(|lesson| lesson.id.len()).max().unwrap_or(0);
            for lesson in &lessons {
                for line in lines(lesson, &facts, width) {
                    println!("{line}");
                }
            }
        }
        Format::Json => {
            let rows: Vec<Value> = lessons.iter().map(|lesson| row(lesson, &facts)).collect();
            println!("{}", text::escaped_json(&serde_json::to_string_pretty(&rows)?));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(lesson: &Lesson, facts: &Facts, width: usize) -> Vec<String> {
    let playable = can_play(&lesson.needs, facts);
    let (number, id) = (lesson.number, &lesson.id);
    let minutes = words::short_minutes(lesson.minutes);
    let title = text::prose(&lesson.title);
    let how = way(&lesson.id, &playable);

    let mut lines = vec![format!("{number:>3}  {id:<width$}  {how:<4}  {minutes:>5} min  {title}")];
    if let Playable::No { why, .. } = &playable {
        lines.push(format!("     {:<width$}  {}", "", text::one_line(&words::blocker(why))));
    }
    lines
}

/// The way that a lesson plays here, in one word.
fn way(id: &str, playable: &Playable) -> &'static str {
    match playable {
        Playable::Live => "live",
        Playable::No { .. } if embedded::has_tape(id) => "tape",
        Playable::No { .. } => "no",
    }
}

fn row(lesson: &Lesson, facts: &Facts) -> Value {
    let playable = can_play(&lesson.needs, facts);
    let why = match &playable {
        Playable::Live => None,
        Playable::No { why, .. } => Some(words::blocker(why)),
    };
    json!({
        "number": lesson.number,
        "id": lesson.id,
        "title": lesson.title,
        "minutes": lesson.minutes.watch,
        "minutes_doing": lesson.minutes.all,
        "plays": way(&lesson.id, &playable),
        "why": why,
    })
}
