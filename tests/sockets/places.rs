//! A user's own places, made for a test: a home, a runtime directory, and the programs that run in them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::common::{self, unboxed};

/// Somebody else, in tests that root runs.
pub const OTHER: u32 = 64002;
pub const LESSON: &str = "what-is-a-container";

/// A home and a runtime directory of one's own.
pub struct Places {
    pub dir: tempfile::TempDir,
}

impl Places {
    pub fn new() -> Places {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["home", "run"] {
            fs::create_dir(dir.path().join(name)).expect("made");
        }
        Places { dir }
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Where sockets are.
    pub fn sockets(&self) -> PathBuf {
        self.dir.path().join("run/unboxed")
    }

    pub fn state(&self) -> PathBuf {
        self.home().join(".local/state/unboxed")
    }

    pub fn unboxed(&self) -> Command {
        self.surround(unboxed())
    }

    pub fn surround(&self, mut command: Command) -> Command {
        command
            .env("HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.dir.path().join("run"))
            .env_remove("XDG_STATE_HOME");
        command
    }

    /// `unboxed shell`, in which this is typed.
    pub fn shell(&self, arguments: &[&str], typed: &str) -> Output {
        let mut command = self.unboxed();
        command
            .arg("shell")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("unboxed starts");
        // One that is refused may be gone before it reads.
        let _ = child.stdin.take().expect("its input").write_all(typed.as_bytes());
        child.wait_with_output().expect("its output")
    }

    #[track_caller]
    pub fn assert_refused(&self, arguments: &[&str], why: &str) {
        let refused = self.shell(arguments, "");
        assert!(
            !refused.status.success() && said(&refused).contains(why),
            "no `{why}`: {refused:?}"
        );
    }

    pub fn listing(&self) -> BTreeSet<String> {
        names(&self.sockets())
    }
}

pub fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `unboxed run --hold`: a lab that lets shells in until this is dropped.
pub struct Lab {
    pub child: Child,
}

impl Lab {
    pub fn start(mut command: Command) -> Lab {
        command
            .args(["run", LESSON, "--until", "1", "--hold"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("unboxed starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        assert!(
            lines.any(|line| line.is_ok_and(|line| line.contains("is up until"))),
            "no lab comes up"
        );
        // What it prints at its end has to go somewhere.
        std::thread::spawn(move || lines.count());
        Lab { child }
    }

    pub fn socket(&self) -> String {
        format!("lab-{}.sock", self.child.id())
    }

    pub fn kill(mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("its end");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The program where anybody may run it, as somebody else.
pub fn as_other(dir: &Path) -> Command {
    let copy = common::copy_program(dir);
    let mut command = Command::new("setpriv");
    let other = OTHER.to_string();
    command.args(["--reuid", &other, "--regid", &other, "--clear-groups"]).arg(copy);
    command
}

pub fn give(path: &Path, uid: u32) {
    chown(path, Some(uid), Some(uid)).expect("root may");
}
