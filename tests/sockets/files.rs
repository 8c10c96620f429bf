//! Progress, locks and copied text: never through a link, never in somebody else's home, never waiting for ever.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use nix::fcntl::{Flock, FlockArg};

use crate::common::tty::Tty;
use crate::common::{alone, is_root, program};
use crate::places::{LESSON, Lab, OTHER, Places, as_other, give, names, said};

#[test]
fn a_link_in_the_place_of_a_file_costs_its_target_nothing() {
    let places = Places::new();
    let precious = places.dir.path().join("precious");
    fs::write(&precious, "precious").expect("a file");
    fs::create_dir_all(places.state()).expect("made");
    symlink(&precious, places.state().join("progress.lock")).expect("a link");
    let reset = places.unboxed().args(["progress", "reset", "--yes"]).output().expect("it starts");
    assert!(
        !reset.status.success() && said(&reset).contains("progress.lock is a link"),
        "{reset:?}"
    );
    fs::remove_file(places.state().join("progress.lock")).expect("the link");

    symlink(&precious, places.state().join("progress.json")).expect("a link");
    let reset = places.unboxed().args(["progress", "reset", "--yes"]).output().expect("it starts");
    assert!(said(&reset).contains("it is kept as"), "{reset:?}");
    assert_eq!(
        fs::read_link(places.state().join("progress.json.aside-1")).expect("the link"),
        precious
    );

    // Copied text.
    fs::create_dir(places.sockets()).expect("made");
    symlink(&precious, places.sockets().join("copied.txt")).expect("a link");
    let run = places.dir.path().join("run").to_string_lossy().into_owned();
    let mut tty = Tty::start(120, 24, &["learn", LESSON, "--tape"], &[("XDG_RUNTIME_DIR", &run)]);
    tty.wait_for("TAPE");
    tty.press("y");
    tty.wait_for("and written to");
    assert!(
        fs::symlink_metadata(places.sockets().join("copied.txt")).expect("it is there").is_file()
    );
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
    let reset = command
        .arg("30")
        .arg(program())
        .args(["progress", "reset", "--yes"])
        .output()
        .expect("timeout is there");
    let why = format!("has been locked for 2 seconds by process {}", std::process::id());
    assert!(!reset.status.success() && said(&reset).contains(&why), "{reset:?}");
    assert!(
        places.unboxed().arg("progress").output().expect("it starts").status.success(),
        "reading needs no lock"
    );

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
        command.args([
            "--mount",
            "sh",
            "-c",
            "mount --bind \"$1\" /etc/passwd && shift && exec \"$@\"",
            "sh",
        ]);
        command.arg(&accounts).arg(program());
        command.envs(state.map(|state| ("XDG_STATE_HOME", state)));
        command
    };
    for state in [None, Some(places.home().join("state"))] {
        let reset = as_root(state.as_deref())
            .args(["progress", "reset", "--yes"])
            .output()
            .expect("unshare is there");
        assert!(said(&reset).contains("nothing to forget"), "{reset:?}");
        assert_eq!(names(&places.home()), BTreeSet::new());
        let kept = own.join(".local/state/unboxed");
        assert!(kept.join("progress.json").exists(), "root's own place is used");
        fs::remove_dir_all(own.join(".local")).expect("removed");
    }
    let lab = Lab::start(as_root(None));
    assert_eq!(names(&own.join(".local/state/unboxed")), BTreeSet::from([lab.socket()]));
    assert_eq!(
        (names(&places.home()), names(&places.dir.path().join("run"))),
        (BTreeSet::new(), BTreeSet::new())
    );
}

#[test]
fn what_root_left_in_a_users_home_is_said_or_worked_around() {
    if !is_root() {
        return;
    }
    let places = Places::new();
    let run = |arguments: &[&str]| {
        let command = as_other(places.dir.path());
        places
            .surround(command)
            .env_remove("XDG_RUNTIME_DIR")
            .args(arguments)
            .output()
            .expect("setpriv is there")
    };
    for path in [places.home(), places.home().join(".local"), places.home().join(".local/state")] {
        fs::create_dir_all(&path).expect("made");
        give(&path, OTHER);
    }

    // An older version, as root, made the directory.
    fs::create_dir(places.state()).expect("made");
    let kept = r#"{"format":2,"lessons":{"build-a-container":{"played":3}}}"#;
    fs::write(places.state().join("progress.json"), kept).expect("a file");
    for command in [["progress"].as_slice(), &["progress", "reset", "--yes"], &["shell"]] {
        let output = run(command);
        assert!(
            said(&output).contains("belongs to root, and this is uid 64002"),
            "{command:?}: {output:?}"
        );
    }

    // Or files in it.
    give(&places.state(), OTHER);
    fs::write(places.state().join("progress.lock"), "").expect("a file");
    let reset = run(&["progress", "reset", "build-a-container", "--yes"]);
    assert!(reset.status.success(), "{reset:?}");
    assert_eq!(
        fs::metadata(places.state().join("progress.json")).expect("it is there").uid(),
        OTHER
    );

    // What can't be read is not lost.
    fs::write(places.state().join("secret"), kept).expect("a file");
    fs::set_permissions(places.state().join("secret"), fs::Permissions::from_mode(0o600))
        .expect("permissions");
    fs::rename(places.state().join("secret"), places.state().join("progress.json"))
        .expect("renamed");
    let reset = run(&["progress", "reset", "--yes"]);
    assert!(!reset.status.success() && said(&reset).contains("could not read"), "{reset:?}");
    assert_eq!(
        fs::read_to_string(places.state().join("progress.json")).expect("still there"),
        kept
    );
}
