//! Measurements of several programs of a step, side by side: a bar each, as long as its number is large. Pure.

use super::{PaneRow, RowKind, row};
use crate::diff::ChangeKind;
use crate::op::{Op, OpRecord};
use crate::text::padded;

/// Columns of the longest bar.
const WIDTH: usize = 34;

/// The measures worth comparing, each by its word in what programs say, and in words of ours.
const MEASURES: [(&str, &str); 2] = [
    ("mib_per_s", "MiB a second, as each program measured it"),
    ("cpu_share", "CPUs' worth of time that each program got"),
];

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
        for (name, number) in measured {
            // What is there at all has a sign.
            let length =
                ((number / most * WIDTH as f64).round() as usize).max(usize::from(number > 0.0));
            let text = format!(" {} {number:>8.2} |{}", padded(name, 10), "#".repeat(length));
            rows.push(PaneRow { kind: RowKind::Chart, ..row(ChangeKind::Same, text) });
        }
    }

    rows
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
}
