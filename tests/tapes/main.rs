//! Tapes: those inside the program fit their lessons, play as the lessons did, and no file, however broken, does harm.

#[path = "../common/mod.rs"]
mod common;

mod broken;

use std::process::Command;
use std::sync::{Arc, OnceLock};

use common::lessons::taped;
use common::tty::Tty;
use common::{program, unboxed};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unboxed::app::{Effect, Model, Msg, Screen, update};
use unboxed::engine::{Event, Request, events, requests};
use unboxed::lesson::catalogue;
use unboxed::lesson::model::Lesson;
use unboxed::op::Op;
use unboxed::report::{StepRecord, StepStatus};
use unboxed::tape::file;
use unboxed::tape::{Tape, TapeMismatch, embedded, player};

/// A tape made now, of the shortest lesson, by the program itself: its bytes.
fn fresh() -> &'static [u8] {
    static TAPE: OnceLock<Vec<u8>> = OnceLock::new();
    TAPE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("one.tape");
        let status =
            unboxed().args(["record", "1", "-o"]).arg(&path).status().expect("the program runs");
        assert!(status.success(), "a tape is recorded");
        std::fs::read(&path).expect("the tape")
    })
}

fn lesson_of(tape: &Tape) -> Lesson {
    catalogue::find_lesson(&tape.header.lesson).expect("the tape's lesson")
}

/// What the player says to these requests.
fn played(tape: &Tape, lesson: &Lesson, requests: &[Request]) -> Vec<Event> {
    let (to_player, for_player) = requests::channel().expect("a queue");
    let (to_front, events) = events::channel();
    for request in requests {
        to_player.send(request.clone()).expect("the player listens");
    }
    drop(to_player);
    player::play_tape(tape, lesson, &for_player, &to_front);
    drop(to_front);
    std::iter::from_fn(|| events.recv()).collect()
}

fn records(events: &[Event]) -> Vec<Arc<StepRecord>> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Played(record) => Some(Arc::clone(record)),
            _ => None,
        })
        .collect()
}

#[test]
fn every_lesson_has_a_tape_that_fits_and_shows_what_the_lesson_expects() {
    let tapes: Vec<Tape> =
        embedded::all_tapes().map(|(bytes, _)| file::read(bytes).expect("a tape")).collect();
    for lesson in catalogue::all_lessons().expect("the lessons") {
        let own: Vec<&Tape> = tapes.iter().filter(|tape| tape.header.lesson == lesson.id).collect();
        assert!(
            !own.is_empty(),
            "there is no tape of {}: assets/record-tapes makes one",
            lesson.id
        );
        for tape in &own {
            if let Err(misfit) = tape.check_fits(&lesson) {
                panic!(
                    "{} ({}): {misfit}: assets/record-tapes records it anew",
                    lesson.id,
                    tape.header.origin()
                );
            }
            let events = played(tape, &lesson, &vec![Request::PlayNext; lesson.steps.len()]);
            let records = records(&events);
            assert_eq!(records.len(), lesson.steps.len(), "{}", lesson.id);
            for (step, record) in lesson.steps.iter().zip(&records) {
                assert!(record.is_ok(), "{} {}: {:?}", lesson.id, step.id, record.verdicts);
                if record.status == StepStatus::Played {
                    assert!(
                        record.verdicts.len() >= step.expect.len(),
                        "{} {}",
                        lesson.id,
                        step.id
                    );
                }
            }
            let has_charts = lesson.steps.iter().any(|step| !step.charts.is_empty());
            let drawn = records
                .iter()
                .flat_map(|record| &record.charts)
                .any(|series| series.points.len() > 1);
            assert_eq!(drawn, has_charts, "{}", lesson.id);
            assert!(
                matches!(events.last(), Some(Event::SessionEnded(proof)) if proof.is_clean()),
                "{}",
                lesson.id
            );
        }
        // What one kernel could not show, the other's tape does.
        for (index, step) in lesson.steps.iter().enumerate() {
            let shown = own.iter().any(|tape| tape.records[index].status == StepStatus::Played);
            assert!(shown, "no tape of {} shows step {}", lesson.id, step.id);
            for branch in 0..step.branches.len() {
                let taken = own.iter().any(|tape| {
                    tape.branches.iter().any(|one| (one.step, one.branch) == (index, branch))
                });
                assert!(taken, "no tape of {} shows a what-if of {}", lesson.id, step.id);
            }
        }
    }
}

#[test]
fn what_is_read_is_what_was_written() {
    let tape = file::read(fresh()).expect("the tape");
    let mut again = Vec::new();
    file::write(&tape, &mut again).expect("the tape is written");
    let second = file::read(again.as_slice()).expect("the tape, again");
    assert_eq!(tape.header, second.header);
    for (one, other) in tape.records.iter().zip(&second.records) {
        assert_eq!(one.before, other.before);
        assert_eq!(one.after, other.after);
        assert_eq!(one.diff(), other.diff());
        assert_eq!(one.ops, other.ops);
        assert_eq!(one.charts, other.charts);
    }
    assert_eq!(tape.records.len(), second.records.len());
}

#[test]
fn a_tape_keeps_when_what_was_printed() {
    let tape = file::read(fresh()).expect("the tape");
    let mut programs = 0;
    for op in tape.records.iter().flat_map(|record| &record.ops) {
        let is_program = matches!(op.op, Op::Run { .. });
        assert!(is_program || op.pieces.is_empty(), "{:?} printed {:?}", op.op, op.pieces);
        let Some(last) = op.pieces.last() else { continue };
        programs += 1;
        assert_eq!(last.end, op.outcome.output().len());
        assert!(last.at_ms * 1_000_000 <= op.nanos, "{last:?} of {} ns", op.nanos);
        assert!(
            op.pieces.is_sorted_by(|one, next| one.at_ms < next.at_ms && one.end < next.end),
            "{:?}",
            op.pieces
        );
    }
    assert!(programs > 0, "the lesson has no program that prints");
}

#[test]
fn a_tape_rewinds_and_shows_its_what_ifs_and_says_what_it_cannot() {
    let (lesson, tape) = taped("build-a-container");
    let taken = tape.branches.first().expect("a what-if");
    let requests = [
        Request::PlayNext,
        Request::PlayNext,
        Request::RewindTo { steps: 1 },
        Request::PlayNext,
        Request::PlayBranch { step: taken.step, branch: taken.branch },
        Request::LeaveBranch,
        Request::PlayBranch { step: 0, branch: 99 },
        Request::LeaveOut { step: 5, out: true },
        Request::RewindTo { steps: 9999 },
        Request::PlayNext,
    ];
    let events = played(&tape, &lesson, &requests);
    let steps: Vec<usize> = records(&events).iter().map(|record| record.step).collect();
    assert_eq!(steps, [0, 1, 1]);
    let stops: Vec<usize> = events
        .iter()
        .filter_map(|event| match event {
            Event::Ready(ready) => Some(ready.played),
            _ => None,
        })
        .collect();
    assert_eq!(stops, [0, 1, 2, 1, 2, 2, lesson.steps.len()]);
    assert!(events.iter().any(|event| matches!(event, Event::BranchPlayed { .. })));
    assert_eq!(
        events.iter().filter(|event| matches!(event, Event::RequestRefused { .. })).count(),
        3
    );
}

#[test]
fn one_key_leads_through_a_tape_to_its_end() {
    let (lesson, tape) = taped("build-a-container");
    let lesson = Arc::new(lesson);
    assert!(lesson.steps.iter().any(|step| !step.breaks.is_empty()), "a step to mend");

    let mut model = Model::new(Vec::new(), (120, 40));
    let origin = Some(tape.header.origin_seen_from(&common::facts()));
    let opened = Msg::LessonOpened { lesson: Arc::clone(&lesson), left_off: 0, tape: origin };
    let _ = update(&mut model, opened);

    let (mut requests, mut seen) = (Vec::new(), 0);
    for _ in 0..=2 * lesson.steps.len() {
        let events: Vec<Event> = played(&tape, &lesson, &requests)
            .into_iter()
            .filter(|event| !matches!(event, Event::SessionEnded(_)))
            .collect();
        let new = events.len();
        for event in events.into_iter().skip(seen) {
            let _ = update(&mut model, Msg::Engine(event));
        }
        seen = new;

        let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        for effect in update(&mut model, Msg::Key(enter)) {
            if let Effect::SendToEngine(request) = effect {
                requests.push(request);
            }
        }
        if matches!(model.screen, Screen::Ended(_)) {
            return;
        }
    }
    panic!("it stopped after {} steps: {:?}", requests.len(), model.notice);
}

#[test]
fn a_tape_of_another_lesson_or_of_an_older_one_is_refused() {
    let tape = file::read(fresh()).expect("the tape");
    let mut lesson = lesson_of(&tape);
    tape.check_fits(&lesson).expect("its own lesson");
    lesson.steps[1].story = "Told in other words.".into();
    tape.check_fits(&lesson).expect("words may change");
    lesson.steps[1].expect.clear();
    assert_eq!(
        tape.check_fits(&lesson),
        Err(TapeMismatch::Step { number: 2, lesson: lesson.steps[1].id.clone() })
    );
    lesson.steps.pop();
    assert!(matches!(tape.check_fits(&lesson), Err(TapeMismatch::Length { .. })));
    let other = catalogue::find_lesson("build-a-container").expect("a lesson");
    assert!(matches!(tape.check_fits(&other), Err(TapeMismatch::OtherLesson { .. })));
}

#[test]
fn a_lesson_plays_from_its_tape_with_nothing_running_behind_it() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let mut tty = Tty::start(columns, rows, &["learn", "build-a-container", "--tape"], &[]);
        tty.wait_for("TAPE kernel");
        assert_eq!(tty.processes_below(), 1, "a tape needs no keeper and no lab");
        for _ in 0..3 {
            tty.press("\r");
            tty.wait_for("Enter: go on");
            assert!(tty.screen().contains("TAPE"), "{}", tty.screen());
            tty.press("\r");
            tty.wait_for("Enter: see it");
        }
        tty.press("h");
        tty.wait_for("LOOKING BACK");
        assert!(tty.screen().contains("TAPE"), "{}", tty.screen());
        tty.press("\u{1b}");
        tty.wait_until_gone("LOOKING BACK");
        tty.press("s");
        tty.wait_for("a tape has none");
        tty.press("u");
        tty.wait_for("?");
        tty.press("y");
        tty.wait_for("3/32");
        tty.press("q");
        tty.press("y");
        tty.wait_for("This was");
        tty.wait_for("2 watched");
        tty.press("q");
        assert!(tty.wait_end().success());
        tty.assert_is_back();
    }
}

#[test]
fn a_tape_that_cannot_be_played_is_one_clear_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("broken.tape");
    std::fs::write(&path, &fresh()[..fresh().len() / 2]).expect("half a tape");
    let said = |arguments: &[&str]| {
        let output = Command::new(program())
            .arg("learn")
            .args(arguments)
            .output()
            .expect("the program runs");
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("text")
    };
    let file = path.to_str().expect("a name");
    let broken = said(&["1", "--tape", file]);
    assert_eq!(broken, format!("unboxed: the tape {file} can't be played: it is cut short\n"));
    let missing = said(&["1", "--tape", "/nowhere/x.tape"]);
    assert_eq!(
        missing,
        "unboxed: could not open the tape /nowhere/x.tape: No such file or directory (os error 2)\n"
    );
    std::fs::write(&path, fresh()).expect("a tape");
    let other = said(&["build-a-container", "--tape", file]);
    assert!(
        other.contains(
            "the tape is of the lesson `what-is-a-container`, not of `build-a-container`"
        ),
        "{other}"
    );
}
