//! Commands for doing instead of watching: turns, hints, branches, steps left out.

use std::sync::Arc;

use super::keymap::keys;
use super::learning::{BranchView, SetAside, hint_for};
use super::{
    Confirm, Effect, LessonView, Model, Note, Phase, Position, Screen, ScreenOverlay, StepHow,
};
use crate::engine::{Goal, Request};
use crate::lesson::model::Branch;
use crate::report::{StepRecord, StepStatus};

impl LessonView {
    /// The branch that is on the screen.
    pub fn branch(&self) -> Option<&Branch> {
        let branch = self.learning.branch.as_ref()?;
        self.lesson.steps.get(branch.step)?.branches.get(branch.index)
    }

    pub fn is_left_out(&self, step: usize) -> bool {
        self.ready.as_ref().is_some_and(|ready| ready.left_out.contains(&step))
    }

    /// The next step is one where something is broken for the learner to mend. A tape just plays.
    pub fn is_repair(&self) -> bool {
        self.tape.is_none()
            && self.lesson.steps.get(self.played()).is_some_and(|step| !step.breaks.is_empty())
    }

    /// A branch was played: it has the screen until it is left.
    pub fn set_branch(&mut self, index: usize, record: Arc<StepRecord>) {
        let before = SetAside {
            numbers: std::mem::take(&mut self.numbers),
            live: Arc::clone(&self.live),
            live_before: Arc::clone(&self.live_before),
            charts: Arc::clone(&self.charts),
            reviewing: self.reviewing,
        };

        self.position = Position::Live;
        self.charts = Arc::new(record.charts.clone());
        self.live = Arc::clone(&record.after);
        self.live_before = Arc::clone(&record.before);
        self.note_live();

        self.learning.turn = None;
        self.learning.branch =
            Some(BranchView { step: record.step, index, record, before: Box::new(before) });
        self.phase = Phase::Ready;
        self.story_scroll = 0;
        self.selected.clear();

        let watch = self.branch().and_then(|branch| branch.watch.first().copied());
        self.focus = watch.unwrap_or(self.focus);
        self.rebuild();
    }

    /// The lab that waited is the live one again.
    pub(super) fn leave_branch(&mut self) {
        if let Some(branch) = self.learning.branch.take() {
            self.numbers = branch.before.numbers;
            self.live = branch.before.live;
            self.live_before = branch.before.live_before;
            self.charts = branch.before.charts;
            self.reviewing = branch.before.reviewing;
            self.phase = Phase::Ready;
            self.focus_on(self.story_step());
        }
    }

    /// There is something in the next step to bring about by typing.
    pub(super) fn has_goals(&self) -> bool {
        self.lesson.steps.get(self.played()).is_some_and(|step| !step.goals().is_empty())
    }

    fn can_learn(&self) -> bool {
        self.phase == Phase::Ready && self.learning.branch.is_none()
    }
}

/// Begin the learner's turn, or end it.
pub fn toggle_turn(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };

    if view.learning.is_step_turn() {
        view.learning.always = false;
        return vec![Effect::Engine(Request::EndTurn)];
    }

    if view.can_go_on() {
        view.go_on();
    }
    if !view.can_run() || !view.can_learn() {
        let back = keys::lesson::BACK_TO_LIVE;
        model.notice =
            Some(format!("your turn begins at the next step: {back} returns to the live lab"));
        return Vec::new();
    }
    if !view.has_goals() {
        let run = keys::lesson::RUN;
        model.notice =
            Some(format!("this step is about what its own program measures: {run} runs it"));
        return Vec::new();
    }

    if view.tape.is_some() {
        let run = keys::lesson::RUN;
        model.notice =
            Some(format!("nothing can be typed into a tape: {run} shows what was recorded"));
        return Vec::new();
    }

    vec![Effect::Engine(Request::Turn(Goal::Step))]
}

/// Go on while a turn is on: go on if all holds, else offer to play it.
pub fn enter(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let Some(turn) = &view.learning.turn else { return Vec::new() };
    if turn.holds() {
        return vec![Effect::Engine(Request::TurnDone)];
    }
    let open = turn.verdicts.iter().filter(|verdict| !verdict.ok).count();
    let question = format!(
        "{open} of {} not true yet. Be shown the step instead? What you changed in it is dropped with the lab.",
        turn.verdicts.len()
    );
    model.overlay = ScreenOverlay::Confirm(Confirm { question, then: Request::Show });
    Vec::new()
}

/// One stage more of the hint for what is open.
pub fn hint(model: &mut Model) -> Vec<Effect> {
    const STAGES: usize = 3;
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let (Some(turn), Some(open)) = (&view.learning.turn, view.learning.first_open()) else {
        model.notice =
            Some(format!("hints are for your turn: {} begins it", keys::lesson::YOUR_TURN));
        return Vec::new();
    };
    let at = turn.step;
    let has_text = view.lesson.steps.get(at).and_then(|step| hint_for(step, open)).is_some();
    let stage =
        view.learning.hints.entry((at, open)).or_insert(if has_text { 0 } else { STAGES - 1 });
    *stage = (*stage + 1).min(STAGES);
    view.story_scroll = 0;
    Vec::new()
}

/// The branches of the step that is shown.
pub fn what_if(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let step = view.story_step();
    let branches = view.step().map_or(0, |step| step.branches.len());
    if !view.can_learn() || branches == 0 {
        let leave_out = keys::lesson::LEAVE_OUT;
        model.notice =
            Some(format!("this step has no what-if; {leave_out} leaves the next step out"));
        return Vec::new();
    }
    if branches == 1 {
        return ask_branch(model, step, 0);
    }
    model.overlay = ScreenOverlay::Branches { query: String::new(), selected: 0 };
    Vec::new()
}

pub fn ask_branch(model: &mut Model, step: usize, branch: usize) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    view.phase = Phase::Building;
    vec![Effect::Engine(Request::Branch { step, branch })]
}

/// Back from a branch.
pub fn end_branch(view: &mut LessonView) -> Vec<Effect> {
    if view.learning.branch.is_none() || !matches!(view.phase, Phase::Ready | Phase::Failed { .. })
    {
        return Vec::new();
    }
    vec![Effect::Engine(Request::EndBranch)]
}

/// Leave the step out that comes next, or take it in again.
pub fn leave_next_out(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &model.screen else { return Vec::new() };
    let next = view.played();
    leave_out(model, next)
}

/// Leave a step out that is yet to come, or take it in again.
pub fn leave_out(model: &mut Model, step: usize) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    if !view.can_learn() || step < view.played() || step >= view.lesson.steps.len() {
        let rewind = keys::lesson::REWIND;
        model.notice =
            Some(format!("only a step that is yet to come can be left out; rewind with {rewind}"));
        return Vec::new();
    }
    let out = !view.is_left_out(step);
    let title = view.lesson.steps.get(step).map_or("", |step| step.title.as_str());
    model.notice = Some(match out {
        true => format!(
            "left out: {title}. Go on, and see what is missing then; {} takes it in again",
            keys::lesson::LEAVE_OUT
        ),
        false => format!("taken in again: {title}"),
    });
    vec![Effect::Engine(Request::LeaveOut { step, out })]
}

/// The note to keep of a step that was just done; None if it was left out or skipped.
pub fn note(view: &LessonView, record: &StepRecord) -> Option<Effect> {
    let step = view.lesson.steps.get(record.step)?;
    let hints = view.learning.hints_taken(record.step);
    let how = match record.status {
        StepStatus::Typed if hints > 0 => StepHow::WithHints,
        StepStatus::Typed => StepHow::ByOneself,
        StepStatus::Played if view.learning.shown == Some(record.step) => StepHow::Shown,
        StepStatus::Played => StepHow::Watched,
        StepStatus::LeftOut | StepStatus::Skipped { .. } => return None,
    };
    Some(Effect::Remember {
        lesson: view.lesson.id.clone(),
        note: Note::Step { id: step.id.clone(), how, hints },
    })
}
