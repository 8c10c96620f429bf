//! The work of a lesson's keys: it changes the model and returns effects.

use super::keymap::keys;
use super::panes::PaneRow;
use super::{
    Confirm, Effect, Ended, LessonView, Model, Phase, Screen, ScreenOverlay, learning_commands,
};
use crate::engine::{Goal, Request};
use crate::view::ViewKind;

/// Go on: run the next step, or whatever the lesson waits for.
pub(super) fn run(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };

    if view.learning.branch.is_some() {
        return learning_commands::end_branch(view);
    }
    if view.learning.is_step_turn() {
        return learning_commands::enter(model);
    }
    // Something is broken then, and mending it is the learner's.
    if view.can_run() && view.is_repair() {
        return learning_commands::toggle_turn(model);
    }
    if view.can_run() {
        // At once: a second Enter before the engine has heard of the first must not run another step.
        view.phase = Phase::Playing { step: view.played() };
        return vec![Effect::Engine(Request::Next)];
    }

    if view.can_go_on() {
        view.go_on();
        if view.learning.always && view.has_goals() {
            return vec![Effect::Engine(Request::Turn(Goal::Step))];
        }
    } else if view.is_finished() {
        return leave(model);
    } else if !view.is_live() {
        let back = keys::lesson::BACK_TO_LIVE;
        model.notice = Some(format!("you are looking back: {back} returns to the live lab"));
    }
    Vec::new()
}

/// Close what is open, one thing at a time, until the live lab is there.
pub(super) fn back_to_live(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };

    if view.learning.branch.is_some() {
        return learning_commands::end_branch(view);
    }
    if view.zoomed {
        view.zoomed = false;
    } else if !view.query.is_empty() {
        view.query.clear();
    } else if view.group.is_some() && view.focus == ViewKind::Cgroups {
        view.show_group(None);
    } else if !view.is_live() {
        view.back_to_live();
    }
    Vec::new()
}

pub(super) fn zoom(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    view.zoomed = !view.zoomed;
    view.shells.fit(model.size, view.zoomed)
}

pub(super) fn rewind(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    let Some(steps) = view.played().checked_sub(1) else { return Vec::new() };
    let title = view.lesson.steps.get(steps).map_or("", |step| step.title.as_str());
    let question =
        format!("Rewind to before `{title}`? The lab is dropped and {steps} steps are replayed.");
    ask(model, question, Request::RewindTo { steps })
}

pub(super) fn restart(model: &mut Model) -> Vec<Effect> {
    let question = "Start the lesson anew, in a fresh lab?".into();
    ask(model, question, Request::RewindTo { steps: 0 })
}

pub(super) fn ask_to_leave(model: &mut Model) -> Vec<Effect> {
    let question = "The lab is running. Take it down and leave the lesson?".into();
    ask(model, question, Request::Quit)
}

fn ask(model: &mut Model, question: String, then: Request) -> Vec<Effect> {
    model.overlay = ScreenOverlay::Confirm(Confirm { question, then });
    Vec::new()
}

pub(super) fn list_shells(model: &mut Model) -> Vec<Effect> {
    model.overlay = ScreenOverlay::Shells { query: String::new(), selected: 0 };
    Vec::new()
}

pub(super) fn list_steps(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    model.overlay = ScreenOverlay::Steps { query: String::new(), selected: view.story_step() };
    Vec::new()
}

pub(super) fn list_everything(model: &mut Model) -> Vec<Effect> {
    model.overlay = ScreenOverlay::Palette { query: String::new(), selected: 0 };
    Vec::new()
}

pub(super) fn find(model: &mut Model) -> Vec<Effect> {
    model.overlay = ScreenOverlay::Search { query: String::new() };
    Vec::new()
}

pub(super) fn copy_row(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    let row = view.rows(view.focus).nth(view.selected_row());
    row.map(|row| Effect::Copy(row.text.trim().to_owned())).into_iter().collect()
}

pub(super) fn copy_pane(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    let rows = view.rows(view.focus).map(|row| format!("{} {}", row.mark.sign(), row.text));
    vec![Effect::Copy(rows.collect::<Vec<String>>().join("\n"))]
}

pub(super) fn compare(view: &mut LessonView) {
    view.compare = view.compare.next();
    view.rebuild();
}

pub(super) fn changes_only(view: &mut LessonView) {
    view.changes_only = !view.changes_only;
    view.rebuild();
}

pub(super) fn numbers(view: &mut LessonView) {
    view.raw_numbers = !view.raw_numbers;
    view.rebuild();
}

/// Bring a pane to the front by its place.
pub(super) fn show_pane(model: &mut Model, place: usize) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    view.focus = ViewKind::ALL.get(place).copied().unwrap_or(view.focus);
    Vec::new()
}

pub(super) fn turn_pane(view: &mut LessonView, by: usize) {
    view.focus = ViewKind::ALL[(view.focus.place() + by) % ViewKind::ALL.len()];
}

/// The next changed row in this pane, or else the first one of the next pane that has any.
pub(super) fn to_change(view: &mut LessonView, direction: isize) {
    let from = view.selected_row() as isize + direction;
    if let Some(row) = view.find_row(view.focus, from, direction, |row| row.mark.is_change()) {
        view.select(row);
        return;
    }

    let count = ViewKind::ALL.len() as isize;
    let at = view.focus.place() as isize;

    for offset in 1..=count {
        let next = ViewKind::ALL[(at + direction * offset).rem_euclid(count) as usize];
        let end = if direction > 0 { 0 } else { view.rows(next).count() as isize - 1 };
        if let Some(row) = view.find_row(next, end, direction, |row| row.mark.is_change()) {
            view.focus = next;
            view.select(row);
            return;
        }
    }
}

pub(super) fn search(view: &mut LessonView, direction: isize) {
    if view.query.is_empty() {
        return;
    }
    let query = view.query.to_lowercase();
    let fits = |row: &PaneRow| row.text.to_lowercase().contains(&query);
    let from = view.selected_row() as isize + direction;
    let end = if direction > 0 { 0 } else { view.rows(view.focus).count() as isize - 1 };
    let found = view
        .find_row(view.focus, from, direction, fits)
        .or_else(|| view.find_row(view.focus, end, direction, fits));
    if let Some(row) = found {
        view.select(row);
    }
}

/// Take the lab down and show the proof.
pub(super) fn leave(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    model.screen = Screen::Ended(ended(view));
    vec![Effect::Engine(Request::Quit)]
}

pub(super) fn ended(view: &LessonView) -> Ended {
    let records = (0..view.played()).filter_map(|step| view.record(step));
    let verdicts: Vec<bool> =
        records.flat_map(|record| record.verdicts.iter().map(|verdict| verdict.ok)).collect();
    Ended {
        lesson: std::sync::Arc::clone(&view.lesson),
        tape: view.tape.clone(),
        played: view.played(),
        held: verdicts.iter().filter(|ok| **ok).count(),
        expected: verdicts.len(),
        proof: None,
    }
}
