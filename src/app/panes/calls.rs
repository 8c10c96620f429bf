//! The calls pane: bars of the step's actions, every system call that was made, as strace prints it, and what programs
//! printed.

use super::{PaneData, PaneRow, PaneSection, RowKind, RowSubject, bar_chart, row};
use crate::call::Call;
use crate::diff::ChangeKind;
use crate::failure;
use crate::op::{OpRecord, Outcome};
use crate::own_call::OwnCalls;
use crate::remark::Remark;
use crate::text::{padded, tabs_laid};
use crate::words;

/// Lines shown of one program's output.
const MAX_OUTPUT_LINES: usize = 200;

pub fn build(scene: &PaneData<'_>) -> Vec<PaneSection> {
    if !scene.own_calls.is_empty() {
        return vec![PaneSection { rows: own_rows(scene.own_calls) }];
    }
    let mut rows = Vec::new();
    for (place, op) in scene.ops.iter().enumerate() {
        let took = micros(op.nanos);
        let word = if op.calls.len() == 1 { "call" } else { "calls" };
        let count = op.calls.len();
        rows.push(PaneRow::heading(format!("{}  {count} {word}, {took}", op.actor)));
        rows.extend(
            op.calls
                .iter()
                .enumerate()
                .map(|(call, made)| call_row(made).about(RowSubject::Call { op: place, call })),
        );
        // What came of it is told with its last call.
        let last = RowSubject::Call { op: place, call: op.calls.len().saturating_sub(1) };
        rows.extend(outcome_rows(op).into_iter().map(|row| row.about(last)));
    }
    if rows.is_empty() {
        rows.push(PaneRow::remark(&Remark::NoCalls));
    }

    let bars = bar_chart::action_rows(scene.ops);
    let sections = [bars, rows].into_iter().filter(|rows| !rows.is_empty());
    sections.map(|rows| PaneSection { rows }).collect()
}

/// The calls of the learner's programs, each program's below its command line.
fn own_rows(own_calls: &OwnCalls) -> Vec<PaneRow> {
    let mut rows = Vec::new();
    let mut last: Option<(u32, &[String])> = None;
    for (place, own) in own_calls.calls.iter().enumerate() {
        // A program that forks goes on in its children.
        if last != Some((own.job, &own.command)) {
            rows.push(PaneRow::heading(words::own_calls::who_called(own)));
            last = Some((own.job, &own.command));
        }
        let failed = own.call.result.errno().is_some();
        let shown = PaneRow {
            kind: if failed { RowKind::Bad } else { RowKind::Plain },
            ..row(ChangeKind::Same, format!("  {}", own.call))
        };
        rows.push(shown.about(RowSubject::OwnCall { place }));
    }
    if own_calls.is_lost {
        rows.push(PaneRow::remark(&Remark::CallsNotHeard));
    }
    if own_calls.omitted > 0 {
        rows.push(PaneRow::remark(&Remark::MoreCalls { count: own_calls.omitted }));
    }
    rows
}

fn call_row(call: &Call) -> PaneRow {
    let failed = !call.result.is_ok();
    let text = format!("{} {call}", padded(&micros(call.nanos), 9));
    PaneRow {
        kind: if failed { RowKind::Bad } else { RowKind::Plain },
        ..row(ChangeKind::Same, text)
    }
}

fn outcome_rows(op: &OpRecord) -> Vec<PaneRow> {
    match &op.outcome {
        Outcome::Done { output } => printed(output),
        Outcome::Exited { output, status } => {
            let mut rows = printed(output);
            rows.push(PaneRow {
                kind: RowKind::Bad,
                ..row(ChangeKind::Same, format!("  exit status {status}"))
            });
            rows
        }
        Outcome::Failed { errno, .. } => {
            let meaning =
                failure::explain(&op.op, errno).unwrap_or_else(|| errno.sentence().into());
            vec![PaneRow {
                kind: RowKind::Bad,
                ..row(ChangeKind::Same, format!("  {errno}: {meaning}"))
            }]
        }
    }
}

fn printed(output: &str) -> Vec<PaneRow> {
    output
        .lines()
        .take(MAX_OUTPUT_LINES)
        .map(|line| row(ChangeKind::Same, format!("  > {}", tabs_laid(line))))
        .collect()
}

fn micros(nanos: u64) -> String {
    match nanos {
        0..1_000_000 => format!("{} us", nanos / 1000),
        _ => format!("{:.1} ms", nanos as f64 / 1e6),
    }
}
