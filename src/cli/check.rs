//! `unboxed check`: lesson files, read and linted.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::lesson::parse::parse;
use crate::text;

pub fn check(files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let mut all_sound = true;
    for file in files {
        let text = std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
        match parse(&file.to_string_lossy(), &text) {
            Ok(lesson) => println!("{}: sound, {} steps", file.display(), lesson.steps.len()),
            Err(error) => {
                all_sound = false;
                eprintln!("{}", text::safe_lines(&error.to_string()));
            }
        }
    }
    Ok(if all_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
