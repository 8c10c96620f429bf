//! The student screen. Three zones, always in this order: the step that is told, the lab that is seen, and at the foot the
//! shell in which something is done. Rules part them; frames are the map's.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::step_text::FirstPart;
use super::theme::Theme;
use super::{DrawOptions, head, pane, quiz, stage, step, tell, terminal, title};
use crate::app::shells::{self, ScreenClass, ShellRoom};
use crate::app::{LessonLayout, LessonView};

/// Rows from which on a screen has one for a rule below the title.
const WITH_TITLE_RULE: u16 = 30;

pub fn draw(view: &LessonView, look: &DrawOptions, area: Rect, frame: &mut Frame<'_>) {
    let [head, body] = head::with_head(area);
    title::draw(view, look, head, frame);

    let screen = (frame.area().width, frame.area().height);
    let class = ScreenClass::of_width(screen.0);
    let shell =
        shells::shell_area(screen, ShellRoom::of_zoom(view.panes.is_zoomed)).intersection(body);
    let body = below_title(look.theme, body, frame);
    let above = Rect { height: shell.y.saturating_sub(body.y), ..body };

    match view.layout() {
        LessonLayout::Shell => terminal::draw(frame, shell, view, look),
        LessonLayout::Pane => {
            let rest = draw_detour(view, look, body, frame);
            pane::draw(frame, rest, view, view.panes.focus, look);
        }
        LessonLayout::Question { with_shell: false } => {
            let rest = draw_detour(view, look, body, frame);
            draw_zones(view, look, Zones::of_question(view, look, class, rest), frame);
        }
        LessonLayout::Question { with_shell: true } => {
            draw_zones(view, look, Zones::of_question(view, look, class, above), frame);
            terminal::draw(frame, shell, view, look);
        }
        LessonLayout::StepWithShell => {
            draw_zones(view, look, Zones::above_shell(class, above), frame);
            terminal::draw(frame, shell, view, look);
        }
        LessonLayout::Step => draw_zones(view, look, Zones::of_step(class, body), frame),
    }
}

/// A rule below the title, where there is room. Returns the rest.
fn below_title(theme: Theme, body: Rect, frame: &mut Frame<'_>) -> Rect {
    if frame.area().height < WITH_TITLE_RULE {
        return body;
    }
    let [rule, rest] = head::with_head(body);
    let text = theme.border().horizontal_top.repeat(usize::from(rule.width));
    frame.render_widget(Paragraph::new(Line::styled(text, theme.line())), rule);
    rest
}

/// Above a pane or a question, where the step is not in sight: the detour that the lab is on. Returns the rest.
fn draw_detour(view: &LessonView, look: &DrawOptions, body: Rect, frame: &mut Frame<'_>) -> Rect {
    let lines = step::detour_lines(view, usize::from(body.width), look.theme);
    let height = (lines.len() as u16).min(body.height / 2);
    let [said, rest] =
        Layout::vertical([Constraint::Length(height), Constraint::Min(0)]).areas(body);
    frame.render_widget(Paragraph::new(lines), said);
    rest
}

/// The places of the step, or of a question in its place, and of the lab.
#[derive(Debug, Clone, Copy)]
struct Zones {
    class: ScreenClass,
    first: FirstPart,
    step: Rect,
    lab: Rect,
}

impl Zones {
    fn of_step(class: ScreenClass, body: Rect) -> Zones {
        Zones::with(class, FirstPart::Story, body, body.height / 2)
    }

    /// In one column the step folds to its title and its goals.
    fn above_shell(class: ScreenClass, above: Rect) -> Zones {
        let first = match class {
            ScreenClass::OneColumn => FirstPart::Goals,
            ScreenClass::TwoColumns => FirstPart::Story,
        };
        Zones::with(class, first, above, above.height.div_ceil(2))
    }

    /// Looking is always allowed: a question leaves the lab some rows.
    fn of_question(view: &LessonView, look: &DrawOptions, class: ScreenClass, body: Rect) -> Zones {
        let wanted = quiz::wanted_height(view, body.width, look.theme);
        let most = (body.height * 3 / 5).max(5).min(body.height);
        Zones::with(class, FirstPart::Story, body, wanted.min(most))
    }

    /// Beside each other, or the lab below so many rows of the step.
    fn with(class: ScreenClass, first: FirstPart, body: Rect, rows: u16) -> Zones {
        let (step, lab) = match class {
            ScreenClass::OneColumn => {
                let step = Rect { height: rows, ..body };
                let lab = Rect { y: body.y + rows, height: body.height - rows, ..body };
                (step, lab)
            }
            ScreenClass::TwoColumns => {
                let columns = shells::step_columns(body.width);
                let step = Rect { width: columns, ..body };
                // A blank behind the rule.
                let lab = columns + 2;
                (step, Rect { x: body.x + lab, width: body.width - lab, ..body })
            }
        };
        Zones { class, first, step, lab }
    }
}

fn draw_zones(view: &LessonView, look: &DrawOptions, zones: Zones, frame: &mut Frame<'_>) {
    if view.quiz.is_some() {
        quiz::draw(frame, zones.step, view, look);
    } else {
        tell::draw(view, look, zones.first, zones.step, frame);
    }
    if zones.class == ScreenClass::TwoColumns {
        let rule = Rect { x: zones.step.right(), width: 1, ..zones.step };
        let mark = look.theme.border().vertical_left;
        let lines: Vec<Line<'_>> =
            (0..rule.height).map(|_| Line::styled(mark, look.theme.line())).collect();
        frame.render_widget(Paragraph::new(lines), rule);
    }
    stage::draw(view, look, zones.class, zones.lab, frame);
}
