//! The program on a pseudo-terminal of its own, and what a terminal would show.
#![allow(dead_code)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use unboxed::kernel::pty::{self, TerminalSize};

/// The program on a pseudo-terminal of its own, and what a terminal would show.
pub struct Tty {
    pub child: Child,
    keyboard: File,
    pub seen: Arc<Mutex<Seen>>,
    slave: OwnedFd,
    _home: tempfile::TempDir,
}

pub struct Seen {
    pub parser: vt100::Parser,
    pub raw: Vec<u8>,
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn nonzero(number: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(number).expect("not zero")
}

impl Tty {
    pub fn start(columns: u16, rows: u16, arguments: &[&str], environment: &[(&str, &str)]) -> Tty {
        let pty = openpty(Some(&size(columns, rows)), None).expect("a pseudo-terminal");
        // Or the program would hold its own terminal, which then never hangs up.
        for end in [&pty.master, &pty.slave] {
            let flag = nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC);
            nix::fcntl::fcntl(end, flag).expect("a flag is set");
        }
        let home = tempfile::tempdir().expect("a home");
        let slave = || Stdio::from(pty.slave.try_clone().expect("a descriptor"));
        // setsid makes the terminal the controlling one, and then is the program.
        let mut command = Command::new("setsid");
        command.args(["-c", "-w"]).arg(super::program()).args(arguments);
        command.stdin(slave()).stdout(slave()).stderr(slave());
        command.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8").env("HOME", home.path());
        command.env_remove("NO_COLOR").env_remove("XDG_STATE_HOME").env_remove("XDG_RUNTIME_DIR");
        command.envs(environment.iter().copied());
        let child = command.spawn().expect("setsid is there");
        let parser = vt100::Parser::new(nonzero(rows), nonzero(columns), 0);
        let seen = Arc::new(Mutex::new(Seen { parser, raw: Vec::new() }));
        let (mut screen, feed) =
            (File::from(pty.master.try_clone().expect("a descriptor")), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            let mut pending = Vec::new();
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                pending.extend_from_slice(&buffer[..count]);
                let mut seen = feed.lock().expect("the screen");
                seen.raw.extend_from_slice(&buffer[..count]);
                // A frame counts when it is whole, as in a terminal that knows synchronized updates.
                let last =
                    |mark: &[u8]| pending.windows(mark.len()).rposition(|bytes| bytes == mark);
                let (begun, ended) = (last(b"\x1b[?2026h"), last(b"\x1b[?2026l"));
                let whole = begun
                    .filter(|begun| ended.is_none_or(|ended| ended < *begun))
                    .unwrap_or(pending.len());
                seen.parser.process(&pending[..whole]);
                pending.drain(..whole);
            }
        });
        Tty { child, keyboard: File::from(pty.master), seen, slave: pty.slave, _home: home }
    }

    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// The end of the terminal that the program has, as a shell after it would.
    pub fn slave(&self) -> &OwnedFd {
        &self.slave
    }

    pub fn screen(&self) -> String {
        self.seen.lock().expect("the screen").parser.screen().contents()
    }

    /// Wait until the screen shows a text.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(15);
        while !self.screen().contains(text) {
            assert!(Instant::now() < deadline, "`{text}` does not show:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Wait until a shell's prompt stands before the cursor: what is typed earlier, it would echo among what it prints.
    #[track_caller]
    pub fn wait_for_prompt(&self) {
        let deadline = Instant::now() + Duration::from_secs(15);
        let is_there = || {
            let seen = self.seen.lock().expect("the screen");
            let screen = seen.parser.screen();
            let (row, column) = screen.cursor_position();
            let before = screen.contents_between(row, 0, row, column);
            !screen.hide_cursor() && before.trim_end().ends_with('#')
        };
        while !is_there() {
            assert!(Instant::now() < deadline, "no prompt shows:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Wait until the screen shows a text no longer.
    #[track_caller]
    pub fn wait_until_gone(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(15);
        while self.screen().contains(text) {
            assert!(Instant::now() < deadline, "`{text}` does not go:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// How many processes descend from it.
    pub fn processes_below(&self) -> usize {
        super::processes_below(self.child.id())
    }

    /// Give the terminal another size, in one call: stty(1) would set the columns first, and a program that is drawn
    /// between the two calls has a size that nobody asked for.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let mut seen = self.seen.lock().expect("the screen");
        seen.parser.screen_mut().set_size(nonzero(rows), nonzero(columns));
        drop(seen);
        pty::resize(&self.slave, TerminalSize::new(columns, rows)).expect("a size is set");
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")), signal)
            .expect("a signal");
    }

    pub fn state(&self) -> char {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next()).unwrap_or('?')
    }

    pub fn wait_end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = self.child.try_wait().expect("its end") {
                // Let the reader take in the last bytes.
                std::thread::sleep(Duration::from_millis(50));
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Main screen, cursor visible, echo and line mode on.
    #[track_caller]
    pub fn assert_is_back(&self) {
        let seen = self.seen.lock().expect("the screen");
        assert!(!seen.parser.screen().alternate_screen(), "the alternate screen is still there");
        assert!(!seen.parser.screen().hide_cursor(), "the cursor is hidden");
        drop(seen);
        let settings = nix::sys::termios::tcgetattr(&self.slave).expect("the terminal's settings");
        use nix::sys::termios::LocalFlags;
        assert!(
            settings.local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO),
            "still in raw mode"
        );
        assert!(self.slave.as_raw_fd() >= 0);
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("a terminal that was open then:\n{}", self.screen());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
