//! Scripts of looking: back and forward, at one pane, at what has changed, for a word.

#![cfg(test)]

use super::*;
use crate::app::MapPlace;
use crate::app::panes::CompareMode;
use crate::lesson::expect::verdict::Verdict;
use crate::map::MapLens;
use crate::view::ViewKind;

#[test]
fn looking_back_and_forward_ends_at_the_live_lab() {
    check(
        &mut after(2),
        [
            (key("l"), "", "LastStep 2"),
            (key("h"), "", "LookingBack 2, not live"),
            (key("<-"), "", "LookingBack 1, not live"),
            (key("h"), "", "LookingBack 1, not live"),
            (key("->"), "", "LookingBack 2, not live"),
            (key("l"), "", "LastStep 2"),
            (key("Enter"), "", "NextRepair 3"),
        ],
    );
}

#[test]
fn looking_back_is_left_at_once_by_one_key_and_runs_nothing() {
    check(
        &mut before(2),
        [
            (key("h"), "", "LookingBack 2, not live"),
            (key("h"), "", "LookingBack 1, not live"),
            (key("Enter"), "", "LookingBack 1, not live, notice"),
            (key("Esc"), "", "NextRepair 3"),
            (key("Esc"), "", "NextRepair 3"),
        ],
    );
}

#[test]
fn a_step_that_ends_while_one_looks_back_waits_in_the_live_lab() {
    let mut model = before(1);
    check(
        &mut model,
        [
            (key("Enter"), "ask PlayNext", "Playing 2"),
            (key("h"), "", "Playing 1, not live"),
            (played(1), "remember goals Watched hints 0", "Playing 1, not live"),
            (ready(2), "remember 2 played", "LookingBack 1, not live"),
            (Msg::Engine(Event::LiveSnapshot(Arc::default())), "", "LookingBack 1, not live"),
        ],
    );
    let rows = |model: &Model| view(model).panes.rows(ViewKind::Processes).count();
    assert!(rows(&model) > 0, "the record is shown, whatever the lab does");

    check(&mut model, [(key("Esc"), "", "LastStep 2")]);
    let shown = view(&model).shown_record().map(|record| record.step);
    assert_eq!(shown, Some(1));
}

#[test]
fn a_step_is_looked_at_or_gone_to_from_the_list() {
    check(
        &mut after(2),
        [
            (key("t"), "", "LastStep 2, list of steps"),
            (key("Up"), "", "LastStep 2, list of steps"),
            (key("Enter"), "", "LookingBack 1, not live"),
            (key("t"), "", "LookingBack 1, not live, list of steps"),
            (key("Down"), "", "LookingBack 1, not live, list of steps"),
            (key("Down"), "", "LookingBack 1, not live, list of steps"),
            (key("Enter"), "", "LastStep 2"),
            (key("t"), "", "LastStep 2, list of steps"),
            (key("Down"), "", "LastStep 2, list of steps"),
            (key("Down"), "", "LastStep 2, list of steps"),
            (key("Enter"), "", "LastStep 2, confirm RewindTo { steps: 3 }"),
            (key("y"), "ask RewindTo { steps: 3 }", "Building 2"),
        ],
    );
}

#[test]
fn the_map_stands_beside_the_rows_in_their_place_or_nowhere() {
    let place = |model: &Model| match &model.screen {
        Screen::Lesson(view) => (view.panes.map_place, view.map().is_some()),
        other => panic!("no lesson: {other:?}"),
    };
    let mut model = after(1);
    model.size = (120, 40);
    let mut seen = vec![place(&model)];
    for _ in 0..3 {
        press(&mut model, &["m"]);
        seen.push(place(&model));
    }
    let beside = (MapPlace::Beside, true);
    assert_eq!(seen, [beside, (MapPlace::Alone, true), (MapPlace::Nowhere, false), beside]);

    // A small screen has room for one of both.
    model.size = (80, 24);
    press(&mut model, &["m"]);
    assert_eq!(place(&model).0, MapPlace::Alone);
    press(&mut model, &["m"]);
    assert_eq!(place(&model).0, MapPlace::Beside);
}

#[test]
fn an_author_picks_the_picture_of_a_step_until_another_pane_comes_to_the_front() {
    let lens = |text: &str, keys: &[&str]| {
        let lesson = Arc::new(parse("sample.yaml", text).unwrap_or_else(|error| panic!("{error}")));
        let mut model = Model::new(Vec::new(), (120, 40));
        let _ = update(&mut model, Msg::LessonOpened { lesson, left_off: 0, tape: None });
        let _ = update(&mut model, ready(0));
        press(&mut model, keys);
        view(&model).map_lens()
    };
    let first = "    watch: [files]\n";
    let picked = LESSON.replacen(first, "    watch: [files]\n    map: network\n", 1);
    assert_ne!(picked, LESSON);
    assert_eq!(lens(LESSON, &[]), MapLens::Mounts);
    assert_eq!(lens(&picked, &[]), MapLens::Network);
    assert_eq!(lens(&picked, &["2"]), MapLens::Processes, "the learner's choice");

    let unseen = LESSON.replacen(first, "    map: cgroups\n", 1);
    let error = parse("sample.yaml", &unseen).expect_err("it would never be shown").to_string();
    assert!(error.contains("`map` is shown with the first view of `watch`"), "{error}");
    let unknown = LESSON.replacen(first, "    watch: [files]\n    map: nework\n", 1);
    let error = parse("sample.yaml", &unknown).expect_err("no such picture").to_string();
    assert!(error.contains("network"), "{error}");
}

#[test]
fn what_a_failed_step_lacks_is_drawn_as_missing() {
    let mut model = before(0);
    assert_eq!(view(&model).map_wants(), [], "nothing was done yet");
    let _ = update(&mut model, playing(0));
    let Msg::Engine(Event::Played(record)) = played(0) else { panic!("a record") };
    let mut failed = (*record).clone();
    let verdict = |expect: &crate::lesson::expect::Expect| Verdict {
        ok: false,
        expected: expect.into(),
        seen: crate::seen::Seen::NoProcess,
        pane: Some(ViewKind::Processes),
    };
    failed.verdicts = lesson().steps[0].expect.iter().map(verdict).collect();
    let _ = update(&mut model, Msg::Engine(Event::Played(Arc::new(failed))));
    let _ = update(&mut model, ready(1));
    let wants = view(&model).map_wants();
    assert_eq!(wants.len(), 1, "one expectation");

    let place =
        crate::app::PicturePlace { width: 76, height: 16, glyphs: crate::map::Glyphs::Unicode };
    let lens = wants[0].lens;
    let canvas = view(&model).panes.pictures.canvas(lens, place, wants.clone());
    let text = canvas.expect("a picture").text();
    assert!(text.contains(&format!("? {}", wants[0].text)), "{text}");
}

#[test]
fn a_pane_alone_and_back() {
    let mut model = after(1);
    check(
        &mut model,
        [
            (key("2"), "", "LastStep 1"),
            (key("z"), "", "LastStep 1, pane alone"),
            (key("Tab"), "", "LastStep 1, pane alone"),
            (key("Esc"), "", "LastStep 1"),
            (key("z"), "", "LastStep 1, pane alone"),
            (key("z"), "", "LastStep 1"),
        ],
    );

    assert_eq!(view(&model).panes.focus, ViewKind::ALL[2], "from the second on by one");
}

#[test]
fn what_is_compared_and_what_is_left_away() {
    let mut model = after(1);
    press(&mut model, &["2"]);
    let state = |model: &Model| {
        let panes = &view(model).panes;
        let rows = panes.rows(panes.focus).filter(|row| row.text.contains("box")).count();
        (panes.compare, panes.changes_only, rows, panes.changes(panes.focus))
    };
    assert_eq!(state(&model), (CompareMode::Diff, false, 1, 1));

    press(&mut model, &["d", "d"]);
    assert_eq!(state(&model), (CompareMode::Before, false, 0, 1), "it came with the step");
    press(&mut model, &["d", "d", "c"]);
    assert_eq!(state(&model), (CompareMode::Diff, true, 1, 1));
    let row = copied(&model);
    check(&mut model, [(key("]"), "", "LastStep 1"), (key("y"), &row, "LastStep 1")]);

    press(&mut model, &["Enter"]);
    assert!(view(&model).panes.changes_only, "it stays so");
}

/// The effect of copying the row that was added.
fn copied(model: &Model) -> String {
    let rows = view(model).panes.rows(ViewKind::Processes);
    let text = rows.filter(|row| row.mark.is_change()).map(|row| row.text.trim().to_owned()).next();
    format!("{:?}", Effect::CopyText(text.expect("a changed row")))
}

#[test]
fn a_search_begins_at_the_selected_row() {
    let mut model = after(1);
    press(&mut model, &["2"]);
    let rows =
        |model: &Model| view(model).panes.rows(ViewKind::Processes).cloned().collect::<Vec<_>>();
    let holds: Vec<usize> = rows(&model)
        .iter()
        .enumerate()
        .filter(|(_, row)| row.text.contains('o'))
        .map(|(index, _)| index)
        .collect();
    assert!(holds.len() > 1, "more than one row can be found: {:?}", rows(&model));

    for at in holds {
        press(&mut model, &["g"]);
        (0..at).for_each(|_| press(&mut model, &["j"]));
        press(&mut model, &["/", "o", "Enter"]);
        assert_eq!(view(&model).panes.selected_row(), at, "this very row holds it");
    }
}

#[test]
fn a_word_is_searched_for_and_forgotten() {
    let mut model = after(1);
    press(&mut model, &["2"]);
    check(
        &mut model,
        [
            (key("/"), "", "LastStep 1, search "),
            (key("b"), "", "LastStep 1, search b"),
            (key("o"), "", "LastStep 1, search bo"),
            (key("Enter"), "", "LastStep 1"),
        ],
    );
    let panes = &view(&model).panes;
    let found = panes.rows(panes.focus).nth(panes.selected_row()).expect("a row");
    assert!(found.text.contains("box"), "{}", found.text);

    press(&mut model, &["Esc"]);
    assert_eq!(view(&model).panes.query, "");
}

#[test]
fn what_the_lab_does_by_itself_is_shown_as_a_change() {
    let mut model = before(1);
    let live = |actors: &[&str]| Msg::Engine(Event::LiveSnapshot(Arc::new(snapshot(actors))));
    let changes = |model: &Model| view(model).panes.changes(ViewKind::Processes);
    assert_eq!(changes(&model), 0);

    check(&mut model, [(live(&["host", "box", "third"]), "", "NextStep 2")]);
    assert_eq!(changes(&model), 1);

    // A lab in which nothing was played yet settles by itself.
    let mut model = before(0);
    check(&mut model, [(live(&["host", "box", "third"]), "", "NextStep 1")]);
    assert_eq!(changes(&model), 0);
}

#[test]
fn the_marks_of_a_step_are_gone_when_the_next_one_is_told() {
    let mut model = after(1);
    let changes = |model: &Model| view(model).panes.changes(ViewKind::Processes);
    assert_eq!(changes(&model), 1);

    check(&mut model, [(key("Enter"), "", "NextStep 2")]);
    assert_eq!(changes(&model), 0);
    // Nor do they come back when the engine speaks of the same lab again, as when a step is left out.
    check(&mut model, [(ready(1), "remember 1 played", "NextStep 2")]);
    assert_eq!(changes(&model), 0);

    // Looked back at, they are there.
    check(&mut model, [(key("h"), "", "LookingBack 1, not live")]);
    assert_eq!(changes(&model), 1);
    check(&mut model, [(key("l"), "", "NextStep 2")]);
    assert_eq!(changes(&model), 0);
}

#[test]
fn the_story_is_read_on_and_begins_anew_with_the_next_step() {
    let mut model = after(1);
    press(&mut model, &["Space", "Space", "o"]);
    assert_eq!(view(&model).story.scroll, 6);
    press(&mut model, &["Enter"]);
    assert_eq!(view(&model).story.scroll, 0);
}
