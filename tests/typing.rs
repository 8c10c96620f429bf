//! Shells of the learner's: where they are, what they may not do, and what happens when they misbehave.

mod common;

use std::time::{Duration, Instant};

use common::tty::Tty;
use common::typist::Typist;
use common::{BareLab, alone};
use unboxed::kernel::pty::TerminalSize;
use unboxed::op::ActorName;

fn beside(lab: &mut BareLab, lab_pid: u32) -> Typist {
    let (host, size) = ("host".into(), TerminalSize::new(80, 24));
    let (master, _) = lab.links.open_shell(&host, lab_pid, size, false).expect("a shell");
    Typist::at(master)
}

#[test]
fn a_shell_has_a_terminal_of_its_own_with_job_control() {
    let _turn = alone();
    let mut lab = BareLab::new(&[]);
    let mut shell = beside(&mut lab, 1);
    shell.check("tty", "/dev/pts/");
    shell.check("stty size", "24 80");
    shell.check("sleep 100 & jobs", "Running");
    shell.check("kill %1; wait; echo over-$((1+1))", "over-2");
    shell.check("echo $(cat /proc/sys/kernel/hostname)-$(id -u)", "host-0");
    shell.check("exec 3<>/dev/tty && echo has-$((3*3))", "has-9");
    assert!(!shell.heard.contains("job control"), "{}", shell.heard);
    drop(shell);
    lab.end();
}

#[test]
fn a_shell_is_where_its_actor_is() {
    let _turn = alone();
    let mut lab = BareLab::new(&["pids"]);
    let mut host = beside(&mut lab, 1);
    host.check(
        "mkdir -p /root/new && mount -t tmpfs none /root/new && echo made-$((1+1))",
        "made-2",
    );
    let script = "hostname other; mkdir /tmp/jail; mount --rbind / /tmp/jail; echo pid-$$; \
                  exec chroot /tmp/jail sleep 1000";
    host.type_line(&format!("unshare --mount --uts --ipc --net --pid --fork sh -c '{script}' &"));
    host.wait_for("pid-1");
    host.type_line("until pgrep -x sleep; do :; done");
    let pid = host.ask("pgrep -x -n sleep");
    let pid: u32 = pid.parse().unwrap_or_else(|_| panic!("no pid: {pid:?}"));
    let mut inside = beside(&mut lab, pid);
    inside.check("hostname; ls /proc/self/ns >/dev/null; echo in-$((2+2))", "other");
    inside.check("ip -o link | wc -l; echo links", "1\r\n");
    inside.check("kill -9 1; echo alive-$((1+1))", "alive-2");
    inside.check("pwd", "/");
    drop((inside, host));
    lab.end();
}

#[test]
fn a_shell_holds_no_privilege_and_is_bounded() {
    let _turn = alone();
    let mut lab = BareLab::new(&[]);
    let mut shell = beside(&mut lab, 1);
    shell.check("ulimit -Hu; ulimit -Hv; ulimit -Hc; echo bounds", "bounds\r\n");
    shell.wait_for("400");
    shell.check("ulimit -Hu 100000 || echo refused-$((1+1))", "refused-2");
    shell.check("echo x > /proc/sys/kernel/core_pattern || echo refused-$((2+1))", "refused-3");
    shell.check("mknod /root/disk b 254 0 || echo refused-$((2+2))", "refused-4");
    drop(shell);
    lab.end();
}

#[test]
fn a_fork_bomb_and_a_memory_hog_stay_in_the_lab() {
    let _turn = alone();
    let mut lab = BareLab::new(&[]);
    let mut bomb = beside(&mut lab, 1);
    bomb.type_line("bomb() { bomb | bomb & }; bomb");
    // Full, but never more than the bound; the machine and the lab's host go on.
    let deadline = Instant::now() + Duration::from_secs(10);
    let host = lab.links.get(&ActorName::host()).expect("the host").pid;
    while common::processes_below(host) < 300 {
        assert!(
            Instant::now() < deadline,
            "the bomb is a dud: {:?}",
            common::processes_below(host)
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(common::processes_below(host) <= 410, "{} processes", common::processes_below(host));
    assert!(lab.links.hostname(&ActorName::host()).expect("the host answers").is_some());
    drop(bomb);
    lab.end();

    let mut lab = BareLab::new(&[]);
    let mut hog = beside(&mut lab, 1);
    hog.check("head -c 3G /dev/zero | tail | wc -c; echo ended-$((1+1))", "ended-2");
    assert!(!hog.heard.contains("3221225472"), "three gigabytes were held: {}", hog.heard);
    drop(hog);
    lab.end();
}

/// Type a line into a shell of the lesson's host until all goals hold, and close it.
#[track_caller]
fn do_by_typing(tty: &mut Tty, line: &str) {
    tty.press("s");
    tty.wait_for("keys go to the shell");
    tty.wait_for_prompt();
    tty.press(&format!("{line}\r"));
    tty.wait_for("DONE: all of it holds");
    tty.press("exit\r");
    tty.wait_until_gone("[1 host]");
}

#[test]
fn a_turn_is_judged_after_a_jump_a_what_if_an_undo_a_new_start_and_a_step_that_is_shown() {
    let _turn = alone();
    let state = tempfile::tempdir().expect("a directory");
    let place = state.path().to_string_lossy().into_owned();
    let arguments = ["learn", "build-a-container"];
    let mut tty = Tty::start(120, 40, &arguments, &[("XDG_STATE_HOME", &place)]);
    let private = "mount --make-rprivate /";
    tty.wait_for("LIVE");
    tty.press("T");
    tty.wait_for("YOUR TURN");

    // A jump, in the middle of the turn.
    tty.press("t");
    tty.wait_for("Steps: type to search");
    tty.press("Mounts that stay\r");
    tty.wait_for("Sure?");
    tty.press("y");
    tty.wait_for("2/32");
    tty.wait_for("YOUR TURN");
    tty.wait_for("○ host has a mount");

    // A what-if beside it, and back.
    tty.press("w");
    tty.wait_for("WHAT IF");
    tty.press("\r");
    tty.wait_for("YOUR TURN");
    tty.wait_for("○ host has a mount");
    do_by_typing(&mut tty, private);

    // Undone, though all of it holds; the step before is told of then.
    tty.press("u");
    tty.wait_for("Sure?");
    tty.press("y");
    tty.wait_for("1/32");
    tty.wait_for("YOUR TURN");
    tty.wait_for("○ host ");
    let copy = "mkdir -p container; cp -a /image/base/. container; cp -a /image/tools/. container";
    do_by_typing(&mut tty, copy);

    // From the beginning, and this time the step is shown: then no turn is on, until one is begun.
    tty.press("R");
    tty.wait_for("Sure?");
    tty.press("y");
    tty.wait_for("○ host ");
    tty.press("\r");
    tty.wait_for("Sure?");
    tty.press("y");
    tty.wait_for("Enter go on");
    tty.press("\r");
    tty.wait_for("2/32");
    tty.press("T");
    tty.wait_for("○ host has a mount");
    do_by_typing(&mut tty, private);
    tty.press("\r");
    tty.wait_for("You did this step yourself.");
    tty.wait_for(&format!("host:~# {private}"));
    tty.wait_for("Mounts: ");
    // Where the shell itself has changed groups, that stands before it, and there is more than the screen shows.
    tty.press(" ");
    tty.wait_for("The lesson's way");
    tty.press("qy");
    tty.wait_for("as it was");
    tty.press("q");
    assert!(tty.wait_end().success());
    tty.assert_is_back();
}
