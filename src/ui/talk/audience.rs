//! The picture that the audience sees: a headline, a sentence, a command, one or two panes with only what changed, a
//! call-out. Made for the few columns of a readable font on a wall.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::app::panes::{PaneRow, RowKind};
use crate::app::talk::{Talk, skip_reason};
use crate::lesson::model::Step;
use crate::lesson::quiz::{Question, QuestionKind};
use crate::talk::AudienceView;
use crate::talk::beat::{Beat, audience_sentence, first_paragraph};
use crate::text::{padded, prose, safe, shortened, wrapped};
use crate::ui::DrawOptions;
use crate::ui::markdown;
use crate::ui::pane::{FrameFocus, frame_block};
use crate::ui::theme::Theme;
use crate::view::ViewKind;
use crate::words;

/// Columns left free at either side of words.
const MARGIN: u16 = 3;
/// Rows of one pane at most: more nobody reads from the last row of a room. Charts are read at a glance.
const MAX_PANE_ROWS: u16 = 8;
const MAX_CHART_ROWS: u16 = 16;
/// Rows of printed output at most, where there is a chart of it.
const MAX_OUTPUT_ROWS_WITH_CHART: u16 = 4;
/// Two panes stand side by side from here on.
const MIN_COLUMNS_FOR_TWO_PANES: u16 = 110;
/// Lines of commands beside what came of them, the last ones: by then they have been told.
const MAX_REPEATED_COMMAND_LINES: usize = 3;
/// A pane with fewer rows than these, its frame included, says nothing.
const MIN_PANE_ROWS: u16 = 5;

/// The words of a beat, wrapped.
struct Words {
    above: Vec<Line<'static>>,
    command: Vec<Line<'static>>,
    below: Vec<Line<'static>>,
}

pub fn draw(
    talk: &Talk,
    audience_view: &AudienceView,
    look: &DrawOptions,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    draw_head(talk, audience_view, look.theme, Rect { height: 1, ..area }, frame);
    draw_foot(
        talk,
        audience_view,
        look.theme,
        Rect { y: area.bottom() - 1, height: 1, ..area },
        frame,
    );
    let body = body(area);

    if let Beat::Ask { .. } = audience_view.beat {
        let lines = question_lines(talk, audience_view, columns(body), look.theme);
        frame.render_widget(Paragraph::new(lines), inset(body));
        return;
    }

    let panes = talk.panes_for(audience_view);
    if let (true, Some(pane)) = (audience_view.zoomed, panes.first()) {
        draw_pane(talk, audience_view, *pane, look.theme, body, frame);
        return;
    }

    let words = words(talk, audience_view, columns(body), look.theme);
    let shares = Shares::of(talk, audience_view, &words, &panes, body.height);
    // With rows to spare, words stand apart.
    let gap = u16::from(body.height >= 18);
    let mut y = body.y + gap;
    for lines in [words.above, words.command] {
        if !lines.is_empty() {
            let height = (lines.len() as u16).min(body.bottom().saturating_sub(y));
            frame.render_widget(Paragraph::new(lines), inset(Rect { y, height, ..body }));
            y += height + 1;
        }
    }
    if shares.printed > 0 {
        // Right below the command, as in a shell.
        let place = inset(Rect { y: y - 1, height: shares.printed, ..body });
        frame.render_widget(
            Paragraph::new(printed_lines(talk, shares.printed, columns(body), look.theme)),
            place,
        );
        y += shares.printed;
    }
    if shares.pane > 0 {
        draw_panes(
            talk,
            audience_view,
            &panes,
            look.theme,
            Rect { y, height: shares.pane, ..body },
            frame,
        );
        y += shares.pane + gap;
    }

    let height = (words.below.len() as u16).min(body.bottom().saturating_sub(y));
    frame.render_widget(Paragraph::new(words.below), inset(Rect { y, height, ..body }));
}

/// Rows for what the words of a beat leave room for.
#[derive(Debug, Default)]
struct Shares {
    printed: u16,
    /// With its frame.
    pane: u16,
}

impl Shares {
    fn of(
        talk: &Talk,
        audience_view: &AudienceView,
        words: &Words,
        panes: &[ViewKind],
        height: u16,
    ) -> Shares {
        let room = height.saturating_sub(words.rows() as u16);
        let first = panes.first().map_or(&[][..], |pane| talk.rows(*pane));
        let rows = first.len() as u16;
        let has_chart = first.iter().any(|row| row.kind == RowKind::Chart);
        let most = if has_chart { MAX_OUTPUT_ROWS_WITH_CHART } else { MAX_PANE_ROWS };
        let printed = if audience_view.is_showing_outcome() {
            most.min(talk.printed().len() as u16)
        } else {
            0
        };

        // A pane keeps its height where it is alone, so that it does not jump from beat to beat.
        let wanted = match rows {
            0 if audience_view.pane.is_none() => 0,
            rows if has_chart => rows.min(MAX_CHART_ROWS) + 2,
            _ if printed == 0 => MAX_PANE_ROWS + 2,
            rows => rows.clamp(1, MAX_PANE_ROWS) + 2,
        };

        let is_telling = audience_view.pane.is_some()
            || printed == 0
            || panes.first().is_some_and(|pane| talk.has_changes(*pane));
        let left = room.saturating_sub(printed);
        // What changed takes rows from what was printed; how things stand anyway takes what that leaves.
        let pane = if is_telling {
            wanted.min(left.max(MIN_PANE_ROWS)).min(room)
        } else {
            wanted.min(left)
        };
        let pane = if pane < MIN_PANE_ROWS.min(wanted) { 0 } else { pane };

        Shares { printed: printed.min(room.saturating_sub(pane)), pane }
    }
}

impl Words {
    /// With the empty row after each part.
    fn rows(&self) -> usize {
        [&self.above, &self.command, &self.below]
            .iter()
            .filter(|part| !part.is_empty())
            .map(|part| part.len() + 1)
            .sum()
    }
}

fn printed_lines(talk: &Talk, rows: u16, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let all = talk.printed();
    let rows = usize::from(rows);
    let kept = if all.len() > rows { rows.saturating_sub(1) } else { rows };
    let mut lines: Vec<Line<'static>> = all
        .iter()
        .take(kept)
        .map(|row| Line::styled(shortened(&row.text, columns), theme.row_style(row.kind)))
        .collect();
    if all.len() > kept {
        lines.push(Line::styled(format!("... {} lines more", all.len() - kept), theme.dim()));
    }
    lines
}

/// The part that does not fit this screen, in words; None where all does.
pub fn overflow_text(
    talk: &Talk,
    audience_view: &AudienceView,
    theme: Theme,
    columns: u16,
    rows: u16,
) -> Option<String> {
    let body = body(Rect::new(0, 0, columns, rows));
    let width = self::columns(body);

    let (needed, what) = match audience_view.beat {
        Beat::Ask { .. } => {
            (question_lines(talk, audience_view, width, theme).len(), "the question")
        }
        Beat::Tell { .. } | Beat::Show { .. } | Beat::WhatIf { .. } => {
            let words = words(talk, audience_view, width, theme);
            let has_run =
                audience_view.is_showing_outcome() && talk.record(audience_view.beat).is_some();
            // Room to show something in.
            let evidence = if has_run { usize::from(MIN_PANE_ROWS) } else { 0 };
            (words.rows() + evidence, "what is said and shown")
        }
    };

    let room = usize::from(body.height);
    (needed > room).then(|| format!("{what} takes {needed} rows, there are {room}"))
}

fn body(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area }
}

/// For words.
fn columns(body: Rect) -> usize {
    usize::from(body.width.saturating_sub(2 * MARGIN))
}

fn inset(area: Rect) -> Rect {
    Rect { x: area.x + MARGIN, width: area.width.saturating_sub(2 * MARGIN), ..area }
}

fn draw_head(
    talk: &Talk,
    audience_view: &AudienceView,
    theme: Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let step = talk.step(audience_view.beat);
    let right = format!("{} / {} ", audience_view.beat.step() + 1, talk.view.lesson.steps.len());
    let room = usize::from(area.width).saturating_sub(right.len() + 1);
    let title = step.map_or_else(String::new, |step| prose(&step.title));

    let line = Line::from(vec![
        Span::styled(format!(" {}", padded(&title, room)), theme.bold()),
        Span::styled(right, theme.dim()),
    ]);
    frame.render_widget(Paragraph::new(line), area);
}

/// Draw the last row: the tape that the picture is of, keys, the seconds a question stands, how far the lesson is.
fn draw_foot(
    talk: &Talk,
    audience_view: &AudienceView,
    theme: Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    const BAR: usize = 12;
    let count = talk.view.lesson.steps.len();
    let filled = (talk.view.played_steps() * BAR).checked_div(count).unwrap_or(0).min(BAR);
    let bar = format!("[{}{}] ", "#".repeat(filled), "-".repeat(BAR - filled));
    let keys = audience_view
        .keys
        .as_deref()
        .filter(|key| !key.is_empty())
        .map(|key| format!("keys: [{}]", safe(key)));
    let waits = matches!(audience_view.beat, Beat::Ask { .. }) && !audience_view.revealed;
    let time = waits.then(|| format!("{} s", talk.time_on_beat.as_secs()));
    let tape = talk.view.tape.as_ref().map(|origin| format!("TAPE {}", safe(origin)));
    let said: Vec<String> = [tape, keys, time].into_iter().flatten().collect();

    let left = padded(
        &format!(" {}", said.join("   ")),
        usize::from(area.width).saturating_sub(bar.len()),
    );
    frame.render_widget(Paragraph::new(Line::styled(left + &bar, theme.dim())), area);
}

fn words(talk: &Talk, audience_view: &AudienceView, columns: usize, theme: Theme) -> Words {
    let Some(step) = talk.step(audience_view.beat) else {
        return Words { above: Vec::new(), command: Vec::new(), below: Vec::new() };
    };
    let commands = commands(talk, &step, columns, theme);

    let said = |own: &str, story: &str| {
        let text = match audience_view.beat {
            // It is short, and its first sentence alone says too little.
            Beat::WhatIf { .. } => first_paragraph(story).to_owned(),
            Beat::Tell { .. } | Beat::Ask { .. } | Beat::Show { .. } if own.is_empty() => {
                audience_sentence(story)
            }
            Beat::Tell { .. } | Beat::Ask { .. } | Beat::Show { .. } => own.to_owned(),
        };
        markdown::lines(&text, columns, theme)
    };

    if !audience_view.is_showing_outcome() {
        // How a repair is made is for the room to find.
        let command = if step.breaks.is_empty() { commands.concat() } else { Vec::new() };
        return Words { above: said(&step.say, &step.story), command, below: Vec::new() };
    }

    let record = talk.record(audience_view.beat);
    let below = match record.and_then(|record| skip_reason(record)) {
        Some(why) => wrapped(&safe(&why), columns).into_iter().map(Line::from).collect(),
        None if record.is_none_or(|record| record.is_ok()) => said(&step.callout, &step.after),
        None => said("", &words::came_of_step(record.map(|record| &**record), &step.after)),
    };
    let bold = below.into_iter().map(|line: Line<'static>| line.style(theme.bold()));
    Words { above: Vec::new(), command: last_commands(commands, theme), below: bold.collect() }
}

/// As typed into a shell, command by command.
fn commands(talk: &Talk, step: &Step, columns: usize, theme: Theme) -> Vec<Vec<Line<'static>>> {
    let wrapped_lines = talk.prompt_lines(step).into_iter().map(|line| {
        let rows = wrapped(&safe(&line), columns.saturating_sub(4)).into_iter().enumerate();
        rows.map(|(row, text)| {
            Line::styled(if row == 0 { text } else { format!("    {text}") }, theme.code())
        })
        .collect()
    });
    wrapped_lines.collect()
}

/// The last ones, with what was left out as three dots.
fn last_commands(all: Vec<Vec<Line<'static>>>, theme: Theme) -> Vec<Line<'static>> {
    let count = all.len();
    let mut kept: Vec<Vec<Line<'static>>> = Vec::new();
    let mut rows = 0;
    for command in all.into_iter().rev() {
        if !kept.is_empty() && rows + command.len() > MAX_REPEATED_COMMAND_LINES {
            break;
        }
        rows += command.len();
        kept.push(command);
    }

    let dots = Line::styled("...", theme.dim());
    let mut lines: Vec<Line<'static>> =
        if kept.len() < count { vec![dots.clone()] } else { Vec::new() };
    lines.extend(kept.into_iter().rev().flatten());

    if lines.len() > MAX_REPEATED_COMMAND_LINES + 1 {
        lines.truncate(MAX_REPEATED_COMMAND_LINES);
        lines.push(dots);
    }

    lines
}

fn question_lines(
    talk: &Talk,
    audience_view: &AudienceView,
    columns: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let Some(question) = audience_view.beat.question(&talk.view.lesson) else { return Vec::new() };
    let mut lines = vec![Line::default()];
    lines.extend(
        markdown::lines(&question.ask, columns, theme)
            .into_iter()
            .map(|line| line.style(theme.bold())),
    );
    lines.push(Line::default());
    lines.extend(option_lines(talk, audience_view, question, columns, theme));

    if !audience_view.revealed {
        return lines;
    }

    if let (Some(grade), QuestionKind::Value(_) | QuestionKind::Order(_)) =
        (talk.right_answer(audience_view.beat), &question.kind)
    {
        lines.extend(
            wrapped(&safe(&grade.right), columns)
                .into_iter()
                .map(|text| Line::styled(text, theme.good())),
        );
    }
    lines.push(Line::default());
    lines.extend(markdown::lines(&question.explain, columns, theme));
    lines
}

fn option_lines(
    talk: &Talk,
    audience_view: &AudienceView,
    question: &Question,
    columns: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let options = question.options();
    let right =
        if audience_view.revealed { talk.right_options(audience_view.beat) } else { Vec::new() };

    let mut lines = Vec::new();
    for (place, option) in question.shown_order(None).into_iter().enumerate() {
        let is_right = right.get(option) == Some(&true);
        let letter = char::from(b'a' + (place % 26) as u8);
        let sign = if is_right { '*' } else { ' ' };
        let end = if is_right { "   RIGHT" } else { "" };
        let text = format!("{}{end}", safe(options[option]));
        for (row, part) in wrapped(&text, columns.saturating_sub(6)).into_iter().enumerate() {
            let before = if row == 0 { format!("{sign} {letter}   ") } else { "      ".into() };
            let line = Line::from(format!("{before}{part}"));
            lines.push(if is_right { line.style(theme.good()) } else { line });
        }
    }

    lines
}

fn draw_panes(
    talk: &Talk,
    audience_view: &AudienceView,
    panes: &[ViewKind],
    theme: Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    match panes {
        [] => {}
        [first, second, ..]
            if area.width >= MIN_COLUMNS_FOR_TWO_PANES
                && audience_view.pane.is_none()
                && second.is_state() =>
        {
            let half = area.width / 2;
            draw_pane(talk, audience_view, *first, theme, Rect { width: half, ..area }, frame);
            let rest = Rect { x: area.x + half, width: area.width - half, ..area };
            draw_pane(
                talk,
                &AudienceView { marked: None, top: 0, ..audience_view.clone() },
                *second,
                theme,
                rest,
                frame,
            );
        }
        [first, ..] => draw_pane(talk, audience_view, *first, theme, area, frame),
    }
}

fn draw_pane(
    talk: &Talk,
    audience_view: &AudienceView,
    view: ViewKind,
    theme: Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let rows = talk.rows(view);
    let changes = rows.iter().filter(|row| row.mark.is_change()).count();
    let right = if changes > 0 { " what changed ".to_owned() } else { String::new() };

    let block = frame_block(format!(" {} ", view.title()), right, FrameFocus::Unfocused, theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);

    let height = usize::from(inner.height);
    // A marked row is in sight.
    let wanted =
        audience_view.marked.map_or(audience_view.top, |row| row.saturating_sub(height / 2));
    let top = wanted.min(rows.len().saturating_sub(height));
    let lines: Vec<Line<'_>> = rows
        .iter()
        .enumerate()
        .skip(top)
        .take(height)
        .map(|(index, row)| {
            pane_line(row, audience_view.marked == Some(index), usize::from(inner.width), theme)
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);

    let hidden = rows.len().saturating_sub(top + height);
    if hidden > 0 && area.width > 14 {
        let more = format!(" +{hidden} more ");
        let place = Rect {
            x: area.right() - more.len() as u16 - 1,
            y: area.bottom() - 1,
            width: more.len() as u16,
            height: 1,
        };
        frame.render_widget(Paragraph::new(more).style(theme.dim()), place);
    }
}

fn pane_line<'a>(row: &'a PaneRow, is_marked: bool, columns: usize, theme: Theme) -> Line<'a> {
    let indent = if row.kind == RowKind::Heading { "" } else { " " };
    let end = if is_marked { " <==" } else { "" };
    let text = shortened(&row.text, columns.saturating_sub(4 + end.len()));
    let style =
        if row.mark.is_change() { theme.change_style(row.mark) } else { theme.row_style(row.kind) };
    let line = Line::from(vec![
        Span::styled(format!(" {}{indent}", row.mark.sign()), theme.change_style(row.mark)),
        Span::styled(text, style),
        Span::styled(end, theme.bold()),
    ]);
    if is_marked { line.style(theme.selected()) } else { line }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::quiz::{QuestionPlace, QuizView};
    use crate::export::answered_question::AnsweredQuestion;
    use crate::lesson::catalogue;
    use crate::tape::{embedded, file};

    #[test]
    fn a_question_has_one_order_for_the_learner_the_handout_and_the_wall() {
        let lesson = Arc::new(catalogue::find_lesson("what-is-a-container").expect("the lesson"));
        let bytes =
            embedded::all_tapes().find(|(_, header)| header.lesson == lesson.id).expect("a tape").0;
        let tape = file::read(bytes).expect("a tape");
        let talk = Talk::fully_played(Arc::clone(&lesson), Some(&tape));
        let theme = Theme::without_colors().in_ascii();

        let mut to_order = 0;
        for (step, own) in lesson.steps.iter().enumerate() {
            for (index, question) in own.quiz.iter().enumerate() {
                let options = question.options();
                let asked = AnsweredQuestion::new(1, index, question, &tape.records[step]);
                let handout: Vec<&str> = asked.options.iter().map(|option| option.say).collect();

                let mut quiz = QuizView::in_lesson(vec![QuestionPlace { step, index }]);
                quiz.prepare_question(&lesson);
                let learner: Vec<&str> = quiz.shown.iter().map(|place| options[*place]).collect();
                assert_eq!(handout, learner, "{}", question.id);

                let audience_view =
                    AudienceView::new().at_beat(Beat::Ask { step, question: index });
                let lines = option_lines(&talk, &audience_view, question, 1000, theme);
                let wall: Vec<String> = lines.iter().map(ToString::to_string).collect();
                assert_eq!(wall.len(), learner.len(), "{wall:#?}");
                for (line, option) in wall.iter().zip(&learner) {
                    assert!(line.ends_with(&safe(option)), "{}: {wall:#?}", question.id);
                }

                to_order += usize::from(matches!(question.kind, QuestionKind::Order(_)));
            }
        }
        assert!(to_order > 0, "the lesson has nothing to put in order");
    }
}
