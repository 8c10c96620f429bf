//! Questions before something is lost: what is lost is read off the lesson as it stands.

use super::{Confirm, Effect, LessonView, Model, Screen, ScreenOverlay};
use crate::engine::{Request, TurnGoal, TurnState};
use crate::prompt::{Loss, LostLab, Prompt};

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

/// The things that go with the lab that is up, and with the one that waits for a what-if, beyond what a replay makes
/// again.
pub(super) fn loss(view: &LessonView) -> Loss {
    let lab = if view.is_in_branch() { LostLab::Both } else { LostLab::Own };
    loss_with(view, lab)
}

/// The things that go with the lab of a what-if.
pub(super) fn loss_of_what_if(view: &LessonView) -> Loss {
    loss_with(view, LostLab::WhatIf)
}

fn loss_with(view: &LessonView, lab: LostLab) -> Loss {
    let own_goes = lab != LostLab::WhatIf;
    let turn = own_goes.then(|| view.own_turn()).flatten();
    let turn = turn.filter(|turn| turn.goal == TurnGoal::Step);
    let done = |turn: &TurnState| turn.earned.iter().filter(|earned| **earned).count();
    let shells = view.shells.tabs().iter().filter(|tab| own_goes || tab.in_what_if).count();
    let mut typed_beside =
        if lab == LostLab::Own { Vec::new() } else { view.shells.typed_beside(true) };
    if own_goes {
        typed_beside.extend(view.shells.typed_beside(false));
        typed_beside.sort_unstable();
        typed_beside.dedup();
    }

    Loss {
        own_actors: if own_goes { view.own_actors() } else { Vec::new() },
        shells,
        typed_beside,
        turn: turn.map(|turn| (done(turn), turn.verdicts.len())).filter(|(done, _)| *done > 0),
        is_tape: view.tape.is_some(),
        lab,
    }
}
