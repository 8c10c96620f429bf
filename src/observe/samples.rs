//! Readings of a control group for charts: how much it uses, and what it may use, now.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::{CgroupRoot, kernel_file};
use crate::report::ChartPoint;
use crate::snapshot::CgroupVersion;
use crate::view::{Chart, ChartKind};

/// A v1 group without a limit says a number near 2^63.
const NO_LIMIT: f64 = (1_u64 << 60) as f64;

/// Reads one chart's group, again and again.
#[derive(Debug)]
pub struct ChartReader {
    pub chart: Chart,
    /// The group's directory in the hierarchies that matter, with their version.
    main: (PathBuf, CgroupVersion),
    /// The directory where CPU time is counted: in another hierarchy in v1.
    account: Option<PathBuf>,
    /// Oldest first.
    last: VecDeque<Reading>,
}

/// The counters as they stood at some time.
#[derive(Debug, Clone, Copy)]
struct Reading {
    at_ms: u64,
    /// Seconds of CPU time, or bytes written.
    counted: f64,
    throttled: f64,
}

impl ChartReader {
    /// The gauge of a chart; none where no hierarchy has what the chart is of.
    pub fn new(chart: &Chart, roots: &[CgroupRoot]) -> Option<ChartReader> {
        let has = |name: &str| {
            let v1 = roots.iter().find(|root| root.hierarchy.split(',').any(|own| own == name));
            v1.or_else(|| roots.iter().find(|root| root.version == CgroupVersion::V2))
        };

        let is_pressure = matches!(chart.of, ChartKind::CpuPressure | ChartKind::MemoryPressure);
        let controller = match chart.of {
            ChartKind::Memory => "memory",
            ChartKind::Cpu => "cpu",
            ChartKind::Pids => "pids",
            // v2 calls it `io`, but has one tree whatever the name.
            ChartKind::Write => "blkio",
            ChartKind::CpuPressure => "cpu",
            ChartKind::MemoryPressure => "memory",
        };

        let root = has(controller)?;
        // Pressure files exist in v2 alone.
        if is_pressure && root.version == CgroupVersion::V1 {
            return None;
        }

        let account = has("cpuacct").map(|root| root.path.join(&chart.group));
        Some(ChartReader {
            chart: chart.clone(),
            main: (root.path.join(&chart.group), root.version),
            account,
            last: VecDeque::new(),
        })
    }

    /// The next point; None while the group is not there, and for a rate at the first look.
    pub fn read(&mut self, at_ms: u64) -> Option<ChartPoint> {
        let (dir, version) = self.main.clone();
        let text = |name: &str| kernel_file::read_text(&dir.join(name));
        let number = |name: &str| text(name)?.trim().parse::<f64>().ok();
        let is_v2 = version == CgroupVersion::V2;
        let pick = |v1: &'static str, v2: &'static str| if is_v2 { v2 } else { v1 };
        let limited = |limit: Option<f64>| limit.filter(|limit| (0.0..NO_LIMIT).contains(limit));

        match self.chart.of {
            ChartKind::Memory => Some(ChartPoint {
                at_ms,
                value: number(pick("memory.usage_in_bytes", "memory.current"))?,
                limit: limited(number(pick("memory.limit_in_bytes", "memory.max"))),
                marked: false,
            }),
            ChartKind::Pids => Some(ChartPoint {
                at_ms,
                value: number("pids.current")?,
                limit: number("pids.max"),
                marked: false,
            }),
            ChartKind::CpuPressure | ChartKind::MemoryPressure => {
                let file = if self.chart.of == ChartKind::CpuPressure {
                    "cpu.pressure"
                } else {
                    "memory.pressure"
                };
                let text = text(file)?;
                let some = text.lines().find(|line| line.starts_with("some"))?;
                let waited_us: f64 = some.rsplit("total=").next()?.trim().parse().ok()?;
                let value = self.rate(at_ms, waited_us / 1e6, 0.0)?.0;
                Some(ChartPoint { at_ms, value, limit: None, marked: false })
            }
            ChartKind::Write => {
                let total = |text: String, mark: &str| {
                    let words = text
                        .lines()
                        .flat_map(|line| line.split_ascii_whitespace())
                        .collect::<Vec<_>>();
                    // v1 has lines like `8:0 Write 4096`, v2 like `8:0 rbytes=0 wbytes=4096`.
                    let v1 = words
                        .windows(2)
                        .filter(|pair| pair[0] == mark)
                        .filter_map(|pair| pair[1].parse::<f64>().ok());
                    let v2 = words
                        .iter()
                        .filter_map(|word| word.strip_prefix(mark)?.parse::<f64>().ok());
                    v1.chain(v2).sum::<f64>()
                };
                let counted = total(
                    text(pick("blkio.throttle.io_service_bytes", "io.stat"))?,
                    pick("Write", "wbytes="),
                );

                let rule =
                    text(pick("blkio.throttle.write_bps_device", "io.max")).unwrap_or_default();
                let mut limit = rule.split_ascii_whitespace().filter_map(|word| match is_v2 {
                    true => word.strip_prefix("wbps=")?.parse::<f64>().ok(),
                    false => word.parse::<f64>().ok(),
                });
                let limit = limit.next_back();

                let value = self.rate(at_ms, counted, 0.0)?.0;
                Some(ChartPoint { at_ms, value, limit, marked: false })
            }
            ChartKind::Cpu => {
                let stat = text("cpu.stat").unwrap_or_default();
                let field = |name: &str| {
                    stat.lines().find_map(|line| {
                        line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse::<f64>().ok()
                    })
                };
                let cpu_seconds = match is_v2 {
                    true => field("usage_usec")? / 1e6,
                    false => {
                        kernel_file::read_text(&self.account.as_ref()?.join("cpuacct.usage"))?
                            .trim()
                            .parse::<f64>()
                            .ok()?
                            / 1e9
                    }
                };
                let limit = match is_v2 {
                    true => text("cpu.max").and_then(|max| {
                        let mut words = max.split_ascii_whitespace().map(str::parse::<f64>);
                        Some(words.next()?.ok()? / words.next()?.ok()?)
                    }),
                    false => number("cpu.cfs_quota_us")
                        .filter(|quota| *quota > 0.0)
                        .zip(number("cpu.cfs_period_us"))
                        .map(|(quota, period)| quota / period),
                };

                let (value, throttled) =
                    self.rate(at_ms, cpu_seconds, field("nr_throttled").unwrap_or(0.0))?;
                Some(ChartPoint { at_ms, value, limit, marked: throttled })
            }
        }
    }

    /// The recent rate of what is counted, a second, and true if the group was throttled meanwhile. None at the first
    /// reading.
    fn rate(&mut self, at_ms: u64, counted: f64, throttled: f64) -> Option<(f64, bool)> {
        // Writes come in pieces, a few a second where they are limited: their rate is taken over half a second.
        let span = if self.chart.of == ChartKind::Write { 5 } else { 1 };
        let (first, latest) = (self.last.front().copied(), self.last.back().copied());
        self.last.push_back(Reading { at_ms, counted, throttled });
        if self.last.len() > span {
            self.last.pop_front();
        }

        let first = first?;
        let seconds = at_ms.saturating_sub(first.at_ms) as f64 / 1000.0;
        let rate = if seconds > 0.0 { (counted - first.counted).max(0.0) / seconds } else { 0.0 };
        Some((rate, throttled > latest?.throttled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn roots(hierarchies: &[(&str, CgroupVersion)], at: &Path) -> Vec<CgroupRoot> {
        let root = |(name, version): &(&str, CgroupVersion)| CgroupRoot {
            hierarchy: (*name).into(),
            version: *version,
            path: at.join(name),
        };
        hierarchies.iter().map(root).collect()
    }

    fn write(dir: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = dir.join(name);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            std::fs::write(path, text).expect("written");
        }
    }

    #[test]
    fn memory_and_pids_are_read_by_either_version() {
        let dir = tempfile::tempdir().expect("a directory");
        write(
            dir.path(),
            &[
                ("memory/box/memory.usage_in_bytes", "4096\n"),
                ("memory/box/memory.limit_in_bytes", "9223372036854771712\n"),
                ("unified/box/memory.current", "8192\n"),
                ("unified/box/memory.max", "16384\n"),
                ("unified/box/pids.current", "3\n"),
                ("unified/box/pids.max", "max\n"),
            ],
        );

        let check =
            |hierarchies: &[(&str, CgroupVersion)], of, expected: Option<(f64, Option<f64>)>| {
                let chart = Chart { group: "box".into(), of };
                let gauge = ChartReader::new(&chart, &roots(hierarchies, dir.path()));
                let point = gauge.and_then(|mut gauge| gauge.read(0));
                assert_eq!(point.map(|point| (point.value, point.limit)), expected, "{chart:?}");
            };

        check(&[("memory", CgroupVersion::V1)], ChartKind::Memory, Some((4096.0, None)));
        check(&[("unified", CgroupVersion::V2)], ChartKind::Memory, Some((8192.0, Some(16384.0))));
        check(&[("unified", CgroupVersion::V2)], ChartKind::Pids, Some((3.0, None)));
        check(&[("memory", CgroupVersion::V1)], ChartKind::Pids, None);
    }

    #[test]
    fn a_share_of_the_cpu_is_time_used_over_time_passed() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = |used: &str, throttled: &str| {
            let stat = format!("nr_periods 9\nnr_throttled {throttled}\nthrottled_time 1\n");
            write(
                dir.path(),
                &[
                    ("cpuacct/box/cpuacct.usage", used),
                    ("cpu/box/cpu.stat", &stat),
                    ("cpu/box/cpu.cfs_quota_us", "50000\n"),
                    ("cpu/box/cpu.cfs_period_us", "100000\n"),
                ],
            );
        };

        let roots =
            roots(&[("cpu", CgroupVersion::V1), ("cpuacct", CgroupVersion::V1)], dir.path());
        let mut gauge =
            ChartReader::new(&Chart { group: "box".into(), of: ChartKind::Cpu }, &roots)
                .expect("a gauge");

        state("1000000000\n", "4");
        assert_eq!(gauge.read(1000), None, "a rate takes two looks");
        state("1050000000\n", "5");
        let point = gauge.read(1100).expect("a point");
        assert!((point.value - 0.5).abs() < 1e-9, "{point:?}");
        assert_eq!((point.limit, point.marked), (Some(0.5), true));
    }
}
