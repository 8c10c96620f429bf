//! The words of a step: its story, what will be done, what came of it.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::DrawOptions;
use super::by_hand;
use super::code_lines::{action_lines, code, commands, wrapped_code};
use super::expectations::{Sign, goals, verdict_lines};
use super::markdown;
use super::step_text::{FirstPart, StepText};
use super::theme::Theme;
use crate::app::keymap::keys;
use crate::app::pointing::PointTarget;
use crate::app::{Beside, LessonScene, LessonView, Phase};
use crate::call::Call;
use crate::failure;
use crate::lesson::model::Step;
use crate::op::{OpRecord, Outcome};
use crate::report::{StepRecord, StepStatus};
use crate::text::{one_line, prose, safe, shortened, tabs_laid, wrapped};
use crate::view::ViewKind;
use crate::words;

/// The story, the command, what came of it, the author's words on that, the calls; in the learner's turn what is to become
/// true.
pub fn text(view: &LessonView, columns: usize, first: FirstPart, look: &DrawOptions) -> StepText {
    let theme = look.theme;
    let mut text = StepText::default();
    let Some(step) = view.step() else { return text };
    let (story, words) = match view.branch() {
        Some(branch) => (&branch.story, WordsAfter { after: &branch.after, real: "" }),
        None => (&step.story, WordsAfter { after: &step.after, real: &step.real }),
    };

    let detour = detour_lines(view, columns, theme);
    if !detour.is_empty() {
        text.append_now(detour);
    }
    let note = view.note_on_tape().map(|note| wrapped(&words::notice(note), columns));
    let note = note.into_iter().flatten().map(|line| Line::styled(line, theme.bold()));
    text.append(note.collect());

    if !view.is_in_branch()
        && let Some(chapter) = words::chapter_begin(&view.lesson, view.story_step())
    {
        let chapter = wrapped(&prose(&chapter), columns).into_iter();
        text.append(chapter.map(|line| Line::styled(line, theme.bold())).collect());
    }

    let is_doing = view.scene() == LessonScene::YourTurn && view.is_live();
    let turn = view.learning.turn.as_ref().filter(|_| is_doing);
    let goals = turn.map(|turn| goals(view, step, turn, columns, first, look)).unwrap_or_default();
    let story = markdown::lines(story, columns, theme);
    match first {
        FirstPart::Goals => {
            text.append_text(goals);
            text.append(story);
        }
        FirstPart::Story => {
            text.append(story);
            text.append_text(goals);
        }
    }

    if let Some(lines) = beside(view, step, columns, look) {
        text.append_now(lines);
    } else if let Some(lines) = stopped(view, columns, theme) {
        text.append_now(lines);
    } else if view.scene() == LessonScene::YourTurn && view.is_live() {
        text.append(markdown::lines(&turn_text(), columns, theme));
    } else if let Some(record) = view.shown_record() {
        came_of(view, record, words, first, (columns, look), &mut text);
        if view.scene() == LessonScene::LastStep
            && let Some(end) = words::chapter_end(&view.lesson, record.step)
        {
            text.append_now(markdown::lines(&end, columns, theme));
        }
    } else if view.is_repair() {
        let said = words::before_repair(&view.lesson);
        text.append(markdown::lines(said, columns, theme));
    } else if view.keeps_command_back() {
        text.append(markdown::lines(&kept_back_text(view), columns, theme));
    } else {
        text.append(to_do(view, columns, look));
    }
    text.append(ways_on(view, step, columns, theme));
    text
}

/// The author's words on what has happened.
#[derive(Debug, Clone, Copy)]
struct WordsAfter<'a> {
    after: &'a str,
    real: &'a str,
}

/// The commands that were done, and what came of them.
fn came_of(
    view: &LessonView,
    record: &StepRecord,
    WordsAfter { after, real }: WordsAfter<'_>,
    first: FirstPart,
    (columns, look): (usize, &DrawOptions),
    text: &mut StepText,
) {
    let theme = look.theme;
    let by_hand = match record.status {
        StepStatus::Typed => {
            by_hand::lines(view.learning.by_hand.of_step(record.step), columns, theme)
        }
        StepStatus::Played | StepStatus::LeftOut | StepStatus::Skipped { .. } => Vec::new(),
    };
    // Beside the learner's own lines those of the lesson stand where its calls would.
    let mut shown = commands(view, columns, look);
    let is_by_hand = !by_hand.is_empty();
    let done = if is_by_hand { by_hand } else { std::mem::take(&mut shown) };
    match first {
        FirstPart::Story => text.append_now(done),
        // In little room what came of it counts.
        FirstPart::Goals => text.append(done),
    }

    let mut said = status(record, columns, theme);
    // What was never tried has not failed.
    let unmet = match record.status {
        StepStatus::LeftOut => Sign::NotYet,
        StepStatus::Played | StepStatus::Typed | StepStatus::Skipped { .. } => Sign::Failed,
    };
    let verdicts = record.verdicts.iter();
    said.extend(verdicts.flat_map(|verdict| verdict_lines(verdict, unmet, columns, theme)));
    text.append_now(said);
    text.append_now(markdown::lines(&words::came_of_step(Some(record), after), columns, theme));
    text.append(markdown::lines(&words::on_real_machine(Some(record), real), columns, theme));

    if is_by_hand && !shown.is_empty() {
        let head = Line::styled("The lesson's way", theme.bold());
        text.append(std::iter::once(head).chain(shown).collect());
    }

    let calls = calls(record, columns, theme);
    if !calls.is_empty() {
        let took = format!("Calls, {:.1} ms", record.nanos as f64 / 1e6);
        let all = format!("    {}: all of them", ViewKind::Calls.number());
        let head =
            Line::from(vec![Span::styled(took, theme.bold()), Span::styled(all, theme.dim())]);
        let mut told = StepText::default();
        told.lines.push(head);
        for (line, target) in calls {
            told.targets.push((told.lines.len(), target));
            told.lines.push(line);
        }
        text.append_text(told);
    }
}

/// A word on how the step was done, where that is not the usual way.
fn status(record: &StepRecord, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    match &record.status {
        StepStatus::Skipped { why, cure } => {
            let why = format!("Not possible here: {}", one_line(&words::blocker(why)));
            let mut lines: Vec<Line<'static>> = wrapped(&safe(&why), columns)
                .into_iter()
                .map(|line| Line::styled(line, theme.bad()))
                .collect();
            let cure = format!("To change that: {}", one_line(&words::cure(cure)));
            lines.extend(markdown::lines(&cure, columns, theme));
            lines
        }
        StepStatus::LeftOut => {
            let text = "You left this step out. What it would have made true:";
            markdown::lines(text, columns, theme)
        }
        StepStatus::Typed => {
            vec![Line::styled("You did this step yourself.", theme.good())]
        }
        StepStatus::Played => Vec::new(),
    }
}

/// The keys to what else can be done at this step.
fn ways_on(view: &LessonView, step: &Step, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if !view.is_in_branch() {
        lines.extend(step.branches.iter().map(|branch| {
            let text = format!("{}: {}", keys::lesson::WHAT_IF, prose(&branch.title));
            Line::styled(shortened(&text, columns), theme.bold())
        }));
    }
    if view.has_question() {
        let what = match view.can_run() {
            _ if !view.due_warm_up().is_empty() => "warm up with questions from earlier lessons",
            true => "predict what it will do",
            false => "check yourself",
        };
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

/// The text in the place of the commands: docker's words, the runtime's configuration, notes.
fn beside(
    view: &LessonView,
    step: &Step,
    columns: usize,
    look: &DrawOptions,
) -> Option<Vec<Line<'static>>> {
    let theme = look.theme;
    let (head, lines) = match view.story.beside {
        Beside::Shell => return None,
        Beside::Docker => ("docker's own command", code(&step.docker, columns, look)),
        Beside::Oci if step.oci.trim().is_empty() => {
            let text = "config.json of the OCI runtime spec has no field for this";
            ("OCI runtime config.json", vec![Line::styled(text, theme.dim())])
        }
        Beside::Oci => ("OCI runtime config.json", code(&step.oci, columns, look)),
        Beside::Notes => ("Speaker notes", markdown::lines(&step.notes, columns, theme)),
    };
    Some(std::iter::once(Line::styled(head, theme.bold())).chain(lines).collect())
}

/// The reason why the lab does not go on, and the way out.
fn stopped(view: &LessonView, columns: usize, theme: Theme) -> Option<Vec<Line<'static>>> {
    let (restart, rewind) = (keys::lesson::RESTART, keys::lesson::REWIND);
    if let Phase::Failed { message } = &view.lab.phase {
        let mut way_out = format!("{restart} starts the lesson again in a new lab.");
        if view.can_see_tape() {
            let tape = keys::lesson::SEE_TAPE;
            way_out = format!("{tape} plays the lesson's tape. {way_out}");
        }
        return Some(said(message, theme.bad(), &way_out, columns));
    }

    let awaited = view.lab.awaited.as_ref()?;
    let way_out = format!(
        "{restart} starts the lesson again in a new lab, {rewind} rewinds; neither waits for it."
    );
    Some(said(&awaited.to_string(), theme.bold(), &way_out, columns))
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
fn said(message: &str, style: Style, way_out: &str, columns: usize) -> Vec<Line<'static>> {
    let message =
        wrapped(&safe(message), columns).into_iter().map(|line| Line::styled(line, style));
    message.chain(wrapped(way_out, columns).into_iter().map(Line::from)).collect()
}

/// Each action: its commands, the failure that is meant, what must hold before.
fn to_do(view: &LessonView, columns: usize, look: &DrawOptions) -> Vec<Line<'static>> {
    let theme = look.theme;
    let context = view.lab_facts();
    let mut lines = Vec::new();
    let checks = view.lab.checks();

    for (index, entry) in view.shown_actions().iter().enumerate() {
        lines.extend(action_lines(entry, &context, columns, look));

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

/// A line, and the call that it tells of.
type AskedLine = (Line<'static>, PointTarget);

/// The last call of each op, with its result.
fn calls(record: &StepRecord, columns: usize, theme: Theme) -> Vec<AskedLine> {
    let ops = record.ops.iter().enumerate();
    ops.flat_map(|(place, op)| op_lines((place, op), columns, theme)).collect()
}

fn op_lines((place, op): (usize, &OpRecord), columns: usize, theme: Theme) -> Vec<AskedLine> {
    let mut lines = Vec::new();
    let about = |call: usize| PointTarget::StepCall { op: place, call };
    const MAX_CALLS: usize = 3;
    let calls = || op.calls.iter().enumerate();
    let telling = calls().rev().find(|(_, call)| !call.result.is_ok()).or(calls().next_back());
    let shown: Vec<(usize, &Call)> =
        if op.calls.len() <= MAX_CALLS { calls().collect() } else { telling.into_iter().collect() };

    for (number, call) in shown {
        let style = if call.result.is_ok() { theme.code() } else { theme.bad() };
        let actor = format!("{}: ", safe(op.actor.as_str()));
        let text = Span::styled(safe(&call.to_string()), style);
        let wrapped = wrapped_code(vec![Span::styled(actor, theme.dim()), text], columns, theme);
        lines.extend(wrapped.into_iter().map(|line| (line, about(number))));
    }

    // What came of it is told with its last call.
    let last = about(op.calls.len().saturating_sub(1));
    match &op.outcome {
        Outcome::Failed { errno, .. } => {
            if let Some(meaning) = failure::explain(&op.op, errno) {
                let text =
                    wrapped(&safe(&format!("{errno}: {meaning}")), columns.saturating_sub(2));
                let text = text.into_iter().map(|line| Line::from(format!("  {line}")));
                lines.extend(text.map(|line| (line, last)));
            }
        }
        Outcome::Done { output } | Outcome::Exited { output, .. } => {
            lines.extend(output.lines().take(8).map(|line| {
                let line =
                    Line::from(shortened(&format!("  > {}", safe(&tabs_laid(line))), columns));
                (line, last)
            }));
        }
    }
    lines
}
