//! Scripts of the mouse, and of what has just changed: it glows for a moment.

#![cfg(test)]

use super::*;
use crate::app::Glow;
use crate::app::pointing::{PointTarget, Pointing};
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
