//! The words of a step: its story, what will be done, what came of it.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::DrawOptions;
use super::markdown;
use super::theme::Theme;
use crate::app::keymap::keys;
use crate::app::{Beside, LessonScene, LessonView, Phase};
use crate::call::Call;
use crate::engine::TurnState;
use crate::failure;
use crate::lesson::expect::verdict::Verdict;
use crate::lesson::model::Step;
use crate::op::{OpRecord, Outcome};
use crate::report::{StepRecord, StepStatus};
use crate::text::{one_line, prose, safe, shortened, wrapped};
use crate::words;

/// Before a step: its story. After it: what to see, what was expected, then the story again. In the learner's turn:
/// what is to become true, then the story.
pub fn story_panel(view: &LessonView, columns: usize, look: &DrawOptions) -> Vec<Line<'static>> {
    let theme = look.theme;
    let Some(step) = view.step() else { return Vec::new() };
    let (story, after) = match view.branch() {
        Some(branch) => (&branch.story, &branch.after),
        None => (&step.story, &step.after),
    };

    let mut lines = detour_lines(view, columns, theme);
    lines.extend((!lines.is_empty()).then(Line::default));
    let is_doing = view.scene() == LessonScene::YourTurn && view.is_live();
    if let Some(turn) = view.learning.turn.as_ref().filter(|_| is_doing) {
        lines.extend(goals(view, step, turn, columns, look));
        lines.push(Line::default());
    } else if let Some(record) = view.shown_record() {
        match &record.status {
            StepStatus::Skipped { why, cure } => {
                lines.push(Line::styled(
                    format!("Not possible here: {}", one_line(&words::blocker(why))),
                    theme.bad(),
                ));
                lines.extend(markdown::lines(
                    &format!("To change that: {}", one_line(&words::cure(cure))),
                    columns,
                    theme,
                ));
            }
            StepStatus::LeftOut => {
                let text = "You left this step out. What it would have made true:";
                lines.extend(markdown::lines(text, columns, theme));
            }
            StepStatus::Typed => {
                lines.push(Line::styled("You did this step yourself.", theme.good()))
            }
            StepStatus::Played => {}
        }
        lines.extend(markdown::lines(&words::came_of_step(Some(record), after), columns, theme));
        lines.push(Line::default());
        // What was never tried has not failed.
        let unmet = if record.status == StepStatus::LeftOut { "not yet " } else { "failed " };
        lines.extend(
            record
                .verdicts
                .iter()
                .flat_map(|verdict| verdict_lines(verdict, unmet, columns, theme)),
        );
        lines.push(Line::default());
        lines.push(Line::styled("What the step was about:", theme.dim()));
    }

    lines.extend(markdown::lines(story, columns, theme));
    if !view.is_in_branch() && !step.branches.is_empty() {
        lines.push(Line::default());
        lines.extend(step.branches.iter().map(|branch| {
            Line::styled(
                shortened(&format!("{}: {}", keys::lesson::WHAT_IF, prose(&branch.title)), columns),
                theme.bold(),
            )
        }));
    }

    if view.has_question() {
        let what = if view.can_run() { "predict what it will do" } else { "check yourself" };
        let text = format!("{}: {what}", keys::lesson::CHECK_YOURSELF);
        lines.push(Line::styled(text, theme.bold()));
    }

    lines
}

/// The detour that the lab is on, and the key that mends it.
pub(super) fn detour_lines(view: &LessonView, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let Some(detour) = view.detour() else { return Vec::new() };
    let text = words::detour::detour(detour, view.way_out().as_ref());
    let said = wrapped(&safe(&text), columns).into_iter();
    said.map(|line| Line::styled(line, theme.bad())).collect()
}

/// The learner's goals: ticked as they come true, with what the kernel shows for the first that has not, and a hint.
fn goals(
    view: &LessonView,
    step: &Step,
    turn: &TurnState,
    columns: usize,
    look: &DrawOptions,
) -> Vec<Line<'static>> {
    let theme = look.theme;
    let heading = if turn.is_fulfilled() {
        "Done: all of this holds."
    } else {
        "Make this true, by any means:"
    };
    let mut lines = vec![Line::styled(heading, theme.bold())];

    let open = view.learning.first_unmet_goal();
    for (index, (verdict, earned)) in turn.verdicts.iter().zip(&turn.earned).enumerate() {
        let (sign, style) = match (verdict.ok, earned) {
            (true, _) => ("[x] ", theme.good()),
            (false, true) => ("[~] ", theme.bad()),
            (false, false) => ("[ ] ", theme.bold()),
        };

        let room = columns.saturating_sub(4);
        lines.extend(
            wrapped(&safe(&words::expected(&verdict.expected)), room).into_iter().enumerate().map(
                |(row, text)| {
                    let before =
                        if row == 0 { Span::styled(sign, style) } else { Span::raw("    ") };
                    Line::from(vec![before, Span::raw(text)])
                },
            ),
        );

        if !verdict.ok {
            let place = verdict
                .pane
                .map_or(String::new(), |pane| format!(" ({} {})", pane.number(), pane.title()));
            let was = if *earned { "it was true; now: " } else { "now: " };
            let seen = wrapped(&format!("{was}{}{place}", safe(&words::seen(&verdict.seen))), room);
            lines.extend(
                seen.into_iter().map(|text| Line::styled(format!("    {text}"), theme.dim())),
            );
        }
        if open == Some(index) {
            lines.extend(hint_lines(view, step, columns, look));
        }
    }

    lines
}

fn hint_lines(
    view: &LessonView,
    step: &Step,
    columns: usize,
    look: &DrawOptions,
) -> Vec<Line<'static>> {
    let Some(shown) = view.learning.shown_hint(step) else { return Vec::new() };
    let mut lines = Vec::new();
    if let Some(hint) = shown.hint {
        lines.extend(markdown::lines(&format!("Hint: {}", hint.nudge), columns, look.theme));
        if shown.stage >= 2 {
            lines.extend(markdown::lines(&format!("Read: {}", hint.man), columns, look.theme));
        }
    }

    if shown.stage >= 3 {
        let context = view.lab_facts();
        lines.push(Line::styled("The step would do:", look.theme.dim()));
        for entry in &step.actions {
            for text in entry.action.shell(&context) {
                let mut spans = vec![Span::styled(
                    format!("  {}# ", safe(entry.actor.as_str())),
                    look.theme.dim(),
                )];
                spans.extend(code_spans(&text, look));
                lines.push(Line::from(spans));
            }
        }
    } else {
        lines.push(Line::styled(format!("{}: more", keys::lesson::HINT), look.theme.dim()));
    }

    lines
}

/// The lines of a verdict, with `unmet` as the word for one that does not hold.
fn verdict_lines(
    verdict: &Verdict,
    unmet: &'static str,
    columns: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let (word, style) = match verdict.ok {
        true => ("ok ", theme.good()),
        false if verdict.is_unjudged() => ("unsure ", theme.bold()),
        false => (unmet, theme.bad()),
    };
    let room = columns.saturating_sub(word.len());
    let indent = " ".repeat(word.len());

    let mut lines: Vec<Line<'static>> = wrapped(&safe(&words::expected(&verdict.expected)), room)
        .into_iter()
        .enumerate()
        .map(|(row, text)| {
            let before =
                if row == 0 { Span::styled(word, style) } else { Span::raw(indent.clone()) };
            Line::from(vec![before, Span::raw(text)])
        })
        .collect();

    if !verdict.ok {
        let seen =
            wrapped(&format!("the kernel shows: {}", safe(&words::seen(&verdict.seen))), room);
        lines.extend(seen.into_iter().map(|text| Line::from(format!("{indent}{text}"))));
    }
    lines
}

/// The action panel: what will be done, or what was; or docker's words for it.
pub fn action_panel(view: &LessonView, columns: usize, look: &DrawOptions) -> Vec<Line<'static>> {
    let Some(step) = view.step() else { return Vec::new() };
    let theme = look.theme;
    match view.story.beside {
        Beside::Docker => return code("docker: ", &step.docker, look),
        Beside::Oci if step.oci.trim().is_empty() => {
            return vec![Line::styled(
                "config.json of the OCI runtime spec has no field for this",
                theme.dim(),
            )];
        }
        Beside::Oci => return code("", &step.oci, look),
        Beside::Notes => return markdown::lines(&step.notes, columns, theme),
        Beside::Shell => {}
    }

    let (restart, rewind) = (keys::lesson::RESTART, keys::lesson::REWIND);
    if let Phase::Failed { message } = &view.lab.phase {
        let mut way_out = format!("{restart} starts the lesson again in a new lab.");
        if view.can_see_tape() {
            let tape = keys::lesson::SEE_TAPE;
            way_out = format!("{tape} plays the lesson's tape. {way_out}");
        }
        return said(message, theme.bad(), way_out, columns);
    }
    if let Some(awaited) = &view.lab.awaited {
        let way_out = format!(
            "{restart} starts the lesson again in a new lab, {rewind} rewinds; neither waits for it."
        );
        return said(&awaited.to_string(), theme.bold(), way_out, columns);
    }

    if view.scene() == LessonScene::YourTurn {
        return markdown::lines(&turn_text(), columns, theme);
    }

    let note = view.note_on_tape().map(|note| wrapped(&words::notice(note), columns));
    let note = note.into_iter().flatten().map(|line| Line::styled(line, theme.bold()));
    let lines = match view.shown_record() {
        Some(record) => done(record, columns, theme),
        None if view.is_repair() => {
            let text = "Something in the lab will be broken. Find it in the panes, and mend it in a shell.";
            markdown::lines(text, columns, theme)
        }
        None if view.keeps_command_back() => markdown::lines(&kept_back_text(view), columns, theme),
        None => to_do(view, look),
    };
    note.chain(lines).collect()
}

/// The words in the place of the next command, where the learner is to find it.
fn kept_back_text(view: &LessonView) -> String {
    let (run, turn) = (keys::lesson::RUN, keys::lesson::YOUR_TURN);
    if view.has_goals() {
        let hint = keys::lesson::HINT;
        return format!(
            "This step is yours to type. `{run}` says what is to become true; then `{hint}` gives hints, and \
             `{turn}` shows the command."
        );
    }
    format!(
        "Only the lesson's own program can do this step: what it measures is the point. `{run}` runs it."
    )
}

/// The words for the learner's turn.
fn turn_text() -> String {
    let (shell, shells) = (keys::lesson::SHELL, keys::lesson::SHELLS);
    let (run, turn) = (keys::lesson::RUN, keys::lesson::YOUR_TURN);
    format!(
        "Type in a shell (`{shell}`; `{shells}` for another one), with whatever program you like. The kernel judges.\n\n\
         `{run}` goes on once all of it holds, or shows the step. `{turn}` ends your turn."
    )
}

/// A message in full, and the way out.
fn said(message: &str, style: Style, way_out: String, columns: usize) -> Vec<Line<'static>> {
    let message =
        wrapped(&safe(message), columns).into_iter().map(|line| Line::styled(line, style));
    message.chain([Line::from(way_out)]).collect()
}

/// Each action: who, the line for a shell, the failure that is meant, what must hold before.
fn to_do(view: &LessonView, look: &DrawOptions) -> Vec<Line<'static>> {
    let theme = look.theme;
    let context = view.lab_facts();
    let mut lines = Vec::new();
    let Some(step) = view.step() else { return lines };
    let checks = view.lab.checks();

    for (index, entry) in step.actions.iter().enumerate() {
        for text in entry.action.shell(&context) {
            let mut spans =
                vec![Span::styled(format!("{}# ", safe(entry.actor.as_str())), theme.dim())];
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
                Span::styled(
                    format!("  needs: {} ", safe(&words::precondition(&check.condition))),
                    theme.dim(),
                ),
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
    const MAX_CALLS: usize = 3;
    let telling = op.calls.iter().rev().find(|call| !call.result.is_ok()).or(op.calls.last());
    let shown: Vec<&Call> = if op.calls.len() <= MAX_CALLS {
        op.calls.iter().collect()
    } else {
        telling.into_iter().collect()
    };

    for call in shown {
        let style = if op.outcome.is_ok() { theme.code() } else { theme.bad() };
        let actor = format!("{}: ", safe(op.actor.as_str()));
        let text = shortened(&safe(&call.to_string()), columns.saturating_sub(actor.len()));
        lines.push(Line::from(vec![Span::styled(actor, theme.dim()), Span::styled(text, style)]));
    }

    match &op.outcome {
        Outcome::Failed { errno, .. } => {
            if let Some(meaning) = failure::explain(&op.op, errno) {
                lines.push(Line::from(shortened(&safe(&format!("  {errno}: {meaning}")), columns)));
            }
        }
        Outcome::Done { output } | Outcome::Exited { output, .. } => {
            lines.extend(
                output
                    .lines()
                    .take(8)
                    .map(|line| Line::from(shortened(&format!("  > {}", safe(line)), columns))),
            );
        }
    }
    lines
}

fn code(before: &str, text: &str, look: &DrawOptions) -> Vec<Line<'static>> {
    text.lines()
        .enumerate()
        .map(|(index, line)| {
            let mut spans = vec![Span::styled(
                if index == 0 { before.to_owned() } else { String::new() },
                look.theme.dim(),
            )];
            spans.extend(code_spans(line, look));
            Line::from(spans)
        })
        .collect()
}

/// Highlighted where it already is.
fn code_spans(line: &str, look: &DrawOptions) -> Vec<Span<'static>> {
    match look.highlighted.get(line) {
        Some(pieces) => pieces
            .iter()
            .map(|(token, text)| Span::styled(safe(text), look.theme.token_style(*token)))
            .collect(),
        None => vec![Span::raw(safe(line))],
    }
}
