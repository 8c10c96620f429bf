//! Readings over time as a drawing (SVG), with what it says in words, and as a table; and what is drawn side by side.

use maud::{Markup, html};

use super::part;
use crate::app::panes::bar_chart;
use crate::app::panes::charts::{chart_summary, reading_text};
use crate::op::OpRecord;
use crate::report::{ChartPoint, ChartSeries};

/// The drawing's own units: its size, and the place of the axes.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 630.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 170.0;

/// The place of readings on the drawing.
struct Frame {
    /// Milliseconds of the first and last reading.
    from: f64,
    until: f64,
    /// The reading at the top.
    top: f64,
}

impl Frame {
    fn of(points: &[ChartPoint]) -> Frame {
        let highest = points
            .iter()
            .flat_map(|point| [point.value, point.limit.unwrap_or(0.0)])
            .fold(0.0, f64::max);
        let at = |point: Option<&ChartPoint>| point.map_or(0.0, |point| point.at_ms as f64);
        let top = if highest > 0.0 && highest.is_finite() { highest * 1.1 } else { 1.0 };
        Frame { from: at(points.first()), until: at(points.last()), top }
    }

    fn x(&self, point: &ChartPoint) -> f64 {
        let share = (point.at_ms as f64 - self.from) / (self.until - self.from).max(1.0);
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - (value / self.top).clamp(0.0, 1.0) * (BOTTOM - TOP)
    }

    fn line(&self, points: &[ChartPoint], value: impl Fn(&ChartPoint) -> Option<f64>) -> String {
        let places = points.iter().filter_map(|point| Some((self.x(point), self.y(value(point)?))));
        places.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
    }
}

/// The drawing and the table of a chart; nothing where nothing was read.
pub fn chart_figure(series: &ChartSeries, id: &str) -> Markup {
    let points = series.points.as_slice();
    let words = chart_summary(series);
    html! {
        @if !points.is_empty() {
            figure {
                figcaption id=(id) { (words) }
                (drawing(series, points, id))
                (readings(series, points, &part(id, "readings")))
            }
        }
    }
}

/// The bars of a step as the panes draw them, a number beside each; nothing where it has none.
pub fn bar_figure(ops: &[OpRecord]) -> Markup {
    let rows = bar_chart::all_rows(ops);
    html! {
        @if !rows.is_empty() {
            figure {
                pre.scroll tabindex="0" role="region" aria-label="Side by side" {
                    code { @for row in &rows { (row.text) "\n" } }
                }
            }
        }
    }
}

fn drawing(series: &ChartSeries, points: &[ChartPoint], id: &str) -> Markup {
    let frame = Frame::of(points);
    let of = series.chart.of;
    let limit = points.last().and_then(|point| point.limit);
    let was_throttled = points.iter().any(|point| point.marked);
    let seconds = (frame.until - frame.from) / 1000.0;

    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby=(id) {
            path.axis d={ "M" (LEFT) " " (TOP) "V" (BOTTOM) "H" (RIGHT) } {}
            text x=(LEFT - 6.0) y=(BOTTOM) text-anchor="end" { "0" }
            @if let Some(limit) = limit {
                polyline.limit points=(frame.line(points, |point| point.limit)) {}
                text x=(LEFT - 6.0) y={ (format!("{:.1}", frame.y(limit) + 4.0)) } text-anchor="end" { (reading_text(of, limit)) }
                text x=(RIGHT) y={ (format!("{:.1}", frame.y(limit) - 5.0)) } text-anchor="end" { "limit" }
            }
            polyline.value points=(frame.line(points, |point| Some(point.value))) {}
            @for point in points {
                circle.value cx=(format!("{:.1}", frame.x(point))) cy=(format!("{:.1}", frame.y(point.value))) r="3" {}
                @if point.marked {
                    path.throttled d={ "M" (format!("{:.1}", frame.x(point))) " " (BOTTOM + 2.0) "l4 8h-8z" } {}
                }
            }
            text x=(LEFT) y=(HEIGHT - 8.0) { "0 s" }
            text x=(RIGHT) y=(HEIGHT - 8.0) text-anchor="end" { (format!("{seconds:.1} s")) }
            @if was_throttled {
                text x=((LEFT + RIGHT) / 2.0) y=(HEIGHT - 8.0) text-anchor="middle" { "^ the group was throttled" }
            }
        }
    }
}

fn readings(series: &ChartSeries, points: &[ChartPoint], id: &str) -> Markup {
    let of = series.chart.of;

    html! {
        details id=(id) {
            summary { "The readings as a table" }
            table {
                thead { tr { th scope="col" { "Time" } th scope="col" { "Reading" } th scope="col" { "Limit" } th scope="col" { "Throttled" } } }
                tbody {
                    @for point in points {
                        tr {
                            td { (point.at_ms) " ms" }
                            td { (reading_text(of, point.value)) }
                            td { @match point.limit { Some(limit) => (reading_text(of, limit)), None => "none" } }
                            td { @if point.marked { "yes" } @else { "no" } }
                        }
                    }
                }
            }
        }
    }
}
