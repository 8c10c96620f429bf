//! Actions of a step, or what its programs measured, side by side: a bar each, as long as its number is large. Pure.

use super::{PaneRow, RowKind, RowSubject, row};
use crate::diff::ChangeKind;
use crate::lesson::expect::took::BarMeasure;
use crate::op::{Bar, Op, OpRecord};
use crate::text::{bytes_taken, padded};

/// Columns of the longest bar.
const WIDTH: usize = 28;

/// The measures worth comparing, each by its word in what programs say, and in words of ours.
const MEASURES: [(&str, &str); 2] = [
    ("mib_per_s", "MiB a second, as each program measured it"),
    ("cpu_share", "CPUs' worth of time that each program got"),
];

/// The measures that are drawn of actions, with their headings.
const ACTION_MEASURES: [(BarMeasure, &str); 2] = [
    (BarMeasure::Time, "Time that each took"),
    (BarMeasure::Bytes, "Bytes that each took in /root"),
];

/// Fewer bytes than this are none that a bar could show.
const MIN_BYTES: u64 = 1 << 20;

/// Nothing, unless two programs at least measured the same thing.
pub fn bar_rows(ops: &[OpRecord]) -> Vec<PaneRow> {
    let mut rows = Vec::new();
    for (word, heading) in MEASURES {
        let measured: Vec<(&str, f64)> =
            ops.iter().filter_map(|record| last_measure(record, word)).collect();
        if measured.len() < 2 {
            continue;
        }

        rows.push(PaneRow::heading(heading));
        // Never 0: the lengths are divided by it.
        let most = measured.iter().map(|(_, number)| *number).fold(f64::MIN_POSITIVE, f64::max);
        rows.extend(
            measured
                .into_iter()
                .map(|(name, number)| bar(name, &format!("{number:.2}"), number / most)),
        );
    }

    rows
}

/// The bars of a step's actions: the time that each took, and the bytes; those that share a name are added up. Bytes
/// are drawn where one of them took a MiB at least. Nothing, unless there are two bars.
pub fn action_rows(ops: &[OpRecord]) -> Vec<PaneRow> {
    let mut bars: Vec<ActionBar<'_>> = Vec::new();
    for (place, record) in ops.iter().enumerate() {
        let Some(Bar { name, .. }) = &record.bar else { continue };
        let at = bars.iter().position(|bar| bar.name == name).unwrap_or_else(|| {
            bars.push(ActionBar { name, parts: Vec::new() });
            bars.len() - 1
        });
        bars[at].parts.push((place, record));
    }
    if bars.len() < 2 {
        return Vec::new();
    }

    let mut rows = Vec::new();
    for (measure, heading) in ACTION_MEASURES {
        let numbers: Vec<Option<u64>> = bars.iter().map(|bar| bar.total(measure)).collect();
        let most = numbers.iter().flatten().copied().max().unwrap_or(0);
        if measure == BarMeasure::Bytes && most < MIN_BYTES {
            continue;
        }

        rows.push(PaneRow::heading(heading));
        for (action, number) in bars.iter().zip(numbers) {
            let amount = number.map_or_else(|| "not read".to_owned(), |it| amount(measure, it));
            let share = number.unwrap_or(0) as f64 / most.max(1) as f64;
            rows.push(PaneRow { subject: action.last_call(), ..bar(action.name, &amount, share) });
        }
    }

    rows
}

/// All bars of a step, for whoever shows them without panes.
pub fn all_rows(ops: &[OpRecord]) -> Vec<PaneRow> {
    [action_rows(ops), bar_rows(ops)].concat()
}

/// The ops that count for one bar, with their places.
struct ActionBar<'a> {
    name: &'a str,
    parts: Vec<(usize, &'a OpRecord)>,
}

impl ActionBar<'_> {
    /// None where one of its parts could not be read.
    fn total(&self, measure: BarMeasure) -> Option<u64> {
        let mut numbers = self.parts.iter().map(|(_, record)| measure.of(record));
        // They are an actor's or a tape's, and may be any.
        numbers.try_fold(0_u64, |sum, number| Some(sum.saturating_add(number?)))
    }

    fn last_call(&self) -> Option<RowSubject> {
        let (op, record) = self.parts.iter().rfind(|(_, record)| !record.calls.is_empty())?;
        Some(RowSubject::Call { op: *op, call: record.calls.len() - 1 })
    }
}

fn amount(measure: BarMeasure, number: u64) -> String {
    match measure {
        BarMeasure::Time => {
            let milliseconds = number as f64 / 1e6;
            let decimals = usize::from(milliseconds < 99.95);
            format!("{milliseconds:.decimals$} ms")
        }
        BarMeasure::Bytes => bytes_taken(number),
    }
}

/// One bar; `share` of the longest is 0 to 1. What is there at all has a sign.
fn bar(name: &str, number: &str, share: f64) -> PaneRow {
    let length = ((share * WIDTH as f64).round() as usize).max(usize::from(share > 0.0));
    let text =
        format!(" {} {number:>8} |{}", padded(name, Bar::MAX_NAME), "#".repeat(length.min(WIDTH)));
    PaneRow { kind: RowKind::Chart, ..row(ChangeKind::Same, text) }
}

/// The program's name and its number: the last it said.
fn last_measure<'a>(record: &'a OpRecord, word: &str) -> Option<(&'a str, f64)> {
    let Op::Work { name, .. } = &record.op else { return None };
    let mut numbers = record
        .outcome
        .message()
        .lines()
        .filter_map(|line| line.strip_prefix(word)?.trim().parse().ok());
    Some((name.as_str(), numbers.next_back()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{ActorName, Load, Outcome, Writing};

    #[test]
    fn two_programs_that_measured_the_same_are_drawn_side_by_side() {
        let work = |name: &str, said: &str| OpRecord {
            actor: ActorName::host(),
            op: Op::Work {
                name: name.into(),
                groups: Vec::new(),
                load: Load::Write { mib: 8, how: Writing::Buffered, most_ms: 0 },
                background: false,
            },
            calls: Vec::new(),
            outcome: Outcome::Done { output: said.into() },
            pieces: Vec::new(),
            nanos: 1,
            bar: None,
        };

        let texts = |ops: &[OpRecord]| -> Vec<String> {
            bar_rows(ops).into_iter().map(|row| row.text).collect()
        };
        let (fast, slow) = (
            work("buffered", "seconds 0.01\nmib_per_s 800.00\n"),
            work("direct", "mib_per_s 1.00\n"),
        );

        assert_eq!(texts(std::slice::from_ref(&fast)), [] as [&str; 0]);
        let drawn = texts(&[fast, slow, work("other", "touched_mib 3\n")]);
        assert_eq!(drawn.len(), 3, "{drawn:#?}");
        assert_eq!(drawn[1], format!(" buffered     800.00 |{}", "#".repeat(WIDTH)));
        assert_eq!(drawn[2], " direct         1.00 |#");
    }

    #[test]
    fn actions_of_one_name_are_one_bar_and_bytes_are_drawn_where_somebody_took_some() {
        let done = |name: &str, nanos: u64, bytes: Option<u64>| OpRecord {
            actor: ActorName::host(),
            op: Op::GetPid,
            calls: Vec::new(),
            outcome: Outcome::Done { output: String::new() },
            pieces: Vec::new(),
            nanos,
            bar: Some(Bar { name: name.into(), bytes }),
        };
        let check = |ops: &[OpRecord], expected: &[String]| {
            let drawn: Vec<String> = action_rows(ops).into_iter().map(|row| row.text).collect();
            assert_eq!(drawn, expected);
        };
        let line = |start: &str, length: usize| format!("{start}{}", "#".repeat(length));

        let (copy, more) =
            (done("copy", 3_000_000, Some(100 << 20)), done("copy", 1_000_000, Some(0)));
        let overlay = done("overlay", 40_000, Some(0));
        let time = line("Time that each took", 0);
        check(
            &[copy.clone(), overlay.clone(), more],
            &[
                time.clone(),
                line(" copy         4.0 ms |", WIDTH),
                line(" overlay      0.0 ms |", 1),
                "Bytes that each took in /root".into(),
                line(" copy        100 MiB |", WIDTH),
                line(" overlay       0 KiB |", 0),
            ],
        );

        // One bar has nothing beside it; of bytes that nobody could read nothing is claimed.
        check(&[copy], &[]);
        check(
            &[overlay, done("spawn", 160_000_000, None)],
            &[time, line(" overlay      0.0 ms |", 1), line(" spawn        160 ms |", WIDTH)],
        );
    }
}
