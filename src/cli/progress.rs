//! `unboxed progress`: what a learner did, for the learner and for a teacher.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::complain;
use crate::kernel::home;
use crate::lesson::catalogue;
use crate::lesson::model::Lesson;
use crate::lesson::quiz::AnswerMark;
use crate::progress::{LessonProgress, Progress};
use crate::text;

#[derive(Debug, Args)]
pub struct ProgressArguments {
    #[command(subcommand)]
    command: Option<ProgressCommand>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum ProgressCommand {
    /// Forget a lesson's progress, or all of it
    Reset {
        /// A lesson's id or number
        lesson: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    /// One line a lesson, for a spreadsheet
    Csv,
}

/// One lesson's line.
#[derive(Debug, Serialize)]
struct Row<'a> {
    number: u32,
    lesson: &'a str,
    steps: usize,
    played: usize,
    done_by_typing: usize,
    hints: usize,
    questions: usize,
    right: usize,
    wrong: usize,
    open: usize,
    /// Step by step, question by question.
    details: Option<&'a LessonProgress>,
}

pub fn progress(arguments: &ProgressArguments) -> anyhow::Result<ExitCode> {
    let dir = home::state_directory()
        .context("there is no home directory of your own, so no progress is kept")?;
    if let Some(ProgressCommand::Reset { lesson }) = &arguments.command {
        let id = lesson.as_deref().map(catalogue::find_lesson).transpose()?.map(|lesson| lesson.id);
        let mut had_some = false;
        let changed = Progress::update(&dir, |progress| had_some = progress.reset(id.as_deref()));
        let (_, said) = changed.context("nothing was forgotten")?;
        tell(said);
        let what = id.as_deref().unwrap_or("everything");
        if !had_some {
            bail!("there was nothing to forget of {what}");
        }
        println!("forgotten: {what}");
        return Ok(ExitCode::SUCCESS);
    }

    let (progress, said) = Progress::load(&dir);
    tell(said);
    let lessons = catalogue::all_lessons()?;
    let rows: Vec<Row<'_>> = lessons.iter().map(|lesson| row(lesson, &progress)).collect();

    let mut out = std::io::stdout().lock();
    match arguments.format {
        Format::Json => {
            writeln!(out, "{}", text::escaped_json(&serde_json::to_string_pretty(&rows)?))?;
        }
        Format::Csv => {
            writeln!(
                out,
                "number,lesson,steps,played,done_by_typing,hints,questions,right,wrong,open"
            )?;
            for row in &rows {
                // Ids hold no commas or quotes: the lesson's lint sees to that.
                writeln!(
                    out,
                    "{},{},{},{},{},{},{},{},{},{}",
                    row.number,
                    row.lesson,
                    row.steps,
                    row.played,
                    row.done_by_typing,
                    row.hints,
                    row.questions,
                    row.right,
                    row.wrong,
                    row.open
                )?;
            }
        }
        Format::Text => {
            writeln!(
                out,
                "{:<28} {:>9} {:>8} {:>6} {:>12}",
                "lesson", "played", "by hand", "hints", "quiz right"
            )?;
            for row in &rows {
                let (played, quiz) = (
                    format!("{}/{}", row.played, row.steps),
                    format!("{}/{}", row.right, row.questions),
                );
                let name = format!("{:>2} {}", row.number, row.lesson);
                writeln!(
                    out,
                    "{name:<28} {played:>9} {:>8} {:>6} {quiz:>12}",
                    row.done_by_typing, row.hints
                )?;
            }
        }
    }

    Ok(ExitCode::SUCCESS)
}

fn tell(said: Option<String>) {
    if let Some(said) = said {
        complain(&said);
    }
}

fn row<'a>(lesson: &'a Lesson, progress: &'a Progress) -> Row<'a> {
    let details = progress.lesson(&lesson.id);
    let of = |count: fn(&LessonProgress) -> usize| details.map_or(0, count);

    Row {
        number: lesson.number,
        lesson: &lesson.id,
        steps: lesson.steps.len(),
        played: of(|one| one.played).min(lesson.steps.len()),
        done_by_typing: of(LessonProgress::steps_done),
        hints: of(LessonProgress::hint_count),
        questions: lesson.questions().count(),
        right: of(|one| one.answers_marked(AnswerMark::Right)),
        wrong: of(|one| one.answers_marked(AnswerMark::Wrong)),
        open: of(|one| one.answers_marked(AnswerMark::Open)),
        details,
    }
}
