//! `cgroup`: a group of processes, what it may use, who is in it. One vocabulary, lowered to the files of v1 or v2.

use serde::{Deserialize, Serialize};

use super::paths::check_cgroup;
use super::{ActionKind, LabFacts, LowerError, Precondition, PreflightCheck};
use crate::op::{ActorName, Op, WriteMode};
use crate::snapshot::{CgroupVersion, Snapshot};
use crate::traffic::ClassId;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cgroup {
    pub name: String,
    #[serde(default)]
    pub limits: Limits,
    /// Actors to put into the group.
    #[serde(default)]
    pub join: Vec<ActorName>,
    /// Controllers whose files are wanted without a limit: `cpuacct` counts CPU time on v1.
    #[serde(default)]
    pub controllers: Vec<String>,
    /// The group is there already: only set limits and add members.
    #[serde(default)]
    pub existing: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes; `64MiB` in YAML.
    #[serde(default)]
    pub memory: Option<Bytes>,
    /// None of the memory of its processes is moved to swap, which no limit on memory counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_swap: bool,
    /// CPUs: 0.5 is half of one.
    #[serde(default)]
    pub cpu: Option<f64>,
    /// Processes and threads.
    #[serde(default)]
    pub pids: Option<u64>,
    /// Share of the CPU when others want it too: 100 is what a group has by itself, 1 to 10000.
    #[serde(default)]
    pub cpu_weight: Option<u64>,
    /// CPUs by number: `"0"`, `"0-1"`.
    #[serde(default)]
    pub cpus: Option<String>,
    /// Memory nodes by number.
    #[serde(default)]
    pub mems: Option<String>,
    /// Bytes a second that may be written to the disk of /scratch.
    #[serde(default)]
    pub write_bps: Option<Bytes>,
    /// Stand still, or go on.
    #[serde(default)]
    pub freeze: Option<bool>,
    /// No limit, but a number for the packets that the group sends: `"10:1"`. v1 alone has that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classid: Option<ClassId>,
}

/// An amount of memory: a number of bytes, or with `KiB`, `MiB`, `GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub u64);

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            other => return Err(format!("unknown unit `{other}`: bytes, KiB, MiB or GiB")),
        };

        let number: u64 = digits
            .trim()
            .parse()
            .map_err(|_| format!("`{text}` is no amount of memory, like 64MiB"))?;
        number
            .checked_mul(unit)
            .map(Bytes)
            .ok_or_else(|| format!("`{text}` is more than any machine has"))
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> String {
        bytes.0.to_string()
    }
}

/// A file that a kernel without swap lacks.
const SWAP_MAX: &str = "memory.swap.max";

/// The default period of the CPU bandwidth controller, in microseconds.
const PERIOD_US: u64 = 100_000;

impl Cgroup {
    /// The group's directories, once each. Errors name a controller that is not there.
    pub fn paths(&self, context: &LabFacts) -> Result<Vec<String>, LowerError> {
        Ok(self.directories(context)?.into_iter().map(|(path, _)| path).collect())
    }

    /// (controller, file, value) of every limit, for a version.
    fn settings(
        &self,
        version: CgroupVersion,
        disk: Option<&str>,
    ) -> Vec<(&'static str, &'static str, String)> {
        let mut settings = Vec::new();
        if let Some(Bytes(bytes)) = self.limits.memory {
            let file = match version {
                CgroupVersion::V1 => "memory.limit_in_bytes",
                CgroupVersion::V2 => "memory.max",
            };
            settings.push(("memory", file, bytes.to_string()));
        }
        if self.limits.no_swap {
            // In v1 a group's swappiness of 0 is kept to also where memory is short: the kernel's text cgroup-v1 memory, 5.3.
            // `memory.memsw.limit_in_bytes` would depend on an option of the kernel, and on the order of writing.
            settings.push(match version {
                CgroupVersion::V1 => ("memory", "memory.swappiness", "0".into()),
                CgroupVersion::V2 => ("memory", SWAP_MAX, "0".into()),
            });
        }

        if let Some(cpus) = self.limits.cpu {
            let quota = (cpus * PERIOD_US as f64).round() as u64;
            match version {
                CgroupVersion::V1 => {
                    settings.push(("cpu", "cpu.cfs_period_us", PERIOD_US.to_string()));
                    settings.push(("cpu", "cpu.cfs_quota_us", quota.to_string()));
                }
                CgroupVersion::V2 => {
                    settings.push(("cpu", "cpu.max", format!("{quota} {PERIOD_US}")))
                }
            }
        }

        if let Some(pids) = self.limits.pids {
            settings.push(("pids", "pids.max", pids.to_string()));
        }
        if let Some(weight) = self.limits.cpu_weight {
            settings.push(match version {
                // A group has 1024 shares by itself in v1, a weight of 100 in v2.
                CgroupVersion::V1 => ("cpu", "cpu.shares", (weight * 1024 / 100).to_string()),
                CgroupVersion::V2 => ("cpu", "cpu.weight", weight.to_string()),
            });
        }

        // Nodes before CPUs changes nothing; both before a process joins does.
        settings
            .extend(self.limits.mems.iter().map(|mems| ("cpuset", "cpuset.mems", mems.clone())));
        settings
            .extend(self.limits.cpus.iter().map(|cpus| ("cpuset", "cpuset.cpus", cpus.clone())));
        if let (Some(Bytes(bytes)), Some(disk)) = (self.limits.write_bps, disk) {
            settings.push(match version {
                CgroupVersion::V1 => {
                    ("blkio", "blkio.throttle.write_bps_device", format!("{disk} {bytes}"))
                }
                CgroupVersion::V2 => ("blkio", "io.max", format!("{disk} wbps={bytes}")),
            });
        }
        if let Some(freeze) = self.limits.freeze {
            settings.push(match (version, freeze) {
                (CgroupVersion::V1, true) => ("freezer", "freezer.state", "FROZEN".into()),
                (CgroupVersion::V1, false) => ("freezer", "freezer.state", "THAWED".into()),
                (CgroupVersion::V2, freeze) => {
                    ("freezer", "cgroup.freeze", u8::from(freeze).to_string())
                }
            });
        }
        if let (Some(class), CgroupVersion::V1) = (self.limits.classid, version) {
            settings.push(("net_cls", "net_cls.classid", format!("{:#x}", class.0)));
        }

        settings
    }

    /// The controllers that it needs, by their names in version 1.
    pub fn controllers(&self) -> Vec<String> {
        let limits = &self.limits;
        let wanted = [
            ("memory", limits.memory.is_some() || limits.no_swap),
            ("cpu", limits.cpu.is_some() || limits.cpu_weight.is_some()),
            ("pids", limits.pids.is_some()),
            ("cpuset", limits.cpus.is_some() || limits.mems.is_some()),
            ("blkio", limits.write_bps.is_some()),
            ("freezer", limits.freeze.is_some()),
            ("net_cls", limits.classid.is_some()),
        ];

        let by_limit =
            wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name.to_owned());
        let mut names: Vec<String> = by_limit.chain(self.controllers.iter().cloned()).collect();
        let mut known = std::collections::BTreeSet::new();
        names.retain(|name| known.insert(name.clone()));
        names
    }

    /// The group's directory in each hierarchy it needs, once each, with the hierarchy's version.
    fn directories(&self, context: &LabFacts) -> Result<Vec<(String, CgroupVersion)>, LowerError> {
        let mut found: Vec<(String, CgroupVersion)> = Vec::new();
        for controller in self.controllers() {
            let mount = context.cgroup_mount(&controller)?;
            let place = (format!("{}/{}", mount.path, self.name), mount.version);
            if !found.contains(&place) {
                found.push(place);
            }
        }
        Ok(found)
    }

    fn writes(&self, context: &LabFacts) -> Result<Vec<(String, String)>, LowerError> {
        if self.limits.write_bps.is_some() && context.disk.is_none() {
            return Err(LowerError::NoDisk);
        }

        let mut writes = Vec::new();
        for controller in self.controllers() {
            let mount = context.cgroup_mount(&controller)?;
            let own = self
                .settings(mount.version, context.disk.as_deref())
                .into_iter()
                .filter(|(of, _, _)| *of == controller);
            writes.extend(
                own.map(|(_, file, value)| (format!("{}/{}/{file}", mount.path, self.name), value)),
            );
        }
        Ok(writes)
    }
}

impl ActionKind for Cgroup {
    const SUMMARY: &'static str = "makes a control group, sets limits, moves actors into it";

    fn named_actors(&self) -> Vec<&ActorName> {
        self.join.iter().collect()
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        let (Ok(directories), Ok(writes)) = (self.directories(context), self.writes(context))
        else {
            return vec![format!("# this lab lacks a controller that `{}` needs", self.name)];
        };

        let paths: Vec<&str> = directories.iter().map(|(path, _)| path.as_str()).collect();
        let mut lines = Vec::new();
        if !self.existing {
            lines.push(format!("mkdir {}", paths.join(" ")));
        }
        lines.extend(writes.iter().map(|(path, value)| format!("echo {value} > {path}")));
        for actor in &self.join {
            // Nobody is there yet: then it will be the child of the one called unshare.
            let told = context.known_pid(actor).map_or_else(
                || "pgrep -P $(pidof unshare)".to_owned(),
                |pid| format!("echo {pid}"),
            );
            for (path, _) in &directories {
                lines.push(format!("{told} > {path}/cgroup.procs"));
            }
        }

        lines
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let directories = self.directories(context)?;
        let mut ops = Vec::new();
        if !self.existing {
            ops.extend(
                directories
                    .iter()
                    .map(|(path, _)| Op::Mkdir { path: path.clone(), parents: false }),
            );
        }

        let write = |path: String, value: String| {
            let mode =
                if path.ends_with(SWAP_MAX) { WriteMode::IfThere } else { WriteMode::Existing };
            Op::WriteFile { path, text: format!("{value}\n"), mode }
        };
        ops.extend(self.writes(context)?.into_iter().map(|(path, value)| write(path, value)));

        // Members come last: a cpuset of v1 takes no process before its CPUs and memory nodes are set, see cpuset(7).
        for actor in &self.join {
            let pid = context.lab_pid(actor)?;
            ops.extend(
                directories
                    .iter()
                    .map(|(path, _)| write(format!("{path}/cgroup.procs"), pid.to_string())),
            );
        }
        Ok(ops)
    }

    fn preflight(&self, _: &ActorName, snapshot: &Snapshot) -> Vec<PreflightCheck> {
        let is_there = check_cgroup(snapshot, &self.name);
        if self.existing {
            return vec![is_there];
        }
        let condition = Precondition::NoCgroupYet { name: self.name.clone() };
        vec![PreflightCheck { condition, ok: !is_there.ok }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::CgroupMount;

    fn context(version: CgroupVersion) -> LabFacts {
        let path = |controller: &str| match version {
            CgroupVersion::V1 => format!("/sys/fs/cgroup/{controller}"),
            CgroupVersion::V2 => "/sys/fs/cgroup".into(),
        };
        let cgroups = ["memory", "cpu", "pids"]
            .map(|controller| {
                (controller.to_owned(), CgroupMount { version, path: path(controller) })
            })
            .into();
        LabFacts { lab_pids: [("box".into(), 7)].into(), cgroups, ..LabFacts::default() }
    }

    fn group() -> Cgroup {
        let limits = Limits {
            memory: Some(Bytes(1024)),
            cpu: Some(0.5),
            pids: Some(20),
            ..Limits::default()
        };

        Cgroup {
            name: "box".into(),
            limits,
            join: vec!["box".into()],
            controllers: Vec::new(),
            existing: false,
        }
    }

    #[test]
    fn one_vocabulary_is_lowered_to_the_files_of_either_version() {
        assert_eq!(
            group().shell(&context(CgroupVersion::V2)),
            [
                "mkdir /sys/fs/cgroup/box",
                "echo 1024 > /sys/fs/cgroup/box/memory.max",
                "echo 50000 100000 > /sys/fs/cgroup/box/cpu.max",
                "echo 20 > /sys/fs/cgroup/box/pids.max",
                "echo 7 > /sys/fs/cgroup/box/cgroup.procs",
            ]
        );

        let v1 = group().shell(&context(CgroupVersion::V1));
        assert_eq!(
            v1[0],
            "mkdir /sys/fs/cgroup/memory/box /sys/fs/cgroup/cpu/box /sys/fs/cgroup/pids/box"
        );
        assert_eq!(v1[3], "echo 50000 > /sys/fs/cgroup/cpu/box/cpu.cfs_quota_us");
        assert_eq!(v1.len(), 8);
        assert_eq!(group().lower(&context(CgroupVersion::V1)).map(|ops| ops.len()), Ok(10));
        assert_eq!(group().lower(&context(CgroupVersion::V2)).map(|ops| ops.len()), Ok(5));
    }

    #[test]
    fn a_group_without_swap_writes_the_file_of_its_version_and_takes_its_absence_in_v2() {
        let check = |version, path: &str, mode| {
            let limits = Limits { no_swap: true, ..Limits::default() };
            let group = Cgroup { limits, join: Vec::new(), ..group() };
            let wanted = Op::WriteFile { path: path.into(), text: "0\n".into(), mode };
            assert_eq!(group.lower(&context(version)).map(|ops| ops[1].clone()), Ok(wanted));
        };

        let existing = WriteMode::Existing;
        check(CgroupVersion::V1, "/sys/fs/cgroup/memory/box/memory.swappiness", existing);
        check(CgroupVersion::V2, "/sys/fs/cgroup/box/memory.swap.max", WriteMode::IfThere);
    }

    #[test]
    fn a_lab_without_the_controller_says_so() {
        assert_eq!(
            group().lower(&LabFacts::default()),
            Err(LowerError::NoController("memory".into()))
        );
    }

    #[test]
    fn amounts_of_memory_have_units() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(
                Bytes::try_from(text.to_owned()).ok().map(|bytes| bytes.0),
                expected,
                "{text}"
            );
        };

        check("64MiB", Some(64 << 20));
        check("1024", Some(1024));
        check("2 GiB", Some(2 << 30));
        for wrong in ["", "MiB", "64MB", "-1", "99999999999GiB"] {
            check(wrong, None);
        }
    }
}
