//! Commands from within a shell, by keys that programs seldom need: nobody has to leave it for the lesson.

use super::keymap::{keys, lesson};
use super::quiz::QuizStage;
use super::shells::ShellRoom;
use super::{
    Effect, LessonScene, LessonView, Model, Screen, commands, learning_commands, quiz_events,
    shell_events,
};
use crate::notice::Notice;
use crate::op::ActorName;

/// Go on as the lesson would. What the learner has to make true is never shown by this key: it says what is open.
pub fn go_on(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };

    if let Some((open, of)) = open_goals(view) {
        model.notice = Some(Notice::NotYet { open, of, hint: keys::shell::HINT.into() });
        return Vec::new();
    }
    match view.quiz.as_ref().map(|quiz| &quiz.stage) {
        Some(QuizStage::Answered(_)) => quiz_events::enter(model),
        Some(
            QuizStage::Preparing | QuizStage::Asking | QuizStage::Waiting(_) | QuizStage::Over,
        ) => {
            model.notice = Some(Notice::AnswerFirst { leave: keys::shell::LEAVE_TOO.into() });
            Vec::new()
        }
        None => commands::run(model),
    }
}

/// The goals of the turn that is on which do not hold, and how many there are; None where all do.
fn open_goals(view: &LessonView) -> Option<(usize, usize)> {
    let turn = view.learning.turn.as_ref().filter(|turn| !turn.is_fulfilled())?;
    let open = turn.verdicts.iter().filter(|verdict| !verdict.ok).count();
    Some((open, turn.verdicts.len()))
}

/// Words for what the key that goes on does now.
pub fn go_on_words(view: &LessonView) -> &'static str {
    match view.quiz {
        Some(_) => "go on",
        None if view.scene() == LessonScene::YourTurn => "go on",
        None => lesson::run_words(view),
    }
}

/// There is something to give a hint for.
pub fn has_hint(view: &LessonView) -> bool {
    view.quiz.is_some() || view.learning.first_unmet_goal().is_some()
}

pub fn show_hint(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    if view.quiz.is_some() {
        quiz_events::hint(view);
        return Vec::new();
    }
    learning_commands::show_next_hint(model)
}

/// The actor whose shell comes next, after that of the shell in front.
pub fn other_side(view: &LessonView) -> Option<ActorName> {
    let here = view.shells.current_tab()?.actor();
    let actors = view.actors();
    let next = actors.iter().position(|actor| actor == here).map_or(0, |place| place + 1);
    let next = actors.get(next).or(actors.first())?;
    (next != here).then(|| next.clone())
}

pub fn other_side_words(view: &LessonView) -> &'static str {
    match other_side(view) {
        Some(actor) if actor == ActorName::host() => "host",
        Some(_) if view.actors().len() == 2 => "container",
        Some(_) | None => "next shell",
    }
}

/// To a shell beside the next actor: the one that is there, or a new one.
pub fn to_other_side(model: &mut Model) -> Vec<Effect> {
    let screen = model.size;
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let Some(actor) = other_side(view) else {
        let here = view.shells.current_tab().map(|tab| tab.actor().clone());
        model.notice = here.map(|actor| Notice::NoOtherSide { actor });
        return Vec::new();
    };

    match view.shells.tab_beside(&actor, view.is_in_branch()) {
        Some(index) => {
            view.shells.choose_tab(index);
            view.shells.resize_tabs(screen, ShellRoom::of_zoom(view.panes.is_zoomed))
        }
        // A second press, while it is being opened.
        None if view.shells.is_waiting_for_tab() => Vec::new(),
        None => shell_events::request_shell(view, actor, screen),
    }
}
