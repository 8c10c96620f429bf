//! Running a program of the lab: fork, execve, collect what it prints, wait.

use std::ffi::CString;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::notation;
use super::pidfd::Pidfd;
use super::process::{self, ExitStatus, Fork};
use super::record::{Recorder, retry_interrupted};
use crate::call::{Call, CallKind, CallResult, ErrnoName};
use crate::op::OutputPiece;

/// The directories that programs are looked for in.
const PATH: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// The environment that programs get.
const ENVIRONMENT: [&str; 5] = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
    "TERM=xterm-256color",
    "COLUMNS=100",
];
const OUTPUT_LIMIT: usize = 64 * 1024;
/// The bytes that a pipe holds, pipe(7), and that are read from it at a time.
const PIPE_BYTES: usize = 64 * 1024;
const READ_BYTES: usize = 4096;
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// The output of a program that has ended, and its exit status.
#[derive(Debug)]
pub struct FinishedProgram {
    pub output: String,
    pub status: ExitStatus,
}

/// Run `argv` with no input, and wait for its end, not for that of what it leaves in the background. Killed after 20
/// seconds; output past 64 KiB is left out, with a word about it.
pub fn run(recorder: &mut Recorder, argv: &[String]) -> Result<FinishedProgram, Errno> {
    let path = find(argv.first().ok_or(Errno::EINVAL)?).ok_or(Errno::ENOENT)?;
    let (output, printed) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    let (failure, failed) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;

    match process::fork(recorder, &[])? {
        Fork::Child => execute(&path, argv, &printed, failed),
        Fork::Parent(child) => {
            // Copies kept here would hold the pipes open, and their ends would never come.
            drop(printed);
            drop(failed);

            let executed = Instant::now();
            let refused = read_errno(&failure);
            recorder.push(Call {
                kind: CallKind::Syscall,
                name: "execve".into(),
                args: format!(
                    "{}, {}, [/* {} vars */]",
                    notation::quoted(&path),
                    vector(argv),
                    ENVIRONMENT.len()
                ),
                result: refused.map_or(CallResult::Value(0), |errno| {
                    CallResult::Errno(ErrnoName::from_raw(errno as i32))
                }),
                nanos: executed.elapsed().as_nanos() as u64,
            });

            let output = read_output_or_kill(recorder, output, child);
            let status = process::wait(recorder, child)?;
            match refused {
                Some(errno) => Err(errno),
                None => Ok(FinishedProgram { output, status }),
            }
        }
    }
}

fn find(program: &str) -> Option<String> {
    if program.contains('/') {
        return Some(program.to_owned());
    }
    PATH.iter().map(|dir| format!("{dir}/{program}")).find(|path| Path::new(path).is_file())
}

fn vector(argv: &[String]) -> String {
    let quoted: Vec<String> = argv.iter().map(notation::quoted).collect();
    format!("[{}]", quoted.join(", "))
}

fn execute(path: &str, argv: &[String], printed: &OwnedFd, failed: OwnedFd) -> ! {
    let errno = match prepare(printed).and_then(|()| {
        let c_string = |text: &str| CString::new(text).map_err(|_| Errno::EINVAL);
        let arguments =
            argv.iter().map(|argument| c_string(argument)).collect::<Result<Vec<_>, _>>()?;
        let environment =
            ENVIRONMENT.iter().map(|variable| c_string(variable)).collect::<Result<Vec<_>, _>>()?;
        nix::unistd::execve(&c_string(path)?, &arguments, &environment)
    }) {
        Ok(never) => match never {},
        Err(errno) => errno,
    };

    let _ = std::fs::File::from(failed).write_all(&(errno as i32).to_ne_bytes());
    process::exit_now(127)
}

/// Become a program; returns only where that fails.
pub fn become_program<'a>(
    path: &str,
    arguments: &[&str],
    environment: impl Iterator<Item = &'a str>,
) {
    let c_strings = |texts: Vec<&str>| {
        texts.into_iter().filter_map(|text| CString::new(text).ok()).collect::<Vec<_>>()
    };

    if let Ok(path) = CString::new(path) {
        let _ = nix::unistd::execve(
            &path,
            &c_strings(arguments.to_vec()),
            &c_strings(environment.collect()),
        );
    }
}

fn prepare(printed: &OwnedFd) -> Result<(), Errno> {
    nix::unistd::setsid()?;
    nix::unistd::dup2_stdout(printed)?;
    nix::unistd::dup2_stderr(printed)?;
    process::reset_signals();
    Ok(())
}

/// The errno that the child wrote; nothing when execve closed the pipe.
fn read_errno(failure: &OwnedFd) -> Option<Errno> {
    let mut number = [0_u8; 4];
    match retry_interrupted(|| nix::unistd::read(failure, &mut number)) {
        Ok(4) => Some(Errno::from_raw(i32::from_ne_bytes(number))),
        _ => None,
    }
}

/// The output of a child until it ends, with the time of each piece recorded; killed where that takes too long. What it
/// leaves behind in the background is not waited for, and may go on printing to nobody.
pub fn read_output_or_kill(recorder: &mut Recorder, output: OwnedFd, child: Pid) -> String {
    let started = Instant::now();
    let deadline = started + TIME_LIMIT;
    let process = Pidfd::open(child).ok();
    let mut read = ReadOutput { started, content: Vec::new(), omitted: 0 };
    let mut was_killed = false;

    // What the pipe may hold when the child ends. Without a bound, who floods it from the background would be read for ever.
    let mut reads_after_end = PIPE_BYTES / READ_BYTES;
    let is_closed = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let _ = nix::sys::signal::kill(child, Signal::SIGKILL);
            was_killed = true;
            break false;
        }

        let mut ready = vec![PollFd::new(output.as_fd(), PollFlags::POLLIN)];
        ready.extend(process.as_ref().map(|it| PollFd::new(it.as_fd(), PollFlags::POLLIN)));
        let wait_ms =
            PollTimeout::try_from(left.as_millis() as i32 + 1).unwrap_or(PollTimeout::ZERO);
        match nix::poll::poll(&mut ready, wait_ms) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(_) => break false,
        }

        let (is_readable, has_ended) =
            (ready[0].any() == Some(true), ready.get(1).is_some_and(|it| it.any() == Some(true)));
        if has_ended && (!is_readable || reads_after_end == 0) {
            break false;
        }
        reads_after_end -= usize::from(has_ended);
        if is_readable && read.take(recorder, &output) == 0 {
            break true;
        }
    };

    if !is_closed && !was_killed {
        // A program in the background still has it: its next line must not end it by SIGPIPE. It gets as much as fits.
        std::mem::forget(output);
    }
    read.into_text(if was_killed { ReadEnd::Killed } else { ReadEnd::Closed })
}

/// The end of reading: the program had printed all, or was killed at its time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadEnd {
    Closed,
    Killed,
}

/// The output of a program so far.
struct ReadOutput {
    started: Instant,
    content: Vec<u8>,
    /// Bytes past the limit.
    omitted: u64,
}

impl ReadOutput {
    /// Read what is there; returns how much that was, and 0 at the end.
    fn take(&mut self, recorder: &mut Recorder, output: &OwnedFd) -> usize {
        let mut buffer = [0_u8; READ_BYTES];
        let count =
            retry_interrupted(|| nix::unistd::read(output, &mut buffer)).unwrap_or_default();

        // Read and dropped past the limit: a full pipe would stop the program.
        let kept = count.min(OUTPUT_LIMIT.saturating_sub(self.content.len()));
        self.omitted += (count - kept) as u64;
        if kept > 0 {
            self.content.extend_from_slice(&buffer[..kept]);
            // In the text as it is handed back, where a byte that is no UTF-8 takes three.
            let end = String::from_utf8_lossy(&self.content).len();
            let at_ms = self.started.elapsed().as_millis() as u64;
            recorder.note_output(OutputPiece { at_ms, end });
        }
        count
    }

    /// The text, with a word about what it lacks.
    fn into_text(self, end: ReadEnd) -> String {
        let mut text = String::from_utf8_lossy(&self.content).into_owned();
        let mut note = |said: String| {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&said);
        };

        if self.omitted > 0 {
            note(format!("[{} bytes more were printed, and are left out here]\n", self.omitted));
        }
        if end == ReadEnd::Killed {
            note(format!("[killed: it had not ended after {} seconds]\n", TIME_LIMIT.as_secs()));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_that_is_cut_says_how_much_is_left_out() {
        let read = |content: &[u8], omitted| ReadOutput {
            started: Instant::now(),
            content: content.to_vec(),
            omitted,
        };

        assert_eq!(read(b"all of it", 0).into_text(ReadEnd::Closed), "all of it");
        let cut = read(b"a part", 7).into_text(ReadEnd::Killed);
        let lines: Vec<&str> = cut.lines().collect();
        assert_eq!(lines[..2], ["a part", "[7 bytes more were printed, and are left out here]"]);
        assert!(lines[2].starts_with("[killed: it had not ended after"), "{cut}");
    }
}
