//! Talks: an audience's window and a speaker's console on two real terminals, with everything that can happen to them.

#[path = "../common/mod.rs"]
mod common;

mod fit;
mod room;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use common::tty::Tty;
use common::{Machine, alone, is_root, unboxed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use room::{Room, wait_until_dead};
use unboxed::talk::message::{
    DriverRequest, HubToWindow, PROTOCOL_VERSION, WindowRole, WindowToHub,
};

const NEXT: &str = "\u{1b}[6~";
const BACK: &str = "\u{1b}[5~";

#[test]
fn an_instructor_drives_a_talk_and_every_window_can_come_and_go() {
    let _turn = alone();
    let before = Machine::now();
    let room = Room::new();
    let (audience, mut console) = room.begin("build-a-container");
    let hub = room.hub();

    // A step, and a prediction that the kernel decides.
    console.press(NEXT);
    audience.wait_for("looks like the root of a small");
    console.press(NEXT);
    audience.wait_for("mount --make-rprivate /");
    console.press(NEXT);
    audience.wait_for("What will the host's mount table");
    assert!(!audience.screen().contains("RIGHT"), "{}", audience.screen());
    console.wait_for("RUNS this step");
    console.press(NEXT);
    audience.wait_for("RIGHT");
    console.press(NEXT);
    audience.wait_for("tmpfs  shared");

    // Who comes late sees what the others see, at a size of its own.
    let late = room.open(100, 30, &["watch"]);
    late.wait_for("tmpfs  shared");
    late.wait_for("Not one mount came or went.");
    console.wait_for("2 windows, smallest 80x24");

    // The console dies: the first window drives, until a new one comes; nothing is lost.
    console.signal(Signal::SIGKILL);
    audience.wait_for("no console: this window drives");
    let mut console = room.open(80, 24, &["console"]);
    console.wait_for("this console drives the talk");
    console.wait_for("Mounts that stay private: notes, beat 3 of 3");
    let mut second = room.open(80, 24, &["console"]);
    second.wait_for("another console drives");
    second.press(NEXT);
    second.wait_for("another window drives the talk");
    second.press("\u{3}");
    assert!(second.wait_end().success());
    second.assert_is_back();

    // So does the first audience's window.
    audience.signal(Signal::SIGKILL);
    console.wait_for("one window, 100x30");
    let audience = room.open(80, 24, &["watch"]);
    audience.wait_for("tmpfs  shared");

    // Looking back a hundred times, over the question and its answer, runs nothing.
    for _ in 0..100 {
        console.press(BACK);
        console.press(NEXT);
        console.press(NEXT);
    }
    console.wait_for("showing step 2, what came of it");
    console.press(BACK);
    audience.wait_for("What will the host's mount table");
    console.press(NEXT);
    audience.wait_for("RIGHT");
    console.press(NEXT);
    audience.wait_for("tmpfs  shared");
    console.press(NEXT);
    audience.wait_for("It gets five");
    console.wait_for("RUNS this step");
    console.press(NEXT);
    audience.wait_for("Five of its own.");

    // A rewind is a fresh lab with one step less.
    console.press("u");
    console.wait_for("Rewind to before step 3");
    console.press("y");
    audience.wait_for("It gets five");
    console.wait_for("RUNS this step");
    console.press(NEXT);
    audience.wait_for("Five of its own.");
    late.wait_for("in the namespace");
    late.wait_for("Five of its own.");

    console.press("q");
    console.wait_for("It closes 2 other windows.");
    console.press("y");
    console.wait_for("The talk is over.");
    console.wait_for("as it was");
    console.press("x");
    for mut window in [console, audience, late] {
        assert!(window.wait_end().success());
        window.assert_is_back();
    }
    wait_until_dead(hub);
    assert_eq!(room.socket(), None, "the socket is left");
    before.assert_comes_back();
}

#[test]
fn the_speaker_decides_what_the_audience_sees() {
    let _turn = alone();
    let room = Room::new();
    let (audience, mut console) = room.begin("what-is-a-container");
    console.press(NEXT);
    audience.wait_for("+  2 ");
    console.press("B");
    audience.wait_until_gone("unboxed: worker");
    console.wait_for("BLANK");
    console.press("B");
    audience.wait_for("+  2 ");
    // Frozen, the picture stays while the speaker moves on.
    console.press("F");
    console.wait_for("FROZEN");
    console.press(NEXT);
    console.wait_for("Eight kinds of surroundings: notes");
    assert!(audience.screen().contains("+  2 "), "{}", audience.screen());
    console.press("F");
    audience.wait_for("Eight kinds of surroundings");
    // Another pane, over the whole screen, with a row pointed at, and the keys that did it.
    console.press("K1z");
    audience.wait_for("Mounts");
    console.press("L");
    audience.wait_for("<==");
    audience.wait_for("keys: [L]");
    console.press("Kz1");
    audience.wait_until_gone("<==");
    // Disarmed, only Enter runs a step.
    console.press("a");
    console.wait_for("DISARMED");
    console.press(NEXT);
    console.wait_for("disarmed: Enter runs this step");
    console.press("\r");
    audience.wait_for("this table is what lsns");
    // A jump forward plays what lies between.
    console.press("t");
    console.wait_for("Jump to");
    console.press("\u{1b}[Fkk\r");
    console.wait_for("Play all steps before step 7");
    console.press("y");
    audience.wait_for("hostname box");
    console.wait_for("RUNS this step");
    console.press("qy");
    console.wait_for("The talk is over.");
    console.press("x");
}

#[test]
fn the_speaker_turns_to_a_what_if_and_back() {
    let _turn = alone();
    let before = Machine::now();
    let room = Room::new();
    for source in [None, Some("--tape")] {
        let arguments: Vec<&str> =
            ["present", "build-a-container"].into_iter().chain(source).collect();
        let audience = room.open(80, 24, &arguments);
        audience.wait_for("1 / 32");
        let mut console = room.open(120, 40, &["console"]);
        console.wait_for("RUNS this step");
        console.press(NEXT);
        audience.wait_for("looks like the root of a small");
        console.press(NEXT);
        console.wait_for("w: what if? (1)");
        console.press("w");
        audience.wait_for("What if the mounts stay shared?");
        console.wait_for("in a lab beside the talk's own");
        console.press(NEXT);
        audience.wait_for("mnt  tmpfs");
        audience.wait_for("The mount is in the host's table as well.");
        let late = room.open(100, 30, &["watch"]);
        late.wait_for("mnt  tmpfs");
        // The talk's own lab knows nothing of it.
        console.press(NEXT);
        audience.wait_for("Mounts that stay private");
        audience.wait_until_gone("/mnt");
        console.press(NEXT);
        audience.wait_for("What will the host's mount table");
        console.wait_for("RUNS this step");
        console.press(NEXT);
        audience.wait_for("RIGHT");
        console.press(NEXT);
        audience.wait_for("Not one mount came or went.");
        assert!(!audience.screen().contains("/mnt"), "{}", audience.screen());
        console.press("qy");
        console.wait_for("The talk is over.");
        console.press("x");
        for mut window in [console, audience, late] {
            if window.screen().contains("The talk is over.") {
                window.press("x");
            }
            assert!(window.wait_end().success());
        }
    }
    before.assert_comes_back();
}

#[test]
fn a_clicker_is_enough_and_notes_fit_on_one_screen() {
    let _turn = alone();
    let before = Machine::now();
    let room = Room::new();
    let mut window =
        room.open(80, 24, &["present", "what-is-a-container", "--notes", "--minutes", "20"]);
    window.wait_for("notes, beat 1 of 2");
    // The notes are no part of the picture: the lab may still be in the making.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !window.screen().contains("+  2 ") {
        window.press(NEXT);
        assert!(Instant::now() < deadline, "{}", window.screen());
        std::thread::sleep(Duration::from_millis(200));
        if window.screen().contains("Eight kinds") {
            window.press(BACK);
        }
    }
    window.press(".");
    window.wait_until_gone("+ pid 2");
    window.press("b");
    window.wait_for("+  2 ");
    window.press(BACK);
    window.wait_for("beat 1 of 2");
    window.press("qy");
    window.wait_for("The talk is over.");
    window.press("x");
    assert!(window.wait_end().success());
    window.assert_is_back();
    before.assert_comes_back();
}

#[test]
fn a_talk_lives_as_long_as_a_window_and_its_lab_no_longer() {
    let _turn = alone();
    let before = Machine::now();
    // A terminal that is closed takes only itself along; the last one takes the talk.
    let room = Room::new();
    let (mut audience, mut console) = room.begin("what-is-a-container");
    let hub = room.hub();
    audience.signal(Signal::SIGHUP);
    audience.wait_end();
    console.wait_for("no window is open");
    console.press(NEXT);
    console.wait_for("notes, beat 2 of 2");
    console.signal(Signal::SIGKILL);
    console.wait_end();
    wait_until_dead(hub);
    before.assert_comes_back();

    // The hub is killed: the windows say so, and give their terminals back.
    let room = Room::new();
    let (audience, console) = room.begin("what-is-a-container");
    kill(Pid::from_raw(room.hub()), Signal::SIGKILL).expect("a signal");
    for mut window in [audience, console] {
        assert!(!window.wait_end().success());
        assert!(window.screen().contains("the talk was ended from outside"), "{}", window.screen());
        window.assert_is_back();
    }
    before.assert_comes_back();
}

#[test]
fn others_are_refused_and_a_window_that_is_stuck_slows_nobody() {
    let _turn = alone();
    let room = Room::new();
    let (audience, mut console) = room.begin("what-is-a-container");

    let mut other = room.connect();
    let hello = |version, role| WindowToHub::Hello {
        version,
        role,
        pid: std::process::id(),
        size: (80, 24),
    };
    other.send(&hello(PROTOCOL_VERSION + 1, WindowRole::Watcher), &[]).expect("it is sent");
    let said = other.receive::<HubToWindow>().expect("an answer").message;
    assert!(
        matches!(&said, HubToWindow::Refused { why } if why.contains("another version")),
        "{said:?}"
    );

    // What is no message ends the connection, and nothing else.
    let mut noise = UnixStream::connect(room.socket().expect("a socket")).expect("the hub listens");
    std::io::Write::write_all(&mut noise, &[0xff; 64]).expect("it is sent");
    let mut rest = Vec::new();
    let _ = std::io::Read::read_to_end(&mut noise, &mut rest);
    assert_eq!(rest, b"");

    // It says who it is, and never reads; nor may it drive.
    let mut stuck = room.connect();
    stuck.send(&hello(PROTOCOL_VERSION, WindowRole::Watcher), &[]).expect("it is sent");
    stuck.send(&WindowToHub::Request(DriverRequest::Quit), &[]).expect("it is sent");
    console.wait_for("2 windows");
    for _ in 0..200 {
        console.press("BB");
    }
    let deadline = Instant::now() + Duration::from_secs(15);
    while !(6..=9).any(|step| audience.screen().contains(&format!("{step} / 9"))) {
        assert!(Instant::now() < deadline, "the talk does not go on");
        console.press(NEXT);
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(stuck);
    console.wait_for("one window, 80x24");

    if is_root() {
        // Another user, even if the way to the socket were open.
        let socket = room.socket().expect("a socket");
        let open = |path: &std::path::Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
                .expect("permissions");
        };
        open(room.runtime.path(), 0o755);
        open(&room.runtime.path().join("unboxed"), 0o755);
        open(&socket, 0o666);
        const ASK: &str = "import socket,sys\n\
            s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n\
            print('answer', s.recv(10))";
        let asked = Command::new("setpriv")
            .args([
                "--reuid",
                "4322",
                "--regid",
                "4322",
                "--clear-groups",
                "/usr/bin/python3",
                "-c",
                ASK,
            ])
            .arg(&socket)
            .output()
            .expect("setpriv is there");
        assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), "answer b''", "{asked:?}");
    }
    console.press("qy");
    console.wait_for("The talk is over.");
    console.press("x");
}

#[test]
fn a_tape_is_presented_as_a_lab_is_and_says_so() {
    let _turn = alone();
    let room = Room::new();
    let audience = room.open(80, 24, &["present", "build-a-container", "--tape"]);
    audience.wait_for("TAPE kernel");
    let mut console = room.open(80, 24, &["console"]);
    console.wait_for("RUNS this step");
    console.press(NEXT);
    audience.wait_for("looks like the root of a small");
    console.press("t\u{1b}[F\ry");
    audience.wait_for("32 / 32");
    assert!(audience.screen().contains("TAPE kernel"));
    console.wait_for("TAPE");
    console.press("qy");
    console.wait_for("The talk is over.");
    console.press("x");
}

#[test]
fn a_step_is_left_out_of_a_tape_by_passing_it_over() {
    let _turn = alone();
    let room = Room::new();
    let mut audience = room.open(80, 24, &["present", "what-is-a-container", "--tape"]);
    audience.wait_for("TAPE kernel");
    let mut console = room.connect();
    console.set_timeout(Some(Duration::from_secs(15))).expect("a patience");
    let hello = WindowToHub::Hello {
        version: PROTOCOL_VERSION,
        role: WindowRole::Console,
        pid: std::process::id(),
        size: (80, 24),
    };
    console.send(&hello, &[]).expect("it is sent");
    console
        .send(&WindowToHub::Request(DriverRequest::LeaveOut { step: 1, out: true }), &[])
        .expect("it is sent");
    loop {
        let said = console.receive::<HubToWindow>().expect("the hub speaks").message;
        if matches!(said, HubToWindow::State(whole) if whole.missing.contains(&1)) {
            break;
        }
    }
    audience.wait_until_gone("no console: this window drives");
    drop(console);
    audience.wait_for("no console: this window drives");
    audience.press(NEXT);
    audience.wait_for("+  2 ");
    audience.press(NEXT);
    audience.wait_for("3 / 9");
    audience.press("qy");
    audience.wait_for("The talk is over.");
}

#[test]
fn what_can_not_be_presented_is_said_before_a_window_opens() {
    let runtime = tempfile::tempdir().expect("a directory");
    for command in ["console", "watch", "present"] {
        let mut tty = Tty::start(
            80,
            24,
            if command == "present" {
                &["present", "biuld-a-container"]
            } else {
                std::slice::from_ref(&command)
            },
            &[("XDG_RUNTIME_DIR", &runtime.path().to_string_lossy())],
        );
        assert!(!tty.wait_end().success());
        let cure =
            if command == "present" { "build-a-container" } else { "unboxed present LESSON" };
        assert!(tty.screen().contains(cure), "{}", tty.screen());
        tty.assert_is_back();
    }
    let piped = unboxed().args(["present", "1"]).output().expect("it starts");
    assert!(String::from_utf8_lossy(&piped.stderr).contains("needs a terminal"), "{piped:?}");
}
