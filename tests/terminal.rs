//! The screen on a real pseudo-terminal: played with keys, and the terminal always comes back.

mod common;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{Machine, alone};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The program on a pseudo-terminal of its own, and what a terminal would show.
struct Tty {
    child: Child,
    keyboard: File,
    seen: Arc<Mutex<Seen>>,
    slave: OwnedFd,
    _home: tempfile::TempDir,
}

struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn nonzero(number: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(number).expect("not zero")
}

impl Tty {
    fn start(columns: u16, rows: u16, arguments: &[&str], environment: &[(&str, &str)]) -> Tty {
        let pty = openpty(Some(&size(columns, rows)), None).expect("a pseudo-terminal");
        let home = tempfile::tempdir().expect("a home");
        let slave = || Stdio::from(pty.slave.try_clone().expect("a descriptor"));
        // setsid makes the terminal the controlling one, and then is the program.
        let mut command = Command::new("setsid");
        command.args(["-c", "-w"]).arg(common::program()).args(arguments);
        command.stdin(slave()).stdout(slave()).stderr(slave());
        command.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8").env("HOME", home.path());
        command.env_remove("NO_COLOR").env_remove("XDG_STATE_HOME").env_remove("XDG_RUNTIME_DIR");
        command.envs(environment.iter().copied());
        let child = command.spawn().expect("setsid is there");
        let parser = vt100::Parser::new(nonzero(rows), nonzero(columns), 0);
        let seen = Arc::new(Mutex::new(Seen { parser, raw: Vec::new() }));
        let (mut screen, feed) = (File::from(pty.master.try_clone().expect("a descriptor")), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                let mut seen = feed.lock().expect("the screen");
                seen.parser.process(&buffer[..count]);
                seen.raw.extend_from_slice(&buffer[..count]);
            }
        });
        Tty { child, keyboard: File::from(pty.master), seen, slave: pty.slave, _home: home }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    fn screen(&self) -> String {
        self.seen.lock().expect("the screen").parser.screen().contents()
    }

    /// Wait until the screen shows a text.
    #[track_caller]
    fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(15);
        while !self.screen().contains(text) {
            assert!(Instant::now() < deadline, "`{text}` does not show:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        let mut seen = self.seen.lock().expect("the screen");
        seen.parser.screen_mut().set_size(nonzero(rows), nonzero(columns));
        drop(seen);
        let path = nix::unistd::ttyname(&self.slave).expect("a name");
        let status = Command::new("stty")
            .arg("-F")
            .arg(path)
            .args(["cols", &columns.to_string(), "rows", &rows.to_string()])
            .status()
            .expect("stty is there");
        assert!(status.success());
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")), signal).expect("a signal");
    }

    fn state(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next()).unwrap_or('?')
    }

    fn wait_end(&mut self) -> ExitStatus {
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
    fn assert_is_back(&self) {
        let seen = self.seen.lock().expect("the screen");
        assert!(!seen.parser.screen().alternate_screen(), "the alternate screen is still there");
        assert!(!seen.parser.screen().hide_cursor(), "the cursor is hidden");
        drop(seen);
        let settings = nix::sys::termios::tcgetattr(&self.slave).expect("the terminal's settings");
        use nix::sys::termios::LocalFlags;
        assert!(settings.local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO), "still in raw mode");
        assert!(self.slave.as_raw_fd() >= 0);
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_student_plays_looks_back_rewinds_and_leaves() {
    let _turn = alone();
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        let before = Machine::now();
        let mut tty = Tty::start(columns, rows, &["learn", "build-a-container"], &[]);
        tty.wait_for("LIVE");
        tty.wait_for("Enter: run it");
        for step in 1..=5 {
            tty.press("\r");
            tty.wait_for("Enter: go on");
            tty.press("\r");
            tty.wait_for(&format!("{}/28", step + 1));
        }
        tty.press("\u{1b}[D");
        tty.wait_for("LOOKING BACK");
        tty.wait_for("5/28");
        tty.press("h");
        tty.wait_for("4/28");
        tty.press("\u{1b}");
        tty.wait_for("LIVE");
        tty.press("u");
        tty.wait_for("Rewind to before");
        tty.press("\r");
        tty.wait_for("5/28");
        tty.wait_for("Enter: run it");
        tty.press("?");
        tty.wait_for("any key closes");
        tty.press("x");
        tty.press("q");
        tty.wait_for("Take it down");
        tty.press("q");
        tty.wait_for("as it was");
        tty.press("q");
        assert!(tty.wait_end().success());
        tty.assert_is_back();
        before.assert_comes_back();
    }
}

#[test]
fn the_catalogue_opens_a_lesson_and_remembers_where_the_learner_left() {
    let _turn = alone();
    let state = tempfile::tempdir().expect("a directory");
    let place = state.path().to_string_lossy().into_owned();
    let mut tty = Tty::start(80, 24, &[], &[("XDG_STATE_HOME", &place)]);
    tty.wait_for("Build a container by hand");
    tty.press("j");
    tty.press("\r");
    tty.wait_for("Enter: run it");
    tty.press("\r");
    tty.wait_for("Enter: go on");
    tty.press("q");
    tty.wait_for("Take it down");
    tty.press("y");
    tty.wait_for("as it was");
    tty.press("q");
    assert!(tty.wait_end().success());
    let mut again = Tty::start(80, 24, &[], &[("XDG_STATE_HOME", &place)]);
    again.wait_for("at 1/28");
    again.press("j\r");
    again.wait_for("Replay them");
    again.press("\r");
    again.wait_for("2/28");
    again.press("q");
    again.wait_for("Take it down");
    again.press("y");
    again.wait_for("as it was");
    again.press("q");
    assert!(again.wait_end().success());
}

#[test]
fn signals_give_the_terminal_back_and_take_the_lab_down() {
    let _turn = alone();
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
        let before = Machine::now();
        let mut tty = Tty::start(80, 24, &["learn", "build-a-container"], &[]);
        tty.wait_for("Enter: run it");
        tty.signal(signal);
        tty.wait_end();
        tty.assert_is_back();
        before.assert_comes_back();
    }
}

#[test]
fn ctrl_z_suspends_and_fg_comes_back() {
    let _turn = alone();
    let mut tty = Tty::start(80, 24, &["learn", "build-a-container"], &[]);
    tty.wait_for("Enter: run it");
    tty.press("\u{1a}");
    let deadline = Instant::now() + Duration::from_secs(5);
    while tty.state() != 'T' {
        assert!(Instant::now() < deadline, "it does not stop: {}", tty.state());
        std::thread::sleep(Duration::from_millis(10));
    }
    tty.assert_is_back();
    tty.signal(Signal::SIGCONT);
    tty.wait_for("Enter: run it");
    assert!(tty.seen.lock().expect("the screen").parser.screen().alternate_screen());
    tty.press("qy");
    tty.wait_for("as it was");
    tty.press("q");
    assert!(tty.wait_end().success());
    tty.assert_is_back();
}

#[test]
fn a_tiny_terminal_says_what_is_needed_and_loses_nothing() {
    let _turn = alone();
    let mut tty = Tty::start(80, 24, &["learn", "build-a-container"], &[]);
    tty.wait_for("Enter: run it");
    tty.press("\r");
    tty.wait_for("Enter: go on");
    tty.resize(40, 10);
    tty.wait_for("needs 60x15");
    tty.resize(120, 40);
    tty.wait_for("Enter: go on");
    tty.press("qy");
    tty.wait_for("as it was");
    tty.press("q");
    assert!(tty.wait_end().success());
}

#[test]
fn without_colour_the_selection_is_still_seen() {
    let _turn = alone();
    let mut tty = Tty::start(80, 24, &[], &[("NO_COLOR", "1")]);
    tty.wait_for("Build a container by hand");
    tty.press("q");
    assert!(tty.wait_end().success());
    let seen = tty.seen.lock().expect("the screen");
    let raw = String::from_utf8_lossy(&seen.raw).into_owned();
    assert!(raw.contains("\u{1b}[7m"), "no reverse video");
    let colours = ["[31m", "[32m", "[33m", "[34m", "[35m", "[36m", "[38;", "[48;"];
    let found: Vec<&&str> = colours.iter().filter(|code| raw.contains(&format!("\u{1b}{code}"))).collect();
    assert!(found.is_empty(), "{found:?} in spite of NO_COLOR");
}
