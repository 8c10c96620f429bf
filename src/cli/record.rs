//! `unboxed record`: a tape of a lesson; and opening tapes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;

use super::consent::{self, ConsentOption};
use super::{check_live, facts, input, is_path, open_lesson, program, to_stderr, whole_file};
use crate::doctor::Facts;
use crate::engine::options::SessionOptions;
use crate::lesson::model::Lesson;
use crate::tape::{self, Tape, embedded, file};
use crate::text;

#[derive(Debug, Args)]
pub struct RecordArguments {
    /// A lesson's id, number or title, or a YAML file
    pub lesson: String,
    /// Where the tape goes; a file that is there is replaced
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    #[command(flatten)]
    pub consent: ConsentOption,
}

/// Record a lesson. Exit code 0 only if every expectation held and the machine is as it was; else there is no tape.
pub fn record(arguments: &RecordArguments) -> anyhow::Result<ExitCode> {
    let lesson = Arc::new(open_lesson(&arguments.lesson)?);
    consent::require_consent(&arguments.lesson, &lesson, arguments.consent)?;
    let tape = play_and_record(&lesson)?;
    let bytes = whole_file::write_whole(&arguments.output, |out| file::write(&tape, out))?;

    println!(
        "{}: {} steps, {} KiB, {}",
        text::safe(&arguments.output.to_string_lossy()),
        tape.records.len(),
        bytes / 1024,
        tape.header.origin()
    );
    Ok(ExitCode::SUCCESS)
}

/// Play a lesson live and keep it. Each step is told on standard error.
pub fn play_and_record(lesson: &Arc<Lesson>) -> anyhow::Result<Tape> {
    let facts = facts();
    check_live(lesson, &facts, None)?;
    let options = SessionOptions::new_for(program());

    let tell = |index: usize| {
        let step = &lesson.steps[index];
        to_stderr(&format!(
            "{:>3} of {}  {}",
            index + 1,
            lesson.steps.len(),
            text::prose(&step.title)
        ));
    };

    Ok(tape::record(lesson, facts, &options, tell)?)
}

/// A tape from a file.
pub fn open_tape(path: &Path) -> anyhow::Result<Tape> {
    let name = path.display();
    let file = input::open_regular_file(path)
        .with_context(|| format!("could not open the tape {name}"))?;
    file::read(file).with_context(|| format!("the tape {name} can't be played"))
}

/// The lesson that `--tape` alone names: that of a recording, or, where there is no such file, the one of this name,
/// whose recording is the program's own.
pub fn lesson_of_tape(given: &Path) -> anyhow::Result<(Lesson, Option<PathBuf>)> {
    if !given.exists() {
        return Ok((open_lesson(&given.to_string_lossy())?, None));
    }

    let lesson = open_tape(given)?.header.lesson;
    if is_path(&lesson) {
        // A tape names a lesson of the program's own, and no file of this machine.
        bail!("the tape {} names no lesson: say which one it is of", given.display());
    }
    Ok((open_lesson(&lesson)?, Some(given.to_owned())))
}

/// A lesson and its tape, by the name of either or of both.
pub fn lesson_and_tape(
    name: Option<&str>,
    tape: Option<&Path>,
    facts: &Facts,
) -> anyhow::Result<(Lesson, Tape)> {
    let (lesson, path) = match (name, tape) {
        (Some(name), tape) => (open_lesson(name)?, tape.map(Path::to_owned)),
        (None, Some(given)) => lesson_of_tape(given)?,
        (None, None) => bail!("which tape? `--tape` takes a file, or goes with a lesson"),
    };
    let tape = tape_of_lesson(&lesson, path.as_deref(), facts)?;
    Ok((lesson, tape))
}

/// The tape of a lesson: from a file, or the program's own, made on a machine most like this one.
pub fn tape_of_lesson(lesson: &Lesson, path: Option<&Path>, facts: &Facts) -> anyhow::Result<Tape> {
    let tape = match path {
        Some(path) => open_tape(path)?,
        None => embedded::embedded_tape(&lesson.id, facts).with_context(|| {
            format!("there is no tape of {}: `unboxed record` makes one", lesson.id)
        })??,
    };
    tape.check_fits(lesson)
        .with_context(|| format!("the tape can't be played with {}", lesson.id))?;
    Ok(tape)
}
