//! The place that this system runs in: a machine, a container and which, a chroot, something that plays a kernel.

use std::os::unix::fs::MetadataExt;

use crate::diagnosis::{ContainerEngine, Environment, PackageManager};
use crate::doctor::roots::MachineRoot;
use crate::text::octal_undone;

/// The date in gVisor's /proc/version, which is the same in all its releases (pkg/sentry/syscalls/linux).
const GVISOR_VERSION: &str = "#1 SMP Sun Jan 10 15:06:54 PST 2016";

pub fn read(roots: &MachineRoot) -> Environment {
    let version = roots.read_text("proc/version").unwrap_or_default();
    if version.contains(GVISOR_VERSION) || version.to_ascii_lowercase().contains("gvisor") {
        return Environment::Gvisor;
    }

    let release = roots.read_text("proc/sys/kernel/osrelease").unwrap_or_default();
    // The first one has no Linux at all: its release ends in `-Microsoft`, the second's in `-microsoft-standard-WSL2`.
    if release.trim_end().ends_with("-Microsoft") {
        return Environment::Wsl1;
    }

    if let Some((engine, hint)) = container(roots) {
        return Environment::Container { engine, hint };
    }
    if is_chroot(roots) {
        return Environment::Chroot;
    }
    if release.to_ascii_lowercase().contains("microsoft") {
        return Environment::Wsl;
    }
    Environment::Machine
}

/// The container around this process, and what gives it away. What manages containers comes before what runs them.
fn container(roots: &MachineRoot) -> Option<(ContainerEngine, String)> {
    use ContainerEngine::{Docker, Kubernetes, Lxc, Nspawn, Other, Podman};
    const FILES: [(&str, ContainerEngine); 5] = [
        ("run/secrets/kubernetes.io", Kubernetes),
        ("var/run/secrets/kubernetes.io", Kubernetes),
        ("run/.containerenv", Podman),
        (".dockerenv", Docker),
        ("dev/.lxc", Lxc),
    ];
    const GROUPS: [(&str, ContainerEngine); 6] = [
        ("kubepods", Kubernetes),
        ("libpod", Podman),
        ("docker", Docker),
        ("lxc", Lxc),
        ("machine.slice/systemd-nspawn", Nspawn),
        ("containerd", Other),
    ];

    if let Some((file, engine)) = FILES.iter().find(|(file, _)| roots.path(file).exists()) {
        return Some((*engine, format!("/{file} is there")));
    }
    // Whoever starts an init in a container says so there, see systemd's container interface.
    for file in ["run/host/container-manager", "run/systemd/container"] {
        let Some(name) = roots.read_text(file) else { continue };
        let engine = match name.trim() {
            "docker" => Docker,
            "podman" => Podman,
            "lxc" | "lxc-libvirt" | "incus" => Lxc,
            "systemd-nspawn" => Nspawn,
            _ => Other,
        };
        return Some((engine, format!("/{file} says {}", name.trim())));
    }

    let groups = roots.read_text("proc/self/cgroup").unwrap_or_default();
    let (word, engine) = GROUPS.iter().find(|(word, _)| groups.contains(word))?;
    Some((*engine, format!("the cgroup path says {word}")))
}

/// True where chroot(2) has changed this process's root: then no mount it can see is at its root, or process 1 has
/// another one in the same mount namespace.
fn is_chroot(roots: &MachineRoot) -> bool {
    let mounts = roots.read_text("proc/self/mountinfo").unwrap_or_default();
    let mut targets = mounts.lines().filter_map(|line| line.split(' ').nth(4)).peekable();
    let has_no_root = targets.peek().is_some() && !targets.any(|target| target == "/");

    let place = |path: &str| {
        let metadata = std::fs::metadata(roots.path(path)).ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    // Who may not look at process 1 knows nothing of it.
    let namespace =
        |process: &str| std::fs::read_link(roots.path(&format!("proc/{process}/ns/mnt"))).ok();
    let has_another = namespace("1").is_some_and(|first| namespace("self") == Some(first))
        && place("proc/1/root").is_some_and(|first| place("/") != Some(first));
    has_no_root || has_another
}

/// The mounts on files of /proc, and whether it shows processes only. Either keeps the kernel from mounting a whole one
/// in a user namespace (mount_too_revealing() in fs/namespace.c), as long as no other /proc is mounted that is whole.
pub fn covers_of_proc(roots: &MachineRoot) -> (Vec<String>, bool) {
    let mounts = roots.read_text("proc/self/mountinfo").unwrap_or_default();
    let mut covers = Vec::new();
    let mut is_subset = false;

    for line in mounts.lines() {
        let Some((mount, filesystem)) = line.split_once(" - ") else { continue };
        let Some(target) = mount.split(' ').nth(4).map(octal_undone) else { continue };
        if target == "/proc" {
            is_subset = filesystem.split([' ', ',']).any(|option| option == "subset=pid");
        }
        // Empty directories that are there to be mounted on do not count.
        if target.starts_with("/proc/")
            && !matches!(target.as_str(), "/proc/sys/fs/binfmt_misc" | "/proc/fs/nfsd")
            && !covers.contains(&target)
        {
            covers.push(target);
        }
    }

    (covers, is_subset)
}

/// The package manager of this distribution, by the id in os-release(5) or one that it is like.
pub fn package_manager(roots: &MachineRoot) -> PackageManager {
    let text = roots
        .read_text("etc/os-release")
        .or_else(|| roots.read_text("usr/lib/os-release"))
        .unwrap_or_default();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
    };

    let known = |id: &str| match id {
        "debian" | "ubuntu" => Some(PackageManager::Apt),
        "fedora" | "rhel" | "centos" | "rocky" | "almalinux" | "amzn" => Some(PackageManager::Dnf),
        "arch" | "archlinux" | "manjaro" => Some(PackageManager::Pacman),
        "alpine" => Some(PackageManager::Apk),
        "suse" | "opensuse" | "sles" => Some(PackageManager::Zypper),
        id if id.starts_with("opensuse") => Some(PackageManager::Zypper),
        "nixos" => Some(PackageManager::Nix),
        _ => None,
    };
    let (id, like) = (value("ID"), value("ID_LIKE"));
    std::iter::once(id.as_str())
        .chain(like.split_whitespace())
        .find_map(known)
        .unwrap_or(PackageManager::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, MachineRoot) {
        let dir = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        let roots = MachineRoot { root: dir.path().to_path_buf(), ..MachineRoot::this_machine() };
        (dir, roots)
    }

    #[test]
    fn each_place_is_named() {
        let check = |files: &[(&str, &str)], expected: Environment| {
            let (_dir, roots) = machine(files);
            assert_eq!(read(&roots), expected, "{files:?}");
        };
        let container = |engine, hint: &str| Environment::Container { engine, hint: hint.into() };
        const RELEASE: &str = "proc/sys/kernel/osrelease";
        const GROUP: &str = "proc/self/cgroup";

        check(&[], Environment::Machine);
        check(&[(RELEASE, "4.4.0-19041-Microsoft\n")], Environment::Wsl1);
        check(&[(RELEASE, "5.15.167.4-microsoft-standard-WSL2\n")], Environment::Wsl);
        check(
            &[("proc/version", "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016\n")],
            Environment::Gvisor,
        );
        check(&[(".dockerenv", "")], container(ContainerEngine::Docker, "/.dockerenv is there"));
        check(
            &[("run/.containerenv", "")],
            container(ContainerEngine::Podman, "/run/.containerenv is there"),
        );
        check(
            &[(".dockerenv", ""), (GROUP, "0::/kubepods/burstable/pod1/x\n")],
            container(ContainerEngine::Docker, "/.dockerenv is there"),
        );
        check(
            &[("run/secrets/kubernetes.io/serviceaccount/token", ""), (".dockerenv", "")],
            container(ContainerEngine::Kubernetes, "/run/secrets/kubernetes.io is there"),
        );
        check(
            &[("run/systemd/container", "lxc\n")],
            container(ContainerEngine::Lxc, "/run/systemd/container says lxc"),
        );
        check(
            &[("run/host/container-manager", "systemd-nspawn\n")],
            container(ContainerEngine::Nspawn, "/run/host/container-manager says systemd-nspawn"),
        );
        check(
            &[(GROUP, "0::/kubepods/burstable/pod1\n")],
            container(ContainerEngine::Kubernetes, "the cgroup path says kubepods"),
        );
        check(
            &[("proc/self/mountinfo", "22 28 0:21 / /proc rw - proc proc rw\n")],
            Environment::Chroot,
        );
        check(
            &[("proc/self/mountinfo", "28 1 8:1 / / rw - ext4 /dev/sda1 rw\n")],
            Environment::Machine,
        );
        // Another root alone is a container's: pivot_root(2) gave it one.
        let (dir, roots) = machine(&[("proc/1/root/etc/passwd", ""), ("proc/self/ns/x", "")]);
        assert_eq!(read(&roots), Environment::Machine);
        std::fs::create_dir(dir.path().join("proc/1/ns")).expect("made");
        for process in ["1", "self"] {
            let link = dir.path().join(format!("proc/{process}/ns/mnt"));
            std::os::unix::fs::symlink("mnt:[4026531841]", link).expect("a link");
        }
        assert_eq!(read(&roots), Environment::Chroot);
    }

    #[test]
    fn what_covers_proc_is_found() {
        let check = |mounts: &str, covers: &[&str], is_subset: bool| {
            let (_dir, roots) = machine(&[("proc/self/mountinfo", mounts)]);
            let covers: Vec<String> = covers.iter().map(|path| (*path).to_owned()).collect();
            assert_eq!(covers_of_proc(&roots), (covers, is_subset), "{mounts}");
        };

        const WHOLE: &str = "22 28 0:21 / /proc rw shared:1 - proc proc rw\n";
        check(WHOLE, &[], false);
        check("22 28 0:21 / /proc rw - proc proc rw,subset=pid\n", &[], true);
        check(
            &format!(
                "{WHOLE}23 22 0:5 /null /proc/keys rw - devtmpfs x rw\n\
                 24 22 0:35 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n"
            ),
            &["/proc/keys"],
            false,
        );
    }

    #[test]
    fn a_distribution_is_known_by_itself_or_by_what_it_is_like() {
        let check = |text: &str, expected: PackageManager| {
            let (_dir, roots) = machine(&[("etc/os-release", text)]);
            assert_eq!(package_manager(&roots), expected, "{text}");
        };

        check("ID=debian\n", PackageManager::Apt);
        check("NAME=x\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", PackageManager::Apt);
        check("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", PackageManager::Dnf);
        check("ID=arch\n", PackageManager::Pacman);
        check("ID=alpine\n", PackageManager::Apk);
        check("ID=\"opensuse-tumbleweed\"\n", PackageManager::Zypper);
        check("ID=nixos\n", PackageManager::Nix);
        check("ID=own\n", PackageManager::Unknown);
    }
}
