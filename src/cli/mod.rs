//! The command line: one file per command. `anyhow` lives here and in main.

mod ask;
mod bug_report;
mod challenge;
mod check;
mod consent;
mod doctor;
mod explain;
mod export;
mod filter;
mod help;
mod hold;
mod image;
mod input;
mod learn;
mod list;
mod new_file;
mod present;
mod private_names;
mod progress;
mod progress_writer;
mod record;
pub mod run;
mod run_map;
mod settings;
mod shell_socket;
mod socket;
mod whole_file;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use tracing::level_filters::LevelFilter;

use crate::diagnosis::Playable;
use crate::doctor::{Facts, MachineRoot, can_play};
use crate::failure::with_causes;
use crate::keeper::probe::RunningProbe;
use crate::kernel::{inherited, log, panics};
use crate::lab::trial::NetworkTrial;
use crate::lesson::catalogue::{self, FindError, FoundKind};
use crate::lesson::model::Lesson;
use crate::lesson::parse::parse;
use crate::tape::embedded;
use crate::text;
use crate::tui;
use crate::words;

/// Learn how a Linux container is built by building one, step by step, with real system calls.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Write to this file what the program does, for a report of a fault (how much: UNBOXED_LOG=info, debug or trace)
    #[arg(long, global = true, value_name = "FILE")]
    log: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Step through a lesson on the screen (without a name: choose one)
    Learn {
        /// A lesson's id, number or title, or a YAML file
        lesson: Option<String>,
        #[command(flatten)]
        options: learn::LearnOptions,
    },
    /// The lessons, and how each of them plays here: live or from a tape
    List(list::ListArguments),
    /// Tasks without steps, graded by the kernel: other names and numbers at each try (without a name: the list)
    Challenge(challenge::ChallengeArguments),
    /// Check yourself: the questions of a lesson, graded by the kernel where it knows
    Quiz(learn::QuizArguments),
    /// What you have played, done yourself and answered
    Progress(progress::ProgressArguments),
    /// Play a whole lesson without a terminal, and print what happened
    Run(run::RunArguments),
    /// Teach a room: this window is the audience's, the talk goes on in others
    Present(present::PresentArguments),
    /// The speaker's console of a talk: notes, clock, and what the audience sees
    Console(present::WindowArguments),
    /// One more window for the audience of a talk
    Watch(present::WindowArguments),
    #[command(hide = true)]
    TalkHub(present::HubArguments),
    /// Play a lesson live and keep a recording, which plays anywhere
    Record(record::RecordArguments),
    /// A lesson as a cast for asciinema, as one HTML page, or as a Markdown handout
    Export(export::ExportArguments),
    /// A shell in the lab of an `unboxed` that runs in another terminal
    ///
    /// Text, colours, cursor movement, the alternate screen and the mouse pass, so editors and `top` work. What would set this
    /// terminal's title, clipboard, palette or links, or have it answer (where the cursor is, what it is, its colours), does not:
    /// a lab may run what strangers wrote. Programs that ask get no answer.
    Shell(shell_socket::ShellArguments),
    /// What this machine allows, which lessons play here, and what would change that
    Doctor {
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        /// One text for a report of a fault: versions, all of this, and the end of the log that --log names; names of machine and
        /// user are left out
        #[arg(long, conflicts_with = "format")]
        report: bool,
    },
    /// Remove what a killed run could have left behind
    Clean,
    /// Check lesson files: every error with its line
    Check {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// What a word means: a call, a flag, an errno, a file of a control group, a word of the field
    Explain(explain::ExplainArguments),
    /// Print the text of a lesson, to write another like it
    Source {
        /// A lesson's id, number or title
        lesson: String,
    },
    /// Help on a command, or on the words of a lesson: `actions`, `expectations`
    Help { topic: Option<String> },
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
    // Reading the command line takes more stack than that, and its end would be a signal without a word.
    if let Err(low) = inherited::refuse_low_stack() {
        complain(&low.to_string());
        return ExitCode::FAILURE;
    }
    let arguments = Arguments::parse();
    let command = arguments
        .command
        .unwrap_or(Command::Learn { lesson: None, options: learn::LearnOptions::default() });

    match begin_log(&command, arguments.log.as_deref())
        .and_then(|()| carry_out(command, arguments.log.as_deref()))
    {
        Ok(code) => code,
        // Whoever read has seen enough: that is no fault, and nothing to say.
        Err(error) if error.is::<OutputClosed>() => crate::kernel::process::end_by_broken_pipe(),
        Err(error) => {
            tracing::error!("{}", with_causes(error.as_ref()));
            complain(&with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Print a line to standard error, if there is still somebody to read it: the macro for it panics where the terminal
/// is gone, and one that takes nothing would hold up the end.
fn to_stderr(line: &str) {
    if tui::is_gone() && std::io::stderr().is_terminal() {
        return;
    }
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The end of standard output before that of a command which has a lab to give back.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads standard output any more")]
struct OutputClosed;

/// An error of printing: told apart where it is only that nobody reads on.
fn printing_error(error: anyhow::Error) -> anyhow::Error {
    let kind = error.chain().find_map(|cause| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        io.or_else(|| cause.downcast_ref::<serde_json::Error>()?.io_error_kind())
    });
    if kind == Some(std::io::ErrorKind::BrokenPipe) {
        return OutputClosed.into();
    }
    error.context("could not write to standard output")
}

/// Say what went wrong.
fn complain(said: &str) {
    to_stderr(&format!("unboxed: {}", text::safe_lines(said)));
}

/// Begin the log, as much of it as `UNBOXED_LOG` says. A report reads one, and adds nothing to it.
fn begin_log(command: &Command, path: Option<&Path>) -> anyhow::Result<()> {
    let Some(path) = path.filter(|_| !matches!(command, Command::Doctor { report: true, .. }))
    else {
        return Ok(());
    };
    let level = match std::env::var(log::LEVEL_VARIABLE).as_deref() {
        Err(_) | Ok("") | Ok("info") => LevelFilter::INFO,
        Ok("debug") => LevelFilter::DEBUG,
        Ok("trace") => LevelFilter::TRACE,
        Ok(other) => bail!("{} is `{other}`: it can be info, debug or trace", log::LEVEL_VARIABLE),
    };
    log::log_to(path, level)
        .with_context(|| format!("could not write the log to {}", path.display()))?;

    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!("panicked {}", panics::panic_text(panic));
        default(panic);
    }));

    let kernel =
        nix::sys::utsname::uname().map(|uname| uname.release().to_string_lossy().into_owned());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        kernel = kernel.unwrap_or_default(),
        "starts"
    );
    Ok(())
}

fn carry_out(command: Command, log: Option<&Path>) -> anyhow::Result<ExitCode> {
    use Command::{Challenge, Console, Learn, Present, Quiz, Run, Shell, TalkHub, Watch};
    let has_lab_or_screen = matches!(
        command,
        Learn { .. }
            | Challenge(challenge::ChallengeArguments { challenge: Some(_), .. })
            | Quiz(_)
            | Run(_)
            | Shell(_)
            | Present(_)
            | Console(_)
            | Watch(_)
            | TalkHub(_)
    );
    // With a lab or a screen there is something to give back first: SIGPIPE must not end those.
    if !has_lab_or_screen {
        crate::kernel::process::end_on_broken_pipe();
    }

    match command {
        Command::Learn { lesson, options } => learn::learn(lesson.as_deref(), &options),
        Command::Challenge(arguments) => challenge::challenge(&arguments),
        Command::Present(arguments) => present::present(&arguments),
        Command::Console(arguments) => present::console(&arguments),
        Command::Watch(arguments) => present::watch(&arguments),
        Command::TalkHub(arguments) => present::talk_hub(&arguments),
        Command::Record(arguments) => record::record(&arguments),
        Command::Export(arguments) => export::export(&arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Quiz(arguments) => learn::quiz(&arguments),
        Command::Progress(arguments) => progress::progress(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Shell(arguments) => shell_socket::join_shell(&arguments),
        Command::Doctor { report: true, .. } => doctor::print_bug_report(log),
        Command::Doctor { format, .. } => doctor::doctor(format),
        Command::Clean => clean(),
        Command::Check { files } => check::check(&files),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Source { lesson } => {
            let lesson = open_lesson(&lesson)?;
            print!(
                "{}",
                catalogue::lesson_text(&lesson.id).context("that lesson is a file of your own")?
            );
            Ok(ExitCode::SUCCESS)
        }
        Command::Help { topic } => help::help(&mut Arguments::command(), topic.as_deref()),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "unboxed",
                &mut std::io::stdout(),
            );
            Ok(ExitCode::SUCCESS)
        }
        Command::Man => {
            clap_mangen::Man::new(Arguments::command()).render(&mut std::io::stdout())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Remove what killed runs left behind. Fails where something of ours stays.
fn clean() -> anyhow::Result<ExitCode> {
    let swept = crate::keeper::sweep::sweep_all(&crate::keeper::cgroups::hierarchies());
    let sockets = socket::sweep_sockets();
    let removed: Vec<PathBuf> = swept.removed.into_iter().chain(sockets.removed).collect();

    for path in &removed {
        println!("removed {}", text::one_line(&path.display().to_string()));
    }
    for what in &sockets.left {
        println!("left alone: {}", text::one_line(what));
    }
    for one in &swept.left {
        println!("left {}: {}", text::one_line(&one.path.display().to_string()), one.why);
    }

    if removed.is_empty() && swept.left.is_empty() && sockets.left.is_empty() {
        println!("nothing was left behind");
    }
    Ok(if swept.left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An embedded lesson by its name, or a file by its path.
fn open_lesson(name: &str) -> anyhow::Result<Lesson> {
    if !is_path(name) {
        return catalogue::find_lesson(name).map_err(with_list);
    }
    Ok(parse(name, &input::read_lesson(Path::new(name))?)?)
}

/// The error, with the command that lists what there is.
fn with_list(error: FindError) -> anyhow::Error {
    match &error {
        FindError::Unknown { what: FoundKind::Lesson, .. } => {
            anyhow::anyhow!("{error} (`unboxed list` shows them all)")
        }
        FindError::Unknown { what: FoundKind::Challenge, .. } => {
            anyhow::anyhow!("{error} (`unboxed challenge` lists them all)")
        }
        FindError::Ambiguous { .. } | FindError::Broken(_) => error.into(),
    }
}

/// The name of a lesson's file, and its text.
fn lesson_source(name: &str) -> anyhow::Result<(String, String)> {
    if is_path(name) {
        return Ok((name.to_owned(), input::read_lesson(Path::new(name))?));
    }
    let lesson = open_lesson(name)?;
    let text = catalogue::lesson_text(&lesson.id)
        .with_context(|| format!("there is no text of {name}"))?;
    Ok((lesson.id, text.to_owned()))
}

fn is_path(name: &str) -> bool {
    name.contains('/') || name.ends_with(".yaml") || name.ends_with(".yml")
}

/// An error where a lesson can't be played live: why, and what would change that; and where it has a tape and `offer`
/// is what to do with one, that.
fn check_live(lesson: &Lesson, facts: &Facts, offer: Option<&str>) -> anyhow::Result<()> {
    // What was found out about the machine then says more about the limit.
    inherited::refuse_low_limits()?;
    let Playable::No { why, cure } = can_play(&lesson.needs, facts) else { return Ok(()) };
    let (why, cure) = (words::blocker(&why), words::cure(&cure));
    let offer = offer.and_then(|offer| tape_offer(lesson, offer));
    let tape = offer.map_or_else(String::new, |offer| format!(". {offer}"));
    bail!("{} can't play here: {why}. To change that: {cure}{tape}", lesson.id)
}

/// The way to the tape of a lesson, by `command`; none where the program has no tape of it, as of one from a file.
fn tape_offer(lesson: &Lesson, command: &str) -> Option<String> {
    let is_own = || catalogue::find_lesson(&lesson.id).is_ok_and(|known| known == *lesson);
    (embedded::has_tape(&lesson.id) && is_own())
        .then(|| format!("Or {command} {} --tape", lesson.id))
}

/// This program's own binary, for the roles.
fn program() -> &'static Path {
    Path::new("/proc/self/exe")
}

/// The facts that decide whether a lesson can begin, whose lab tries out the rest.
fn facts() -> Facts {
    facts_after(NetworkTrial::RuleAlone)
}

/// The facts that are told of this machine.
fn tried_facts() -> Facts {
    facts_after(NetworkTrial::Whole)
}

fn facts_after(network: NetworkTrial) -> Facts {
    // It runs while everything else is read.
    let probe = RunningProbe::start(program(), network);
    Facts::read(&MachineRoot::this_machine(), || probe.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("could not make the lab: {0}")]
        struct Wrapped(#[from] std::io::Error);
        let wrapped = Wrapped(std::io::Error::from_raw_os_error(libc::ENOSPC));
        let error = anyhow::Error::new(wrapped).context("nothing was played");
        assert_eq!(
            with_causes(error.as_ref()),
            "nothing was played: could not make the lab: No space left on device (os error 28)"
        );
    }
}
