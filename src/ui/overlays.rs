//! Help, lists with search, questions: drawn over the screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph, Wrap};

use super::DrawOptions;
use super::head::{FrameFocus, frame_block};
use super::theme::Theme;
use super::{title, welcome};
use crate::app::keymap::{keys, modes};
use crate::app::pointing::PointTarget;
use crate::app::{
    ListEntry, ListKind, Model, ProgramList, Screen, ScreenOverlay, SearchList, entries,
};
use crate::prompt::Prompt;
use crate::text::{padded, prose, safe, wrapped};
use crate::words;

pub fn draw(model: &Model, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let theme = look.theme;
    match &model.overlay {
        ScreenOverlay::None => {}
        ScreenOverlay::Help { scroll } => draw_help(model, *scroll, look, area, frame),
        ScreenOverlay::List(list) => draw_list(model, list, look, area, frame),
        ScreenOverlay::Search { query } => {
            draw_box(
                vec![Line::from(format!("{}{}_", keys::lesson::SEARCH, safe(query)))],
                " Find in this pane ",
                theme,
                bottom(area, 3),
                frame,
            );
        }
        ScreenOverlay::Confirm(confirm) => {
            draw_confirm(&confirm.prompt, theme, area, frame);
        }
        ScreenOverlay::Programs(programs) => {
            draw_programs(programs, model.size, theme, area, frame)
        }
        ScreenOverlay::Welcome(chosen) => welcome::draw(chosen, theme, area, frame),
        // Drawn by a file of its own.
        ScreenOverlay::Card(_) => {}
    }
}

/// The question in full, and which key means what: what is lost is never cut off.
fn draw_confirm(prompt: &Prompt, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    const COLUMNS: u16 = 64;
    let columns = usize::from(COLUMNS.min(area.width)).saturating_sub(2);
    let mut lines: Vec<Line<'_>> =
        wrapped(&safe(&words::prompt(prompt)), columns).into_iter().map(Line::from).collect();

    let (yes, enter, no) = (keys::confirm::YES, keys::confirm::ENTER, keys::confirm::NO);
    let answers = if prompt.is_about_loss() {
        format!("{yes}: yes    {enter} or {no}: no")
    } else {
        format!("{enter} or {yes}: yes    {no}: no")
    };
    lines.extend([Line::default(), Line::styled(answers, theme.bold())]);

    let height = lines.len() as u16 + 2;
    draw_box(lines, " Sure? ", theme, centred_area(area, COLUMNS, height), frame);
}

fn draw_programs(
    programs: &ProgramList,
    size: (u16, u16),
    theme: Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let (columns, height) = ProgramList::text_area_size(size);
    let rows = programs.rows(columns);
    let top = programs.scroll.min(rows.len().saturating_sub(height));
    let below = rows.len().saturating_sub(top + height);

    let mut lines: Vec<Line<'_>> =
        rows.into_iter().skip(top).take(height).map(Line::from).collect();
    lines.push(Line::default());
    let (agree, leave) = (keys::programs::AGREE, keys::programs::LEAVE);
    let hint = match below {
        0 => format!("{agree}: let it run these, and begin    {leave}: leave"),
        _ => format!("{agree}, {}: {below} lines more    {leave}: leave", keys::reading::PAGE_DOWN),
    };
    lines.push(Line::styled(hint, theme.bold()));

    // Two borders, and a column to spare at either side; `text_area_size` takes off as much.
    let place = centred_area(area, columns as u16 + 4, lines.len() as u16 + 2);
    draw_box(lines, " A lesson from a file ", theme, place, frame);
}

pub(super) fn draw_help(
    model: &Model,
    scroll: usize,
    look: &DrawOptions,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    // The footer's row is none of the area's.
    let size = (area.width, area.height + 1);
    let rows = modes::help_rows(model, size);
    let height = modes::help_height(size);
    let top = scroll.min(rows.len().saturating_sub(height));
    let below = rows.len().saturating_sub(top + height);

    let (down, up, page) = (keys::everywhere::DOWN, keys::everywhere::UP, keys::reading::PAGE_DOWN);
    let title = format!(" Keys: {down} {up} {page} scroll, any other key closes ");
    let place = centred_area(area, modes::help_columns(size), rows.len().min(height) as u16 + 2);
    let lines = rows.into_iter().skip(top).take(height).map(Line::from).collect();
    let more = if below > 0 { format!(" … {below} more ") } else { String::new() };
    draw_box_with(lines, (&title, &more), look.theme, place, frame);
    look.hits.note(place, PointTarget::Help);
}

fn draw_list(
    model: &Model,
    list: &SearchList,
    look: &DrawOptions,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let theme = look.theme;
    let title = match list.kind {
        ListKind::Steps => "Steps",
        ListKind::Palette => "Everything",
        ListKind::Shells => "Shells",
        ListKind::Branches => "What if?",
        ListKind::Words => "Words",
    };

    let found = entries(model, &list.query, list.kind);
    let place = centred_area(area, 72, found.len() as u16 + 4);
    // Two borders and the row that is typed into.
    let height = usize::from(place.height.saturating_sub(3));
    let top = list.selected.saturating_sub(height.saturating_sub(1));

    let mut lines = vec![Line::from(format!("> {}_", safe(&list.query)))];
    lines.extend(found.iter().enumerate().skip(top).take(height).map(|(index, (entry, text))| {
        let line = Line::from(padded(
            &format!(" {}{}", step_sign(model, entry, theme), prose(text)),
            usize::from(place.width.saturating_sub(2)),
        ));
        if index == list.selected { line.style(theme.selected()) } else { line }
    }));

    let choose = keys::list::CHOOSE;
    let more = match list.kind {
        ListKind::Steps => format!(", {} leaves out", keys::list::LEAVE_OUT),
        ListKind::Palette | ListKind::Shells | ListKind::Branches | ListKind::Words => {
            String::new()
        }
    };
    // Below the frame's edge and the row that is typed into.
    let rows = (place.y + 2)..place.bottom().saturating_sub(1);
    for (index, y) in (top..found.len()).zip(rows) {
        let row = Rect { y, height: 1, ..place };
        look.hits.note(row, PointTarget::ListEntry(index));
    }
    draw_box(lines, &format!(" {title}: type to search, {choose}{more} "), theme, place, frame);
}

/// The sign of a step before its number, as in the lesson's first line.
fn step_sign(model: &Model, entry: &ListEntry, theme: Theme) -> String {
    let (Screen::Lesson(view), ListEntry::Step(step)) = (&model.screen, entry) else {
        return String::new();
    };
    format!("{} ", title::sign(view.step_mark(*step), *step == view.story_step(), theme))
}

pub(super) fn draw_box(
    lines: Vec<Line<'_>>,
    title: &str,
    theme: Theme,
    place: Rect,
    frame: &mut Frame<'_>,
) {
    draw_box_with(lines, (title, ""), theme, place, frame);
}

/// The same, with a second title at the right.
fn draw_box_with(
    lines: Vec<Line<'_>>,
    (title, right): (&str, &str),
    theme: Theme,
    place: Rect,
    frame: &mut Frame<'_>,
) {
    frame.render_widget(Clear, place);
    let block = frame_block(title.to_owned(), right.to_owned(), FrameFocus::Focused, theme);
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(block), place);
}

pub(super) fn centred_area(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

fn bottom(area: Rect, height: u16) -> Rect {
    let height = height.min(area.height);
    Rect { y: area.bottom() - height, height, ..area }
}
