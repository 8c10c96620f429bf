//! The end of a lesson: what became of its steps and questions, the lab as it was at last, and where to go from here.

use super::catalogue as outside;
use super::{CatalogueRow, Effect, LessonView, MapPictures, Model, PlaySource, Screen};
use crate::action::LabFacts;
use crate::lesson::model::Lesson;
use crate::lesson::quiz::{AnswerMark, Grade};
use crate::map::MapLens;
use crate::op::ActorName;
use crate::proof::Proof;
use crate::report::{StepCounts, StepRecord, StepStatus};
use crate::words::shell_lines::{ShellStep, as_script, of_actions};
use std::sync::Arc;

/// A lesson that was left, in the middle or at its end.
#[derive(Debug)]
pub struct EndedLesson {
    pub lesson: Arc<Lesson>,
    /// The origin of the tape, if it was one: where and when it was made.
    pub tape: Option<String>,
    pub steps: StepCounts,
    /// Of the steps played, those that the learner has typed, and those that were shown after a turn.
    pub typed: usize,
    pub shown: usize,
    /// Each step of the lesson that is possible here was played live.
    pub is_whole: bool,
    pub held: usize,
    pub expected: usize,
    /// Questions asked, and those answered right.
    pub asked: usize,
    pub right: usize,
    pub missed: Vec<MissedQuestion>,
    /// The lab at last, everything that the lesson has made in it lit.
    pub pictures: MapPictures,
    /// The pictures that there are, the fitting one first.
    pub lenses: Vec<MapLens>,
    pub map: usize,
    /// The steps that were done, as shell lines.
    pub lines: Vec<ShellStep>,
    /// The lesson that comes next, by id and title.
    pub next: Option<(String, String)>,
    /// The chosen one of `items`.
    pub chosen: usize,
    /// The item that is read in full.
    pub reading: Option<EndedItem>,
    pub scroll: usize,
    /// None while the keeper still tidies up.
    pub proof: Option<Proof>,
}

/// A question that was not answered right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedQuestion {
    pub ask: String,
    pub explain: String,
    pub grade: Grade,
    /// The title of the step that shows it.
    pub step: String,
}

/// Something that can be chosen at the end of a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedItem {
    /// By its place.
    Missed(usize),
    /// The lesson that was left in the middle.
    GoOn,
    Next,
    /// The machine before and after.
    Machine,
    Catalogue,
}

impl EndedLesson {
    /// All that can be chosen, in their order on the screen.
    pub fn items(&self) -> Vec<EndedItem> {
        let missed = (0..self.missed.len()).map(EndedItem::Missed);
        let on = match self.steps.reached() < self.steps.total {
            true => Some(EndedItem::GoOn),
            false => self.next.as_ref().map(|_| EndedItem::Next),
        };
        missed.chain(on).chain([EndedItem::Machine, EndedItem::Catalogue]).collect()
    }

    pub fn chosen_item(&self) -> EndedItem {
        self.items().get(self.chosen).copied().unwrap_or(EndedItem::Catalogue)
    }
}

pub(super) fn ended_lesson(view: &LessonView, catalogue: &[CatalogueRow]) -> EndedLesson {
    let steps = view.lesson.steps.len();
    let records = || (0..view.played_steps()).filter_map(|step| view.record(step));
    let verdicts: Vec<bool> =
        records().flat_map(|record| record.verdicts.iter().map(|verdict| verdict.ok)).collect();
    let is_shown = |step: &usize| view.learning.shown.contains(step);
    let (pictures, lenses) = pictures(view);
    let right = view.grades.values().filter(|grade| grade.mark == AnswerMark::Right).count();

    let mut ended = EndedLesson {
        lesson: Arc::clone(&view.lesson),
        tape: view.tape.clone(),
        steps: StepCounts::of(
            steps,
            (0..view.played_steps()).map(|step| view.record(step).map(AsRef::as_ref)),
        ),
        typed: records().filter(|record| record.status == StepStatus::Typed).count(),
        shown: records()
            .filter(|record| record.status == StepStatus::Played && is_shown(&record.step))
            .count(),
        is_whole: view.tape.is_none()
            && (0..steps).all(|step| {
                view.record(step).is_some_and(|record| record.status != StepStatus::LeftOut)
            }),
        held: verdicts.iter().filter(|ok| **ok).count(),
        expected: verdicts.len(),
        asked: view.grades.len(),
        right,
        missed: missed_questions(view),
        pictures,
        lenses,
        map: 0,
        lines: shell_steps(view),
        next: next_lesson(&view.lesson, catalogue),
        chosen: 0,
        reading: None,
        scroll: 0,
        proof: None,
    };
    // Where nothing was missed and nothing comes next, there is nothing to do but leave.
    if ended.chosen_item() == EndedItem::Machine {
        ended.chosen += 1;
    }
    ended
}

fn missed_questions(view: &LessonView) -> Vec<MissedQuestion> {
    let wrong = view.grades.iter().filter(|(_, grade)| grade.mark != AnswerMark::Right);
    wrong
        .filter_map(|(place, grade)| {
            let own = view.lesson.steps.get(place.step)?;
            let question = own.quiz.get(place.index)?;
            let see = question.see.as_ref();
            let step = see.and_then(|id| view.lesson.steps.iter().find(|step| step.id == *id));
            Some(MissedQuestion {
                ask: question.ask.clone(),
                explain: question.explain.clone(),
                grade: grade.clone(),
                step: step.unwrap_or(own).title.clone(),
            })
        })
        .collect()
}

/// The pictures of the last state beside the first of the same lab: that of what the last step is about comes first.
fn pictures(view: &LessonView) -> (MapPictures, Vec<MapLens>) {
    let Some(last) = view.last_record() else { return Default::default() };
    // After a rewind there are records of labs before this one: compared with those, all would be new.
    let host = last.after.process_of(&ActorName::host());
    let is_of_last_lab =
        |record: &&Arc<StepRecord>| host.is_some_and(|host| host.is_same_in(&record.before));
    let mut records = (0..view.played_steps()).filter_map(|step| view.record(step));
    let Some(first) = records.find(is_of_last_lab) else { return Default::default() };
    let pictures = MapPictures::between(&first.before, &last.after);

    let mut lenses: Vec<MapLens> = Vec::new();
    let watched =
        view.lesson.steps[..view.played_steps()].iter().rev().flat_map(|step| &step.watch);
    for lens in watched.filter_map(|view| pictures.lens_of(*view)) {
        if !lenses.contains(&lens) {
            lenses.push(lens);
        }
    }
    (pictures, lenses)
}

/// The lines of the steps that the lab has behind it, as a shell would have them.
fn shell_steps(view: &LessonView) -> Vec<ShellStep> {
    let facts: LabFacts = view.lab_facts();
    let steps = view.lesson.steps.iter().take(view.played_steps()).enumerate();
    let is_done = |step: usize| {
        let status = view.record(step).map(|record| &record.status);
        !matches!(status, Some(StepStatus::LeftOut | StepStatus::Skipped { .. }))
    };
    steps
        .filter(|(index, _)| is_done(*index))
        .map(|(index, step)| ShellStep {
            number: index + 1,
            title: step.title.clone(),
            is_typed: view.is_by_hand(index),
            lines: of_actions(&step.actions, &facts),
        })
        .filter(|step: &ShellStep| !step.lines.is_empty())
        .collect()
}

/// The first lesson behind this one that plays here, live or from a tape.
fn next_lesson(lesson: &Lesson, catalogue: &[CatalogueRow]) -> Option<(String, String)> {
    let here = catalogue.iter().position(|row| row.is_of(lesson))?;
    let next = catalogue[here + 1..].iter().find(|row| row.blocked.is_none() || row.has_tape)?;
    Some((next.id.clone(), next.title.clone()))
}

fn ended_mut(model: &mut Model) -> Option<&mut EndedLesson> {
    let Screen::Ended(ended) = &mut model.screen else { return None };
    Some(ended)
}

/// Choose another item, so many further; or scroll what is read.
pub(super) fn move_by(model: &mut Model, rows: isize) {
    let Some(ended) = ended_mut(model) else { return };
    if ended.reading.is_some() {
        ended.scroll = ended.scroll.saturating_add_signed(rows);
        return;
    }
    let last = ended.items().len().saturating_sub(1);
    ended.chosen = ended.chosen.saturating_add_signed(rows).min(last);
}

/// Do what the chosen item says; what is read is closed by the same key.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let Some(ended) = ended_mut(model) else { return Vec::new() };
    if ended.reading.take().is_some() {
        return Vec::new();
    }
    let item = ended.chosen_item();
    match item {
        EndedItem::Missed(_) => read(ended, item),
        EndedItem::Machine if ended.proof.is_some() => read(ended, item),
        EndedItem::Machine => {}
        EndedItem::Catalogue => return outside::back(model),
        EndedItem::GoOn | EndedItem::Next => return open_lesson(model, item),
    }
    Vec::new()
}

fn read(ended: &mut EndedLesson, item: EndedItem) {
    ended.reading = Some(item);
    ended.scroll = 0;
}

/// The lesson that comes next, or the same once more, as the catalogue would open it. One that is not in the catalogue is
/// opened from where it was: a tape of it must not become a lab, for which nobody was asked.
fn open_lesson(model: &mut Model, item: EndedItem) -> Vec<Effect> {
    let Screen::Ended(ended) = &model.screen else { return Vec::new() };
    let from = if ended.tape.is_some() { PlaySource::Tape } else { PlaySource::Lab };
    let same = Effect::OpenLesson { id: ended.lesson.id.clone(), from };
    let place = match item {
        EndedItem::GoOn => model.catalogue.iter().position(|row| row.is_of(&ended.lesson)),
        EndedItem::Next | EndedItem::Missed(_) | EndedItem::Machine | EndedItem::Catalogue => {
            let next = ended.next.as_ref().map(|(id, _)| id);
            model.catalogue.iter().position(|row| Some(&row.id) == next)
        }
    };
    let effects = outside::back(model);
    match place {
        _ if !matches!(model.screen, Screen::Catalogue) => effects,
        Some(place) => {
            outside::choose(model, place);
            outside::open(model)
        }
        None if item == EndedItem::GoOn => vec![same],
        None => effects,
    }
}

/// Close what is read; else back to the catalogue.
pub(super) fn back(model: &mut Model) -> Vec<Effect> {
    let Some(ended) = ended_mut(model) else { return Vec::new() };
    if ended.reading.take().is_some() {
        return Vec::new();
    }
    outside::back(model)
}

/// The next picture of the lab at last.
pub(super) fn turn_map(model: &mut Model) {
    if let Some(ended) = ended_mut(model)
        && !ended.lenses.is_empty()
    {
        ended.map = (ended.map + 1) % ended.lenses.len();
    }
}

pub(super) fn copy_lines(model: &mut Model) -> Vec<Effect> {
    let Some(ended) = ended_mut(model).filter(|ended| !ended.lines.is_empty()) else {
        return Vec::new();
    };
    vec![Effect::CopyText(as_script(&ended.lesson.title, &ended.lines))]
}

pub(super) fn save_lines(model: &mut Model) -> Vec<Effect> {
    let Some(ended) = ended_mut(model).filter(|ended| !ended.lines.is_empty()) else {
        return Vec::new();
    };
    let text = as_script(&ended.lesson.title, &ended.lines);
    vec![Effect::SaveText { name: ended.lesson.id.clone(), text }]
}
