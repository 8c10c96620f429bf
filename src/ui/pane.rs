//! Drawing one pane: a frame with a title, and the rows that fit. Only visible rows are touched.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use super::theme::Theme;
use crate::app::LessonView;
use crate::app::panes::{CompareMode, PaneRow, PaneSection, RowKind};
use crate::settings::theme::Tone;
use crate::text::{safe, shortened};
use crate::view::ViewKind;

/// Narrower than this, two owners stand one below the other.
const COLUMN: u16 = 58;

/// The state of a part of the screen that may have the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameFocus {
    Focused,
    Unfocused,
}

impl FrameFocus {
    pub fn of(has_keys: bool) -> FrameFocus {
        if has_keys { FrameFocus::Focused } else { FrameFocus::Unfocused }
    }
}

/// A frame; the focused one is said by bold and by `*` in its title.
pub fn frame_block<'a>(title: String, right: String, focus: FrameFocus, theme: Theme) -> Block<'a> {
    let (style, title) = match focus {
        FrameFocus::Focused => (theme.focused_border(), format!("*{title}")),
        FrameFocus::Unfocused => (theme.line(), title),
    };
    // A title is text: it has not the faint colour of the line that it stands on.
    let text = match focus {
        FrameFocus::Focused => Style::new(),
        FrameFocus::Unfocused => Style::reset().patch(theme.tone(Tone::Plain)),
    };
    Block::bordered()
        .border_set(theme.border())
        .border_style(style)
        .title(Line::styled(title, text))
        .title(Line::styled(right, text).right_aligned())
}

/// `Mounts +1 ~2`: the view's name, and how many rows changed.
pub fn pane_title(view: &LessonView, kind: ViewKind) -> String {
    let changes = view.panes.changes(kind);
    let count = if changes == 0 { String::new() } else { format!(" ({changes} changed)") };
    let chosen = view.panes.chosen_group().filter(|_| kind == ViewKind::Cgroups);
    let chosen = chosen.map_or_else(String::new, |path| {
        format!(" of {}", shortened(&safe(&format!("/{path}")), 24))
    });
    format!(" {} {}{chosen}{count} ", kind.number(), kind.title())
}

pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &LessonView, kind: ViewKind, theme: Theme) {
    let focus = FrameFocus::of(view.panes.focus == kind);
    let mode = if kind.is_state() {
        let only = if view.panes.changes_only { ", changes only" } else { "" };
        format!(" {}{only} ", view.panes.compare.label())
    } else {
        String::new()
    };
    let right = if focus == FrameFocus::Focused { mode } else { String::new() };
    let block = frame_block(pane_title(view, kind), right, focus, theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    draw_rows(frame, inner, view, kind, focus, theme);
}

/// The rows without a frame.
pub fn draw_rows(
    frame: &mut Frame<'_>,
    area: Rect,
    view: &LessonView,
    kind: ViewKind,
    focus: FrameFocus,
    theme: Theme,
) {
    if area.width == 0 || area.height == 0 {
        return;
    }
    let rows = RowsLook {
        selected: view.panes.selection(kind).filter(|_| focus == FrameFocus::Focused),
        telling: view.panes.telling_row(kind),
        query: &view.panes.query,
        theme,
    };
    if view.panes.compare == CompareMode::SideBySide && kind.is_state() && area.width >= 2 * COLUMN
    {
        let [left, right] = halves(area);
        let before = RowsLook { selected: None, telling: None, ..rows };
        draw_stack(frame, left, view.panes.before_sections(kind), before);
        draw_stack(frame, right, view.panes.sections(kind), rows);
        return;
    }

    let points: Vec<&str> = view.highlighted_words(kind).collect();
    if !points.is_empty() {
        draw_pointed(frame, area, view.panes.sections(kind), &points, theme);
        return;
    }

    let sections = view.panes.sections(kind);
    let columns = usize::from(area.width / COLUMN).clamp(1, sections.len().max(1));
    if columns < 2 {
        draw_stack(frame, area, sections, rows);
        return;
    }
    draw_beside(frame, area, sections, columns, rows);
}

/// The way that the rows of a pane are looked at.
#[derive(Debug, Clone, Copy)]
struct RowsLook<'a> {
    /// The selected row.
    selected: Option<usize>,
    /// The changed row that tells most of the step.
    telling: Option<usize>,
    query: &'a str,
    theme: Theme,
}

impl RowsLook<'_> {
    /// The same for so many rows behind so many others.
    fn part(self, before: usize, count: usize) -> Self {
        let inside = |row: usize| row.checked_sub(before).filter(|row| *row < count);
        RowsLook {
            selected: self.selected.and_then(inside),
            telling: self.telling.and_then(inside),
            ..self
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
            if !decides(row) {
                return line(row, "", width, theme);
            }
            let mut marked = line(row, "", width.saturating_sub(4), theme);
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

    for column in 0..columns {
        let x = area.x + width * column as u16;
        let place = Rect {
            x,
            width: if column + 1 == columns { area.right() - x } else { width - 1 },
            ..area
        };
        let own =
            if column + 1 == columns { &sections[column..] } else { &sections[column..=column] };
        let rows: usize = own.iter().map(|section| section.rows.len()).sum();

        draw_stack(frame, place, own, look.part(before, rows));
        before += rows;
    }
}

/// Sections one below the other, scrolled so that the selected row is in sight, or else what changed.
fn draw_stack(frame: &mut Frame<'_>, area: Rect, sections: &[PaneSection], look: RowsLook<'_>) {
    let height = usize::from(area.height);
    let count: usize = sections.iter().map(|section| section.rows.len()).sum();
    let wanted = look
        .selected
        .map(|row| row.saturating_sub(height / 2))
        .unwrap_or_else(|| top_of_changes(sections, look.telling, height));
    let top = wanted.min(count.saturating_sub(height));
    let rows = sections.iter().flat_map(|section| &section.rows).enumerate().skip(top).take(height);
    let lines: Vec<Line<'_>> = rows
        .map(|(index, row)| {
            let line = line(row, look.query, usize::from(area.width), look.theme);
            if look.selected == Some(index) { line.style(look.theme.selected()) } else { line }
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), area);

    if count > top + height && area.width > 12 {
        let more = format!(" +{} rows ", count - top - height);
        let place = Rect {
            x: area.right().saturating_sub(more.len() as u16),
            // On the frame's lower edge, where there is one.
            y: area.bottom().min(frame.area().bottom() - 1),
            width: (more.len() as u16).min(area.width),
            height: 1,
        };
        frame.render_widget(Paragraph::new(more).style(look.theme.dim()), place);
    }
}

/// The first row to show so that all changes are in sight, or, where they are too far apart, the one that tells most of
/// the step. A drawing at the top stays there.
fn top_of_changes(sections: &[PaneSection], telling: Option<usize>, height: usize) -> usize {
    let is_drawn = sections
        .first()
        .is_some_and(|one| one.rows.iter().take(2).any(|row| row.kind == RowKind::Chart));
    let rows = || sections.iter().flat_map(|section| &section.rows);
    let changed = rows().enumerate().filter(|(_, row)| row.mark.is_change());
    let changed: Vec<usize> = changed.map(|(place, _)| place).collect();
    let (Some(first), Some(last)) = (changed.first(), changed.last()) else { return 0 };
    if is_drawn || *last < height {
        return 0;
    }

    // A row above tells what they belong to.
    let fits = last - first + 2 < height;
    let begin = if fits { *first } else { telling.unwrap_or(*first) };
    // In a pane of two or three rows one of them is enough.
    let above = 2.min(height / 2);
    if begin < height && !fits { 0 } else { begin.saturating_sub(above) }
}

fn line<'a>(row: &'a PaneRow, query: &str, columns: usize, theme: Theme) -> Line<'a> {
    // The sign of a change and a blank stand before it.
    let text = shortened(&row.text, columns.saturating_sub(2));
    let style =
        if row.mark.is_change() { theme.change_style(row.mark) } else { theme.row_style(row.kind) };

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
        let all: Vec<usize> = (2..20).collect();
        for marked in [&all[..], &[0], &[19], &[2], &[5, 17]] {
            for height in 1..=25 {
                for telling in marked.iter().copied().map(Some).chain([None]) {
                    let top = top_of_changes(&rows(marked), telling, height);
                    let is_seen = marked.iter().any(|row| (top..top + height).contains(row));
                    assert!(is_seen, "{marked:?} in {height} rows, {telling:?}: from {top}");
                }
            }
        }
    }
}
