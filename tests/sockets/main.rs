//! Sockets and files in a user's own places: whose they are, what stands in their way, and what of a lab's shell reaches a terminal.

#[path = "../common/mod.rs"]
mod common;

mod files;
mod places;
mod shell;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Command, Stdio};

use common::tty::Tty;
use common::{alone, is_root};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, connect, listen, socket,
};
use places::{Lab, OTHER, Places, as_other, give, names, printed};

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
    shell
        .stdin
        .take()
        .expect("its input")
        .write_all(b"echo in-$((1+1)); exit\n")
        .expect("it reads");
    let output = shell.wait_with_output().expect("its output");
    assert!(printed(&output).contains("in-2"), "{output:?}");
    drop(lab);
    assert_eq!(names(&run.join("unboxed")), BTreeSet::new());
}

#[test]
fn without_a_home_that_can_be_written_a_lab_is_found_and_nothing_is_left() {
    let _turn = alone();
    if !is_root() {
        return;
    }
    let places = Places::new();
    fs::set_permissions(places.dir.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    let directory = Path::new("/tmp").join(format!("unboxed-{OTHER}"));
    for home in [None, Some("/nonexistent"), Some("/dev/null")] {
        let homeless = || {
            let mut command = as_other(places.dir.path());
            command.env_remove("HOME").env_remove("XDG_RUNTIME_DIR").env_remove("XDG_STATE_HOME");
            command.envs(home.map(|home| ("HOME", home)));
            command
        };
        let lab = Lab::start(homeless());
        assert_eq!(names(&directory), BTreeSet::from([lab.socket()]), "{home:?}");
        let found = fs::metadata(&directory).expect("it is there");
        assert_eq!((found.uid(), found.mode() & 0o777), (OTHER, 0o700));

        let mut shell = homeless();
        let mut shell = shell
            .arg("shell")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let typed = b"echo in-$((1+1)); exit\n";
        shell.stdin.take().expect("its input").write_all(typed).expect("it reads");
        let output = shell.wait_with_output().expect("its output");
        assert!(printed(&output).contains("in-2"), "{home:?}: {output:?}");
        drop(lab);
        assert!(!directory.exists(), "{home:?}");
    }

    // Another user's in its place is not used.
    fs::create_dir(&directory).expect("made");
    drop(Lab::start({
        let mut command = as_other(places.dir.path());
        command.env_remove("HOME").env_remove("XDG_RUNTIME_DIR").env_remove("XDG_STATE_HOME");
        command
    }));
    let left = names(&directory);
    fs::remove_dir(&directory).expect("it is as it was");
    assert_eq!(left, BTreeSet::new());
}

#[test]
fn what_is_in_the_place_of_the_directory_is_refused_by_servers_and_clients() {
    let _turn = alone();
    let places = Places::new();
    let elsewhere = places.dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    symlink(&elsewhere, places.sockets()).expect("a link");
    places.assert_refused(&[], "run/unboxed is a link");
    // A lab goes on without its socket.
    let lab = Lab::start(places.unboxed());
    assert_eq!(names(&elsewhere), BTreeSet::new());
    drop(lab);
    let clean = places.unboxed().arg("clean").output().expect("it starts");
    assert!(
        printed(&clean).contains("left alone:") && printed(&clean).contains("is a link"),
        "{clean:?}"
    );
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
            .args([
                "--reuid",
                &other,
                "--regid",
                &other,
                "--clear-groups",
                "/usr/bin/python3",
                "-c",
                LISTEN,
            ])
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
        assert!(
            printed(&clean).contains(&format!("removed {}", socket.display())),
            "its server is gone: {clean:?}"
        );
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
            .args([
                "--reuid",
                "64002",
                "--regid",
                "64002",
                "--clear-groups",
                "sh",
                "-c",
                "echo up; read line",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv is there");
        other
            .stdout
            .take()
            .expect("its output")
            .read_exact(&mut [0; 3])
            .expect("it has become another");
        places.assert_refused(
            &["--of", &other.id().to_string()],
            "belongs to uid 64002, and this is root",
        );
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
    assert!(
        printed(&clean).contains(&format!("removed {}", places.sockets().join(socket).display())),
        "{clean:?}"
    );
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
    for (left, why) in
        [("lab-1.sock", "no socket"), ("lab-2.sock", "EPROTOTYPE"), ("lab-4.sock", "no socket")]
    {
        let is_said = text
            .lines()
            .any(|line| line.contains("left alone") && line.contains(left) && line.contains(why));
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
