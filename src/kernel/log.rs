//! The log of a run, for whoever works on the program: `--log FILE`, and how much of it by
//! `UNBOXED_LOG`. Off otherwise.
//!
//! Front end, hub, keeper and store write to one file, each event one line with one write(2), so that the file tells in
//! order what they did. Processes of a lab hold no descriptor of the machine, this one neither: what they were asked
//! and what they answered is logged by the engine. What a learner types is never logged.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::process;
use crate::text;

/// The environment variable that says how much is logged: `info`, `debug` or `trace`.
pub const LEVEL_VARIABLE: &str = "UNBOXED_LOG";
/// A role's argument that goes before its level.
const ARGUMENT: &str = "--log-level=";

/// The open file, and how much goes there; none where nothing is logged.
static LOG: OnceLock<(File, LevelFilter)> = OnceLock::new();
/// True once a process of a lab has closed the descriptor, whose number may be another's by now.
static IS_CLOSED: AtomicBool = AtomicBool::new(false);
/// The role that this process plays.
static ROLE: Mutex<&str> = Mutex::new("front end");
/// The file's name, for a front end that starts another.
static PATH: OnceLock<PathBuf> = OnceLock::new();

/// Log to this file from now on, after what it holds already. A new file is its owner's alone.
pub fn log_to(path: &Path, level: LevelFilter) -> io::Result<()> {
    // A link could lead to another's file; a pipe that nobody reads would block, fifo(7).
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file =
        File::options().append(true).create(true).mode(0o600).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let _ = PATH.set(std::path::absolute(path)?);
    begin(file, level);
    Ok(())
}

/// The log's file, absolute; none where nothing is logged.
pub fn path() -> Option<&'static Path> {
    PATH.get().map(PathBuf::as_path)
}

/// The level that this role logs at, by its arguments; none where nothing is logged.
pub fn level_for_role() -> Option<LevelFilter> {
    std::env::args_os().find_map(|argument| argument.to_str()?.strip_prefix(ARGUMENT)?.parse().ok())
}

/// Log as the process does that started this role: standard error is its log.
pub fn inherit(level: LevelFilter) {
    if let Ok(log) = process::take_stderr() {
        begin(log.into(), level);
    }
}

/// The argument and the standard error by which a role inherits the log. None where nothing is logged.
pub fn for_role() -> Option<(String, OwnedFd)> {
    let (file, level) = LOG.get()?;
    let copy = file.as_fd().try_clone_to_owned().ok()?;
    Some((format!("{ARGUMENT}{level}"), copy))
}

/// The name in front of this process's lines.
pub fn set_role(role: &'static str) {
    *ROLE.lock().unwrap_or_else(PoisonError::into_inner) = role;
}

/// Log nothing from this process any more. For those that go on in a lab.
pub fn close() {
    IS_CLOSED.store(true, Ordering::Relaxed);
}

/// The log's descriptor, to be kept by a role that closes others; -1 for none.
#[derive(Debug)]
pub struct LogDescriptor;

impl AsRawFd for LogDescriptor {
    fn as_raw_fd(&self) -> RawFd {
        LOG.get().map_or(-1, |(file, _)| file.as_raw_fd())
    }
}

fn begin(file: File, level: LevelFilter) {
    if LOG.set((file, level)).is_err() {
        return;
    }
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| Output)
        .event_format(Line)
        .finish();
    // Nobody else sets one.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// The way to the file. A full disk loses lines, not the run.
struct Output;

impl Write for Output {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let log = LOG.get().filter(|_| !IS_CLOSED.load(Ordering::Relaxed));
        if let Some(mut file) = log.map(|(file, _)| file) {
            let _ = file.write(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `2026-11-26T10:00:00.123456Z INFO keeper[123] step{id=mount-proc}: what happened`, in characters that can be seen.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let role = *ROLE.lock().unwrap_or_else(PoisonError::into_inner);
        let (time, level) = (jiff::Timestamp::now(), event.metadata().level());
        let mut line = format!("{time:.6} {level} {role}[{}]", std::process::id());

        for span in context.event_scope().into_iter().flat_map(|spans| spans.from_root()) {
            let _ = write!(line, " {}", span.name());
            if let Some(fields) =
                span.extensions().get::<tracing_subscriber::fmt::FormattedFields<N>>()
                && !fields.is_empty()
            {
                let _ = write!(line, "{{{fields}}}");
            }
        }

        line.push_str(": ");
        context.format_fields(Writer::new(&mut line), event)?;
        writeln!(writer, "{}", text::safe(&line))
    }
}
