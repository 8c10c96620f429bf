//! The student screen: three layouts for small, middling and large terminals.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use super::pane::{self, FrameFocus, frame_block};
use super::{DrawOptions, map, quiz, step, terminal};
use crate::app::keymap::keys;
use crate::app::shells::{self, ScreenClass, ShellRoom};
use crate::app::{Beside, LessonLayout, LessonScene, LessonView, MapPlace, Phase};
use crate::text::{padded, prose, safe, shortened};
use crate::view::ViewKind;

pub fn draw(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    draw_head(view, look, head, frame);

    let body = draw_detour_where_no_story_is(view, look, body, frame);

    let screen = (frame.area().width, frame.area().height);
    let format = ScreenClass::of_size(screen.0, screen.1);
    let shell =
        shells::shell_area(screen, ShellRoom::of_zoom(view.panes.is_zoomed)).intersection(body);

    match view.layout() {
        LessonLayout::Question { with_shell: false } => {
            draw_question(view, look, body, QuestionSpace::WithPanes, format, frame);
        }
        LessonLayout::Question { with_shell: true } => {
            let above = Rect { height: shell.y - body.y, ..body };
            draw_question(view, look, above, QuestionSpace::AboveShell, format, frame);
            terminal::draw(frame, shell, view, look.theme);
        }
        LessonLayout::Shell => terminal::draw(frame, shell, view, look.theme),
        LessonLayout::Pane => draw_focused(view, look, body, frame),
        LessonLayout::StepWithShell => {
            draw_with_shell(view, look, (body, shell), format, frame);
            terminal::draw(frame, shell, view, look.theme);
        }
        LessonLayout::Step => match format {
            ScreenClass::Large => draw_large(view, look, body, frame),
            ScreenClass::Middling => draw_middling(view, look, body, frame),
            ScreenClass::Small => draw_small(view, look, body, frame),
        },
    }
}

/// Above a pane or a question, where the story is not in sight: the detour that the lab is on. Returns the rest.
fn draw_detour_where_no_story_is(
    view: &LessonView,
    look: &DrawOptions,
    body: Rect,
    frame: &mut Frame<'_>,
) -> Rect {
    match view.layout() {
        LessonLayout::Pane | LessonLayout::Question { with_shell: false } => {}
        // The rows of a shell are its programs'.
        LessonLayout::Question { with_shell: true }
        | LessonLayout::Shell
        | LessonLayout::StepWithShell
        | LessonLayout::Step => return body,
    }

    let lines = step::detour_lines(view, usize::from(body.width), look.theme);
    let height = (lines.len() as u16).min(body.height / 2);
    let [said, rest] =
        Layout::vertical([Constraint::Length(height), Constraint::Min(0)]).areas(body);
    frame.render_widget(Paragraph::new(lines), said);
    rest
}

/// The part of the screen that a question has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum QuestionSpace {
    /// All of it: panes get the rest.
    WithPanes,
    /// The shells are below: the question may take most of what is left.
    AboveShell,
}

/// The question above, panes below: looking is always allowed.
fn draw_question(
    view: &LessonView,
    look: &DrawOptions,
    area: Rect,
    space: QuestionSpace,
    format: ScreenClass,
    frame: &mut Frame<'_>,
) {
    let wanted = quiz::wanted_height(view, area.width, look.theme);
    let most = match space {
        QuestionSpace::AboveShell => area.height.saturating_sub(4),
        QuestionSpace::WithPanes => area.height * 3 / 5,
    };
    let [question, rest] =
        Layout::vertical([Constraint::Length(wanted.min(most.max(5))), Constraint::Min(0)])
            .areas(area);
    quiz::draw(frame, question, view, look.theme);

    // Two borders and a row between them.
    if rest.height < 3 {
        return;
    }
    if format == ScreenClass::Small {
        draw_tabs(view, look, rest, frame);
        return;
    }

    let other = view.pane_order().into_iter().find(|kind| *kind != view.panes.focus);
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(rest);
    pane::draw(frame, left, view, view.panes.focus, look.theme);
    if let Some(other) = other {
        pane::draw(frame, right, view, other, look.theme);
    }
}

/// Story and panes around the place of the shell.
fn draw_with_shell(
    view: &LessonView,
    look: &DrawOptions,
    (body, shell): (Rect, Rect),
    format: ScreenClass,
    frame: &mut Frame<'_>,
) {
    let above = Rect { height: shell.y - body.y, ..body };

    if format == ScreenClass::Small {
        let [story, evidence] =
            Layout::vertical([Constraint::Percentage(56), Constraint::Min(3)]).areas(above);
        draw_story(view, look, story, frame);
        draw_tabs(view, look, evidence, frame);
        return;
    }

    let left = Rect { width: format.left_columns(), ..body };
    let [upper, action] =
        Layout::vertical([Constraint::Min(12), Constraint::Length(8)]).areas(left);
    draw_left(view, look, upper, frame);
    draw_action(view, look, action, frame);

    let right = Rect { x: shell.x, width: shell.width, ..above };
    if format != ScreenClass::Large {
        draw_focused(view, look, right, frame);
        return;
    }
    let [first, second] = Layout::horizontal([Constraint::Fill(1); 2]).areas(right);
    draw_focused(view, look, first, frame);
    if view.panes.map_place == MapPlace::Beside {
        draw_map(view, look, second, frame);
    } else {
        draw_others(view, look, &[second], frame);
    }
}

/// The focused pane, or the map in its place.
fn draw_focused(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    if view.panes.map_place == MapPlace::Alone && map::fits(area) {
        draw_map(view, look, area, frame);
    } else {
        pane::draw(frame, area, view, view.panes.focus, look.theme);
    }
}

/// The panes that have not the focus, those that the step watches first, in as many places.
fn draw_others(view: &LessonView, look: &DrawOptions, places: &[Rect], frame: &mut Frame<'_>) {
    let others = view.pane_order().into_iter().filter(|kind| *kind != view.panes.focus);
    for (kind, place) in others.zip(places) {
        pane::draw(frame, *place, view, kind, look.theme);
    }
}

fn draw_map(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let title = format!(" Map: {} ", view.map_lens().view().title());
    let right = format!(" {}: {} ", keys::lesson::MAP, map_words(view));
    let focus = match view.panes.map_place {
        MapPlace::Alone => FrameFocus::Focused,
        MapPlace::Beside | MapPlace::Nowhere => FrameFocus::Unfocused,
    };
    let block = frame_block(title, right, focus, look.theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    map::draw(frame, inner, view, look.theme);
}

/// Words for what the key of the map does next.
fn map_words(view: &LessonView) -> &'static str {
    match view.panes.map_place {
        MapPlace::Beside => "the map alone",
        MapPlace::Alone => "rows",
        MapPlace::Nowhere => "a map",
    }
}

fn draw_head(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let count = view.lesson.steps.len();
    let at = view.story_step() + 1;
    let played = view.played_steps();

    let state = match (&view.lab.awaited, &view.lab.phase) {
        (Some(awaited), _) => safe(&awaited.to_string()),
        (None, Phase::Building) => "making a lab ...".to_owned(),
        (None, Phase::Playing { .. }) => "running ...".into(),
        (None, Phase::Failed { .. }) => "FAILED".into(),
        (None, Phase::Ready) => scene_word(view).into(),
    };
    let state = match &view.tape {
        None => state,
        Some(origin) if view.scene().is_live() => format!("TAPE {}", safe(origin)),
        Some(origin) => format!("{state}  TAPE {}", safe(origin)),
    };

    let who = if view.lab.is_rootless() { "  rootless" } else { "" };
    let right = format!("{state}{who} ");
    let room = usize::from(area.width).saturating_sub(right.width());

    // Where there is little room, the bar goes first, and then of the title what does not fit.
    let place = format!("  {at}/{count}");
    let title = shortened(&prose(&view.lesson.title), room.saturating_sub(place.len() + 2));
    let bar = bar(played, count);
    let left = match format!(" {title}{place}") {
        // Two blanks before the bar, one behind it.
        left if left.width() + bar.len() + 3 <= room => format!("{left}  {bar}"),
        left => left,
    };

    let text = padded(&left, room) + &right;
    frame.render_widget(Paragraph::new(Line::styled(text, look.theme.bold())), area);
}

/// The word for what is shown of a lab that is ready.
fn scene_word(view: &LessonView) -> &'static str {
    match view.scene() {
        LessonScene::Branch => "WHAT IF",
        LessonScene::LookingBack => "LOOKING BACK",
        LessonScene::YourTurn if !view.is_live() => "LOOKING BACK",
        LessonScene::YourTurn => "YOUR TURN",
        LessonScene::Busy
        | LessonScene::NextRepair
        | LessonScene::NextStep
        | LessonScene::LastStep
        | LessonScene::Finished => {
            // A question's task.
            if view.learning.turn.is_some() { "YOUR TURN" } else { "LIVE" }
        }
    }
}

fn bar(played: usize, count: usize) -> String {
    const WIDTH: usize = 14;
    let filled = (played * WIDTH).checked_div(count).unwrap_or(0).min(WIDTH);
    format!("[{}{}]", "#".repeat(filled), "-".repeat(WIDTH - filled))
}

/// One column: story, action, one pane with the others as tabs.
fn draw_small(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let story_rows = (area.height / 3).clamp(4, 12);
    let action_rows = (area.height / 4).clamp(3, 7);
    let [story, action, evidence] = Layout::vertical([
        Constraint::Length(story_rows),
        Constraint::Length(action_rows),
        Constraint::Min(3),
    ])
    .areas(area);

    if view.scene() == LessonScene::YourTurn {
        // The goals matter more than what the footer says anyway.
        draw_story(view, look, story.union(action), frame);
    } else {
        draw_story(view, look, story, frame);
        draw_action(view, look, action, frame);
    }

    draw_tabs(view, look, evidence, frame);
}

/// One pane, with the others as tabs.
fn draw_tabs(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let block = frame_block(tabs(view), String::new(), FrameFocus::Unfocused, look.theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if view.panes.map_place == MapPlace::Alone && map::fits(inner) {
        map::draw(frame, inner, view, look.theme);
    } else {
        pane::draw_rows(frame, inner, view, view.panes.focus, FrameFocus::Focused, look.theme);
    }
}

/// ` 1 Mounts +5 | 2 Processes |`: the chosen one in brackets.
fn tabs(view: &LessonView) -> String {
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
                chosen.map_or_else(String::new, |path| shortened(&safe(&format!(" /{path}")), 12));
            let tab = format!("{} {name}{chosen}{count}", index + 1);
            if view.panes.focus == *kind { format!("[{tab}]") } else { tab }
        })
        .collect();

    format!(" {} ", tabs.join(" | "))
}

/// Steps and story at the left, three panes at the right, the action below.
fn draw_middling(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let [upper, action] =
        Layout::vertical([Constraint::Min(12), Constraint::Length(8)]).areas(area);
    let side = ScreenClass::Middling.left_columns();
    let [left, right] =
        Layout::horizontal([Constraint::Length(side), Constraint::Min(40)]).areas(upper);
    draw_left(view, look, left, frame);

    match view.panes.map_place {
        MapPlace::Alone => draw_focused(view, look, right, frame),
        MapPlace::Beside => {
            let [top, bottom] = Layout::vertical([Constraint::Percentage(50); 2]).areas(right);
            draw_map(view, look, top, frame);
            draw_focused(view, look, bottom, frame);
        }
        MapPlace::Nowhere => {
            let [top, bottom] =
                Layout::vertical([Constraint::Percentage(60), Constraint::Percentage(40)])
                    .areas(right);
            draw_focused(view, look, top, frame);
            let places: [Rect; 2] =
                Layout::horizontal([Constraint::Percentage(50); 2]).areas(bottom);
            draw_others(view, look, &places, frame);
        }
    }

    draw_action(view, look, action, frame);
}

/// The map over the whole width, the focused pane below it, and three more; without the map, all seven panes at once.
fn draw_large(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let [upper, action] =
        Layout::vertical([Constraint::Min(30), Constraint::Length(10)]).areas(area);
    let side = ScreenClass::Large.left_columns();
    let [left, right] =
        Layout::horizontal([Constraint::Length(side), Constraint::Min(100)]).areas(upper);
    draw_left(view, look, left, frame);

    let [top, middle, bottom] = Layout::vertical([
        Constraint::Percentage(42),
        Constraint::Percentage(29),
        Constraint::Percentage(29),
    ])
    .areas(right);
    let places: [Rect; 3] = Layout::horizontal([
        Constraint::Percentage(34),
        Constraint::Percentage(33),
        Constraint::Percentage(33),
    ])
    .areas(middle);
    let below: [Rect; 3] = Layout::horizontal([
        Constraint::Percentage(34),
        Constraint::Percentage(33),
        Constraint::Percentage(33),
    ])
    .areas(bottom);

    match view.panes.map_place {
        MapPlace::Beside => {
            draw_map(view, look, top, frame);
            draw_focused(view, look, middle, frame);
            draw_others(view, look, &below, frame);
        }
        MapPlace::Alone => {
            let whole = Rect { height: top.height + middle.height, ..top };
            draw_focused(view, look, whole, frame);
            draw_others(view, look, &below, frame);
        }
        MapPlace::Nowhere => {
            draw_focused(view, look, top, frame);
            draw_others(view, look, &[places, below].concat(), frame);
        }
    }
    draw_action(view, look, action, frame);
}

fn draw_left(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    // Two borders, and a row for each step; long lists leave most of the rows to the story.
    let wanted = view.lesson.steps.len() as u16 + 2;
    let most = (area.height * 2 / 5).max(4);
    let [steps, story] =
        Layout::vertical([Constraint::Length(wanted.min(most)), Constraint::Min(6)]).areas(area);
    draw_steps(view, look, steps, frame);
    draw_story(view, look, story, frame);
}

fn draw_steps(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let block = frame_block(" Steps ".into(), " t ".into(), FrameFocus::Unfocused, look.theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);

    let height = usize::from(inner.height);
    let at = view.story_step();
    let count = view.lesson.steps.len();
    let top = at.saturating_sub(height / 2).min(count.saturating_sub(height));

    let lines: Vec<Line<'_>> = (top..count.min(top + height))
        .map(|index| {
            let step = &view.lesson.steps[index];
            let text = format!("{}{:>3} {}", view.step_sign(index), index + 1, prose(&step.title));
            let line = Line::from(padded(&text, usize::from(inner.width)));
            if index == at { line.style(look.theme.selected()) } else { line }
        })
        .collect();

    frame.render_widget(Paragraph::new(lines), inner);
}

fn draw_story(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let title = view.branch().map(|branch| &branch.title).or(view.step().map(|step| &step.title));
    let title = title.map_or(String::new(), |title| prose(title));
    let room = usize::from(area.width.saturating_sub(16));

    let lines = step::story_panel(view, usize::from(area.width.saturating_sub(2)), look);
    let height = usize::from(area.height.saturating_sub(2));
    let scroll = view.story.scroll.min(lines.len().saturating_sub(height));
    let more = lines.len().saturating_sub(scroll + height);
    let right =
        if more > 0 { format!(" {}: {more} more ", keys::lesson::READ_ON) } else { String::new() };

    let block = frame_block(
        format!(" {} ", shortened(&title, room)),
        right,
        FrameFocus::Unfocused,
        look.theme,
    );
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let visible: Vec<Line<'_>> = lines.into_iter().skip(scroll).take(height).collect();
    frame.render_widget(Paragraph::new(visible), inner);
}

fn draw_action(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let (title, right) = match view.story.beside {
        Beside::Shell => action_title(view),
        Beside::Docker => ("docker's own command", String::new()),
        Beside::Oci => ("OCI runtime config.json", String::new()),
        Beside::Notes => ("Speaker notes", String::new()),
    };

    let block = frame_block(format!(" {title} "), right, FrameFocus::Unfocused, look.theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);

    let columns = usize::from(inner.width);
    let lines = step::action_panel(view, columns, look);
    let height = usize::from(inner.height);
    let hidden = lines.len().saturating_sub(height);
    let mut shown: Vec<Line<'_>> = lines.into_iter().take(height).collect();
    // The line that says so takes the place of one more.
    if let Some(last) = shown.last_mut().filter(|_| hidden > 0) {
        *last = Line::from(Span::styled(
            format!("... {} lines more: {} shows every call", hidden + 1, ViewKind::Calls.number()),
            look.theme.dim(),
        ));
    }

    frame.render_widget(Paragraph::new(shown), inner);
}

/// The title of the action panel, and what the keys do there.
fn action_title(view: &LessonView) -> (&'static str, String) {
    let run = keys::lesson::RUN;
    match view.scene() {
        LessonScene::Branch => ("What it did", format!(" {run}: back to the lesson ")),
        LessonScene::YourTurn => {
            let (shell, hint) = (keys::lesson::SHELL, keys::lesson::HINT);
            ("Your turn", format!(" {shell}: a shell   {hint}: a hint "))
        }
        LessonScene::NextRepair => ("Next: something breaks", format!(" {run}: break it ")),
        LessonScene::NextStep if view.tape.is_some() => ("Next action", format!(" {run}: see it ")),
        LessonScene::NextStep => ("Next action", format!(" {run}: run it ")),
        LessonScene::LastStep => ("What it did", format!("{} {run}: go on ", took(view))),
        LessonScene::Finished => ("Done", format!(" {run}: finish, see the proof ")),
        LessonScene::Busy | LessonScene::LookingBack => ("Action", String::new()),
    }
}

fn took(view: &LessonView) -> String {
    view.last_record()
        .map_or_else(String::new, |record| format!(" {:.1} ms, ", record.nanos as f64 / 1e6))
}
