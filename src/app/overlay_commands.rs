//! The work of the keys of help, questions, searches, and of the programs that a lesson from a file runs.

pub(super) use super::catalogue::PAGE;
use super::commands::leave_lesson;
use super::quiz::QuizView;
use super::{Effect, Model, PlaySource, Screen, ScreenOverlay, learning_commands, quiz_events};
use crate::engine::Request;
use crate::prompt::Prompt;

pub(super) fn close(model: &mut Model) {
    model.overlay = ScreenOverlay::None;
}

pub(super) fn scroll_help(model: &mut Model, lines: isize) {
    if let ScreenOverlay::Help { scroll } = &mut model.overlay {
        *scroll = scroll.saturating_add_signed(lines);
    }
}

/// Do what was asked.
pub(super) fn say_yes(model: &mut Model) -> Vec<Effect> {
    let overlay = std::mem::replace(&mut model.overlay, ScreenOverlay::None);
    let ScreenOverlay::Confirm(confirm) = overlay else { return Vec::new() };
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };

    match confirm.then {
        Request::Quit if view.quiz.as_ref().is_some_and(QuizView::is_exam) => {
            return quiz_events::end_check(model);
        }
        Request::Quit => return leave_lesson(model),
        Request::DropTurn => return learning_commands::end_turn(view),
        Request::LeaveOut { step, .. } => {
            return learning_commands::leave_out_or_take_in(model, step);
        }
        Request::LeaveBranch => return learning_commands::request_leave_branch(view),
        Request::PlayInstead => {
            view.learning.shown = Some(view.played_steps());
            // The turn ends with the step that is shown.
            view.learning.resumes = false;
        }
        Request::RewindTo { steps } => {
            // What was done by hand is done by hand again.
            let is_again = matches!(confirm.prompt, Prompt::StepAgain { .. });
            view.learning.resumes |= is_again && view.is_typed(steps);
        }
        Request::PlayNext
        | Request::OpenShell { .. }
        | Request::BeginTurn(_)
        | Request::FinishTurn
        | Request::PlayBranch { .. } => {}
    }

    view.start_building();
    vec![Effect::SendToEngine(confirm.then)]
}

/// The key that is pressed without reading: a no to every loss.
pub(super) fn say_the_harmless(model: &mut Model) -> Vec<Effect> {
    if let ScreenOverlay::Confirm(confirm) = &model.overlay
        && !confirm.prompt.is_about_loss()
    {
        return say_yes(model);
    }
    close(model);
    Vec::new()
}

/// The key that asks to quit, once more: yes. To another question it is a no.
pub(super) fn quit_again(model: &mut Model) -> Vec<Effect> {
    if let ScreenOverlay::Confirm(confirm) = &model.overlay
        && confirm.then == Request::Quit
    {
        return say_yes(model);
    }
    close(model);
    Vec::new()
}

/// Search for what was typed, from the selected row on.
pub(super) fn find(model: &mut Model) -> Vec<Effect> {
    let overlay = std::mem::replace(&mut model.overlay, ScreenOverlay::None);
    if let (ScreenOverlay::Search { query }, Screen::Lesson(view)) = (overlay, &mut model.screen) {
        view.panes.query = query;
        view.panes.find();
    }
    Vec::new()
}

pub(super) fn scroll_programs(model: &mut Model, lines: isize) {
    if let ScreenOverlay::Programs(programs) = &mut model.overlay {
        let last = programs.max_scroll(model.size);
        // Within bounds first: on a larger screen fewer rows are left to scroll than before.
        programs.scroll = programs.scroll.min(last).saturating_add_signed(lines).min(last);
    }
}

/// A page further; at the end, agree and open the lesson.
pub(super) fn agree(model: &mut Model) -> Vec<Effect> {
    let ScreenOverlay::Programs(programs) = &model.overlay else { return Vec::new() };
    if programs.scroll < programs.max_scroll(model.size) {
        scroll_programs(model, PAGE as isize);
        return Vec::new();
    }

    let lesson = programs.lesson.clone();
    close(model);
    let open = Effect::OpenLesson { id: lesson.clone(), from: PlaySource::Lab };
    vec![Effect::KeepConsent { lesson }, open]
}

pub(super) fn disagree(model: &mut Model) -> Vec<Effect> {
    close(model);
    vec![Effect::Quit]
}
