//! The contents of a pane, as rows of text: computed when something changes, not when it is drawn. Pure.

pub mod audience;
mod bar_chart;
mod branches;
mod calls;
pub mod cgroup_tree;
mod cgroups;
pub mod charts;
mod files;
pub mod folding;
mod mounts;
mod namespaces;
mod network;
mod processes;
mod row_subject;

pub use self::row_subject::RowSubject;

use serde::Serialize;

use super::stable_ids::StableIds;
use crate::diff::{ChangeKind, Diff, DiffRow, OwnerChange};
use crate::op::{ActorName, OpRecord};
use crate::own_call::OwnCalls;
use crate::remark::Remark;
use crate::report::ChartSeries;
use crate::seen::{CutList, CutRows};
use crate::snapshot::{Omitted, Snapshot};
use crate::text::{first_bytes, safe};
use crate::view::ViewKind;
use crate::words;

/// Bytes shown of a row: no terminal is as wide, and one line of a program can be as long as all that it prints.
const MAX_ROW: usize = 4096;

/// The side of a step that a pane shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareMode {
    /// After, with what is gone left in, each row marked.
    Diff,
    Before,
    After,
    /// Before on the left, diff on the right.
    SideBySide,
}

impl CompareMode {
    pub fn next(self) -> CompareMode {
        match self {
            CompareMode::Diff => CompareMode::SideBySide,
            CompareMode::SideBySide => CompareMode::Before,
            CompareMode::Before => CompareMode::After,
            CompareMode::After => CompareMode::Diff,
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            CompareMode::Diff => "diff",
            CompareMode::Before => "before",
            CompareMode::After => "after",
            CompareMode::SideBySide => "before | after",
        }
    }
}

/// The data that panes are made from.
#[derive(Debug, Clone, Copy)]
pub struct PaneData<'a> {
    pub before: &'a Snapshot,
    pub after: &'a Snapshot,
    pub diff: &'a Diff,
    pub ops: &'a [OpRecord],
    /// The calls of the learner's programs. Where there are any, they stand in the place of the ops'.
    pub own_calls: &'a OwnCalls,
    pub charts: &'a [ChartSeries],
    pub stable_ids: &'a StableIds,
    /// The kernel's own numbers instead of stable ones.
    pub raw: bool,
    pub compare: CompareMode,
    pub changes_only: bool,
}

/// One line of a pane. The text holds no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaneRow {
    pub mark: ChangeKind,
    pub text: String,
    pub kind: RowKind,
    /// The control group, by its path, that the row is of in a tree of them.
    pub group: Option<String>,
    /// The thing that it is about, where that is one.
    pub subject: Option<RowSubject>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// Names an owner: an actor, a group, a namespace.
    Heading,
    Plain,
    /// Beside the point: a counter, an inherited row.
    Dim,
    /// Names the columns of the rows below it.
    Columns,
    /// Says something of the rows, and is none itself.
    Note,
    /// A failed call, an unmet expectation.
    Bad,
    /// Part of a drawing: it stays in sight.
    Chart,
}

impl PaneRow {
    fn heading(text: impl AsRef<str>) -> PaneRow {
        PaneRow { kind: RowKind::Heading, ..row(ChangeKind::Same, text) }
    }

    fn note(text: impl AsRef<str>) -> PaneRow {
        PaneRow { kind: RowKind::Note, ..row(ChangeKind::Same, text) }
    }

    fn columns(text: impl AsRef<str>) -> PaneRow {
        PaneRow { kind: RowKind::Columns, ..row(ChangeKind::Same, text) }
    }

    /// The same row, about this.
    fn about(self, subject: RowSubject) -> PaneRow {
        PaneRow { subject: Some(subject), ..self }
    }

    fn remark(remark: &Remark) -> PaneRow {
        PaneRow::note(words::remark(remark))
    }
}

/// Rows of one owner. Sections stand side by side where there is room: host beside container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaneSection {
    pub rows: Vec<PaneRow>,
}

/// The functions that make a view's rows: a pane's, with the control group to show alone; and those for a room, beginning
/// with what an actor sees.
struct Pane {
    build: fn(&PaneData<'_>, Option<&str>) -> Vec<PaneSection>,
    brief: fn(&PaneData<'_>, Option<&ActorName>) -> Vec<PaneRow>,
}

const fn pane(view: ViewKind) -> Pane {
    match view {
        ViewKind::Mounts => {
            Pane { build: |scene, _| mounts::build(scene), brief: audience::mounts }
        }
        ViewKind::Processes => Pane {
            build: |scene, _| processes::build(scene),
            brief: |scene, _| audience::processes(scene),
        },
        ViewKind::Namespaces => Pane {
            build: |scene, _| namespaces::build(scene),
            brief: |scene, _| audience::namespaces(scene),
        },
        ViewKind::Network => {
            Pane { build: |scene, _| network::build(scene), brief: audience::networks }
        }
        ViewKind::Cgroups => {
            Pane { build: cgroups::build, brief: |scene, _| audience::cgroups(scene) }
        }
        ViewKind::Files => {
            Pane { build: |scene, _| files::build(scene), brief: |scene, _| audience::files(scene) }
        }
        ViewKind::Calls => {
            Pane { build: |scene, _| calls::build(scene), brief: |scene, _| audience::calls(scene) }
        }
    }
}

/// Build a view's pane; `group` is the control group that was chosen to be shown alone.
pub fn build(view: ViewKind, scene: &PaneData<'_>, group: Option<&str>) -> Vec<PaneSection> {
    (pane(view).build)(scene, group)
}

/// The rows to show of a diff, given the comparison: the place among all its rows, mark and value, and what it was.
fn visible<'a, T>(
    rows: &'a [DiffRow<T>],
    scene: &'a PaneData<'a>,
) -> impl Iterator<Item = (usize, (ChangeKind, &'a T, Option<&'a T>))> {
    rows.iter().enumerate().filter_map(|(place, row)| Some((place, shown_of(row, scene)?)))
}

fn shown_of<'a, T>(
    row: &'a DiffRow<T>,
    scene: &PaneData<'_>,
) -> Option<(ChangeKind, &'a T, Option<&'a T>)> {
    match scene.compare {
        CompareMode::Diff | CompareMode::SideBySide => {
            if scene.changes_only && !row.mark.is_change() {
                return None;
            }
            // What went by itself is no row any more.
            if row.mark == ChangeKind::Quiet && row.after.is_none() {
                return None;
            }
            let shown = row.latest_value()?;
            Some((row.mark, shown, row.before.as_ref()))
        }
        CompareMode::Before => Some((ChangeKind::Same, row.before.as_ref()?, None)),
        CompareMode::After => Some((ChangeKind::Same, row.after.as_ref()?, None)),
    }
}

/// The number of rows there are on the side that is shown: one that is gone is not there.
fn existing<T>(rows: &[DiffRow<T>], scene: &PaneData<'_>) -> usize {
    let is_there = |row: &&DiffRow<T>| match scene.compare {
        CompareMode::Before => row.before.is_some(),
        CompareMode::After | CompareMode::Diff | CompareMode::SideBySide => row.after.is_some(),
    };
    rows.iter().filter(is_there).count()
}

/// The text of a changed row with what it was, behind what it is: nobody sees a change in a row that reads as before.
fn with_was<T: Serialize>(
    mark: ChangeKind,
    text: String,
    now: &T,
    before: Option<&T>,
    untold: &[&str],
) -> String {
    match before.filter(|_| mark == ChangeKind::Changed) {
        Some(before) => format!("{text}{}", words::rows::was(before, now, untold)),
        None => text,
    }
}

/// `container (new: a copy of host's)`
fn owner_line(owner: &str, owner_change: &OwnerChange, rest: &str) -> PaneRow {
    PaneRow::heading(format!("{owner}{}{rest}", words::owner_change_suffix(owner_change)))
}

/// The row behind a list that was cut: how many more there are. Rows that were not read are not compared.
fn omitted<T>(
    list: CutList,
    rows: &[DiffRow<T>],
    omitted: [Omitted; 2],
    scene: &PaneData<'_>,
) -> Option<PaneRow> {
    let before = rows.iter().filter(|row| row.before.is_some()).count();
    let after = rows.iter().filter(|row| row.after.is_some()).count();
    cut(list, [before, after], omitted, scene)
}

/// The same, behind so many that are listed before and after.
fn cut(
    list: CutList,
    listed: [usize; 2],
    omitted: [Omitted; 2],
    scene: &PaneData<'_>,
) -> Option<PaneRow> {
    let [old, new] = [0, 1].map(|side| {
        let rows = CutRows { list, listed: listed[side], omitted: omitted[side] };
        Some(rows).filter(|rows| !rows.omitted.is_nothing())
    });

    let remark = match scene.compare {
        CompareMode::Before => Remark::More(old?),
        CompareMode::After => Remark::More(new?),
        CompareMode::Diff | CompareMode::SideBySide => match (old, new) {
            (_, Some(new)) => Remark::MoreNotCompared(new),
            (Some(old), None) => Remark::MoreBefore(old),
            (None, None) => return None,
        },
    };

    Some(PaneRow::remark(&remark))
}

fn row(mark: ChangeKind, text: impl AsRef<str>) -> PaneRow {
    PaneRow {
        mark,
        text: safe(first_bytes(text.as_ref(), MAX_ROW)),
        kind: RowKind::Plain,
        group: None,
        subject: None,
    }
}
