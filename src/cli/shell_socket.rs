//! The socket of a running lab, which only the same user can open, and `unboxed shell`, which comes in by it.
//! What the lab prints reaches the real terminal there, and nowhere else: through a filter.

use std::io::{IsTerminal, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use serde::{Deserialize, Serialize};

use super::filter::OutputFilter;
use super::socket::{self, ListeningSocket, SocketService};
use super::to_stderr;
use crate::engine::{PendingShell, ShellTerminal};
use crate::failure::Failure;
use crate::kernel::pty::{self, TerminalSize};
use crate::op::ActorName;
use crate::tui::{self, TerminalOutput};
use crate::wire::{self, Wire, is_own_user_or_root};

/// The longest that either side waits for the other's word.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

const BANNER: &str =
    "The lab's programs can't set this terminal's title or clipboard, nor query it.";

#[derive(Debug, Args)]
pub struct ShellArguments {
    /// Beside whom: `host`, `container`, or another actor of the lesson
    #[arg(default_value = "host")]
    actor: String,
    /// The PID of the `unboxed` whose lab it is, where several are running
    #[arg(long, value_name = "PID")]
    of: Option<u32>,
}

/// The request of `unboxed shell`.
#[derive(Debug, Serialize, Deserialize)]
struct ShellRequest {
    actor: ActorName,
    size: TerminalSize,
}

/// The answer; the terminal's master side comes along with a shell.
#[derive(Debug, Serialize, Deserialize)]
enum ShellReply {
    Shell,
    Refused(Failure),
}

/// Listen for shells that are wanted in this process's lab; whoever owns the lab answers what comes out of the channel.
pub fn listen() -> anyhow::Result<(ListeningSocket, Receiver<PendingShell>)> {
    let (place, listener) = socket::listen_for(SocketService::Lab)?;
    let (pending_shells, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in wire::incoming_connections(&listener) {
            let pending_shells = pending_shells.clone();
            // A client that says nothing holds up no other.
            std::thread::spawn(move || serve(stream, &pending_shells));
        }
    });
    Ok((place, received))
}

fn serve(stream: UnixStream, pending_shells: &Sender<PendingShell>) {
    if !is_own_user_or_root(&stream) {
        return;
    }
    let mut wire = Wire::from_fd(stream.into());
    if wire.set_timeout(Some(ANSWER_TIMEOUT)).is_err() {
        return;
    }
    let Ok(request) = wire.receive::<ShellRequest>() else { return };

    let (reply, answer) = mpsc::channel();
    let pending = PendingShell { actor: request.message.actor, size: request.message.size, reply };
    let opened = match pending_shells.send(pending) {
        Ok(()) => {
            answer.recv_timeout(ANSWER_TIMEOUT).unwrap_or_else(|_| Err("the lab is busy".into()))
        }
        Err(_) => Err("the lab is being taken down".into()),
    };

    let _ = match opened {
        Ok(ShellTerminal { master, .. }) => wire.send(&ShellReply::Shell, &[master.as_raw_fd()]),
        Err(why) => wire.send(&ShellReply::Refused(why), &[]),
    };
}

/// `unboxed shell`: a shell in the lab of a running `unboxed`, on this terminal.
pub fn join_shell(arguments: &ShellArguments) -> anyhow::Result<ExitCode> {
    let stream = socket::connect(SocketService::Lab, arguments.of)?;
    let mut wire = Wire::from_fd(stream.into());
    wire.set_timeout(Some(ANSWER_TIMEOUT)).context("could not set up the connection")?;
    let request = ShellRequest { actor: ActorName(arguments.actor.clone()), size: own_size() };
    wire.send(&request, &[]).context("could not ask for a shell")?;
    let answer = wire.receive::<ShellReply>().context("the lab did not answer")?;

    match answer.message {
        ShellReply::Shell => {
            let master = answer.fds.into_iter().next().context("the lab sent no terminal")?;
            pass_through(master)?;
            Ok(ExitCode::SUCCESS)
        }
        ShellReply::Refused(why) => bail!("no shell beside {}: {why:#}", arguments.actor),
    }
}

fn own_size() -> TerminalSize {
    let (columns, rows) = tui::terminal_size();
    TerminalSize::new(columns, rows)
}

/// Raw mode that ends however the function does.
struct Raw;

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// Keys go in, what is printed comes out as far as the filter lets it, until the shell ends.
fn pass_through(master: OwnedFd) -> anyhow::Result<()> {
    let is_terminal = std::io::stdin().is_terminal();
    if is_terminal && std::io::stderr().is_terminal() {
        to_stderr(BANNER);
    }
    let _raw = if is_terminal {
        crossterm::terminal::enable_raw_mode()
            .context("could not switch the terminal to raw mode")?;
        Some(Raw)
    } else {
        None
    };

    let resized = master.try_clone().context("could not keep the shell's terminal")?;
    let (ends, end) = UnixStream::pair().context("could not watch for signals")?;
    watch_signals(resized, end.try_clone().context("could not watch for signals")?)?;

    pass_keys_in(master.try_clone().context("could not keep the shell's terminal")?, end);
    let mut filter = OutputFilter::default();
    let mut out = TerminalOutput::open().context("could not open standard output")?;
    let passed = relay(std::fs::File::from(master), &ends, &mut filter, &mut out);
    // A shell that was killed with an editor open leaves nothing of it behind.
    if std::io::stdout().is_terminal() {
        out.write_all(&filter.restore_sequences()).context("could not print")?;
    }
    passed
}

/// A thread that gives the shell this terminal's size, and lets `end` be read from once a signal ends the program.
fn watch_signals(shell: OwnedFd, mut end: UnixStream) -> anyhow::Result<()> {
    use libc::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};
    let mut signals = signal_hook::iterator::Signals::new([SIGWINCH, SIGTERM, SIGHUP, SIGINT])
        .context("could not watch for signals")?;

    std::thread::spawn(move || {
        for signal in signals.forever() {
            if signal == SIGWINCH {
                let _ = pty::resize(&shell, own_size());
            } else {
                // What the shell prints may be waiting for a terminal that takes nothing.
                tui::note_ending();
                let _ = end.write_all(&[0]);
            }
        }
    });
    Ok(())
}

/// A thread that brings the keys to the shell: one that reads none holds up nobody but whoever types.
fn pass_keys_in(master: OwnedFd, mut end: UnixStream) {
    std::thread::spawn(move || {
        let mut shell = std::fs::File::from(master);
        let mut keys = std::io::stdin();
        let is_terminal = keys.is_terminal();
        let mut buffer = [0; 16 * 1024];

        loop {
            let typed = match keys.read(&mut buffer) {
                Ok(count @ 1..) => &buffer[..count],
                // In raw mode a terminal's input ends only with the terminal.
                Ok(0) | Err(_) if is_terminal => break,
                // Input that ends is the end of the shell's: ctrl-d says so to a terminal.
                Ok(_) | Err(_) => {
                    let _ = shell.write_all(&[4]);
                    return;
                }
            };
            if shell.write_all(typed).is_err() {
                return;
            }
        }

        let _ = end.write_all(&[0]);
    });
}

/// What the shell prints, until it ends, or whoever reads it. `ends` can be read from once a signal came, or the
/// keys' terminal has gone.
fn relay(
    mut shell: std::fs::File,
    ends: &UnixStream,
    filter: &mut OutputFilter,
    out: &mut TerminalOutput,
) -> anyhow::Result<()> {
    let is_terminal = std::io::stdin().is_terminal();
    let mut buffer = [0; 16 * 1024];
    loop {
        let (stdin, stdout) = (std::io::stdin(), std::io::stdout());
        let mut ready = vec![
            PollFd::new(shell.as_fd(), PollFlags::POLLIN),
            PollFd::new(ends.as_fd(), PollFlags::POLLIN),
            // A hang-up and an error are told without being asked for, see poll(2).
            PollFd::new(stdout.as_fd(), PollFlags::empty()),
        ];
        // Of a pipe, a hang-up is the end of the input, after which the shell may have more to print.
        if is_terminal {
            ready.push(PollFd::new(stdin.as_fd(), PollFlags::empty()));
        }
        match nix::poll::poll(&mut ready, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => continue,
            other => other.context("could not wait for the shell")?,
        };
        let is_ready: Vec<bool> = ready.iter().map(|one| one.any().unwrap_or(false)).collect();
        drop(ready);

        if is_ready[0] {
            // The terminal's end (EIO) is the shell's.
            let Ok(count @ 1..) = shell.read(&mut buffer) else { return Ok(()) };
            out.write_all(&filter.filtered(&buffer[..count])).context("could not print")?;
        }
        if is_ready[1] {
            bail!("a signal, or the end of this terminal, ended the shell");
        }
        if is_ready[2..].contains(&true) {
            bail!("nobody reads what the shell prints any more");
        }
    }
}
