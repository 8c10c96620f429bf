//! Scripts of the last screen of a lesson: what was missed is looked at, the next lesson begins.

#![cfg(test)]

use super::*;
use crate::app::{EndedItem, EndedLesson};
use crate::diff::ChangeKind;
use crate::map::MapLens;
use crate::proof::Proof;
use crate::words;

fn ended(model: &Model) -> &EndedLesson {
    let Screen::Ended(ended) = &model.screen else { panic!("an end: {:?}", model.screen) };
    ended
}

/// The lesson is over, one of its questions was answered wrong, and another lesson comes behind it.
fn at_the_end() -> Model {
    let mut model = after(1);
    let next = CatalogueRow { id: "next".into(), title: "The next".into(), ..catalogue_row() };
    model.catalogue = vec![catalogue_row(), next];
    // `rmdir`, where `mkdir` is right.
    press(&mut model, &["p", "j", "Enter", "Esc", "Enter"]);
    for step in 1..4 {
        let done = if step == 1 { typed(step) } else { played(step) };
        for message in [done, ready(step + 1)] {
            let _ = update(&mut model, message);
        }
    }
    press(&mut model, &["Enter"]);
    model
}

#[test]
fn the_end_tells_who_did_what_and_what_was_missed() {
    let mut model = at_the_end();
    let _ = update(&mut model, Msg::Engine(Event::SessionEnded(Proof::default())));
    let ended = ended(&model);
    assert_eq!((ended.steps.played, ended.typed, ended.shown), (4, 1, 0));
    assert_eq!((ended.asked, ended.right, ended.missed.len()), (1, 0, 1));
    let missed = &ended.missed[0].grade;
    assert_eq!((missed.own.as_str(), missed.right.as_str()), ("rmdir", "mkdir"));
    assert_eq!(ended.next.as_ref().map(|(id, _)| id.as_str()), Some("next"));
    assert!(!ended.lenses.is_empty());
    let items = [EndedItem::Missed(0), EndedItem::Next, EndedItem::Machine, EndedItem::Catalogue];
    assert_eq!(ended.items(), items);
}

#[test]
fn the_lab_at_last_is_compared_with_itself_and_with_no_lab_before_a_rewind() {
    let mut model = after(1);
    let other = |actors: &[&str]| {
        let mut snapshot = snapshot(actors);
        snapshot.processes.iter_mut().for_each(|process| process.pid += 50);
        Arc::new(snapshot)
    };
    let (before, after) = (other(&["host", "box"]), other(&["host", "box", "inner"]));
    let record = StepRecord { before, after, ..(*record(1, true)).clone() };
    for message in [Msg::Engine(Event::Played(Arc::new(record))), ready(2)] {
        let _ = update(&mut model, message);
    }
    press(&mut model, &["q", "y"]);

    let pictures = &ended(&model).pictures;
    let lanes = pictures.scene(MapLens::Namespaces).and_then(|scene| scene.lanes.as_ref());
    let rows: Vec<(&str, ChangeKind)> =
        lanes.expect("rows").actors.iter().map(|row| (row.name.as_str(), row.mark)).collect();
    use ChangeKind::{Added, Same};
    assert_eq!(rows, [("host", Same), ("box", Same), ("inner", Added)]);
}

#[test]
fn enter_looks_at_what_was_missed_and_begins_the_next_lesson() {
    let mut model = at_the_end();
    let compared = "ended after 4, compared";
    check(
        &mut model,
        [
            // Not before the lab is gone.
            (key("j"), "", "ended after 4, not compared yet"),
            (key("Enter"), "", "ended after 4, not compared yet"),
            (key("k"), "", "ended after 4, not compared yet"),
            (Msg::Engine(Event::SessionEnded(Proof::default())), "", compared),
            (key("Enter"), "", compared),
        ],
    );
    assert_eq!(ended(&model).reading, Some(EndedItem::Missed(0)));
    check(&mut model, [(key("Esc"), "", compared), (key("j"), "", compared)]);
    assert_eq!((ended(&model).reading, ended(&model).chosen), (None, 1));
    check(&mut model, [(key("Enter"), "OpenLesson { id: \"next\", from: Lab }", "catalogue")]);
}

/// A challenge from a file or of the program, with the lab up: it is in no catalogue.
fn in_challenge() -> Model {
    let text = "format: 1\nnumber: 1\nid: lost\ntitle: Lost\nsummary: s\nminutes: 1\nchallenge: {part: Namespaces, par: 1}\nsteps:\n  \
                - id: task\n    title: Bring it back\n    story: s\n    breaks:\n      - rm: {path: /one, dir: true}\n    actions:\n      \
                - mkdir: {paths: [/one]}\n    expect:\n      - file: {path: /one, is: present}\n";
    let lesson = Arc::new(parse("lost.yaml", text).unwrap_or_else(|error| panic!("{error}")));
    let mut model = Model::new(vec![catalogue_row()], SIZE);
    for message in [Msg::LessonOpened { lesson, left_off: 0, tape: None }, ready(0)] {
        let _ = update(&mut model, message);
    }
    model
}

#[test]
fn the_lines_of_a_challenge_are_one_way_to_do_it_and_nobody_did_them_by_hand() {
    let mut model = in_challenge();
    for message in [typed(0), ready(1)] {
        let _ = update(&mut model, message);
    }
    press(&mut model, &["Enter"]);
    assert_eq!(ended(&model).typed, 1);
    let copied = update(&mut model, key("y"));
    let [Effect::CopyText(text)] = copied.as_slice() else { panic!("a copy: {copied:?}") };
    assert!(text.ends_with("# 1. Bring it back\n# in host:\nmkdir -p /one\n"), "{text}");
    assert_eq!(words::shell_lines_title(&ended(&model).lesson), "A way to do it");
}

#[test]
fn what_is_in_no_catalogue_is_begun_again_from_where_it_was() {
    let mut model = in_challenge();
    press(&mut model, &["q", "y"]);
    let _ = update(&mut model, Msg::Engine(Event::SessionEnded(Proof::default())));
    assert_eq!(ended(&model).chosen_item(), EndedItem::GoOn);
    assert_eq!(words::go_on(&ended(&model).lesson, 1), "Begin this challenge once more");
    check(&mut model, [(key("Enter"), "OpenLesson { id: \"lost\", from: Lab }", "catalogue")]);

    // A tape of it stays one: for a lab nobody was asked.
    let mut model = after(1);
    let Screen::Lesson(view) = &mut model.screen else { panic!("a lesson") };
    view.tape = Some("somewhere".into());
    press(&mut model, &["q", "y"]);
    let _ = update(&mut model, Msg::Engine(Event::SessionEnded(Proof::default())));
    check(&mut model, [(key("Enter"), "OpenLesson { id: \"sample\", from: Tape }", "catalogue")]);
}

#[test]
fn the_lines_are_copied_and_saved_and_a_lesson_left_in_the_middle_is_gone_on_with() {
    let mut model = after(1);
    model.catalogue = vec![catalogue_row()];
    press(&mut model, &["q", "y"]);
    let _ = update(&mut model, Msg::Engine(Event::SessionEnded(Proof::default())));

    let copied = update(&mut model, key("y"));
    let [Effect::CopyText(text)] = copied.as_slice() else { panic!("a copy: {copied:?}") };
    assert!(text.contains("# 1. The plain step\n# in host:\nmkdir"), "{text}");
    let saved = update(&mut model, key("S"));
    let expected = Effect::SaveText { name: "sample".into(), text: text.clone() };
    assert_eq!(saved, [expected]);

    assert_eq!(ended(&model).chosen_item(), EndedItem::GoOn);
    check(&mut model, [(key("Enter"), "OpenLesson { id: \"sample\", from: Lab }", "catalogue")]);
}
