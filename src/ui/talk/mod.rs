//! The windows of a talk.

pub mod audience;
mod audience_panes;
mod console;
pub mod fit_check;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph};

use super::DrawOptions;
use super::overlays::draw_help;
use super::theme::Theme;
use crate::app::Model;
use crate::app::talk::{TalkOverlay, TalkView, WindowLayout};
use crate::text::safe;
use crate::words;

pub fn draw(
    model: &Model,
    window: &TalkView,
    look: &DrawOptions,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let notice = model.notice.as_ref();
    let body = Rect { height: area.height - 1, ..area };
    let footer = Rect { y: area.bottom() - 1, height: 1, ..area };

    let Some(talk) = &window.talk else {
        let text = notice.map_or_else(
            || "waiting for the talk ...".to_owned(),
            |notice| safe(&words::notice(notice)),
        );
        frame.render_widget(Paragraph::new(text), area);
        return;
    };
    if let TalkOverlay::Ended(proof) = &window.overlay {
        draw_end(window, proof, look.theme, area, frame);
        return;
    }

    match window.layout {
        WindowLayout::Console => {
            console::draw(window, talk, look, body, frame);
            console::draw_footer(model, look, footer, frame);
            console::draw_message(window, notice, look, body, frame);
        }
        WindowLayout::PictureWithNotes => {
            let rows = (area.height / 3).clamp(5, 14);
            let [upper, notes] = [
                Rect { height: body.height - rows, ..body },
                Rect { y: body.bottom() - rows, height: rows, ..body },
            ];
            draw_audience(window, look, upper, frame);
            console::draw_notes(window, talk, look, notes, frame);
            console::draw_footer(model, look, footer, frame);
            console::draw_message(window, notice, look, body, frame);
        }
        WindowLayout::Picture => {
            draw_audience(window, look, area, frame);
            // Above the row that says what the picture is of.
            let above = Rect { height: body.height.saturating_sub(1), ..body };
            console::draw_message(window, notice, look, above, frame);
        }
    }

    match window.overlay {
        TalkOverlay::Steps { selected } => {
            console::draw_jump(talk, selected, look.theme, body, frame);
        }
        TalkOverlay::Help { scroll } => draw_help(model, scroll, look, body, frame),
        // A question is asked in the footer, and the end has the whole window.
        TalkOverlay::None | TalkOverlay::Question { .. } | TalkOverlay::Ended(_) => {}
    }
}

fn draw_audience(window: &TalkView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let Some(talk) = &window.talk else { return };
    if talk.shown.blank {
        return;
    }
    audience::draw(talk, &talk.shown, look, area, frame);
    if talk.shown.masked {
        cover(frame.buffer_mut(), area, &window.private);
    }
}

/// Words that the audience shall not read, as stars.
fn cover(buffer: &mut Buffer, area: Rect, words: &[String]) {
    for y in area.top()..area.bottom() {
        let mut text = String::new();
        let mut starts = Vec::new();
        for x in area.left()..area.right() {
            starts.push((text.len(), x));
            text.push_str(buffer[(x, y)].symbol());
        }

        for word in words.iter().filter(|word| !word.is_empty()) {
            for (at, found) in text.match_indices(word.as_str()) {
                let within =
                    starts.iter().filter(|(start, _)| (at..at + found.len()).contains(start));
                within.for_each(|(_, x)| {
                    buffer[(*x, y)].set_symbol("*");
                });
            }
        }
    }
}

fn draw_end(
    window: &TalkView,
    proof: &crate::proof::Proof,
    theme: Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    frame.render_widget(Clear, area);
    let mut lines =
        vec![Line::default(), Line::styled("   The talk is over.", theme.bold()), Line::default()];

    let is_tape = window.talk.as_ref().is_some_and(|talk| talk.view.tape.is_some());
    if !is_tape && !proof.rows.is_empty() {
        lines.push(Line::from("   The machine, before and after:"));
        lines.extend(super::proof::lines(proof, usize::from(area.width), theme));
    }

    lines.extend([Line::default(), Line::styled("   any key closes this window", theme.dim())]);
    frame.render_widget(Paragraph::new(lines), area);
}
