//! Tapes: those inside the program fit their lessons, play as the lessons did, and no file, however broken, does harm.

mod common;

use std::process::Command;
use std::sync::{Arc, OnceLock};

use common::tty::Tty;
use common::{program, unboxed};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use unboxed::app::{Effect, Model, Msg, Screen, update};
use unboxed::engine::{Event, Request, events, requests};
use unboxed::lesson::catalogue;
use unboxed::lesson::model::Lesson;
use unboxed::op::Op;
use unboxed::report::{StepRecord, StepStatus};
use unboxed::tape::file::{self, TapeError};
use unboxed::tape::{Misfit, Tape, player, shelf};
use unboxed::text::is_hidden;
use unboxed::ui::highlight::Highlighted;
use unboxed::ui::theme::Theme;
use unboxed::ui::{self, Look};

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
    catalogue::find(&tape.header.lesson).expect("the tape's lesson")
}

/// What the player says to these requests.
fn played(tape: &Tape, lesson: &Lesson, requests: &[Request]) -> Vec<Event> {
    let (to_player, for_player) = requests::channel().expect("a queue");
    let (to_front, events) = events::channel();
    for request in requests {
        to_player.send(request.clone()).expect("the player listens");
    }
    drop(to_player);
    player::serve(tape, lesson, &for_player, &to_front);
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
        shelf::all().map(|(bytes, _)| file::read(bytes).expect("a tape")).collect();
    for lesson in catalogue::all().expect("the lessons") {
        let own: Vec<&Tape> = tapes.iter().filter(|tape| tape.header.lesson == lesson.id).collect();
        assert!(
            !own.is_empty(),
            "there is no tape of {}: assets/record-tapes makes one",
            lesson.id
        );
        for tape in &own {
            if let Err(misfit) = tape.fits(&lesson) {
                panic!(
                    "{} ({}): {misfit}: assets/record-tapes records it anew",
                    lesson.id,
                    tape.header.origin()
                );
            }
            let events = played(tape, &lesson, &vec![Request::Next; lesson.steps.len()]);
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
                matches!(events.last(), Some(Event::Ended(proof)) if proof.is_clean()),
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
    let tape =
        shelf::all().find(|(_, header)| header.lesson == "build-a-container").expect("a tape").0;
    let tape = file::read(tape).expect("the tape");
    let lesson = lesson_of(&tape);
    let taken = tape.branches.first().expect("a what-if");
    let requests = [
        Request::Next,
        Request::Next,
        Request::RewindTo { steps: 1 },
        Request::Next,
        Request::Branch { step: taken.step, branch: taken.branch },
        Request::EndBranch,
        Request::Branch { step: 0, branch: 99 },
        Request::LeaveOut { step: 5, out: true },
        Request::RewindTo { steps: 9999 },
        Request::Next,
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
    assert!(events.iter().any(|event| matches!(event, Event::Branched { .. })));
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Refused { .. })).count(), 3);
}

#[test]
fn one_key_leads_through_a_tape_to_its_end() {
    let tape =
        shelf::all().find(|(_, header)| header.lesson == "build-a-container").expect("a tape").0;
    let tape = file::read(tape).expect("the tape");
    let lesson = Arc::new(lesson_of(&tape));
    assert!(lesson.steps.iter().any(|step| !step.breaks.is_empty()), "a step to mend");

    let mut model = Model::new(Vec::new(), (120, 40));
    let origin = Some(tape.header.origin());
    let opened = Msg::Opened { lesson: Arc::clone(&lesson), left_off: 0, tape: origin };
    let _ = update(&mut model, opened);

    let (mut requests, mut seen) = (Vec::new(), 0);
    for _ in 0..=2 * lesson.steps.len() {
        let events: Vec<Event> = played(&tape, &lesson, &requests)
            .into_iter()
            .filter(|event| !matches!(event, Event::Ended(_)))
            .collect();
        let new = events.len();
        for event in events.into_iter().skip(seen) {
            let _ = update(&mut model, Msg::Engine(event));
        }
        seen = new;

        let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        for effect in update(&mut model, Msg::Key(enter)) {
            if let Effect::Engine(request) = effect {
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
    tape.fits(&lesson).expect("its own lesson");
    lesson.steps[1].story = "Told in other words.".into();
    tape.fits(&lesson).expect("words may change");
    lesson.steps[1].expect.clear();
    assert_eq!(
        tape.fits(&lesson),
        Err(Misfit::Step { number: 2, lesson: lesson.steps[1].id.clone() })
    );
    lesson.steps.pop();
    assert!(matches!(tape.fits(&lesson), Err(Misfit::Length { .. })));
    let other = catalogue::find("build-a-container").expect("a lesson");
    assert!(matches!(tape.fits(&other), Err(Misfit::OtherLesson { .. })));
}

#[test]
fn a_cut_tape_is_known_for_one_wherever_it_was_cut() {
    let whole = fresh();
    for length in (0..whole.len()).step_by(whole.len() / 100) {
        let error = file::read(&whole[..length]).expect_err("a cut tape");
        let is_known =
            matches!(error, TapeError::Cut) || (length < 4 && matches!(error, TapeError::NotATape));
        assert!(is_known, "at {length}: {error}");
    }
}

#[test]
fn a_damaged_tape_is_refused() {
    let whole = fresh();
    for place in (0..whole.len()).step_by(whole.len() / 200) {
        let mut damaged = whole.to_vec();
        damaged[place] ^= 0x55;
        assert!(
            file::read(damaged.as_slice()).is_err(),
            "a byte at {place} was changed, and nobody saw it"
        );
    }
}

fn packed(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 3).expect("packed")
}

#[test]
fn what_is_no_tape_is_told_apart() {
    let read = |bytes: &[u8]| file::read(bytes).expect_err("no tape");
    assert!(matches!(read(b""), TapeError::NotATape));
    assert!(matches!(read(b"#!/bin/sh\necho hello\n"), TapeError::NotATape));
    assert!(matches!(read(&packed(b"hello\n")), TapeError::NotATape));
    assert!(matches!(read(&packed(b"{\"unboxed_tape\": 1}\n")), TapeError::OtherFormat(1)));
    assert!(matches!(
        read(&packed(b"{\"unboxed_tape\": 2}\n")),
        TapeError::Damaged { line: 1, .. }
    ));
}

#[test]
fn a_tape_that_unpacks_to_anything_is_bounded() {
    // A line without an end, and lines without an end.
    let endless = packed(&vec![b' '; 200 << 20]);
    assert!(endless.len() < 100_000);
    assert!(matches!(file::read(endless.as_slice()), Err(TapeError::TooLarge)));
    let text = unpacked();
    let mut lines: Vec<&str> = text.lines().collect();
    let snapshot =
        lines.iter().find(|line| line.starts_with("{\"snapshot\"")).copied().expect("a snapshot");
    let count = (130 << 20) / snapshot.len();
    lines.truncate(1);
    lines.extend(std::iter::repeat_n(snapshot, count));
    let error = file::read(packed(lines.join("\n").as_bytes()).as_slice()).expect_err("too much");
    assert!(matches!(error, TapeError::TooLarge), "{error}");
}

fn unpacked() -> String {
    String::from_utf8(zstd::decode_all(fresh()).expect("unpacked")).expect("text")
}

/// Texts that may be anything; others name one of a closed list.
const FREE: [&str; 18] = [
    "comm",
    "args",
    "target",
    "source",
    "fstype",
    "options",
    "root",
    "super_options",
    "name",
    "path",
    "output",
    "expected",
    "seen",
    "actor",
    "merged",
    "hostnames",
    "link",
    "what",
];

/// Numbers that may be as large.
const WIDE: [&str; 9] =
    ["pid", "ppid", "id", "parent", "ns_pids", "start_time", "size", "at_ms", "nanos"];

/// Numbers and free texts of a tape, made hostile in their turn.
fn mutated(name: &str, value: &mut serde_json::Value, random: &mut u64) {
    *random =
        random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let dice = *random >> 33;
    match value {
        serde_json::Value::Number(_) if dice.is_multiple_of(7) => {
            let most = if WIDE.contains(&name) { u64::from(u32::MAX) } else { 30 };
            *value = [0, 1, 2, most][(dice as usize / 7) % 4].into();
        }
        serde_json::Value::String(text) if FREE.contains(&name) && dice.is_multiple_of(5) => {
            text.push_str("\u{1b}[2J\u{7}\r\n\u{9b}31m\u{202e}\u{200b}\u{e0041}")
        }
        serde_json::Value::String(text) if FREE.contains(&name) && dice.is_multiple_of(11) => {
            text.clear()
        }
        serde_json::Value::Array(list) => {
            if dice.is_multiple_of(13) && list.iter().all(serde_json::Value::is_object) {
                list.clear();
            }
            list.iter_mut().for_each(|one| mutated(name, one, random));
        }
        serde_json::Value::Object(map) => {
            map.iter_mut().for_each(|(name, one)| mutated(name, one, random))
        }
        _ => {}
    }
}

#[test]
fn a_hostile_tape_plays_or_is_refused_and_no_control_character_gets_out() {
    let text = unpacked();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let lesson = Arc::new(catalogue::find("1").expect("the lesson"));
    let mut seen = 0;
    for seed in 0..60 {
        let mut random = seed;
        let mut hostile = lines.clone();
        let last = hostile.len() - 1;
        // The frame of it stays, so that what is inside is looked at.
        for line in &mut hostile[1..last] {
            let kind = line.as_object_mut().expect("an object");
            for (name, value) in kind.iter_mut() {
                match name.as_str() {
                    "snapshot" => mutated(name, value, &mut random),
                    "moment" => mutated("lab", &mut value["lab"], &mut random),
                    _ => ["ops", "verdicts", "predicted", "charts", "status"]
                        .iter()
                        .for_each(|part| mutated(part, &mut value["record"][part], &mut random)),
                }
            }
        }
        let text: String = hostile.iter().map(|line| format!("{line}\n")).collect();
        let tape = match file::read(packed(text.as_bytes()).as_slice()) {
            Ok(tape) => tape,
            Err(error) => {
                assert!(
                    !error
                        .to_string()
                        .chars()
                        .any(|letter| letter.is_control() || is_hidden(letter)),
                    "{error}"
                );
                println!("{error}");
                continue;
            }
        };
        seen += 1;
        draw_all(&tape, &lesson);
    }
    assert!(seen > 10, "only {seen} of the hostile tapes could be looked at");
}

/// Play it on the screen and look at every pane.
fn draw_all(tape: &Tape, lesson: &Arc<Lesson>) {
    let look =
        Look { theme: Theme { colors: true, ascii: false }, highlighted: Highlighted::new() };
    let mut model = Model::new(Vec::new(), (120, 40));
    let origin = Some(format!("\u{1b}[2J{}", tape.header.origin()));
    let _ =
        update(&mut model, Msg::Opened { lesson: Arc::clone(lesson), left_off: 0, tape: origin });
    for event in played(tape, lesson, &vec![Request::Next; lesson.steps.len()]) {
        let _ = update(&mut model, Msg::Engine(event));
        for (columns, rows) in [(80, 24), (200, 60)] {
            let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a screen");
            terminal.draw(|frame| ui::draw(&model, &look, frame)).expect("drawn");
            let buffer = terminal.backend().buffer();
            let stray = buffer.content().iter().find(|cell| {
                cell.symbol()
                    .chars()
                    .any(|letter| letter.is_control() || is_hidden(letter) || letter == '\u{fffd}')
            });
            assert_eq!(stray, None);
        }
    }
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
            assert!(tty.screen().contains("TAPE kernel"), "{}", tty.screen());
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
        tty.wait_for("This was a tape");
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
