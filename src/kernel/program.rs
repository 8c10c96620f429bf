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
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// The output of a program that has ended, and its exit status.
#[derive(Debug)]
pub struct FinishedProgram {
    pub output: String,
    pub status: ExitStatus,
}

/// Run `argv` with no input. Killed after 20 seconds; output past 64 KiB is dropped.
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

            let output = read_output_or_kill(recorder, &output, child);
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

/// The output of a child until it closes its end, with the time of each piece recorded; killed
/// where that takes too long.
pub fn read_output_or_kill(recorder: &mut Recorder, output: &OwnedFd, child: Pid) -> String {
    let started = Instant::now();
    let deadline = started + TIME_LIMIT;
    let mut content = Vec::new();
    let mut buffer = [0_u8; 4096];

    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut ready = [PollFd::new(output.as_fd(), PollFlags::POLLIN)];
        let wait_ms = PollTimeout::try_from(left.as_millis() as i32).unwrap_or(PollTimeout::ZERO);
        match nix::poll::poll(&mut ready, wait_ms) {
            Ok(0) => {
                let _ = nix::sys::signal::kill(child, Signal::SIGKILL);
                break;
            }
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(_) => break,
        }

        match retry_interrupted(|| nix::unistd::read(output, &mut buffer)) {
            Ok(0) | Err(_) => break,
            Ok(count) if content.len() < OUTPUT_LIMIT => {
                content.extend_from_slice(&buffer[..count]);
                // In the text as it is handed back, where a byte that is no UTF-8 takes three.
                let end = String::from_utf8_lossy(&content).len();
                recorder
                    .note_output(OutputPiece { at_ms: started.elapsed().as_millis() as u64, end });
            }
            // Read and dropped: a full pipe would stop the program.
            Ok(_) => {}
        }
    }

    String::from_utf8_lossy(&content).into_owned()
}
