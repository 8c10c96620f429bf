//! The speaker's console: notes, what comes next, what the audience sees, the clock.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph};
use unicode_width::UnicodeWidthStr;

use super::draw_audience;
use crate::app::keymap::{keys, modes};
use crate::app::talk::next_action::NextAction;
use crate::app::talk::{Talk, TalkOverlay, TalkView};
use crate::app::{Model, Phase};
use crate::notice::Notice;
use crate::talk::beat::Beat;
use crate::talk::message::WindowRole;
use crate::text::{padded, prose, safe, shortened};
use crate::ui::DrawOptions;
use crate::ui::head::{FrameFocus, frame_block};
use crate::ui::markdown;
use crate::ui::overlays::{centred_area, draw_box};
use crate::ui::theme::Theme;
use crate::ui::{draw_keys, fitting};
use crate::words;

/// An audience's terminal wider than this has a font that nobody reads from the last row.
const MIN_NOTES_COLUMNS: u16 = 120;
/// Columns of the notes' title besides the step's own.
const NOTES_TITLE: usize = 28;

pub(super) fn draw(
    window: &TalkView,
    talk: &Talk,
    look: &DrawOptions,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    draw_head(window, talk, look.theme, head, frame);

    if area.width < 100 || area.height < 28 {
        let [notes, next, audience] =
            Layout::vertical([Constraint::Min(4), Constraint::Length(5), Constraint::Length(6)])
                .areas(body);
        draw_notes(window, talk, look, notes, frame);
        draw_next(talk, look.theme, next, frame);
        draw_controls(talk, look.theme, audience, frame);
        return;
    }

    let [upper, middle, lower] =
        Layout::vertical([Constraint::Min(12), Constraint::Length(7), Constraint::Length(9)])
            .areas(body);
    let halves = |area| Layout::horizontal([Constraint::Percentage(50); 2]).areas::<2>(area);
    let [notes, preview] = halves(upper);
    let [next, controls] = halves(middle);

    draw_notes(window, talk, look, notes, frame);
    draw_preview(window, talk, look, preview, frame);
    draw_next(talk, look.theme, next, frame);
    draw_controls(talk, look.theme, controls, frame);
    draw_timeline(talk, look.theme, lower, frame);
}

fn draw_head(window: &TalkView, talk: &Talk, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    let clock = talk.clock_now();
    let step = talk.set.beat.step();
    let drives = if window.is_driver() { "" } else { "WATCHING  " };
    let armed = if window.is_armed { "" } else { "DISARMED  " };
    let tape = if talk.view.tape.is_some() { "TAPE  " } else { "" };
    let used = clock.used.get(step).copied().unwrap_or_default();
    let planned = clock.planned.get(step).copied().unwrap_or_default();
    let pause = if clock.is_running { "" } else { "clock stands  " };

    let right = format!(
        "{tape}{drives}{armed}{pause}{}step {} of {}  {} of {}  {} ",
        if window.now.is_empty() { String::new() } else { format!("{}  ", window.now) },
        minutes(used),
        minutes(planned),
        minutes(clock.total_used()),
        minutes(clock.total_planned()),
        lateness(talk),
    );

    let room = usize::from(area.width).saturating_sub(right.width());
    let left = format!(" CONSOLE  {}/{}", step + 1, talk.view.lesson.steps.len());
    frame.render_widget(
        Paragraph::new(Line::styled(padded(&left, room) + &right, theme.bold())),
        area,
    );
}

/// `+1:12 late`, `on time`
fn lateness(talk: &Talk) -> String {
    let left_out = talk.left_out_steps();
    let late = talk.clock_now().seconds_late(|step| left_out.contains(&step));
    // Half a minute more or less is nothing to act upon.
    match late {
        31.. => format!("+{} late", minutes(Duration::from_secs(late as u64))),
        ..-30 => format!("-{} early", minutes(Duration::from_secs(late.unsigned_abs()))),
        _ => "on time".into(),
    }
}

fn minutes(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

pub(super) fn draw_notes(
    window: &TalkView,
    talk: &Talk,
    look: &DrawOptions,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let beat = talk.set.beat;
    let own: Vec<Beat> = talk.beats().into_iter().filter(|one| one.step() == beat.step()).collect();
    let at = own.iter().position(|one| *one == beat);

    let columns = usize::from(area.width.saturating_sub(2));
    let lines = note_lines(talk, columns, look.theme);
    let height = usize::from(area.height.saturating_sub(2));
    let scroll = window.notes_scroll.min(lines.len().saturating_sub(height));
    let hidden = lines.len().saturating_sub(scroll + height);
    let more = if hidden > 0 {
        format!(" {}: {hidden} more ", keys::talk::NOTES_DOWN)
    } else {
        String::new()
    };

    let title = talk.step(beat).map_or_else(String::new, |step| prose(&step.title));
    let title = shortened(&title, columns.saturating_sub(NOTES_TITLE + more.len()));
    let place =
        at.map_or_else(|| "what if".into(), |at| format!("beat {} of {}", at + 1, own.len()));
    let block =
        frame_block(format!(" {title}: notes, {place} "), more, FrameFocus::Unfocused, look.theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);

    let shown: Vec<Line<'_>> = lines.into_iter().skip(scroll).take(height).collect();
    frame.render_widget(Paragraph::new(shown), inner);
}

/// The speaker's notes first, then the words of the beat, then the notes of the step after it.
fn note_lines(talk: &Talk, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let beat = talk.set.beat;
    let steps = &talk.view.lesson.steps;
    let Some(step) = steps.get(beat.step()) else { return Vec::new() };
    let mut lines = markdown::lines(&step.notes, columns, theme);

    let mut part = |heading: &str, text: &str| {
        if !text.trim().is_empty() {
            lines.push(Line::default());
            lines.push(Line::styled(heading.to_owned(), theme.dim()));
            lines.extend(markdown::lines(text, columns, theme));
        }
    };

    let record = talk.record(beat).map(|record| &**record);
    let seen = |after| words::came_of_step(record, after);
    match beat {
        Beat::Tell { .. } => {
            let chapter = words::chapter_begin(&talk.view.lesson, beat.step());
            part("Here begins:", &chapter.unwrap_or_default());
            part("What it is about:", &step.story);
        }
        Beat::Show { .. } => {
            part("What is to be seen:", &seen(&step.after));
            part("On a real machine:", &step.real);
        }
        Beat::WhatIf { .. } => {
            if let Some(branch) = beat.branch(&talk.view.lesson) {
                part("What if:", &branch.story);
                part("What is to be seen:", &seen(&branch.after));
            }
        }
        Beat::Ask { .. } => {
            if let Some(question) = beat.question(&talk.view.lesson) {
                let right = talk.right_answer(beat).map(|grade| grade.right).unwrap_or_default();
                part("Right is:", &right);
                part("Because:", &question.explain);
            }
        }
    }

    for branch in step.branches.iter().filter(|_| matches!(beat, Beat::Tell { .. })) {
        part(&format!("{} asks:", keys::talk::WHAT_IF), &branch.title);
    }
    if let Some(next) = steps.get(beat.step() + 1) {
        part(&format!("Next step, {}:", prose(&next.title)), &next.notes);
    }
    lines
}

fn draw_next(talk: &Talk, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    let columns = usize::from(area.width.saturating_sub(2));
    let coming = talk.next_action();
    let mut lines = match (&talk.view.lab.phase, coming) {
        (Phase::Building, _) => vec![Line::from("the lab is being made ...")],
        (Phase::Playing { step }, _) => vec![Line::from(format!("step {} runs ...", step + 1))],
        (Phase::Failed { message }, _) => vec![Line::styled(safe(message), theme.bad())],
        (Phase::Ready, NextAction::RunStep) => {
            let checks = talk.view.lab.ready.iter().flat_map(|ready| ready.checks.iter().flatten());
            let checks = checks.map(|check| {
                let word = if check.ok { "ok" } else { "not yet" };
                let needs = safe(&words::precondition(&check.condition));
                Line::from(shortened(&format!("  needs: {needs} ({word})"), columns))
            });
            command_lines("RUNS this step:", talk, columns, theme)
                .into_iter()
                .chain(checks)
                .collect()
        }
        (Phase::Ready, NextAction::PlayBranch { .. }) => {
            command_lines("RUNS this, in a lab beside the talk's own:", talk, columns, theme)
        }
        (Phase::Ready, NextAction::RevealAnswer) => vec![Line::from("the answer")],
        (Phase::Ready, NextAction::ShowBeat(beat)) => {
            let title = talk.step(beat).map_or_else(String::new, |step| prose(&step.title));
            let what = match beat {
                Beat::Ask { .. } => "a question",
                Beat::Show { .. } => "what came of it",
                Beat::Tell { .. } if matches!(talk.set.beat, Beat::WhatIf { .. }) => {
                    "back to the step"
                }
                Beat::Tell { .. } | Beat::WhatIf { .. } => "the next step",
            };
            vec![Line::from(shortened(&format!("{what}: {} {title}", beat.step() + 1), columns))]
        }
        (Phase::Ready, NextAction::End) => vec![Line::from("the end of the lesson")],
    };

    let what_ifs =
        talk.view.lesson.steps.get(talk.set.beat.step()).map_or(0, |step| step.branches.len());
    if what_ifs > 0 && !matches!(talk.set.beat, Beat::WhatIf { .. }) {
        lines.push(Line::styled(
            format!("{}: what if? ({what_ifs})", keys::talk::WHAT_IF),
            theme.dim(),
        ));
    }

    let block = frame_block(
        " Next ".into(),
        format!(" {} ", keys::talk::NEXT),
        FrameFocus::Unfocused,
        theme,
    );
    let inner = block.inner(area);
    // What can be turned to stays in sight.
    if lines.len() > usize::from(inner.height) && what_ifs > 0 {
        lines.drain(usize::from(inner.height).saturating_sub(1)..lines.len() - 1);
    }

    frame.render_widget(block, area);
    frame.render_widget(Paragraph::new(lines), inner);
}

/// The lines that would be typed for the beat, below a heading.
fn command_lines(
    heading: &'static str,
    talk: &Talk,
    columns: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let step = talk.step(talk.set.beat);
    let typed = step.iter().flat_map(|step| talk.prompt_lines(step));
    let typed = typed
        .map(|line| Line::styled(shortened(&safe(&format!("  {line}")), columns), theme.code()));
    std::iter::once(Line::styled(heading, theme.bold())).chain(typed).collect()
}

fn draw_controls(talk: &Talk, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    let columns = usize::from(area.width.saturating_sub(2));
    let viewers: Vec<_> =
        talk.windows.all.iter().filter(|one| one.role != WindowRole::Console).collect();
    let smallest =
        viewers.iter().map(|one| one.size).min_by_key(|size| u32::from(size.0) * u32::from(size.1));

    let title = match smallest {
        None => " Audience: no window is open ".to_owned(),
        Some((columns, rows)) if viewers.len() == 1 => {
            format!(" Audience: one window, {columns}x{rows} ")
        }
        Some((columns, rows)) => {
            format!(" Audience: {} windows, smallest {columns}x{rows} ", viewers.len())
        }
    };

    let (set, shown) = (&talk.set, &talk.shown);
    let mut showing =
        format!("showing step {}, {}", shown.beat.step() + 1, shown.beat.label(shown.revealed));
    let on = [
        (set.blank, "BLANK"),
        (set.frozen, "FROZEN"),
        (set.masked, "masked"),
        (set.keys.is_some(), "keys shown"),
    ];
    for (_, word) in on.iter().filter(|(is_on, _)| *is_on) {
        showing.push_str(&format!("  {word}"));
    }

    let mut lines = vec![Line::styled(shortened(&showing, columns), theme.bold())];
    let pane = talk.panes_for(shown).first().map_or("none", |pane| pane.title());
    let zoom = if shown.zoomed { ", zoomed" } else { "" };
    let picture = match (shown.beat, talk.map_for(shown)) {
        (Beat::Ask { .. }, _) => "the question alone".to_owned(),
        (_, Some((lens, _))) => format!("map: {}", lens.view().title()),
        (_, None) => format!("pane: {pane}{zoom}"),
    };
    lines.push(Line::from(shortened(&picture, columns)));
    if viewers.iter().any(|one| one.size.0 > MIN_NOTES_COLUMNS) {
        let text = format!(
            "a window is wider than {MIN_NOTES_COLUMNS} columns: is its font large enough?"
        );
        lines.push(Line::styled(shortened(&text, columns), theme.bad()));
    }
    lines.extend([
        Line::styled(picture_keys(), theme.dim()),
        Line::styled(other_keys(), theme.dim()),
    ]);

    let block = frame_block(title, String::new(), FrameFocus::Unfocused, theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    frame.render_widget(Paragraph::new(lines), inner);
}

/// The keys that change the picture.
fn picture_keys() -> String {
    let (blank, freeze, mark) = (keys::talk::BLANK, keys::talk::FREEZE, keys::talk::MARK);
    let (pane, zoom) = (keys::talk::PANE, keys::talk::ZOOM);
    format!("{blank} blank   {freeze} freeze   {pane} pane, {zoom} zoom   {mark} mark a row")
}

/// The keys of the clock, and what else the audience may see.
fn other_keys() -> String {
    let (show, mask) = (keys::talk::KEYS, keys::talk::MASK);
    let (add, pause, skip) = (keys::talk::ADD_TIME, keys::talk::PAUSE, keys::talk::SKIP);
    format!("{show} keys   {mask} mask names   {add} +5 min   {pause} pause   {skip} skip")
}

fn draw_preview(
    window: &TalkView,
    talk: &Talk,
    look: &DrawOptions,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let word = match (talk.shown.blank, talk.shown.frozen) {
        (true, _) => " blank ",
        (false, true) => " frozen ",
        (false, false) => "",
    };

    let block = frame_block(
        " What the audience sees ".into(),
        word.into(),
        FrameFocus::Unfocused,
        look.theme,
    );
    let inner = block.inner(area);
    frame.render_widget(block, area);
    draw_audience(window, look, inner, frame);
}

fn draw_timeline(talk: &Talk, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    const CELL: usize = 38;
    let block = frame_block(
        " Timeline: planned, used ".into(),
        format!(" {} ", lateness(talk)),
        FrameFocus::Unfocused,
        theme,
    );
    let inner = block.inner(area);
    frame.render_widget(block, area);

    let clock = talk.clock_now();
    let left_out = talk.left_out_steps();
    // The last row is for the advice on what to skip.
    let rows = usize::from(inner.height).saturating_sub(1).max(1);
    let columns = (usize::from(inner.width) / CELL).max(1);
    let steps = &talk.view.lesson.steps;
    let at = talk.set.beat.step();
    // It scrolls by whole columns, so that a step does not change its row.
    let first = (at / rows)
        .saturating_sub(columns / 2)
        .min((steps.len() / rows + 1).saturating_sub(columns))
        * rows;

    let mut lines: Vec<Line<'_>> = Vec::new();
    for row in 0..rows {
        let cells = (0..columns).filter_map(|column_at| {
            let index = first + column_at * rows + row;
            let step = steps.get(index)?;
            let sign = if index == at { '>' } else { talk.step_sign(index) };
            let used = clock.used[index];
            let used =
                if used.is_zero() { "    -".to_owned() } else { format!("{:>5}", minutes(used)) };
            // Sign, number, two times and the blanks around them take 18 columns beside the title.
            let text = format!(
                "{sign}{:>3} {} {:>5} {used}",
                index + 1,
                padded(&prose(&step.title), CELL - 18),
                minutes(clock.planned[index])
            );
            Some(padded(&text, CELL))
        });
        lines.push(Line::from(cells.collect::<String>()));
    }

    let skip = clock.steps_to_skip(&talk.view.lesson, |step| left_out.contains(&step));
    let advice = match skip.first() {
        None => String::new(),
        Some(first) => {
            let all: Vec<String> = skip
                .iter()
                .map(|step| format!("{} ({})", step + 1, minutes(clock.planned[*step])))
                .collect();
            let key = keys::talk::SKIP;
            format!("to end on time skip {}   {key}: skip {}", all.join(", "), first + 1)
        }
    };

    lines.push(Line::styled(shortened(&advice, usize::from(inner.width)), theme.bold()));
    frame.render_widget(Paragraph::new(lines), inner);
}

/// The list of steps to jump to.
pub(super) fn draw_jump(talk: &Talk, at: usize, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    let steps = &talk.view.lesson.steps;
    let place = centred_area(area, 64, steps.len() as u16 + 2);
    let height = usize::from(place.height.saturating_sub(2));
    let top = at.saturating_sub(height / 2).min(steps.len().saturating_sub(height));

    let lines: Vec<Line<'_>> = steps
        .iter()
        .enumerate()
        .skip(top)
        .take(height)
        .map(|(index, step)| {
            let text = format!("{}{:>3} {}", talk.step_sign(index), index + 1, prose(&step.title));
            let line = Line::from(padded(&text, usize::from(place.width.saturating_sub(2))));
            if index == at { line.style(theme.selected()) } else { line }
        })
        .collect();

    let title = format!(" Jump to ({}; {}: stay) ", keys::talk_jump::GO, keys::talk_jump::STAY);
    draw_box(lines, &title, theme, place, frame);
}

pub(super) fn draw_footer(model: &Model, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    frame.render_widget(Clear, area);
    let (items, end) = (modes::footer(model), modes::footer_end(model));
    let text = fitting(items, &end, usize::from(area.width));
    draw_keys(model, &text, look, area, frame);
}

/// Draw the question that waits, or what the last key did, in full.
pub(super) fn draw_message(
    window: &TalkView,
    notice: Option<&Notice>,
    look: &DrawOptions,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    if let TalkOverlay::Question { prompt, .. } = &window.overlay {
        let yes = keys::talk_confirm::YES;
        let text = format!("{}   {yes}: yes, any other key: no", safe(&words::prompt(prompt)));
        crate::ui::draw_message(&text, look, area, frame);
    } else if let Some(notice) = notice {
        crate::ui::draw_message(&safe(&words::notice(notice)), look, area, frame);
    }
}
