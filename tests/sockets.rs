//! Sockets and files in a user's own places: whose they are, what stands in their way, and what of a lab's shell reaches a terminal.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use common::tty::Tty;
use common::{alone, is_root, program, unboxed};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, connect, listen, socket};
use nix::unistd::Pid;

/// Somebody else, in tests that root runs.
const OTHER: u32 = 64002;
const LESSON: &str = "what-is-a-container";

/// A home and a runtime directory of one's own.
struct Places {
    dir: tempfile::TempDir,
}

impl Places {
    fn new() -> Places {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["home", "run"] {
            fs::create_dir(dir.path().join(name)).expect("made");
        }
        Places { dir }
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Where sockets are.
    fn sockets(&self) -> PathBuf {
        self.dir.path().join("run/unboxed")
    }

    fn state(&self) -> PathBuf {
        self.home().join(".local/state/unboxed")
    }

    fn unboxed(&self) -> Command {
        self.surround(unboxed())
    }

    fn surround(&self, mut command: Command) -> Command {
        command
            .env("HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.dir.path().join("run"))
            .env_remove("XDG_STATE_HOME");
        command
    }

    /// `unboxed shell`, in which this is typed.
    fn shell(&self, arguments: &[&str], typed: &str) -> Output {
        let mut command = self.unboxed();
        command.arg("shell").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("unboxed starts");
        // One that is refused may be gone before it reads.
        let _ = child.stdin.take().expect("its input").write_all(typed.as_bytes());
        child.wait_with_output().expect("its output")
    }

    #[track_caller]
    fn assert_refused(&self, arguments: &[&str], why: &str) {
        let refused = self.shell(arguments, "");
        assert!(!refused.status.success() && said(&refused).contains(why), "no `{why}`: {refused:?}");
    }

    fn listing(&self) -> BTreeSet<String> {
        names(&self.sockets())
    }
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `unboxed run --hold`: a lab that lets shells in until this is dropped.
struct Lab {
    child: Child,
}

impl Lab {
    fn start(mut command: Command) -> Lab {
        command.args(["run", LESSON, "--until", "1", "--hold"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("unboxed starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        assert!(lines.any(|line| line.is_ok_and(|line| line.contains("is up until"))), "no lab comes up");
        // What it prints at its end has to go somewhere.
        std::thread::spawn(move || lines.count());
        Lab { child }
    }

    fn socket(&self) -> String {
        format!("lab-{}.sock", self.child.id())
    }

    fn kill(mut self) {
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
fn as_other(dir: &Path) -> Command {
    let copy = dir.join("unboxed-copy");
    if !copy.exists() {
        fs::copy(program(), &copy).expect("copied");
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).expect("permissions");
    }
    let mut command = Command::new("setpriv");
    let other = OTHER.to_string();
    command.args(["--reuid", &other, "--regid", &other, "--clear-groups"]).arg(copy);
    command
}

fn give(path: &Path, uid: u32) {
    chown(path, Some(uid), Some(uid)).expect("root may");
}

#[test]
fn however_long_the_way_to_it_is_a_lab_is_found_and_closed_to_others() {
    let _turn = alone();
    let places = Places::new();
    let run = places.dir.path().join("run").join("long".repeat(60));
    fs::create_dir(&run).expect("made");
    let mut command = places.unboxed();
    command.env("XDG_RUNTIME_DIR", &run);
    let lab = Lab::start(command);
    let socket = run.join("unboxed").join(lab.socket());
    assert!(socket.as_os_str().len() > 108, "longer than an address of a socket may be");
    let mode = |path: &Path| fs::symlink_metadata(path).expect("it is there").mode() & 0o777;
    assert_eq!((mode(&run.join("unboxed")), mode(&socket)), (0o700, 0o600));

    let mut shell = places.unboxed();
    shell.arg("shell").env("XDG_RUNTIME_DIR", &run).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut shell = shell.spawn().expect("unboxed starts");
    shell.stdin.take().expect("its input").write_all(b"echo in-$((1+1)); exit\n").expect("it reads");
    let output = shell.wait_with_output().expect("its output");
    assert!(printed(&output).contains("in-2"), "{output:?}");
    drop(lab);
    assert_eq!(names(&run.join("unboxed")), BTreeSet::new());
}

#[test]
fn what_is_in_the_place_of_the_directory_is_refused_by_servers_and_clients() {
    let _turn = alone();
    let places = Places::new();
    let elsewhere = places.dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    symlink(&elsewhere, places.sockets()).expect("a link");
    places.assert_refused(&[], "run/unboxed is a link");
    // A lab goes on without a door.
    let lab = Lab::start(places.unboxed());
    assert_eq!(names(&elsewhere), BTreeSet::new());
    drop(lab);
    let clean = places.unboxed().arg("clean").output().expect("it starts");
    assert!(printed(&clean).contains("left alone:") && printed(&clean).contains("is a link"), "{clean:?}");
    fs::remove_file(places.sockets()).expect("the link");

    // Ours, but open to all: it is closed before anything is in it.
    fs::create_dir(places.sockets()).expect("made");
    fs::set_permissions(places.sockets(), fs::Permissions::from_mode(0o777)).expect("permissions");
    drop(Lab::start(places.unboxed()));
    assert_eq!(fs::metadata(places.sockets()).expect("it is there").mode() & 0o777, 0o700);

    if is_root() {
        give(&places.sockets(), OTHER);
        places.assert_refused(&[], "run/unboxed belongs to uid 64002, and this is root");
        let lab = Lab::start(places.unboxed());
        assert_eq!(places.listing(), BTreeSet::new());
        drop(lab);
    }
}

/// Serves at a socket as somebody else, and tells what it hears.
const LISTEN: &str = "import socket,sys\n\
    s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print('up', flush=True)\n\
    c,_=s.accept(); c.settimeout(10); print('heard', c.recv(10), flush=True)";

#[test]
fn a_client_says_nothing_to_a_server_of_somebody_else() {
    if !is_root() {
        return; // Only root can put another's socket into a directory of its own.
    }
    let _turn = alone();
    for (name, command) in [("lab-77777.sock", "shell"), ("talk-77777.sock", "watch")] {
        let places = Places::new();
        fs::create_dir(places.sockets()).expect("made");
        for path in [places.dir.path(), &places.dir.path().join("run"), &places.sockets()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("permissions");
        }
        let socket = places.sockets().join(name);
        let other = OTHER.to_string();
        let mut server = Command::new("setpriv")
            .args(["--reuid", &other, "--regid", &other, "--clear-groups", "/usr/bin/python3", "-c", LISTEN])
            .arg(&socket)
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv is there");
        let mut lines = BufReader::new(server.stdout.take().expect("its output")).lines();
        assert_eq!(lines.next().expect("a line").expect("text"), "up");

        let run = places.dir.path().join("run");
        let ask = |why: &str| {
            let run = run.to_string_lossy().into_owned();
            let mut tty = Tty::start(120, 24, &[command], &[("XDG_RUNTIME_DIR", &run)]);
            tty.wait_for(why);
            assert!(!tty.wait_end().success());
        };
        ask("it belongs to uid 64002");
        // Even with a name that root made.
        give(&socket, 0);
        ask("uid 64002 serves there: nothing is sent");
        assert_eq!(lines.next().expect("a line").expect("text"), "heard b''");
        server.wait().expect("its end");
        let clean = places.unboxed().arg("clean").output().expect("it starts");
        assert!(printed(&clean).contains(&format!("removed {}", socket.display())), "its server is gone: {clean:?}");
    }
}

#[test]
fn a_process_that_can_not_be_joined_is_told_apart() {
    let places = Places::new();
    places.assert_refused(&["--of", "999999999"], "there is no process 999999999");
    places.assert_refused(&["--of", &std::process::id().to_string()], "lets no shells into a lab");
    places.assert_refused(&[], "no lab is running as ");
    if is_root() {
        let mut other = Command::new("setpriv")
            .args(["--reuid", "64002", "--regid", "64002", "--clear-groups", "sh", "-c", "echo up; read line"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv is there");
        other.stdout.take().expect("its output").read_exact(&mut [0; 3]).expect("it has become another");
        places.assert_refused(&["--of", &other.id().to_string()], "belongs to uid 64002, and this is root");
        drop(other.stdin.take());
        other.wait().expect("its end");
    } else if fs::metadata("/proc/1").is_ok_and(|init| init.uid() == 0) {
        places.assert_refused(&["--of", "1"], "process 1 belongs to root, and this is uid");
    }
}

#[test]
fn sockets_of_the_dead_are_swept_by_clean_and_by_the_next_start() {
    let _turn = alone();
    let places = Places::new();
    let lab = Lab::start(places.unboxed());
    let socket = lab.socket();
    lab.kill();
    assert_eq!(places.listing(), BTreeSet::from([socket.clone()]));
    let clean = places.unboxed().arg("clean").output().expect("it starts");
    assert!(printed(&clean).contains(&format!("removed {}", places.sockets().join(socket).display())), "{clean:?}");
    assert_eq!(places.listing(), BTreeSet::new());

    Lab::start(places.unboxed()).kill();
    let lab = Lab::start(places.unboxed());
    assert_eq!(places.listing(), BTreeSet::from([lab.socket()]));
    // Nobody is in the way of who lives.
    let clean = places.unboxed().arg("clean").output().expect("it starts");
    assert!(!printed(&clean).contains("lab-"), "{clean:?}");
    assert!(printed(&places.shell(&[], "echo in-$((1+1)); exit\n")).contains("in-2"));
}

#[test]
fn only_what_is_surely_dead_and_ours_is_removed() {
    let _turn = alone();
    let places = Places::new();
    fs::create_dir(places.sockets()).expect("made");
    let at = |name: &str| places.sockets().join(name);
    fs::write(at("lab-1.sock"), "precious").expect("a file");
    let _datagrams = UnixDatagram::bind(at("lab-2.sock")).expect("a socket");
    let busy = UnixListener::bind(at("lab-3.sock")).expect("a socket");
    let mut waiting = Vec::new();
    listen(&busy, Backlog::new(0).expect("a number")).expect("it is made short");
    loop {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let one = socket(AddressFamily::Unix, SockType::Stream, flags, None).expect("a socket");
        match connect(one.as_raw_fd(), &UnixAddr::new(&at("lab-3.sock")).expect("an address")) {
            Err(Errno::EAGAIN) => break,
            other => other.expect("it connects"),
        }
        waiting.push(one);
        assert!(waiting.len() < 100, "it is never full");
    }
    drop(UnixListener::bind(places.dir.path().join("dead")).expect("a socket"));
    symlink(places.dir.path().join("dead"), at("lab-4.sock")).expect("a link");
    let closed = UnixListener::bind(at("lab-7.sock")).expect("a socket");
    fs::set_permissions(at("lab-7.sock"), fs::Permissions::from_mode(0o000)).expect("permissions");
    fs::write(at("other.sock"), "").expect("a file");
    let keep = places.listing();
    for dead in ["lab-5.sock", "talk-6.sock", "lab-999999999.sock"] {
        drop(UnixListener::bind(at(dead)).expect("a socket"));
    }

    let clean = places.unboxed().arg("clean").output().expect("it starts");
    let text = printed(&clean);
    for dead in ["lab-5.sock", "talk-6.sock", "lab-999999999.sock"] {
        assert!(text.contains(&format!("removed {}", at(dead).display())), "{dead}: {text}");
    }
    for (left, why) in [("lab-1.sock", "no socket"), ("lab-2.sock", "EPROTOTYPE"), ("lab-4.sock", "no socket")] {
        let is_said = text.lines().any(|line| line.contains("left alone") && line.contains(left) && line.contains(why));
        assert!(is_said, "{left}: {text}");
    }
    assert_eq!(places.listing(), keep);
    assert!(places.dir.path().join("dead").exists(), "what a link leads to is not ours to remove");
    places.assert_refused(&["--of", "3"], "process 3 does not answer");
    if !is_root() {
        places.assert_refused(&["--of", "7"], "EACCES");
    }
    drop(Lab::start(places.unboxed()));
    assert_eq!(places.listing(), keep, "nor does a start remove more");
    drop(closed);
}

#[test]
fn a_link_in_the_place_of_a_file_costs_its_target_nothing() {
    let places = Places::new();
    let precious = places.dir.path().join("precious");
    fs::write(&precious, "precious").expect("a file");
    fs::create_dir_all(places.state()).expect("made");
    symlink(&precious, places.state().join("progress.lock")).expect("a link");
    let reset = places.unboxed().args(["progress", "reset"]).output().expect("it starts");
    assert!(!reset.status.success() && said(&reset).contains("progress.lock is a link"), "{reset:?}");
    fs::remove_file(places.state().join("progress.lock")).expect("the link");

    symlink(&precious, places.state().join("progress.json")).expect("a link");
    let reset = places.unboxed().args(["progress", "reset"]).output().expect("it starts");
    assert!(said(&reset).contains("it is kept as"), "{reset:?}");
    assert_eq!(fs::read_link(places.state().join("progress.json.aside-1")).expect("the link"), precious);

    // Copied text.
    fs::create_dir(places.sockets()).expect("made");
    symlink(&precious, places.sockets().join("copied.txt")).expect("a link");
    let run = places.dir.path().join("run").to_string_lossy().into_owned();
    let mut tty = Tty::start(120, 24, &["learn", LESSON, "--tape"], &[("XDG_RUNTIME_DIR", &run)]);
    tty.wait_for("TAPE");
    tty.press("y");
    tty.wait_for("and written to");
    assert!(fs::symlink_metadata(places.sockets().join("copied.txt")).expect("it is there").is_file());
    assert_eq!(fs::read_to_string(&precious).expect("still there"), "precious");
}

#[test]
fn a_lock_that_somebody_holds_ends_in_a_sentence_and_holds_up_nothing() {
    let _turn = alone();
    let places = Places::new();
    fs::create_dir_all(places.state()).expect("made");
    let lock = fs::File::create(places.state().join("progress.lock")).expect("a file");
    let _lock = Flock::lock(lock, FlockArg::LockExclusive).expect("a lock");
    let mut command = places.surround(Command::new("timeout"));
    let reset = command.arg("30").arg(program()).args(["progress", "reset"]).output().expect("timeout is there");
    let why = format!("has been locked for 2 seconds by process {}", std::process::id());
    assert!(!reset.status.success() && said(&reset).contains(&why), "{reset:?}");
    assert!(places.unboxed().arg("progress").output().expect("it starts").status.success(), "reading needs no lock");

    let state = places.home().join(".local/state").to_string_lossy().into_owned();
    let mut tty = Tty::start(120, 24, &["learn", LESSON], &[("XDG_STATE_HOME", &state)]);
    tty.wait_for("Enter: run it");
    tty.press("\r");
    tty.wait_for("Enter: go on");
    tty.press("qy");
    tty.wait_for("as it was");
    tty.press("q");
    tty.wait_end();
    assert!(tty.screen().contains("progress is not kept"), "{}", tty.screen());
    tty.assert_is_back();
    assert_eq!(names(&places.state()), BTreeSet::from(["progress.lock".to_owned()]));
}

#[test]
fn root_in_somebody_elses_home_leaves_nothing_there() {
    if !is_root() {
        return;
    }
    let _turn = alone();
    let places = Places::new();
    let own = places.dir.path().join("root");
    fs::create_dir(&own).expect("made");
    for path in [places.home(), places.dir.path().join("run")] {
        give(&path, OTHER);
    }
    // Root's home by the account is another for what runs in here.
    let accounts = places.dir.path().join("passwd");
    fs::write(&accounts, format!("root:x:0:0:root:{}:/bin/sh\n", own.display())).expect("a file");
    let as_root = |state: Option<&Path>| {
        let mut command = places.surround(Command::new("unshare"));
        command.args(["--mount", "sh", "-c", "mount --bind \"$1\" /etc/passwd && shift && exec \"$@\"", "sh"]);
        command.arg(&accounts).arg(program());
        command.envs(state.map(|state| ("XDG_STATE_HOME", state)));
        command
    };
    for state in [None, Some(places.home().join("state"))] {
        let reset = as_root(state.as_deref()).args(["progress", "reset"]).output().expect("unshare is there");
        assert!(said(&reset).contains("nothing to forget"), "{reset:?}");
        assert_eq!(names(&places.home()), BTreeSet::new());
        let kept = own.join(".local/state/unboxed");
        assert!(kept.join("progress.json").exists(), "root's own place is used");
        fs::remove_dir_all(own.join(".local")).expect("removed");
    }
    let lab = Lab::start(as_root(None));
    assert_eq!(names(&own.join(".local/state/unboxed")), BTreeSet::from([lab.socket()]));
    assert_eq!((names(&places.home()), names(&places.dir.path().join("run"))), (BTreeSet::new(), BTreeSet::new()));
}

#[test]
fn what_root_left_in_a_users_home_is_said_or_worked_around() {
    if !is_root() {
        return;
    }
    let places = Places::new();
    let run = |arguments: &[&str]| {
        let command = as_other(places.dir.path());
        places.surround(command).env_remove("XDG_RUNTIME_DIR").args(arguments).output().expect("setpriv is there")
    };
    for path in [places.home(), places.home().join(".local"), places.home().join(".local/state")] {
        fs::create_dir_all(&path).expect("made");
        give(&path, OTHER);
    }

    // An older version, as root, made the directory.
    fs::create_dir(places.state()).expect("made");
    let kept = r#"{"format":2,"lessons":{"build-a-container":{"played":3}}}"#;
    fs::write(places.state().join("progress.json"), kept).expect("a file");
    for command in [["progress"].as_slice(), &["progress", "reset"], &["shell"]] {
        let output = run(command);
        assert!(said(&output).contains("belongs to root, and this is uid 64002"), "{command:?}: {output:?}");
    }

    // Or files in it.
    give(&places.state(), OTHER);
    fs::write(places.state().join("progress.lock"), "").expect("a file");
    let reset = run(&["progress", "reset", "build-a-container"]);
    assert!(reset.status.success(), "{reset:?}");
    assert_eq!(fs::metadata(places.state().join("progress.json")).expect("it is there").uid(), OTHER);

    // What can't be read is not lost.
    fs::write(places.state().join("secret"), kept).expect("a file");
    fs::set_permissions(places.state().join("secret"), fs::Permissions::from_mode(0o600)).expect("permissions");
    fs::rename(places.state().join("secret"), places.state().join("progress.json")).expect("renamed");
    let reset = run(&["progress", "reset"]);
    assert!(!reset.status.success() && said(&reset).contains("could not read"), "{reset:?}");
    assert_eq!(fs::read_to_string(places.state().join("progress.json")).expect("still there"), kept);
}

#[test]
fn a_shell_colours_the_real_terminal_but_neither_names_it_nor_asks_it() {
    let _turn = alone();
    let places = Places::new();
    let lab = Lab::start(places.unboxed());
    const PRINT: &str =
        "printf 'a\\033]0;evil\\007\\033]52;c;aGk=\\007\\033]11;?\\033\\\\\\033P$qm\\033\\\\\\033[c\\033[6nb\\n'\n";
    let output = places.shell(&[], &format!("{PRINT}printf '\\033[31mred\\033[0m\\n'; exit\n"));
    let text = printed(&output);
    assert!(text.contains("\rab\r\n") && text.contains("\u{1b}[31mred\u{1b}[0m"), "{text:?}");
    assert!(
        !["\u{1b}]", "\u{1b}P", "\u{1b}[c", "\u{1b}[6n"].iter().any(|sequence| text.contains(sequence)),
        "{text:?}"
    );

    // A program that fills the screen works, and one that is killed then leaves nothing of it.
    let run = places.dir.path().join("run").to_string_lossy().into_owned();
    let mut tty = Tty::start(100, 30, &["shell"], &[("XDG_RUNTIME_DIR", &run)]);
    tty.wait_for("can't set this terminal's title");
    tty.wait_for_prompt();
    tty.press("top\r");
    tty.wait_for("load average");
    tty.press("q");
    tty.wait_for_prompt();
    tty.press("printf '\\033[?1049h\\033[?25lfull-%s' $((1+1))\r");
    tty.wait_for("full-2");
    assert!(tty.seen.lock().expect("the screen").parser.screen().alternate_screen());
    tty.press("kill -9 $$\r");
    assert!(tty.wait_end().success());
    tty.assert_is_back();

    // Nor does one that is ended from outside.
    let mut ended = Tty::start(100, 30, &["shell"], &[("XDG_RUNTIME_DIR", &run)]);
    ended.wait_for_prompt();
    ended.press("printf '\\033[?1049h\\033[?25lfull-%s' $((1+1))\r");
    ended.wait_for("full-2");
    ended.signal(Signal::SIGTERM);
    assert!(!ended.wait_end().success());
    ended.assert_is_back();
    let raw = tty.seen.lock().expect("the screen").raw.clone();
    assert!(!raw.windows(2).any(|two| two == b"\x1b]"), "a string came through");
    drop(lab);
}

#[test]
fn a_stopped_lab_is_given_up_on() {
    let _turn = alone();
    let places = Places::new();
    let lab = Lab::start(places.unboxed());
    let pid = Pid::from_raw(i32::try_from(lab.child.id()).expect("a pid"));
    kill(pid, Signal::SIGSTOP).expect("it is ours");
    let asked = places.shell(&[], "");
    kill(pid, Signal::SIGCONT).expect("it is ours");
    assert!(!asked.status.success() && said(&asked).contains("did not answer"), "{asked:?}");
}
