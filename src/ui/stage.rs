//! The lab beside a step, or below it: the map, and the rows of the pane in front; where there is room, of others too.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use super::head::{self, FrameFocus};
use super::{DrawOptions, beginning, map, pane};
use crate::app::keymap::keys;
use crate::app::panes::RowKind;
use crate::app::pointing::PointTarget;
use crate::app::shells::ScreenClass;
use crate::app::{LessonLayout, LessonView, MapPlace};
use crate::text::{safe, shortened};
use crate::view::ViewKind;

/// Rows that the pane in front keeps below a map, its head included.
const MIN_PANE: u16 = 3;
/// Rows that a map needs to be worth them.
const MIN_MAP: u16 = 6;

pub fn draw(
    view: &LessonView,
    look: &DrawOptions,
    class: ScreenClass,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    if view.is_at_beginning() && view.layout() == LessonLayout::Step {
        return beginning::draw(view, look.theme, area, frame);
    }
    let alone = view.panes.map_place == MapPlace::Alone;
    let (map, rest) = match view.panes.map_place {
        MapPlace::Nowhere => (0, area.height),
        MapPlace::Alone if map::fits(area) => (area.height.saturating_sub(tabs_rows(class)), 0),
        MapPlace::Beside | MapPlace::Alone => shares(view, look, class, area),
    };

    let [top, below] = Layout::vertical([Constraint::Length(map), Constraint::Min(0)]).areas(area);
    if map > 0 {
        draw_map(view, look, class, top, frame);
    }
    match class {
        ScreenClass::OneColumn if alone && rest == 0 => draw_tabs(view, look, below, frame),
        ScreenClass::OneColumn => {
            let [tabs, rows] = head::with_head(below);
            draw_tabs(view, look, tabs, frame);
            pane::draw_rows(frame, rows, view, view.panes.focus, FrameFocus::Focused, look);
        }
        ScreenClass::TwoColumns if rest > 0 => draw_panes(view, look, below, frame),
        ScreenClass::TwoColumns => {}
    }
}

const fn tabs_rows(class: ScreenClass) -> u16 {
    match class {
        ScreenClass::OneColumn => 1,
        ScreenClass::TwoColumns => 0,
    }
}

/// The rows for the map, and for the panes below it. Who needs less leaves the rest to the other.
fn shares(view: &LessonView, look: &DrawOptions, class: ScreenClass, area: Rect) -> (u16, u16) {
    let pane = wanted_by_pane(view, view.panes.focus, look, area.width).max(MIN_PANE);
    let map = wanted_by_map(view, class, area);
    let has_charts = view.panes.rows(view.panes.focus).any(|row| row.kind == RowKind::Chart);

    // A chart has a height of its own; a map and rows fold.
    let share = match class {
        ScreenClass::OneColumn if has_charts => area.height.saturating_sub(pane),
        ScreenClass::TwoColumns if has_charts => area.height / 4,
        // The map shows what the rows say.
        ScreenClass::OneColumn => area.height * 3 / 4,
        ScreenClass::TwoColumns => area.height * 3 / 5,
    };
    let rows = share.max(area.height.saturating_sub(pane)).min(map);
    let rows = rows.min(area.height.saturating_sub(MIN_PANE));
    let fits = rows >= MIN_MAP.min(map) && map::fits(Rect { height: rows, ..area });
    let rows = if fits { rows } else { 0 };
    (rows, area.height - rows)
}

/// Rows that a pane would like to have, its head included.
fn wanted_by_pane(view: &LessonView, kind: ViewKind, look: &DrawOptions, width: u16) -> u16 {
    let rows = pane::wanted_rows(view, kind, width, look.theme);
    u16::try_from(rows + 1).unwrap_or(u16::MAX)
}

fn wanted_by_map(view: &LessonView, class: ScreenClass, area: Rect) -> u16 {
    map::wanted_height(view, area.width).saturating_add(map_head_rows(class))
}

/// In one column each row counts, and the tabs below say what is shown.
const fn map_head_rows(class: ScreenClass) -> u16 {
    match class {
        ScreenClass::OneColumn => 0,
        ScreenClass::TwoColumns => 1,
    }
}

fn draw_map(
    view: &LessonView,
    look: &DrawOptions,
    class: ScreenClass,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let rows = map_head_rows(class);
    let [head, place] =
        Layout::vertical([Constraint::Length(rows), Constraint::Min(0)]).areas(area);
    if rows > 0 {
        let title = format!("The lab: {}", view.map_lens().view().title());
        let right = format!("{}: {}", keys::lesson::MAP, map_words(view));
        let focus = FrameFocus::of(view.panes.map_place == MapPlace::Alone);
        head::draw_head(frame, head, (&title, &right), focus, look.theme);
    }
    map::draw(frame, place, view, look.theme);
}

/// Words for what the key of the map does next.
fn map_words(view: &LessonView) -> &'static str {
    match view.panes.map_place {
        MapPlace::Beside => "the map alone",
        MapPlace::Alone => "rows",
        MapPlace::Nowhere => "a map",
    }
}

/// The pane in front, then those that changed, then the others, as many as there is room for.
fn draw_panes(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let mut left = area;
    let front = view.panes.focus;
    let mut others: Vec<ViewKind> =
        view.pane_order().into_iter().filter(|kind| *kind != front).collect();
    // The sort is stable: among equals those that the step watches come first.
    others.sort_by_key(|kind| view.panes.changes(*kind) == 0);

    let mut shown = Vec::new();
    // The last row is for those that have no room.
    left.height = left.height.saturating_sub(1);
    for kind in std::iter::once(front).chain(others) {
        let wanted = wanted_by_pane(view, kind, look, left.width);
        if kind != front && left.height < wanted.clamp(MIN_PANE, 5) {
            break;
        }
        let height = wanted.min(left.height);
        pane::draw(frame, Rect { height, ..left }, view, kind, look);
        shown.push(kind);
        // A row stays free between two.
        let used = (height + 1).min(left.height);
        left = Rect { y: left.y + used, height: left.height - used, ..left };
    }

    let last = Rect { y: area.bottom().saturating_sub(1), height: 1.min(area.height), ..area };
    draw_other_panes(view, &shown, look, last, frame);
}

/// `also changed: 2 Processes 3, 6 Files 4    other panes: 4 5`, of the panes that are not shown; a click on one turns to it.
fn draw_other_panes(
    view: &LessonView,
    shown: &[ViewKind],
    look: &DrawOptions,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let hidden = || ViewKind::ALL.into_iter().filter(|kind| !shown.contains(kind));
    let changed = hidden().filter(|kind| view.panes.changes(*kind) > 0).map(|kind| {
        let text = format!("{} {} {}", kind.number(), kind.title(), view.panes.changes(kind));
        (kind, text)
    });
    let others = hidden().filter(|kind| view.panes.changes(*kind) == 0);
    let others = others.map(|kind| (kind, kind.number().to_string()));

    let mut text = String::new();
    for (head, gap, items) in [
        ("also changed: ", ", ", changed.collect::<Vec<_>>()),
        ("other panes: ", " ", others.collect()),
    ] {
        for (place, (kind, item)) in items.into_iter().enumerate() {
            match place {
                0 if text.is_empty() => text.push_str(head),
                0 => text.push_str(&format!("    {head}")),
                _ => text.push_str(gap),
            }
            note_pane(look, area, (text.width(), item.width()), kind);
            text.push_str(&item);
        }
    }
    let text = shortened(&text, usize::from(area.width));
    frame.render_widget(Paragraph::new(Line::styled(text, look.theme.dim())), area);
}

/// Note that so many columns from one on, of a row, stand for a pane.
fn note_pane(look: &DrawOptions, row: Rect, (first, width): (usize, usize), kind: ViewKind) {
    let x = row.x.saturating_add(u16::try_from(first).unwrap_or(u16::MAX));
    let place = Rect { x, width: width as u16, ..row }.intersection(row);
    look.hits.note(place, PointTarget::Pane(kind));
}

/// ` 1 Mounts +5 | 2 Processes |`: the chosen one in brackets, as a rule above its rows.
pub fn draw_tabs(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    const GAP: &str = " | ";
    // The names of the others are short, and shorter where counts take their room.
    let of_letters = |letters| ViewKind::ALL.map(|kind| (kind, tab(view, kind, letters)));
    let width = |tabs: &[(ViewKind, String)]| {
        let names: usize = tabs.iter().map(|(_, tab)| tab.width()).sum();
        // A rule and a blank before them, a blank behind.
        names + GAP.width() * tabs.len().saturating_sub(1) + 3
    };
    let all = (2..=4).rev().map(of_letters);
    let fitting = all.into_iter().find(|tabs| width(tabs) <= usize::from(area.width));

    let mut head = format!("{} ", look.theme.border().horizontal_top);
    for (kind, tab) in fitting.unwrap_or_else(|| of_letters(1)) {
        if kind.place() > 0 {
            head.push_str(GAP);
        }
        note_pane(look, area, (head.width(), tab.width()), kind);
        head.push_str(&tab);
    }
    head::draw_head(frame, area, (&head, ""), FrameFocus::Unfocused, look.theme);
}

/// `[1 Mounts 5]`, or `2 Proc 3` with so many letters where it is not the chosen one.
fn tab(view: &LessonView, kind: ViewKind, letters: usize) -> String {
    let is_chosen = view.panes.focus == kind;
    let letters = if is_chosen { usize::MAX } else { letters };
    let name: String = kind.title().chars().take(letters).collect();
    let group = view.panes.chosen_group().filter(|_| kind == ViewKind::Cgroups);
    let group = group.map_or_else(String::new, |path| shortened(&safe(&format!("/{path}")), 12));
    let count = match view.panes.changes(kind) {
        0 => String::new(),
        changes => format!(" {changes}"),
    };
    let tab = format!("{} {name}{group}{count}", kind.number());
    if is_chosen { format!("[{tab}]") } else { tab }
}
