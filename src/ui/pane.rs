//! Drawing one pane: a rule with its title, and the rows that fit, folded where they are as before.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::DrawOptions;
use super::head::{FrameFocus, draw_head, draw_more, with_head};
use super::hits::HitAreas;
use super::theme::Theme;
use crate::app::LessonView;
use crate::app::keymap::keys;
use crate::app::panes::folding::{RowFolding, ShownRow, folded};
use crate::app::panes::{CompareMode, PaneRow, PaneSection, RowKind};
use crate::app::pointing::PointTarget;
use crate::text::{safe, shortened};
use crate::view::ViewKind;

/// Narrower than this, two owners stand one below the other.
const COLUMN: u16 = 58;

/// `1 Mounts: 4 changed, 14 as before`: the view's name, and what became of its rows.
pub fn pane_title(view: &LessonView, kind: ViewKind) -> String {
    let panes = &view.panes;
    let (changed, same) = (panes.changes(kind), panes.unchanged(kind));
    let counts = match (changed, same) {
        (0, _) => String::new(),
        (_, 0) => format!(": {changed} changed"),
        _ => format!(": {changed} changed, {same} as before"),
    };
    let chosen = panes.chosen_group().filter(|_| kind == ViewKind::Cgroups);
    let chosen = chosen.map_or_else(String::new, |path| {
        format!(" of {}", shortened(&safe(&format!("/{path}")), 24))
    });
    format!("{} {}{chosen}{counts}", kind.number(), kind.title())
}

/// A pane below a rule with its title.
pub fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    view: &LessonView,
    kind: ViewKind,
    look: &DrawOptions,
) {
    let focus = FrameFocus::of(view.panes.focus == kind);
    let right = match focus {
        FrameFocus::Focused if kind.is_state() => how_compared(view, kind),
        FrameFocus::Focused | FrameFocus::Unfocused => String::new(),
    };
    let [head, rows] = with_head(area);
    draw_head(frame, head, (&pane_title(view, kind), &right), focus, look.theme);
    look.hits.note(head, PointTarget::Pane(kind));
    draw_rows(frame, rows, view, kind, focus, look);
}

/// The way that a pane is looked at, where it is not the usual one.
fn how_compared(view: &LessonView, kind: ViewKind) -> String {
    let panes = &view.panes;
    match (panes.compare, panes.folding) {
        (CompareMode::Diff, RowFolding::All) if panes.shows_changes(kind) => "all rows".into(),
        (CompareMode::Diff, _) => String::new(),
        (CompareMode::Before | CompareMode::After | CompareMode::SideBySide, _) => {
            panes.compare.label().into()
        }
    }
}

/// Rows that a pane of this width would like to have, without its head.
pub fn wanted_rows(view: &LessonView, kind: ViewKind, width: u16, theme: Theme) -> usize {
    let sections = view.panes.sections(kind);
    let look = RowsLook::of(view, kind, FrameFocus::Focused, theme);
    if view.panes.compare == CompareMode::SideBySide {
        return sections.iter().map(|section| section.rows.len()).sum();
    }
    let stacks = stacks(sections, columns_of_sections(sections, width));
    stacks.map(|stack| lines(stack, look).len()).max().unwrap_or(0)
}

/// The rows without a head.
pub fn draw_rows(
    frame: &mut Frame<'_>,
    area: Rect,
    view: &LessonView,
    kind: ViewKind,
    focus: FrameFocus,
    options: &DrawOptions,
) {
    if area.width == 0 || area.height == 0 {
        return;
    }
    options.hits.note(area, PointTarget::Pane(kind));
    let points = RowPoints { hits: &options.hits, kind, first: 0 };
    let look = RowsLook { points: Some(points), ..RowsLook::of(view, kind, focus, options.theme) };
    if view.panes.compare == CompareMode::SideBySide && kind.is_state() && area.width >= 2 * COLUMN
    {
        let [left, right] = halves(area);
        let telling = view.panes.before_telling_row(kind);
        // Its rows have places of their own.
        let before =
            RowsLook { selected: None, telling, tone: RowsTone::Plain, points: None, ..look };
        draw_stack(frame, left, view.panes.before_sections(kind), before);
        draw_stack(frame, right, view.panes.sections(kind), look);
        return;
    }

    let words: Vec<&str> = view.highlighted_words(kind).collect();
    if !words.is_empty() {
        draw_pointed(frame, area, view.panes.sections(kind), &words, options.theme);
        return;
    }

    let sections = view.panes.sections(kind);
    match columns_of_sections(sections, area.width) {
        1 => draw_stack(frame, area, sections, look),
        columns => draw_beside(frame, area, sections, columns, look),
    }
}

/// The number of sections that have room side by side.
fn columns_of_sections(sections: &[PaneSection], width: u16) -> usize {
    usize::from(width / COLUMN).clamp(1, sections.len().max(1))
}

/// Sections side by side: one in each of so many columns, and in the last all that are left.
fn stacks(sections: &[PaneSection], columns: usize) -> impl Iterator<Item = &[PaneSection]> {
    (0..columns).map(move |column| {
        if column + 1 == columns { &sections[column..] } else { &sections[column..=column] }
    })
}

/// The weight that rows have which did not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowsTone {
    Plain,
    /// Dim: they are beside those that did.
    BesideChanges,
}

/// The way that the rows of a pane are looked at.
#[derive(Debug, Clone, Copy)]
struct RowsLook<'a> {
    /// The selected row.
    selected: Option<usize>,
    /// The changed row that tells most of the step.
    telling: Option<usize>,
    query: &'a str,
    tone: RowsTone,
    folding: RowFolding,
    theme: Theme,
    /// The list of places that can be pointed at; None where these rows are not among them.
    points: Option<RowPoints<'a>>,
}

/// The rows of a pane that can be pointed at.
#[derive(Debug, Clone, Copy)]
struct RowPoints<'a> {
    hits: &'a HitAreas,
    kind: ViewKind,
    /// The place of the first of these rows among all of the pane.
    first: usize,
}

impl RowPoints<'_> {
    fn note(self, place: Rect, shown: ShownRow) {
        let target = match shown {
            ShownRow::Row(row) => PointTarget::PaneRow(self.kind, self.first + row),
            ShownRow::Fold { first, .. } => PointTarget::PaneFold(self.kind, self.first + first),
        };
        self.hits.note(place, target);
    }
}

impl<'a> RowsLook<'a> {
    fn of(view: &'a LessonView, kind: ViewKind, focus: FrameFocus, theme: Theme) -> RowsLook<'a> {
        let panes = &view.panes;
        let is_beside = focus == FrameFocus::Unfocused && panes.show_changes_somewhere();
        let tone = match panes.shows_changes(kind) || is_beside {
            true => RowsTone::BesideChanges,
            false => RowsTone::Plain,
        };
        RowsLook {
            selected: panes.selection(kind).filter(|_| focus == FrameFocus::Focused),
            telling: panes.telling_row(kind),
            query: &panes.query,
            tone,
            folding: if panes.is_folded(kind) { RowFolding::Folded } else { RowFolding::All },
            theme,
            points: None,
        }
    }

    /// The same for so many rows behind so many others.
    fn part(self, before: usize, count: usize) -> Self {
        let inside = |row: usize| row.checked_sub(before).filter(|row| *row < count);
        RowsLook {
            selected: self.selected.and_then(inside),
            telling: self.telling.and_then(inside),
            points: self.points.map(|points| RowPoints { first: before, ..points }),
            ..self
        }
    }

    fn style(&self, row: &PaneRow, is_of_change: bool) -> Style {
        match row.kind {
            _ if row.mark.is_change() => self.theme.change_style(row.mark),
            RowKind::Plain if self.tone == RowsTone::BesideChanges => self.theme.dim(),
            RowKind::Heading if self.tone == RowsTone::BesideChanges && !is_of_change => {
                self.theme.dim()
            }
            RowKind::Heading
            | RowKind::Plain
            | RowKind::Dim
            | RowKind::Columns
            | RowKind::Note
            | RowKind::Bad
            | RowKind::Chart => self.theme.row_style(row.kind),
        }
    }
}

/// Rows one below the other, those that decided a prediction marked and in sight.
fn draw_pointed(
    frame: &mut Frame<'_>,
    area: Rect,
    sections: &[PaneSection],
    points: &[&str],
    theme: Theme,
) {
    let is_word = |text: &str, word: &str| {
        text.split(|letter: char| letter.is_whitespace() || "()[]:,=".contains(letter))
            .any(|part| part.trim_start_matches(['`', '-', '|']) == word)
    };
    let decides = |row: &PaneRow| {
        points
            .iter()
            .any(|word| is_word(&row.text, word) || row.text.contains(&format!("{word}:[")))
    };

    let rows: Vec<&PaneRow> = sections.iter().flat_map(|section| &section.rows).collect();
    let height = usize::from(area.height);
    let first = rows.iter().position(|row| decides(row)).unwrap_or(0);
    let top = first.saturating_sub(height / 3).min(rows.len().saturating_sub(height));
    let width = usize::from(area.width);

    let lines: Vec<Line<'_>> = rows
        .iter()
        .skip(top)
        .take(height)
        .map(|row| {
            let style = match row.mark.is_change() {
                true => theme.change_style(row.mark),
                false => theme.row_style(row.kind),
            };
            if !decides(row) {
                return row_line(row, "", width, style, theme);
            }
            let mut marked = row_line(row, "", width.saturating_sub(4), style, theme);
            marked.push_span(Span::styled(" <==", theme.bold()));
            marked
        })
        .collect();

    frame.render_widget(Paragraph::new(lines), area);
}

fn halves(area: Rect) -> [Rect; 2] {
    // A column stays free between the two.
    let half = area.width / 2;
    [
        Rect { width: half.saturating_sub(1), ..area },
        Rect { x: area.x + half, width: area.width - half, ..area },
    ]
}

/// Owners side by side, host first; what does not fit goes below the last.
fn draw_beside(
    frame: &mut Frame<'_>,
    area: Rect,
    sections: &[PaneSection],
    columns: usize,
    look: RowsLook<'_>,
) {
    // Rows count on from one column to the next.
    let mut before = 0;
    let width = area.width / columns as u16;

    for (column, own) in stacks(sections, columns).enumerate() {
        let x = area.x + width * column as u16;
        let place = Rect {
            x,
            width: if column + 1 == columns { area.right() - x } else { width - 1 },
            ..area
        };
        let rows: usize = own.iter().map(|section| section.rows.len()).sum();

        draw_stack(frame, place, own, look.part(before, rows));
        before += rows;
    }
}

/// One line of a stack of sections.
#[derive(Debug, Clone, Copy)]
struct StackLine<'a> {
    shown: ShownRow,
    /// The row, or the first one of a fold.
    row: &'a PaneRow,
    /// Something changed in its section.
    is_of_change: bool,
}

/// The lines of sections one below the other, by the places that rows have in all of them.
fn lines<'a>(sections: &'a [PaneSection], look: RowsLook<'_>) -> Vec<StackLine<'a>> {
    let mut all = Vec::new();
    let mut before = 0;
    for section in sections {
        let rows = &section.rows;
        let open = look.selected.and_then(|row| row.checked_sub(before));
        let shown = match look.folding {
            RowFolding::Folded => folded(rows, open),
            RowFolding::All => (0..rows.len()).map(ShownRow::Row).collect(),
        };
        let is_of_change = rows.iter().any(|row| row.mark.is_change());
        all.extend(shown.into_iter().map(|line| match line {
            ShownRow::Row(place) => {
                StackLine { shown: ShownRow::Row(before + place), row: &rows[place], is_of_change }
            }
            ShownRow::Fold { first, count } => StackLine {
                shown: ShownRow::Fold { first: before + first, count },
                row: &rows[first],
                is_of_change,
            },
        }));
        before += rows.len();
    }
    all
}

/// Sections one below the other, scrolled so that the selected row is in sight, or else what changed.
fn draw_stack(frame: &mut Frame<'_>, area: Rect, sections: &[PaneSection], look: RowsLook<'_>) {
    let height = usize::from(area.height);
    let width = usize::from(area.width);
    let all = lines(sections, look);
    let line_of = |row: usize| all.iter().position(|line| line.shown.has(row));
    let wanted = match look.selected.and_then(line_of) {
        Some(line) => line.saturating_sub(height / 2),
        None => top_of_changes(&all, look.telling.and_then(line_of), height),
    };

    let top = wanted.min(all.len().saturating_sub(height));
    let first_fold = all.iter().position(|line| matches!(line.shown, ShownRow::Fold { .. }));
    let drawn: Vec<Line<'_>> = all
        .iter()
        .enumerate()
        .skip(top)
        .take(height)
        .map(|(place, line)| match line.shown {
            ShownRow::Fold { count, .. } => {
                // Once is enough.
                let first = first_fold.is_none_or(|first| first.max(top) == place);
                let key = keys::lesson::ALL_ROWS;
                let how = if first { format!("    {key} shows them") } else { String::new() };
                Line::styled(format!("  … {count} as before{how}"), look.theme.dim())
            }
            ShownRow::Row(row) => {
                let style = look.style(line.row, line.is_of_change);
                let drawn = row_line(line.row, look.query, width, style, look.theme);
                if look.selected == Some(row) { drawn.style(look.theme.selected()) } else { drawn }
            }
        })
        .collect();
    frame.render_widget(Paragraph::new(drawn), area);
    if let Some(points) = look.points {
        for (line, y) in all.iter().skip(top).zip(area.top()..area.bottom()) {
            points.note(Rect { y, height: 1, ..area }, line.shown);
        }
    }

    let below = all.len().saturating_sub(top + height);
    draw_more(frame, area, &format!(" +{below} rows"), below, look.theme);
}

/// The first row to show so that all changes are in sight, or, where they are too far apart, the one that tells most of
/// the step. A drawing at the top stays there.
fn top_of_changes(lines: &[StackLine<'_>], telling: Option<usize>, height: usize) -> usize {
    let is_drawn = lines.iter().take(2).any(|line| line.row.kind == RowKind::Chart);
    let is_changed = |line: &StackLine<'_>| line.row.mark.is_change();
    let changed = lines.iter().position(is_changed).zip(lines.iter().rposition(is_changed));
    // On one side alone nothing is marked.
    let Some((first, last)) = changed.or(telling.zip(telling)) else { return 0 };
    if is_drawn || last < height {
        return 0;
    }

    // A row above tells what they belong to.
    let fits = last - first + 2 < height;
    let begin = if fits { first } else { telling.unwrap_or(first) };
    // In a pane of two or three rows one of them is enough.
    let above = 2.min(height / 2);
    if begin < height && !fits { 0 } else { begin.saturating_sub(above) }
}

fn row_line<'a>(
    row: &'a PaneRow,
    query: &str,
    columns: usize,
    style: Style,
    theme: Theme,
) -> Line<'a> {
    // The sign of a change and a blank stand before it.
    let text = shortened(&row.text, columns.saturating_sub(2));
    let found = !query.is_empty() && row.text.to_lowercase().contains(&query.to_lowercase());
    let gutter = Span::styled(
        format!("{} ", if found { '/' } else { row.mark.sign() }),
        theme.change_style(row.mark),
    );

    Line::from(vec![gutter, Span::styled(text, style)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::ChangeKind;

    #[test]
    fn a_change_is_in_sight_in_a_pane_of_any_height() {
        let rows = |marked: &[usize]| {
            let row = |place: usize| PaneRow {
                mark: if marked.contains(&place) { ChangeKind::Added } else { ChangeKind::Same },
                text: place.to_string(),
                kind: RowKind::Plain,
                group: None,
                subject: None,
            };
            [PaneSection { rows: (0..20).map(row).collect() }]
        };
        let look = RowsLook {
            selected: None,
            telling: None,
            query: "",
            tone: RowsTone::Plain,
            folding: RowFolding::All,
            theme: Theme::without_colors(),
            points: None,
        };
        let all: Vec<usize> = (2..20).collect();
        for marked in [&all[..], &[0], &[19], &[2], &[5, 17]] {
            for height in 1..=25 {
                for telling in marked.iter().copied().map(Some).chain([None]) {
                    let sections = rows(marked);
                    let top = top_of_changes(&lines(&sections, look), telling, height);
                    let is_seen = marked.iter().any(|row| (top..top + height).contains(row));
                    assert!(is_seen, "{marked:?} in {height} rows, {telling:?}: from {top}");
                }
            }
        }
    }
}
