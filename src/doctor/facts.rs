//! Facts about this machine, each read from where the kernel or the distribution says it; no opinion here.

use serde::{Serialize, Serializer};

use crate::diagnosis::Environment;
use crate::doctor::cgroups::MachineCgroups;
use crate::doctor::disk::Disk;
use crate::doctor::kernel::KernelVersion;
use crate::doctor::roots::MachineRoot;
use crate::rootfs::{Fixture, MissingProgram, RootfsError, plan_image};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// None without a /proc.
    pub kernel: Option<KernelVersion>,
    pub euid: u32,
    pub environment: Environment,
    pub user_namespaces: UserNamespaces,
    /// Lines of /proc/self/uid_map.
    pub uid_map: Vec<IdMapping>,
    pub subordinate: SubordinateIds,
    pub cgroups: MachineCgroups,
    /// The disk that a lab's scratch file would be on.
    pub disk: Option<Disk>,
    /// True if /proc/filesystems lists overlay. A module that nobody has used yet is not there, and loads when needed.
    pub overlay_listed: bool,
    /// Programs the default image lacks here, or why there can be no image.
    #[serde(serialize_with = "plain_result")]
    pub image: Result<Vec<MissingProgram>, RootfsError>,
    pub probe: ProbeResult,
}

/// The switches that may forbid user namespaces. None: this kernel has no such switch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UserNamespaces {
    /// user.max_user_namespaces
    pub max: Option<u64>,
    /// kernel.unprivileged_userns_clone (Debian)
    pub unprivileged_clone: Option<bool>,
    /// kernel.apparmor_restrict_unprivileged_userns (Ubuntu)
    pub apparmor_restricts: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IdMapping {
    pub inside: u32,
    pub outside: u32,
    pub count: u32,
}

/// The means of an ordinary user to map more ids than its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SubordinateIds {
    pub has_newuidmap: bool,
    /// (first, count) from /etc/subuid.
    pub uids: Option<(u32, u32)>,
}

/// The results of a short-lived child's attempts in a user namespace of its own; errors are `EPERM: what was tried`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeResult {
    /// unshare(CLONE_NEWUSER) and writing its id maps.
    #[serde(serialize_with = "plain_result")]
    pub userns: Result<(), String>,
    /// A tmpfs and a fresh /proc, in new mount and pid namespaces of it.
    #[serde(serialize_with = "plain_result")]
    pub mount_in_userns: Result<(), String>,
    #[serde(serialize_with = "plain_result")]
    pub overlay_in_userns: Result<(), String>,
    #[serde(serialize_with = "plain_result")]
    pub netns_in_userns: Result<(), String>,
}

impl Facts {
    /// Reads everything; what can't be read is absent, not an error. `probe` is run once.
    pub fn read(roots: &MachineRoot, probe: impl FnOnce() -> ProbeResult) -> Facts {
        Facts {
            kernel: roots
                .read_text("proc/sys/kernel/osrelease")
                .and_then(|release| KernelVersion::parse(release.trim())),
            euid: roots.euid,
            environment: environment(roots),
            user_namespaces: UserNamespaces {
                max: roots.read_number("proc/sys/user/max_user_namespaces"),
                unprivileged_clone: roots
                    .read_number("proc/sys/kernel/unprivileged_userns_clone")
                    .map(|n| n != 0),
                apparmor_restricts: roots
                    .read_number("proc/sys/kernel/apparmor_restrict_unprivileged_userns")
                    .map(|n| n != 0),
            },
            uid_map: roots
                .read_text("proc/self/uid_map")
                .unwrap_or_default()
                .lines()
                .filter_map(IdMapping::parse)
                .collect(),
            subordinate: subordinate(roots),
            cgroups: MachineCgroups::read(roots),
            disk: Disk::read(roots),
            overlay_listed: roots.read_text("proc/filesystems").is_some_and(|text| {
                text.lines().any(|line| line.split_whitespace().last() == Some("overlay"))
            }),
            image: plan_image(&Fixture::embedded(), &roots.root).map(|plan| plan.missing),
            probe: probe(),
        }
    }

    /// Root over the whole machine, and not just of a container.
    pub fn is_machine_root(&self) -> bool {
        self.euid == 0
            && self
                .uid_map
                .iter()
                .any(|range| range.inside == 0 && range.outside == 0 && range.count == u32::MAX)
    }

    /// The number of user ids that exist here at all.
    pub fn mapped_ids(&self) -> u64 {
        self.uid_map.iter().map(|range| u64::from(range.count)).sum()
    }
}

impl IdMapping {
    fn parse(line: &str) -> Option<IdMapping> {
        let mut numbers = line.split_whitespace().map(|word| word.parse().ok());
        Some(IdMapping {
            inside: numbers.next()??,
            outside: numbers.next()??,
            count: numbers.next()??,
        })
    }
}

fn environment(roots: &MachineRoot) -> Environment {
    for file in [".dockerenv", "run/.containerenv"] {
        if roots.path(file).exists() {
            return Environment::Container { hint: format!("/{file} is there") };
        }
    }

    let groups = roots.read_text("proc/self/cgroup").unwrap_or_default();
    if let Some(word) = ["docker", "kubepods", "containerd", "lxc", "libpod"]
        .iter()
        .find(|&&word| groups.contains(word))
    {
        return Environment::Container { hint: format!("the cgroup path says {word}") };
    }

    let release = roots.read_text("proc/sys/kernel/osrelease").unwrap_or_default();
    if release.to_ascii_lowercase().contains("microsoft") {
        Environment::Wsl
    } else {
        Environment::Machine
    }
}

fn subordinate(roots: &MachineRoot) -> SubordinateIds {
    let passwd = roots.read_text("etc/passwd").unwrap_or_default();
    let user = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(roots.euid)).then(|| name.to_owned())
    });

    let uids = roots.read_text("etc/subuid").unwrap_or_default().lines().find_map(|line| {
        let mut fields = line.split(':');
        let who = fields.next()?;
        let is_us = user.as_deref() == Some(who) || who.parse() == Ok(roots.euid);
        let range = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        is_us.then_some(range)
    });

    let has_newuidmap =
        ["usr/bin/newuidmap", "bin/newuidmap"].iter().any(|path| roots.path(path).exists());
    SubordinateIds { has_newuidmap, uids }
}

/// `{"ok": …}` or `{"error": "…"}`.
fn plain_result<T: Serialize, E: ToString, S: Serializer>(
    result: &Result<T, E>,
    to: S,
) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = to.serialize_map(Some(1))?;
    match result {
        Ok(value) => map.serialize_entry("ok", value)?,
        Err(error) => map.serialize_entry("error", &error.to_string())?,
    }
    map.end()
}
