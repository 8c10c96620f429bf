//! The program behind a relay that owns its terminal, as tmux, sudo's pty, ssh and `docker exec` do, and that is killed.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use unboxed::kernel::load;
use unboxed::observe::processes::{process_tree, read_stat};

use crate::common::{self, Machine, alone};
use crate::terminal::OnTerminal;

/// Everything below a relay, each process with the time of its start: pids are used again.
fn below(relay: u32) -> Vec<(u32, u64)> {
    let all = process_tree(Path::new("/proc"), relay, &[]);
    let below = all.into_iter().filter(|(pid, _)| *pid != relay);
    below.map(|(pid, stat)| (pid, stat.start_time)).collect()
}

/// Those of them that still do something.
fn left(family: &[(u32, u64)]) -> Vec<(u32, String)> {
    let alive = family.iter().filter_map(|(pid, start)| {
        let stat = read_stat(&Path::new("/proc").join(pid.to_string()))?;
        let is_same = stat.start_time == *start && stat.state != 'Z' && stat.state != 'X';
        is_same.then_some((*pid, stat.comm))
    });
    alive.collect()
}

/// Kill a relay, and wait until program, keeper and lab are gone: they hear of it by their terminal alone.
#[track_caller]
fn kill_relay(relay: u32) {
    let family = below(relay);
    let is_whole = left(&family).iter().any(|(_, comm)| comm == "unboxed: keeper");
    assert!(is_whole, "no lab is up: {:?}", left(&family));
    kill(Pid::from_raw(i32::try_from(relay).expect("a pid")), Signal::SIGKILL).expect("a signal");

    let deadline = Instant::now() + load::stretched(Duration::from_secs(10));
    while !left(&family).is_empty() {
        assert!(Instant::now() < deadline, "these outlive their terminal: {:?}", left(&family));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_relay_that_is_killed_takes_program_and_lab_along() {
    let _turn = alone();
    let before = Machine::now();
    let program = common::program().display().to_string();
    for command in
        [format!("{program} learn 1 --way show"), format!("setsid -w {program} learn 1 --way show")]
    {
        let script = ["script", "-qec", command.as_str(), "/dev/null"];
        let mut screen = OnTerminal::start_command(&script, (80, 24));
        screen.wait_for("Enter: run it");
        kill_relay(screen.id());
        drop(screen);
        before.assert_comes_back();
    }
}

#[test]
fn a_multiplexer_that_is_killed_takes_program_and_lab_along() {
    let _turn = alone();
    if Command::new("tmux").arg("-V").output().is_err() {
        common::skip("tmux is not installed");
        return;
    }
    let home = tempfile::tempdir().expect("a home");
    let before = Machine::now();
    let name = format!("unboxed-death-{}", std::process::id());
    let tmux = |arguments: &[&str]| {
        let mut command = Command::new("tmux");
        command.args(["-L", &name, "-u", "-f", "/dev/null"]).args(arguments);
        command.env("HOME", home.path()).env("TMUX_TMPDIR", home.path()).env_remove("TMUX");
        command.env_remove("XDG_RUNTIME_DIR").env_remove("XDG_STATE_HOME");
        let output = command.output().expect("tmux is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let program = common::program().display().to_string();
    tmux(&["new-session", "-d", "-x", "80", "-y", "24", &program, "learn", "1", "--way", "show"]);
    let server = tmux(&["display-message", "-p", "#{pid}"]);
    let server: u32 = server.trim().parse().expect("a pid");

    let deadline = Instant::now() + load::stretched(Duration::from_secs(30));
    while !tmux(&["capture-pane", "-p"]).contains("Enter: run it") {
        assert!(Instant::now() < deadline, "{}", tmux(&["capture-pane", "-p"]));
        std::thread::sleep(Duration::from_millis(50));
    }
    kill_relay(server);
    before.assert_comes_back();
}

#[test]
fn the_end_of_the_terminal_of_input_alone_ends_the_program() {
    let _turn = alone();
    let before = Machine::now();
    let pty = nix::pty::openpty(None, None).expect("a pseudo-terminal");
    let flag = nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC);
    nix::fcntl::fcntl(&pty.master, flag).expect("a flag is set");
    let name = nix::unistd::ttyname(&pty.slave).expect("its name").display().to_string();

    let program = common::program().display().to_string();
    let script = format!("exec {program} learn 1 --way show <{name}");
    let mut screen = OnTerminal::start_command(&["setsid", "sh", "-c", &script], (80, 24));
    screen.wait_for("Enter: run it");
    drop(pty);
    let status = screen.wait_for_end("a program without input");
    assert!(status.success(), "{status}");
    before.assert_comes_back();
}
