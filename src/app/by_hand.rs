//! The learner's own doing in a turn: the lines that were typed, and what had changed after each.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::panes::{self, CompareMode, PaneData, PaneRow, RowKind, RowSubject};
use super::stable_ids::StableIds;
use super::typed_line::TypedLine;
use crate::diff::{ChangeKind, Diff};
use crate::own_call::{OwnCall, OwnCalls};
use crate::snapshot::{Process, Snapshot};
use crate::view::ViewKind;

/// Lines and changes kept of one turn: whoever types more has the panes.
const MAX_LINES: usize = 60;
const MAX_CHANGES: usize = 200;

/// A line, and the changes that the looks after it have found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandLine {
    /// None for what changed before the first line, and for calls of a shell whose lines are not read off the screen.
    pub typed: Option<TypedLine>,
    /// The shell that it was typed in.
    pub shell: Option<u32>,
    /// The calls that its programs made, as far as they are watched.
    pub calls: Vec<Arc<OwnCall>>,
    pub changes: Vec<HandChange>,
}

/// A row that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandChange {
    pub mark: ChangeKind,
    pub view: ViewKind,
    pub text: String,
    /// The process that came or went, by its pid as the machine counts.
    process: Option<u32>,
}

/// A turn that is on.
#[derive(Debug)]
struct HandTurn {
    before: Arc<Snapshot>,
    seen: Arc<Snapshot>,
    lines: Vec<HandLine>,
    /// The number of calls that were shared out among the lines.
    shared_out: usize,
    /// The turn that they are of.
    turn: u64,
    /// The line of each job that has made a call: one in the background goes on when the next line is typed.
    jobs: BTreeMap<u32, usize>,
}

impl HandTurn {
    /// Add what has changed since the last look to the line that was typed last.
    fn look(&mut self, now: &Arc<Snapshot>, numbers: &StableIds) {
        // A look that found nothing new shares its memory with the one before.
        if Arc::ptr_eq(&self.seen, now) {
            return;
        }
        let kept: usize = self.lines.iter().map(|line| line.changes.len()).sum();
        let mut changes = changes(&self.seen, now, numbers);
        changes.truncate(MAX_CHANGES.saturating_sub(kept));
        self.seen = Arc::clone(now);
        if changes.is_empty() {
            return;
        }
        if self.lines.is_empty() {
            self.lines.push(HandLine::default());
        }
        if let Some(last) = self.lines.last_mut() {
            last.changes.extend(changes);
        }
    }

    /// Share the new calls out among the lines: a job's to the line that started it, a shell's own to the one that was
    /// typed in it last.
    fn share_out(&mut self, calls: &OwnCalls) {
        // Those that came late are of the turn before.
        if calls.turn != self.turn {
            self.lines.iter_mut().for_each(|line| line.calls.clear());
            self.jobs.clear();
            (self.shared_out, self.turn) = (0, calls.turn);
        }
        for call in calls.calls.iter().skip(self.shared_out) {
            let known = self.jobs.get(&call.job).filter(|_| !call.is_by_shell()).copied();
            let last = || self.lines.iter().rposition(|line| line.shell == Some(call.shell));
            // Lines that were not kept any more would stand for the last one that was.
            if known.is_none() && self.lines.len() >= MAX_LINES {
                continue;
            }
            // Its lines are not read off the screen: in another window, or in a program that is no shell of the lab.
            let place = known.or_else(last).unwrap_or_else(|| {
                self.lines.push(HandLine { shell: Some(call.shell), ..HandLine::default() });
                self.lines.len() - 1
            });
            if !call.is_by_shell() {
                self.jobs.insert(call.job, place);
            }
            self.lines[place].calls.push(Arc::clone(call));
        }
        self.shared_out = calls.calls.len();
    }

    /// The lines without the programs that have only come and gone.
    fn lasting(mut self) -> Vec<HandLine> {
        let has = |snapshot: &Snapshot, pid| snapshot.process(pid).is_some();
        for line in &mut self.lines {
            line.changes.retain(|change| match change.process {
                Some(pid) => has(&self.before, pid) != has(&self.seen, pid),
                None => true,
            });
        }
        self.lines.retain(|line| {
            line.typed.is_some() || !line.changes.is_empty() || !line.calls.is_empty()
        });
        self.lines
    }
}

/// The steps that the learner did by hand, and the turn that is on.
#[derive(Debug, Default)]
pub struct HandWork {
    turn: Option<HandTurn>,
    done: BTreeMap<usize, Vec<HandLine>>,
}

impl HandWork {
    /// A step's turn begins, with the lab as it was found.
    pub(super) fn begin(&mut self, before: &Arc<Snapshot>) {
        let (before, seen) = (Arc::clone(before), Arc::clone(before));
        let (lines, jobs) = (Vec::new(), BTreeMap::new());
        self.turn = Some(HandTurn { before, seen, lines, shared_out: 0, turn: 0, jobs });
    }

    /// The turn is over, and the step was not done in it.
    pub(super) fn drop_turn(&mut self) {
        self.turn = None;
    }

    /// A line was entered in a shell.
    pub(super) fn note_line(&mut self, shell: u32, typed: TypedLine) {
        if let Some(turn) = self.turn.as_mut().filter(|turn| turn.lines.len() < MAX_LINES) {
            let (typed, shell) = (Some(typed), Some(shell));
            turn.lines.push(HandLine { typed, shell, ..HandLine::default() });
        }
    }

    pub(super) fn note_calls(&mut self, calls: &OwnCalls) {
        if let Some(turn) = &mut self.turn {
            turn.share_out(calls);
        }
    }

    pub(super) fn look(&mut self, now: &Arc<Snapshot>, numbers: &StableIds) {
        if let Some(turn) = &mut self.turn {
            turn.look(now, numbers);
        }
    }

    /// The step is done by hand, and the lab is so after it.
    pub(super) fn finish(&mut self, step: usize, after: &Arc<Snapshot>, numbers: &StableIds) {
        if let Some(mut turn) = self.turn.take() {
            turn.look(after, numbers);
            self.done.insert(step, turn.lasting());
        }
    }

    /// The lines of a step that was done by hand, as far as they were seen.
    pub fn of_step(&self, step: usize) -> &[HandLine] {
        self.done.get(&step).map_or(&[], Vec::as_slice)
    }
}

/// The changed rows of all panes between two looks, but for those of shells that were opened or closed.
fn changes(before: &Snapshot, after: &Snapshot, numbers: &StableIds) -> Vec<HandChange> {
    let diff = Diff::between(before, after);
    let data = PaneData {
        before,
        after,
        diff: &diff,
        ops: &[],
        own_calls: &OwnCalls::default(),
        charts: &[],
        stable_ids: numbers,
        raw: false,
        compare: CompareMode::Diff,
        changes_only: true,
    };
    let init = after.processes.first().map(|process| process.pid);
    let process_of = |row: &PaneRow| match row.subject {
        Some(RowSubject::Process { place }) => diff.processes.get(place)?.latest_value(),
        _ => None,
    };

    // That a lesson takes a process in, by a name of its own, is the lesson's doing.
    let is_named_now = |process: &Process| {
        let earlier = before.process(process.pid);
        earlier.is_some_and(|earlier| {
            earlier.start_time == process.start_time && earlier.actor != process.actor
        })
    };

    let mut changes = Vec::new();
    for view in ViewKind::ALL.into_iter().filter(|view| view.is_state()) {
        let sections = panes::build(view, &data, None);
        let rows = sections.iter().flat_map(|section| &section.rows);
        for row in rows.filter(|row| row.mark.is_change() && row.kind == RowKind::Plain) {
            let process = process_of(row);
            if process.is_some_and(|process| Some(process.ppid) == init || is_named_now(process)) {
                continue;
            }
            let words: Vec<&str> = row.text.split_whitespace().collect();
            changes.push(HandChange {
                mark: row.mark,
                view,
                text: words.join(" "),
                process: process.map(|process| process.pid),
            });
        }
    }
    changes
}
