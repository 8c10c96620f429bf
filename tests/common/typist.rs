//! A shell of a lab, typed at through its terminal.

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout};

/// A shell of the lab, typed at through its terminal.
pub struct Typist {
    terminal: std::fs::File,
    pub heard: String,
}

impl Typist {
    /// At a terminal's master side.
    pub fn at(master: impl Into<OwnedFd>) -> Typist {
        Typist { terminal: std::fs::File::from(master.into()), heard: String::new() }
    }

    pub fn type_line(&mut self, line: &str) {
        self.terminal.write_all(format!("{line}\r").as_bytes()).expect("the terminal takes keys");
    }

    pub fn press(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Read on until the shell has printed a text.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        // A gigabyte is filled before a hog ends: that takes long where a CPU is emulated by a busy machine.
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut buffer = [0; 4096];
        while !self.heard.contains(text) {
            let left = deadline.saturating_duration_since(Instant::now()).as_millis() as i32;
            let mut ready = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
            let timeout = PollTimeout::try_from(left).expect("a time");
            let stirred = nix::poll::poll(&mut ready, timeout).expect("poll works");
            assert!(stirred > 0, "no `{text}` in {:?}", self.heard);
            let count = self.terminal.read(&mut buffer).unwrap_or(0);
            assert!(count > 0, "the shell is gone: {:?}", self.heard);
            self.heard.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    }

    /// What a command prints.
    #[track_caller]
    pub fn ask(&mut self, command: &str) -> String {
        self.heard.clear();
        self.type_line(&format!("echo \"<-$({command})->\""));
        self.wait_for("->\r\n");
        if self.heard.matches("->").count() < 2 {
            // That was the echo of what was typed.
            let echo = self.heard.find("->").map_or(0, |at| at + 2);
            self.heard.drain(..echo);
            self.wait_for("->");
        }
        let answer = self.heard.rsplit("<-").next().unwrap_or_default();
        answer.split("->").next().unwrap_or_default().trim().to_owned()
    }

    #[track_caller]
    pub fn check(&mut self, line: &str, says: &str) {
        self.heard.clear();
        self.type_line(line);
        self.wait_for(says);
    }
}
