//! Cures, each of which would change a fact: sentences, and lines that start with `$ ` for commands to copy.

use crate::doctor::cgroups::Layout;
use crate::doctor::facts::{Environment, Facts};
use crate::doctor::hierarchy::MountedHierarchy;
use crate::doctor::unmounted::{self, Obstacle};
use crate::rootfs::Missing;
use crate::snapshot::CgroupVersion;

const CONTAINER: &str = "the container this runs in forbids it; start that one with\n\
    $ docker run -it --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined IMAGE\n\
    or\n\
    $ podman run -it --security-opt seccomp=unconfined --security-opt unmask=ALL IMAGE";

const APPARMOR: &str = "let AppArmor allow it for this program\n\
    $ printf 'abi <abi/4.0>,\\nprofile unboxed %s flags=(unconfined) { userns, }\\n' \"$(command -v unboxed)\" | sudo tee /etc/apparmor.d/unboxed\n\
    $ sudo apparmor_parser -r /etc/apparmor.d/unboxed\n\
    or for every program, until the next boot\n\
    $ sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n\
    or start as root\n\
    $ sudo unboxed";

const DELEGATE: &str = "let systemd hand more controllers to its users, then log out and in again\n\
    $ sudo mkdir -p /etc/systemd/system/user@.service.d\n\
    $ printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf\n\
    $ sudo systemctl daemon-reload\n\
    or start as root\n\
    $ sudo unboxed";

const SCOPE: &str = "this session is outside of what systemd delegated to you; start inside of it\n\
    $ systemd-run --user --scope -p Delegate=yes unboxed\n\
    or start as root\n\
    $ sudo unboxed";

const SUDO: &str = "start as root\n$ sudo unboxed";

/// The cure where user namespaces, or what is done in one, are refused.
pub fn user_namespaces(facts: &Facts) -> String {
    let switches = &facts.user_namespaces;
    if switches.max == Some(0) {
        return sysctl("user.max_user_namespaces", "15000");
    }
    if facts.euid != 0 && switches.unprivileged_clone == Some(false) {
        return format!("{}\nor {SUDO}", sysctl("kernel.unprivileged_userns_clone", "1"));
    }
    if facts.euid != 0 && switches.apparmor_restricts == Some(true) {
        return APPARMOR.to_owned();
    }

    match (&facts.environment, facts.euid) {
        (Environment::Container { .. }, _) => CONTAINER.to_owned(),
        (Environment::Machine | Environment::Wsl, 0) => {
            "no switch that this program knows forbids it: look at security modules and at the sandbox of the service \
             this shell belongs to\n$ sudo dmesg | tail"
                .to_owned()
        }
        (Environment::Machine | Environment::Wsl, _) => SUDO.to_owned(),
    }
}

fn sysctl(key: &str, value: &str) -> String {
    format!(
        "allow them now and after the next boot\n\
         $ echo {key}={value} | sudo tee /etc/sysctl.d/99-unboxed.conf\n\
         $ sudo sysctl -p /etc/sysctl.d/99-unboxed.conf"
    )
}

/// The cure where a lab can't have this controller.
pub fn controller(name: &str, facts: &Facts) -> String {
    let in_container = matches!(facts.environment, Environment::Container { .. });
    // /proc/cgroups knows v1's names only.
    let old_name = if name == "io" { "blkio" } else { name };
    let offered = facts.cgroups.offered.iter().find(|offered| offered.controller == old_name);

    if facts.cgroups.hierarchies.is_empty() && !in_container {
        return "mount the tree of control groups\n$ sudo mount -t cgroup2 none /sys/fs/cgroup"
            .to_owned();
    }
    if offered.is_some_and(|offered| !offered.enabled) {
        return format!("add cgroup_enable={old_name} to the kernel's command line and reboot");
    }

    if let Some(obstacle) = facts.cgroups.unmounted_with(name).and_then(|tree| tree.obstacle) {
        return match obstacle {
            Obstacle::NotRoot => SUDO.to_owned(),
            Obstacle::Contained => "start it on the machine itself, as root\n$ sudo unboxed".to_owned(),
            Obstacle::OldKernel => kernel(unmounted::LEAST_KERNEL),
            Obstacle::SwitchedOff => {
                "take cgroup_no_v1 out of the kernel's command line and reboot, or watch the recording".to_owned()
            }
        };
    }

    if name == "unified" && facts.cgroups.hierarchy_of(name).is_none() && !in_container {
        return "mount it\n$ sudo mkdir -p /sys/fs/cgroup/unified\n\
                $ sudo mount -t cgroup2 none /sys/fs/cgroup/unified"
            .to_owned();
    }
    let Some(hierarchy) = facts.cgroups.hierarchy_of(name) else {
        return match (offered, facts.cgroups.layout) {
            (None, _) => "use a kernel that has this controller, or watch the recording".to_owned(),
            (Some(_), _) if in_container => host_cgroups(),
            (Some(_), Layout::V2) => "it exists in cgroup v1 only: watch the recording".to_owned(),
            (Some(_), Layout::None | Layout::V1 | Layout::Hybrid) => format!(
                "mount its hierarchy\n\
                 $ sudo mkdir -p /sys/fs/cgroup/{name}\n\
                 $ sudo mount -t cgroup -o {name} cgroup /sys/fs/cgroup/{name}"
            ),
        };
    };

    match (hierarchy.version, facts.euid) {
        (_, 0) if in_container => host_cgroups(),
        (_, 0) => format!("make it writable\n$ sudo mount -o remount,rw {}", hierarchy.mount_point),
        (CgroupVersion::V1, _) => SUDO.to_owned(),
        (CgroupVersion::V2, euid) => match (&hierarchy.lab_parent, &hierarchy.own) {
            (Some(_), _) => DELEGATE.to_owned(),
            (None, Some(own)) if !own.contains("user@") && is_in_session(hierarchy, euid) => {
                SCOPE.to_owned()
            }
            (None, _) => SUDO.to_owned(),
        },
    }
}

/// Below a user's slice systemd also runs that user's own manager, which has a delegated group.
fn is_in_session(hierarchy: &MountedHierarchy, euid: u32) -> bool {
    hierarchy
        .own
        .as_ref()
        .is_some_and(|own| own.starts_with(&format!("user.slice/user-{euid}.slice/")))
}

fn host_cgroups() -> String {
    "give the container this runs in a writable tree of control groups\n\
     $ docker run -it --privileged --cgroupns=host IMAGE"
        .to_owned()
}

pub fn kernel(needed: (u32, u32)) -> String {
    format!("use Linux {}.{} or later, or watch the recording", needed.0, needed.1)
}

pub fn root(euid: u32) -> String {
    if euid == 0 { "start it outside of this container".to_owned() } else { SUDO.to_owned() }
}

/// One line for the packages of all missing programs.
pub fn programs(missing: &[Missing]) -> String {
    let mut packages: Vec<_> =
        missing.iter().map(|missing| missing.debian_package.as_str()).collect();
    packages.sort_unstable();
    packages.dedup();
    format!("install them\n$ sudo apt-get install {}", packages.join(" "))
}

pub fn subordinate(user: u32) -> String {
    format!(
        "install the programs that map them, and give this user a range\n\
         $ sudo apt-get install uidmap\n\
         $ sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 \"$(id -un {user})\""
    )
}
