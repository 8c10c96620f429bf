//! Facts about this machine, each read from where the kernel or the distribution says it; no opinion here.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::doctor::cgroups::Cgroups;
use crate::doctor::disk::Disk;
use crate::rootfs::{Fixture, Missing, RootfsError, plan};

/// Where to read, and as whom: a test reads a folder of files.
#[derive(Debug, Clone)]
pub struct Roots {
    pub root: PathBuf,
    pub euid: u32,
    /// Whether this process may write to a path.
    pub may_write: fn(&Path) -> bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// None without a /proc.
    pub kernel: Option<Kernel>,
    pub euid: u32,
    pub environment: Environment,
    pub user_namespaces: UserNamespaces,
    /// Lines of /proc/self/uid_map.
    pub uid_map: Vec<IdRange>,
    pub subordinate: Subordinate,
    pub cgroups: Cgroups,
    /// What the scratch file of a lab would be on.
    pub disk: Option<Disk>,
    /// In /proc/filesystems. A module that nobody has used yet is not, and loads when it is needed.
    pub overlay_listed: bool,
    /// Programs the default image lacks here, or why there can be no image.
    #[serde(serialize_with = "plain_result")]
    pub image: Result<Vec<Missing>, RootfsError>,
    pub probe: ProbeResult,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// `6.1.0-30-amd64`
    pub release: String,
    pub version: (u32, u32),
}

/// Where this system itself seems to run: a hint for choosing a cure, never a reason to refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    Machine,
    /// What gave it away.
    Container {
        hint: String,
    },
    Wsl,
}

/// What may forbid user namespaces. None: this kernel has no such switch.
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
pub struct IdRange {
    pub inside: u32,
    pub outside: u32,
    pub count: u32,
}

/// What lets an ordinary user map more ids than its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Subordinate {
    pub has_newuidmap: bool,
    /// (first, count) from /etc/subuid.
    pub uids: Option<(u32, u32)>,
}

/// What a short-lived child really could do in a user namespace of its own; errors are `EPERM: what was tried`.
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

impl Roots {
    /// This machine, as this process.
    pub fn machine() -> Roots {
        use nix::fcntl::{AT_FDCWD, AtFlags};
        use nix::unistd::{AccessFlags, faccessat, geteuid};
        let may_write = |path: &Path| faccessat(AT_FDCWD, path, AccessFlags::W_OK, AtFlags::AT_EACCESS).is_ok();
        Roots { root: PathBuf::from("/"), euid: geteuid().as_raw(), may_write }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub fn is_writable(&self, path: &str) -> bool {
        (self.may_write)(&self.path(path))
    }

    pub fn text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.path(path)).ok()
    }

    fn number(&self, path: &str) -> Option<u64> {
        self.text(path)?.trim().parse().ok()
    }
}

impl Facts {
    /// Reads everything; what can't be read is absent, not an error. `probe` is run once.
    pub fn read(roots: &Roots, probe: impl FnOnce() -> ProbeResult) -> Facts {
        Facts {
            kernel: roots.text("proc/sys/kernel/osrelease").and_then(|release| Kernel::parse(release.trim())),
            euid: roots.euid,
            environment: environment(roots),
            user_namespaces: UserNamespaces {
                max: roots.number("proc/sys/user/max_user_namespaces"),
                unprivileged_clone: roots.number("proc/sys/kernel/unprivileged_userns_clone").map(|n| n != 0),
                apparmor_restricts: roots
                    .number("proc/sys/kernel/apparmor_restrict_unprivileged_userns")
                    .map(|n| n != 0),
            },
            uid_map: roots.text("proc/self/uid_map").unwrap_or_default().lines().filter_map(IdRange::parse).collect(),
            subordinate: subordinate(roots),
            cgroups: Cgroups::read(roots),
            disk: Disk::read(roots),
            overlay_listed: roots
                .text("proc/filesystems")
                .is_some_and(|text| text.lines().any(|line| line.split_whitespace().last() == Some("overlay"))),
            image: plan(&Fixture::embedded(), &roots.root).map(|plan| plan.missing),
            probe: probe(),
        }
    }

    /// Root over the whole machine, and not just of a container.
    pub fn is_machine_root(&self) -> bool {
        self.euid == 0
            && self.uid_map.iter().any(|range| range.inside == 0 && range.outside == 0 && range.count == u32::MAX)
    }

    /// How many user ids exist here at all.
    pub fn mapped_ids(&self) -> u64 {
        self.uid_map.iter().map(|range| u64::from(range.count)).sum()
    }
}

impl Kernel {
    pub(super) fn parse(release: &str) -> Option<Kernel> {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit());
        let version = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        Some(Kernel { release: release.to_owned(), version })
    }
}

impl IdRange {
    fn parse(line: &str) -> Option<IdRange> {
        let mut numbers = line.split_whitespace().map(|word| word.parse().ok());
        Some(IdRange { inside: numbers.next()??, outside: numbers.next()??, count: numbers.next()?? })
    }
}

fn environment(roots: &Roots) -> Environment {
    for file in [".dockerenv", "run/.containerenv"] {
        if roots.path(file).exists() {
            return Environment::Container { hint: format!("/{file} is there") };
        }
    }
    let groups = roots.text("proc/self/cgroup").unwrap_or_default();
    if let Some(word) =
        ["docker", "kubepods", "containerd", "lxc", "libpod"].iter().find(|&&word| groups.contains(word))
    {
        return Environment::Container { hint: format!("the cgroup path says {word}") };
    }
    let release = roots.text("proc/sys/kernel/osrelease").unwrap_or_default();
    if release.to_ascii_lowercase().contains("microsoft") { Environment::Wsl } else { Environment::Machine }
}

fn subordinate(roots: &Roots) -> Subordinate {
    let passwd = roots.text("etc/passwd").unwrap_or_default();
    let user = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(roots.euid)).then(|| name.to_owned())
    });
    let uids = roots.text("etc/subuid").unwrap_or_default().lines().find_map(|line| {
        let mut fields = line.split(':');
        let who = fields.next()?;
        let is_us = user.as_deref() == Some(who) || who.parse() == Ok(roots.euid);
        let range = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        is_us.then_some(range)
    });
    let has_newuidmap = ["usr/bin/newuidmap", "bin/newuidmap"].iter().any(|path| roots.path(path).exists());
    Subordinate { has_newuidmap, uids }
}

/// `{"ok": …}` or `{"error": "…"}`.
fn plain_result<T: Serialize, E: ToString, S: Serializer>(result: &Result<T, E>, to: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = to.serialize_map(Some(1))?;
    match result {
        Ok(value) => map.serialize_entry("ok", value)?,
        Err(error) => map.serialize_entry("error", &error.to_string())?,
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_many_kinds_have_a_version() {
        let check = |release: &str, expected: Option<(u32, u32)>| {
            assert_eq!(Kernel::parse(release).map(|kernel| kernel.version), expected, "{release}");
        };
        check("6.18.44-fc-v657", Some((6, 18)));
        check("5.15.167.4-microsoft-standard-WSL2", Some((5, 15)));
        check("6.1-rc3", Some((6, 1)));
        check("4.4", Some((4, 4)));
        check("six", None);
        check("", None);
    }
}
