//! The command line: one file per command. `anyhow` lives here and in main.

mod check;
mod doctor;
mod learn;
pub mod run;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::doctor::{Facts, Roots};
use crate::lesson::catalogue::{self, FindError};
use crate::lesson::model::Lesson;
use crate::lesson::parse::parse;
use crate::text;

/// Learn how a Linux container is built by building one, step by step, with real system calls.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Step through a lesson on the screen (without a name: choose one)
    Learn {
        /// A lesson's id, its number, or a YAML file
        lesson: Option<String>,
        /// Borders and trees in ASCII
        #[arg(long)]
        ascii: bool,
    },
    /// Play a whole lesson without a terminal, and print what happened
    Run(run::RunArguments),
    /// What this machine allows, which lessons play here, and what would change that
    Doctor {
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Remove what a killed run could have left behind
    Clean,
    /// Check lesson files: every error with its line
    Check {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Print the text of a lesson, to write another like it
    Source {
        /// A lesson's id or number
        lesson: String,
    },
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the manual page
    Man,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// Parse the command line and carry it out.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match carry_out(arguments.command.unwrap_or(Command::Learn { lesson: None, ascii: false })) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("unboxed: {}", text::safe_lines(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: Command) -> anyhow::Result<ExitCode> {
    if !matches!(command, Command::Learn { .. } | Command::Run(_)) {
        crate::kernel::process::die_of_broken_pipes();
    }
    match command {
        Command::Learn { lesson, ascii } => learn::learn(lesson.as_deref(), ascii),
        Command::Run(arguments) => run::run(&arguments),
        Command::Doctor { format } => doctor::doctor(format),
        Command::Clean => clean(),
        Command::Check { files } => check::check(&files),
        Command::Source { lesson } => {
            let lesson = open_lesson(&lesson)?;
            print!("{}", catalogue::source(&lesson.id).context("that lesson is a file of your own")?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "unboxed", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Man => {
            clap_mangen::Man::new(Arguments::command()).render(&mut std::io::stdout())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn clean() -> anyhow::Result<ExitCode> {
    let removed = crate::keeper::cgroups::sweep(&crate::keeper::cgroups::hierarchies());
    for path in &removed {
        println!("removed {}", path.display());
    }
    if removed.is_empty() {
        println!("nothing was left behind");
    }
    Ok(ExitCode::SUCCESS)
}

/// An embedded lesson by its name, or a file by its path.
fn open_lesson(name: &str) -> anyhow::Result<Lesson> {
    let is_path = name.contains('/') || name.ends_with(".yaml") || name.ends_with(".yml");
    if !is_path {
        return catalogue::find(name).map_err(|error| match error {
            FindError::Unknown { .. } => anyhow::anyhow!("{error} (`unboxed doctor` lists them all)"),
            FindError::Ambiguous { .. } | FindError::Broken(_) => error.into(),
        });
    }
    let text = std::fs::read_to_string(name).with_context(|| format!("could not read the lesson file {name}"))?;
    Ok(parse(name, &text)?)
}

/// This program's own binary, for the roles.
fn program() -> &'static Path {
    Path::new("/proc/self/exe")
}

fn facts() -> Facts {
    Facts::read(&Roots::machine(), || crate::kernel::probe::run(program()))
}
