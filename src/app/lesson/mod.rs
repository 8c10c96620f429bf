//! One lesson on the screen. Its parts are a file each; here is what happens to all of them at once.

mod branch;
mod history;
mod lab_state;
mod live_lab;
mod looking;
mod origin;
mod panes;
mod pictures;
mod position;
mod questions;
mod scene;
mod step_mark;
mod story;
mod subject;
mod wants;

pub use self::lab_state::{LabState, Phase};
pub use self::panes::{Direction, MapPlace, Panes};
pub use self::pictures::{MapPictures, PicturePlace};
pub use self::scene::{LessonLayout, LessonScene};
pub use self::step_mark::StepMark;
pub use self::story::{Beside, StoryPanel};

use std::collections::BTreeMap;
use std::sync::Arc;

use self::history::History;
use self::live_lab::LiveLab;
use self::panes::Shown;
use self::position::{LiveStep, Position};
use self::subject::Subject;
use super::LearningWay;
use super::keymap::keys;
use super::learning::Learning;
use super::quiz::{QuestionPlace, QuizView};
use super::shells::ShellTabs;
use super::stable_ids::{NumberedMoment, StableIds};
use crate::action::LabFacts;
use crate::engine::{ReadyState, TurnGoal, TurnState};
use crate::lesson::detour::Detour;
use crate::lesson::model::{Lesson, Step};
use crate::lesson::quiz::Grade;
use crate::lesson::warm_up::WarmUpQuestion;
use crate::map::MapLens;
use crate::notice::Notice;
use crate::op::ActorName;
use crate::own_call::OwnCalls;
use crate::report::{ChartSeries, StepRecord, StepStatus};
use crate::snapshot::Snapshot;
use crate::tape;
use crate::view::ViewKind;
use crate::words::detour::WayOut;

/// The lesson that is on the screen.
#[derive(Debug)]
pub struct LessonView {
    pub lesson: Arc<Lesson>,
    /// The origin of the tape that plays instead of a lab: where and when it was made.
    pub tape: Option<String>,
    /// A word for the tape's steps on control groups, where this machine's are of another version.
    pub(super) other_cgroups: Option<Notice>,
    /// The lesson is played live, and there is a tape of it.
    pub(super) has_tape: bool,
    /// Nobody has begun with the lesson yet, nor turned to the panes.
    pub(super) is_beginning: bool,
    /// Titles of steps that are not possible on this machine.
    pub not_possible: Vec<String>,
    pub lab: LabState,
    pub panes: Panes,
    pub story: StoryPanel,
    pub learning: Learning,
    /// Questions of earlier lessons that are still to be asked, as long as the lesson has not begun.
    pub warm_up: Vec<WarmUpQuestion>,
    pub quiz: Option<QuizView>,
    /// Questions that were asked since the lesson was opened, with the last answer's grade.
    pub grades: BTreeMap<QuestionPlace, Grade>,
    pub shells: ShellTabs,
    position: Position,
    history: History,
    pub(super) live_lab: LiveLab,
}

impl LessonView {
    pub fn new(lesson: Arc<Lesson>) -> LessonView {
        let first = lesson.steps.first().and_then(|step| step.watch.first().copied());
        LessonView {
            history: History::new(lesson.steps.len()),
            lesson,
            tape: None,
            other_cgroups: None,
            has_tape: false,
            is_beginning: false,
            not_possible: Vec::new(),
            lab: LabState::default(),
            position: Position::Live(LiveStep::Next),
            panes: Panes::new(first.unwrap_or(ViewKind::Mounts)),
            story: StoryPanel::default(),
            learning: Learning::default(),
            warm_up: Vec::new(),
            quiz: None,
            grades: BTreeMap::new(),
            shells: ShellTabs::default(),
            live_lab: LiveLab::default(),
        }
    }

    /// A new lab is asked for.
    pub fn start_building(&mut self) {
        // Both go with the lab they are in, and the engine says nothing more of them.
        if self.is_in_branch() {
            self.leave_branch();
            self.rebuild();
        }
        self.end_turn_with_its_lab();

        self.position = Position::Live(self.position.live_step());
        self.lab.phase = Phase::Building;
        self.lab.detour = None;
        self.shells.reopen_in_next_lab();
    }

    /// The lab of a turn is dropped, or has ended: what is begun in the next one is a turn again.
    pub(super) fn end_turn_with_its_lab(&mut self) {
        self.learning.resume_in_next_lab();
        self.learning.turn = None;
        self.learning.by_hand.drop_turn();
    }

    /// The engine is asked to run a step: at once, since a second press may come before it has heard of the first.
    pub fn start_playing(&mut self, step: usize) {
        self.lab.phase = Phase::Playing { step };
    }

    /// The living actors of the lab that is up, host first.
    pub fn actors(&self) -> Vec<ActorName> {
        self.live_lab.actors()
    }

    /// The actor that the told step is done in.
    pub fn step_actor(&self) -> Option<ActorName> {
        self.shown_actions().first().map(|entry| entry.actor.clone())
    }

    /// Steps played in the lab that is up.
    pub fn played_steps(&self) -> usize {
        self.lab.played()
    }

    pub fn is_left_out(&self, step: usize) -> bool {
        self.lab.is_left_out(step)
    }

    /// The lab has failed, and a tape of the lesson can be seen instead. A check of lessons needs a lab.
    pub fn can_see_tape(&self) -> bool {
        let is_check = self.quiz.as_ref().is_some_and(|quiz| quiz.is_exam());
        self.has_tape && !is_check && matches!(self.lab.phase, Phase::Failed { .. })
    }

    /// A word where the step on the screen is about control groups, of another version than this machine's.
    pub fn note_on_tape(&self) -> Option<&Notice> {
        let step = self.step()?;
        let record = self.shown_record().map(Arc::as_ref);
        self.other_cgroups.as_ref().filter(|_| tape::is_about_groups(step, record))
    }

    /// The step that comes next in the lab that is up.
    pub fn next_step(&self) -> Option<&Step> {
        self.lesson.steps.get(self.played_steps())
    }

    /// The state of the lab that is up.
    pub fn live_snapshot(&self) -> &Snapshot {
        &self.live_lab.now
    }

    /// For shell lines of actions.
    pub fn lab_facts(&self) -> LabFacts {
        self.lab.context()
    }

    /// The views in the order of their numbers, the focused step's own first in importance.
    pub fn pane_order(&self) -> Vec<ViewKind> {
        let watch = self.branch().map(|branch| &branch.watch).or(self.step().map(|it| &it.watch));
        let mut views: Vec<ViewKind> = watch.cloned().unwrap_or_default();
        let others = ViewKind::ALL.into_iter().filter(|view| !views.contains(view));
        let others: Vec<ViewKind> = others.collect();
        views.extend(others);
        views
    }

    pub fn set_ready(&mut self, ready: ReadyState) {
        let was_in_branch = self.is_in_branch();
        self.leave_branch();
        // Another lab's things are numbered as they were at the same place of the lesson.
        let numbers = self.numbered_like_before(ready.played.checked_sub(1), &ready.live);
        self.live_lab.numbers = Arc::new(numbers);

        // What a rewind replayed is in this lab too, but what came after is not.
        let replayed = match self.lab.phase {
            Phase::Building => true,
            // Word of the lab before may have come in between, and ended the building.
            Phase::Ready | Phase::Failed { .. } => self.is_another_lab(&ready),
            // It was made for the step that has run since.
            Phase::Playing { .. } => false,
        };
        if replayed {
            // One that was told of meanwhile was the lab's before.
            self.end_turn_with_its_lab();
        }
        // One that waited for a what-if is compared with what it was compared with before; and where the next step is
        // told, the marks of the last one are gone.
        let is_last_told = self.position.live_step() == LiveStep::Last;
        let last = ready.played.checked_sub(1).filter(|_| is_last_told);
        if replayed {
            self.live_lab.before = Arc::clone(&ready.live);
        } else if let Some(record) = last.and_then(|step| self.record(step))
            && !was_in_branch
        {
            self.live_lab.before = Arc::clone(&record.before);
        }
        self.live_lab.now = Arc::clone(&ready.live);
        self.live_lab.give_numbers();

        self.lab.ready = Some(ready);
        self.lab.phase = Phase::Ready;
        if replayed {
            self.position.set_live_step(LiveStep::Next);
            self.begin_step(self.story_step());
        }
        self.rebuild();
    }

    /// The numbers of the lab, with this moment of it, after a step or at the beginning: as in the lab before, if that is
    /// another one.
    fn numbered_like_before(&self, step: Option<usize>, now: &Snapshot) -> StableIds {
        let recorded = match step {
            Some(step) => self.history.get(step).map(|it| (&it.record.after, &it.numbers)),
            None => self.history.get(0).map(|it| (&it.record.before, &it.numbers)),
        };
        let (snapshot, numbers) = recorded.unwrap_or((&self.live_lab.now, &self.live_lab.numbers));
        let mut ids = (*self.live_lab.numbers).clone();
        ids.add_snapshot_like(now, NumberedMoment { snapshot, numbers });
        ids
    }

    fn is_another_lab(&self, ready: &ReadyState) -> bool {
        self.lab.ready.as_ref().is_some_and(|known| known.lab.id != ready.lab.id)
    }

    pub fn set_record(&mut self, record: Arc<StepRecord>) {
        let numbers = Arc::new(self.numbered_like_before(Some(record.step), &record.after));
        self.live_lab = LiveLab::after_step(&record, numbers);
        self.position.set_live_step(LiveStep::Last);

        let step = record.step;
        match record.status {
            StepStatus::Typed => {
                let numbers = &self.live_lab.numbers;
                self.learning.by_hand.finish(step, &record.after, numbers);
            }
            StepStatus::Played | StepStatus::LeftOut | StepStatus::Skipped { .. } => {
                self.learning.by_hand.drop_turn();
            }
        }
        self.history.set(record, Arc::clone(&self.live_lab.numbers));
        self.panes.group = None;
        self.begin_step(step);
        self.rebuild();
    }

    pub fn set_live_snapshot(&mut self, snapshot: Arc<Snapshot>) {
        self.live_lab.now = snapshot;
        if self.played_steps() == 0 && !self.is_in_branch() && self.learning.turn.is_none() {
            // A fresh lab settles by itself: links find their carrier.
            self.live_lab.compare_from_now();
        }
        self.live_lab.give_numbers();
        if !self.is_in_branch() {
            let lab = &self.live_lab;
            self.learning.by_hand.look(&lab.now, &lab.numbers);
        }
        self.rebuild_if_live();
    }

    pub fn set_charts(&mut self, charts: Arc<Vec<ChartSeries>>) {
        self.live_lab.charts = charts;
        self.rebuild_if_live();
    }

    /// Calls of the learner's programs, all since the turn began.
    pub fn set_own_calls(&mut self, own_calls: Arc<OwnCalls>) {
        self.learning.by_hand.note_calls(&own_calls);
        self.live_lab.own_calls = own_calls;
        self.rebuild_if_live();
    }

    /// A turn begins: what the learner does is compared with `before`, as it was found. Where the step breaks
    /// something, that is the broken state.
    pub fn begin_turn(&mut self, turn: TurnState, before: Arc<Snapshot>) {
        // That of a lab that is being dropped.
        if self.lab.phase == Phase::Building {
            return;
        }
        if turn.goal == TurnGoal::Step {
            self.learning.by_hand.begin(&before);
        }
        self.set_turn(Some(turn));
        self.live_lab.before = before;
        self.live_lab.own_calls = Arc::default();
        self.live_lab.give_numbers();
        self.rebuild();
    }

    /// A turn gets on, or is over.
    pub fn set_turn(&mut self, turn: Option<TurnState>) {
        // That of a lab that is being dropped.
        if turn.is_some() && self.lab.phase == Phase::Building {
            return;
        }
        if self.learning.turn.is_none() && turn.is_some() {
            self.story.scroll_to_top();
        }
        self.learning.turn = turn;
    }

    /// The lab is on a detour, or no longer. That is said above the story, which comes into sight.
    pub fn set_detour(&mut self, detour: Option<Detour>) {
        // That of a lab that is being dropped.
        if detour.is_some() && self.lab.phase == Phase::Building {
            return;
        }
        if detour.is_some() && self.lab.detour.is_none() {
            self.story.scroll_to_top();
        }
        self.lab.detour = detour;
    }

    /// The detour that the lab in sight is on.
    pub fn detour(&self) -> Option<&Detour> {
        let is_in_sight = self.lab.is_ready() && self.is_live() && !self.is_in_branch();
        self.lab.detour.as_ref().filter(|_| is_in_sight)
    }

    /// The key that leads out of a detour, as the lesson stands.
    pub fn way_out(&self) -> Option<WayOut> {
        let is_typed = self.scene() == LessonScene::YourTurn && !self.learning.turn_holds();
        match self.played_steps() {
            _ if self.tape.is_some() => None,
            _ if is_typed => Some(WayOut::ShowStep(keys::lesson::RUN.into())),
            0 => Some(WayOut::Restart(keys::lesson::RESTART.into())),
            _ => Some(WayOut::Rewind(keys::lesson::REWIND.into())),
        }
    }

    /// The pane that a step watches first.
    fn first_watched(&self, step: usize) -> Option<ViewKind> {
        self.lesson.steps.get(step)?.watch.first().copied()
    }

    /// The story of a step and the pane it watches first come to the front.
    fn begin_step(&mut self, step: usize) {
        self.story.scroll_to_top();
        if self.learning.way == LearningWay::Typed {
            // Docker's command for the last step was asked for; that for this one was not.
            self.story.beside = Beside::Shell;
        }
        let subject = self.lesson.steps.get(step).map(Subject::of_step);
        self.panes.begin(self.first_watched(step), subject.unwrap_or_default());
    }

    /// Bring the pane to the front that a step watches first.
    pub fn focus_on_watched(&mut self, step: usize) {
        self.panes.focus = self.first_watched(step).unwrap_or(self.panes.focus);
    }

    pub fn turn_compare(&mut self) {
        self.panes.compare = self.panes.compare.next();
        self.rebuild();
    }

    pub fn turn_folding(&mut self) {
        self.panes.folding = self.panes.folding.turned();
    }

    /// The map with the rows, alone, or not at all.
    pub fn turn_map(&mut self) {
        self.panes.map_place = self.panes.map_place.next();
        self.rebuild();
    }

    /// The question that the map answers: that of the focused pane, or else of the first view of the step that has a
    /// picture.
    pub fn map_lens(&self) -> MapLens {
        // What the author chose, until another pane is brought to the front.
        let chosen = self.step().filter(|_| !self.is_in_branch());
        let chosen = chosen.filter(|step| step.watch.first() == Some(&self.panes.focus));
        if let Some(lens) = chosen.and_then(|step| step.map) {
            return lens;
        }
        let mut views = std::iter::once(self.panes.focus).chain(self.pane_order());
        let lens = views.find_map(|view| self.panes.pictures.lens_of(view));
        lens.unwrap_or(MapLens::Namespaces)
    }

    pub fn toggle_raw_numbers(&mut self) {
        self.panes.raw_numbers = !self.panes.raw_numbers;
        self.rebuild();
    }

    /// The control group of the selected row alone, or the next one, or all again.
    pub fn turn_group(&mut self) {
        self.panes.focus = ViewKind::Cgroups;
        self.show_group(self.panes.next_group());
    }

    /// Show one control group alone, or all of them; the selection stays with the group it was on.
    pub(super) fn show_group(&mut self, group: Option<String>) {
        let selected = self.panes.selected_group();
        self.panes.group = group;
        self.rebuild();
        if let Some(path) = selected {
            self.panes.select_group(&path);
        }
    }

    fn rebuild_if_live(&mut self) {
        if self.is_live() {
            self.rebuild();
        }
    }

    /// Compute the panes anew: after any change of what they show or how.
    fn rebuild(&mut self) {
        let mut panes = std::mem::replace(&mut self.panes, Panes::new(ViewKind::Mounts));
        self.with_shown(|shown| panes.build(shown));
        self.panes = panes;
    }
}
