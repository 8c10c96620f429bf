//! Scripts of the mouse, and of what has just changed: it glows for a moment.

#![cfg(test)]

use super::*;
use crate::app::Glow;
use crate::app::pointing::{PointTarget, Pointing};
use crate::explain;
use crate::settings::Motion;
use crate::view::ViewKind;

fn click(target: PointTarget) -> Msg {
    Msg::Pointed(target, Pointing::Click)
}

#[test]
fn a_click_on_a_key_is_a_press_of_it() {
    let run = PointTarget::Key(press_of("Enter"));
    check(&mut before(1), [(click(run), "ask PlayNext", "Playing 2")]);
    let wheel = Msg::Pointed(run, Pointing::WheelDown);
    check(&mut before(1), [(wheel, "", "NextStep 2")]);
}

#[test]
fn a_click_on_a_step_goes_where_the_list_of_steps_does() {
    check(
        &mut after(2),
        [
            (click(PointTarget::Step(0)), "", "LookingBack 1, not live"),
            (
                click(PointTarget::Step(3)),
                "",
                "LookingBack 1, not live, confirm RewindTo { steps: 3 }",
            ),
            // What is asked has the mouse to itself, and a no costs nothing.
            (
                click(PointTarget::Step(1)),
                "",
                "LookingBack 1, not live, confirm RewindTo { steps: 3 }",
            ),
            (key("Esc"), "", "LookingBack 1, not live"),
        ],
    );
}

#[test]
fn rows_and_panes_are_chosen_by_a_click_and_moved_through_by_the_wheel() {
    let mut model = after(2);
    let row = PointTarget::PaneRow(ViewKind::Processes, 1);
    assert_eq!(update(&mut model, click(row)), []);
    assert_eq!(view(&model).panes.focus, ViewKind::Processes);
    let count = view(&model).panes.rows(ViewKind::Processes).count();
    assert_eq!(view(&model).panes.selection(ViewKind::Processes), Some(1.min(count - 1)));

    press(&mut model, &["Esc"]);
    assert_eq!(update(&mut model, Msg::Pointed(row, Pointing::WheelUp)), []);
    assert_eq!(view(&model).panes.selection(ViewKind::Processes), Some(0));
    assert_eq!(update(&mut model, click(PointTarget::Pane(ViewKind::Mounts))), []);
    assert_eq!(view(&model).panes.focus, ViewKind::Mounts);

    assert_eq!(update(&mut model, Msg::Pointed(PointTarget::Story, Pointing::WheelDown)), []);
    assert!(view(&model).story.first_line(0, 7) > 0);
    assert_eq!(update(&mut model, Msg::Pointed(PointTarget::Story, Pointing::WheelUp)), []);
    assert_eq!(view(&model).story.first_line(0, 7), 0);
}

#[test]
fn a_click_on_a_row_a_call_or_a_word_opens_its_card_and_one_beside_it_closes_it() {
    let mut model = after(2);
    let places = view(&model).panes.rows(ViewKind::Processes).enumerate();
    let rows: Vec<(usize, bool)> = places.map(|(row, it)| (row, it.subject.is_some())).collect();
    let about = rows.iter().find(|(_, is_about)| *is_about).expect("a process").0;
    let _ = update(&mut model, click(PointTarget::PaneRow(ViewKind::Processes, about)));
    let first = screen_text(&model);
    assert!(first.starts_with("LastStep 2, card "), "{first}");

    // Another row takes the card's place; the wheel over the card is the card's alone.
    let selected = view(&model).panes.selection(ViewKind::Processes);
    let _ = update(&mut model, Msg::Pointed(PointTarget::Card, Pointing::WheelDown));
    let _ = update(&mut model, click(PointTarget::Card));
    assert_eq!(view(&model).panes.selection(ViewKind::Processes), selected);
    assert_eq!(screen_text(&model), first);
    let word = explain::find("mount").expect("a word");
    let _ = update(&mut model, click(PointTarget::Word(word)));
    assert_eq!(screen_text(&model), "LastStep 2, card mount, a word");
    let _ = update(&mut model, click(PointTarget::Story));
    assert_eq!(screen_text(&model), "LastStep 2");

    // Rows that are about nothing, and folded ones, are selected alone.
    let heading = PointTarget::PaneRow(ViewKind::Calls, 0);
    let fold = PointTarget::PaneFold(ViewKind::Processes, about);
    check(
        &mut model,
        [
            (click(heading), "", "LastStep 2"),
            (click(fold), "", "LastStep 2"),
            (click(PointTarget::StepCall { op: 7, call: 7 }), "", "LastStep 2"),
        ],
    );
    assert_eq!(view(&model).panes.selection(ViewKind::Processes), Some(about));
}

#[test]
fn a_click_on_a_shells_name_types_into_it_and_one_on_its_screen_does_not() {
    let mut model = after(1);
    press(&mut model, &["s"]);
    let _ = update(&mut model, shell(1, "host"));
    press(&mut model, &["ctrl-]"]);
    check(&mut model, [(click(PointTarget::Shell), "", "LastStep 1, shell below")]);
    assert!(!view(&model).shells.is_typing());
    check(&mut model, [(click(PointTarget::ShellTab(0)), "", "LastStep 1, shell below")]);
    assert!(view(&model).shells.is_typing());
}

#[test]
fn a_second_click_opens_a_lesson_and_the_wheel_moves_by_one() {
    let rows = ["one", "two"].map(|id| {
        let mut row = CatalogueRow::of_lesson(&parse("sample", LESSON).expect("a lesson"));
        row.id = id.into();
        row
    });
    let mut model = Model::new(rows.to_vec(), (80, 24));
    let second = PointTarget::CatalogueRow(1);
    assert_eq!(update(&mut model, click(second)), []);
    assert_eq!(model.chosen, 1);
    let opened = update(&mut model, click(second));
    assert!(matches!(&opened[..], [Effect::OpenLesson { id, .. }] if id == "two"), "{opened:?}");
    assert_eq!(update(&mut model, Msg::Pointed(second, Pointing::WheelUp)), []);
    assert_eq!(model.chosen, 0);
}

#[test]
fn what_changed_glows_until_it_was_seen_or_a_key_is_pressed() {
    let mut model = before(1);
    model.motion = Motion::WhereFast;
    let mut tell = |message| {
        let _ = update(&mut model, message);
        model.glow
    };
    assert_eq!(tell(key("Enter")), Glow::Off);
    assert_eq!(tell(played(1)), Glow::On);
    assert_eq!(tell(ready(2)), Glow::On);
    assert_eq!(tell(Msg::GlowEnded), Glow::Off);
    assert_eq!(tell(key("Enter")), Glow::Off);
    assert_eq!(tell(key("Enter")), Glow::Off);
    assert_eq!(tell(played(2)), Glow::On);
    assert_eq!(tell(key("h")), Glow::Off);

    let mut still = before(1);
    let _ = update(&mut still, played(1));
    assert_eq!(still.glow, Glow::Off, "no motion is wanted");
}
