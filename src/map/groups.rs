//! Control groups as square boxes, one in another, with a bar for each limit.

use std::collections::{BTreeMap, BTreeSet};

use super::canvas::MapTone;
use super::scene::{BoxEdge, BoxOwner, BoxPart, MapBox, MapRow, MapScene, PieceShape, distinct};
use crate::diff::{CgroupFile, ChangeKind, Diff, DiffRow, is_counter};
use crate::snapshot::Snapshot;

/// Columns of a bar.
const BAR: usize = 20;
/// Of a v1 limit that is none: the largest number of pages.
const V1_UNLIMITED: u64 = 0x7fff_ffff_ffff_f000;

/// A count of what befell a group.
struct Event {
    file: &'static str,
    /// The word that its line begins with; none where the count is all that is in the file.
    line: Option<&'static str>,
    words: &'static str,
}

const EVENTS: [Event; 6] = [
    Event { file: "memory.failcnt", line: None, words: "memory stopped at the limit" },
    Event {
        file: "memory.oom_control",
        line: Some("oom_kill"),
        words: "✕ killed by the kernel, out of memory",
    },
    Event {
        file: "memory.events",
        line: Some("oom_kill"),
        words: "✕ killed by the kernel, out of memory",
    },
    Event { file: "memory.events", line: Some("max"), words: "memory stopped at the limit" },
    Event { file: "memory.events", line: Some("high"), words: "memory slowed down above high" },
    Event { file: "pids.events", line: Some("max"), words: "fork refused at the limit" },
];

fn event_count(value: &str, line: Option<&str>) -> u64 {
    let count = match line {
        None => Some(value),
        Some(line) => value.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(' ')),
    };
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

type File<'a> = &'a DiffRow<CgroupFile>;

/// A group by its path: hierarchies of v1 in which it has one path are one group.
#[derive(Default)]
struct Group<'a> {
    hierarchies: Vec<String>,
    files: BTreeMap<&'a str, Vec<File<'a>>>,
    is_new: bool,
    is_gone: bool,
    below: BTreeMap<String, Group<'a>>,
}

pub(super) fn scene(before: &Snapshot, after: &Snapshot, diff: &Diff) -> MapScene {
    let mut top = Group::default();
    for section in &diff.cgroups {
        let mut group = &mut top;
        for name in section.owner.path.split('/').filter(|name| !name.is_empty()) {
            group = group.below.entry(name.to_owned()).or_default();
        }
        group.hierarchies.push(section.owner.hierarchy.clone());
        group.is_new |= section.owner_change == crate::diff::OwnerChange::New;
        group.is_gone |= section.owner_change == crate::diff::OwnerChange::Gone;
        for row in &section.rows {
            if let Some(file) = row.latest_value() {
                group.files.entry(&file.name).or_default().push(row);
            }
        }
    }
    if top.hierarchies.is_empty() && top.below.is_empty() {
        return MapScene::default();
    }
    MapScene { left: vec![top.drawn("/", "", before, after)], ..MapScene::default() }
}

impl Group<'_> {
    fn drawn(&self, name: &str, path: &str, before: &Snapshot, after: &Snapshot) -> MapBox {
        let mark = match (self.is_new, self.is_gone) {
            (true, false) => Some(ChangeKind::Added),
            (false, true) => Some(ChangeKind::Gone),
            (true, true) => Some(ChangeKind::Changed),
            (false, false) => None,
        };
        let members = self.members(before, after);
        let names = if members.is_empty() { "nobody in it".into() } else { members.join(", ") };
        let mut one = MapBox {
            edge: BoxEdge::Group,
            of: BoxOwner::Group(path.to_owned()),
            mark,
            title: vec![name.to_owned(), names],
            foot: distinct(self.hierarchies.iter().cloned()),
            parts: Vec::new(),
        };

        let mut told = Vec::new();
        if self.is_frozen(&mut told) {
            one.title.insert(1, "‖ FROZEN".into());
        }
        for gauge in [memory, cpu, pids] {
            one.parts.extend(gauge(self, &mut told).map(BoxPart::Row));
        }
        self.event_rows(&mut one, &mut told);
        self.other_rows(&mut one, &told);
        for (name, below) in &self.below {
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            one.parts.push(BoxPart::Box(below.drawn(name, &path, before, after)));
        }
        one
    }

    fn file(&self, name: &str) -> Option<File<'_>> {
        self.files.get(name).and_then(|rows| rows.first()).copied()
    }

    /// The members, by their actor's name or by what they run. A process may be in a group of some hierarchies of v1
    /// alone: those are named then.
    fn members(&self, before: &Snapshot, after: &Snapshot) -> Vec<String> {
        let lists: Vec<BTreeSet<u32>> = self
            .files
            .values()
            .flatten()
            .filter_map(|row| row.latest_value())
            .filter(|file| file.is_member_list())
            .map(|file| file.pids().0.into_iter().collect())
            .collect();

        let named = distinct(lists.iter().flatten().copied()).into_iter().map(|pid| {
            let process = after.process(pid).or_else(|| before.process(pid));
            let name = process.map_or_else(
                || pid.to_string(),
                |it| it.actor.as_ref().map_or(it.comm.clone(), ToString::to_string),
            );
            let has = |list: &&BTreeSet<u32>| list.contains(&pid);
            if lists.iter().all(|list| has(&list)) {
                return name;
            }
            let within = lists.iter().zip(&self.hierarchies).filter(|(list, _)| has(list));
            let within: Vec<&str> = within.map(|(_, hierarchy)| hierarchy.as_str()).collect();
            format!("{name} ({} alone)", within.join(", "))
        });
        distinct(named)
    }

    /// Nobody in it runs. The file that says so stays a row of its own where it changed.
    fn is_frozen<'a>(&'a self, told: &mut Vec<&'a str>) -> bool {
        let of = |name: &str| value(self.file(name)).map(str::trim);
        let is_frozen = of("freezer.state") == Some("FROZEN") || of("cgroup.freeze") == Some("1");
        let is_quiet = |name: &&str| self.file(name).is_some_and(|row| !row.mark.is_change());
        told.extend(["freezer.state", "cgroup.freeze"].into_iter().filter(is_quiet));
        is_frozen
    }

    /// Rows for what befell the group: limits that were met, processes that were killed for them.
    fn event_rows<'a>(&'a self, one: &mut MapBox, told: &mut Vec<&'a str>) {
        for Event { file, line, words } in EVENTS {
            let Some(row) = self.file(file) else { continue };
            let count = |value: &str| event_count(value, line);
            let now = row.latest_value().map_or(0, |file| count(&file.value));
            if now == 0 {
                continue;
            }
            let was = row.before.as_ref().map_or(0, |file| count(&file.value));
            let is_new = row.mark.is_change() && was != now;
            let mark = if is_new { row.mark } else { ChangeKind::Same };
            let more = if is_new && was > 0 { format!("  was {was} ×") } else { String::new() };
            // A file with several counts is one row of the pane.
            let is_told = told.contains(&file);
            let changed = usize::from(row.mark.is_change() && !is_told);
            let made = MapRow::new(mark, format!("{words} {now} ×")).and(MapTone::Quiet, more);
            one.push(made.standing_for(usize::from(!is_told), changed));
            if !is_told {
                told.push(file);
            }
        }
    }

    /// Rows for what no gauge tells: limits that changed one by one, and all others counted.
    fn other_rows(&self, one: &mut MapBox, told: &[&str]) {
        let others = self.files.iter().filter(|(name, _)| !told.contains(name));
        let (mut rows, mut changed) = (0, 0);
        for row in others.flat_map(|(_, rows)| rows) {
            let Some(file) = row.latest_value() else { continue };
            let is_loud = row.mark.is_change() && !self.is_new && !is_counter(&file.name);
            if !is_loud {
                rows += 1;
                changed += usize::from(row.mark.is_change());
                continue;
            }
            let was = row.before.as_ref().filter(|_| row.mark == ChangeKind::Changed);
            let was =
                was.map_or_else(String::new, |old| format!("  was {}", first_line(&old.value)));
            let text = format!("{} {}", file.name, first_line(&file.value));
            one.push(MapRow::new(row.mark, text).and(MapTone::Quiet, was));
        }

        if changed > 0 {
            let row = MapRow::new(ChangeKind::Same, format!("… {rows} more files"));
            one.push(row.standing_for(rows, changed));
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A row that tells several files at once: its mark is that of the first which changed and is no counter.
fn gauge_row(files: &[Option<File<'_>>], text: String) -> MapRow {
    let known = || files.iter().flatten();
    let loud = known().find(|row| {
        row.mark.is_change() && row.latest_value().is_some_and(|file| !is_counter(&file.name))
    });
    let mark = loud.map_or(ChangeKind::Same, |row| row.mark);
    let changed = known().filter(|row| row.mark.is_change()).count();
    MapRow::new(mark, text).standing_for(known().count(), changed)
}

fn value(row: Option<File<'_>>) -> Option<&str> {
    row.and_then(DiffRow::latest_value).map(|file| file.value.as_str())
}

fn old_value<'a>(row: Option<File<'a>>) -> Option<&'a str> {
    row.filter(|row| row.mark == ChangeKind::Changed)
        .and_then(|row| row.before.as_ref())
        .map(|file| file.value.as_str())
}

fn limit(text: Option<&str>) -> Option<u64> {
    text?.trim().parse().ok().filter(|limit| *limit < V1_UNLIMITED)
}

fn memory<'a>(group: &Group<'a>, told: &mut Vec<&'a str>) -> Option<MapRow> {
    let v1 = ("memory.usage_in_bytes", "memory.limit_in_bytes");
    let (files, peak) = if group.file(v1.0).is_some() {
        (v1, "memory.max_usage_in_bytes")
    } else {
        (("memory.current", "memory.max"), "memory.peak")
    };
    bar_row(group, "memory", (files, Some(peak)), bytes, told)
}

fn pids<'a>(group: &Group<'a>, told: &mut Vec<&'a str>) -> Option<MapRow> {
    let files = (("pids.current", "pids.max"), None);
    bar_row(group, "pids", files, |count| count.to_string(), told)
}

/// A row for what is used, and a bar where that has a limit.
fn bar_row<'a>(
    group: &Group<'a>,
    name: &str,
    ((used, most), peak): ((&'a str, &'a str), Option<&'a str>),
    shown: fn(u64) -> String,
    told: &mut Vec<&'a str>,
) -> Option<MapRow> {
    let peak_file = peak.and_then(|name| group.file(name));
    let files = [group.file(most), group.file(used), peak_file];
    let current: u64 = value(files[1])?.trim().parse().ok()?;
    told.extend([used, most].into_iter().chain(peak));
    let peak: Option<u64> = value(peak_file).and_then(|peak| peak.trim().parse().ok());

    let now = shown(current);
    let was = old_value(files[0]).map_or_else(String::new, |old| match limit(Some(old)) {
        Some(old) => format!("  limit was {}", shown(old)),
        None => "  had no limit".into(),
    });
    let row = gauge_row(&files, format!("{name:<6} "));
    let tone = MapTone::of_mark(row.mark);
    let row = match limit(value(files[0])) {
        Some(most) => {
            let gauge = PieceShape::Gauge { used: current, limit: most };
            let row = row.and_shape(gauge, tone, bar(current, peak, most));
            let peak = peak_words(peak, current, shown);
            row.and(tone, format!(" {now} of {}{peak}", shown(most)))
        }
        None => row.and(tone, format!("{now}, no limit")),
    };
    Some(row.and(tone, was))
}

/// The quota in CPUs, and how many of the periods in this group's life were held back.
fn cpu<'a>(group: &Group<'a>, told: &mut Vec<&'a str>) -> Option<MapRow> {
    let v1 = ["cpu.cfs_quota_us", "cpu.cfs_period_us"];
    let (files, quota, period) = if group.file(v1[0]).is_some() {
        let files = v1.map(|name| group.file(name));
        (files, value(files[0])?.trim().parse::<f64>().ok(), value(files[1])?.trim().parse().ok())
    } else {
        let file = group.file("cpu.max");
        let mut words = value(file)?.split_ascii_whitespace();
        let (quota, period) = (words.next()?.parse::<f64>().ok(), words.next()?.parse().ok());
        ([file, None], quota, period)
    };

    let period: f64 = period?;
    let share = quota.filter(|quota| *quota > 0.0).map(|quota| quota / period);
    let stat = group.file("cpu.stat");
    let count = |name: &str| {
        let lines = value(stat).unwrap_or_default().lines();
        lines.filter_map(|line| line.split_once(' ')).find(|(key, _)| *key == name).map(|it| it.1)
    };
    let held = match (count("nr_throttled"), count("nr_periods")) {
        (Some(held), Some(periods)) => format!(", held back in {held} of {periods} periods"),
        _ => String::new(),
    };
    let text = match share {
        Some(share) => format!("cpu    at most {share:.2} CPUs{held}"),
        None if files.iter().flatten().all(|row| !row.mark.is_change()) => return None,
        None => "cpu    no limit".into(),
    };
    told.extend(["cpu.stat", "cpu.max"].into_iter().chain(v1));
    Some(gauge_row(&[files[0], files[1], stat], text))
}

/// `, peak 3 MiB`, where it was more than it is.
fn peak_words(peak: Option<u64>, current: u64, shown: fn(u64) -> String) -> String {
    let peak = peak.map(shown).filter(|peak| *peak != shown(current));
    peak.map_or_else(String::new, |peak| format!(", peak {peak}"))
}

/// `▕███  ╵ ▏`: what is used of a limit, and the most that ever was.
fn bar(used: u64, peak: Option<u64>, most: u64) -> String {
    let eighths = |count: u64| (PieceShape::share(count, most) * (BAR * 8) as f64).ceil() as usize;
    let parts = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let (full, rest) = (eighths(used) / 8, eighths(used) % 8);
    let mut drawn = vec!['█'; full];
    if rest > 0 {
        drawn.push(parts[rest - 1]);
    }
    drawn.resize(BAR, ' ');
    if let Some(peak) = peak.map(|peak| (eighths(peak) / 8).min(BAR - 1))
        && drawn[peak] == ' '
    {
        drawn[peak] = '╵';
    }
    format!("▕{}▏", drawn.into_iter().collect::<String>())
}

/// `64 MiB`: whole where it is, else with one digit more.
fn bytes(count: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, size)| count >= *size) {
        Some((unit, size)) if count.is_multiple_of(size) => format!("{} {unit}", count / size),
        Some((unit, size)) => format!("{:.1} {unit}", count as f64 / size as f64),
        None => format!("{count} bytes"),
    }
}
