//! Questions before something is lost: what is lost is read off the lesson as it stands.

use super::{Confirm, Effect, LessonView, Model, Screen, ScreenOverlay};
use crate::engine::{Request, TurnGoal, TurnState};
use crate::prompt::{Loss, Prompt};

pub(super) fn ask_to_leave(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    let prompt = match view.quiz.as_ref().filter(|quiz| quiz.is_exam()) {
        Some(quiz) => Prompt::LeaveCheck { left: quiz.left_count() },
        None => Prompt::LeaveLesson { loss: loss(view) },
    };
    ask(model, prompt, Request::Quit)
}

/// Ask before something is done: the only way to a question with yes and no.
pub(super) fn ask(model: &mut Model, prompt: Prompt, then: Request) -> Vec<Effect> {
    model.overlay = ScreenOverlay::Confirm(Confirm { prompt, then });
    Vec::new()
}

/// The things that go with the lab that is up, beyond what a replay makes again.
pub(super) fn loss(view: &LessonView) -> Loss {
    let what_if = view.is_in_branch();
    let turn = view.learning.turn.as_ref().filter(|turn| turn.goal == TurnGoal::Step);
    let done = |turn: &TurnState| turn.earned.iter().filter(|earned| **earned).count();

    Loss {
        typed_beside: view.shells.typed_beside(what_if),
        turn: turn.map(|turn| (done(turn), turn.verdicts.len())).filter(|(done, _)| *done > 0),
        is_tape: view.tape.is_some(),
        what_if,
    }
}
