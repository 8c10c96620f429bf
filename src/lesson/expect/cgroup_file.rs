//! `cgroup_file`: a number in a file of a group, by its v1 or its v2 name: compared, or counting up.

use serde::{Deserialize, Serialize};

use super::{CUT, ExpectKind, ObservedState, or_unread};
use crate::op::ActorName;
use crate::seen::{CgroupNumber, CgroupValue, CutList, Judgement, Seen};
use crate::snapshot::{Cgroup, Snapshot};
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CgroupFile {
    /// Relative to the lab's top group.
    pub name: String,
    /// Names of the file, whichever the group has: `[pids.current]`, `[memory.usage_in_bytes, memory.current]`.
    pub file: Vec<String>,
    /// For files of several lines, the line's first word: `nr_throttled`. A file that is a number alone has no need of
    /// it. `written` of files on block I/O: the bytes that went to all disks.
    #[serde(default)]
    pub key: Option<String>,
    /// Not the number itself, but what it is in percent of the same number of this other group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_of: Option<String>,
    #[serde(default)]
    pub at_least: Option<u64>,
    #[serde(default)]
    pub at_most: Option<u64>,
    /// Any of these words, where the file holds no number: `[FROZEN, "1"]`.
    #[serde(default)]
    pub is: Vec<String>,
    /// More than before the step.
    #[serde(default)]
    pub grew: bool,
    /// So much more, at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grew_by: Option<u64>,
}

impl CgroupFile {
    /// The name of the file, and the text that stands in it: all of it, or the part that `key` names.
    fn text<'a>(&self, group: &str, snapshot: &'a Snapshot) -> Option<(&'a str, String)> {
        let groups = snapshot.cgroups.iter().filter(|known| known.path == group);
        let mut named =
            groups.flat_map(|group| &group.files).filter(|(name, _)| self.file.contains(name));

        named.find_map(|(name, text)| {
            // Of a file that was cut, no sum can be told.
            if text.ends_with(CUT) {
                let key = self.key.as_deref().filter(|key| *key != "written")?;
                let value = text
                    .lines()
                    .rev()
                    .skip(1)
                    .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
                return Some((name.as_str(), value.trim().to_owned()));
            }
            if self.key.as_deref() == Some("written") {
                return written(text).map(|bytes| (name.as_str(), bytes.to_string()));
            }

            let value = match &self.key {
                Some(_) if text.parse::<u64>().is_ok() => text.as_str(),
                Some(key) => text
                    .lines()
                    .find_map(|line| line.strip_prefix(key.as_str())?.strip_prefix(' '))?,
                None => text.as_str(),
            };
            Some((name.as_str(), value.trim().to_owned()))
        })
    }

    /// The reason why there is no such number.
    fn missing(&self, snapshot: &Snapshot) -> Seen {
        let mut files = snapshot
            .cgroups
            .iter()
            .filter(|group| group.path == self.name)
            .flat_map(|group| &group.files);
        if let Some((name, _)) =
            files.find(|(name, text)| self.file.contains(name) && text.ends_with(CUT))
        {
            return Seen::CgroupFileUnread { file: name.clone(), group: self.name.clone() };
        }
        let none = || Seen::NoCgroupFile { group: self.name.clone() };
        or_unread(snapshot.cgroups_omitted, CutList::Cgroups, snapshot.cgroups.len(), none)
    }

    /// True if a bound holds only because nobody is in the group or ever was: it bounds nothing then. Of a group whose
    /// files don't tell who was there, that is not claimed.
    fn is_bound_of_nothing(&self, snapshot: &Snapshot) -> bool {
        let Some(most) = self.at_most.filter(|_| self.at_least.is_none()) else { return false };
        let own = self.text(&self.name, snapshot).and_then(|(_, text)| text.parse::<u64>().ok());
        let is_in_group = |group: &&Cgroup| group.path == self.name;
        let mut groups = snapshot.cgroups.iter().filter(is_in_group);
        if own != Some(0) || groups.clone().any(|group| !group.procs.is_empty()) {
            return false;
        }

        // To ask for 0 of a whole file is to ask for an empty group.
        match (self.key.is_some(), most) {
            (false, 0) => false,
            (false, _) => true,
            (true, _) => {
                let used: Vec<u64> = groups.by_ref().flat_map(numbers_of_use).collect();
                !used.is_empty() && used.iter().all(|number| *number == 0)
            }
        }
    }

    /// The number or its share in percent, and the file it stands in.
    fn read(&self, snapshot: &Snapshot) -> Option<(String, u64)> {
        let number = |group: &str| -> Option<(&str, u64)> {
            let (name, text) = self.text(group, snapshot)?;
            Some((name, text.parse().ok()?))
        };
        let (name, own) = number(&self.name)?;
        let number = match &self.percent_of {
            // Of nothing, there is no share.
            Some(other) => own.checked_mul(100)?.checked_div(number(other)?.1)?,
            None => own,
        };
        Some((name.to_owned(), number))
    }
}

/// The numbers of a group that stay above 0 once somebody was in it.
fn numbers_of_use(group: &Cgroup) -> Vec<u64> {
    const ALONE: [&str; 3] = ["cpuacct.usage", "memory.max_usage_in_bytes", "memory.peak"];
    const OF_CPU_STAT: [&str; 2] = ["usage_usec ", "nr_periods "];

    let alone = ALONE.iter().filter_map(|name| group.files.get(*name)?.trim().parse().ok());
    let cpu_stat = group.files.get("cpu.stat").map_or("", String::as_str).lines();
    let of_cpu = cpu_stat.filter_map(|line| {
        let value = OF_CPU_STAT.iter().find_map(|key| line.strip_prefix(key))?;
        value.trim().parse().ok()
    });
    alone.chain(of_cpu).collect()
}

/// Lines `254:0 Write 4096` of v1, words `wbytes=4096` of v2; none where there is neither.
fn written(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let v1 = words
        .windows(2)
        .filter(|pair| pair[0] == "Write")
        .filter_map(|pair| pair[1].parse::<u64>().ok());
    let v2 = words.iter().filter_map(|word| word.strip_prefix("wbytes=")?.parse().ok());
    v1.chain(v2).reduce(|all, one| all + one)
}

impl ExpectKind for CgroupFile {
    const SUMMARY: &'static str = "a number in a file of a control group: compared, or counting up";

    fn impossible_reason(&self) -> Option<&'static str> {
        if self.file.is_empty() {
            return Some("`cgroup_file` names no file");
        }

        let grows = self.grew || self.grew_by.is_some();
        match (self.at_least, self.at_most, grows) {
            (None, None, false) if self.is.is_empty() => {
                Some("`cgroup_file` needs `at_least`, `at_most`, `is`, `grew` or `grew_by`")
            }
            (Some(least), Some(most), _) if least > most => {
                Some("`at_least` is more than `at_most`")
            }
            _ => None,
        }
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Cgroups)
    }

    fn deciding_words(&self) -> Vec<String> {
        self.file.clone()
    }

    fn actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        if !self.is.is_empty() {
            return match self.text(&self.name, world.snapshot) {
                Some((name, text)) => {
                    let is_so = self.is.contains(&text);
                    let shown = CgroupValue { file: name.to_owned(), value: Some(text) };
                    Judgement::new(is_so, Seen::CgroupValue(shown))
                }
                None => Judgement::failed(self.missing(world.snapshot)),
            };
        }

        let Some((name, number)) = self.read(world.snapshot) else {
            return Judgement::failed(self.missing(world.snapshot));
        };
        if self.is_bound_of_nothing(world.snapshot) {
            let group = self.name.clone();
            return Judgement::failed(Seen::CgroupUnused { file: name, group });
        }
        let counts = self.grew || self.grew_by.is_some();
        let before = self.read(world.before).map(|(_, number)| number);
        // A group that the step has made counts from 0; of one that was there it takes the number to see it grow.
        let was_there = world.before.cgroups.iter().any(|group| group.path == self.name);
        if counts && before.is_none() && was_there {
            return Judgement::failed(self.missing(world.before));
        }
        let before = before.unwrap_or(0);
        let fits = self.at_least.is_none_or(|least| number >= least)
            && self.at_most.is_none_or(|most| number <= most)
            && (!self.grew || number > before)
            && self.grew_by.is_none_or(|more| number >= before.saturating_add(more));

        let seen = CgroupNumber {
            file: name,
            in_percent: self.percent_of.is_some(),
            number,
            before: counts.then_some(before),
        };
        Judgement::new(fits, Seen::CgroupNumber(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::expect::FactAnswers;
    use crate::snapshot::Omitted;
    use crate::words;

    fn host(files: &[(&str, &str, &str)]) -> Snapshot {
        let group = |(hierarchy, file, text): &(&str, &str, &str)| Cgroup {
            hierarchy: (*hierarchy).into(),
            path: "box".into(),
            procs: Vec::new(),
            procs_omitted: Omitted::Nothing,
            files: [((*file).to_owned(), (*text).to_owned())].into(),
        };
        Snapshot { cgroups: files.iter().map(group).collect(), ..Snapshot::default() }
    }

    fn expectation(file: &[&str], key: Option<&str>) -> CgroupFile {
        let file = file.iter().map(|name| (*name).to_owned()).collect();
        CgroupFile {
            name: "box".into(),
            file,
            key: key.map(str::to_owned),
            percent_of: None,
            at_least: None,
            at_most: None,
            is: Vec::new(),
            grew: false,
            grew_by: None,
        }
    }

    #[test]
    fn a_number_is_found_by_its_line_or_stands_alone() {
        let usage = expectation(&["cpuacct.usage", "cpu.stat"], Some("usage_usec"));
        let v1 = host(&[
            ("cpu", "cpu.stat", "nr_periods 1\nnr_throttled 0"),
            ("cpuacct", "cpuacct.usage", "36270000"),
        ]);
        let v2 = host(&[("unified", "cpu.stat", "usage_usec 480\nuser_usec 200")]);
        assert_eq!(usage.read(&v1), Some(("cpuacct.usage".into(), 36_270_000)));
        assert_eq!(usage.read(&v2), Some(("cpu.stat".into(), 480)));
        assert_eq!(usage.read(&host(&[("memory", "memory.failcnt", "3")])), None);
    }

    #[test]
    fn of_a_file_that_was_cut_only_whole_lines_count() {
        let throttled = expectation(&["cpu.stat"], Some("nr_throttled"));
        let cut = host(&[("cpu", "cpu.stat", "nr_throttled 7\nnr_thr…")]);
        assert_eq!(throttled.read(&cut), Some(("cpu.stat".into(), 7)));

        let last = host(&[("cpu", "cpu.stat", "nr_periods 7\nnr_throttled 1…")]);
        assert_eq!(throttled.read(&last), None);
        assert_eq!(
            words::seen(&throttled.missing(&last)),
            "could not be read whole: cpu.stat of box is too long"
        );

        let written = expectation(&["io.stat"], Some("written"));
        assert_eq!(
            written.read(&host(&[("unified", "io.stat", "254:0 wbytes=4096\n254:16 wby…")])),
            None
        );

        let others = Snapshot { cgroups_omitted: Omitted::Rows(3), ..Snapshot::default() };
        assert_eq!(
            words::seen(&throttled.missing(&others)),
            "could not be read whole: … 3 more cgroups"
        );
    }

    #[test]
    fn what_was_written_is_summed_over_all_disks() {
        let written = expectation(&["blkio.throttle.io_service_bytes", "io.stat"], Some("written"));
        let v1 = "254:0 Read 7\n254:0 Write 4096\n254:16 Write 1\n254:0 Total 4103\nTotal 4104";
        let v2 = "254:0 rbytes=7 wbytes=4096 rios=1 wios=1\n254:16 rbytes=0 wbytes=1 rios=0 wios=1";
        assert_eq!(
            written.read(&host(&[("blkio", "blkio.throttle.io_service_bytes", v1)])).map(|it| it.1),
            Some(4097)
        );
        assert_eq!(written.read(&host(&[("unified", "io.stat", v2)])).map(|it| it.1), Some(4097));
        assert_eq!(written.read(&host(&[("unified", "io.stat", "")])), None);
    }

    #[test]
    fn a_bound_does_not_hold_because_nobody_is_or_was_in_the_group() {
        let check = |file: &str, key: Option<&str>, most, lab: &Snapshot, ok: bool| {
            let expect = CgroupFile { at_most: Some(most), ..expectation(&[file], key) };
            let facts = FactAnswers::default();
            let world =
                ObservedState { snapshot: lab, before: lab, facts: &facts, outputs: &[], ops: &[] };
            let judged = expect.judge(&world);
            assert_eq!(judged.ok, ok, "{file} at most {most}: {judged:?}");
            let is_said = words::seen(&judged.seen).contains("nobody has used the group box");
            assert_eq!(is_said, !ok);
        };

        check("memory.peak", None, 64, &host(&[("memory", "memory.peak", "0")]), false);
        check("memory.peak", None, 64, &host(&[("memory", "memory.peak", "9")]), true);
        check("pids.current", None, 20, &host(&[("pids", "pids.current", "0")]), false);
        // To ask for none is to ask for an empty group.
        check("pids.current", None, 0, &host(&[("pids", "pids.current", "0")]), true);

        let events = ("memory", "memory.events", "high 0\noom_kill 0");
        let of = |peak: &'static str| host(&[events, ("memory", "memory.peak", peak)]);
        check("memory.events", Some("oom_kill"), 0, &of("0"), false);
        check("memory.events", Some("oom_kill"), 0, &of("4096"), true);
        let mut with_member = of("0");
        with_member.cgroups[0].procs = vec![7];
        check("memory.events", Some("oom_kill"), 0, &with_member, true);

        let throttled = |text| host(&[("cpu", "cpu.stat", text)]);
        let key = Some("nr_throttled");
        check("cpu.stat", key, 0, &throttled("nr_periods 0\nnr_throttled 0"), false);
        check("cpu.stat", key, 0, &throttled("nr_periods 9\nnr_throttled 0"), true);
    }
}
