//! The lesson as it was played, step by step: what every format tells.

use super::answered_question::AnsweredQuestion;
use crate::action::LabFacts;
use crate::app::panes::{CompareMode, PaneData, PaneRow, audience};
use crate::app::stable_ids::StableIds;
use crate::failure;
use crate::lesson::model::{ActionEntry, Branch, Lesson, Step};
use crate::op::{ActorName, OpRecord, Outcome};
use crate::report::{ChartSeries, StepRecord};
use crate::tape::{RecordedState, Tape};
use crate::text::{safe, safe_lines, tabs_laid};
use crate::ui::highlight::{Highlighted, Language, Pieces, TokenKind, highlight};
use crate::view::ViewKind;

#[derive(Debug)]
pub struct PlayedLesson<'a> {
    pub lesson: &'a Lesson,
    pub tape: &'a Tape,
    pub steps: Vec<PlayedStep<'a>>,
    highlighted: Highlighted,
}

/// One step, and what belongs to it.
#[derive(Debug)]
pub struct PlayedStep<'a> {
    /// The number of the step, from 1.
    pub number: usize,
    pub step: &'a Step,
    pub actions: PlayedActions<'a>,
    /// The what-ifs that were recorded.
    pub branches: Vec<(&'a Branch, PlayedActions<'a>)>,
    pub questions: Vec<AnsweredQuestion<'a>>,
}

/// The actions of a step or a what-if, and what came of them.
#[derive(Debug)]
pub struct PlayedActions<'a> {
    pub record: &'a StepRecord,
    pub watch: &'a [ViewKind],
    /// The actions by which a repair step breaks something first.
    pub broken: Vec<TypedAction<'a>>,
    pub typed: Vec<TypedAction<'a>>,
    stable_ids: StableIds,
}

/// The rows of a pane that are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowSelection {
    All,
    Changed,
}

/// One action: what is typed for it, and what was really done.
#[derive(Debug)]
pub struct TypedAction<'a> {
    pub actor: &'a ActorName,
    /// Lines for a shell; none where ops can't be told apart by action.
    pub lines: Vec<String>,
    pub ops: &'a [OpRecord],
}

/// A line that somebody at a shell reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputLine {
    /// A line that came so many milliseconds after its program was started; 0 where that is not known.
    Printed {
        text: String,
        at_ms: u64,
    },
    Error(String),
}

impl<'a> PlayedLesson<'a> {
    pub fn new(lesson: &'a Lesson, tape: &'a Tape) -> PlayedLesson<'a> {
        let mut numbers = StableIds::default();
        let mut asked_before = 0;
        let mut steps = Vec::new();

        // A tape that fits has a moment and a record for each step.
        for ((index, step), (record, moment)) in
            lesson.steps.iter().enumerate().zip(tape.records.iter().zip(&tape.states))
        {
            numbers.add_snapshot(&record.before);
            numbers.add_snapshot(&record.after);

            let asked: Vec<AnsweredQuestion<'a>> = step
                .quiz
                .iter()
                .enumerate()
                .map(|(place, question)| {
                    AnsweredQuestion::new(asked_before + place + 1, place, question, record)
                })
                .collect();

            asked_before += asked.len();
            steps.push(PlayedStep {
                number: index + 1,
                step,
                actions: PlayedActions::of_step(step, record, moment, numbers.clone()),
                branches: branches(tape, index, step, moment),
                questions: asked,
            });
        }

        let highlighted = highlight(&code(&steps));
        PlayedLesson { lesson, tape, steps, highlighted }
    }

    /// A line of code in its pieces.
    pub fn highlighted_line(&self, line: &str) -> Pieces {
        self.highlighted
            .get(line)
            .cloned()
            .unwrap_or_else(|| vec![(TokenKind::Plain, line.to_owned())])
    }
}

fn branches<'a>(
    tape: &'a Tape,
    index: usize,
    step: &'a Step,
    moment: &RecordedState,
) -> Vec<(&'a Branch, PlayedActions<'a>)> {
    let taken = tape.branches.iter().filter(|taken| taken.step == index);
    taken
        .filter_map(|taken| {
            let branch = step.branches.get(taken.branch)?;
            Some((branch, PlayedActions::of_branch(branch, &taken.record, moment)))
        })
        .collect()
}

/// All that is shown as code.
fn code(steps: &[PlayedStep<'_>]) -> Vec<(Language, String)> {
    let mut texts = Vec::new();
    for played in steps {
        let all_actions = std::iter::once(&played.actions)
            .chain(played.branches.iter().map(|(_, played_actions)| played_actions));
        let lines = all_actions
            .flat_map(|played_actions| played_actions.broken.iter().chain(&played_actions.typed))
            .flat_map(|typed| &typed.lines);
        texts.extend(lines.map(|line| (Language::Shell, line.clone())));
        texts.push((Language::Json, played.step.oci.clone()));
    }
    texts
}

impl<'a> PlayedActions<'a> {
    fn of_step(
        step: &'a Step,
        record: &'a StepRecord,
        moment: &RecordedState,
        numbers: StableIds,
    ) -> PlayedActions<'a> {
        let all: Vec<&ActionEntry> = step.entries().collect();
        let mut broken = typed(&all, record, &moment.context);
        let rest = broken.split_off(step.breaks.len());
        PlayedActions { record, watch: &step.watch, broken, typed: rest, stable_ids: numbers }
    }

    /// The actions of a branch: in another lab, with numbers of its own.
    fn of_branch(
        branch: &'a Branch,
        record: &'a StepRecord,
        moment: &RecordedState,
    ) -> PlayedActions<'a> {
        let mut numbers = StableIds::default();
        numbers.add_snapshot(&record.before);
        numbers.add_snapshot(&record.after);

        let all: Vec<&ActionEntry> = branch.actions.iter().collect();
        let typed = typed(&all, record, &moment.context);

        PlayedActions {
            record,
            watch: &branch.watch,
            broken: Vec::new(),
            typed,
            stable_ids: numbers,
        }
    }

    /// The scene that panes are made from. Charts are drawn otherwise where there is more than text.
    pub fn scene(
        &'a self,
        compare: CompareMode,
        rows: RowSelection,
        charts: &'a [ChartSeries],
    ) -> PaneData<'a> {
        PaneData {
            before: &self.record.before,
            after: &self.record.after,
            diff: self.record.diff(),
            ops: &self.record.ops,
            own_calls: &self.record.own_calls,
            charts,
            stable_ids: &self.stable_ids,
            raw: false,
            compare,
            changes_only: rows == RowSelection::Changed,
        }
    }

    /// The changed rows of the views to watch, as a room reads them.
    pub fn changed_rows(&self) -> Vec<(ViewKind, Vec<PaneRow>)> {
        let scene = self.scene(CompareMode::Diff, RowSelection::Changed, &[]);
        let views = self.watch.iter().filter(|view| view.is_state());
        let acting = self.typed.last().map(|typed| typed.actor);
        let panes = views.map(|view| (*view, audience::audience_rows(*view, &scene, acting)));
        panes.filter(|(_, rows)| rows.iter().any(|row| row.mark.is_change())).collect()
    }
}

/// Each action with its ops. Lowering an action tells how many ops it has; where that does not add up, all ops stand
/// at the last one.
fn typed<'a>(
    entries: &[&'a ActionEntry],
    record: &'a StepRecord,
    context: &LabFacts,
) -> Vec<TypedAction<'a>> {
    // An actor that is born in the step has no pid before it; which pid it is makes no difference to the count.
    let mut known = context.clone();
    for actor in entries.iter().flat_map(|entry| entry.action.named_actors()) {
        known.lab_pids.entry(actor.clone()).or_default();
    }

    let counts: Vec<usize> =
        entries.iter().map(|entry| entry.action.lower(&known).map_or(0, |ops| ops.len())).collect();
    let adds_up = counts.iter().sum::<usize>() == record.ops.len();

    let mut rest = record.ops.as_slice();
    let last = entries.len().saturating_sub(1);
    let mut all = Vec::new();
    for (index, (entry, count)) in entries.iter().zip(counts).enumerate() {
        let own = match (adds_up, index == last) {
            (true, _) => count,
            (false, true) => rest.len(),
            (false, false) => 0,
        };

        let (ops, others) = rest.split_at(own);
        rest = others;
        all.push(TypedAction {
            actor: &entry.actor,
            lines: shown(entry.action.shell(context)),
            ops,
        });
    }
    all
}

/// Lines as they can be shown: a command reads as it runs, in whatever it is exported to.
fn shown(lines: Vec<String>) -> Vec<String> {
    lines.iter().map(|line| safe_lines(line)).collect()
}

/// The output of an op, or the reason why it failed; of output at most so many lines.
pub fn output_lines(op: &OpRecord, most: usize) -> Vec<OutputLine> {
    match &op.outcome {
        Outcome::Done { .. } => printed(op, most),
        Outcome::Exited { status, .. } => {
            let mut lines = printed(op, most);
            lines.push(OutputLine::Error(format!("exit status {status}")));
            lines
        }
        Outcome::Failed { errno, .. } => {
            let mut lines =
                vec![OutputLine::Error(safe(&format!("{errno}: {}", errno.sentence())))];
            lines.extend(
                failure::explain(&op.op, errno)
                    .map(|meaning| OutputLine::Error(safe(&format!("that is: {meaning}")))),
            );
            lines
        }
    }
}

/// The lines of an output. Its end tells most: it stays where the middle does not fit.
fn printed(op: &OpRecord, most: usize) -> Vec<OutputLine> {
    const LAST_LINES: usize = 4;
    let mut end = 0;
    let lines = op.outcome.output().split_inclusive('\n').map(|line| {
        end += line.len();
        let piece = op.pieces.iter().find(|piece| piece.end >= end);
        let text = safe(&tabs_laid(line.trim_end_matches(['\n', '\r'])));
        OutputLine::Printed { text, at_ms: piece.map_or(0, |piece| piece.at_ms) }
    });
    let mut lines: Vec<OutputLine> = lines.collect();

    if lines.len() > most {
        let from = most.saturating_sub(LAST_LINES + 1);
        let until = lines.len() - LAST_LINES.min(most);
        lines.splice(from..until, [OutputLine::Error(format!("... {} lines more", until - from))]);
    }

    lines
}
