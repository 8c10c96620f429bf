//! The calls that a learner's programs make in a lab's shells: what is shown is what strace shows, nothing that runs there
//! breaks by it, and whoever hears may die.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::alone;
use common::typist::Typist;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use unboxed::engine::options::SessionOptions;
use unboxed::engine::session::Session;
use unboxed::failure::with_causes;
use unboxed::kernel::pty::TerminalSize;
use unboxed::own_call::OwnCalls;

/// A lab whose shells are heard, or are not.
struct HeardLab {
    session: Session,
    shells: u32,
}

impl HeardLab {
    fn new(own_calls: bool) -> HeardLab {
        let mut lessons = unboxed::lesson::catalogue::all_lessons().expect("sound lessons");
        lessons.retain(|lesson| lesson.id == "build-a-container");
        let lesson = Arc::new(lessons.remove(0));
        let options = SessionOptions { own_calls, ..SessionOptions::new_for(common::program()) };
        let opened = Session::open(lesson, common::facts(), &options);
        let session = opened.unwrap_or_else(|error| panic!("no session: {}", with_causes(&error)));
        HeardLab { session, shells: 0 }
    }

    fn shell(&mut self) -> Typist {
        self.shells += 1;
        let size = TerminalSize::new(200, 50);
        let opened = self.session.open_shell(self.shells, &"host".into(), size);
        let opened = opened.unwrap_or_else(|error| panic!("no shell: {}", with_causes(&error)));
        Typist::at(opened.master.try_clone().expect("a copy of the terminal"))
    }

    /// The calls so far, once they are as wanted.
    #[track_caller]
    fn calls_when(&self, what: &str, wanted: impl Fn(&OwnCalls) -> bool) -> OwnCalls {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let seen = self.session.own_calls();
            if wanted(&seen) {
                return seen;
            }
            assert!(
                Instant::now() < deadline,
                "{what}: {} seen, {} more: {:#?}",
                seen.calls.len(),
                seen.omitted,
                lines(&seen)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn lines(seen: &OwnCalls) -> Vec<String> {
    seen.calls.iter().map(|own| own.call.to_string()).collect()
}

/// The tracers of the labs that this test has started.
fn tracers() -> Vec<Pid> {
    let processes = common::lab_processes();
    let of_tracers = processes.iter().filter(|line| line.ends_with("unboxed: tracer"));
    of_tracers.filter_map(|line| line.split(' ').next()?.parse().ok()).map(Pid::from_raw).collect()
}

/// The commands that build a container, and some that fail. Each is a program of its own: what bash does for itself (it may
/// or may not fork) is not compared.
const COMMANDS: &[&str] = &[
    "mkdir -p /tmp/r/a /tmp/r/b",
    "mount -t tmpfs none /tmp/r/a",
    "mount --bind /tmp/r/a /tmp/r/b",
    "mount --make-rprivate /tmp/r/b",
    "mount -o remount,bind,ro /tmp/r/b",
    "mount -t tmpfs -o size=1m,mode=700 none /tmp/r/a",
    "mount -t nosuch none /tmp/r/a",
    "mount --rbind /tmp/r/a /tmp/r/b",
    "mount -t proc proc /tmp/r/a",
    "umount /tmp/r/a",
    "umount -l /tmp/r/b",
    "umount /tmp/r/a",
    "umount /tmp/r/nowhere",
    "unshare -m -u -i -n hostname box",
    "unshare -p -f true",
    "unshare -C true",
    "unshare -U -r true",
    "unshare -m sh -c 'mount -t tmpfs t /tmp/r/b && cd /tmp/r/b && mkdir old && pivot_root . old'",
    "chroot /image/base /bin/true",
    "chroot /nowhere /bin/true",
    "mknod /tmp/r/null c 1 3",
    "mknod /tmp/r/pipe p",
    "nsenter -t 1 -n -u true",
    "setpriv --no-new-privs true",
    "setpriv --bounding-set -net_raw true",
    "sh -c 'kill -CONT $$'",
    "rm -r /tmp/r",
];

/// The calls that both are asked for.
const COMPARED: &[&str] = &[
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "unshare",
    "setns",
    "sethostname",
    "setdomainname",
    "clone",
    "clone3",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "move_mount",
    "open_tree",
    "mount_setattr",
    "mknod",
    "mknodat",
    "capset",
    "setgroups",
    "prctl",
    "seccomp",
    "kill",
];

/// A call without what differs from run to run and isn't the call's own: addresses, pids and descriptors' numbers are other
/// ones; and strace writes mount's third argument as an address where the kernel takes no type.
fn comparable(line: &str) -> Option<String> {
    let (name, rest) = line.split_once('(')?;
    if !COMPARED.contains(&name) {
        return None;
    }
    let is_new = |line: &str| line.contains("CLONE_NEW");
    let capability = ["PR_SET_NO_NEW_PRIVS", "PR_CAPBSET_DROP", "PR_CAP_AMBIENT"];
    let is_compared = match name {
        "clone" | "clone3" => is_new(rest),
        "prctl" => {
            capability.iter().any(|option| rest.starts_with(option)) && !rest.contains("_IS_SET")
        }
        _ => true,
    };
    if !is_compared {
        return None;
    }

    let mut words: Vec<String> = rest.split(", ").map(str::to_owned).collect();
    if name == "mount"
        && words.len() > 3
        && (rest.contains("MS_BIND") || rest.contains("MS_REMOUNT"))
    {
        words[2] = "TYPE".to_owned();
    }
    for word in &mut words {
        if let Some((_, number)) = word.split_once("pid=")
            && !number.starts_with('0')
            && let Some(at) = word.find("pid=")
        {
            word.replace_range(at + 4.., "PID}");
        }
        if let Some(at) = word.find("0x7f").or_else(|| word.find("0x5")) {
            let end = word[at + 2..].find(|it: char| !it.is_ascii_hexdigit());
            let end = end.map_or(word.len(), |end| at + 2 + end);
            word.replace_range(at..end, "ADDRESS");
        }
    }
    // Addresses of a thread's number are left out of the notation of clone(2).
    words.retain(|word| !word.starts_with("child_tidptr") && !word.starts_with("parent_tid"));
    let mut text = format!("{name}({}", words.join(", "));
    if matches!(name, "clone" | "clone3")
        && let Some((call, _)) = text.rsplit_once(" = ")
    {
        text = call.trim_end_matches(')').to_owned();
    }
    if name == "kill" {
        let signal = words.last()?.clone();
        text = format!("kill(PID, {signal}");
    }
    Some(text)
}

/// What `strace -f` shows of the commands, in a shell of another lab that nobody hears.
fn by_strace() -> BTreeMap<&'static str, Vec<String>> {
    let mut lab = HeardLab::new(false);
    let mut shell = lab.shell();
    let filter = COMPARED.join(",");
    let mut told = BTreeMap::new();
    for command in COMMANDS {
        let quoted = command.replace('\'', r"'\''");
        shell.check(
            &format!("strace -f -qq -s 4096 -e signal=none -e trace={filter} -o /tmp/trace sh -c 'exec {quoted}'; echo ran-$((1+1))"),
            "ran-2",
        );
        shell.heard.clear();
        shell.check("echo; cat /tmp/trace; echo end-$((2+2))", "end-4");
        let text = shell.heard.replace('\r', "");
        let calls = text.lines().filter_map(|line| {
            let (pid, call) = line.split_once(' ')?;
            pid.parse::<u32>().ok()?;
            comparable(&call.trim_start().replacen(")  ", ") ", 1))
        });
        told.insert(*command, calls.map(|it| single_spaced(&it)).collect());
    }
    told
}

/// strace fills up with blanks before the result.
fn single_spaced(line: &str) -> String {
    match line.rsplit_once(" = ") {
        Some((call, result)) => format!("{} = {result}", call.trim_end()),
        None => line.trim_end().to_owned(),
    }
}

#[test]
fn what_is_shown_is_what_strace_shows() {
    if !std::path::Path::new("/usr/bin/strace").exists() {
        return common::skip("strace is not installed");
    }
    let _turn = alone();
    let expected = by_strace();

    let mut lab = HeardLab::new(true);
    let mut shell = lab.shell();
    let mut compared = 0;
    for command in COMMANDS {
        let before = lab.session.own_calls().calls.len();
        let quoted = command.replace('\'', r"'\''");
        shell.check(&format!("sh -c 'exec {quoted}'; echo ran-$((1+1))"), "ran-2");
        shell.heard.clear();
        let expected = &expected[command];
        // Of what is not compared nothing is told here but directories of control groups, and there are none of those.
        let seen = lab.calls_when(command, |seen| {
            lines(seen)[before..].iter().filter_map(|line| comparable(line)).count()
                >= expected.len()
        });
        let seen: Vec<String> =
            lines(&seen)[before..].iter().filter_map(|line| comparable(line)).collect();
        assert_eq!(&seen, expected, "{command}");
        compared += seen.len();
    }
    assert!(compared >= 33, "{compared} calls compared");
    eprintln!("{compared} calls compared");
}

/// Mounts and unmounts, each a program: N times, and how often one failed.
fn mount_loop(times: u32) -> String {
    format!(
        "mkdir -p /tmp/m; bad=0; for i in $(seq {times}); do mount -t tmpfs none /tmp/m && umount /tmp/m || bad=$((bad+1)); done; echo bad-$bad-of-{times}"
    )
}

#[test]
fn shells_go_on_without_a_failed_call_where_their_tracer_dies_or_stands_still() {
    let _turn = alone();
    let mut lab = HeardLab::new(true);
    let mut shell = lab.shell();
    shell.check("mount -t tmpfs none /tmp && umount /tmp; echo heard-$((1+1))", "heard-2");
    lab.calls_when("the first calls", |seen| seen.calls.len() == 2);

    for (round, signal) in [Signal::SIGKILL, Signal::SIGSTOP].into_iter().enumerate() {
        shell.heard.clear();
        shell.type_line(&mount_loop(80));
        // In the middle of it.
        let before = lab.session.own_calls().calls.len();
        lab.calls_when("calls of the loop", |seen| seen.calls.len() > before + 3);
        let tracer = tracers();
        let [tracer] = tracer[..] else { panic!("one tracer: {tracer:?}") };
        kill(tracer, signal).expect("a signal");
        shell.wait_for("bad-0-of-80");

        // Another shell brings another tracer, which hears the first one, too.
        let mut second = lab.shell();
        let told = lab.session.own_calls().calls.len();
        second.check("umount /nowhere; echo second-$((round+2))", "second-2");
        shell.check("umount /nowhere; echo first-$((1+1))", "first-2");
        let seen = lab.calls_when("both shells", |seen| seen.calls.len() >= told + 2);
        let shells: Vec<u32> = seen.calls[told..].iter().map(|own| own.shell).collect();
        assert_eq!(shells, [2 + round as u32, 1], "{:#?}", lines(&seen));
        drop(second);
    }

    drop(shell);
    drop(lab);
    assert_eq!(tracers(), []);
}

#[test]
fn floods_are_counted_and_cost_the_shell_no_call() {
    const MANY: usize = 3000;
    let _turn = alone();
    let mut lab = HeardLab::new(true);
    let mut shell = lab.shell();
    shell.check(
        &format!(
            "for i in $(seq {MANY}); do kill -CONT $$ || echo failed; done; echo done-$((1+1))"
        ),
        "done-2",
    );
    assert!(!shell.heard.contains("failed\r\n"), "{}", shell.heard);
    let all = |seen: &OwnCalls| seen.calls.len() + seen.omitted as usize;
    let seen = lab.calls_when("all that was called", |seen| all(seen) >= MANY);
    assert_eq!(all(&seen), MANY);
    assert!(seen.omitted > 0 && !seen.calls.is_empty());
}

#[test]
fn nothing_that_is_done_in_a_shell_breaks_by_being_heard() {
    let _turn = alone();
    let mut lab = HeardLab::new(true);
    let mut shell = lab.shell();

    // Job control, signals and their handlers.
    shell.type_line("sh -c 'echo sle''eps; exec sleep 1000'");
    shell.wait_for("sleeps\r\n");
    shell.press("\x1a");
    shell.wait_for("Stopped");
    shell.check("kill %1; fg; echo over-$((1+1))", "over-2");
    shell
        .check("trap 'echo caught' USR1; kill -USR1 $$; trap - USR1; echo trap-$((1+1))", "trap-2");
    shell.check(
        "unshare -m sleep 1000 & kill -STOP $!; kill -CONT $!; kill $!; wait; echo job-$((1+1))",
        "job-2",
    );

    // Its own tracer and debugger: their call has no result here, or one where they came too late.
    if std::path::Path::new("/usr/bin/strace").exists() {
        shell.check("strace -f -o /tmp/t unshare -m -u hostname traced; grep -c sethostname /tmp/t; echo st-$((1+1))", "st-2");
        let is_traced = |line: &String| line.starts_with("sethostname(\"traced\", 6)");
        let seen = lab.calls_when("calls under strace", |seen| lines(seen).iter().any(is_traced));
        assert!(lines(&seen).iter().any(|line| is_traced(line) && line.ends_with("= ?")));
    }

    // A filter of its own, threads, nested shells, programs that change who they are.
    shell.check("python3 -c 'import threading as t; a=[t.Thread(target=print) for i in range(50)]; [x.start() for x in a]; [x.join() for x in a]; print(\"th\"+\"reads\")'", "threads");
    shell.check("unshare -U -r -p -f -m --mount-proc bash -c 'mount -t tmpfs none /tmp && ps | wc -l; echo nested-$((1+1))'", "nested-2");
    shell.check("setpriv --reuid 1000 --clear-groups id -u; echo uid-$((1+1))", "uid-2");
    shell.check("grep -c . /proc/self/status; grep TracerPid /proc/self/status", "TracerPid:\t0");
    shell.check("stty sane; reset -Q; echo reset-$((1+1))", "reset-2");

    // The bomb is at its limit, and the shell goes on.
    shell.check("(ulimit -u 60; for i in $(seq 200); do unshare -m sleep 5 & done) 2>/dev/null; wait; echo bomb-$((1+1))", "bomb-2");
}

#[test]
fn a_shell_that_is_not_to_be_heard_has_no_filter_of_its_own() {
    let _turn = alone();
    let filters = |own_calls: bool| {
        let mut lab = HeardLab::new(own_calls);
        let mut shell = lab.shell();
        let count = shell.ask("grep Seccomp_filters /proc/self/status | tr -dc 0-9");
        assert_eq!(tracers().len(), usize::from(own_calls));
        count.parse::<u32>().unwrap_or_else(|_| panic!("no number: {count:?}"))
    };
    let without = filters(false);
    assert_eq!(filters(true), without + 1);
}
