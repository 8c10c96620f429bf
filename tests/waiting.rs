//! Nobody is waited for beyond reason: actors that are stopped, a lab that ends, and one that is left alone while idle.

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::tty::Tty;
use common::{BareLab, Held, alone, open_session, unboxed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use unboxed::engine::events::{self, EventReceiver};
use unboxed::engine::link_error::LinkError;
use unboxed::engine::options::SessionOptions;
use unboxed::engine::requests::{self, RequestSender};
use unboxed::engine::session::Session;
use unboxed::engine::{Event, ReadyState, Request, play};
use unboxed::kernel::pty::TerminalSize;
use unboxed::lesson::catalogue;
use unboxed::observe::hostname_watch::HostnameWatch;
use unboxed::observe::processes;
use unboxed::op::{ActorName, Op};
use unboxed::proof::Proof;

/// So that a test ends that fails: nothing here takes as long when all is well.
const STOPGAP: Duration = Duration::from_secs(60);

/// So many steps of `build-a-container` have been played when there is a container.
const UNSHARE: usize = 3;

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), signal).expect("a signal");
}

/// A process below this one, by its name as the kernel keeps it (15 characters).
fn below(pid: u32, name: &str) -> u32 {
    let deadline = Instant::now() + STOPGAP;
    loop {
        let tree = processes::process_tree(Path::new("/proc"), pid, &[]);
        if let Some((found, _)) =
            tree.iter().find(|(_, stat)| stat.comm == name && stat.state != 'Z')
        {
            return *found;
        }
        assert!(Instant::now() < deadline, "there is no `{name}`: {tree:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// An engine with a lesson, as a screen has it.
struct Engine {
    requests: Option<RequestSender>,
    events: EventReceiver,
    thread: std::thread::JoinHandle<()>,
}

impl Engine {
    fn start(lesson: &str) -> (Engine, ReadyState) {
        let engine = Engine::open(lesson);
        let ready = engine.await_ready();
        (engine, ready)
    }

    /// One that has said nothing yet.
    fn open(lesson: &str) -> Engine {
        let lesson = Arc::new(catalogue::find_lesson(lesson).expect("the lesson"));
        let (requests, for_engine) = requests::channel().expect("a queue");
        let (to_front, events) = events::channel();
        let thread = std::thread::spawn(move || {
            let options = SessionOptions::with_spare(common::program());
            let open = |waiting| Session::open_waiting(lesson, common::facts(), &options, waiting);
            play::run_engine(open, &for_engine, &std::sync::mpsc::channel().1, &to_front);
        });
        Engine { requests: Some(requests), events, thread }
    }

    fn ask(&self, request: Request) {
        self.requests.as_ref().expect("it is open").send(request).expect("the engine listens");
    }

    /// The next event that says more than how things are.
    #[track_caller]
    fn next(&self) -> Event {
        use Event::{ChartsSampled, DetourChanged, LiveSnapshot, Playing, TurnChanged};
        let deadline = Instant::now() + STOPGAP;
        loop {
            match self.events.recv_until(deadline).expect("the engine says something") {
                LiveSnapshot(_) | ChartsSampled(_) | DetourChanged(_) => {}
                TurnChanged(None) | Playing { .. } => {}
                event => return event,
            }
        }
    }

    #[track_caller]
    fn await_ready(&self) -> ReadyState {
        match self.next() {
            Event::Ready(ready) => ready,
            other => panic!("expected a lab: {other:?}"),
        }
    }

    /// Play a step to its end.
    #[track_caller]
    fn play(&self) -> ReadyState {
        self.ask(Request::PlayNext);
        match self.next() {
            Event::Played(record) => assert!(record.is_ok(), "{:?}", record.verdicts),
            other => panic!("expected a step: {other:?}"),
        }
        self.await_ready()
    }

    /// Play up to the step that makes the container.
    #[track_caller]
    fn play_until_container(&self) -> ReadyState {
        loop {
            let ready = self.play();
            if ready.played == UNSHARE {
                return ready;
            }
        }
    }

    /// The engine waits for an actor, and says why.
    #[track_caller]
    fn await_waiting(&self, actor: &str) {
        match self.next() {
            Event::Waiting(Some(awaited)) => {
                assert_eq!(awaited.to_string(), format!("waiting for {actor}: it is stopped"));
            }
            other => panic!("expected a word of waiting: {other:?}"),
        }
    }

    #[track_caller]
    fn await_waited(&self) {
        let event = self.next();
        assert!(matches!(event, Event::Waiting(None)), "{event:?}");
    }

    fn end(mut self) -> Proof {
        drop(self.requests.take());
        let ended = loop {
            match self.next() {
                // Told before it heard that this is the end.
                Event::Ready(_) => {}
                other => break other,
            }
        };
        self.thread.join().expect("the engine ends");
        match ended {
            Event::SessionEnded(proof) => proof,
            other => panic!("expected the end: {other:?}"),
        }
    }
}

#[test]
fn a_stopped_actor_owes_its_answer_and_goes_on_where_it_was() {
    let _turn = alone();
    let mut lab = BareLab::new(&[]);
    let (host, container) = (ActorName::host(), ActorName::from("container"));
    let spawn = Op::spawn(container.clone(), vec![unboxed::op::NamespaceKind::Uts]);
    assert!(lab.links.perform(&host, spawn).expect("the host answers").outcome.is_ok());
    let pid = lab.links.get(&container).expect("the container").pid;
    let name = Op::SetHostname { name: "box".into() };
    assert!(lab.links.perform(&container, name).expect("it answers").outcome.is_ok());
    signal(pid, Signal::SIGSTOP);
    for _ in 0..2 {
        match lab.links.hostname(&container) {
            Err(LinkError::Silent { actor, why }) => {
                assert_eq!((actor, why), (container.clone(), Some(unboxed::seen::Stall::Stopped)));
            }
            other => panic!("{other:?}"),
        }
    }
    // Whoever is not stopped is none the worse.
    assert_eq!(lab.shell("echo here"), ("here\n".into(), 0));
    signal(pid, Signal::SIGCONT);
    // The answer to the first question comes now, and is no answer to this one.
    let output = lab.links.perform(&container, Op::GetPid).expect("it answers").outcome;
    assert!(output.is_ok() && !output.output().contains("box"), "{output:?}");
    assert_eq!(lab.links.hostname(&container).expect("it answers"), Some("box".into()));
    signal(pid, Signal::SIGKILL);
    let gone = lab.links.hostname(&container).expect_err("it is gone");
    assert_eq!(gone.to_string(), "container is gone");
    lab.end();
}

#[test]
fn a_step_in_a_stopped_actor_goes_on_with_it() {
    let _turn = alone();
    let (engine, _) = Engine::start("build-a-container");
    let ready = engine.play_until_container();
    let container = ready.lab.actors[&ActorName::from("container")];
    signal(container, Signal::SIGSTOP);
    engine.ask(Request::PlayNext);
    engine.await_waiting("container");
    signal(container, Signal::SIGCONT);
    engine.await_waited();
    match engine.next() {
        Event::Played(record) => assert!(record.is_ok(), "{:?}", record.verdicts),
        other => panic!("{other:?}"),
    }
    assert_eq!(engine.await_ready().played, UNSHARE + 1);
    engine.play();
    assert!(
        engine
            .end()
            .rows
            .iter()
            .filter(|row| row.what != "cgroups")
            .all(|row| row.differences.is_empty())
    );
}

#[test]
fn neither_a_fresh_lab_nor_the_end_waits_for_a_stopped_actor() {
    let _turn = alone();
    for stopped in ["container", "host"] {
        let mut labs = Vec::new();
        let (engine, _) = Engine::start("build-a-container");
        for request in
            [Request::RewindTo { steps: 0 }, Request::RewindTo { steps: 1 }, Request::Quit]
        {
            let ready = engine.play_until_container();
            labs.push(ready.lab.id.clone());
            signal(ready.lab.actors[&ActorName::from(stopped)], Signal::SIGSTOP);
            engine.ask(Request::PlayNext);
            if stopped == "container" {
                engine.await_waiting(stopped);
            }
            // What waits in the queue before it is not played either.
            engine.ask(Request::PlayNext);
            let ends = request == Request::Quit;
            let steps = if let Request::RewindTo { steps } = request { steps } else { 0 };
            engine.ask(request);
            // Had it been waited for, there would be the step, played without success.
            let answer = loop {
                match engine.next() {
                    Event::Waiting(_) => {}
                    other => break other,
                }
            };
            match answer {
                Event::Ready(ready) => assert!(!ends && ready.played == steps),
                Event::SessionEnded(_) => {
                    assert!(ends);
                    break;
                }
                other => panic!("{stopped}: {other:?}"),
            }
        }
        let trees = unboxed::keeper::cgroups::hierarchies();
        let is_left = |lab: &&String| trees.iter().any(|tree| tree.parent.join(lab).exists());
        assert_eq!(labs.iter().filter(is_left).collect::<Vec<_>>(), [] as [&String; 0]);
    }
}

#[test]
fn a_fresh_lab_can_be_asked_for_before_the_first_is_made() {
    let _turn = alone();
    for steps in [0, 2] {
        let engine = Engine::open("build-a-container");
        engine.ask(Request::PlayNext);
        engine.ask(Request::RewindTo { steps });
        // The first lab may have been ready before, and the step been played.
        let ready = loop {
            match engine.next() {
                Event::Ready(ready) if ready.played == steps => break ready,
                Event::Ready(_) | Event::Played(_) => {}
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(ready.played, steps);
        engine.ask(Request::Quit);
        engine.end();
    }
}

/// How often each process of the lab has been given up the processor, by pid.
fn switches(lab: u32) -> BTreeMap<u32, String> {
    let tree = processes::process_tree(Path::new("/proc"), lab, &[]);
    let counts = tree.into_iter().map(|(pid, _)| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        (pid, lines.collect::<Vec<_>>().join(" "))
    });
    counts.collect()
}

#[test]
fn an_idle_lab_is_left_alone_and_a_host_name_still_shows() {
    let _turn = alone();
    let (engine, _) = Engine::start("build-a-container");
    let ready = engine.play_until_container();
    let host = ready.lab.actors[&ActorName::host()];
    // A host name that is set anywhere on the machine is a reason to ask. Without one nobody is woken up, once what the step
    // has begun is over; a program that asks all the time never gets there.
    let named = HostnameWatch::default();
    let deadline = Instant::now() + STOPGAP;
    let mut disturbed = Vec::new();
    loop {
        let _ = named.has_changed();
        std::thread::sleep(Duration::from_millis(1500));
        let before = switches(host);
        std::thread::sleep(Duration::from_millis(1500));
        let after = switches(host);
        assert!(after.len() >= 3, "host, unshare and container: {after:?}");
        let is_quiet = !named.has_changed();
        if is_quiet && after == before {
            break;
        }
        disturbed.extend(is_quiet.then_some((before, after)));
        assert!(disturbed.len() < 5, "somebody is woken up: {disturbed:?}");
        if Instant::now() > deadline {
            // Other labs are made all the time.
            eprintln!("not shown: host names of this machine change all the time");
            break;
        }
    }

    let size = TerminalSize::new(80, 24);
    engine.ask(Request::OpenShell { tab: 1, actor: ActorName::host(), size });
    let Event::ShellOpened { opened: Ok(terminal), .. } = engine.next() else { panic!("no shell") };
    let mut shell = std::fs::File::from(terminal.master.try_clone().expect("a descriptor"));
    shell.write_all(b"hostname renamed\n").expect("it is typed");
    let shown = || loop {
        match engine.events.recv_until(Instant::now() + STOPGAP) {
            Some(Event::LiveSnapshot(snapshot)) => {
                if snapshot.hostnames.get(&ActorName::host()).is_some_and(|name| name == "renamed")
                {
                    return;
                }
            }
            Some(_) => {}
            None => panic!("the new name does not show"),
        }
    };
    shown();
    engine.end();
}

#[test]
fn a_lab_that_ends_while_idle_is_told_once() {
    let _turn = alone();
    let (engine, _) = Engine::start("build-a-container");
    let ready = engine.play();
    let host = ready.lab.actors[&ActorName::host()];
    signal(host, Signal::SIGKILL);
    let Event::Failed(failure) = engine.next() else { panic!("it is told") };
    let told = format!("{failure:#}");
    assert!(told.starts_with("the lab is gone") && told.contains(&host.to_string()), "{told}");
    // A step in it fails with the same sentence; a fresh lab is as good as ever.
    engine.ask(Request::PlayNext);
    assert!(matches!(engine.next(), Event::Failed(again) if again == failure));
    engine.ask(Request::RewindTo { steps: 1 });
    assert_eq!(engine.await_ready().played, 1);
    engine.play();
    engine.end();
}

#[test]
fn a_run_whose_lab_is_killed_ends_with_one_sentence() {
    let _turn = alone();
    let mut child = unboxed()
        .args(["run", "build-a-container"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unboxed starts");
    let mut out = BufReader::new(child.stdout.take().expect("its output"));
    let mut said = String::new();
    while !said.contains("1 of 32") {
        assert!(out.read_line(&mut said).expect("a line") > 0, "it ended: {said}");
    }
    let host = below(child.id(), "unboxed: host");
    // Stopped first, so that the lesson does not come to its end before.
    signal(host, Signal::SIGSTOP);
    signal(host, Signal::SIGKILL);
    out.read_to_string(&mut said).expect("its output");
    let mut wrong = String::new();
    child.stderr.take().expect("its errors").read_to_string(&mut wrong).expect("its errors");
    assert_eq!(child.wait().expect("its end").code(), Some(1));
    assert!(!said.contains("  failed "), "{said}");
    assert_eq!(wrong.lines().count(), 1, "{wrong}");
    assert!(wrong.contains("stopped in step") && wrong.contains("the lab is gone"), "{wrong}");
    assert!(wrong.contains(&format!("`unboxed: host`, {host}")), "{wrong}");
}

#[test]
fn a_held_lab_that_is_killed_ends_the_run() {
    let _turn = alone();
    let mut held = Held::start("build-a-container", "unshare");
    signal(u32::try_from(held.actor("host")).expect("a pid"), Signal::SIGKILL);
    let deadline = Instant::now() + STOPGAP;
    // Its input stays open meanwhile.
    let status = loop {
        if let Some(status) = held.child.try_wait().expect("its end") {
            break status;
        }
        assert!(Instant::now() < deadline, "it holds what is gone");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(1));
}

#[test]
fn steps_of_a_dead_container_fail_without_waiting() {
    let _turn = alone();
    let lesson = catalogue::find_lesson("build-a-container").expect("the lesson");
    let steps = lesson.steps.len();
    let mut session = open_session(lesson);
    for _ in 0..UNSHARE {
        assert!(session.play_next().expect("a step").is_ok());
    }
    let container = session.lab().expect("a lab").info().actors[&ActorName::from("container")];
    signal(container, Signal::SIGKILL);
    let mut named = 0;
    let mut waited = Duration::ZERO;
    for _ in UNSHARE..steps {
        let record = session.play_next().expect("a step, whatever comes of it");
        let cut_short = record.verdicts.iter().any(|verdict| {
            !verdict.ok && unboxed::words::seen(&verdict.seen) == "container is gone"
        });
        named += usize::from(cut_short);
        if cut_short {
            waited += Duration::from_nanos(record.nanos);
        }
    }
    assert!(named >= 15, "{named}");
    // It was 1.5 s for each of them.
    assert!(
        waited < Duration::from_millis(750) * u32::try_from(named).expect("a few"),
        "{waited:?} for {named}"
    );
}

#[test]
fn the_screen_says_whom_it_waits_for_and_that_a_lab_is_gone() {
    let _turn = alone();
    let mut tty = Tty::start(120, 40, &["learn", "build-a-container"], &[]);
    for step in 1..=UNSHARE {
        tty.wait_for("Enter: run it");
        tty.press("\r");
        tty.wait_for("Enter: go on");
        tty.press("\r");
        tty.wait_for(&format!("{}/32", step + 1));
    }
    tty.wait_for("Enter: run it");
    signal(below(tty.child.id(), "unboxed: contai"), Signal::SIGSTOP);
    tty.press("\r");
    tty.wait_for("waiting for container: it is stopped");
    tty.press("R");
    tty.wait_for("in a new lab?");
    tty.press("y");
    tty.wait_for("1/32");
    tty.wait_for("LIVE");
    // The spare lab has a host too: the one that is up is the older.
    let program = tty.child.id();
    let hosts = || {
        let mut found: Vec<(u64, u32)> = processes::process_tree(Path::new("/proc"), program, &[])
            .into_iter()
            .filter(|(_, stat)| stat.comm == "unboxed: host" && stat.state != 'Z')
            .map(|(pid, stat)| (stat.start_time, pid))
            .collect();
        found.sort_unstable();
        found
    };
    let deadline = Instant::now() + STOPGAP;
    while hosts().len() < 2 {
        assert!(Instant::now() < deadline, "no lab is made ahead");
        std::thread::sleep(Duration::from_millis(10));
    }
    hosts().iter().for_each(|(_, pid)| signal(*pid, Signal::SIGKILL));
    tty.wait_for("FAILED");
    tty.wait_for("the lab is gone");
    assert!(!tty.screen().contains("LIVE"));
    tty.press("R");
    tty.wait_for("in a new lab?");
    tty.press("y");
    tty.wait_for("LIVE");
    // Nor does the end wait for anybody.
    hosts().iter().for_each(|(_, pid)| signal(*pid, Signal::SIGSTOP));
    tty.press("\r");
    tty.press("qy");
    tty.wait_for("as it was");
    tty.press("q");
    assert!(tty.wait_end().success());
}
