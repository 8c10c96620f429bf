//! `unboxed export`: a lesson as a cast, a page or a handout.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::consent::{self, ConsentOption};
use super::{facts, open_lesson, record, whole_file};
use crate::export::{self, DocumentFormat};

#[derive(Debug, Args)]
pub struct ExportArguments {
    /// A lesson's id, number or title, or a YAML file
    pub lesson: String,
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// Where it goes; a file that is there is replaced. Without it: to standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Of this recording; without it, of the program's own
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub tape: Option<Option<PathBuf>>,
    /// Play the lesson now, in a lab, and export that
    #[arg(long, conflicts_with = "tape")]
    pub live: bool,
    #[command(flatten)]
    pub consent: ConsentOption,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// For asciinema: what is typed, printed and changed, over time
    Cast,
    /// One page that needs no network: the steps with their panes
    Html,
    /// A handout, with an answer key
    Md,
}

pub fn export(arguments: &ExportArguments) -> anyhow::Result<ExitCode> {
    let lesson = Arc::new(open_lesson(&arguments.lesson)?);
    let tape = if arguments.live {
        consent::require_consent(&arguments.lesson, &lesson, arguments.consent)?;
        record::play_and_record(&lesson)?
    } else {
        record::tape_of_lesson(&lesson, arguments.tape.clone().flatten().as_deref(), &facts())?
    };

    let form = match arguments.format {
        ExportFormat::Cast => DocumentFormat::Cast,
        ExportFormat::Html => DocumentFormat::Html,
        ExportFormat::Md => DocumentFormat::Markdown,
    };

    match &arguments.output {
        Some(path) => {
            whole_file::write_whole(path, |out| export::write(form, &lesson, &tape, out))?;
        }
        None => {
            let mut out = io::BufWriter::new(io::stdout().lock());
            export::write(form, &lesson, &tape, &mut out)
                .and_then(|()| out.flush())
                .context("could not write")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
