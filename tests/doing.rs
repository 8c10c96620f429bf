//! What a learner may do to a lesson besides watching it, on the real kernel: turns, branches, steps left out,
//! predictions, repairs.

mod common;

use common::{Machine, alone, open_session};
use unboxed::diagnosis::Playable;
use unboxed::doctor::can_play;
use unboxed::engine::TurnGoal;
use unboxed::engine::session::Session;
use unboxed::engine::turn::Judging;
use unboxed::lesson::catalogue;
use unboxed::lesson::model::{Lesson, Step};
use unboxed::lesson::quiz::QuestionKind;
use unboxed::op::{ActorName, Op};
use unboxed::report::StepStatus;
use unboxed::words;

fn lessons() -> Vec<Lesson> {
    common::lessons_here()
}

fn lesson() -> Lesson {
    catalogue::find_lesson("build-a-container").expect("the lesson")
}

fn step_of(lesson: &Lesson, id: &str) -> usize {
    lesson.steps.iter().position(|step| step.id == id).unwrap_or_else(|| panic!("no step {id}"))
}

fn run_in(session: &mut Session, actor: &str, script: &str) -> String {
    let op = Op::Run { argv: ["sh", "-c", script].map(str::to_owned).to_vec() };
    let record =
        session.lab().expect("a lab").perform(&ActorName::from(actor), op).expect("an answer");
    record.outcome.message().to_owned()
}

#[test]
fn every_branch_shows_what_it_promises_and_leads_back() {
    let _turn = alone();
    let before = Machine::now();
    let facts = common::facts();
    let mut count = 0;
    for lesson in lessons() {
        let mut session = open_session(lesson.clone());
        run_in(&mut session, "host", "echo mine > /root/typed");
        let id = session.lab().expect("a lab").info().id;
        for (index, step) in lesson.steps.iter().enumerate() {
            for (branch, what_if) in step.branches.iter().enumerate() {
                let record = session
                    .play_branch(index, branch)
                    .unwrap_or_else(|error| panic!("{}: {error}", what_if.id));
                if can_play(&step.needs, &facts) == Playable::Live {
                    common::assert_played(&record, &what_if.id);
                } else {
                    let is_skipped = matches!(record.status, StepStatus::Skipped { .. });
                    assert!(is_skipped, "{}: {:?}", what_if.id, record.status);
                }
                assert!(session.is_in_branch());
                assert_ne!(session.lab().expect("a lab").info().id, id);
                count += 1;
            }
        }
        session.leave_branch().expect("the way back");
        assert_eq!(session.lab().expect("a lab").info().id, id);
        assert_eq!(session.played_steps(), 0);
        assert_eq!(
            run_in(&mut session, "host", "cat /root/typed").trim(),
            "mine",
            "what was typed is still there"
        );
        assert!(session.close_and_compare().is_clean());
    }
    assert!(count >= 5, "{count} branches");
    before.assert_comes_back();
}

#[test]
fn a_branch_without_its_last_action_fails() {
    let _turn = alone();
    let facts = common::facts();
    for mut lesson in common::sampled(lessons()) {
        for step in &mut lesson.steps {
            for branch in &mut step.branches {
                branch.actions.pop();
            }
        }
        let mut session = open_session(lesson.clone());
        let playable = |step: &Step| can_play(&step.needs, &facts) == Playable::Live;
        let steps = lesson.steps.iter().enumerate().filter(|(_, step)| playable(step));
        for (index, step) in steps {
            for (branch, what_if) in step.branches.iter().enumerate() {
                let record = session.play_branch(index, branch).expect("it plays");
                assert!(!record.is_ok(), "{} expects nothing of its last action", what_if.id);
            }
        }
        session.close_and_compare();
    }
}

#[test]
fn what_is_broken_is_seen_to_be_broken_and_can_be_mended() {
    let _turn = alone();
    let lesson = lesson();
    let mut session = open_session(lesson.clone());
    let facts = common::facts();
    let mut repaired = 0;
    for (index, step) in lesson.steps.iter().enumerate() {
        if step.breaks.is_empty() || can_play(&step.needs, &facts) != Playable::Live {
            assert!(session.play_next().expect("it plays").is_ok(), "{}", step.id);
            continue;
        }
        let state = session.begin_turn(TurnGoal::Step).expect("a turn");
        assert!(!state.is_fulfilled(), "{}: nothing is broken: {:#?}", step.id, state.verdicts);
        // A second key that comes too soon breaks nothing more.
        let mounts = session.lab().expect("a lab").snapshot().mounts;
        session.begin_turn(TurnGoal::Step).expect("the same turn");
        assert_eq!(
            session.lab().expect("a lab").snapshot().mounts,
            mounts,
            "{}: broken twice",
            step.id
        );
        assert!(
            session.finish_turn_if_all_holds().expect("a judgement").is_none(),
            "{}: it is not done",
            step.id
        );
        // Shown after all: it is broken and mended in a fresh lab.
        let record = session.play_instead().expect("it plays");
        common::assert_played(&record, &step.id);
        assert_eq!((record.status, session.played_steps()), (StepStatus::Played, index + 1));
        repaired += 1;
    }
    assert!(repaired >= 3, "{repaired} repairs");
    assert!(session.close_and_compare().is_clean());
}

#[test]
fn of_every_prediction_exactly_one_option_comes_true() {
    let _turn = alone();
    let mut count = 0;
    for lesson in lessons() {
        let mut session = open_session(lesson.clone());
        for step in &lesson.steps {
            let record = session.play_next().expect("it plays");
            for predicted in &record.predicted {
                let holds = predicted.holds();
                let id = &step.quiz[predicted.question].id;
                // (A step that is left out here predicts nothing.)
                assert_eq!(
                    holds.iter().filter(|holds| **holds).count(),
                    1,
                    "{id}: {holds:?}: {predicted:#?}"
                );
                count += 1;
            }
        }
        session.close_and_compare();
    }
    assert!(count >= 3, "{count} predictions");
}

#[test]
fn the_lessons_ask_questions_of_all_six_kinds() {
    let lessons = lessons();
    let questions: Vec<_> = lessons.iter().flat_map(Lesson::questions).collect();
    assert!(questions.len() >= 8, "{} questions", questions.len());
    let kinds = |test: fn(&QuestionKind) -> bool| {
        questions.iter().filter(|question| test(&question.kind)).count()
    };
    assert!(kinds(|kind| matches!(kind, QuestionKind::Choose(_))) > 0);
    assert!(kinds(|kind| matches!(kind, QuestionKind::ChooseAll(_))) > 0);
    assert!(kinds(|kind| matches!(kind, QuestionKind::Value(_))) > 0);
    assert!(kinds(|kind| matches!(kind, QuestionKind::Order(_))) > 0);
    assert!(kinds(|kind| matches!(kind, QuestionKind::Predict(_))) > 0);
    assert!(kinds(|kind| matches!(kind, QuestionKind::Task(_))) > 0);
}

#[test]
fn a_step_that_is_left_out_is_missed_where_it_is_needed() {
    let _turn = alone();
    let lesson = lesson();
    let mut session = open_session(lesson.clone());
    let bind = step_of(&lesson, "bind");
    session.leave_out(bind);
    for step in &lesson.steps[..bind] {
        assert!(session.play_next().expect("it plays").is_ok(), "{}", step.id);
    }
    let record = session.play_next().expect("it is passed over");
    assert_eq!(record.status, StepStatus::LeftOut);
    assert!(!record.is_ok() && record.ops.is_empty(), "{:#?}", record.verdicts);
    let pivot = session.play_next().expect("it is tried");
    assert!(!pivot.is_ok());
    assert!(
        pivot.verdicts.iter().any(|verdict| words::seen(&verdict.seen).contains("EINVAL")),
        "{:#?}",
        pivot.verdicts
    );
    // Taken in again, the lesson is whole.
    session.take_in(bind);
    session.rewind_to(bind).expect("a fresh lab");
    assert!(session.play_next().expect("it plays").is_ok());
    assert!(session.play_next().expect("it plays").is_ok());

    // Without its actor nothing in it works, and that is said, not a fault.
    session.rewind_to(0).expect("a fresh lab");
    session.leave_out(step_of(&lesson, "unshare"));
    for _ in 0..3 {
        session.play_next().expect("it plays");
    }
    let orphan = session.play_next().expect("it is tried");
    assert!(
        orphan
            .verdicts
            .iter()
            .any(|verdict| words::seen(&verdict.seen).contains("there is no container")),
        "{orphan:#?}"
    );
    assert!(session.close_and_compare().is_clean());
}

#[test]
fn ticks_follow_the_kernel_both_ways_and_credit_stays() {
    let _turn = alone();
    let lesson = lesson();
    let mut session = open_session(lesson.clone());
    let step = step_of(&lesson, "hostname");
    session.rewind_to(step).expect("a fresh lab");
    let state = session.begin_turn(TurnGoal::Step).expect("a turn");
    assert_eq!(state.verdicts.iter().map(|verdict| verdict.ok).collect::<Vec<_>>(), [false, true]);
    let judge = |session: &mut Session| {
        session.judge_turn(Judging::Now).expect("a judgement").expect("a change").0
    };
    run_in(
        &mut session,
        "container",
        "hostname box; mkdir /tmp/mine; mount -t tmpfs none /tmp/mine",
    );
    let state = judge(&mut session);
    assert!(
        state.is_fulfilled(),
        "what the learner adds besides fails nothing: {:#?}",
        state.verdicts
    );
    run_in(&mut session, "container", "hostname other");
    let state = judge(&mut session);
    assert!(!state.is_fulfilled() && state.earned.iter().all(|earned| *earned), "{state:#?}");
    let open = state.verdicts.iter().find(|verdict| !verdict.ok).expect("one that is open");
    assert_eq!(words::seen(&open.seen), "other");
    assert!(open.pane.is_some());
    assert!(session.finish_turn_if_all_holds().expect("a judgement").is_none());
    run_in(&mut session, "container", "hostname box");
    let record = session.finish_turn_if_all_holds().expect("a judgement").expect("it is done");
    assert_eq!((record.status, session.played_steps()), (StepStatus::Typed, step + 1));
    assert!(session.close_and_compare().is_clean());
}

#[test]
fn the_lab_may_be_made_by_hand_or_played_and_is_the_same() {
    let _turn = alone();
    let lesson = lesson();
    let mut session = open_session(lesson.clone());
    session.rewind_to(step_of(&lesson, "unshare")).expect("a fresh lab");
    session.begin_turn(TurnGoal::Step).expect("a turn");
    let script = "unshare --mount --uts --ipc --net --pid --propagation unchanged --fork sleep 1000 >/dev/null 2>&1 &";
    run_in(&mut session, "host", script);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    let record = loop {
        if let Some(record) = session.finish_turn_if_all_holds().expect("a judgement") {
            break record;
        }
        assert!(std::time::Instant::now() < deadline, "nobody was adopted");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(record.is_ok());
    // A program that never heard of the engine is the container now; the rest is played in it.
    for id in [
        "pid-one",
        "hostname",
        "proc-lies",
        "mount-copy",
        "mount-proc",
        "pivot-root-refused",
        "bind",
        "pivot-root",
    ] {
        let record = session.play_next().unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(record.step, step_of(&lesson, id));
        assert!(record.is_ok(), "{id}: {:#?}", record.verdicts);
    }
    assert!(session.close_and_compare().is_clean());
}

/// Judge a turn until the actor is another process than this one.
#[track_caller]
fn wait_for_another(session: &mut Session, actor: &str, than: Option<u32>) -> u32 {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(15);
    loop {
        session.judge_turn(Judging::Now).expect("a judgement");
        let now = session.lab().expect("a lab").pid_of(&ActorName::from(actor));
        if let Some(pid) = now.filter(|pid| Some(*pid) != than) {
            return pid;
        }
        assert!(std::time::Instant::now() < deadline, "nobody was adopted");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_container_that_died_or_was_made_with_too_little_is_made_again_steps_later() {
    let _turn = alone();
    let lesson = lesson();
    let mut session = open_session(lesson.clone());
    session.rewind_to(step_of(&lesson, "hostname")).expect("a replay");
    session.begin_turn(TurnGoal::Step).expect("a turn");
    let first = session.lab().expect("a lab").pid_of(&"container".into());

    // It ends, and somebody makes it again, but forgets most of it.
    let unshare = |options: &str| {
        format!("unshare {options} --propagation unchanged --fork sleep 1000 >/dev/null 2>&1 &")
    };
    let pid = first.expect("it is there");
    let rest = nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(pid).expect("a pid")),
        nix::sys::signal::Signal::SIGKILL,
    );
    assert!(matches!(rest, Ok(()) | Err(nix::errno::Errno::ESRCH)), "{rest:?}");
    run_in(&mut session, "host", &unshare("--mount"));
    let half = wait_for_another(&mut session, "container", first);
    let state = session.begin_turn(TurnGoal::Step).expect("the turn");
    assert!(!state.is_fulfilled(), "{:#?}", state.verdicts);

    // Made once more, as it should be: that is the container now, and the lesson goes on in it.
    run_in(&mut session, "host", &unshare("--mount --uts --ipc --net --pid"));
    let mut whole = wait_for_another(&mut session, "container", Some(half));
    // A look between unshare's two calls finds it without its child, which is the one with a PID namespace of its own.
    let is_child = |pid: u32| {
        let comm = std::fs::read_to_string(format!("/proc/{pid}/comm"));
        comm.is_ok_and(|comm| comm.trim() == "sleep")
    };
    if !is_child(whole) {
        whole = wait_for_another(&mut session, "container", Some(whole));
    }
    session.judge_turn(Judging::Now).expect("a judgement");
    assert_eq!(session.lab().expect("a lab").pid_of(&"container".into()), Some(whole), "it stays");
    session.drop_turn();
    for id in ["hostname", "proc-lies", "mount-copy", "mount-proc"] {
        let record = session.play_next().unwrap_or_else(|error| panic!("{id}: {error}"));
        assert!(record.is_ok(), "{id}: {:#?}", record.verdicts);
    }
    assert!(session.close_and_compare().is_clean());
}

#[test]
fn a_turn_waits_for_a_what_if_and_is_judged_after_it() {
    let _turn = alone();
    let lesson = lesson();
    let mut session = open_session(lesson.clone());
    let step = step_of(&lesson, "make-rprivate");
    session.rewind_to(step).expect("a replay");
    session.begin_turn(TurnGoal::Step).expect("a turn");
    session.play_branch(step, 0).expect("a what-if");
    assert!(session.turn_state().is_none(), "the turn is not the what-if's");
    session.leave_branch().expect("the way back");
    assert!(session.turn_state().is_some_and(|turn| turn.is_of_step(step)));
    run_in(&mut session, "host", "mount --make-rprivate /");
    let record = session.finish_turn_if_all_holds().expect("a judgement").expect("it is done");
    assert_eq!((record.step, record.status.clone()), (step, StepStatus::Typed));
    assert!(session.close_and_compare().is_clean());
}
