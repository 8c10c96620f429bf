//! The first screen: what this program is, its first keys, and the two ways to learn. A key brings it back.

use super::{AfterWelcome, Effect, Model, Screen, ScreenOverlay, Welcome};
use crate::engine::{Request, TurnGoal};
use crate::progress::LearningWay;

/// The start of the program: somebody's first, or a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramStart {
    First,
    Later,
}

/// Begin: at the first start with the first screen, behind which `first` waits.
#[must_use]
pub fn begin(model: &mut Model, first: AfterWelcome, start: ProgramStart) -> Vec<Effect> {
    model.overlay = ScreenOverlay::Welcome(Welcome { chosen: model.way, then: first });
    match start {
        ProgramStart::First => Vec::new(),
        ProgramStart::Later => go_on(model),
    }
}

pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let welcome = Welcome { chosen: model.way, then: AfterWelcome::Back };
    model.overlay = ScreenOverlay::Welcome(welcome);
    Vec::new()
}

pub(super) fn turn_choice(model: &mut Model) {
    if let ScreenOverlay::Welcome(welcome) = &mut model.overlay {
        welcome.chosen = match welcome.chosen {
            LearningWay::Shown => LearningWay::Typed,
            LearningWay::Typed => LearningWay::Shown,
        };
    }
}

/// Learn in the chosen way from now on.
pub(super) fn choose(model: &mut Model) -> Vec<Effect> {
    let ScreenOverlay::Welcome(Welcome { chosen, .. }) = model.overlay else { return Vec::new() };
    model.way = chosen;
    let mut effects = vec![Effect::KeepWay(chosen)];
    effects.extend(take_way_to_lesson(model));
    effects.extend(go_on(model));
    effects
}

/// The choice counts for the lesson that is open, too: from the step that comes next.
fn take_way_to_lesson(model: &mut Model) -> Option<Effect> {
    let way = model.way;
    let Screen::Lesson(view) = &mut model.screen else { return None };
    if view.tape.is_some() || view.learning.way == way {
        return None;
    }
    view.learning.way = way;
    view.learning.watched = None;
    let begins = view.begins_turns() && view.can_run() && view.learning.turn.is_none();
    begins.then_some(Effect::SendToEngine(Request::BeginTurn(TurnGoal::Step)))
}

/// Go on without a choice: it is asked for again at the next start.
pub(super) fn go_on(model: &mut Model) -> Vec<Effect> {
    let overlay = std::mem::replace(&mut model.overlay, ScreenOverlay::None);
    let ScreenOverlay::Welcome(welcome) = overlay else { return Vec::new() };
    match welcome.then {
        AfterWelcome::Back | AfterWelcome::Catalogue => Vec::new(),
        AfterWelcome::Lesson { id, from } => vec![Effect::OpenLesson { id, from }],
        AfterWelcome::Programs(programs) => {
            model.overlay = ScreenOverlay::Programs(programs);
            Vec::new()
        }
    }
}

/// Leave the program, where this is the first screen; else only what lies over the other.
pub(super) fn leave(model: &mut Model) -> Vec<Effect> {
    if let ScreenOverlay::Welcome(welcome) = &model.overlay
        && welcome.then != AfterWelcome::Back
    {
        return super::catalogue::quit(model);
    }
    go_on(model)
}
