//! A window of a talk: what the hub said so far, and what its panes show. The console drives; the audience looks.

pub(super) mod driving;
pub mod next_action;
mod window_events;

pub use self::window_events::{apply_own_changes, on_hub_gone, on_message, on_tick};

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::panes::{CompareMode, PaneData, PaneRow, RowKind, audience};
use super::{LessonView, Phase};
use crate::diff::Diff;
use crate::engine::Event;
use crate::lesson::model::{Lesson, Step};
use crate::lesson::parse::parse;
use crate::lesson::quiz::{Answer, Grade, LabAnswers, QuestionKind, grade};
use crate::map::{MapLens, MapScene};
use crate::own_call::OwnCalls;
use crate::prompt::Prompt;
use crate::proof::Proof;
use crate::report::{StepRecord, StepStatus};
use crate::snapshot::Snapshot;
use crate::talk::AudienceView;
use crate::talk::beat::{self, Beat};
use crate::talk::clock::Clock;
use crate::talk::message::{TalkEvent, TalkState, WindowRole, Windows};
use crate::tape::{RecordedBranch, Tape};
use crate::view::ViewKind;
use crate::words;

/// One window.
#[derive(Debug)]
pub struct TalkView {
    pub role: WindowRole,
    /// Of this window's process, as the hub lists it.
    pub pid: u32,
    pub layout: WindowLayout,
    /// None until the hub has said what is presented.
    pub talk: Option<Box<Talk>>,
    /// Names of this machine and its users.
    pub private: Vec<String>,
    /// The keys that go on run steps.
    pub is_armed: bool,
    pub overlay: TalkOverlay,
    pub notes_scroll: usize,
    /// The time of day: `18:42`.
    pub now: String,
}

/// The parts that a window shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowLayout {
    /// The audience's picture.
    Picture,
    /// That picture with the speaker's notes below it, for who has one screen.
    PictureWithNotes,
    Console,
}

/// The one thing that lies over a window, and has its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TalkOverlay {
    None,
    Help {
        scroll: usize,
    },
    /// A question that waits for y or n.
    Question {
        prompt: Prompt,
        on_yes: OnConfirm,
    },
    /// The list of steps to jump to.
    Steps {
        selected: usize,
    },
    /// The end of the talk, and how the machine compares. Nothing comes after it.
    Ended(Proof),
}

/// The consequence of a yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnConfirm {
    Rewind { steps: usize },
    End,
}

/// The lesson that is presented, and its state.
#[derive(Debug)]
pub struct Talk {
    pub view: LessonView,
    /// As the driver has set it, and as the audience sees it.
    pub set: AudienceView,
    pub shown: AudienceView,
    missing: BTreeSet<usize>,
    clock: Clock,
    /// Since the hub said how the clock stands.
    since: Duration,
    /// Since this beat is shown.
    pub time_on_beat: Duration,
    pub windows: Windows,
    /// The rows of each pane of what is shown.
    rows: Vec<(ViewKind, Vec<PaneRow>)>,
    /// The printed output of the step that is shown.
    printed: Vec<PaneRow>,
    /// The picture of what is shown, where it has one.
    map: Option<(MapLens, MapScene)>,
}

impl TalkView {
    pub fn new(role: WindowRole, pid: u32, private: Vec<String>) -> TalkView {
        TalkView {
            role,
            pid,
            layout: match role {
                WindowRole::Console => WindowLayout::Console,
                WindowRole::Screen | WindowRole::Watcher => WindowLayout::Picture,
            },
            talk: None,
            private,
            is_armed: true,
            overlay: TalkOverlay::None,
            notes_scroll: 0,
            now: String::new(),
        }
    }

    /// Whatever lies over the window, which is closed by that.
    pub(super) fn take_overlay(&mut self) -> TalkOverlay {
        std::mem::replace(&mut self.overlay, TalkOverlay::None)
    }

    fn set_audience_view(&mut self, audience_view: AudienceView) {
        let Some(talk) = &mut self.talk else { return };
        if talk.set.beat != audience_view.beat {
            self.notes_scroll = 0;
        }
        talk.set = audience_view;
    }

    pub fn is_driver(&self) -> bool {
        self.talk.as_ref().is_some_and(|talk| talk.windows.driver == Some(self.pid))
    }

    /// It has something that counts seconds.
    pub fn needs_ticks(&self) -> bool {
        self.talk.as_ref().is_some_and(|talk| {
            let asks = matches!(talk.shown.beat, Beat::Ask { .. }) && !talk.shown.revealed;
            asks || match self.layout {
                WindowLayout::Console => true,
                WindowLayout::PictureWithNotes => talk.clock.is_running,
                WindowLayout::Picture => false,
            }
        })
    }
}

impl Talk {
    fn new(talk_state: TalkState) -> Option<Talk> {
        let lesson = Arc::new(parse(&talk_state.name, &talk_state.lesson).ok()?);
        let mut talk = Talk::silent(lesson, talk_state.clock);
        talk.view.tape = talk_state.tape;
        talk.missing = talk_state.missing;
        (talk.set, talk.shown, talk.windows) =
            (talk_state.set, talk_state.shown, talk_state.windows);
        for relayed in talk_state.events {
            talk.apply_event(relayed);
        }
        talk.refresh();
        Some(talk)
    }

    /// Nothing was heard yet.
    fn silent(lesson: Arc<Lesson>, clock: Clock) -> Talk {
        Talk {
            view: LessonView::new(lesson),
            set: AudienceView::new(),
            shown: AudienceView::new(),
            missing: BTreeSet::new(),
            clock,
            since: Duration::ZERO,
            time_on_beat: Duration::ZERO,
            windows: Windows::default(),
            rows: Vec::new(),
            printed: Vec::new(),
            map: None,
        }
    }

    /// A lesson whose steps have all run, as a tape has it, or as far as that can be told without one.
    pub fn fully_played(lesson: Arc<Lesson>, tape: Option<&Tape>) -> Talk {
        let clock = Clock::new(&lesson, None, &BTreeSet::new());
        let mut talk = Talk::silent(lesson, clock);
        if let Some(tape) = tape {
            talk.view.tape = Some(tape.header.origin());
            talk.missing = tape.unplayable_steps();
            tape.records.iter().for_each(|record| talk.view.set_record(Arc::clone(record)));
            if let Some(ready) = tape.state_after(&talk.view.lesson, tape.records.len()) {
                talk.view.set_ready(ready);
            }
        }
        talk
    }

    /// The what-if of a tape as the one that was played last.
    pub fn load_recorded_branch(&mut self, taken: &RecordedBranch) {
        self.view.leave_branch();
        self.view.show_branch(taken.branch, Arc::clone(&taken.record));
    }

    /// Set the audience view, as a driver does.
    pub fn set_audience_view(&mut self, audience_view: AudienceView) {
        (self.set, self.shown) = (audience_view.clone(), audience_view);
        self.refresh();
    }

    pub fn clock_now(&self) -> Clock {
        self.clock.advanced_by(self.since)
    }

    /// Steps that nobody is shown: the speaker's choice, or they can't be played.
    pub fn left_out_steps(&self) -> BTreeSet<usize> {
        let chosen = self.view.lab.ready.iter().flat_map(|ready| &ready.left_out);
        chosen.chain(&self.missing).copied().collect()
    }

    /// The state of a step, as one sign.
    pub fn step_sign(&self, step: usize) -> char {
        if self.missing.contains(&step) { 'x' } else { self.view.step_mark(step).sign() }
    }

    pub fn beats(&self) -> Vec<Beat> {
        beat::beats(&self.view.lesson, &self.left_out_steps())
    }

    /// The rows of a pane of what the audience sees.
    pub fn rows(&self, view: ViewKind) -> &[PaneRow] {
        self.rows.iter().find(|(of, _)| *of == view).map_or(&[], |(_, rows)| rows)
    }

    /// The output of programs in the step that the audience sees, and what the kernel refused.
    pub fn printed(&self) -> &[PaneRow] {
        &self.printed
    }

    /// The picture for the audience: unless the speaker chose a pane, or points into one, or there is a chart, or
    /// the rows tell of a change that the picture has not.
    pub fn map_for(&self, audience_view: &AudienceView) -> Option<&(MapLens, MapScene)> {
        let wants_rows = audience_view.pane.is_some()
            || audience_view.zoomed
            || audience_view.marked.is_some()
            || audience_view.top > 0;
        let panes = self.panes_for(audience_view);
        let has_chart =
            |view: &ViewKind| self.rows(*view).iter().any(|row| row.kind == RowKind::Chart);
        let is_told =
            |scene: &MapScene| scene.is_lit() || !panes.iter().any(|pane| self.has_changes(*pane));
        self.map
            .as_ref()
            .filter(|_| !wants_rows && !panes.iter().any(has_chart))
            .filter(|(_, scene)| !scene.is_empty() && is_told(scene))
    }

    /// The pane shows what the step changed.
    pub fn has_changes(&self, view: ViewKind) -> bool {
        self.rows(view).iter().any(|row| row.mark.is_change() || row.kind == RowKind::Chart)
    }

    /// The step that a beat is about; a what-if is told and shown as one.
    pub fn step(&self, beat: Beat) -> Option<Cow<'_, Step>> {
        match beat.branch(&self.view.lesson) {
            Some(branch) => Some(Cow::Owned(branch.to_step())),
            None => self.view.lesson.steps.get(beat.step()).map(Cow::Borrowed),
        }
    }

    /// The lines that would be typed for a step, each with the prompt of who types it.
    pub fn prompt_lines(&self, step: &Step) -> Vec<String> {
        let context = self.view.lab_facts();
        let entries = step.actions.iter().map(|entry| (&entry.actor, entry.action.shell(&context)));
        entries
            .flat_map(|(actor, lines)| {
                lines.into_iter().map(move |line| format!("{actor}# {line}"))
            })
            .collect()
    }

    /// The record that a beat is about, if its step has run.
    pub fn record(&self, beat: Beat) -> Option<&Arc<StepRecord>> {
        if let Beat::WhatIf { step, branch } = beat {
            let taken = self.view.branch_view();
            return taken
                .filter(|taken| (taken.step, taken.index) == (step, branch))
                .map(|taken| &taken.record);
        }
        self.view.record(beat.step()).filter(|_| beat.step() < self.view.played_steps())
    }

    /// The panes that a beat brings to the front, most telling first.
    pub fn panes_for(&self, audience_view: &AudienceView) -> Vec<ViewKind> {
        let step = self.step(audience_view.beat);
        let mut panes: Vec<ViewKind> = audience_view.pane.into_iter().collect();
        panes.extend(step.iter().flat_map(|step| step.watch.iter().copied()));
        let mut seen = BTreeSet::new();
        panes.retain(|pane| seen.insert(*pane));
        // A pane that the step changes says more than one that it leaves alone.
        if audience_view.pane.is_none() {
            panes.retain(|pane| !self.rows(*pane).is_empty());
            panes.sort_by_key(|pane| (!self.has_changes(*pane), !pane.is_state()));
        }
        panes
    }

    /// The right answer to the question of a beat, and the reason for it.
    pub fn right_answer(&self, beat: Beat) -> Option<Grade> {
        let question = beat.question(&self.view.lesson)?;
        let Beat::Ask { question: index, .. } = beat else { return None };

        let record = self.record(beat);
        let holds = record
            .and_then(|record| record.predicted(index))
            .map(|predicted| predicted.holds())
            .unwrap_or_default();
        let source = question.source();
        let value = source.and_then(|source| {
            source.read(record.map_or(self.view.live_snapshot(), |record| &record.after))
        });

        // Graded as if nobody knew, an answer is told as a whole.
        Some(grade(question, &Answer::Unknown, &LabAnswers { holds, value }))
    }

    /// The question's options, each true if it is right; empty where that is not known, or there are none.
    pub fn right_options(&self, beat: Beat) -> Vec<bool> {
        let Some(question) = beat.question(&self.view.lesson) else { return Vec::new() };
        let Beat::Ask { question: index, .. } = beat else { return Vec::new() };

        match &question.kind {
            QuestionKind::Choose(choices) | QuestionKind::ChooseAll(choices) => {
                choices.iter().map(|choice| choice.right).collect()
            }
            QuestionKind::Predict(_) => {
                let record = self.record(beat);
                let predicted = record.and_then(|record| record.predicted(index));
                predicted.map(|predicted| predicted.holds()).unwrap_or_default()
            }
            QuestionKind::Order(_) | QuestionKind::Value(_) | QuestionKind::Task(_) => Vec::new(),
        }
    }

    /// A what-if was played that is shown no more.
    fn is_past_branch(&self) -> bool {
        let is_shown =
            matches!(self.set.beat, Beat::WhatIf { .. }) && self.record(self.set.beat).is_some();
        self.view.is_in_branch() && !is_shown
    }

    fn apply_event(&mut self, relayed: TalkEvent) {
        match relayed.into_engine_event() {
            Event::Ready(ready) => self.view.set_ready(ready),
            Event::Playing { step } => self.view.start_playing(step),
            Event::Played(record) => self.view.set_record(record),
            Event::LiveSnapshot(snapshot) => self.view.set_live_snapshot(snapshot),
            Event::ChartsSampled(charts) => self.view.set_charts(charts),
            Event::BranchPlayed { branch, record } => self.view.show_branch(branch, record),
            Event::Failed(failure) => {
                self.view.lab.phase = Phase::Failed { message: format!("{failure:#}") };
            }
            Event::RequestRefused { .. } => {
                // What was asked for does not happen.
                if matches!(self.view.lab.phase, Phase::Playing { .. }) {
                    self.view.lab.phase = Phase::Ready
                }
            }
            // A talk has no turns and no shells, and the hub tells of its end in its own message.
            Event::TurnBegan { .. }
            | Event::TurnChanged(_)
            | Event::DetourChanged(_)
            | Event::OwnCalls(_)
            | Event::ShellOpened { .. }
            | Event::ShellMoved { .. }
            | Event::Waiting(_)
            | Event::Unpacking(_)
            | Event::SessionEnded(_) => {}
        }
    }

    /// Compute the panes of what is shown anew.
    fn refresh(&mut self) {
        let beat = self.shown.beat;
        let record = self.record(beat).cloned();
        // Back at a beat before its step, the panes show what was there before it ran.
        let is_told = beat.is_before_run(&self.view.lesson) && !self.shown.revealed;

        let (before, after): (&Snapshot, &Snapshot) = match &record {
            Some(record) if is_told => (&record.before, &record.before),
            Some(record) => (&record.before, &record.after),
            None => (self.view.live_snapshot(), self.view.live_snapshot()),
        };
        let diff = match &record {
            Some(record) if !is_told => Cow::Borrowed(record.diff()),
            _ => Cow::Owned(Diff::between(before, after)),
        };
        let ops = record.as_ref().filter(|_| !is_told).map_or(&[][..], |record| &record.ops);
        let charts = match &record {
            Some(_) if is_told => &[][..],
            Some(record) => &record.charts,
            None => &self.view.live_lab.charts,
        };

        let own_calls = OwnCalls::default();
        let scene = PaneData {
            before,
            after,
            diff: &diff,
            ops,
            own_calls: &own_calls,
            charts,
            stable_ids: &self.view.live_lab.numbers,
            raw: false,
            compare: CompareMode::Diff,
            changes_only: true,
        };

        let step = self.step(beat);
        let acting = step.as_ref().and_then(|step| step.actions.last()).map(|entry| &entry.actor);
        let rows = ViewKind::ALL
            .into_iter()
            .map(|view| (view, audience::audience_rows(view, &scene, acting)))
            .collect();
        let printed = audience::output_rows(ops);
        let watch = step.as_ref().map_or(&[][..], |step| &step.watch);
        let map =
            most_telling_map(watch, &diff, |lens| MapScene::of(lens, before, after, &diff, ops));

        (self.rows, self.printed, self.map) = (rows, printed, map);
    }
}

/// The picture of the first view that has one with a change in it, or else of the first that has one.
fn most_telling_map(
    watch: &[ViewKind],
    diff: &Diff,
    scene: impl Fn(MapLens) -> MapScene,
) -> Option<(MapLens, MapScene)> {
    let mut first = None;
    for lens in watch.iter().filter_map(|view| MapLens::of_view(*view, diff)) {
        let scene = scene(lens);
        if scene.is_lit() {
            return Some((lens, scene));
        }
        first.get_or_insert((lens, scene));
    }
    first
}

/// The reason why a step was not played; None for one that was played.
pub fn skip_reason(record: &StepRecord) -> Option<String> {
    match &record.status {
        StepStatus::Skipped { why, .. } => {
            Some(format!("Not possible here: {}", words::blocker(why)))
        }
        StepStatus::LeftOut => Some("This step was left out.".into()),
        StepStatus::Played | StepStatus::Typed => None,
    }
}
