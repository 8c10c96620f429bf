//! Facts about this machine, each read from where the kernel or the distribution says it; no opinion here.

use serde::{Serialize, Serializer};

use crate::diagnosis::{Environment, NotInImage, PackageManager};
use crate::doctor::cgroups::MachineCgroups;
use crate::doctor::disk::Disk;
use crate::doctor::environment;
use crate::doctor::hierarchy::RefusedTree;
use crate::doctor::kernel::KernelVersion;
use crate::doctor::roots::MachineRoot;
use crate::rootfs::{Fixture, MissingProgram, RootfsError, plan_image};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// None without a /proc.
    pub kernel: Option<KernelVersion>,
    pub euid: u32,
    pub environment: Environment,
    pub package_manager: PackageManager,
    /// This program, as a shell runs it.
    pub program: String,
    /// Mount points that cover parts of /proc.
    pub covers_of_proc: Vec<String>,
    /// True if /proc shows processes only.
    pub is_proc_subset: bool,
    pub user_namespaces: UserNamespaces,
    /// Lines of /proc/self/uid_map.
    pub uid_map: Vec<IdMapping>,
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

/// The results of a short-lived child's attempts in a user namespace of its own; errors are `EPERM: what was tried`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeResult {
    /// The namespaces of a store and of a lab, their id maps, and the filter on system calls.
    #[serde(serialize_with = "plain_result")]
    pub userns: Result<(), String>,
    /// The root of a lab: the machine's programs, read-only, and a /proc, /sys and /dev of its own.
    #[serde(serialize_with = "plain_result")]
    pub mount_in_userns: Result<(), String>,
    #[serde(serialize_with = "plain_result")]
    pub overlay_in_userns: Result<(), String>,
    /// The network of a lab: a cable, a bridge, NAT.
    #[serde(serialize_with = "plain_result")]
    pub netns_in_userns: Result<(), String>,
    /// A lab's control groups, in the trees that this process may make groups in, with the limits of every lab.
    #[serde(serialize_with = "plain_result")]
    pub groups: Result<(), String>,
    /// Trees in which none could be made, and which labs can do without.
    pub refused_trees: Vec<RefusedTree>,
}

impl ProbeResult {
    /// The result where nothing was refused.
    pub fn all_good() -> ProbeResult {
        ProbeResult {
            userns: Ok(()),
            mount_in_userns: Ok(()),
            overlay_in_userns: Ok(()),
            netns_in_userns: Ok(()),
            groups: Ok(()),
            refused_trees: Vec::new(),
        }
    }
}

impl Facts {
    /// Reads everything; what can't be read is absent, not an error. `probe` is run once.
    pub fn read(roots: &MachineRoot, probe: impl FnOnce() -> ProbeResult) -> Facts {
        let (covers_of_proc, is_proc_subset) = environment::covers_of_proc(roots);
        let mut cgroups = MachineCgroups::read(roots);
        let disk = Disk::read(roots);
        let image = plan_image(&Fixture::embedded(), &roots.root).map(|plan| plan.missing);
        let probe = probe();
        cgroups.note_refused(&probe.refused_trees);
        Facts {
            kernel: roots
                .read_text("proc/sys/kernel/osrelease")
                .and_then(|release| KernelVersion::parse(release.trim())),
            euid: roots.euid,
            environment: environment::read(roots),
            package_manager: environment::package_manager(roots),
            program: roots.program.clone(),
            covers_of_proc,
            is_proc_subset,
            user_namespaces: UserNamespaces {
                max: roots.read_number("proc/sys/user/max_user_namespaces"),
                unprivileged_clone: roots
                    .read_number("proc/sys/kernel/unprivileged_userns_clone")
                    .map(|n| n != 0),
                apparmor_restricts: roots
                    .read_number("proc/sys/kernel/apparmor_restrict_unprivileged_userns")
                    .map(|n| n != 0),
            },
            uid_map: IdMapping::read(roots),
            cgroups,
            disk,
            overlay_listed: roots.read_text("proc/filesystems").is_some_and(|text| {
                text.lines().any(|line| line.split_whitespace().last() == Some("overlay"))
            }),
            image,
            probe,
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

    /// /usr has not even what every distribution has there: its programs are in places of its own, like /nix.
    pub fn has_programs_elsewhere(&self) -> bool {
        let Ok(missing) = &self.image else { return false };
        ["cat", "ls", "mount", "ps"].iter().all(|name| {
            missing.iter().any(|one| one.program == *name && one.why == NotInImage::Absent)
        })
    }

    /// The number of user ids that exist here at all.
    pub fn mapped_ids(&self) -> u64 {
        self.uid_map.iter().map(|range| u64::from(range.count)).sum()
    }
}

impl IdMapping {
    /// The ids of this process's user namespace.
    pub(super) fn read(roots: &MachineRoot) -> Vec<IdMapping> {
        let text = roots.read_text("proc/self/uid_map").unwrap_or_default();
        text.lines().filter_map(IdMapping::parse).collect()
    }

    pub(super) fn parse(line: &str) -> Option<IdMapping> {
        let mut numbers = line.split_whitespace().map(|word| word.parse().ok());
        Some(IdMapping {
            inside: numbers.next()??,
            outside: numbers.next()??,
            count: numbers.next()??,
        })
    }
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
