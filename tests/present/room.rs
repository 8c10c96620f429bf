//! The windows of a talk that a test opens, and the hub between them.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use unboxed::wire::Wire;

use crate::common::tty::Tty;

/// Where the windows of one talk find each other.
pub struct Room {
    pub runtime: tempfile::TempDir,
}

impl Room {
    pub fn new() -> Room {
        Room { runtime: tempfile::tempdir().expect("a directory") }
    }

    pub fn open(&self, columns: u16, rows: u16, arguments: &[&str]) -> Tty {
        let runtime = self.runtime.path().to_string_lossy().into_owned();
        Tty::start(columns, rows, arguments, &[("XDG_RUNTIME_DIR", &runtime)])
    }

    /// An audience of 80x24, and a console that drives.
    pub fn begin(&self, lesson: &str) -> (Tty, Tty) {
        let audience = self.open(80, 24, &["present", lesson]);
        audience.wait_for("1 / ");
        let console = self.open(120, 40, &["console"]);
        console.wait_for("RUNS this step");
        (audience, console)
    }

    pub fn socket(&self) -> Option<PathBuf> {
        let entries =
            std::fs::read_dir(self.runtime.path().join("unboxed")).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("/talk-"))
    }

    /// The hub's process.
    pub fn hub(&self) -> i32 {
        let path = self.socket().expect("a socket");
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        name.trim_start_matches("talk-").parse().expect("a pid")
    }

    pub fn connect(&self) -> Wire {
        let stream =
            UnixStream::connect(self.socket().expect("a socket")).expect("the hub listens");
        Wire::from_fd(stream.into())
    }
}

/// Wait until a process is gone, or only its number is left.
#[track_caller]
pub fn wait_until_dead(pid: i32) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let is_alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
    };
    while is_alive() {
        assert!(Instant::now() < deadline, "process {pid} is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}
