//! Charts over time: a thread that reads the groups a step wants drawn, while the step runs and after it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Event;
use super::events::EventSender;
use crate::observe::CgroupRoot;
use crate::observe::samples::ChartReader;
use crate::report::ChartSeries;
use crate::view::Chart;

/// The time between two readings. A CPU quota is given out every 100 ms: two readings in each would show noise.
const SAMPLE_PERIOD: Duration = Duration::from_millis(100);
/// The most readings of a chart: it is as long as a step is looked at, but no longer than this.
const MAX_POINTS: usize = 600;
/// The number of readings in a row without a change after which the thread ends, once ten seconds have passed.
const MAX_UNCHANGED_SAMPLES: usize = 30;

/// A thread that reads charts, and its readings. Dropping it ends the thread.
#[derive(Debug)]
pub struct Sampler {
    series: Arc<Mutex<Vec<ChartSeries>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Start the thread; none where there is nothing to draw.
    pub fn start(
        charts: &[Chart],
        roots: &[CgroupRoot],
        events: Option<EventSender>,
    ) -> Option<Sampler> {
        let gauges: Vec<ChartReader> =
            charts.iter().filter_map(|chart| ChartReader::new(chart, roots)).collect();
        if gauges.is_empty() {
            return None;
        }

        let empty = gauges
            .iter()
            .map(|gauge| ChartSeries { chart: gauge.chart.clone(), points: Vec::new() });
        let series = Arc::new(Mutex::new(empty.collect::<Vec<ChartSeries>>()));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (Arc::clone(&series), Arc::clone(&stop));
        let thread = std::thread::spawn(move || sample(gauges, &shared, &stopped, events.as_ref()));

        Some(Sampler { series, stop, thread: Some(thread) })
    }

    /// The readings so far.
    pub fn readings(&self) -> Vec<ChartSeries> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn sample(
    mut gauges: Vec<ChartReader>,
    shared: &Mutex<Vec<ChartSeries>>,
    stopped: &AtomicBool,
    events: Option<&EventSender>,
) {
    let started = Instant::now();
    let mut quiet = 0;

    for _ in 0..MAX_POINTS {
        let at_ms = started.elapsed().as_millis() as u64;
        let mut moved = false;
        {
            let mut series = shared.lock().unwrap_or_else(PoisonError::into_inner);
            for (gauge, one) in gauges.iter_mut().zip(series.iter_mut()) {
                let Some(point) = gauge.read(at_ms) else { continue };
                // A chart hardly shows a change of less than one in a hundred.
                let last = one.points.last();
                moved |= last
                    .is_none_or(|last| (last.value - point.value).abs() > last.value.abs() / 100.0);
                one.points.push(point);
            }
        }

        quiet = if moved { 0 } else { quiet + 1 };
        if let Some(events) = events.filter(|_| moved) {
            let all = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if events.send(Event::ChartsSampled(Arc::new(all))).is_err() {
                return;
            }
        }

        if quiet >= MAX_UNCHANGED_SAMPLES && at_ms > 10_000 {
            return;
        }

        // Dropping the sampler ends this wait at once.
        std::thread::park_timeout(SAMPLE_PERIOD);
        if stopped.load(Ordering::Relaxed) {
            return;
        }
    }
}
