//! The properties that a namespace gets once, before its first process goes on: the map of its ids, the offsets of its
//! clocks.

use serde::{Deserialize, Serialize};

/// One line of an id map: `count` ids of a user namespace from `inside` on are those from `outside` on, user_namespaces(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MappedIds {
    pub inside: u32,
    pub outside: u32,
    pub count: u32,
}

impl MappedIds {
    /// The id inside that one outside is; None where it is not in this range.
    pub fn id_inside(self, outside: u32) -> Option<u32> {
        let place = outside.checked_sub(self.outside).filter(|place| *place < self.count)?;
        Some(self.inside + place)
    }

    /// The same range for who counts the ids outside as these maps do; as it is where they have no such id.
    #[must_use]
    pub fn counted_by(self, theirs: &[MappedIds]) -> MappedIds {
        let found = theirs.iter().find_map(|range| range.id_inside(self.outside));
        MappedIds { outside: found.unwrap_or(self.outside), ..self }
    }
}

impl TryFrom<String> for MappedIds {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let numbers: Option<Vec<u32>> =
            text.split_ascii_whitespace().map(|number| number.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[inside, outside, count]) => Ok(MappedIds { inside, outside, count }),
            _ => Err(format!(
                "`{text}` is no line of an id map, like \"0 1000 1\": first id inside, first id outside, how many"
            )),
        }
    }
}

impl From<MappedIds> for String {
    fn from(range: MappedIds) -> String {
        range.to_string()
    }
}

impl std::fmt::Display for MappedIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.inside, self.outside, self.count)
    }
}

/// The file /proc/PID/setgroups: whether processes of the namespace may give up a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetgroupsRule {
    Allow,
    Deny,
}

impl SetgroupsRule {
    /// The word that is written.
    pub fn word(self) -> &'static str {
        match self {
            SetgroupsRule::Allow => "allow",
            SetgroupsRule::Deny => "deny",
        }
    }
}

/// The maps of a user namespace: each is one file, and one write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdMaps {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uids: Vec<MappedIds>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gids: Vec<MappedIds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setgroups: Option<SetgroupsRule>,
}

impl IdMaps {
    /// The files of /proc/PID and what is written into each, in an order that works: setgroups can't be denied once
    /// there is a gid map.
    pub fn files(&self) -> Vec<(&'static str, String)> {
        let setgroups = self.setgroups.map(|word| ("setgroups", format!("{}\n", word.word())));
        let maps = [("gid_map", &self.gids), ("uid_map", &self.uids)];
        let maps = maps.into_iter().filter(|(_, ranges)| !ranges.is_empty());
        setgroups.into_iter().chain(maps.map(|(name, ranges)| (name, map_text(ranges)))).collect()
    }

    /// The user and the group that root is inside, where nothing but root is mapped: unshare(1) does this by itself.
    pub fn only_root(&self) -> Option<(u32, u32)> {
        match (self.uids.as_slice(), self.gids.as_slice()) {
            ([uid], [gid]) => {
                let is_root = |range: &MappedIds| range.outside == 0 && range.count == 1;
                (is_root(uid) && is_root(gid)).then_some((uid.inside, gid.inside))
            }
            _ => None,
        }
    }
}

/// The text of a map's file: a range a line.
fn map_text(ranges: &[MappedIds]) -> String {
    ranges.iter().map(|range| format!("{range}\n")).collect()
}

/// The seconds that a time namespace adds to clocks, time_namespaces(7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockOffsets {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monotonic: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boottime: Option<i64>,
}

impl ClockOffsets {
    pub fn is_empty(&self) -> bool {
        *self == ClockOffsets::default()
    }

    /// The clocks that have an offset, by the kernel's names, each with its seconds.
    pub fn clocks(&self) -> impl Iterator<Item = (&'static str, i64)> {
        let all = [("monotonic", self.monotonic), ("boottime", self.boottime)];
        all.into_iter().filter_map(|(name, seconds)| Some((name, seconds?)))
    }

    /// The offset to name where there is room for one: that of the boot-time clock, unless it is 0.
    pub fn main(&self) -> Option<i64> {
        self.boottime.filter(|seconds| *seconds != 0).or(self.monotonic)
    }

    /// The text for /proc/self/timens_offsets: clock, seconds, nanoseconds.
    pub fn text(&self) -> String {
        self.clocks().map(|(name, seconds)| format!("{name} {seconds} 0\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_map_is_three_numbers() {
        let read = |text: &str| MappedIds::try_from(text.to_owned());
        assert_eq!(read("0 1000 1"), Ok(MappedIds { inside: 0, outside: 1000, count: 1 }));
        assert_eq!(
            read("         0       1000          1").map(|range| range.to_string()).as_deref(),
            Ok("0 1000 1")
        );
        for text in ["", "0 1000", "0 1000 1 2", "0 1000 -1", "a b c"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_files_of_a_map_are_written_in_an_order_that_works() {
        let range = |inside, outside, count| MappedIds { inside, outside, count };
        let maps = IdMaps {
            uids: vec![range(0, 1000, 1), range(1, 2000, 100)],
            gids: vec![range(0, 1000, 1)],
            setgroups: Some(SetgroupsRule::Deny),
        };
        let files = maps.files();
        assert_eq!(
            files,
            [
                ("setgroups", "deny\n".to_owned()),
                ("gid_map", "0 1000 1\n".to_owned()),
                ("uid_map", "0 1000 1\n1 2000 100\n".to_owned())
            ]
        );
    }

    #[test]
    fn a_range_is_told_in_the_numbers_of_who_reads() {
        let range = |inside, outside, count| MappedIds { inside, outside, count };
        let lab = [range(0, 1_000_000_000, 65536)];
        assert_eq!(range(0, 1_000_001_000, 1).counted_by(&lab), range(0, 1000, 1));
        assert_eq!(range(0, 5, 1).counted_by(&lab), range(0, 5, 1), "they have no such id");
    }

    #[test]
    fn offsets_are_written_a_clock_a_line() {
        let both = ClockOffsets { monotonic: Some(-5), boottime: Some(864_000) };
        assert_eq!(both.text(), "monotonic -5 0\nboottime 864000 0\n");
        assert!(ClockOffsets::default().is_empty());
    }
}
