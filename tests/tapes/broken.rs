//! Tapes that are cut, damaged or hostile: refused in a sentence, or played without harm.

use std::sync::Arc;

use crate::{fresh, played};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use unboxed::app::{Model, Msg, update};
use unboxed::engine::Request;
use unboxed::lesson::catalogue;
use unboxed::lesson::model::Lesson;
use unboxed::tape::Tape;
use unboxed::tape::file::{self, TapeError};
use unboxed::text::is_hidden;
use unboxed::ui::highlight::Highlighted;
use unboxed::ui::theme::Theme;
use unboxed::ui::{self, DrawOptions};

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
    let lesson = Arc::new(catalogue::find_lesson("1").expect("the lesson"));
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
    let look = DrawOptions { theme: Theme::ansi(), highlighted: Highlighted::new() };
    let mut model = Model::new(Vec::new(), (120, 40));
    let mut origin = tape.header.origin_seen_from(&crate::common::facts());
    origin.made = format!("\u{1b}[2J{}", origin.made);
    let _ = update(
        &mut model,
        Msg::LessonOpened { lesson: Arc::clone(lesson), left_off: 0, tape: Some(origin) },
    );
    for event in played(tape, lesson, &vec![Request::PlayNext; lesson.steps.len()]) {
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
