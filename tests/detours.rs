//! Detours on the real kernel: what was typed and a coming step can't use is told at once, and a lesson as it is played
//! has none.

mod common;

use std::time::{Duration, Instant};

use common::{Machine, alone, open_session};
use unboxed::engine::TurnGoal;
use unboxed::engine::session::Session;
use unboxed::lesson::catalogue;
use unboxed::lesson::detour::{Detour, DetourFinding};
use unboxed::lesson::model::Lesson;
use unboxed::op::{ActorName, Op};
use unboxed::words;

const BOUND: Duration = Duration::from_secs(30);

fn lesson() -> Lesson {
    catalogue::find_lesson("build-a-container").expect("the lesson")
}

fn step_of(lesson: &Lesson, id: &str) -> usize {
    lesson.steps.iter().position(|step| step.id == id).unwrap_or_else(|| panic!("no step {id}"))
}

fn run_in(session: &mut Session, actor: &str, script: &str) {
    let op = Op::Run { argv: ["sh", "-c", script].map(str::to_owned).to_vec() };
    let record =
        session.lab().expect("a lab").perform(&ActorName::from(actor), op).expect("an answer");
    assert!(record.outcome.is_ok(), "{script}: {}", record.outcome.message());
}

fn find(session: &mut Session) -> Option<Detour> {
    session.find_detour().expect("a look")
}

/// A detour comes into sight; processes take a moment to end.
#[track_caller]
fn wait_for_detour(session: &mut Session, typed: &str) -> Detour {
    let deadline = Instant::now() + BOUND;
    loop {
        if let Some(detour) = find(session) {
            return detour;
        }
        assert!(Instant::now() < deadline, "no detour is seen: {typed}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_lesson_that_is_played_as_it_is_has_no_detour() {
    let _turn = alone();
    for lesson in common::lessons_here() {
        let mut session = open_session(lesson.clone());
        for step in &lesson.steps {
            let detour = find(&mut session);
            assert_eq!(detour, None, "before {} of {}", step.id, lesson.id);
            session.play_next().unwrap_or_else(|error| panic!("{}: {error}", step.id));
        }
        assert_eq!(find(&mut session), None, "at the end of {}", lesson.id);
        session.close_and_compare();
    }
}

#[test]
fn a_lab_that_is_rewound_to_any_step_or_typed_in_has_no_detour() {
    let _turn = alone();
    let lesson = lesson();
    let mut session = open_session(lesson.clone());
    for (index, step) in lesson.steps.iter().enumerate() {
        session.rewind_to(index).expect("a replay");
        assert_eq!(find(&mut session), None, "before {}", step.id);
        // An ordinary user has no control groups here: such a step is not possible.
        if !session.is_next_open() {
            continue;
        }
        // A turn, in which what the step does is done, one action after the other.
        session.begin_turn(TurnGoal::Step).expect("a turn");
        assert_eq!(find(&mut session), None, "in {}", step.id);
    }
    session.close_and_compare();
}

/// What is typed before a step, and the step that it matters to.
struct Typed {
    /// The next step.
    before: &'static str,
    actor: &'static str,
    script: &'static str,
    matters_to: &'static str,
    is_it: fn(&DetourFinding) -> bool,
}

const TYPED: &[Typed] = &[
    Typed {
        before: "hostname",
        actor: "container",
        script: "umount /proc",
        matters_to: "hostname",
        is_it: |found| matches!(found, DetourFinding::ProcGone(actor) if actor.as_str() == "container"),
    },
    // It covers what is to be seen three steps later.
    Typed {
        before: "pid-one",
        actor: "container",
        script: "mount -t proc proc /proc",
        matters_to: "proc-lies",
        is_it: |found| matches!(found, DetourFinding::Expects(_)),
    },
    Typed {
        before: "pid-one",
        actor: "host",
        script: "mount -t tmpfs more /mnt",
        matters_to: "mount-copy",
        is_it: |found| matches!(found, DetourFinding::Expects(_)),
    },
    // A name that is taken fifteen steps before it is wanted.
    Typed {
        before: "hostname",
        actor: "host",
        script: "ip link add h0 type bridge",
        matters_to: "veth",
        is_it: |found| matches!(found, DetourFinding::ActionNeeds(need) if unboxed::words::precondition(need).contains("h0")),
    },
    Typed {
        before: "hostname",
        actor: "host",
        script: "ip link add c0 type bridge",
        matters_to: "veth",
        is_it: |found| matches!(found, DetourFinding::ActionNeeds(need) if unboxed::words::precondition(need).contains("c0")),
    },
    Typed {
        before: "address",
        actor: "container",
        script: "ip addr add 172.17.42.3/16 dev eth0",
        matters_to: "address",
        is_it: |found| matches!(found, DetourFinding::ActionNeeds(need) if unboxed::words::precondition(need).contains("172.17.42.3")),
    },
    Typed {
        before: "no-network",
        actor: "host",
        script: "mkdir /root/container/old && mount --bind /root/container /root/container && \
                 cd /root/container && pivot_root . old",
        matters_to: "veth",
        is_it: |found| matches!(found, DetourFinding::RootMoved(actor) if *actor == ActorName::host()),
    },
];

#[test]
fn what_a_coming_step_cant_use_is_told_at_once_and_a_new_lab_mends_it() {
    let _turn = alone();
    let before = Machine::now();
    let lesson = lesson();
    let mut session = open_session(lesson.clone());
    for typed in TYPED {
        session.rewind_to(step_of(&lesson, typed.before)).expect("a replay");
        assert_eq!(find(&mut session), None, "before {}", typed.script);

        run_in(&mut session, typed.actor, typed.script);
        let found = wait_for_detour(&mut session, typed.script);
        let said = words::detour::detour(&found, None);
        assert!((typed.is_it)(&found.finding), "{}: {said}", typed.script);
        assert_eq!(found.step, step_of(&lesson, typed.matters_to), "{}: {said}", typed.script);
        assert!(said.contains(&format!("tep {}", found.step + 1)), "{said}");
    }
    session.rewind_to(0).expect("a new lab");
    assert_eq!(find(&mut session), None);
    assert!(session.close_and_compare().is_clean());
    before.assert_comes_back();
}

#[test]
fn a_container_with_a_proc_of_its_own_is_a_detour_as_soon_as_it_is_made() {
    let _turn = alone();
    let lesson = lesson();
    let mut session = open_session(lesson.clone());
    let (unshare, lies) = (step_of(&lesson, "unshare"), step_of(&lesson, "proc-lies"));
    session.rewind_to(unshare).expect("a replay");
    session.begin_turn(TurnGoal::Step).expect("a turn");
    let script =
        "unshare --mount --uts --ipc --net --pid --mount-proc --fork sleep 1000 >/dev/null 2>&1 &";
    run_in(&mut session, "host", script);

    // All that the step asks for is there, and it is a detour before anybody goes on.
    let deadline = Instant::now() + BOUND;
    while !session.turn_state().is_some_and(|turn| turn.is_fulfilled()) {
        assert!(Instant::now() < deadline, "nobody was adopted");
        session.judge_turn(unboxed::engine::turn::Judging::Now).expect("a judgement");
        std::thread::sleep(Duration::from_millis(20));
    }
    let found = wait_for_detour(&mut session, script);
    assert_eq!(found.step, lies, "{found:?}");
    assert!(session.finish_turn_if_all_holds().expect("a judgement").is_some());
    assert_eq!(find(&mut session), Some(found), "it stays one until it is undone");

    // Undone by hand: the lesson goes on in the same lab.
    run_in(&mut session, "container", "umount /proc");
    assert_eq!(find(&mut session), None);
    for id in ["pid-one", "hostname", "proc-lies", "mount-copy", "mount-proc"] {
        let record = session.play_next().unwrap_or_else(|error| panic!("{id}: {error}"));
        assert!(record.is_ok(), "{id}: {:#?}", record.verdicts);
    }
    session.close_and_compare();
}

#[test]
fn a_container_that_has_ended_is_told_and_a_step_that_is_shown_then_gets_a_new_lab() {
    let _turn = alone();
    let lesson = lesson();
    let mut session = open_session(lesson.clone());
    let at = step_of(&lesson, "hostname");
    session.rewind_to(at).expect("a replay");
    let pid = session.lab().expect("a lab").pid_of(&"container".into()).expect("it is there");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).expect("a pid"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("it is ours");
    // While it dies it is there, but has no view of anything any more.
    let stat = format!("/proc/{pid}/stat");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(15);
    while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(std::time::Instant::now() < deadline, "it does not end");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }

    let expected = Detour { finding: DetourFinding::ActorEnded("container".into()), step: at };
    assert_eq!(wait_for_detour(&mut session, "kill"), expected);
    // In a turn that begins with it, nothing is changed by typing; shown in this lab it would fail.
    session.begin_turn(TurnGoal::Step).expect("a turn");
    assert_eq!(find(&mut session), Some(expected));
    let record = session.play_instead().expect("it plays");
    assert!(record.is_ok(), "{:#?}", record.verdicts);
    assert_eq!((session.played_steps(), find(&mut session)), (at + 1, None));
    session.close_and_compare();
}
