//! Events of the questions: what keys do, and what the engine tells.

use super::quiz::{QuizStage, QuizView};
use super::{Effect, LessonView, Model, ProgressNote, Screen, confirmation};
use crate::app::shells::ShellRoom;
use crate::engine::{Request, TurnGoal};
use crate::lesson::expect::Expect;
use crate::lesson::quiz::{Answer, LabAnswers, QuestionKind, grade};
use crate::notice::Notice;
use crate::op::ActorName;
use crate::report::StepRecord;
use crate::words;

/// Ask what there is to ask.
pub fn begin_quiz(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let (warm_up, due) = (view.due_warm_up().to_vec(), view.due_questions());
    if warm_up.is_empty() && (due.is_empty() || view.is_in_branch()) {
        model.notice = Some(Notice::NoQuestionNow);
        return Vec::new();
    }
    let mut quiz = match warm_up.is_empty() {
        false => QuizView::of_warm_up(warm_up),
        true => QuizView::in_lesson(due),
    };
    quiz.prepare_question(&view.lesson);
    view.quiz = Some(quiz);
    // Behind a pane that is alone on the screen it would not be seen.
    view.panes.is_zoomed = false;
    view.shells.resize_tabs(model.size, ShellRoom::BelowPanes)
}

/// Take the lab to where the question of a check is asked; ask it, if it is there.
fn prepare(view: &mut LessonView) -> Vec<Effect> {
    let Some(quiz) = &mut view.quiz else { return Vec::new() };
    let Some((item, question)) = quiz.current_place().zip(quiz.question(&view.lesson)) else {
        quiz.stage = QuizStage::Over;
        return Vec::new();
    };

    // Only a check moves the lab; in a lesson a question is due where the lab stands.
    let wanted = match &question.kind {
        _ if !quiz.is_exam() => None,
        QuestionKind::Predict(_) => Some(item.step),
        QuestionKind::Task(_) | QuestionKind::Value(_) => Some(item.step + 1),
        QuestionKind::Choose(_) | QuestionKind::ChooseAll(_) | QuestionKind::Order(_) => None,
    };

    match wanted {
        Some(steps) if view.lab.ready.as_ref().is_none_or(|ready| ready.played != steps) => {
            quiz.stage = QuizStage::Preparing;
            view.start_building();
            vec![Effect::SendToEngine(Request::RewindTo { steps })]
        }
        _ => {
            quiz.prepare_question(&view.lesson);
            Vec::new()
        }
    }
}

impl LessonView {
    /// The actor that the task which is asked now is about: its shell is where the task is done.
    pub(super) fn task_actor(&self) -> Option<ActorName> {
        let quiz = self.quiz.as_ref().filter(|quiz| !quiz.is_answered())?;
        let question = quiz.question(&self.lesson)?;
        let task = question.task();
        let named = task.iter().flat_map(Expect::actors).next().cloned();
        (!task.is_empty()).then(|| named.unwrap_or_else(ActorName::host))
    }
}

/// The lab is up.
pub fn on_ready(view: &mut LessonView) -> Vec<Effect> {
    match &view.quiz {
        Some(quiz) if quiz.stage == QuizStage::Preparing => prepare(view),
        _ => Vec::new(),
    }
}

/// A step ran: if it was predicted, the kernel has decided.
pub fn on_played(view: &mut LessonView, record: &StepRecord) -> Vec<Effect> {
    let Some(quiz) = &view.quiz else { return Vec::new() };
    let (Some(item), QuizStage::Waiting(Some(option))) = (quiz.current_place(), &quiz.stage) else {
        return Vec::new();
    };
    let answer = Answer::One(*option);
    let predicted = record.predicted(item.index);
    let Some(predicted) = predicted.filter(|_| item.step == record.step) else {
        // The step could not run here: nobody was wrong.
        return settle(view, &Answer::Unknown, &LabAnswers::default());
    };
    let lab = LabAnswers { holds: predicted.holds(), value: None };
    let held = predicted.options.iter().zip(&lab.holds).position(|(_, holds)| *holds);

    let (mut points, mut seen) = (Vec::new(), Vec::new());
    if let (Some(held), Some(question)) = (held, quiz.question(&view.lesson)) {
        let option = question.predictions().get(held);
        let expects = option.map(|one| one.when.as_slice()).unwrap_or_default();
        for (expect, verdict) in expects.iter().zip(&predicted.options[held]) {
            seen.push(format!(
                "{}: {}",
                words::expected(&verdict.expected),
                words::seen(&verdict.seen)
            ));
            points.extend(verdict.pane.into_iter().flat_map(|pane| {
                expect.deciding_words().into_iter().map(move |word| (pane, word))
            }));
        }
    }

    if let Some(quiz) = &mut view.quiz {
        (quiz.points, quiz.seen) = (points, seen);
        if let Some((pane, _)) = quiz.points.first() {
            view.panes.focus = *pane;
        }
    }

    settle(view, &answer, &lab)
}

/// A task got on.
pub fn on_turn_changed(view: &mut LessonView) -> Vec<Effect> {
    let Some(quiz) = &view.quiz else { return Vec::new() };
    let is_task = quiz.stage == QuizStage::Waiting(None);
    let done = view
        .learning
        .turn
        .as_ref()
        .is_some_and(|turn| turn.goal != TurnGoal::Step && turn.is_fulfilled());

    if !is_task || !done {
        return Vec::new();
    }

    let mut effects = settle(view, &Answer::Done, &LabAnswers::default());
    effects.push(Effect::SendToEngine(Request::DropTurn));
    effects
}

/// Grade, show, remember.
fn settle(view: &mut LessonView, answer: &Answer, lab: &LabAnswers) -> Vec<Effect> {
    let Some(quiz) = &mut view.quiz else { return Vec::new() };
    let Some((item, question)) = quiz.current_place().zip(quiz.question(&view.lesson)) else {
        return Vec::new();
    };

    let grade = grade(question, answer, lab);
    let mark = grade.mark;
    let note = ProgressNote::Answer { question: question.id.clone(), mark };
    // One of an earlier lesson counts there, and is not asked again here.
    let lesson = match quiz.warm_up() {
        Some(asked) => {
            view.warm_up.retain(|left| left != asked);
            asked.lesson.clone()
        }
        None => {
            view.grades.insert(item, grade.clone());
            view.lesson.id.clone()
        }
    };
    quiz.marks.insert(item, mark);
    quiz.stage = QuizStage::Answered(grade);
    vec![Effect::SaveNote { lesson, note }]
}

/// Move the cursor to an option; a line that is lifted goes along.
pub fn move_to(view: &mut LessonView, target: usize) {
    let Some(quiz) = &mut view.quiz else { return };
    let Some(last) = quiz.shown.len().checked_sub(1) else { return };
    let target = target.min(last);

    if quiz.lifted {
        let line = quiz.shown.remove(quiz.cursor);
        quiz.shown.insert(target, line);
    }
    quiz.cursor = target;
}

/// The option by its letter.
pub fn move_to_option(model: &mut Model, place: usize) -> Vec<Effect> {
    if let Screen::Lesson(view) = &mut model.screen {
        move_to(view, place);
    }
    Vec::new()
}

pub fn move_down(view: &mut LessonView) {
    let cursor = view.quiz.as_ref().map_or(0, |quiz| quiz.cursor);
    move_to(view, cursor + 1);
}

pub fn move_up(view: &mut LessonView) {
    let cursor = view.quiz.as_ref().map_or(0, |quiz| quiz.cursor);
    move_to(view, cursor.saturating_sub(1));
}

/// Choose the option of several, or take that back.
pub fn mark(view: &mut LessonView) {
    let Some(quiz) = &mut view.quiz else { return };
    let Some(option) = quiz.shown.get(quiz.cursor).copied() else { return };
    if !quiz.chosen.remove(&option) {
        quiz.chosen.insert(option);
    }
}

/// Lift the line that is to be moved, or put it down.
pub fn lift(view: &mut LessonView) {
    if let Some(quiz) = &mut view.quiz {
        quiz.lifted = !quiz.lifted;
    }
}

pub fn hint(view: &mut LessonView) {
    if let Some(quiz) = &mut view.quiz {
        quiz.hint = true;
    }
}

/// The learner does not know: the question is open, and its task over.
pub fn give_up(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let Some(quiz) = &view.quiz else { return Vec::new() };
    let is_task = quiz.stage == QuizStage::Waiting(None);
    if !is_task && quiz.stage != QuizStage::Asking {
        return Vec::new();
    }

    let lab = from_lab(view);
    let mut effects = settle(view, &Answer::Unknown, &lab);
    if is_task {
        effects.push(Effect::SendToEngine(Request::DropTurn));
    }
    effects
}

/// Answer what is asked, or go on to the next question.
pub fn enter(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    let Some(quiz) = &mut view.quiz else { return Vec::new() };

    match &quiz.stage {
        QuizStage::Asking => answer(view),
        QuizStage::Answered(_) => {
            quiz.at += 1;
            if quiz.at >= quiz.places.len() {
                quiz.stage = QuizStage::Over;
                // The score comes once the lab is gone (`exam::on_lesson_ended`).
                return if quiz.is_exam() {
                    vec![Effect::SendToEngine(Request::Quit)]
                } else {
                    close(view)
                };
            }
            prepare(view)
        }
        QuizStage::Over => close(view),
        QuizStage::Preparing | QuizStage::Waiting(_) => Vec::new(),
    }
}

fn answer(view: &mut LessonView) -> Vec<Effect> {
    let lab = from_lab(view);
    let Some(quiz) = &mut view.quiz else { return Vec::new() };
    let Some((item, question)) = quiz.current_place().zip(quiz.question(&view.lesson)) else {
        return Vec::new();
    };

    let chosen = quiz.shown.get(quiz.cursor).copied().unwrap_or(0);
    let answer = match &question.kind {
        QuestionKind::Choose(_) => Answer::One(chosen),
        QuestionKind::ChooseAll(_) => Answer::Several(quiz.chosen.clone()),
        QuestionKind::Value(_) if quiz.text.trim().is_empty() => return Vec::new(),
        QuestionKind::Value(_) => Answer::Text(quiz.text.clone()),
        QuestionKind::Order(_) => Answer::Order(quiz.shown.clone()),
        QuestionKind::Predict(_) => {
            if !view.lab.is_ready() {
                return Vec::new();
            }
            quiz.stage = QuizStage::Waiting(Some(chosen));
            view.start_playing(item.step);
            return vec![Effect::SendToEngine(Request::PlayNext)];
        }
        QuestionKind::Task(_) => {
            quiz.stage = QuizStage::Waiting(None);
            return vec![Effect::SendToEngine(Request::BeginTurn(TurnGoal::Question {
                step: item.step,
                index: item.index,
            }))];
        }
    };

    settle(view, &answer, &lab)
}

/// The kernel's answer to a question about a value: as it was when the step had run.
fn from_lab(view: &LessonView) -> LabAnswers {
    let quiz = view.quiz.as_ref();
    let asked = quiz.and_then(|quiz| {
        Some((quiz.current_place()?, quiz.question(&view.lesson)?, quiz.is_exam()))
    });
    let value = asked.and_then(|(item, question, exam)| {
        let source = question.source()?;
        // A record may be of another lab than this check's; its lab has been brought to where the
        // step has just run.
        let record = view.record(item.step).filter(|_| !exam);
        source.read(record.map_or_else(|| view.live_snapshot(), |record| &record.after))
    });
    LabAnswers { holds: Vec::new(), value }
}

/// Look at the step that shows it: its record, or in a check a lab where it has just run.
pub fn visit(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    // What shows the answer to one of an earlier lesson is not here.
    let shown = view.quiz.as_ref().filter(|quiz| quiz.is_answered() && quiz.warm_up().is_none());
    let Some(quiz) = shown else {
        return Vec::new();
    };
    let Some((item, question)) = quiz.current_place().zip(quiz.question(&view.lesson)) else {
        return Vec::new();
    };
    let see = question.see.as_ref();
    let step = see
        .and_then(|id| view.lesson.steps.iter().position(|step| step.id == *id))
        .unwrap_or(item.step);

    if !quiz.is_exam() {
        if view.record(step).is_some() {
            view.look_at(step);
        }
        return Vec::new();
    }

    view.focus_on_watched(step);
    if view.played_steps() == step + 1 || !view.lab.is_ready() {
        return Vec::new();
    }

    view.start_building();
    vec![Effect::SendToEngine(Request::RewindTo { steps: step + 1 })]
}

/// Leave the questions for later. A check is over then: it asks first, while there is something left.
pub fn leave(model: &mut Model) -> Vec<Effect> {
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    match &view.quiz {
        Some(quiz) if quiz.is_exam() && quiz.left_count() > 0 => confirmation::ask_to_leave(model),
        Some(_) | None => close(view),
    }
}

/// End a check. What was answered so far counts, and no other lesson is asked of.
pub fn end_check(model: &mut Model) -> Vec<Effect> {
    if let Some(exam) = &mut model.exam {
        exam.lessons.clear();
    }
    let Screen::Lesson(view) = &mut model.screen else { return Vec::new() };
    close(view)
}

fn close(view: &mut LessonView) -> Vec<Effect> {
    let Some(quiz) = view.quiz.take() else { return Vec::new() };
    let waits_for_task = quiz.stage == QuizStage::Waiting(None);
    if quiz.is_exam() {
        // What was answered so far counts.
        view.quiz = Some(QuizView { stage: QuizStage::Over, ..quiz });
        return vec![Effect::SendToEngine(Request::Quit)];
    }
    if !view.is_live() {
        view.back_to_live();
    }
    if waits_for_task { vec![Effect::SendToEngine(Request::DropTurn)] } else { Vec::new() }
}
