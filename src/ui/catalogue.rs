//! The catalogue of lessons.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use unicode_width::UnicodeWidthStr;

use super::DrawOptions;
use super::head::{FrameFocus, frame_block};
use super::theme::Theme;
use crate::app::keymap::keys;
use crate::app::pointing::PointTarget;
use crate::app::{CatalogueRow, Model, PlaySource};
use crate::text::{one_line, padded, prose, safe, shortened};
use crate::words;

pub fn draw(model: &Model, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let theme = look.theme;
    let [head, list, detail] =
        Layout::vertical([Constraint::Length(2), Constraint::Min(4), Constraint::Length(8)])
            .areas(area);
    let text = match model.exam {
        Some(_) => " Check yourself: choose a lesson, and answer its questions",
        None => " unboxed: how a container is built, by building one",
    };
    let heading = Line::styled(text, theme.bold());
    frame.render_widget(Paragraph::new(vec![heading, Line::default()]), head);

    let columns = usize::from(list.width);
    let visible = usize::from(list.height);
    let top = model.chosen.saturating_sub(visible.saturating_sub(1));
    let title_columns = title_columns(model, columns);
    let rows: Vec<Line<'_>> = model
        .catalogue
        .iter()
        .enumerate()
        .skip(top)
        .take(visible)
        .map(|(index, row)| {
            let line = Line::from(lesson_line(row, title_columns, columns));
            if index == model.chosen { line.style(theme.selected()) } else { line }
        })
        .collect();
    for (index, y) in (top..model.catalogue.len()).zip(list.top()..list.bottom()) {
        let row = Rect { y, height: 1, ..list };
        look.hits.note(row, PointTarget::CatalogueRow(index));
    }
    frame.render_widget(Paragraph::new(rows), list);

    if let Some(row) = model.catalogue.get(model.chosen) {
        let block = frame_block(
            format!(" {} ", prose(&row.title)),
            String::new(),
            FrameFocus::Unfocused,
            theme,
        );
        let inner = block.inner(detail);
        frame.render_widget(block, detail);
        frame.render_widget(
            Paragraph::new(detail_lines(row, model.source, theme)).wrap(Wrap { trim: true }),
            inner,
        );
    }
}

/// The columns that the titles get: those of the longest where the screen is wide enough.
fn title_columns(model: &Model, columns: usize) -> usize {
    const LEAST: usize = 30;
    // What stands beside a title.
    const OTHERS: usize = 50;
    let longest = model.catalogue.iter().map(|row| prose(&row.title).width()).max().unwrap_or(0);
    longest.min(columns.saturating_sub(OTHERS)).max(LEAST)
}

fn lesson_line(row: &CatalogueRow, title_columns: usize, columns: usize) -> String {
    let state = match (&row.blocked, row.left_off) {
        (Some(_), _) if row.has_tape => "tape only".to_owned(),
        (Some(_), _) => "not here".into(),
        (None, Some(_)) if row.is_played => "played".into(),
        (None, Some(played)) => format!("at {played}/{}", row.steps),
        (None, None) => "new".into(),
    };

    let line = format!(
        " {:>2}  {} {:>5} min  {:>2} steps  {}{}",
        row.number,
        padded(&prose(&row.title), title_columns),
        words::short_minutes(row.minutes),
        row.steps,
        padded(&state, 9),
        row.learnt
    );

    padded(&shortened(&line, columns), columns)
}

fn detail_lines(row: &CatalogueRow, source: PlaySource, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(prose(&row.summary))];
    let mut size = words::minutes(row.minutes);
    if !row.chapters.is_empty() {
        size.push_str(&format!("; chapters: {}", row.chapters.join(", ")));
    }
    lines.push(Line::from(prose(&format!("{size}."))));
    match &row.blocked {
        _ if source == PlaySource::Tape => {
            let text = if row.has_tape { "A tape of it plays." } else { "There is no tape of it." };
            lines.push(Line::from(text));
            return lines;
        }
        Some((why, cure)) => {
            lines.push(Line::styled(
                format!("Can't play here: {}", one_line(&words::blocker(why))),
                theme.bad(),
            ));
            lines.push(Line::from(format!("To change that: {}", one_line(&words::cure(cure)))));
            if row.has_tape {
                let open = keys::catalogue::OPEN;
                lines.push(Line::from(format!(
                    "{open} plays a tape of it, recorded on another machine."
                )));
            }
        }
        None => lines.push(Line::from(Span::styled(
            "Plays here, for real, in a lab of its own.",
            theme.good(),
        ))),
    }

    if !row.left_out.is_empty() {
        let steps = row.left_out.join(", ");
        lines.push(Line::from(format!(
            "Not possible here: {} (`unboxed doctor` says why)",
            safe(&steps)
        )));
    }
    lines
}
