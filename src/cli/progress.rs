//! `unboxed progress`: what a learner did, for the learner and for a teacher.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{ask, complain, is_path, open_lesson};
use crate::kernel::home;
use crate::lesson::catalogue;
use crate::lesson::model::Lesson;
use crate::lesson::quiz::AnswerMark;
use crate::notice::FileNotice;
use crate::progress::{LessonOrigin, LessonProgress, Progress, lesson_key};
use crate::text;
use crate::words;

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
        /// A lesson's id or number, or a challenge's id
        lesson: Option<String>,
        /// Forget it without being asked
        #[arg(long)]
        yes: bool,
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
    /// None for a challenge, and for a lesson from a file, of which neither number nor questions are known here.
    number: Option<u32>,
    lesson: &'a str,
    /// It is from a file.
    own: bool,
    /// It is one of the program's challenges.
    challenge: bool,
    steps: Option<usize>,
    played: usize,
    on_tape: usize,
    done_by_typing: usize,
    hints: usize,
    questions: Option<usize>,
    right: usize,
    wrong: usize,
    open: usize,
    /// Step by step, question by question.
    details: Option<&'a LessonProgress>,
}

pub fn progress(arguments: &ProgressArguments) -> anyhow::Result<ExitCode> {
    let dir = home::state_directory()
        .context("there is no home directory of your own, so no progress is kept")?;
    if let Some(ProgressCommand::Reset { lesson, yes }) = &arguments.command {
        return reset(&dir, lesson.as_deref(), *yes);
    }

    let (progress, said) = Progress::load(&dir);
    tell(said);
    let lessons = catalogue::all_lessons()?;
    let known = lessons.iter().map(|lesson| row(lesson, &progress));
    let own = progress.own_lessons().map(|(id, known)| other_row(id, LessonOrigin::File, known));
    let challenges =
        progress.challenges().map(|(id, known)| other_row(id, LessonOrigin::Challenge, known));
    let rows: Vec<Row<'_>> = known.chain(own).chain(challenges).collect();

    let mut out = std::io::stdout().lock();
    match arguments.format {
        Format::Json => {
            writeln!(out, "{}", text::escaped_json(&serde_json::to_string_pretty(&rows)?))?;
        }
        Format::Csv => {
            writeln!(
                out,
                "number,lesson,steps,played,on_tape,done_by_typing,hints,questions,right,wrong,open"
            )?;
            for row in &rows {
                writeln!(
                    out,
                    "{},{},{},{},{},{},{},{},{},{},{}",
                    or_blank(row.number),
                    csv_field(&row.name()),
                    or_blank(row.steps),
                    row.played,
                    row.on_tape,
                    row.done_by_typing,
                    row.hints,
                    or_blank(row.questions),
                    row.right,
                    row.wrong,
                    row.open
                )?;
            }
        }
        Format::Text => {
            writeln!(
                out,
                "{:<28} {:>9} {:>8} {:>8} {:>6} {:>12}",
                "lesson", "played", "on tape", "by hand", "hints", "quiz right"
            )?;
            for row in &rows {
                let of = |done, all| match all {
                    Some(all) => format!("{done}/{all}"),
                    None => format!("{done}"),
                };
                let (played, quiz) = (of(row.played, row.steps), of(row.right, row.questions));
                let name = text::padded(&format!("{:>2} {}", or_blank(row.number), row.name()), 28);
                writeln!(
                    out,
                    "{name} {played:>9} {:>8} {:>8} {:>6} {quiz:>12}",
                    row.on_tape, row.done_by_typing, row.hints
                )?;
            }
        }
    }

    Ok(ExitCode::SUCCESS)
}

/// Forget what is kept of a lesson, or of all, once the learner agrees.
fn reset(dir: &Path, lesson: Option<&str>, yes: bool) -> anyhow::Result<ExitCode> {
    let lesson = lesson.map(find_kept).transpose()?;
    let what = lesson.as_ref().map_or("everything", |lesson| lesson.id.as_str());
    let key = lesson.as_ref().map(|lesson| lesson.key.as_str());

    let (kept, _) = Progress::load(dir);
    if kept.has_some(key) && !yes {
        ask_to_forget(what, &kept, key)?;
    }

    let mut had_some = false;
    let changed = Progress::update(dir, |progress| had_some = progress.reset(key));
    let (_, said) = changed.context("nothing was forgotten")?;
    tell(said);
    if !had_some {
        bail!("there was nothing to forget of {what}");
    }
    println!("forgotten: {what}");
    Ok(ExitCode::SUCCESS)
}

/// A lesson whose progress can be asked for: its id, and the name under which it is kept.
struct KeptLesson {
    id: String,
    key: String,
}

/// The lesson of that name: one of the program's own, one from a file by its path, or else a challenge.
fn find_kept(name: &str) -> anyhow::Result<KeptLesson> {
    let is_file = is_path(name);
    let (lesson, origin) = match open_lesson(name) {
        Ok(lesson) if is_file => (lesson, LessonOrigin::File),
        Ok(lesson) => (lesson, LessonOrigin::BuiltIn),
        Err(error) if is_file => return Err(error),
        // Of what is neither, it is said that there is no such lesson.
        Err(error) => {
            let challenge = catalogue::find_challenge(name, 0).map_err(|_| error)?;
            (challenge, LessonOrigin::Challenge)
        }
    };
    Ok(KeptLesson { key: lesson_key(&lesson.id, origin), id: lesson.id })
}

/// Name what will be lost, and ask. An error where the answer is no, or where nobody can be asked.
fn ask_to_forget(what: &str, kept: &Progress, key: Option<&str>) -> anyhow::Result<()> {
    let (steps, answers) = kept.counts(key);
    let loss = format!(
        "{what}: {} and {}",
        count(steps, "step", "steps"),
        count(answers, "answer", "answers")
    );
    if !ask::is_possible() {
        bail!("nothing was forgotten of {loss}; say --yes if it is to be");
    }
    if !ask::yes_or_no(&format!("Forget {loss}?"))? {
        bail!("nothing was forgotten");
    }
    Ok(())
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn tell(said: Option<FileNotice>) {
    if let Some(said) = said {
        complain(&words::file_notice(&said));
    }
}

impl Row<'_> {
    /// The lesson's id. A file of progress may hold anything; files and challenges are told from the program's own lessons.
    fn name(&self) -> String {
        let id = text::safe(self.lesson);
        match (self.own, self.challenge) {
            (true, _) => format!("{id} (from a file)"),
            (_, true) => format!("{id} (challenge)"),
            (false, false) => id,
        }
    }
}

fn or_blank<T: ToString>(number: Option<T>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

/// A field as RFC 4180 has it.
fn csv_field(text: &str) -> String {
    match text.contains([',', '"']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

/// What is kept of a challenge, or of a lesson from a file, which is not here to be counted.
fn other_row<'a>(id: &'a str, origin: LessonOrigin, known: &'a LessonProgress) -> Row<'a> {
    Row {
        number: None,
        lesson: id,
        own: origin == LessonOrigin::File,
        challenge: origin == LessonOrigin::Challenge,
        steps: None,
        played: known.steps_played(),
        on_tape: known.steps_on_tape(),
        done_by_typing: known.steps_done(),
        hints: known.hint_count(),
        questions: None,
        right: known.answers_marked(AnswerMark::Right),
        wrong: known.answers_marked(AnswerMark::Wrong),
        open: known.answers_marked(AnswerMark::Open),
        details: Some(known),
    }
}

fn row<'a>(lesson: &'a Lesson, progress: &'a Progress) -> Row<'a> {
    let details = progress.lesson(&lesson.id);
    let of = |count: fn(&LessonProgress) -> usize| details.map_or(0, count);

    Row {
        number: Some(lesson.number),
        lesson: &lesson.id,
        own: false,
        challenge: false,
        steps: Some(lesson.steps.len()),
        played: of(LessonProgress::steps_played).min(lesson.steps.len()),
        on_tape: of(LessonProgress::steps_on_tape).min(lesson.steps.len()),
        done_by_typing: of(LessonProgress::steps_done),
        hints: of(LessonProgress::hint_count),
        questions: Some(lesson.questions().count()),
        right: of(|one| one.answers_marked(AnswerMark::Right)),
        wrong: of(|one| one.answers_marked(AnswerMark::Wrong)),
        open: of(|one| one.answers_marked(AnswerMark::Open)),
        details,
    }
}
