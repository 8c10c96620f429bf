//! The words of a step: its story, what will be done, what came of it.

use ratatui::text::{Line, Span};

use super::Look;
use super::markdown;
use super::theme::Theme;
use crate::app::{Beside, LessonView, Phase, Position};
use crate::call::Call;
use crate::failure;
use crate::op::{OpRecord, Outcome};
use crate::report::{StepRecord, StepStatus, Verdict};
use crate::text::{one_line, safe, shortened};

/// The step has run, and its outcome is what the screen shows.
fn shown_record(view: &LessonView) -> Option<&StepRecord> {
    match view.position {
        Position::Recorded(step) => view.record(step).map(AsRef::as_ref),
        Position::Live if view.reviewing => view.last_record().map(AsRef::as_ref),
        Position::Live => None,
    }
}

/// Before a step: its story. After it: what to see, what was expected, then the story again.
pub fn story(view: &LessonView, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let Some(step) = view.step() else { return Vec::new() };
    let mut lines = Vec::new();
    if let Some(record) = shown_record(view) {
        lines.extend(markdown::lines(&step.after, columns, theme));
        if let StepStatus::Skipped { why, cure } = &record.status {
            lines.push(Line::styled(format!("Left out here: {}", one_line(why)), theme.bad()));
            lines.extend(markdown::lines(&format!("To change that: {}", one_line(cure)), columns, theme));
        }
        lines.push(Line::default());
        lines.extend(record.verdicts.iter().flat_map(|verdict| verdict_lines(verdict, columns, theme)));
        lines.push(Line::default());
        lines.push(Line::styled("What the step was about:", theme.dim()));
    }
    lines.extend(markdown::lines(&step.story, columns, theme));
    lines
}

fn verdict_lines(verdict: &Verdict, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let (word, style) = if verdict.ok { ("ok ", theme.good()) } else { ("NO ", theme.bad()) };
    let text = shortened(&safe(&verdict.expected), columns.saturating_sub(3));
    let mut lines = vec![Line::from(vec![Span::styled(word, style), Span::raw(text)])];
    if !verdict.ok {
        let seen = format!("   the kernel shows: {}", safe(&verdict.seen));
        lines.push(Line::from(shortened(&seen, columns)));
    }
    lines
}

/// The action panel: what Enter will do, or what it did; or docker's words for it.
pub fn action(view: &LessonView, columns: usize, look: &Look) -> Vec<Line<'static>> {
    let Some(step) = view.step() else { return Vec::new() };
    let theme = look.theme;
    match view.beside {
        Beside::Docker => return code("docker: ", &step.docker, look),
        Beside::Oci if step.oci.trim().is_empty() => {
            return vec![Line::styled("config.json of the OCI runtime spec has no field for this", theme.dim())];
        }
        Beside::Oci => return code("", &step.oci, look),
        Beside::Notes => return markdown::lines(&step.notes, columns, theme),
        Beside::Shell => {}
    }
    if let Phase::Failed { message } = &view.phase {
        return vec![
            Line::styled(shortened(&safe(message), columns), theme.bad()),
            Line::from("R starts the lesson anew in a fresh lab."),
        ];
    }
    match shown_record(view) {
        Some(record) => done(record, columns, theme),
        None => to_do(view, look),
    }
}

/// Each action: who, the line for a shell, the failure that is meant, what must hold before.
fn to_do(view: &LessonView, look: &Look) -> Vec<Line<'static>> {
    let theme = look.theme;
    let context = view.context();
    let mut lines = Vec::new();
    let Some(step) = view.step() else { return lines };
    let checks = view.ready.as_ref().map(|ready| ready.checks.as_slice()).unwrap_or_default();
    for (index, entry) in step.actions.iter().enumerate() {
        for text in entry.action.shell(&context) {
            let mut spans = vec![Span::styled(format!("{}# ", entry.actor), theme.dim())];
            spans.extend(code_spans(&text, look));
            lines.push(Line::from(spans));
        }
        if let Some(errno) = &entry.fails {
            let text = format!("  will fail with {errno}: that is the point");
            lines.push(Line::styled(text, theme.bold()));
        }
        let unmet = checks.get(index).into_iter().flatten();
        for check in unmet {
            let (word, style) = if check.ok { ("yes", theme.good()) } else { ("no", theme.bad()) };
            lines.push(Line::from(vec![
                Span::styled(format!("  needs: {} ", safe(&check.text)), theme.dim()),
                Span::styled(format!("({word})"), style),
            ]));
        }
    }
    lines
}

/// The last call of each op, with its result.
fn done(record: &StepRecord, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for op in &record.ops {
        lines.extend(op_lines(op, columns, theme));
    }
    lines
}

fn op_lines(op: &OpRecord, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    const FEW: usize = 3;
    let telling = op.calls.iter().rev().find(|call| !call.result.is_ok()).or(op.calls.last());
    let shown: Vec<&Call> =
        if op.calls.len() <= FEW { op.calls.iter().collect() } else { telling.into_iter().collect() };
    for call in shown {
        let style = if op.outcome.is_ok() { theme.code() } else { theme.bad() };
        let actor = format!("{}: ", op.actor);
        let text = shortened(&safe(&call.to_string()), columns.saturating_sub(actor.len()));
        lines.push(Line::from(vec![Span::styled(actor, theme.dim()), Span::styled(text, style)]));
    }
    match &op.outcome {
        Outcome::Failed { errno, .. } => {
            if let Some(meaning) = failure::explain(&op.op, errno) {
                lines.push(Line::from(shortened(&format!("  {errno}: {meaning}"), columns)));
            }
        }
        Outcome::Done { output } | Outcome::Exited { output, .. } => {
            lines.extend(
                output.lines().take(8).map(|line| Line::from(shortened(&format!("  > {}", safe(line)), columns))),
            );
        }
    }
    lines
}

fn code(before: &str, text: &str, look: &Look) -> Vec<Line<'static>> {
    text.lines()
        .enumerate()
        .map(|(index, line)| {
            let mut spans =
                vec![Span::styled(if index == 0 { before.to_owned() } else { String::new() }, look.theme.dim())];
            spans.extend(code_spans(line, look));
            Line::from(spans)
        })
        .collect()
}

/// Highlighted where it already is.
fn code_spans(line: &str, look: &Look) -> Vec<Span<'static>> {
    match look.highlighted.get(line) {
        Some(pieces) => pieces.iter().map(|(token, text)| Span::styled(safe(text), look.theme.token(*token))).collect(),
        None => vec![Span::raw(safe(line))],
    }
}
