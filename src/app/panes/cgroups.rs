//! The cgroups pane: charts over time, the tree of the lab's groups, and their files, or those of the chosen group
//! alone.

use super::{
    CompareMode, PaneData, PaneRow, PaneSection, RowKind, RowSubject, bar_chart, cgroup_tree,
    charts, cut, owner_line, row, visible,
};
use crate::diff::{CgroupFile, ChangeKind, is_counter};
use crate::remark::Remark;
use crate::seen::CutList;
use crate::text::padded;
use crate::words::rows::counterpart;

/// Names of files are given a column as wide as the longest of a group's, up to this.
const MAX_NAMES: usize = 42;

/// `chosen` is a group by its path; one that is not there is as good as none.
pub fn build(scene: &PaneData<'_>, chosen: Option<&str>) -> Vec<PaneSection> {
    let is_there = |path: &&str| scene.diff.cgroups.iter().any(|it| it.owner.path == *path);
    let chosen = chosen.filter(is_there);
    let drawn: Vec<_> = scene
        .charts
        .iter()
        .filter(|series| chosen.is_none_or(|chosen| series.chart.group == chosen))
        .cloned()
        .collect();

    // What a step's time showed is no part of the moment before it.
    let drawings = match scene.compare {
        CompareMode::Before => Vec::new(),
        CompareMode::Diff | CompareMode::After | CompareMode::SideBySide => {
            [bar_chart::bar_rows(scene.ops), charts::chart_rows(&drawn)].concat()
        }
    };

    let mut groups = cgroup_tree::tree_rows(scene, chosen);
    groups.extend(omitted_groups_row(scene));
    let sections = [drawings, groups, files(scene, chosen)];
    let mut sections: Vec<PaneSection> = sections
        .into_iter()
        .filter(|rows| !rows.is_empty())
        .map(|rows| PaneSection { rows })
        .collect();

    if sections.is_empty() {
        let is_without = scene.after.cgroups.is_empty();
        let why = if is_without { Remark::NoCgroups } else { Remark::NothingChanged };
        sections.push(PaneSection { rows: vec![PaneRow::remark(&why)] });
    }

    sections
}

/// The row behind the groups, where there are more than were read.
pub(super) fn omitted_groups_row(scene: &PaneData<'_>) -> Option<PaneRow> {
    let listed = [scene.before.cgroups.len(), scene.after.cgroups.len()];
    cut(CutList::Groups, listed, scene.diff.cgroups_omitted, scene)
}

/// The files of each group: the lesson's own groups first, since the lab's top groups are there in every lesson.
fn files(scene: &PaneData<'_>, chosen: Option<&str>) -> Vec<PaneRow> {
    let mut rows = Vec::new();
    let groups = scene.diff.cgroups.iter().enumerate();
    let wanted = groups.filter(|(_, it)| chosen.is_none_or(|chosen| it.owner.path == chosen));

    let (tops, own): (Vec<_>, Vec<_>) = wanted.partition(|(_, section)| section.owner.is_top());
    for (group, section) in own.into_iter().chain(tops) {
        let shown: Vec<_> = visible(&section.rows, scene).collect();
        if shown.is_empty() {
            continue;
        }

        rows.push(owner_line(
            &section.owner.to_string(),
            &section.owner_change,
            "   v1 name | v2 name",
        ));
        if let Some(heading) = rows.last_mut() {
            heading.subject = Some(RowSubject::Group { group });
        }
        // A longer name sticks out (`file_row`), instead of moving all values to the right.
        let width = shown
            .iter()
            .map(|(_, (_, file, _))| names(file).len())
            .filter(|width| *width <= MAX_NAMES)
            .max()
            .unwrap_or(0);
        rows.extend(shown.into_iter().map(|(place, (mark, file, before))| {
            file_row(mark, file, before, width).about(RowSubject::GroupFile { group, place })
        }));
    }

    rows
}

fn file_row(
    mark: ChangeKind,
    file: &CgroupFile,
    before: Option<&CgroupFile>,
    width: usize,
) -> PaneRow {
    let was = match (mark, before) {
        (ChangeKind::Changed | ChangeKind::Quiet, Some(old)) => format!("  was {}", value(old)),
        _ => String::new(),
    };

    let names = names(file);
    let names = if names.len() > width { names } else { padded(&names, width) };
    let kind = if is_counter(&file.name) { RowKind::Dim } else { RowKind::Plain };
    PaneRow { kind, ..row(mark, format!("  {names}  {}{was}", value(file))) }
}

fn value(file: &CgroupFile) -> String {
    match file.value.as_str() {
        "" if file.is_member_list() => "(nobody)".into(),
        "" => "(empty)".into(),
        text => text.replace('\n', " | "),
    }
}

/// `memory.limit_in_bytes | memory.max`: v1 at the left, v2 at the right, whichever this one is.
fn names(file: &CgroupFile) -> String {
    match counterpart(&file.name) {
        Some((1, v1)) => format!("{v1} | {}", file.name),
        Some((_, v2)) => format!("{} | {v2}", file.name),
        None => file.name.clone(),
    }
}
