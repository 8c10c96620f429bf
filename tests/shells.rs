//! The shell lines shown beside each step work: typed into real shells in a lab, with no help from the engine, they make
//! every expectation of the lesson true at its step.

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use common::{alone, open_session};
use unboxed::action::Action;
use unboxed::diagnosis::Playable;
use unboxed::doctor::can_play;
use unboxed::engine::evidence::StepEvidence;
use unboxed::engine::session::Session;
use unboxed::lesson::catalogue;
use unboxed::lesson::expect::Expect;
use unboxed::lesson::model::Lesson;
use unboxed::op::ActorName;
use unboxed::snapshot::Snapshot;

/// A shell somewhere in a lab, typed at line by line.
struct Shell {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    typed: usize,
}

impl Shell {
    /// In the lab's host, as `nsenter` puts a person there.
    fn enter(session: &mut Session) -> Shell {
        let lab = session.lab().expect("a lab");
        let host = lab.pid_of(&ActorName::host()).expect("a host").to_string();
        let mut command = Command::new("nsenter");
        command.args(["-t", &host, "-U", "-m", "-u", "-i", "-n", "-p", "-C"]);
        if !common::is_root() {
            command.arg("--preserve-credentials");
        }
        command.arg("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8");
        let mut child = command.spawn().expect("nsenter is there");
        let input = child.stdin.take().expect("its input");
        let output = child.stdout.take().expect("its output");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut shell = Shell { child, input, lines, typed: 0 };
        shell.enter_cgroups(session);
        shell.type_line("exec 2>&1; cd /root");
        shell
    }

    /// Into the groups of the lab, where there are any: from outside, as the keeper does with the lab's host.
    fn enter_cgroups(&self, session: &mut Session) {
        let host = session.lab().expect("a lab").pid_of(&ActorName::host()).expect("a host");
        let mounts = unboxed::keeper::cgroups::hierarchies();
        let own = std::fs::read_to_string(format!("/proc/{host}/cgroup")).unwrap_or_default();
        for hierarchy in mounts {
            let name = own.lines().find_map(|line| {
                line.rsplit('/').next().filter(|name| name.starts_with("unboxed-"))
            });
            let Some(name) = name else { continue };
            let top = hierarchy.parent.join(name);
            // The shell itself is nsenter's child once it runs in another pid namespace.
            for pid in descendants(self.child.id()) {
                // A v2 group that hands out controllers takes no process: the host is in one below.
                let _ = std::fs::write(top.join("cgroup.procs"), pid.to_string())
                    .or_else(|_| std::fs::write(top.join("host/cgroup.procs"), pid.to_string()));
            }
        }
    }

    /// Type a line; returns what it printed and its exit status.
    fn type_line(&mut self, line: &str) -> (String, i32) {
        self.typed += 1;
        let marker = format!("typed-{}-", self.typed);
        writeln!(self.input, "{line}\nstatus=$?; echo; echo {marker}$status")
            .expect("the shell listens");
        let mut printed = Vec::new();
        loop {
            let line = self
                .lines
                .recv_timeout(Duration::from_secs(20))
                .unwrap_or_else(|_| panic!("`{line}` did not end: {printed:#?}"));
            if let Some(status) = line.strip_prefix(&marker) {
                return (printed.join("\n"), status.parse().expect("a status"));
            }
            printed.push(line);
        }
    }

    /// Type a line that starts another shell in this one's place. What is typed next must wait until it is there: a shell
    /// reads ahead.
    fn type_shell(&mut self, line: &str, session: &mut Session) -> u32 {
        let before = session.lab().expect("a lab").snapshot();
        writeln!(self.input, "{line}").expect("the shell listens");
        let pid = newborn(session, &before);
        self.type_line("exec 2>&1");
        pid
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn descendants(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() {
        let file = format!("/proc/{0}/task/{0}/children", found[next]);
        let text = std::fs::read_to_string(file).unwrap_or_default();
        found.extend(text.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        next += 1;
    }
    found
}

/// The process that `unshare … sh` just made: the child of the newest one called unshare, which was not there `before`.
fn newborn(session: &mut Session, before: &Snapshot) -> u32 {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let snapshot = session.lab().expect("a lab").snapshot();
        let is_unshare =
            |pid: u32| snapshot.processes.iter().any(|one| one.pid == pid && one.comm == "unshare");
        let found = snapshot
            .processes
            .iter()
            .filter(|one| is_unshare(one.ppid) && one.actor.is_none())
            .filter(|one| !before.processes.iter().any(|old| old.pid == one.pid))
            .max_by_key(|one| one.start_time);
        if let Some(process) = found {
            return process.pid;
        }
        assert!(Instant::now() < deadline, "no process was born: {:#?}", snapshot.processes);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_shell_lines_of_the_lesson_do_what_the_engine_does() {
    let _turn = alone();
    type_lesson(catalogue::find_lesson("build-a-container").expect("the lesson"));
}

#[test]
fn the_shell_lines_about_packets_do_what_the_engine_does() {
    let _turn = alone();
    let Some(mut lesson) =
        common::lessons_here().into_iter().find(|lesson| lesson.id == "net-cls-prio")
    else {
        return;
    };
    for step in &mut lesson.steps {
        // What a workload measured, dd says in other words.
        step.expect.retain(|expect| !matches!(expect, Expect::Outcome(_) | Expect::Measured(_)));
    }
    type_lesson(lesson);
}

#[test]
fn the_shell_lines_about_layers_do_what_the_engine_does() {
    let _turn = alone();
    type_what_lasts("overlay");
}

#[test]
fn the_shell_lines_about_pids_do_what_the_engine_does() {
    let _turn = alone();
    type_what_lasts("pid");
}

/// Type a lesson whose steps say how an action ended, too: that is told of played ones only.
fn type_what_lasts(id: &str) {
    let mut lesson = catalogue::find_lesson(id).expect("the lesson");
    for step in &mut lesson.steps {
        step.expect.retain(|expect| !matches!(expect, Expect::Outcome(_)));
    }
    type_lesson(lesson);
}

#[test]
fn the_shell_lines_about_ipc_do_what_the_engine_does() {
    let _turn = alone();
    type_lesson(catalogue::find_lesson("ipc").expect("the lesson"));
}

fn type_lesson(lesson: Lesson) {
    let facts = common::facts();
    let mut session = open_session(lesson.clone());
    let mut shells = BTreeMap::from([(ActorName::host(), Shell::enter(&mut session))]);

    for step in &lesson.steps {
        if can_play(&step.needs, &facts) != Playable::Live {
            continue;
        }
        let lab = session.lab().expect("a lab");
        lab.watch_step(step);
        let before = lab.snapshot();
        let mut outputs = Vec::new();
        // What a repair step breaks is broken by typing, too.
        for entry in step.breaks.iter().chain(&step.actions) {
            let lab = session.lab().expect("a lab");
            let now = lab.snapshot();
            let context = lab.lab_facts(&now);
            let lines = entry.action.shell(&context);
            if let Action::Spawn(spawn) = &entry.action {
                let mut shell = Shell::enter(&mut session);
                // Where another actor's shell would type it. A shell reads ahead: one line has to do.
                let inside = (entry.actor != ActorName::host()).then(|| {
                    let pid = context.lab_pid(&entry.actor).expect("an actor that lives");
                    format!("nsenter -t {pid} -m -u -i -n -p {}", lines[0])
                });
                let line = inside.as_ref().unwrap_or(&lines[0]);
                let pid = if spawn.unshare.is_empty() {
                    // Something has to be typed into it: the shell itself is the plain process.
                    descendants(shell.child.id()).pop().expect("a shell")
                } else {
                    shell.type_shell(line, &mut session)
                };
                let adopted = session.lab().expect("a lab").adopt(&spawn.actor, pid);
                assert!(adopted.expect("the host answers"), "{} is not in the lab", spawn.actor);
                shells.insert(spawn.actor.clone(), shell);
                continue;
            }
            let shell = shells.get_mut(&entry.actor).expect("a shell of that actor");
            let mut failed = false;
            for line in &lines {
                let (output, status) = shell.type_line(line);
                assert!(
                    status == 0 || entry.fails.is_some(),
                    "{}: `{line}` ended with {status}: {output}",
                    step.id
                );
                failed |= status != 0;
                outputs.push(output);
            }
            assert_eq!(failed, entry.fails.is_some(), "{}: {lines:?}: {outputs:#?}", step.id);
        }
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let deadline = Instant::now() + Duration::from_secs(3);
        loop {
            let lab = session.lab().expect("a lab");
            let (_, verdicts) = lab
                .judge(step, &StepEvidence { before: &before, outputs: &outputs, ops: &[] })
                .expect("a judgement");
            if verdicts.iter().all(|verdict| verdict.ok) {
                break;
            }
            assert!(Instant::now() < deadline, "{}: {verdicts:#?}\n{outputs:#?}", step.id);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    drop(shells);
    assert!(session.close_and_compare().is_clean());
}
