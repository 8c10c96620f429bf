//! The step in one column to read: its title, and below it the text that grows.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use super::expectations::Sign;
use super::step;
use super::step_text::{FirstPart, StepText};
use super::theme::Theme;
use super::{DrawOptions, head};
use crate::app::keymap::keys;
use crate::app::pointing::PointTarget;
use crate::app::{LessonScene, LessonView};
use crate::explain;
use crate::report::StepRecord;
use crate::text::{prose, shortened};
use crate::words;

/// The part of an area that text has: a blank stays free at either side.
pub fn inner(area: Rect) -> Rect {
    let width = area.width.saturating_sub(2);
    Rect { x: area.x + 1, width, ..area }
}

pub fn draw(
    view: &LessonView,
    look: &DrawOptions,
    first: FirstPart,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let [head, rest] = head::with_head(inner(area));
    draw_title(view, look, head, frame);
    let text = step::text(view, usize::from(rest.width), first, look);
    draw_text(view, look, text, rest, frame);
}

/// Lines, with those that matter now in sight, and a mark where there are more below.
pub fn draw_text(
    view: &LessonView,
    look: &DrawOptions,
    text: StepText,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let StepText { lines, now, targets } = text;
    let height = usize::from(area.height);
    let end = lines.len().saturating_sub(height);
    // The last line may be half covered by the mark.
    let start = now.start.min((now.end + 1).saturating_sub(height));
    let top = view.story.first_line(start, end);
    let below = lines.len().saturating_sub(top + height);
    let shown: Vec<Line<'static>> = lines.into_iter().skip(top).take(height).collect();
    look.hits.note(area, PointTarget::Story);
    note_targets(look, &targets, top, area);
    note_words(look, &shown, area);
    frame.render_widget(Paragraph::new(shown), area);
    let more = format!(" … {}: {below} more", keys::lesson::READ_ON);
    head::draw_more(frame, area, &more, below, look.theme);
}

/// Note the lines in sight that can be asked about.
fn note_targets(look: &DrawOptions, targets: &[(usize, PointTarget)], top: usize, area: Rect) {
    for (line, target) in targets {
        if let Some(row) = line.checked_sub(top).filter(|row| *row < usize::from(area.height)) {
            look.hits.note(Rect { y: area.y + row as u16, height: 1, ..area }, *target);
        }
    }
}

/// Note the words in bold that the glossary has, also where one goes on in the next line.
fn note_words(look: &DrawOptions, lines: &[Line<'_>], area: Rect) {
    let mut open = MarkedWord::default();
    for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
        let mut x = area.x;
        if line.spans.is_empty() {
            // A paragraph ends.
            std::mem::take(&mut open).note(look);
        }
        for span in &line.spans {
            let width = span.width() as u16;
            if span.style.add_modifier.contains(Modifier::BOLD) {
                open.text.push_str(&span.content);
                open.places.push(Rect { x, y, width, height: 1 }.intersection(area));
            } else if span.content.trim().is_empty() {
                open.text.push(' ');
            } else {
                std::mem::take(&mut open).note(look);
            }
            x = x.saturating_add(width);
        }
        open.text.push(' ');
    }
    open.note(look);
}

/// A word in bold, with the places of its parts.
#[derive(Debug, Default)]
struct MarkedWord {
    text: String,
    places: Vec<Rect>,
}

impl MarkedWord {
    fn note(self, look: &DrawOptions) {
        let word = self.text.trim().trim_end_matches(['.', ',', ':', ';', '?']);
        if self.places.is_empty() {
            return;
        }
        if let Some(entry) = explain::find(word) {
            self.places.iter().for_each(|place| look.hits.note(*place, PointTarget::Word(entry)));
        }
    }
}

/// The step's title, and at its right what came of it or what is to be done.
fn draw_title(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let theme = look.theme;
    let (title, place) = match view.branch() {
        Some(branch) => (&branch.title, String::new()),
        None => {
            let Some(step) = view.step() else { return };
            (&step.title, format!("{}  ", view.story_step() + 1))
        }
    };

    let came_of = view.shown_record().filter(|_| view.lab.is_ready());
    let (came_of, style) = came_of.and_then(|record| outcome(record, theme)).unwrap_or_default();
    let next = next(view);
    let gap = if came_of.is_empty() || next.is_empty() { 0 } else { 3 };
    let right = came_of.width() + gap + next.width();
    let columns = usize::from(area.width);
    let room = columns.saturating_sub(right + place.width() + 2);
    let title = shortened(&prose(title), room);
    let fill = columns.saturating_sub(place.width() + title.width() + right);
    let line = Line::from(vec![
        Span::styled(place, theme.dim()),
        Span::styled(title, theme.bold()),
        Span::raw(" ".repeat(fill)),
        Span::styled(came_of, style),
        Span::styled(format!("{}{next}", " ".repeat(gap)), theme.dim()),
    ]);
    frame.render_widget(Paragraph::new(line), area);
}

/// The sum of the verdicts on a step; none where there are none.
fn outcome(record: &StepRecord, theme: Theme) -> Option<(String, Style)> {
    let total = record.verdicts.len();
    if total == 0 || !record.status.is_judged() {
        return None;
    }
    let held = record.verdicts.iter().filter(|verdict| verdict.ok).count();
    let (sign, count) = match record.failures() {
        0 if held == total => (Sign::Held, held),
        0 => (Sign::Unsure, total - held),
        failed => (Sign::Failed, failed),
    };
    Some((format!("{}{count} of {total}", sign.text(theme)), sign.style(theme)))
}

/// The key that leads on, and what it does.
fn next(view: &LessonView) -> String {
    let run = keys::lesson::RUN;
    match view.scene() {
        LessonScene::NextRepair => format!("{run}: {}", words::begin_repair(&view.lesson)),
        LessonScene::NextStep if view.keeps_command_back() => {
            format!("{run}: {}", if view.has_goals() { "begin" } else { "run it" })
        }
        LessonScene::NextStep if view.tape.is_some() => format!("{run}: see it"),
        LessonScene::NextStep => format!("{run}: run it"),
        LessonScene::YourTurn if view.is_live() => "your turn".into(),
        LessonScene::LastStep => format!("{run}: go on"),
        LessonScene::Finished => format!("{run}: finish, see the proof"),
        LessonScene::Branch => format!("{run}: back to the lesson"),
        LessonScene::YourTurn | LessonScene::Busy | LessonScene::LookingBack => String::new(),
    }
}
