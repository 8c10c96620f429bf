//! Commands for doing instead of watching: turns, hints, branches, steps left out.

use super::keymap::keys;
use super::learning::hint_for;
use super::{
    Effect, LessonView, ListKind, Model, Phase, ProgressNote, Screen, ScreenOverlay, SearchList,
    StepHow, confirmation,
};
use crate::engine::{Request, TurnGoal};
use crate::notice::Notice;
use crate::prompt::Prompt;
use crate::report::{StepRecord, StepStatus};

/// Begin the learner's turn, or end it.
pub fn toggle_turn(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };

    if view.learning.is_step_turn() {
        if let Some((done, of)) = confirmation::loss(view).turn {
            return confirmation::ask(model, Prompt::EndTurn { done, of }, Request::DropTurn);
        }
        return end_turn(view);
    }

    if view.can_go_on() {
        view.show_next_step();
    }
    if !view.can_run() {
        let back = keys::lesson::BACK_TO_LIVE;
        model.notice = Some(Notice::TurnComesLater { back: back.into() });
        return Vec::new();
    }
    if !view.has_goals() {
        let run = keys::lesson::RUN;
        model.notice = Some(Notice::StepMeasuresItself { run: run.into() });
        return Vec::new();
    }

    if view.tape.is_some() {
        let run = keys::lesson::RUN;
        model.notice = Some(Notice::NoTurnOnTape { run: run.into() });
        return Vec::new();
    }

    vec![Effect::SendToEngine(Request::BeginTurn(TurnGoal::Step))]
}

/// The end of a turn by hand. Whoever wants it wants none of the next ones either.
pub fn end_turn(view: &mut LessonView) -> Vec<Effect> {
    view.learning.always = false;
    view.learning.resumes = false;
    vec![Effect::SendToEngine(Request::DropTurn)]
}

/// Go on while a turn is on: go on if all holds, else offer to play it.
pub fn on_enter(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let Some(turn) = &view.learning.turn else { return Vec::new() };
    if turn.is_fulfilled() {
        return vec![Effect::SendToEngine(Request::FinishTurn)];
    }
    let open = turn.verdicts.iter().filter(|verdict| !verdict.ok).count();
    let prompt = Prompt::ShowStep { open, of: turn.verdicts.len(), loss: confirmation::loss(view) };
    confirmation::ask(model, prompt, Request::PlayInstead)
}

/// One stage more of the hint for what is open.
pub fn show_next_hint(model: &mut Model) -> Vec<Effect> {
    const STAGES: usize = 3;
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let (Some(turn), Some(open)) = (&view.learning.turn, view.learning.first_unmet_goal()) else {
        model.notice = Some(Notice::NoHintNow { your_turn: keys::lesson::YOUR_TURN.into() });
        return Vec::new();
    };

    let at = turn.step;
    let has_text = view.lesson.steps.get(at).and_then(|step| hint_for(step, open)).is_some();
    // Without a written hint there is nothing to nudge with: the command comes at once.
    let stage =
        view.learning.hints.entry((at, open)).or_insert(if has_text { 0 } else { STAGES - 1 });
    *stage = (*stage + 1).min(STAGES);

    view.story.scroll_to_top();
    Vec::new()
}

/// The branches of the step that is shown.
pub fn list_branches(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let step = view.story_step();
    let branches = view.step().map_or(0, |step| step.branches.len());

    if !view.can_change_course() || branches == 0 {
        let leave_out = keys::lesson::LEAVE_OUT;
        model.notice = Some(Notice::NoWhatIf { leave_out: leave_out.into() });
        return Vec::new();
    }

    if branches == 1 {
        return ask_branch(model, step, 0);
    }
    model.overlay = ScreenOverlay::List(SearchList::new(ListKind::Branches, 0));
    Vec::new()
}

pub fn ask_branch(model: &mut Model, step: usize, branch: usize) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    // At once: a second press may come before the engine has heard of the first.
    view.lab.phase = Phase::Building;
    vec![Effect::SendToEngine(Request::PlayBranch { step, branch })]
}

/// Back from a branch, at once where nothing was typed in its lab.
pub fn ask_to_leave_branch(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let loss = confirmation::loss_of_what_if(view);
    if loss.typed_beside.is_empty() {
        return request_leave_branch(view);
    }
    confirmation::ask(model, Prompt::LeaveWhatIf { loss }, Request::LeaveBranch)
}

/// Back from a branch.
pub fn request_leave_branch(view: &mut LessonView) -> Vec<Effect> {
    match view.lab.phase {
        Phase::Ready | Phase::Failed { .. } if view.is_in_branch() => {
            vec![Effect::SendToEngine(Request::LeaveBranch)]
        }
        // It is being left, or the lab beside it made anew.
        Phase::Ready | Phase::Failed { .. } | Phase::Building | Phase::Playing { .. } => Vec::new(),
    }
}

/// Leave the step out that comes next, or take it in again.
pub fn leave_next_out(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    let next = view.played_steps();
    toggle_left_out(model, next)
}

/// Leave a step out that is yet to come, or take it in again.
pub fn toggle_left_out(model: &mut Model, step: usize) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    if !view.can_change_course() || step < view.played_steps() || step >= view.lesson.steps.len() {
        let rewind = keys::lesson::REWIND;
        model.notice = Some(Notice::StepIsPast { rewind: rewind.into() });
        return Vec::new();
    }

    let out = !view.is_left_out(step);
    let is_its_turn = view.learning.turn.as_ref().is_some_and(|turn| turn.is_of_step(step));
    if out
        && is_its_turn
        && let Some((done, of)) = confirmation::loss(view).turn
    {
        let prompt = Prompt::EndTurn { done, of };
        return confirmation::ask(model, prompt, Request::LeaveOut { step, out });
    }
    leave_out_or_take_in(model, step)
}

/// The same, whatever is lost by it.
pub fn leave_out_or_take_in(model: &mut Model, step: usize) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let out = !view.is_left_out(step);
    let title = view.lesson.steps.get(step).map(|step| step.title.clone()).unwrap_or_default();
    model.notice = Some(match out {
        true => Notice::LeftOut { title, leave_out: keys::lesson::LEAVE_OUT.into() },
        false => Notice::TakenInAgain { title },
    });

    vec![Effect::SendToEngine(Request::LeaveOut { step, out })]
}

/// The note to keep of a step that was just done; None if it was left out or skipped.
pub fn step_note(view: &LessonView, record: &StepRecord) -> Option<Effect> {
    let step = view.lesson.steps.get(record.step)?;
    let hints = view.learning.hint_stages_taken(record.step);
    let how = match record.status {
        StepStatus::Played | StepStatus::Typed if view.tape.is_some() => StepHow::OnTape,
        StepStatus::Typed if hints > 0 => StepHow::WithHints,
        StepStatus::Typed => StepHow::ByOneself,
        StepStatus::Played if view.learning.shown == Some(record.step) => StepHow::Shown,
        StepStatus::Played => StepHow::Watched,
        StepStatus::LeftOut | StepStatus::Skipped { .. } => return None,
    };

    Some(Effect::SaveNote {
        lesson: view.lesson.id.clone(),
        note: ProgressNote::Step { id: step.id.clone(), how, hints },
    })
}
