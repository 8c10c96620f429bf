//! A lesson as a cast for asciinema, version 3 of its format: what is typed and printed, the calls, what changed. A
//! line of JSON for the header, then a line an event: seconds since the event before, a code, its text. A marker
//! stands where a step begins.

use std::io::{self, Write};
use std::sync::LazyLock;

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use serde_json::json;

use super::cast_screen::{COLUMNS, CastEvent, CastEventKind, CastScreen, LINE_WIDTH, ROWS};
use super::played_lesson::{
    OutputLine, PlayedActions, PlayedLesson, PlayedStep, TypedAction, output_lines,
};
use crate::app::panes::{PaneRow, bar_chart, charts};
use crate::call::Call;
use crate::report::StepStatus;
use crate::text::{one_line, safe};
use crate::ui::markdown;
use crate::ui::theme::Theme;
use crate::words;

/// The colours, as the screen has them.
static THEME: LazyLock<Theme> = LazyLock::new(|| Theme::ansi().in_ascii());
/// Lines shown: of what one op printed, of its calls (and those that failed), of one view's changes.
const MAX_OUTPUT_LINES: usize = 16;
const MAX_CALLS: usize = 4;
const MAX_CHANGES: usize = 22;
/// The seconds that the last page stays.
const LAST_PAGE_SECONDS: f64 = 3.0;

pub fn write(played_lesson: &PlayedLesson<'_>, mut out: impl Write) -> io::Result<()> {
    let title = safe(&played_lesson.lesson.title);
    let mut header = json!({
        "version": 3,
        "term": {"cols": COLUMNS, "rows": ROWS, "type": "xterm-256color"},
        "title": format!("{title} ({})", played_lesson.tape.header.origin()),
        "tags": ["unboxed", played_lesson.lesson.id],
    });

    if let Some(seconds) = played_lesson.tape.header.recorded_day_start() {
        header["timestamp"] = json!(seconds);
    }
    writeln!(out, "{header}")?;

    let screen = play(played_lesson);
    let at_the_end = screen.pending_seconds();
    for CastEvent { after, what } in screen.into_events() {
        let after = rounded(after);
        let event = match what {
            CastEventKind::Output(text) => json!([after, "o", text]),
            CastEventKind::Marker(label) => json!([after, "m", label]),
        };
        writeln!(out, "{event}")?;
    }

    writeln!(out, "{}", json!([rounded(at_the_end + LAST_PAGE_SECONDS), "x", "0"]))?;
    out.flush()
}

/// The seconds in whole milliseconds, which are as much as a player can show.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn play(played_lesson: &PlayedLesson<'_>) -> CastScreen {
    let mut screen = CastScreen::default();
    screen.start_page(&played_lesson.lesson.title);
    screen.print_lines(markdown::lines(&played_lesson.lesson.summary, LINE_WIDTH, *THEME));
    screen.blank_line();
    screen.print_line(&Line::from(format!(
        "{} steps, recorded on {}.",
        played_lesson.steps.len(),
        played_lesson.tape.header.origin()
    )));
    screen.print_line(&Line::from("Every call was made. What a step changed is marked:"));
    screen.print_line(&Line::from("+ new or mounted   - gone or unmounted   ~ changed   > moved"));
    screen.wait_for_reading();

    for played in &played_lesson.steps {
        step(&mut screen, played_lesson, played);
    }

    screen.start_page("The machine, before and after");
    for row in &played_lesson.tape.proof.rows {
        let word = if row.differences.is_empty() { "as it was" } else { "different" };
        screen.print_line(&Line::from(format!(
            "{:<22} {:>5} {:>5}  {word}",
            safe(&row.what),
            row.before,
            row.after
        )));
    }
    screen.wait_for_reading();
    screen
}

fn step(screen: &mut CastScreen, played_lesson: &PlayedLesson<'_>, played: &PlayedStep<'_>) {
    let PlayedStep { number, step, actions: played_actions, branches, .. } = played;
    screen.add_marker(&format!("{number}. {}", step.title));
    screen.start_page(&format!("{number} of {}  {}", played_lesson.steps.len(), step.title));
    if let Some(chapter) = words::chapter_begin(played_lesson.lesson, number - 1) {
        screen.print_line(&Line::styled(chapter, THEME.bold()));
        screen.blank_line();
    }
    screen.print_lines(markdown::lines(&step.story, LINE_WIDTH, *THEME));
    screen.wait_for_reading();

    if let StepStatus::Skipped { why, cure } = &played_actions.record.status {
        screen.blank_line();
        screen.print_line(&Line::styled(
            format!("Left out where this was recorded: {}", one_line(&words::blocker(why))),
            THEME.bad(),
        ));
        screen.print_line(&Line::from(format!("To change that: {}", one_line(&words::cure(cure)))));
        screen.wait_for_reading();
        return;
    }

    if !played_actions.broken.is_empty() {
        heading(screen, "First, something is broken:", 3);
        played_actions.broken.iter().for_each(|typed| command(screen, played_lesson, typed));
        heading(screen, "Then it is mended:", 3);
    }

    done(screen, played_lesson, played_actions);
    screen.blank_line();
    let outcome = words::came_of_step(Some(played_actions.record), &step.after);
    screen.print_lines(markdown::lines(&outcome, LINE_WIDTH, *THEME));
    let real = words::on_real_machine(Some(played_actions.record), &step.real);
    if !real.is_empty() {
        screen.blank_line();
        screen.print_lines(markdown::lines(&real, LINE_WIDTH, *THEME));
    }
    screen.wait_for_reading();

    for (branch, played_actions) in branches {
        screen.start_page(&branch.title);
        screen.print_lines(markdown::lines(&branch.story, LINE_WIDTH, *THEME));
        screen.wait_for_reading();
        done(screen, played_lesson, played_actions);
        screen.blank_line();
        let outcome = words::came_of_step(Some(played_actions.record), &branch.after);
        screen.print_lines(markdown::lines(&outcome, LINE_WIDTH, *THEME));
        screen.wait_for_reading();
    }
}

/// A heading, on one page with so many rows that belong to it.
fn heading(screen: &mut CastScreen, text: &str, rows: usize) {
    screen.keep_together(rows + 2);
    screen.blank_line();
    screen.print_line(&Line::styled(text.to_owned(), THEME.bold()));
}

/// Commands and calls, what changed, charts, what was expected.
fn done(
    screen: &mut CastScreen,
    played_lesson: &PlayedLesson<'_>,
    played_actions: &PlayedActions<'_>,
) {
    screen.blank_line();
    for typed in &played_actions.typed {
        command(screen, played_lesson, typed);
    }
    screen.wait_for_reading();

    for (view, rows) in played_actions.changed_rows() {
        let shown: Vec<Line<'_>> = rows.iter().take(MAX_CHANGES).map(changed).collect();
        heading(screen, &format!("{}, what changed:", view.title()), shown.len());
        screen.print_lines(shown);
        if rows.len() > MAX_CHANGES {
            screen.print_line(&Line::styled(
                format!("  ... {} rows more", rows.len() - MAX_CHANGES),
                THEME.dim(),
            ));
        }
        screen.wait_for_reading();
    }

    for series in &played_actions.record.charts {
        let rows = charts::chart_rows(std::slice::from_ref(series));
        screen.blank_line();
        screen.keep_together(rows.len());
        screen.print_lines(rows.iter().map(changed).collect::<Vec<_>>());
        screen.wait_for_reading();
    }

    let bars = bar_chart::all_rows(&played_actions.record.ops);
    if !bars.is_empty() {
        screen.blank_line();
        screen.keep_together(bars.len());
        screen.print_lines(bars.iter().map(changed).collect::<Vec<_>>());
        screen.wait_for_reading();
    }

    if !played_actions.record.verdicts.is_empty() {
        screen.blank_line();
    }
    for verdict in &played_actions.record.verdicts {
        let style = match verdict.ok {
            true => THEME.good(),
            false if verdict.is_unjudged() => THEME.bold(),
            false => THEME.bad(),
        };
        screen.print_line(&Line::from(vec![
            Span::styled(format!("{:8}", words::verdict_word(verdict)), style),
            Span::raw(safe(&words::expected(&verdict.expected))),
        ]));
    }
    screen.wait_for_reading();
}

fn command(screen: &mut CastScreen, played_lesson: &PlayedLesson<'_>, typed: &TypedAction<'_>) {
    for line in &typed.lines {
        let pieces: Vec<(Style, String)> = played_lesson
            .highlighted_line(line)
            .into_iter()
            .map(|(token, text)| (THEME.token_style(token), text))
            .collect();
        screen.type_command(&format!("{}# ", typed.actor), &pieces);
    }

    for op in typed.ops {
        let mut now_ms = 0;
        for said in output_lines(op, MAX_OUTPUT_LINES) {
            match said {
                OutputLine::Printed { text, at_ms } => {
                    screen.wait_ms(at_ms.saturating_sub(now_ms));
                    now_ms = at_ms.max(now_ms);
                    screen.print_line(&Line::from(text));
                }
                OutputLine::Error(text) => screen.print_line(&Line::styled(text, THEME.bad())),
            }
        }
        let is_telling =
            |(index, call): &(usize, &Call)| *index < MAX_CALLS || !call.result.is_ok();
        let shown: Vec<&Call> = op
            .calls
            .iter()
            .enumerate()
            .filter(is_telling)
            .take(2 * MAX_CALLS)
            .map(|(_, call)| call)
            .collect();
        for call in &shown {
            let style = if call.result.is_ok() { THEME.dim() } else { THEME.bad() };
            screen.print_line(&Line::styled(safe(&format!("  {call}")), style));
        }
        if op.calls.len() > shown.len() {
            let more = op.calls.len() - shown.len();
            screen.print_line(&Line::styled(format!("  ... {more} calls more"), THEME.dim()));
        }
    }
}

fn changed(row: &PaneRow) -> Line<'static> {
    let style =
        if row.mark.is_change() { THEME.change_style(row.mark) } else { THEME.row_style(row.kind) };
    Line::styled(format!("{} {}", row.mark.sign(), row.text), style)
}
