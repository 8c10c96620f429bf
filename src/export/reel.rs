//! The lesson as it was played, step by step: what every format tells.

use super::asked::Asked;
use crate::action::Context;
use crate::app::numbers::Numbers;
use crate::app::panes::{Compare, PaneRow, Scene, brief};
use crate::failure;
use crate::lesson::model::{ActionEntry, Branch, Lesson, Step};
use crate::op::{ActorName, OpRecord, Outcome};
use crate::report::{Series, StepRecord};
use crate::tape::{Moment, Tape};
use crate::text::{safe, safe_lines};
use crate::ui::highlight::{Highlighted, Language, Pieces, Token, highlight};
use crate::view::ViewKind;

#[derive(Debug)]
pub struct Reel<'a> {
    pub lesson: &'a Lesson,
    pub tape: &'a Tape,
    pub steps: Vec<Played<'a>>,
    highlighted: Highlighted,
}

/// One step, and what belongs to it.
#[derive(Debug)]
pub struct Played<'a> {
    /// The number of the step, from 1.
    pub number: usize,
    pub step: &'a Step,
    pub deed: Deed<'a>,
    /// The what-ifs that were recorded.
    pub branches: Vec<(&'a Branch, Deed<'a>)>,
    pub asked: Vec<Asked<'a>>,
}

/// The actions of a step or a what-if, and what came of them.
#[derive(Debug)]
pub struct Deed<'a> {
    pub record: &'a StepRecord,
    pub watch: &'a [ViewKind],
    /// The actions by which a repair step breaks something first.
    pub broken: Vec<Typed<'a>>,
    pub typed: Vec<Typed<'a>>,
    numbers: Numbers,
}

/// One action: what is typed for it, and what was really done.
#[derive(Debug)]
pub struct Typed<'a> {
    pub actor: &'a ActorName,
    /// Lines for a shell; none where ops can't be told apart by action.
    pub lines: Vec<String>,
    pub ops: &'a [OpRecord],
}

/// A line that somebody at a shell reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A line that came so many milliseconds after its program was started; 0 where that is not known.
    Printed {
        text: String,
        at_ms: u64,
    },
    Bad(String),
}

impl<'a> Reel<'a> {
    pub fn new(lesson: &'a Lesson, tape: &'a Tape) -> Reel<'a> {
        let mut numbers = Numbers::default();
        let mut asked_before = 0;
        let mut steps = Vec::new();

        // A tape that fits has a moment and a record for each step.
        for ((index, step), (record, moment)) in
            lesson.steps.iter().enumerate().zip(tape.records.iter().zip(&tape.moments))
        {
            numbers.note(&record.before);
            numbers.note(&record.after);

            let asked: Vec<Asked<'a>> = step
                .quiz
                .iter()
                .enumerate()
                .map(|(place, question)| {
                    Asked::new(asked_before + place + 1, place, question, record)
                })
                .collect();

            asked_before += asked.len();
            steps.push(Played {
                number: index + 1,
                step,
                deed: Deed::of_step(step, record, moment, numbers.clone()),
                branches: branches(tape, index, step, moment),
                asked,
            });
        }

        let highlighted = highlight(&code(&steps));
        Reel { lesson, tape, steps, highlighted }
    }

    /// A line of code in its pieces.
    pub fn pieces(&self, line: &str) -> Pieces {
        self.highlighted.get(line).cloned().unwrap_or_else(|| vec![(Token::Plain, line.to_owned())])
    }
}

fn branches<'a>(
    tape: &'a Tape,
    index: usize,
    step: &'a Step,
    moment: &Moment,
) -> Vec<(&'a Branch, Deed<'a>)> {
    let taken = tape.branches.iter().filter(|taken| taken.step == index);
    taken
        .filter_map(|taken| {
            let branch = step.branches.get(taken.branch)?;
            Some((branch, Deed::of_branch(branch, &taken.record, moment)))
        })
        .collect()
}

/// All that is shown as code.
fn code(steps: &[Played<'_>]) -> Vec<(Language, String)> {
    let mut texts = Vec::new();
    for played in steps {
        let deeds =
            std::iter::once(&played.deed).chain(played.branches.iter().map(|(_, deed)| deed));
        let lines = deeds
            .flat_map(|deed| deed.broken.iter().chain(&deed.typed))
            .flat_map(|typed| &typed.lines);
        texts.extend(lines.map(|line| (Language::Shell, line.clone())));
        texts.push((Language::Json, played.step.oci.clone()));
    }
    texts
}

impl<'a> Deed<'a> {
    fn of_step(
        step: &'a Step,
        record: &'a StepRecord,
        moment: &Moment,
        numbers: Numbers,
    ) -> Deed<'a> {
        let all: Vec<&ActionEntry> = step.breaks.iter().chain(&step.actions).collect();
        let mut broken = typed(&all, record, &moment.context);
        let rest = broken.split_off(step.breaks.len());
        Deed { record, watch: &step.watch, broken, typed: rest, numbers }
    }

    /// The deed of a branch: in another lab, with numbers of its own.
    fn of_branch(branch: &'a Branch, record: &'a StepRecord, moment: &Moment) -> Deed<'a> {
        let mut numbers = Numbers::default();
        numbers.note(&record.before);
        numbers.note(&record.after);
        let all: Vec<&ActionEntry> = branch.actions.iter().collect();
        let typed = typed(&all, record, &moment.context);
        Deed { record, watch: &branch.watch, broken: Vec::new(), typed, numbers }
    }

    /// The scene that panes are made from. Charts are drawn otherwise where there is more than text.
    pub fn scene(
        &'a self,
        compare: Compare,
        changes_only: bool,
        charts: &'a [Series],
    ) -> Scene<'a> {
        Scene {
            before: &self.record.before,
            after: &self.record.after,
            diff: self.record.diff(),
            ops: &self.record.ops,
            charts,
            numbers: &self.numbers,
            raw: false,
            compare,
            changes_only,
        }
    }

    /// The changed rows of the views to watch, as a room reads them.
    pub fn changes(&self) -> Vec<(ViewKind, Vec<PaneRow>)> {
        let scene = self.scene(Compare::Diff, true, &[]);
        let views = self.watch.iter().filter(|view| view.is_state());
        let acting = self.typed.last().map(|typed| typed.actor);
        let panes = views.map(|view| (*view, brief::build(*view, &scene, acting)));
        panes.filter(|(_, rows)| rows.iter().any(|row| row.mark.is_change())).collect()
    }
}

/// Each action with its ops. Lowering an action tells how many ops it has; where that does not add up, all ops stand
/// at the last one.
fn typed<'a>(
    entries: &[&'a ActionEntry],
    record: &'a StepRecord,
    context: &Context,
) -> Vec<Typed<'a>> {
    // An actor that is born in the step has no pid before it; which pid it is makes no difference to the count.
    let mut known = context.clone();
    for actor in entries.iter().flat_map(|entry| entry.action.actors()) {
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
        all.push(Typed { actor: &entry.actor, lines: shown(entry.action.shell(context)), ops });
    }
    all
}

/// Lines as they can be shown: a command reads as it runs, in whatever it is exported to.
fn shown(lines: Vec<String>) -> Vec<String> {
    lines.iter().map(|line| safe_lines(line)).collect()
}

/// The output of an op, or the reason why it failed; of output at most so many lines.
pub fn said(op: &OpRecord, most: usize) -> Vec<Said> {
    match &op.outcome {
        Outcome::Done { .. } => printed(op, most),
        Outcome::Exited { status, .. } => {
            let mut lines = printed(op, most);
            lines.push(Said::Bad(format!("exit status {status}")));
            lines
        }
        Outcome::Failed { errno, .. } => {
            let mut lines = vec![Said::Bad(safe(&format!("{errno}: {}", errno.sentence())))];
            lines.extend(
                failure::explain(&op.op, errno)
                    .map(|meaning| Said::Bad(safe(&format!("that is: {meaning}")))),
            );
            lines
        }
    }
}

/// The lines of an output. Its end tells most: it stays where the middle does not fit.
fn printed(op: &OpRecord, most: usize) -> Vec<Said> {
    const AT_THE_END: usize = 4;
    let mut end = 0;
    let lines = op.outcome.output().split_inclusive('\n').map(|line| {
        end += line.len();
        let piece = op.pieces.iter().find(|piece| piece.end >= end);
        let text = safe(&line.trim_end_matches(['\n', '\r']).replace('\t', "    "));
        Said::Printed { text, at_ms: piece.map_or(0, |piece| piece.at_ms) }
    });
    let mut lines: Vec<Said> = lines.collect();

    if lines.len() > most {
        let from = most.saturating_sub(AT_THE_END + 1);
        let until = lines.len() - AT_THE_END.min(most);
        lines.splice(from..until, [Said::Bad(format!("... {} lines more", until - from))]);
    }

    lines
}
