//! `unboxed export`: a lesson as a cast, a page, a handout or a script.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::consent::{self, ConsentOption};
use super::{facts, open_lesson, record, whole_file};
use crate::export::script::write_script;
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
    /// One page of shell that builds the same without this program, as root of a virtual machine of yours
    Sh,
}

pub fn export(arguments: &ExportArguments) -> anyhow::Result<ExitCode> {
    let lesson = Arc::new(open_lesson(&arguments.lesson)?);
    let form = match arguments.format {
        ExportFormat::Cast => DocumentFormat::Cast,
        ExportFormat::Html => DocumentFormat::Html,
        ExportFormat::Md => DocumentFormat::Markdown,
        ExportFormat::Sh => {
            if arguments.live || arguments.tape.is_some() {
                bail!("a script is made of the lesson alone: leave out --live and --tape");
            }
            let script = write_script(&lesson)?;
            return write_to(arguments.output.as_deref(), |out| out.write_all(script.as_bytes()));
        }
    };

    let tape = if arguments.live {
        consent::require_consent(&arguments.lesson, &lesson, arguments.consent)?;
        record::play_and_record(&lesson)?
    } else {
        record::tape_of_lesson(&lesson, arguments.tape.clone().flatten().as_deref(), &facts())?
    };
    write_to(arguments.output.as_deref(), |out| export::write(form, &lesson, &tape, out))
}

/// Write to a file, whole or not at all; without one, to standard output.
fn write_to(
    output: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<ExitCode> {
    match output {
        Some(path) => {
            whole_file::write_whole(path, write)?;
        }
        None => {
            let mut out = io::BufWriter::new(io::stdout().lock());
            write(&mut out).and_then(|()| out.flush()).context("could not write")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
