//! v1 controllers that no hierarchy is mounted for, though the kernel has them: those of network packets. Since
//! systemd mounts v2 alone, that is the usual case; the keeper then mounts a hierarchy by itself, where it may.

use serde::Serialize;

use crate::diagnosis::Obstacle;
use crate::doctor::hierarchy::{MountedHierarchy, OfferedController};
use crate::doctor::kernel::KernelVersion;
use crate::doctor::roots::MachineRoot;

/// Before 5.15 the first number written to net_cls.classid or net_prio.ifpriomap made sockets forget their v2 group,
/// on the whole machine and until the next boot (cgroup_sk_alloc_disable): the one thing here that would not be
/// harmless.
pub const MIN_KERNEL: (u32, u32) = (5, 15);

/// Numbers that the kernel gives to its first namespaces: linux/proc_ns.h.
const FIRST_NAMESPACES: [(&str, &str); 2] =
    [("user", "user:[4026531837]"), ("cgroup", "cgroup:[4026531835]")];
const CAP_SYS_ADMIN: u32 = 21;

/// A hierarchy to mount, for all of these controllers at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnmountedHierarchy {
    /// The mount options: controllers, and the name of a hierarchy that has one.
    pub controllers: Vec<String>,
    /// It is there, out of our sight: mounted in another mount namespace, or nowhere any more.
    pub is_attached: bool,
    /// The reason that this process can't mount it.
    pub obstacle: Option<Obstacle>,
}

/// The hierarchies of net_cls and net_prio, where they are not mounted: one for both, where they are free.
pub fn read(
    roots: &MachineRoot,
    offered: &[OfferedController],
    mounted: &[MountedHierarchy],
) -> Vec<UnmountedHierarchy> {
    let membership = roots.read_text("proc/self/cgroup").unwrap_or_default();
    let obstacle = obstacle(roots);
    let mut found: Vec<UnmountedHierarchy> = Vec::new();

    for name in ["net_cls", "net_prio"] {
        let is_mounted = mounted.iter().any(|tree| tree.controllers.iter().any(|own| own == name));
        let Some(line) =
            offered.iter().find(|line| line.controller == name && line.enabled && !is_mounted)
        else {
            continue;
        };

        // In /proc/cgroups 0 stands for a controller that no v1 hierarchy has, see cgroups(7).
        let is_attached = line.hierarchy != 0;
        match found.iter_mut().find(|other| !is_attached && !other.is_attached) {
            Some(free) => free.controllers.push(name.to_owned()),
            None => {
                let controllers = match is_attached {
                    true => options(&membership, line.hierarchy)
                        .unwrap_or_else(|| vec![name.to_owned()]),
                    false => vec![name.to_owned()],
                };
                if !found.iter().any(|other| other.controllers == controllers) {
                    found.push(UnmountedHierarchy { controllers, is_attached, obstacle });
                }
            }
        }
    }

    found
}

/// The names that a mount of this hierarchy has to give, from the line `id:controllers:path` of /proc/self/cgroup.
fn options(membership: &str, hierarchy: u32) -> Option<Vec<String>> {
    let line = membership.lines().find_map(|line| line.strip_prefix(&format!("{hierarchy}:")))?;
    Some(line.split(':').next()?.split(',').map(str::to_owned).collect())
}

fn obstacle(roots: &MachineRoot) -> Option<Obstacle> {
    let release = roots.read_text("proc/sys/kernel/osrelease").unwrap_or_default();
    let command_line = roots.read_text("proc/cmdline").unwrap_or_default();
    let status = roots.read_text("proc/self/status").unwrap_or_default();
    let capabilities = status
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("CapEff:")?.trim(), 16).ok());

    let is_switched_off = command_line.split_ascii_whitespace().any(|word| {
        let names = word.strip_prefix("cgroup_no_v1=").unwrap_or_default();
        names.split(',').any(|name| matches!(name, "all" | "net_cls" | "net_prio"))
    });
    let is_first = |(kind, first): &(&str, &str)| {
        std::fs::read_link(roots.path(&format!("proc/self/ns/{kind}")))
            .is_ok_and(|link| link.as_os_str() == *first)
    };

    if is_switched_off {
        Some(Obstacle::SwitchedOff)
    } else if KernelVersion::parse(release.trim()).is_none_or(|kernel| kernel.version < MIN_KERNEL)
    {
        Some(Obstacle::OldKernel)
    } else if roots.euid != 0 {
        Some(Obstacle::NotRoot)
    } else if capabilities.is_none_or(|set| set & 1 << CAP_SYS_ADMIN == 0)
        || !FIRST_NAMESPACES.iter().all(is_first)
    {
        Some(Obstacle::Contained)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        let defaults = [
            ("proc/sys/kernel/osrelease", "6.1.0-amd64\n"),
            ("proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n"),
        ];

        for (name, text) in defaults.iter().chain(files) {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            std::fs::write(path, text).expect("written");
        }

        std::fs::create_dir_all(dir.path().join("proc/self/ns")).expect("made");
        for (kind, first) in FIRST_NAMESPACES {
            std::os::unix::fs::symlink(first, dir.path().join(format!("proc/self/ns/{kind}")))
                .expect("a link");
        }
        dir
    }

    fn roots(dir: &Path, euid: u32) -> MachineRoot {
        MachineRoot { root: dir.to_owned(), euid, may_write: |_| true, program: "unboxed".into() }
    }

    fn offered(lines: &[(&str, u32, bool)]) -> Vec<OfferedController> {
        let one = |(name, hierarchy, enabled): &(&str, u32, bool)| OfferedController {
            controller: (*name).into(),
            hierarchy: *hierarchy,
            enabled: *enabled,
        };
        lines.iter().map(one).collect()
    }

    #[test]
    fn both_are_mounted_together_and_a_hidden_hierarchy_as_it_is() {
        let check = |lines: &[(&str, u32, bool)], expected: &[(&str, bool)]| {
            let dir = machine(&[(
                "proc/self/cgroup",
                "9:net_cls,net_prio:/\n8:net_prio,name=odd:/\n0::/\n",
            )]);
            let found = read(&roots(dir.path(), 0), &offered(lines), &[]);
            let found: Vec<(String, bool)> =
                found.iter().map(|one| (one.controllers.join(","), one.is_attached)).collect();
            let expected: Vec<(String, bool)> =
                expected.iter().map(|(text, is)| ((*text).to_owned(), *is)).collect();
            assert_eq!(found, expected, "{lines:?}");
        };

        check(&[("net_cls", 0, true), ("net_prio", 0, true)], &[("net_cls,net_prio", false)]);
        check(&[("net_cls", 9, true), ("net_prio", 9, true)], &[("net_cls,net_prio", true)]);
        check(
            &[("net_cls", 0, true), ("net_prio", 8, true)],
            &[("net_cls", false), ("net_prio,name=odd", true)],
        );
        check(&[("net_cls", 0, true), ("net_prio", 0, false)], &[("net_cls", false)]);
        check(&[("memory", 0, true)], &[]);
    }

    #[test]
    fn who_may_not_mount_it_is_told_why() {
        let check = |files: &[(&str, &str)], euid: u32, expected: Option<Obstacle>| {
            let dir = machine(files);
            assert_eq!(obstacle(&roots(dir.path(), euid)), expected, "{files:?} as {euid}");
        };

        check(&[], 0, None);
        check(&[], 1000, Some(Obstacle::NotRoot));
        check(&[("proc/cmdline", "quiet cgroup_no_v1=all\n")], 0, Some(Obstacle::SwitchedOff));
        check(&[("proc/cmdline", "cgroup_no_v1=memory,cpu\n")], 0, None);
        check(&[("proc/sys/kernel/osrelease", "5.14.0-1\n")], 0, Some(Obstacle::OldKernel));
        check(&[("proc/self/status", "CapEff:\t00000000a80425fb\n")], 0, Some(Obstacle::Contained));

        let dir = machine(&[]);
        let link = dir.path().join("proc/self/ns/cgroup");
        std::fs::remove_file(&link).expect("removed");
        std::os::unix::fs::symlink("cgroup:[4026532177]", &link).expect("a link");
        assert_eq!(obstacle(&roots(dir.path(), 0)), Some(Obstacle::Contained));
    }
}
