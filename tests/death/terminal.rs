//! The program on a terminal that goes, takes nothing, or does not know its size.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{FlowArg, tcflow};
use nix::unistd::Pid;
use unboxed::kernel::load;

use crate::common::{self, Machine, alone};

/// The program on a terminal that will go.
pub struct OnTerminal {
    child: Child,
    terminal: File,
    seen: vt100::Parser,
    home: Rc<tempfile::TempDir>,
}

/// The way that the program's session has its terminal: none of them is told by a signal when it goes.
const SESSIONS: [&[&str]; 2] = [
    // No controlling terminal, as below some supervisors.
    &["setsid"],
    // One, with the signal ignored, as nohup(1) leaves it.
    &["setsid", "-c", "sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""],
];

impl OnTerminal {
    fn start(session: &[&str], size: (u16, u16), arguments: &[&str]) -> OnTerminal {
        let home = Rc::new(tempfile::tempdir().expect("a home"));
        OnTerminal::start_at(home, session, size, arguments)
    }

    fn start_at(
        home: Rc<tempfile::TempDir>,
        session: &[&str],
        size: (u16, u16),
        arguments: &[&str],
    ) -> OnTerminal {
        let program = common::program().display().to_string();
        let arguments = common::as_known_learner(arguments);
        let whole: Vec<&str> = session
            .iter()
            .copied()
            .chain([program.as_str()])
            .chain(arguments.iter().copied())
            .collect();
        OnTerminal::start_whole(home, &whole, size)
    }

    /// A command that starts the program itself.
    pub fn start_command(command: &[&str], size: (u16, u16)) -> OnTerminal {
        let home = Rc::new(tempfile::tempdir().expect("a home"));
        OnTerminal::start_whole(home, command, size)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn start_whole(home: Rc<tempfile::TempDir>, whole: &[&str], size: (u16, u16)) -> OnTerminal {
        let (ws_col, ws_row) = size;
        let size = Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a pseudo-terminal");
        // Or the program would hold the other end itself, and nothing would ever go.
        let flag = nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC);
        nix::fcntl::fcntl(&pty.master, flag).expect("a flag is set");

        let mut command = Command::new(whole[0]);
        command.args(&whole[1..]);
        let slave = || pty.slave.try_clone().expect("a descriptor");
        command.stdin(slave()).stdout(slave()).stderr(slave());
        command.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8").env("HOME", home.path());
        command.env_remove("XDG_STATE_HOME").env_remove("XDG_RUNTIME_DIR");
        let child = command.spawn().expect("setsid is there");

        let number = |number| std::num::NonZeroU16::new(number).expect("not zero");
        let seen = vt100::Parser::new(number(24), number(80), 0);
        OnTerminal { child, terminal: File::from(pty.master), seen, home }
    }

    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut buffer = [0; 8192];
        while !self.seen.screen().contents().contains(text) {
            let shown = self.seen.screen().contents();
            assert!(Instant::now() < deadline, "`{text}` does not show:\n{shown}");
            use std::os::fd::AsFd;
            let mut ready = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
            if poll(&mut ready, 100u16).expect("a terminal") > 0 {
                let count = self.terminal.read(&mut buffer).expect("the program is there");
                self.seen.process(&buffer[..count]);
            }
        }
    }

    fn press(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Take the terminal away, and wait for the program's end.
    #[track_caller]
    pub fn take_away(self, what: &str) -> std::process::ExitStatus {
        let OnTerminal { mut child, terminal, .. } = self;
        drop(terminal);
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = child.try_wait().expect("its end") {
                return status;
            }
            if Instant::now() >= deadline {
                let _ = child.kill();
                let _ = child.wait();
                panic!("{what} outlives its terminal");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_terminal_that_goes_takes_program_and_lab_along_without_a_signal() {
    let _turn = alone();
    let screens: [(&[&str], &str); 5] = [
        (&["learn"], "Build a container"),
        (&["learn", "2", "--tape"], "TAPE"),
        (&["learn", "1"], "Enter: run it"),
        (&["quiz", "1"], "1/"),
        (&["present", "1"], "Before containers"),
    ];
    for session in SESSIONS {
        for (arguments, shown) in screens {
            let before = Machine::now();
            let mut screen = OnTerminal::start(session, (80, 24), arguments);
            screen.wait_for(shown);
            let status = screen.take_away(&format!("{session:?} {arguments:?}"));
            // Nothing that went wrong, and no panic of whoever puts the cursor back.
            assert!(status.success(), "{session:?} {arguments:?}: {status}");
            before.assert_comes_back();
        }
    }
}

#[test]
fn a_shell_ends_with_its_terminal_whatever_runs_in_it() {
    let _turn = alone();
    for session in SESSIONS {
        let before = Machine::now();
        let mut lab = OnTerminal::start(SESSIONS[1], (80, 24), &["learn", "1"]);
        lab.wait_for("Enter: run it");
        let home = Rc::clone(&lab.home);
        let mut shell = OnTerminal::start_at(home, session, (80, 24), &["shell"]);
        shell.wait_for("#");
        // It reads no key, and hears neither ctrl-d nor the end of the input.
        shell.press("trap '' HUP; echo be''gun; sleep 1000\n");
        shell.wait_for("begun");
        let status = shell.take_away(&format!("{session:?} shell"));
        assert_eq!(status.code(), Some(1), "{session:?}");
        lab.take_away("learn");
        before.assert_comes_back();
    }
}

#[test]
fn a_terminal_that_does_not_know_its_size_is_drawn_at_80x24_and_left_by_keys() {
    let _turn = alone();
    let before = Machine::now();
    for session in SESSIONS {
        let mut screen = OnTerminal::start(session, (0, 0), &["learn", "1"]);
        screen.wait_for("Enter: run it");
        screen.press("qy");
        screen.wait_for("as it was");
        screen.press("q");
        assert!(screen.child.wait().expect("its end").success());
    }
    before.assert_comes_back();
}

/// The ways in which a terminal takes nothing, and stays.
#[derive(Debug, Clone, Copy)]
enum Stall {
    /// Stopped, as ctrl-s stops one.
    Stopped,
    /// Full, since nobody reads it: a frozen multiplexer, a connection that hangs.
    Full,
}

const STALLS: [(Stall, Signal); 3] = [
    (Stall::Stopped, Signal::SIGTERM),
    (Stall::Full, Signal::SIGHUP),
    (Stall::Full, Signal::SIGINT),
];

impl OnTerminal {
    /// The other end of the terminal, as the program has it.
    fn slave(&self) -> File {
        let path = format!("/proc/{}/fd/1", self.child.id());
        let flags = nix::fcntl::OFlag::O_NOCTTY.bits();
        File::options().read(true).write(true).custom_flags(flags).open(path).expect("a terminal")
    }

    /// Have the terminal take nothing more, with the program in the midst of writing to it.
    #[track_caller]
    fn stall(&mut self, how: Stall, keys: &str) {
        let slave = self.slave();
        if let Stall::Stopped = how {
            tcflow(&slave, FlowArg::TCOOFF).expect("stopped");
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.waits_for_its_terminal() {
            assert!(Instant::now() < deadline, "{how:?}: the program never waits to write");
            self.press(keys);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// True while a thread of the program is in the midst of write(2).
    fn waits_for_its_terminal(&self) -> bool {
        let tasks = format!("/proc/{}/task", self.child.id());
        let write = libc::SYS_write.to_string();
        common::names(&tasks).iter().any(|task| {
            let call = std::fs::read_to_string(format!("{tasks}/{task}/syscall"));
            call.is_ok_and(|call| call.split(' ').next() == Some(write.as_str()))
        })
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("a signal");
    }

    /// Wait until the program has begun to make a lab: that has processes of its own.
    #[track_caller]
    fn wait_for_children(&self) {
        let path = format!("/proc/{0}/task/{0}/children", self.child.id());
        let deadline = Instant::now() + load::stretched(Duration::from_secs(10));
        while std::fs::read_to_string(&path).is_ok_and(|children| children.trim().is_empty()) {
            assert!(Instant::now() < deadline, "no lab is begun");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Wait for the program's end, which nobody but its own bounds brings about.
    #[track_caller]
    pub fn wait_for_end(&mut self, what: &str) -> std::process::ExitStatus {
        let deadline = Instant::now() + load::stretched(Duration::from_secs(10));
        loop {
            if let Some(status) = self.child.try_wait().expect("its end") {
                return status;
            }
            if Instant::now() >= deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                panic!("{what} does not end");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_signal_ends_program_and_lab_while_the_terminal_takes_nothing() {
    let _turn = alone();
    let screens: [(&[&str], &str, &str); 4] = [
        (&["learn", "2", "--tape"], "TAPE", "?\x1b"),
        (&["learn", "1"], "Enter: run it", "?\x1b"),
        (&["quiz", "1"], "1/", "?\x1b"),
        (&["present", "1", "--tape"], "Before containers", "?\x1b"),
    ];
    for (how, signal) in STALLS {
        for (arguments, shown, keys) in screens {
            let what = format!("{arguments:?}, {how:?}, {signal}");
            let before = Machine::now();
            let mut screen = OnTerminal::start(&["setsid", "-c"], (80, 24), arguments);
            screen.wait_for(shown);
            screen.stall(how, keys);
            screen.signal(signal);
            let status = screen.wait_for_end(&what);
            assert!(status.success(), "{what}: {status}");
            drop(screen);
            before.assert_comes_back();
        }
    }
}

#[test]
fn a_signal_ends_a_shell_while_the_terminal_takes_nothing() {
    let _turn = alone();
    let before = Machine::now();
    let mut lab = OnTerminal::start(SESSIONS[1], (80, 24), &["learn", "1"]);
    lab.wait_for("Enter: run it");
    for (how, signal) in STALLS {
        let home = Rc::clone(&lab.home);
        let mut shell = OnTerminal::start_at(home, &["setsid", "-c"], (80, 24), &["shell"]);
        shell.wait_for("#");
        shell.stall(how, "seq 100000\n");
        shell.signal(signal);
        let status = shell.wait_for_end(&format!("shell, {how:?}, {signal}"));
        assert_eq!(status.code(), Some(1), "{how:?} {signal}");
    }
    lab.take_away("learn");
    before.assert_comes_back();
}

#[test]
fn a_signal_ends_a_held_lab_while_the_terminal_takes_nothing() {
    let _turn = alone();
    let before = Machine::now();
    let mut held = OnTerminal::start(&["setsid", "-c"], (80, 24), &["run", "1", "--hold"]);
    held.wait_for("is up until this input ends");
    tcflow(held.slave(), FlowArg::TCOOFF).expect("stopped");
    held.signal(Signal::SIGTERM);
    // What is said last, about the machine, can't be: SIGALRM ends who waits for that.
    let status = held.wait_for_end("run --hold");
    assert_eq!(status.signal(), Some(libc::SIGALRM), "{status}");
    before.assert_comes_back();

    // While it plays, a signal ends it as it ends any program.
    let mut playing = OnTerminal::start(&["setsid", "-c"], (80, 24), &["run", "1", "--hold"]);
    // Before it has said much: where nothing can be written, no step after the first begins.
    tcflow(playing.slave(), FlowArg::TCOOFF).expect("stopped");
    playing.wait_for_children();
    playing.signal(Signal::SIGTERM);
    let status = playing.wait_for_end("run --hold, while it plays");
    assert_eq!(status.signal(), Some(libc::SIGTERM), "{status}");
    before.assert_comes_back();
}
