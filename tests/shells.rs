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
use unboxed::op::{ActorName, NamespaceKind};

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

    /// Type a line that starts another shell in this one's place, in other namespaces of these kinds. What is typed next
    /// must wait until it is there: a shell reads ahead.
    fn type_shell(&mut self, line: &str, kinds: &[NamespaceKind], session: &mut Session) -> u32 {
        let before = descendants(self.child.id());
        writeln!(self.input, "{line}").expect("the shell listens");
        let pid = newborn(self.child.id(), &before, kinds, session);
        self.type_line("exec 2>&1");
        pid
    }

    /// Join the groups of a process, as a child of it would be born into them.
    fn join_groups_of(&mut self, lab_pid: u32) {
        self.type_line(&format!(
            "while IFS=: read -r id names path; do for top in \"$names\" . unified; do \
             file=/sys/fs/cgroup/$top$path/cgroup.procs; \
             [ -n \"$names\" ] && [ \"$top\" != \"$names\" ] || [ ! -f $file ] || echo $$ > $file; \
             done; done < /proc/{lab_pid}/cgroup"
        ));
    }

    /// The shell that reads what is typed, as the machine counts.
    fn pid(&self) -> u32 {
        descendants(self.child.id()).pop().expect("it lives")
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

/// The shell that a line has just started below a process, in namespaces that are not those of the shell before it.
fn newborn(top: u32, before: &[u32], kinds: &[NamespaceKind], session: &mut Session) -> u32 {
    let deadline = Instant::now() + Duration::from_secs(10);
    // What the shell runs in the background is below it.
    let is_shell = |pid: &&u32| {
        let comm = std::fs::read_to_string(format!("/proc/{pid}/comm"));
        comm.is_ok_and(|comm| comm.trim() == "sh")
    };
    let typed_at = *before.iter().rev().find(is_shell).expect("a shell");
    loop {
        let snapshot = session.lab().expect("a lab").snapshot();
        let namespaces = |pid: u32| snapshot.process(pid).map(|process| &process.namespaces);
        let is_new = |pid: &&u32| {
            let process = snapshot.process(**pid).filter(|process| process.comm == "sh");
            let (Some(process), Some(old)) = (process, namespaces(typed_at)) else { return false };
            let differs = |kind: &NamespaceKind| process.namespaces.get(kind) != old.get(kind);
            !before.contains(pid) && kinds.iter().all(differs)
        };
        let all = descendants(top);
        if let Some(pid) = all.iter().rev().find(is_new) {
            return *pid;
        }
        assert!(Instant::now() < deadline, "no shell was started: {:#?}", snapshot.processes);
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
    type_what_lasts("layers");
    type_what_lasts("copy-on-write");
    type_what_lasts("why-so-fast");
    type_what_lasts("mount");
}

#[test]
fn the_shell_lines_about_pids_do_what_the_engine_does() {
    let _turn = alone();
    type_what_lasts("pid");
}

#[test]
fn the_shell_lines_about_ports_and_cables_do_what_the_engine_does() {
    let _turn = alone();
    type_what_lasts("net");
}

#[test]
fn the_shell_lines_about_names_and_entering_do_what_the_engine_does() {
    let _turn = alone();
    type_what_lasts("uts");
    type_what_lasts("enter-and-leave");
}

/// Type a lesson whose steps say how an action ended, or how long it took, too: that is told of played ones only.
fn type_what_lasts(id: &str) {
    let mut lesson = catalogue::find_lesson(id).expect("the lesson");
    for step in &mut lesson.steps {
        step.expect.retain(|expect| !matches!(expect, Expect::Outcome(_) | Expect::Took(_)));
    }
    type_lesson(lesson);
}

#[test]
fn the_shell_lines_about_ids_groups_clocks_and_ipc_do_what_the_engine_does() {
    let _turn = alone();
    let here: Vec<String> = common::lessons_here().into_iter().map(|lesson| lesson.id).collect();
    for id in ["time", "cgroup-ns", "user", "ipc"] {
        if here.iter().any(|known| known == id) {
            type_what_lasts(id);
        }
    }
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
        lab.watch_steps(&[step]);
        let before = lab.snapshot();
        let mut outputs = Vec::new();
        // What a repair step breaks is broken by typing, too.
        for entry in step.breaks.iter().chain(&step.actions) {
            let lab = session.lab().expect("a lab");
            let now = lab.snapshot();
            let context = lab.lab_facts(&now);
            let lines = entry.action.shell(&context);
            let made = match &entry.action {
                Action::Spawn(spawn) => Some((&spawn.actor, &spawn.unshare[..])),
                Action::Enter(enter) => Some((&enter.actor, &enter.kinds[..])),
                _ => None,
            };
            if let Some((actor, kinds)) = made.filter(|_| entry.fails.is_none()) {
                let mut shell = Shell::enter(&mut session);
                // Where another actor's shell would type it. A shell reads ahead: one line has to do.
                let inside = (entry.actor != ActorName::host()).then(|| {
                    let pid = context.lab_pid(&entry.actor).expect("an actor that lives");
                    shell.join_groups_of(pid);
                    format!("nsenter -t {pid} -m -u -i -n -p ")
                });
                let pid = match lines.split_last() {
                    // A plain child is a shell of its own.
                    Some(_) if kinds.is_empty() => shell.pid(),
                    Some((last, before)) => {
                        for line in before {
                            let (output, status) = shell.type_line(line);
                            assert_eq!(status, 0, "{}: `{line}`: {output}", step.id);
                        }
                        let line = inside.unwrap_or_default() + last;
                        shell.type_shell(&line, kinds, &mut session)
                    }
                    None => panic!("{}: no line", step.id),
                };
                let adopted = session.lab().expect("a lab").adopt(actor, pid);
                assert!(adopted.expect("the host answers"), "{actor} is not in the lab");
                shells.insert(actor.clone(), shell);
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
