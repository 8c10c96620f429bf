//! One lesson on the screen: what was recorded, what is looked at, what each pane shows.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::learning::Learning;
use super::numbers::Numbers;
use super::panes::{self, Compare, PaneRow, PaneSection, Scene};
use super::quiz::{Item, QuizView};
use super::shells::Shells;
use crate::action::Context;
use crate::diff::Diff;
use crate::engine::Ready;
use crate::engine::waiting::Awaited;
use crate::lesson::model::{Lesson, Step};
use crate::op::ActorName;
use crate::report::{Series, StepRecord};
use crate::snapshot::Snapshot;
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// A lab is being made, or steps are replayed.
    Building,
    Ready,
    Playing {
        step: usize,
    },
    Failed {
        message: String,
    },
}

/// The moment that the panes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    Live,
    /// A recorded step, looked back at.
    Recorded(usize),
}

/// The text that stands beside the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    Shell,
    Docker,
    Oci,
    Notes,
}

impl Beside {
    pub fn next(self) -> Beside {
        match self {
            Beside::Shell => Beside::Docker,
            Beside::Docker => Beside::Oci,
            Beside::Oci => Beside::Notes,
            Beside::Notes => Beside::Shell,
        }
    }
}

/// A record and the numbering of the lab it was made in.
#[derive(Debug, Clone)]
struct Recorded {
    record: Arc<StepRecord>,
    numbers: Arc<Numbers>,
}

#[derive(Debug)]
pub struct LessonView {
    pub lesson: Arc<Lesson>,
    pub phase: Phase,
    pub position: Position,
    pub focus: ViewKind,
    pub zoomed: bool,
    pub compare: Compare,
    pub changes_only: bool,
    pub raw_numbers: bool,
    pub beside: Beside,
    pub story_scroll: usize,
    /// The selected row of each pane.
    pub selected: BTreeMap<ViewKind, usize>,
    pub query: String,
    /// The control group that the Cgroups pane shows alone, by its path.
    pub group: Option<String>,
    pub ready: Option<Ready>,
    /// The origin of the tape that plays instead of a lab: where and when it was made.
    pub tape: Option<String>,
    /// The step that has just run is still shown, with what came of it.
    pub reviewing: bool,
    /// The actor that the lesson waits for.
    pub awaited: Option<Awaited>,
    pub learning: Learning,
    pub quiz: Option<QuizView>,
    /// Questions answered, right or wrong, since the lesson was opened.
    pub answered: BTreeSet<Item>,
    pub shells: Shells,
    /// Once the new lab is up, a shell beside this actor is opened again.
    pub reopen: Option<ActorName>,
    records: Vec<Option<Recorded>>,
    pub(super) numbers: Arc<Numbers>,
    pub(super) live: Arc<Snapshot>,
    /// As the live lab's charts have grown.
    pub(super) charts: Arc<Vec<Series>>,
    /// As the live lab was before its last step.
    pub(super) live_before: Arc<Snapshot>,
    panes: BTreeMap<ViewKind, Vec<PaneSection>>,
    /// The left half of "before | after".
    before_panes: BTreeMap<ViewKind, Vec<PaneSection>>,
    changes: BTreeMap<ViewKind, usize>,
    /// The paths of the control groups there are, and were, at what is shown.
    pub(super) groups: Vec<String>,
}

impl LessonView {
    pub fn new(lesson: Arc<Lesson>) -> LessonView {
        let first = lesson
            .steps
            .first()
            .and_then(|step| step.watch.first().copied())
            .unwrap_or(ViewKind::Mounts);
        let empty = Arc::new(Snapshot::default());
        LessonView {
            records: vec![None; lesson.steps.len()],
            lesson,
            phase: Phase::Building,
            position: Position::Live,
            focus: first,
            zoomed: false,
            compare: Compare::Diff,
            changes_only: false,
            raw_numbers: false,
            beside: Beside::Shell,
            story_scroll: 0,
            selected: BTreeMap::new(),
            query: String::new(),
            group: None,
            ready: None,
            tape: None,
            reviewing: false,
            awaited: None,
            learning: Learning::default(),
            quiz: None,
            answered: BTreeSet::new(),
            shells: Shells::default(),
            reopen: None,
            numbers: Arc::default(),
            live: Arc::clone(&empty),
            charts: Arc::default(),
            live_before: empty,
            panes: BTreeMap::new(),
            before_panes: BTreeMap::new(),
            changes: BTreeMap::new(),
            groups: Vec::new(),
        }
    }

    /// A new lab is asked for.
    pub fn start_building(&mut self) {
        self.phase = Phase::Building;
        self.position = Position::Live;
        self.reopen =
            self.shells.current().filter(|_| self.shells.is_shown()).map(|tab| tab.actor.clone());
    }

    /// The living actors of the lab that is up, host first.
    pub fn actors(&self) -> Vec<ActorName> {
        let alive = self.live.processes.iter().filter(|process| process.state != 'Z');
        let mut actors: Vec<ActorName> =
            alive.filter_map(|process| process.actor.clone()).collect();
        actors.sort_by_key(|actor| *actor != ActorName::host());
        actors
    }

    /// The state of a step, as one sign.
    pub fn step_sign(&self, step: usize) -> char {
        let ok = self.record(step).is_none_or(|record| record.is_ok());
        if self.is_left_out(step) {
            return 'x';
        }
        match (step < self.played(), ok) {
            (true, true) => '*',
            (true, false) => '!',
            (false, _) => ' ',
        }
    }

    /// Steps played in the lab that is up.
    pub fn played(&self) -> usize {
        self.ready.as_ref().map_or(0, |ready| ready.played)
    }

    pub fn is_live(&self) -> bool {
        self.position == Position::Live
    }

    /// The next step can be run: its lab is up, and it is what the screen shows.
    pub fn can_run(&self) -> bool {
        self.phase == Phase::Ready
            && self.learning.branch.is_none()
            && self.is_live()
            && !self.reviewing
            && self.played() < self.lesson.steps.len()
    }

    /// The step that ran last is on the screen; the next one waits.
    pub fn can_go_on(&self) -> bool {
        self.phase == Phase::Ready
            && self.learning.branch.is_none()
            && self.is_live()
            && self.reviewing
            && self.played() < self.lesson.steps.len()
    }

    pub fn go_on(&mut self) {
        self.reviewing = false;
        self.focus_on(self.story_step());
    }

    /// All steps were played.
    pub fn is_finished(&self) -> bool {
        self.phase == Phase::Ready
            && self.learning.branch.is_none()
            && self.is_live()
            && self.played() == self.lesson.steps.len()
    }

    pub fn has_records(&self) -> bool {
        self.records.iter().any(Option::is_some)
    }

    pub fn can_look_back(&self) -> bool {
        self.earlier().is_some()
    }

    fn earlier(&self) -> Option<usize> {
        let end = match self.position {
            Position::Live => self.played(),
            Position::Recorded(step) => step,
        };
        (0..end.min(self.records.len())).rev().find(|step| self.records[*step].is_some())
    }

    pub fn look_back(&mut self) {
        if let Some(step) = self.earlier() {
            self.look_at(step);
        }
    }

    pub fn look_forward(&mut self) {
        let Position::Recorded(step) = self.position else { return };
        let later = (step + 1..self.played().min(self.records.len()))
            .find(|step| self.records[*step].is_some());
        match later {
            Some(step) => self.look_at(step),
            None => self.back_to_live(),
        }
    }

    pub fn look_at(&mut self, step: usize) {
        if self.records.get(step).is_some_and(Option::is_some) {
            self.position = Position::Recorded(step);
            self.focus_on(step);
            self.rebuild();
        }
    }

    pub fn back_to_live(&mut self) {
        self.position = Position::Live;
        self.focus_on(self.story_step());
        self.rebuild();
    }

    pub(super) fn focus_on(&mut self, step: usize) {
        self.story_scroll = 0;
        self.selected.clear();
        let watch = self.lesson.steps.get(step).and_then(|step| step.watch.first());
        self.focus = watch.copied().unwrap_or(self.focus);
    }

    /// The step whose story is shown: the one looked back at, or the next to run (the last at the end).
    pub fn story_step(&self) -> usize {
        if let Some(branch) = &self.learning.branch {
            return branch.step;
        }
        match self.position {
            Position::Recorded(step) => step,
            Position::Live => match self.phase {
                Phase::Playing { step } => step,
                Phase::Building | Phase::Ready | Phase::Failed { .. } => (self.played()
                    - usize::from(self.reviewing && self.played() > 0))
                .min(self.lesson.steps.len().saturating_sub(1)),
            },
        }
    }

    pub fn step(&self) -> Option<&Step> {
        self.lesson.steps.get(self.story_step())
    }

    /// The record of a step, in whatever lab it was made.
    pub fn record(&self, step: usize) -> Option<&Arc<StepRecord>> {
        self.records.get(step)?.as_ref().map(|recorded| &recorded.record)
    }

    /// The state of the lab that is up.
    pub fn live(&self) -> &Snapshot {
        &self.live
    }

    /// From now on the panes show what changed since this moment.
    pub fn compare_from_now(&mut self) {
        self.live_before = Arc::clone(&self.live);
        self.rebuild();
    }

    /// The record of what was done last in the lab that is up.
    pub fn last_record(&self) -> Option<&Arc<StepRecord>> {
        self.record(self.played().checked_sub(1)?)
    }

    /// For shell lines of actions.
    pub fn context(&self) -> Context {
        self.ready.as_ref().map(|ready| ready.context.clone()).unwrap_or_default()
    }

    pub fn set_ready(&mut self, ready: Ready) {
        self.leave_branch();
        let fresh = ready.played == 0 || ready.played < self.played();
        if fresh {
            self.numbers = Arc::default();
        }
        // What a rewind replayed is in this lab too, but what came after is not.
        let replayed = self.phase == Phase::Building;
        self.live_before = match self.record_in_this_lab(ready.played, replayed) {
            Some(record) => Arc::clone(&record.before),
            None => Arc::clone(&ready.live),
        };
        self.live = Arc::clone(&ready.live);
        self.note_live();
        self.ready = Some(ready);
        self.phase = Phase::Ready;
        if replayed {
            self.reviewing = false;
            self.focus_on(self.story_step());
        }
        self.rebuild();
    }

    fn record_in_this_lab(&self, played: usize, replayed: bool) -> Option<&Arc<StepRecord>> {
        if replayed { None } else { self.record(played.checked_sub(1)?) }
    }

    pub fn set_record(&mut self, record: Arc<StepRecord>) {
        let numbers = Arc::make_mut(&mut self.numbers);
        numbers.note(&record.before);
        numbers.note(&record.after);
        let step = record.step;
        self.reviewing = true;
        self.charts = Arc::new(record.charts.clone());
        self.live = Arc::clone(&record.after);
        self.live_before = Arc::clone(&record.before);
        if let Some(place) = self.records.get_mut(step) {
            *place = Some(Recorded { record, numbers: Arc::clone(&self.numbers) });
        }
        let watch = self.lesson.steps.get(step).and_then(|step| step.watch.first());
        self.focus = watch.copied().unwrap_or(self.focus);
        self.selected.clear();
        self.group = None;
        self.story_scroll = 0;
        self.rebuild();
    }

    pub fn set_live(&mut self, snapshot: Arc<Snapshot>) {
        self.live = snapshot;
        if self.played() == 0 && self.learning.branch.is_none() && self.learning.turn.is_none() {
            // A fresh lab settles by itself: links find their carrier.
            self.live_before = Arc::clone(&self.live);
        }
        self.note_live();
        if self.is_live() {
            self.rebuild();
        }
    }

    pub fn set_charts(&mut self, charts: Arc<Vec<Series>>) {
        self.charts = charts;
        if self.is_live() {
            self.rebuild();
        }
    }

    pub(super) fn note_live(&mut self) {
        let numbers = Arc::make_mut(&mut self.numbers);
        numbers.note(&self.live_before);
        numbers.note(&self.live);
    }

    /// Compute the panes anew: after any change of what they show or how.
    pub fn rebuild(&mut self) {
        let recorded = match self.position {
            Position::Recorded(step) => self.records.get(step).cloned().flatten(),
            Position::Live => None,
        };
        let (before, after, numbers) = match &recorded {
            Some(Recorded { record, numbers }) => (&record.before, &record.after, numbers),
            None => (&self.live_before, &self.live, &self.numbers),
        };
        let diff = match &recorded {
            Some(recorded) => Cow::Borrowed(recorded.record.diff()),
            None => Cow::Owned(Diff::between(before, after)),
        };
        let branch = self.learning.branch.as_ref().map(|branch| &branch.record);
        let record = recorded
            .as_ref()
            .map(|recorded| &recorded.record)
            .or(branch)
            .or_else(|| self.last_record());
        let ops = record.map_or(&[][..], |record| &record.ops);
        let charts = match &recorded {
            Some(recorded) => recorded.record.charts.as_slice(),
            None => self.charts.as_slice(),
        };
        let scene = Scene {
            before,
            after,
            diff: &diff,
            ops,
            charts,
            numbers,
            raw: self.raw_numbers,
            compare: self.compare,
            changes_only: self.changes_only,
        };

        let group = self.group.as_deref();
        let build = |scene: &Scene<'_>| {
            ViewKind::ALL.into_iter().map(|view| (view, panes::build(view, scene, group))).collect()
        };
        let built = build(&scene);
        let halves = if self.compare == Compare::SideBySide {
            build(&Scene { compare: Compare::Before, ..scene })
        } else {
            BTreeMap::new()
        };
        let changes = ViewKind::ALL.into_iter().map(|view| (view, diff.changes(view))).collect();
        self.panes = built;
        self.before_panes = halves;
        self.changes = changes;
        self.groups = panes::tree::paths(&diff);
        self.clamp_selection();
    }

    fn clamp_selection(&mut self) {
        for (view, selected) in &mut self.selected {
            let rows = self
                .panes
                .get(view)
                .map_or(0, |sections| sections.iter().map(|section| section.rows.len()).sum());
            *selected = (*selected).min(rows.saturating_sub(1));
        }
    }

    pub fn sections(&self, view: ViewKind) -> &[PaneSection] {
        self.panes.get(&view).map_or(&[], Vec::as_slice)
    }

    pub fn before_sections(&self, view: ViewKind) -> &[PaneSection] {
        self.before_panes.get(&view).map_or(&[], Vec::as_slice)
    }

    /// Changed rows of a view.
    pub fn changes(&self, view: ViewKind) -> usize {
        self.changes.get(&view).copied().unwrap_or(0)
    }

    /// The rows of a pane, all sections one after another.
    pub fn rows(&self, view: ViewKind) -> impl Iterator<Item = &PaneRow> {
        self.sections(view).iter().flat_map(|section| &section.rows)
    }

    pub fn selected_row(&self) -> usize {
        self.selected.get(&self.focus).copied().unwrap_or(0)
    }

    pub fn select(&mut self, row: usize) {
        let count = self.rows(self.focus).count();
        self.selected.insert(self.focus, row.min(count.saturating_sub(1)));
    }

    /// The first row from `from` on, in a direction, that fits.
    pub fn find_row(
        &self,
        view: ViewKind,
        from: isize,
        step: isize,
        fits: impl Fn(&PaneRow) -> bool,
    ) -> Option<usize> {
        let rows: Vec<&PaneRow> = self.rows(view).collect();
        let mut at = from;
        while let Some(row) = usize::try_from(at).ok().and_then(|index| rows.get(index)) {
            if fits(row) {
                return usize::try_from(at).ok();
            }
            at += step;
        }
        None
    }

    /// The views in the order of their numbers, the focused step's own first in importance.
    pub fn watched(&self) -> Vec<ViewKind> {
        let step = self.lesson.steps.get(self.story_step());
        let watch = self.branch().map(|branch| &branch.watch).or(step.map(|step| &step.watch));
        let mut views: Vec<ViewKind> = watch.cloned().unwrap_or_default();
        views.extend(
            ViewKind::ALL.into_iter().filter(|view| !views.contains(view)).collect::<Vec<_>>(),
        );
        views
    }
}
