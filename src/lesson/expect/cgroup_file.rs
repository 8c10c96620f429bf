//! `cgroup_file`: a number in a file of a group, by its v1 or its v2 name: compared, or counting up.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, World, verdict};
use crate::lesson::model::ViewKind;
use crate::op::ActorName;
use crate::report::Verdict;
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CgroupFile {
    /// Relative to the lab's top group.
    pub name: String,
    /// Names of the file, whichever the group has: `[pids.current]`, `[memory.usage_in_bytes, memory.current]`.
    pub file: Vec<String>,
    /// For files of several lines, the line's first word: `nr_throttled`. A file that is a number alone has no need of it.
    #[serde(default)]
    pub key: Option<String>,
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
}

impl CgroupFile {
    /// What stands in the file, and which file it is.
    fn text<'a>(&self, snapshot: &'a Snapshot) -> Option<(&'a str, &'a str)> {
        let groups = snapshot.cgroups.iter().filter(|group| group.path == self.name);
        let mut named = groups.flat_map(|group| &group.files).filter(|(name, _)| self.file.contains(name));
        named.find_map(|(name, text)| {
            let value = match &self.key {
                Some(_) if text.parse::<u64>().is_ok() => text.as_str(),
                Some(key) => text.lines().find_map(|line| line.strip_prefix(key.as_str())?.strip_prefix(' '))?,
                None => text.as_str(),
            };
            Some((name.as_str(), value.trim()))
        })
    }

    /// The number, and the file it stands in.
    fn read(&self, snapshot: &Snapshot) -> Option<(String, u64)> {
        let (name, text) = self.text(snapshot)?;
        Some((name.to_owned(), text.parse().ok()?))
    }
}

impl ExpectKind for CgroupFile {
    fn fault(&self) -> Option<&'static str> {
        if self.file.is_empty() {
            return Some("`cgroup_file` names no file");
        }
        match (self.at_least, self.at_most, self.grew) {
            (None, None, false) if self.is.is_empty() => {
                Some("`cgroup_file` needs `at_least`, `at_most`, `is` or `grew`")
            }
            (Some(least), Some(most), _) if least > most => Some("`at_least` is more than `at_most`"),
            _ => None,
        }
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Cgroups)
    }

    fn points(&self) -> Vec<String> {
        self.file.clone()
    }

    fn actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn judge(&self, world: &World<'_>) -> Verdict {
        let what = self.key.as_ref().or(self.file.first()).map_or("", String::as_str);
        let mut sentence = format!("{what} of {}", self.name);
        sentence.extend(self.at_least.map(|least| format!(" is at least {least}")));
        sentence.extend(self.at_most.map(|most| format!(" is at most {most}")));
        if self.grew {
            sentence.push_str(" counts up");
        }
        if !self.is.is_empty() {
            sentence.push_str(&format!(" is {}", self.is.join(" or ")));
            return match self.text(world.snapshot) {
                Some((name, text)) => {
                    verdict(self.is.iter().any(|word| word == text), sentence, format!("{name} = {text}"))
                }
                None => verdict(false, sentence, format!("no group {} has such a file", self.name)),
            };
        }
        let Some((name, number)) = self.read(world.snapshot) else {
            return verdict(false, sentence, format!("no group {} has such a file", self.name));
        };
        let before = self.read(world.before).map_or(0, |(_, number)| number);
        let fits = self.at_least.is_none_or(|least| number >= least)
            && self.at_most.is_none_or(|most| number <= most)
            && (!self.grew || number > before);
        let was = if self.grew { format!(", was {before}") } else { String::new() };
        verdict(fits, sentence, format!("{name} = {number}{was}"))
    }
}
