//! Drawing one pane: a frame with a title, and the rows that fit. Only visible rows are touched.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use super::theme::Theme;
use crate::app::LessonView;
use crate::app::panes::{CompareMode, PaneRow, PaneSection, RowKind};
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
        FrameFocus::Unfocused => (Style::new(), title),
    };
    Block::bordered()
        .border_set(theme.border())
        .border_style(style)
        .title(Line::from(title))
        .title(Line::from(right).right_aligned())
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
    let selected = view.panes.selection(kind).filter(|_| focus == FrameFocus::Focused);
    if view.panes.compare == CompareMode::SideBySide && kind.is_state() && area.width >= 2 * COLUMN
    {
        let [left, right] = halves(area);
        draw_stack(frame, left, view.panes.before_sections(kind), None, &view.panes.query, theme);
        draw_stack(frame, right, view.panes.sections(kind), selected, &view.panes.query, theme);
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
        draw_stack(frame, area, sections, selected, &view.panes.query, theme);
        return;
    }
    draw_beside(frame, area, sections, columns, (selected, &view.panes.query), theme);
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
    (selected, query): (Option<usize>, &str),
    theme: Theme,
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

        let here = selected.and_then(|row| row.checked_sub(before)).filter(|row| *row < rows);
        draw_stack(frame, place, own, here, query, theme);
        before += rows;
    }
}

/// Sections one below the other, scrolled so that the selected row is in sight.
fn draw_stack(
    frame: &mut Frame<'_>,
    area: Rect,
    sections: &[PaneSection],
    selected: Option<usize>,
    query: &str,
    theme: Theme,
) {
    let height = usize::from(area.height);
    let count: usize = sections.iter().map(|section| section.rows.len()).sum();

    // Without a selection, the first change is brought into sight; but a drawing at the top stays there.
    let is_drawn = sections
        .first()
        .is_some_and(|one| one.rows.iter().take(2).any(|row| row.kind == RowKind::Chart));
    let first_change = || {
        if is_drawn {
            return None;
        }
        let mut rows = sections.iter().flat_map(|section| &section.rows);
        let at = rows.position(|row| row.mark.is_change())?;
        (at >= height).then(|| at.saturating_sub(2))
    };

    let wanted = selected.map(|row| row.saturating_sub(height / 2)).or_else(first_change);
    let top = wanted.unwrap_or(0).min(count.saturating_sub(height));
    let rows = sections.iter().flat_map(|section| &section.rows).enumerate().skip(top).take(height);
    let lines: Vec<Line<'_>> = rows
        .map(|(index, row)| {
            let line = line(row, query, usize::from(area.width), theme);
            if selected == Some(index) { line.style(theme.selected()) } else { line }
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
        frame.render_widget(Paragraph::new(more).style(theme.dim()), place);
    }
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
