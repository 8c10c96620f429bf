//! A lesson as a cast for asciinema, version 3 of its format: what is typed and printed, the calls, what changed. A
//! line of JSON for the header, then a line an event: seconds since the event before, a code, its text. A marker
//! stands where a step begins.

use std::io::{self, Write};

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use serde_json::json;

use super::cast_screen::{COLUMNS, CastScreen, Cue, CueKind, ROWS, WIDTH};
use super::reel::{Deed, Played, Reel, Said, Typed, said};
use crate::app::panes::{PaneRow, charts};
use crate::call::Call;
use crate::report::StepStatus;
use crate::text::{one_line, safe};
use crate::ui::markdown;
use crate::ui::theme::Theme;
use crate::words;

/// The colours, as the screen has them.
const THEME: Theme = Theme { colors: true, ascii: true };
/// Lines shown: of what one op printed, of its calls (and those that failed), of one view's changes.
const OUTPUT_LINES: usize = 16;
const CALLS: usize = 4;
const CHANGES: usize = 22;
/// The seconds that the last page stays.
const AT_THE_END: f64 = 3.0;

pub fn write(reel: &Reel<'_>, mut out: impl Write) -> io::Result<()> {
    let title = safe(&reel.lesson.title);
    let mut header = json!({
        "version": 3,
        "term": {"cols": COLUMNS, "rows": ROWS, "type": "xterm-256color"},
        "title": format!("{title} ({})", reel.tape.header.origin()),
        "tags": ["unboxed", reel.lesson.id],
    });

    if let Some(seconds) = reel.tape.header.recorded_at() {
        header["timestamp"] = json!(seconds);
    }
    writeln!(out, "{header}")?;

    let screen = play(reel);
    let at_the_end = screen.waiting();
    for Cue { after, what } in screen.into_cues() {
        let after = rounded(after);
        let event = match what {
            CueKind::Output(text) => json!([after, "o", text]),
            CueKind::Marker(label) => json!([after, "m", label]),
        };
        writeln!(out, "{event}")?;
    }

    writeln!(out, "{}", json!([rounded(at_the_end + AT_THE_END), "x", "0"]))?;
    out.flush()
}

/// The seconds in whole milliseconds, which are as much as a player can show.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn play(reel: &Reel<'_>) -> CastScreen {
    let mut screen = CastScreen::default();
    screen.page(&reel.lesson.title);
    screen.lines(markdown::lines(&reel.lesson.summary, WIDTH, THEME));
    screen.gap();
    screen.line(&Line::from(format!(
        "{} steps, recorded on {}.",
        reel.steps.len(),
        reel.tape.header.origin()
    )));
    screen.line(&Line::from("Every call was made. What a step changed is marked:"));
    screen.line(&Line::from("+ new or mounted   - gone or unmounted   ~ changed   > moved"));
    screen.read();

    for played in &reel.steps {
        step(&mut screen, reel, played);
    }

    screen.page("The machine, before and after");
    for row in &reel.tape.proof.rows {
        let word = if row.differences.is_empty() { "as it was" } else { "different" };
        screen.line(&Line::from(format!(
            "{:<22} {:>5} {:>5}  {word}",
            safe(&row.what),
            row.before,
            row.after
        )));
    }
    screen.read();
    screen
}

fn step(screen: &mut CastScreen, reel: &Reel<'_>, played: &Played<'_>) {
    let Played { number, step, deed, branches, .. } = played;
    screen.marker(&format!("{number}. {}", step.title));
    screen.page(&format!("{number} of {}  {}", reel.steps.len(), step.title));
    screen.lines(markdown::lines(&step.story, WIDTH, THEME));
    screen.read();

    if let StepStatus::Skipped { why, cure } = &deed.record.status {
        screen.gap();
        screen.line(&Line::styled(
            format!("Left out where this was recorded: {}", one_line(&words::blocker(why))),
            THEME.bad(),
        ));
        screen.line(&Line::from(format!("To change that: {}", one_line(&words::cure(cure)))));
        screen.read();
        return;
    }

    if !deed.broken.is_empty() {
        heading(screen, "First, something is broken:", 3);
        deed.broken.iter().for_each(|typed| command(screen, reel, typed));
        heading(screen, "Then it is mended:", 3);
    }

    done(screen, reel, deed);
    screen.gap();
    screen.lines(markdown::lines(&step.after, WIDTH, THEME));
    screen.read();

    for (branch, deed) in branches {
        screen.page(&branch.title);
        screen.lines(markdown::lines(&branch.story, WIDTH, THEME));
        screen.read();
        done(screen, reel, deed);
        screen.gap();
        screen.lines(markdown::lines(&branch.after, WIDTH, THEME));
        screen.read();
    }
}

/// A heading, on one page with so many rows that belong to it.
fn heading(screen: &mut CastScreen, text: &str, rows: usize) {
    screen.keep_together(rows + 2);
    screen.gap();
    screen.line(&Line::styled(text.to_owned(), THEME.bold()));
}

/// Commands and calls, what changed, charts, what was expected.
fn done(screen: &mut CastScreen, reel: &Reel<'_>, deed: &Deed<'_>) {
    screen.gap();
    for typed in &deed.typed {
        command(screen, reel, typed);
    }
    screen.read();

    for (view, rows) in deed.changes() {
        let shown: Vec<Line<'_>> = rows.iter().take(CHANGES).map(changed).collect();
        heading(screen, &format!("{}, what changed:", view.title()), shown.len());
        screen.lines(shown);
        if rows.len() > CHANGES {
            screen.line(&Line::styled(
                format!("  ... {} rows more", rows.len() - CHANGES),
                THEME.dim(),
            ));
        }
        screen.read();
    }

    for series in &deed.record.charts {
        let rows = charts::rows(std::slice::from_ref(series));
        screen.gap();
        screen.keep_together(rows.len());
        screen.lines(rows.iter().map(changed).collect::<Vec<_>>());
        screen.read();
    }

    if !deed.record.verdicts.is_empty() {
        screen.gap();
    }
    for verdict in &deed.record.verdicts {
        let (word, style) = if verdict.ok { ("ok  ", THEME.good()) } else { ("NO  ", THEME.bad()) };
        screen.line(&Line::from(vec![
            Span::styled(word, style),
            Span::raw(safe(&words::expected(&verdict.expected))),
        ]));
    }
    screen.read();
}

fn command(screen: &mut CastScreen, reel: &Reel<'_>, typed: &Typed<'_>) {
    for line in &typed.lines {
        let pieces: Vec<(Style, String)> =
            reel.pieces(line).into_iter().map(|(token, text)| (THEME.token(token), text)).collect();
        screen.typed(&format!("{}# ", typed.actor), &pieces);
    }

    for op in typed.ops {
        let mut now_ms = 0;
        for said in said(op, OUTPUT_LINES) {
            match said {
                Said::Printed { text, at_ms } => {
                    screen.pass(at_ms.saturating_sub(now_ms));
                    now_ms = at_ms.max(now_ms);
                    screen.line(&Line::from(text));
                }
                Said::Bad(text) => screen.line(&Line::styled(text, THEME.bad())),
            }
        }
        let is_telling = |(index, call): &(usize, &Call)| *index < CALLS || !call.result.is_ok();
        let shown: Vec<&Call> = op
            .calls
            .iter()
            .enumerate()
            .filter(is_telling)
            .take(2 * CALLS)
            .map(|(_, call)| call)
            .collect();
        for call in &shown {
            let style = if call.result.is_ok() { THEME.dim() } else { THEME.bad() };
            screen.line(&Line::styled(safe(&format!("  {call}")), style));
        }
        if op.calls.len() > shown.len() {
            let more = op.calls.len() - shown.len();
            screen.line(&Line::styled(format!("  ... {more} calls more"), THEME.dim()));
        }
    }
}

fn changed(row: &PaneRow) -> Line<'static> {
    let style = if row.mark.is_change() { THEME.mark(row.mark) } else { THEME.row(row.kind) };
    Line::styled(format!("{} {}", row.mark.sign(), row.text), style)
}
