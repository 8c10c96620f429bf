//! The lab beside a step, or below it: the map, and the rows of the pane in front; where there is room, of others too.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::pane::{self, FrameFocus};
use super::{DrawOptions, beginning, map};
use crate::app::keymap::keys;
use crate::app::panes::RowKind;
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
            let [tabs, rows] = pane::with_head(below);
            draw_tabs(view, look, tabs, frame);
            pane::draw_rows(frame, rows, view, view.panes.focus, FrameFocus::Focused, look.theme);
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
        pane::draw_head(frame, head, (&title, &right), focus, look.theme);
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
        pane::draw(frame, Rect { height, ..left }, view, kind, look.theme);
        shown.push(kind);
        // A row stays free between two.
        let used = (height + 1).min(left.height);
        left = Rect { y: left.y + used, height: left.height - used, ..left };
    }

    let last = Rect { y: area.bottom().saturating_sub(1), height: 1.min(area.height), ..area };
    let text = shortened(&other_panes(view, &shown), usize::from(area.width));
    frame.render_widget(Paragraph::new(Line::styled(text, look.theme.dim())), last);
}

/// `also changed: 2 Processes 3, 6 Files 4    as before: 4 5`, of the panes that are not shown.
fn other_panes(view: &LessonView, shown: &[ViewKind]) -> String {
    let hidden = || ViewKind::ALL.into_iter().filter(|kind| !shown.contains(kind));
    let changed: Vec<String> = hidden()
        .filter(|kind| view.panes.changes(*kind) > 0)
        .map(|kind| format!("{} {} {}", kind.number(), kind.title(), view.panes.changes(kind)))
        .collect();
    let others: Vec<String> = hidden()
        .filter(|kind| view.panes.changes(*kind) == 0)
        .map(|kind| kind.number().to_string())
        .collect();

    let mut parts = Vec::new();
    if !changed.is_empty() {
        parts.push(format!("also changed: {}", changed.join(", ")));
    }
    if !others.is_empty() {
        parts.push(format!("other panes: {}", others.join(" ")));
    }
    parts.join("    ")
}

/// ` 1 Mounts +5 | 2 Processes |`: the chosen one in brackets, as a rule above its rows.
pub fn draw_tabs(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let tabs: Vec<String> = ViewKind::ALL
        .iter()
        .enumerate()
        .map(|(index, kind)| {
            let changes = view.panes.changes(*kind);
            let count = if changes > 0 { format!(" {changes}") } else { String::new() };
            let letters = if view.panes.focus == *kind { usize::MAX } else { 4 };
            let name: String = kind.title().chars().take(letters).collect();
            let chosen = view.panes.chosen_group().filter(|_| *kind == ViewKind::Cgroups);
            let chosen =
                chosen.map_or_else(String::new, |path| shortened(&safe(&format!("/{path}")), 12));
            let tab = format!("{} {name}{chosen}{count}", index + 1);
            if view.panes.focus == *kind { format!("[{tab}]") } else { tab }
        })
        .collect();

    let rule = look.theme.border().horizontal_top;
    let head = format!("{rule} {}", tabs.join(" | "));
    pane::draw_head(frame, area, (&head, ""), FrameFocus::Unfocused, look.theme);
}
