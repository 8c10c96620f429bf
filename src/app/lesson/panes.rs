//! The panes of a lesson: which one has the focus, how it is looked at, and the rows of all of them.

use std::collections::BTreeMap;

use super::pictures::{MapPictures, PictureSource};
use super::subject::Subject;
use crate::app::panes::folding::{self, RowFolding};
use crate::app::panes::{self, CompareMode, PaneData, PaneRow, PaneSection};
use crate::app::stable_ids::StableIds;
use crate::own_call::OwnCalls;
use crate::report::ChartSeries;
use crate::view::ViewKind;

/// The direction of a search among rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Backward,
}

impl Direction {
    const fn step(self) -> isize {
        match self {
            Direction::Forward => 1,
            Direction::Backward => -1,
        }
    }
}

/// The place of the map, the picture of what the focused pane lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapPlace {
    /// With the rows, where there is room for both.
    Beside,
    /// In place of the rows.
    Alone,
    Nowhere,
}

impl MapPlace {
    /// The next one in turn.
    pub fn next(self) -> MapPlace {
        match self {
            MapPlace::Beside => MapPlace::Alone,
            MapPlace::Alone => MapPlace::Nowhere,
            MapPlace::Nowhere => MapPlace::Beside,
        }
    }
}

/// The two states that panes compare, and what led from one to the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub picture: &'a PictureSource,
    pub charts: &'a [ChartSeries],
    pub own_calls: &'a OwnCalls,
    pub numbers: &'a StableIds,
}

/// All panes of the screen.
#[derive(Debug)]
pub struct Panes {
    pub focus: ViewKind,
    /// The focused pane has the screen alone.
    pub is_zoomed: bool,
    pub map_place: MapPlace,
    pub compare: CompareMode,
    pub folding: RowFolding,
    pub raw_numbers: bool,
    /// The text that is searched for.
    pub query: String,
    /// The control group that the Cgroups pane shows alone, by its path.
    pub(super) group: Option<String>,
    /// The paths of the control groups there are, and were, at what is shown.
    groups: Vec<String>,
    /// The selected row of each pane.
    selected: BTreeMap<ViewKind, usize>,
    sections: BTreeMap<ViewKind, Vec<PaneSection>>,
    /// The left half of "before | after".
    before_sections: BTreeMap<ViewKind, Vec<PaneSection>>,
    /// Rows of each pane that have changed, and those that are as before.
    counts: BTreeMap<ViewKind, (usize, usize)>,
    pub pictures: MapPictures,
    /// The subject of the step that is told of.
    subject: Subject,
    /// The changed row of each pane that tells most of the step.
    telling: BTreeMap<ViewKind, usize>,
    /// The same for the left half of "before | after".
    before_telling: BTreeMap<ViewKind, usize>,
}

impl Panes {
    pub fn new(focus: ViewKind) -> Panes {
        Panes {
            focus,
            is_zoomed: false,
            map_place: MapPlace::Beside,
            compare: CompareMode::Diff,
            folding: RowFolding::Folded,
            raw_numbers: false,
            query: String::new(),
            group: None,
            groups: Vec::new(),
            selected: BTreeMap::new(),
            sections: BTreeMap::new(),
            before_sections: BTreeMap::new(),
            counts: BTreeMap::new(),
            pictures: MapPictures::default(),
            subject: Subject::default(),
            telling: BTreeMap::new(),
            before_telling: BTreeMap::new(),
        }
    }

    /// The data that rows are made from, as the panes are looked at.
    pub(super) fn data<'a>(&self, shown: Shown<'a>) -> PaneData<'a> {
        PaneData {
            before: &shown.picture.before,
            after: &shown.picture.after,
            diff: shown.picture.diff.get(),
            ops: shown.picture.ops(),
            own_calls: shown.own_calls,
            charts: shown.charts,
            stable_ids: shown.numbers,
            raw: self.raw_numbers,
            compare: self.compare,
            changes_only: false,
        }
    }

    /// Compute all rows anew.
    pub(super) fn build(&mut self, shown: Shown<'_>) {
        let scene = self.data(shown);
        let group = self.group.as_deref();
        let subject = &self.subject;
        let build = |scene: &PaneData<'_>| {
            let built = ViewKind::ALL.into_iter().map(|view| {
                let mut sections = panes::build(view, scene, group);
                subject.mark_expected(&mut sections);
                (view, sections)
            });
            built.collect()
        };

        let mut sections: BTreeMap<ViewKind, Vec<PaneSection>> = build(&scene);
        let mut before_sections: BTreeMap<ViewKind, Vec<PaneSection>> =
            if self.compare == CompareMode::SideBySide {
                build(&PaneData { compare: CompareMode::Before, ..scene })
            } else {
                BTreeMap::new()
            };

        // As many as have a mark where changes are shown; the other ways to look show none of them.
        let marked: BTreeMap<ViewKind, Vec<PaneSection>> = match self.compare {
            CompareMode::Diff | CompareMode::SideBySide => BTreeMap::new(),
            CompareMode::Before | CompareMode::After => {
                build(&PaneData { compare: CompareMode::Diff, ..scene })
            }
        };
        let counted = if marked.is_empty() { &sections } else { &marked };
        self.counts = counted.iter().map(|(view, rows)| (*view, folding::counts(rows))).collect();

        self.before_telling = tell_apart(&mut before_sections, counted, &self.counts);
        self.telling = if marked.is_empty() {
            let telling = |(view, sections): (&ViewKind, &Vec<PaneSection>)| {
                let rows = sections.iter().flat_map(|section| &section.rows);
                Some((*view, self.subject.most_telling(rows)?))
            };
            sections.iter().filter_map(telling).collect()
        } else {
            tell_apart(&mut sections, &marked, &self.counts)
        };
        self.pictures = MapPictures::of(shown.picture.clone());
        self.sections = sections;
        self.before_sections = before_sections;
        self.groups = panes::cgroup_tree::group_paths(shown.picture.diff.get());
        self.clamp_selection();
    }

    fn clamp_selection(&mut self) {
        for (view, selected) in &mut self.selected {
            let sections = self.sections.get(view);
            let rows: usize =
                sections.map_or(0, |all| all.iter().map(|section| section.rows.len()).sum());
            *selected = (*selected).min(rows.saturating_sub(1));
        }
    }

    /// Begin with another step: no row is selected, and the pane that it watches first comes to the front.
    pub(super) fn begin(&mut self, watched: Option<ViewKind>, subject: Subject) {
        self.selected.clear();
        self.focus = watched.unwrap_or(self.focus);
        self.subject = subject;
    }

    /// The changed row of a pane that tells most of the step: it is brought into sight.
    pub fn telling_row(&self, view: ViewKind) -> Option<usize> {
        self.telling.get(&view).copied()
    }

    pub fn sections(&self, view: ViewKind) -> &[PaneSection] {
        self.sections.get(&view).map_or(&[], Vec::as_slice)
    }

    pub fn before_sections(&self, view: ViewKind) -> &[PaneSection] {
        self.before_sections.get(&view).map_or(&[], Vec::as_slice)
    }

    /// The same for the left half of "before | after".
    pub fn before_telling_row(&self, view: ViewKind) -> Option<usize> {
        self.before_telling.get(&view).copied()
    }

    /// Changed rows of a view.
    pub fn changes(&self, view: ViewKind) -> usize {
        self.counts.get(&view).map_or(0, |(changed, _)| *changed)
    }

    /// Rows of a view that are as before.
    pub fn unchanged(&self, view: ViewKind) -> usize {
        self.counts.get(&view).map_or(0, |(_, same)| *same)
    }

    /// A pane with changes, which are marked in it: what is as before gives way to them.
    pub fn shows_changes(&self, view: ViewKind) -> bool {
        let is_marked = match self.compare {
            CompareMode::Diff | CompareMode::SideBySide => true,
            CompareMode::Before | CompareMode::After => false,
        };
        is_marked && view.is_state() && self.changes(view) > 0
    }

    /// Something has changed, whatever pane it is in.
    pub fn show_changes_somewhere(&self) -> bool {
        ViewKind::ALL.into_iter().any(|view| self.shows_changes(view))
    }

    /// True if runs of rows that are as before take one row each.
    pub fn is_folded(&self, view: ViewKind) -> bool {
        self.shows_changes(view)
            && self.compare == CompareMode::Diff
            && self.folding == RowFolding::Folded
    }

    /// The rows of a pane, all sections one after another.
    pub fn rows(&self, view: ViewKind) -> impl Iterator<Item = &PaneRow> {
        self.sections(view).iter().flat_map(|section| &section.rows)
    }

    /// The selected row of a pane, if one was selected.
    pub fn selection(&self, view: ViewKind) -> Option<usize> {
        self.selected.get(&view).copied()
    }

    /// The selected row of the focused pane, or else the first.
    pub fn selected_row(&self) -> usize {
        self.selection(self.focus).unwrap_or(0)
    }

    /// Select a row of the focused pane, or the last one where there are not so many.
    pub fn select_row(&mut self, row: usize) {
        let count = self.rows(self.focus).count();
        self.selected.insert(self.focus, row.min(count.saturating_sub(1)));
    }

    /// Select no row of the focused pane.
    pub fn unselect(&mut self) {
        self.selected.remove(&self.focus);
    }

    /// Select the row so many further down, or up.
    pub fn move_selection(&mut self, rows: isize) {
        self.select_row(self.selected_row().saturating_add_signed(rows));
    }

    /// The first row from `from` on, in a direction, that fits.
    pub fn find_row(
        &self,
        view: ViewKind,
        from: isize,
        direction: Direction,
        fits: impl Fn(&PaneRow) -> bool,
    ) -> Option<usize> {
        let rows: Vec<&PaneRow> = self.rows(view).collect();
        // It may lie before the first row or behind the last: then there is nothing to find.
        let mut at = from;

        while let Some(row) = usize::try_from(at).ok().and_then(|index| rows.get(index)) {
            if fits(row) {
                return usize::try_from(at).ok();
            }
            at += direction.step();
        }

        None
    }

    /// Bring a pane to the front by its place.
    pub fn focus_on_place(&mut self, place: usize) {
        self.focus = ViewKind::ALL.get(place).copied().unwrap_or(self.focus);
    }

    /// To the pane beside the focused one, and from the last to the first.
    pub fn focus_on_neighbour(&mut self, direction: Direction) {
        self.focus = self.neighbour(direction, 1);
    }

    fn neighbour(&self, direction: Direction, offset: isize) -> ViewKind {
        let count = ViewKind::ALL.len() as isize;
        let at = self.focus.place() as isize;
        ViewKind::ALL[(at + direction.step() * offset).rem_euclid(count) as usize]
    }

    /// The row of a pane where a search in this direction begins.
    fn beginning(&self, view: ViewKind, direction: Direction) -> isize {
        match direction {
            Direction::Forward => 0,
            Direction::Backward => self.rows(view).count() as isize - 1,
        }
    }

    /// Select the next changed row in this pane, or else the first one of the next pane that has any.
    pub fn select_change(&mut self, direction: Direction) {
        let is_change = |row: &PaneRow| row.mark.is_change();
        let from = self.selected_row() as isize + direction.step();
        if let Some(row) = self.find_row(self.focus, from, direction, is_change) {
            self.select_row(row);
            return;
        }

        // The last one is this pane again: its rows on the other side of the selected one.
        for offset in 1..=ViewKind::ALL.len() as isize {
            let next = self.neighbour(direction, offset);
            let from = self.beginning(next, direction);
            if let Some(row) = self.find_row(next, from, direction, is_change) {
                self.focus = next;
                self.select_row(row);
                return;
            }
        }
    }

    /// Select the next row that holds the text that is searched for; after the last one, the first.
    pub fn select_match(&mut self, direction: Direction) {
        self.select_match_from(self.selected_row() as isize + direction.step(), direction);
    }

    /// Select the first row that holds what was searched for, from the selected one on.
    pub fn find(&mut self) {
        self.select_match_from(self.selected_row() as isize, Direction::Forward);
    }

    fn select_match_from(&mut self, from: isize, direction: Direction) {
        if self.query.is_empty() {
            return;
        }

        let query = self.query.to_lowercase();
        let fits = |row: &PaneRow| row.text.to_lowercase().contains(&query);
        let found = self.find_row(self.focus, from, direction, fits).or_else(|| {
            self.find_row(self.focus, self.beginning(self.focus, direction), direction, fits)
        });
        if let Some(row) = found {
            self.select_row(row);
        }
    }

    pub fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// One control group was chosen to be shown alone, there or not.
    pub fn has_chosen_group(&self) -> bool {
        self.group.is_some()
    }

    /// The control group that is shown alone, as far as it is there.
    pub fn chosen_group(&self) -> Option<&str> {
        self.group.as_deref().filter(|chosen| self.groups.iter().any(|path| path == chosen))
    }

    /// The control group whose row is selected.
    pub(super) fn selected_group(&self) -> Option<String> {
        let place = self.selection(ViewKind::Cgroups)?;
        self.rows(ViewKind::Cgroups).nth(place)?.group.clone()
    }

    /// Select the row of a control group, where it has one.
    pub(super) fn select_group(&mut self, path: &str) {
        let is_its = |row: &PaneRow| row.group.as_deref() == Some(path);
        if let Some(row) = self.find_row(ViewKind::Cgroups, 0, Direction::Forward, is_its) {
            self.selected.insert(ViewKind::Cgroups, row);
        }
    }

    /// The control group to show alone next, or none for all of them: that of the selected row, unless it is shown
    /// already; with no such row selected, one group after the other, then all.
    pub(super) fn next_group(&self) -> Option<String> {
        let chosen = self.chosen_group();
        if let Some(path) = self.selected_group() {
            return Some(path).filter(|path| chosen != Some(path));
        }

        match chosen.and_then(|path| self.groups.iter().position(|known| known == path)) {
            Some(place) => self.groups.get(place + 1).cloned(),
            None => self.groups.first().cloned(),
        }
    }
}

/// Make the rows of a side dim that the other has, too, where anything changed; and the first row of each pane that it
/// has not.
fn tell_apart(
    sections: &mut BTreeMap<ViewKind, Vec<PaneSection>>,
    marked: &BTreeMap<ViewKind, Vec<PaneSection>>,
    counts: &BTreeMap<ViewKind, (usize, usize)>,
) -> BTreeMap<ViewKind, usize> {
    let has_changed = |view: &ViewKind| counts.get(view).is_some_and(|(changed, _)| *changed > 0);
    let side = sections.iter_mut().filter(|(view, _)| view.is_state() && has_changed(view));
    side.filter_map(|(view, sections)| {
        let first = folding::dim_what_is_shared(sections, marked.get(view)?)?;
        Some((*view, first))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::pictures::ShownDiff;
    use super::*;
    use crate::app::scripts::snapshot;
    use crate::diff::Diff;

    /// Panes that compare the processes of two moments, with the focus on them.
    fn panes(before: &[&str], after: &[&str]) -> Panes {
        let (before, after) = (snapshot(before), snapshot(after));
        let mut panes = Panes::new(ViewKind::Processes);
        let diff = ShownDiff::Live(Arc::new(Diff::between(&before, &after)));
        let (before, after) = (Arc::new(before), Arc::new(after));
        panes.build(Shown {
            own_calls: &OwnCalls::default(),
            picture: &PictureSource { before, after, diff, record: None },
            charts: &[],
            numbers: &StableIds::default(),
        });
        panes
    }

    fn selected_text(panes: &Panes) -> String {
        let row = panes.rows(panes.focus).nth(panes.selected_row());
        row.map_or_else(String::new, |row| row.text.clone())
    }

    #[test]
    fn a_selection_stays_among_the_rows() {
        let mut panes = panes(&["host"], &["host", "box"]);
        let last = panes.rows(ViewKind::Processes).count() - 1;
        assert_eq!((panes.selection(panes.focus), panes.selected_row()), (None, 0));

        panes.move_selection(-1);
        assert_eq!(panes.selected_row(), 0);
        panes.move_selection(100);
        assert_eq!(panes.selected_row(), last);
        panes.select_row(usize::MAX);
        assert_eq!(panes.selection(ViewKind::Processes), Some(last));

        panes.begin(Some(ViewKind::Mounts), Subject::default());
        assert_eq!((panes.focus, panes.selection(ViewKind::Processes)), (ViewKind::Mounts, None));
        panes.begin(None, Subject::default());
        assert_eq!(panes.focus, ViewKind::Mounts, "a step that watches none leaves it");
    }

    #[test]
    fn a_change_is_found_from_any_pane_and_a_match_goes_round() {
        let mut panes = panes(&["host"], &["host", "box"]);
        for direction in [Direction::Forward, Direction::Backward] {
            panes.begin(Some(ViewKind::Files), Subject::default());
            panes.select_change(direction);
            assert!(panes.focus != ViewKind::Files, "{direction:?}");
        }

        panes.begin(Some(ViewKind::Processes), Subject::default());
        panes.query = "BOX".into();
        panes.select_match(Direction::Forward);
        let found = panes.selected_row();
        assert!(selected_text(&panes).contains("box"), "{}", selected_text(&panes));
        panes.select_match(Direction::Forward);
        assert_eq!(panes.selected_row(), found, "it is the only one");

        panes.query.clear();
        panes.select_row(0);
        panes.select_match(Direction::Backward);
        assert_eq!(panes.selected_row(), 0, "nothing is searched for");
    }

    #[test]
    fn the_panes_lie_in_a_ring() {
        let mut panes = panes(&[], &[]);
        let first = panes.focus;
        panes.focus_on_neighbour(Direction::Forward);
        panes.focus_on_neighbour(Direction::Backward);
        assert_eq!(panes.focus, first);
        for _ in ViewKind::ALL {
            panes.focus_on_neighbour(Direction::Backward);
        }
        assert_eq!(panes.focus, first);

        panes.focus_on_place(0);
        assert_eq!(panes.focus, ViewKind::ALL[0]);
        panes.focus_on_place(ViewKind::ALL.len());
        assert_eq!(panes.focus, ViewKind::ALL[0], "there is no such pane");
    }
}
