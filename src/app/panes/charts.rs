//! Charts over time as rows of text: a column a reading, the limit as a line across. Pure.

use super::{PaneRow, RowKind, RowSubject, row};
use crate::diff::ChangeKind;
use crate::report::ChartSeries;
use crate::text::shortened;
use crate::view::ChartKind;

/// Rows of one chart, without its heading and its axis.
const HEIGHT: usize = 5;
/// Times the limit: what is above is cut off, and marked.
const FAR: f64 = 2.5;
/// Columns: the latest readings.
const WIDTH: usize = 43;

/// The rows of all charts that have something to show.
pub fn chart_rows(charts: &[ChartSeries]) -> Vec<PaneRow> {
    let drawn = charts.iter().filter(|series| !series.points.is_empty());
    let rows = drawn.flat_map(|series| {
        let subject = RowSubject::Chart(series.chart.of);
        chart(series).into_iter().map(move |row| row.about(subject))
    });
    rows.collect()
}

/// A chart in words: `memory of box: now 3.0 MiB, most 12.0 MiB, limit 16.0 MiB`.
pub fn chart_summary(series: &ChartSeries) -> String {
    let of = series.chart.of;
    let last = series.points.last();
    let most = series.points.iter().map(|point| point.value).fold(0.0, f64::max);
    let now = last.map_or(0.0, |point| point.value);
    let group = shortened(&series.chart.group, 20);

    let mut words = format!(
        "{} of {group}: now {}, most {}",
        name(of),
        reading_text(of, now),
        reading_text(of, most)
    );
    if let Some(limit) = last.and_then(|point| point.limit) {
        words.push_str(&format!(", limit {}", reading_text(of, limit)));
    }
    words
}

fn chart(series: &ChartSeries) -> Vec<PaneRow> {
    let points = &series.points[series.points.len().saturating_sub(WIDTH)..];
    let limit = points.last().and_then(|point| point.limit);
    let highest = points.iter().map(|point| point.value).fold(limit.unwrap_or(0.0), f64::max);
    // One that is far above its limit for a moment must not press all others down to nothing.
    let shown =
        limit.filter(|limit| *limit > 0.0).map_or(highest, |limit| highest.min(limit * FAR));
    let top = if shown > 0.0 { shown * 1.1 } else { 1.0 };

    let of = series.chart.of;
    let mut rows = vec![PaneRow::heading(chart_summary(series))];
    let level = |value: f64| ((value / top) * HEIGHT as f64).round() as usize;
    for height in (1..=HEIGHT).rev() {
        let is_limit = limit.is_some_and(|limit| level(limit) == height);
        let bars: String = points
            .iter()
            .map(|point| match (level(point.value) >= height, is_limit) {
                (true, _) if height == HEIGHT && point.value > top => '!',
                (true, _) => '#',
                (false, true) => '-',
                (false, false) => ' ',
            })
            .collect();

        let label = if is_limit { reading_text(of, limit.unwrap_or(0.0)) } else { String::new() };
        let fill =
            if is_limit { "-".repeat(WIDTH.saturating_sub(points.len())) } else { String::new() };
        rows.push(drawn(format!(" {label:>10} |{bars}{fill}")));
    }

    let marks: String = points.iter().map(|point| if point.marked { '^' } else { '-' }).collect();
    rows.push(drawn(format!(" {:>10} +{marks}", "0")));
    // The remarks begin where the columns do: a blank, ten of the label, a blank and the axis
    // are in front.
    if points.iter().any(|point| point.value > top) {
        rows.push(PaneRow::note("             ! more than is drawn"));
    }
    if points.iter().any(|point| point.marked) {
        rows.push(PaneRow::note("             ^ the group was throttled"));
    }
    rows
}

fn drawn(text: String) -> PaneRow {
    PaneRow { kind: RowKind::Chart, ..row(ChangeKind::Same, text) }
}

fn name(of: ChartKind) -> &'static str {
    match of {
        ChartKind::Memory => "memory",
        ChartKind::Cpu => "CPU share",
        ChartKind::Pids => "processes",
        ChartKind::Write => "writing",
        ChartKind::CpuPressure => "waiting for a CPU",
        ChartKind::MemoryPressure => "waiting for memory",
    }
}

/// A reading in its unit.
pub fn reading_text(of: ChartKind, value: f64) -> String {
    match of {
        ChartKind::Memory => format!("{:.1} MiB", value / f64::from(1 << 20)),
        ChartKind::Cpu | ChartKind::CpuPressure | ChartKind::MemoryPressure => {
            format!("{:.0} %", value * 100.0)
        }
        ChartKind::Pids => format!("{value:.0}"),
        ChartKind::Write => format!("{:.1} MiB/s", value / f64::from(1 << 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ChartPoint;
    use crate::view::Chart;

    #[test]
    fn a_chart_shows_the_readings_below_the_limit() {
        let point = |value: f64, marked| ChartPoint { at_ms: 0, value, limit: Some(0.5), marked };
        let chart = Chart { group: "half".into(), of: ChartKind::Cpu };
        let points = vec![point(0.1, false), point(0.5, true), point(0.5, true)];
        let text: Vec<String> =
            chart_rows(&[ChartSeries { chart, points }]).into_iter().map(|row| row.text).collect();
        assert_eq!(text[0], "CPU share of half: now 50 %, most 50 %, limit 50 %");
        assert!(text[1].contains("50 % |-##---"), "{text:#?}");
        assert!(text[5].contains("|###"), "{text:#?}");
        assert!(text[6].contains("+-^^"), "{text:#?}");
        assert!(chart_rows(&[]).is_empty());
    }

    #[test]
    fn what_is_far_above_the_limit_is_cut_off_so_that_the_rest_can_be_seen() {
        let point = |value: f64| ChartPoint {
            at_ms: 0,
            value: value * f64::from(1 << 20),
            limit: Some(1048576.0),
            marked: false,
        };
        let chart = Chart { group: "slow".into(), of: ChartKind::Write };
        let series = ChartSeries { chart, points: vec![point(20.0), point(1.0), point(0.0)] };
        let text: Vec<String> = chart_rows(&[series]).into_iter().map(|row| row.text).collect();

        assert!(text[0].contains("most 20.0 MiB/s, limit 1.0 MiB/s"), "{text:#?}");
        assert!(text[1].contains("|! "), "{text:#?}");
        assert!(text[4].contains("1.0 MiB/s |##-"), "{text:#?}");
        assert!(text[7].contains("! more than is drawn"), "{text:#?}");
    }
}
