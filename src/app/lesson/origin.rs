//! The card on the selected row, and which step made what it is about, as far as the records tell.

use std::borrow::Cow;
use std::sync::Arc;

use super::pictures::{PictureSource, ShownDiff};
use super::position::Position;
use super::{LessonView, Shown};
use crate::app::panes::{PaneData, PaneRow, RowSubject};
use crate::diff::Diff;
use crate::explain::card::{Card, Origin, OriginKind};
use crate::explain::{self, CardData, Entry, Topic};
use crate::op::ActorName;
use crate::own_call::OwnCalls;
use crate::report::StepRecord;
use crate::snapshot::Snapshot;

impl LessonView {
    /// The card on the selected row of the pane in front; None where no row is selected.
    pub fn card_of_selected_row(&self) -> Option<Card> {
        self.selected_row()?;
        self.card_of_selected_thing().or_else(|| {
            self.with_shown(|shown| {
                let panes = self.panes.data(shown);
                let data = CardData { snapshot: panes.after, facts: &self.lab_facts() };
                Some(Topic::View(self.panes.focus).card(&data))
            })
        })
    }

    /// The same; None also where the row is about nothing that has a card of its own.
    pub fn card_of_selected_thing(&self) -> Option<Card> {
        let row = self.selected_row()?;
        self.with_shown(|shown| {
            let panes = self.panes.data(shown);
            let subject = row.subject.or_else(|| group_of(row, &panes))?;
            self.card_in(subject, &panes)
        })
    }

    /// The card on something in what is shown.
    pub fn card_of(&self, subject: RowSubject) -> Option<Card> {
        self.with_shown(|shown| self.card_in(subject, &self.panes.data(shown)))
    }

    fn card_in(&self, subject: RowSubject, panes: &PaneData<'_>) -> Option<Card> {
        let mut card = subject.card(panes, &self.lab_facts())?;
        card.origin = self.origin(subject, panes);
        Some(card)
    }

    fn selected_row(&self) -> Option<&PaneRow> {
        let view = self.panes.focus;
        self.panes.rows(view).nth(self.panes.selection(view)?)
    }

    /// The words of the step's texts that the glossary has, and the calls that it has made.
    pub fn words_of_step(&self) -> Vec<&'static Entry> {
        let Some(step) = self.step() else { return Vec::new() };
        let record = self.shown_record().filter(|record| record.step == self.story_step());
        let after = if record.is_some() { step.after.as_str() } else { "" };
        let mut words = explain::words_of(&format!("{}\n\n{after}", step.story));
        let ops = record.iter().flat_map(|record| &record.ops);
        for call in ops.flat_map(|op| &op.calls) {
            let known = explain::of_kind(explain::WordKind::Call, &call.name);
            words.extend(known.filter(|entry| words.iter().all(|word| word.word != entry.word)));
        }
        words
    }

    /// The states that panes compare, for a look at them.
    pub(super) fn with_shown<T>(&self, look: impl FnOnce(Shown<'_>) -> T) -> T {
        if let Position::Recorded { step, .. } = self.position
            && let Some(recorded) = self.history.get(step)
        {
            let record = &recorded.record;
            let picture = PictureSource {
                before: Arc::clone(&record.before),
                after: Arc::clone(&record.after),
                diff: ShownDiff::OfRecord(Arc::clone(record)),
                record: Some(Arc::clone(record)),
            };
            let (charts, numbers) = (&*record.charts, &*recorded.numbers);
            let own_calls = &record.own_calls;
            return look(Shown { picture: &picture, charts, own_calls, numbers });
        }

        let lab = &self.live_lab;
        let record = match &self.position {
            Position::Branch(branch) => Some(&branch.record),
            Position::Live(_) | Position::Recorded { .. } => {
                self.lab.played().checked_sub(1).and_then(|step| self.history.record(step))
            }
        };
        let picture = PictureSource {
            before: Arc::clone(&lab.before),
            after: Arc::clone(&lab.now),
            diff: ShownDiff::Live(Arc::new(Diff::between(&lab.before, &lab.now))),
            record: record.cloned(),
        };
        // In a turn what is called now counts; between turns, what the last step's turn has called.
        let no_calls = OwnCalls::default();
        let own_calls = match (&self.learning.turn, &picture.record) {
            (Some(_), _) if !self.is_in_branch() => &*lab.own_calls,
            (_, Some(record)) => &record.own_calls,
            (_, None) => &no_calls,
        };
        look(Shown { picture: &picture, charts: &lab.charts, own_calls, numbers: &lab.numbers })
    }

    /// The step that made it or changed it last, among those that were recorded in the lab that is shown.
    fn origin(&self, subject: RowSubject, panes: &PaneData<'_>) -> Option<Origin> {
        let last = match &self.position {
            Position::Recorded { step, .. } => step + 1,
            Position::Live(_) => self.played_steps(),
            // Its steps are those of another lab.
            Position::Branch(_) => return None,
        };
        let named = |step: usize, how: OriginKind| {
            let title = self.lesson.steps.get(step)?.title.clone();
            Some(Origin::Step { number: step + 1, title, how })
        };
        // What the learner has done, they know.
        if let RowSubject::OwnCall { .. } = subject {
            return None;
        }
        if let RowSubject::Call { .. } = subject {
            return named(last.checked_sub(1)?, OriginKind::Made);
        }

        let is_same_lab = |record: &Arc<StepRecord>| host(&record.after) == host(panes.after);
        for step in (0..last).rev() {
            // Before a step that nobody saw in this lab, nothing is known.
            let record = self.record(step).filter(|record| is_same_lab(record))?;
            if let Some(how) = subject.done_by(panes, record.diff()) {
                return named(step, how);
            }
        }
        (last > 0 && subject.is_state()).then_some(Origin::BeforeTheFirstStep)
    }
}

/// The lab's first process, by which a lab is told from another.
fn host(snapshot: &Snapshot) -> Option<(u32, u64)> {
    snapshot.process_of(&ActorName::host()).map(|process| (process.pid, process.start_time))
}

/// The group of a row in the tree of groups, in the first hierarchy that has it.
fn group_of(row: &PaneRow, panes: &PaneData<'_>) -> Option<RowSubject> {
    let path = Cow::Borrowed(row.group.as_deref()?);
    let group = panes.diff.cgroups.iter().position(|section| section.owner.path == path)?;
    Some(RowSubject::Group { group })
}
