//! The work of a lesson's keys: it changes the model and returns effects.

use super::confirmation::{ask, loss};
use super::ended::ended_lesson;
use super::keymap::keys;
use super::{
    Effect, LessonScene, ListKind, Model, PlaySource, Screen, ScreenOverlay, SearchList,
    learning_commands,
};
use crate::app::shells::ShellRoom;
use crate::engine::{Request, TurnGoal};
use crate::notice::Notice;
use crate::prompt::Prompt;
use crate::view::ViewKind;

/// Go on: run the next step, or whatever the lesson waits for.
pub(super) fn run(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };

    match view.scene() {
        LessonScene::Branch => return learning_commands::ask_to_leave_branch(model),
        LessonScene::YourTurn => return learning_commands::on_enter(model),
        // Something is broken then, and mending it is the learner's.
        LessonScene::NextRepair => return learning_commands::toggle_turn(model),
        LessonScene::NextStep if view.begins_turns() => {
            return vec![Effect::SendToEngine(Request::BeginTurn(TurnGoal::Step))];
        }
        LessonScene::NextStep => {
            view.start_playing(view.played_steps());
            return vec![Effect::SendToEngine(Request::PlayNext)];
        }
        LessonScene::LastStep => {
            view.show_next_step();
            if view.begins_turns() {
                return vec![Effect::SendToEngine(Request::BeginTurn(TurnGoal::Step))];
            }
        }
        LessonScene::Finished => return finish(model),
        LessonScene::Busy | LessonScene::LookingBack if !view.is_live() => {
            let back = keys::lesson::BACK_TO_LIVE;
            model.notice = Some(Notice::LookingBack { back: back.into() });
        }
        LessonScene::Busy | LessonScene::LookingBack => {}
    }
    Vec::new()
}

/// Close what is open, one thing at a time, until the live lab is there.
pub(super) fn back_to_live(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };

    if view.is_in_branch() {
        return learning_commands::ask_to_leave_branch(model);
    }
    let panes = &mut view.panes;
    if panes.is_zoomed {
        panes.is_zoomed = false;
        return view.shells.resize_tabs(model.size, ShellRoom::BelowPanes);
    }
    if !panes.query.is_empty() {
        panes.query.clear();
    } else if panes.selection(panes.focus).is_some() {
        panes.unselect();
    } else if panes.has_chosen_group() && panes.focus == ViewKind::Cgroups {
        view.show_group(None);
    } else if !view.is_live() {
        view.back_to_live();
    }
    Vec::new()
}

pub(super) fn zoom(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    view.panes.is_zoomed = !view.panes.is_zoomed;
    view.shells.resize_tabs(model.size, ShellRoom::of_zoom(view.panes.is_zoomed))
}

pub(super) fn turn_map(model: &mut Model) -> Vec<Effect> {
    if let Screen::Lesson(view) = &mut model.screen {
        view.turn_map();
    }
    Vec::new()
}

pub(super) fn rewind(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    let Some(steps) = view.played_steps().checked_sub(1) else { return Vec::new() };
    let title = view.lesson.steps.get(steps).map_or_else(String::new, |step| step.title.clone());
    let prompt = Prompt::Rewind { title, replayed: steps, loss: loss(view) };
    ask(model, prompt, Request::RewindTo { steps })
}

/// The step in sight from its beginning, in a lab as it was before.
pub(super) fn begin_step_again(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    if !view.can_begin_step_again() {
        return Vec::new();
    }
    let step = view.story_step();
    let title = view.step().map_or_else(String::new, |step| step.title.clone());
    let prompt = Prompt::StepAgain { title, loss: loss(view) };
    ask(model, prompt, Request::RewindTo { steps: step })
}

pub(super) fn restart(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    let prompt = Prompt::Restart { loss: loss(view) };
    ask(model, prompt, Request::RewindTo { steps: 0 })
}

/// The recording of the lesson, in the place of a lab that failed.
pub(super) fn see_tape(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    if !view.can_see_tape() {
        return Vec::new();
    }
    vec![Effect::OpenLesson { id: view.lesson.id.clone(), from: PlaySource::Tape }]
}

pub(super) fn list_shells(model: &mut Model) -> Vec<Effect> {
    model.overlay = ScreenOverlay::List(SearchList::new(ListKind::Shells, 0));
    Vec::new()
}

pub(super) fn list_steps(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    model.overlay = ScreenOverlay::List(SearchList::new(ListKind::Steps, view.story_step()));
    Vec::new()
}

pub(super) fn list_everything(model: &mut Model) -> Vec<Effect> {
    model.overlay = ScreenOverlay::List(SearchList::new(ListKind::Palette, 0));
    Vec::new()
}

pub(super) fn find(model: &mut Model) -> Vec<Effect> {
    model.overlay = ScreenOverlay::Search { query: String::new() };
    Vec::new()
}

/// Bring a pane to the front by its place.
pub(super) fn show_pane(model: &mut Model, place: usize) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    view.panes.focus_on_place(place);
    Vec::new()
}

/// All steps are done. Whoever has shells open still is asked before they go with the lab.
fn finish(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    let loss = loss(view);
    if loss.shells == 0 {
        return leave_lesson(model);
    }
    ask(model, Prompt::FinishLesson { loss }, Request::Quit)
}

/// Take the lab down and show the proof.
pub(super) fn leave_lesson(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    model.screen = Screen::Ended(Box::new(ended_lesson(view, &model.catalogue)));
    vec![Effect::SendToEngine(Request::Quit)]
}
