//! Drawing the model: pure, changes nothing, reads nothing.

mod beginning;
mod by_hand;
mod card;
mod catalogue;
mod code_lines;
mod ended;
mod expectations;
mod head;
pub mod highlight;
pub mod hits;
mod lesson;
mod map;
pub mod markdown;
mod overlays;
mod pane;
mod proof;
mod quiz;
mod stage;
mod step;
mod step_text;
pub mod talk;
mod tell;
mod terminal;
pub mod theme;
mod title;
mod welcome;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};
use unicode_width::UnicodeWidthStr;

use self::highlight::Highlighted;
use self::hits::HitAreas;
use self::theme::Theme;
use crate::app::keymap::quiz::is_value_asked;
use crate::app::keymap::{keys, modes, press_named};
use crate::app::pointing::PointTarget;
use crate::app::{LessonLayout, LessonView, Model, Screen, ScreenOverlay};
use crate::engine::TurnState;
use crate::text::{TextKind, first_hidden, safe, shortened, wrapped};
use crate::words;

/// Smaller than this, one line says what is needed.
pub const MIN_SIZE: (u16, u16) = (60, 15);

/// The theme and the highlighted code that everything is drawn with.
#[derive(Debug)]
pub struct DrawOptions {
    pub theme: Theme,
    pub highlighted: Highlighted,
    /// The places that can be pointed at, as the last frame has them.
    pub hits: HitAreas,
}

impl DrawOptions {
    pub fn new(theme: Theme) -> DrawOptions {
        DrawOptions { theme, highlighted: Highlighted::new(), hits: HitAreas::default() }
    }
}

pub fn draw(model: &Model, look: &DrawOptions, frame: &mut Frame<'_>) {
    look.hits.clear();
    draw_screen(model, look, frame);
    show_unseen(frame.buffer_mut());
    if look.theme.ascii {
        replace_signs_of_rows(frame.buffer_mut());
    }
    look.theme.paint_ground(frame.buffer_mut());
}

/// Put a sign that a terminal without UTF-8 has into each cell with the mark of a cut or a branch of a tree: they are the
/// characters of our own that are part of a row's text.
fn replace_signs_of_rows(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let sign = match cell.symbol() {
            "…" => "~",
            "│" | "├" => "|",
            "└" => "`",
            "─" => "-",
            _ => continue,
        };
        cell.set_symbol(sign);
    }
}

/// Put U+FFFD into each cell whose text can't be seen. All that is drawn was made fit to be seen where it came from
/// (`text::safe`); a cell that was not shows that there is something.
fn show_unseen(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() && first_hidden(cell.symbol(), TextKind::Prose).is_some() {
            cell.set_symbol("\u{fffd}");
        }
    }
}

fn draw_screen(model: &Model, look: &DrawOptions, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < MIN_SIZE.0 || area.height < MIN_SIZE.1 {
        let text = format!(
            "unboxed needs {}x{}, this is {}x{}; `unboxed run` needs no screen",
            MIN_SIZE.0, MIN_SIZE.1, area.width, area.height
        );
        frame.render_widget(Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true }), area);
        return;
    }

    // The last row is the footer's; a window of a talk shares its rows out by itself.
    let body = Rect { height: area.height - 1, ..area };
    match &model.screen {
        Screen::Catalogue => catalogue::draw(model, look, body, frame),
        Screen::Lesson(view) => lesson::draw(view, look, body, frame),
        Screen::Talk(window) => {
            talk::draw(model, window, look, area, frame);
            return;
        }
        Screen::Ended(ended) => ended::draw(ended, look.theme, body, frame),
        Screen::Score => {
            if let Some(exam) = &model.exam {
                quiz::draw_score(frame, body, exam, model.scroll, look.theme);
            }
        }
    }

    draw_footer(model, look, Rect { y: area.bottom() - 1, height: 1, ..area }, frame);
    if model.overlay != ScreenOverlay::None {
        overlays::draw(model, look, body, frame);
        if let ScreenOverlay::Card(shown) = &model.overlay {
            card::draw(shown, model.size, look, body, frame);
        }
    }
    if let Some(notice) = &model.notice {
        draw_message(&safe(&words::notice(notice)), look, body, frame);
    }
}

/// Draw the keys that work now, most important first.
fn draw_footer(model: &Model, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    frame.render_widget(Clear, area);
    let text = footer_text(model, usize::from(area.width));
    draw_keys(model, &text, look, area, frame);
}

/// Draw a footer: the names of keys stand out, and a click presses them.
fn draw_keys(model: &Model, text: &str, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let items = modes::footer(model).into_iter().map(|(keys, words)| format!("{keys} {words}"));
    let end = modes::footer_end(model);
    let last = |item: &str| item.rsplit("then ").next().unwrap_or(item).to_owned();
    let own = end.split("  ").map(last);

    let mut spans = Vec::new();
    let mut at = 0;
    for item in items.chain(own) {
        let Some(found) = text[at..].find(&item).map(|found| at + found) else { continue };
        let Some((keys, _)) = item.split_once(' ') else { continue };
        let key_end = found + keys.len();
        spans.push(Span::styled(&text[at..found], look.theme.dim()));
        spans.push(Span::styled(&text[found..key_end], look.theme.key()));
        spans.push(Span::styled(&text[key_end..found + item.len()], look.theme.dim()));
        at = found + item.len();

        let place =
            Rect { x: area.x + text[..found].width() as u16, width: item.width() as u16, ..area };
        if let Some(key) = press_named(keys).filter(|key| modes::is_for_screen(model, *key)) {
            look.hits.note(place.intersection(area), PointTarget::Key(key));
        }
    }
    spans.push(Span::styled(&text[at..], look.theme.dim()));
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}

/// Draw what is said to the person, in full, as the last rows of an area.
fn draw_message(text: &str, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    const MAX_ROWS: usize = 4;
    // A blank at either side.
    let columns = usize::from(area.width).saturating_sub(2);
    let mut rows = wrapped(text, columns);
    if rows.len() > MAX_ROWS {
        let rest = rows.split_off(MAX_ROWS - 1).join(" ");
        rows.push(shortened(&rest, columns));
    }

    let height = (rows.len() as u16).min(area.height);
    let place = Rect { y: area.bottom() - height, height, ..area };
    frame.render_widget(Clear, place);
    look.hits.cover(place);
    let lines = rows.into_iter().map(|row| Line::styled(format!(" {row}"), look.theme.bold()));
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), place);
}

fn footer_text(model: &Model, columns: usize) -> String {
    let end = modes::footer_end(model);
    if let Screen::Lesson(view) = &model.screen {
        if view.shells.is_typing() {
            return shell_footer(model, view, &end, columns);
        }
        if view.quiz.is_some() {
            let items = modes::footer(model).into_iter();
            let items: Vec<String> = items.map(|(key, words)| format!("{key} {words}")).collect();
            let typing = if is_value_asked(view) { "type, " } else { "" };
            return with_end(&format!("{typing}{}", items.join("   ")), &end, columns);
        }
    }

    fitting(modes::footer(model), &end, columns)
}

/// The footer while a shell is typed into: how far the turn is, and the keys that are not the shell's.
fn shell_footer(model: &Model, view: &LessonView, end: &str, columns: usize) -> String {
    if view.layout() == LessonLayout::Shell && view.detour().is_some() {
        let (leave, zoom) = (keys::shell::LEAVE_TOO, keys::lesson::ZOOM);
        let text = format!("a coming step will fail: {leave}, then {zoom} shows why,");
        return with_end(&text, end, columns);
    }

    let turn = view.learning.turn.as_ref();
    let done = match &view.quiz {
        Some(quiz) if quiz.is_answered() => " DONE: the task is right. ",
        None if turn.is_some_and(TurnState::is_fulfilled) => " DONE: all of it holds. ",
        Some(_) | None => "",
    };
    let held = turn.filter(|_| done.is_empty()).map_or_else(String::new, |turn| {
        let held = turn.verdicts.iter().filter(|verdict| verdict.ok).count();
        format!(" {held} of {} true ", turn.verdicts.len())
    });
    let before = format!("{done}{held}");
    let rest = fitting(modes::footer(model), end, columns.saturating_sub(before.width()));
    format!("{before}{rest}")
}

/// A text of the footer, and its end, for which there is always room.
fn with_end(text: &str, end: &str, columns: usize) -> String {
    // A blank before either.
    let room = columns.saturating_sub(end.width() + 3);
    format!(" {}  {end}", shortened(text, room))
}

/// As many items of a footer as fit before its end, with a mark where some do not.
fn fitting(items: Vec<(String, &str)>, end: &str, columns: usize) -> String {
    const CUT: &str = " …";
    let room = columns.saturating_sub(end.width() + 2 + CUT.width());
    let mut text = String::new();

    for (key, words) in items {
        let item = format!(" {key} {words} ");
        if text.width() + item.width() > room {
            text.push_str(CUT);
            break;
        }
        text.push_str(&item);
    }
    format!("{text} {end}")
}
