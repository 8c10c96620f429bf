//! `unboxed check`: lesson files, read and linted.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::{input, to_stderr};
use crate::lesson::catalogue::all_lessons;
use crate::lesson::model::Lesson;
use crate::lesson::parse::parse;
use crate::lesson::{minutes, warm_up};
use crate::tape::{Tape, embedded, file};
use crate::ui::talk::fit_check;
use crate::{text, words};

/// True if every beat fits, as an audience sees it: with each tape of the program's that fits it, or with none.
fn is_fit_for_walls(name: &str, lesson: Lesson) -> bool {
    let lesson = Arc::new(lesson);
    let own = embedded::all_tapes().filter(|(_, header)| header.lesson == lesson.id);
    let tapes: Vec<Tape> = own
        .filter_map(|(bytes, _)| file::read(bytes).ok())
        .filter(|tape| tape.check_fits(&lesson).is_ok())
        .collect();

    let mut misfits: Vec<String> = match tapes.as_slice() {
        [] => fit_check::screen_misfits(&lesson, None),
        tapes => {
            tapes.iter().flat_map(|tape| fit_check::screen_misfits(&lesson, Some(tape))).collect()
        }
    };
    misfits.dedup();

    for misfit in &misfits {
        to_stderr(&format!("{}: {}", text::safe(name), text::safe(misfit)));
    }
    misfits.is_empty()
}

pub fn check(files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let known = all_lessons()?;
    let mut all_sound = true;
    for path in files {
        let text = match input::read_lesson(path) {
            Ok(text) => text,
            // The others are checked all the same.
            Err(error) => {
                all_sound = false;
                to_stderr(&text::safe_lines(&format!("{error:#}")));
                continue;
            }
        };

        match parse(&path.to_string_lossy(), &text) {
            Ok(lesson) => {
                if let Some(finding) = warm_up::find_mistake(&lesson, &text, &known) {
                    all_sound = false;
                    let place = format!("{}:{}", path.display(), finding.line);
                    to_stderr(&text::safe_lines(&format!("{place}: {}", finding.message)));
                    continue;
                }
                println!(
                    "{}: sound, {} steps",
                    text::safe(&path.to_string_lossy()),
                    lesson.steps.len()
                );
                let estimated = minutes::estimate(&lesson);
                if !minutes::is_honest(lesson.minutes, estimated) {
                    let (said, likely) =
                        (words::minutes(lesson.minutes), words::minutes(estimated));
                    println!("  it says {said}; by its length it is {likely}");
                }
                all_sound &= is_fit_for_walls(&path.display().to_string(), lesson);
            }
            Err(error) => {
                all_sound = false;
                to_stderr(&text::safe_lines(&error.to_string()));
            }
        }
    }

    Ok(if all_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
