//! `cgroup`: who is in a group, and what it may use, whatever the version of the hierarchy.

use serde::{Deserialize, Serialize};

use super::{CUT, ExpectKind, ObservedState, or_unread};
use crate::action::cgroup::Limits;
use crate::op::ActorName;
use crate::seen::{CgroupValue, CutList, Judgement, Seen};
use crate::snapshot;
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cgroup {
    /// Relative to the lab's top group.
    pub name: String,
    #[serde(default)]
    pub has: Option<ActorName>,
    #[serde(default)]
    pub limit: Option<Limits>,
}

/// Stands for the number of whatever disk the lab has.
const ANY_DISK: &str = "*:* ";

/// The files that say one limit, in v1 and v2, with the value each should have.
fn wanted_files(limits: &Limits) -> Vec<[(&'static str, String); 2]> {
    let mut wanted = Vec::new();
    wanted.extend(limits.memory.map(|bytes| {
        [("memory.limit_in_bytes", bytes.0.to_string()), ("memory.max", bytes.0.to_string())]
    }));
    if limits.no_swap {
        wanted.push([("memory.swappiness", "0".into()), ("memory.swap.max", "0".into())]);
    }
    wanted.extend(limits.cpu.map(|cpus| {
        let quota = (cpus * 100_000.0).round() as u64;
        [("cpu.cfs_quota_us", quota.to_string()), ("cpu.max", format!("{quota} 100000"))]
    }));
    wanted.extend(
        limits.pids.map(|pids| [("pids.max", pids.to_string()), ("pids.max", pids.to_string())]),
    );
    wanted.extend(limits.cpu_weight.map(|weight| {
        [("cpu.shares", (weight * 1024 / 100).to_string()), ("cpu.weight", weight.to_string())]
    }));
    wanted.extend(
        limits
            .cpus
            .iter()
            .map(|cpus| [("cpuset.cpus", cpus.clone()), ("cpuset.cpus", cpus.clone())]),
    );
    wanted.extend(
        limits
            .mems
            .iter()
            .map(|mems| [("cpuset.mems", mems.clone()), ("cpuset.mems", mems.clone())]),
    );
    wanted.extend(limits.write_bps.map(|bytes| {
        let bytes = bytes.0;
        [
            ("blkio.throttle.write_bps_device", format!("{ANY_DISK}{bytes}")),
            ("io.max", format!("{ANY_DISK}wbps={bytes}")),
        ]
    }));
    wanted.extend(limits.freeze.map(|freeze| {
        let state = if freeze { "FROZEN" } else { "THAWED" };
        [("freezer.state", state.to_owned()), ("cgroup.freeze", u8::from(freeze).to_string())]
    }));
    wanted.extend(
        limits.classid.map(|class| [(); 2].map(|()| ("net_cls.classid", class.0.to_string()))),
    );

    wanted
}

impl ExpectKind for Cgroup {
    const SUMMARY: &'static str = "a control group is there, with these limits and members";

    fn impossible_reason(&self) -> Option<&'static str> {
        let limits = self.limit.as_ref();
        let none = limits.is_some_and(|limits| wanted_files(limits).is_empty());
        none.then_some("`limit` names no limit")
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Cgroups)
    }

    fn deciding_words(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        self.has.iter().collect()
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let groups: Vec<&snapshot::Cgroup> =
            world.snapshot.cgroups.iter().filter(|group| group.path == self.name).collect();
        if groups.is_empty() {
            let (omitted, listed) = (world.snapshot.cgroups_omitted, world.snapshot.cgroups.len());
            let none = || Seen::NoCgroup(self.name.clone());
            return Judgement::failed(or_unread(omitted, CutList::Cgroups, listed, none));
        }

        if let Some(actor) = &self.has {
            let pid = world.snapshot.process_of(actor).map(|process| process.pid);
            let outside =
                groups.iter().find(|group| !pid.is_some_and(|pid| group.procs.contains(&pid)));
            if let Some(group) = outside {
                let (hierarchy, pids) = (group.hierarchy.clone(), group.procs.clone());
                let listed = pids.len();
                return Judgement::failed(or_unread(
                    group.procs_omitted,
                    CutList::CgroupMembers,
                    listed,
                    || Seen::Members { hierarchy, pids },
                ));
            }
        }

        let mut files = Vec::new();
        for choices in self.limit.as_ref().map(wanted_files).unwrap_or_default() {
            let value = |name: &str| groups.iter().find_map(|group| group.files.get(name));
            let fits = choices.iter().any(|(name, wanted)| {
                match (value(name), wanted.strip_prefix(ANY_DISK)) {
                    (Some(value), Some(rule)) => {
                        value.lines().any(|line| line.split(' ').any(|word| word == rule))
                    }
                    (value, _) => value == Some(wanted),
                }
            });
            let there = choices.iter().find_map(|(name, _)| Some((*name, value(name)?)));
            let (file, value) =
                there.map_or((choices[0].0, None), |(name, value)| (name, Some(value.clone())));
            let shown = CgroupValue { file: file.to_owned(), value };

            if !fits {
                let is_cut = shown.value.as_ref().is_some_and(|value| value.ends_with(CUT));
                let seen = if is_cut { Seen::CgroupValueUnread } else { Seen::CgroupValue };
                return Judgement::failed(seen(shown));
            }
            files.push(shown);
        }

        let hierarchies = groups.iter().map(|group| group.hierarchy.clone()).collect();
        Judgement::held(Seen::Settings { files, hierarchies })
    }
}
