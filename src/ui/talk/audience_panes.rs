//! Panes of the audience's picture, where rows are shown and not the map: by the speaker's choice, or with a chart.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::app::panes::{PaneRow, RowKind};
use crate::app::talk::Talk;
use crate::talk::AudienceView;
use crate::text::shortened;
use crate::ui::head::{FrameFocus, frame_block};
use crate::ui::theme::Theme;
use crate::view::ViewKind;

/// Two panes stand side by side from here on.
const MIN_COLUMNS_FOR_TWO_PANES: u16 = 110;

pub(super) fn draw_panes(
    talk: &Talk,
    audience_view: &AudienceView,
    panes: &[ViewKind],
    theme: Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    match panes {
        [] => {}
        [first, second, ..]
            if area.width >= MIN_COLUMNS_FOR_TWO_PANES
                && audience_view.pane.is_none()
                && second.is_state() =>
        {
            let half = area.width / 2;
            draw_pane(talk, audience_view, *first, theme, Rect { width: half, ..area }, frame);
            let rest = Rect { x: area.x + half, width: area.width - half, ..area };
            draw_pane(
                talk,
                &AudienceView { marked: None, top: 0, ..audience_view.clone() },
                *second,
                theme,
                rest,
                frame,
            );
        }
        [first, ..] => draw_pane(talk, audience_view, *first, theme, area, frame),
    }
}

pub(super) fn draw_pane(
    talk: &Talk,
    audience_view: &AudienceView,
    view: ViewKind,
    theme: Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let rows = talk.rows(view);
    let changes = rows.iter().filter(|row| row.mark.is_change()).count();
    let right = if changes > 0 { " what changed ".to_owned() } else { String::new() };

    let block = frame_block(format!(" {} ", view.title()), right, FrameFocus::Unfocused, theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);

    let height = usize::from(inner.height);
    // A marked row is in sight.
    let wanted =
        audience_view.marked.map_or(audience_view.top, |row| row.saturating_sub(height / 2));
    let top = wanted.min(rows.len().saturating_sub(height));
    let lines: Vec<Line<'_>> = rows
        .iter()
        .enumerate()
        .skip(top)
        .take(height)
        .map(|(index, row)| {
            pane_line(row, audience_view.marked == Some(index), usize::from(inner.width), theme)
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);

    let hidden = rows.len().saturating_sub(top + height);
    if hidden > 0 && area.width > 14 {
        let more = format!(" +{hidden} more ");
        let place = Rect {
            x: area.right() - more.len() as u16 - 1,
            y: area.bottom() - 1,
            width: more.len() as u16,
            height: 1,
        };
        frame.render_widget(Paragraph::new(more).style(theme.dim()), place);
    }
}

fn pane_line<'a>(row: &'a PaneRow, is_marked: bool, columns: usize, theme: Theme) -> Line<'a> {
    let indent = if row.kind == RowKind::Heading { "" } else { " " };
    let end = if is_marked { " <==" } else { "" };
    let text = shortened(&row.text, columns.saturating_sub(4 + end.len()));
    let style =
        if row.mark.is_change() { theme.change_style(row.mark) } else { theme.row_style(row.kind) };
    let line = Line::from(vec![
        Span::styled(format!(" {}{indent}", row.mark.sign()), theme.change_style(row.mark)),
        Span::styled(text, style),
        Span::styled(end, theme.bold()),
    ]);
    if is_marked { line.style(theme.selected()) } else { line }
}
