//! The root file system of a lab's host: a tmpfs with sealed binds of the machine's programs, and its own /proc, /sys,
//! /dev and /etc. A dozen mounts, the same on every machine.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use nix::errno::Errno;

use super::store_layout::{StoreLayout, bind_mount};
use crate::kernel::mount::{self, MountCall};
use crate::op::MountFlag;
use crate::wire::protocol::{FailureContext, LabCgroup, RoleFailure};

/// Directories that hold programs and libraries. On a merged-/usr machine all but /usr are links into it.
const PROGRAMS: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// Device files a container gets, bound from the machine's: mknod(2) needs the machine's root.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const DIRECTORIES: [&str; 13] = [
    "dev", "etc", "home", "image", "mnt", "opt", "proc", "root", "run", "srv", "sys", "tmp", "var",
];
const FILES: [(&str, &str); 6] = [
    (
        "passwd",
        "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000:Ann:/home/ann:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    ("group", "root:x:0:\nann:x:1000:\nnogroup:x:65534:\n"),
    ("hosts", "127.0.0.1 localhost\n172.17.0.1 host docker0\n203.0.113.1 internet\n"),
    ("hostname", "host\n"),
    ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ("os-release", "NAME=\"unboxed lab\"\nID=unboxed\nPRETTY_NAME=\"unboxed lab\"\n"),
];

/// The file that an interactive bash reads: a prompt that says where it is, and no history file
/// among the lesson's files.
const BASHRC: &str = "PS1=\"${SHELL_SIDE}\"'\\h:\\w# '\nexport -n PS1\nunset HISTFILE\n";

/// Bind the machine's programs below `into`, in the store: without set-uid bits, devices, or a way to write.
pub fn bind_host(into: &Path) -> Result<(), RoleFailure> {
    for name in PROGRAMS {
        let source = Path::new("/").join(name);
        let target = into.join(name);
        let Ok(metadata) = fs::symlink_metadata(&source) else { continue };

        if metadata.is_symlink() {
            let link = fs::read_link(&source).while_doing("read a link of the machine's root")?;
            symlink(link, &target).while_doing("copy a link of the machine's root")?;
        } else if metadata.is_dir() {
            fs::create_dir(&target).while_doing("make a directory in the store")?;
            bind_mount(&source, &target).while_doing(&format!("bind /{name}"))?;
            mount::make_read_only(&target)
                .while_doing(&format!("make the lab's /{name} read-only"))?;
        }
    }
    Ok(())
}

/// Build the lab's root in the layout's lab directory, from within the lab, and make it this mount namespace's root.
pub fn build_root(
    layout: &StoreLayout,
    cgroups: &[LabCgroup],
    scratch: Option<&str>,
) -> Result<(), RoleFailure> {
    let lab = layout.lab();
    mount_at("tmpfs", &lab, "tmpfs", &[], Some("mode=0755,size=512m,nr_inodes=200k"))
        .while_doing("mount the lab's root")?;
    for name in DIRECTORIES {
        fs::create_dir(lab.join(name)).while_doing("make a directory in the lab")?;
    }
    build_tmp_and_home(&lab)?;
    for name in PROGRAMS {
        take_over(&layout.host().join(name), &lab.join(name))?;
    }

    bind_mount(&layout.image(), &lab.join("image")).while_doing("bind the image into the lab")?;
    if let Some(scratch) = scratch {
        take_scratch(layout, Path::new(scratch), &lab.join("scratch"))?;
    }

    // A directory of its own file system: pivot_root(2) then tells "not a mount point" from "the root's own mount".
    mount_roomy(&lab.join("root")).while_doing("mount the lab's /root")?;
    fs::write(lab.join("root/.bashrc"), BASHRC).while_doing("write the lab's /root/.bashrc")?;
    let quiet = [MountFlag::NoSuid, MountFlag::NoDev, MountFlag::NoExec];
    mount_at("proc", &lab.join("proc"), "proc", &quiet, None)
        .while_doing("mount the lab's /proc")?;

    build_sys(&lab, cgroups)?;
    build_dev(&lab.join("dev"))?;
    build_etc(&lab.join("etc"))?;

    // Only now that all is bound: with the old root the layout goes out of reach.
    mount::replace_root(&lab).while_doing("make the lab's root the root")?;
    // As systemd leaves a real machine: what is mounted here shows in the namespaces copied from it.
    let shared = [MountFlag::Recursive, MountFlag::Shared];
    mount::mount_unrecorded(MountCall {
        source: None,
        target: "/",
        fstype: None,
        flags: &shared,
        data: None,
    })
    .while_doing("make the lab's mounts shared")?;
    nix::unistd::chdir("/root").while_doing("enter /root")
}

/// The ordinary user of a lab, and its group.
const ANN: u32 = 1000;

/// A /tmp that anybody may write to, as on a real machine, and a home for the lab's ordinary user. Where the lab has one
/// id alone, that home belongs to root: there is no user 1000.
fn build_tmp_and_home(lab: &Path) -> Result<(), RoleFailure> {
    let sticky = fs::Permissions::from_mode(0o1777);
    fs::set_permissions(lab.join("tmp"), sticky).while_doing("open the lab's /tmp to all")?;

    let home = lab.join("home/ann");
    fs::create_dir(&home).while_doing("make the home of the lab's ordinary user")?;
    match std::os::unix::fs::chown(&home, Some(ANN), Some(ANN)) {
        Err(error) if error.raw_os_error() != Some(Errno::EINVAL as i32) => {
            Err(error).while_doing("give a home to the lab's ordinary user")
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// One file, and no directory: its size is bounded by RLIMIT_FSIZE, and with a filter against space beyond its end
/// (fallocate(2), FALLOC_FL_KEEP_SIZE) so is what the lab can take of the disk.
fn take_scratch(layout: &StoreLayout, file: &Path, target: &Path) -> Result<(), RoleFailure> {
    fs::write(target, "").while_doing("make a place for the scratch file")?;
    bind_mount(&layout.scratch(), target).while_doing("bind the scratch file into the lab")?;

    // Not before: the kernel binds nothing that has no name.
    fs::remove_file(file).while_doing("take away the name of the scratch file")?;
    file.parent()
        .map_or(Ok(()), fs::remove_dir)
        .while_doing("remove the directory of the scratch file")
}

/// Bind a directory of the layout, or copy the link it is.
fn take_over(source: &Path, target: &Path) -> Result<(), RoleFailure> {
    let Ok(metadata) = fs::symlink_metadata(source) else { return Ok(()) };
    if metadata.is_symlink() {
        let link = fs::read_link(source).while_doing("read a link of the store")?;
        return symlink(link, target).while_doing("make a link in the lab");
    }
    fs::create_dir(target).while_doing("make a directory in the lab")?;
    bind_mount(source, target)
        .while_doing(&format!("bind the machine's programs to {}", target.display()))
}

/// Mount /sys and the cgroup trees. sysfs shows the network devices of the namespace it is mounted from; a machine
/// that hides /sys has no new one for us.
fn build_sys(lab: &Path, cgroups: &[LabCgroup]) -> Result<(), RoleFailure> {
    let sys = lab.join("sys");
    let sealed = [MountFlag::ReadOnly, MountFlag::NoSuid, MountFlag::NoDev, MountFlag::NoExec];
    if mount_at("sysfs", &sys, "sysfs", &sealed, None).is_err() {
        fs::create_dir_all(sys.join("fs/cgroup")).while_doing("make /sys/fs/cgroup")?;
    }

    if cgroups.iter().all(|cgroup| cgroup.lab_path.is_none()) {
        return Ok(());
    }

    let quiet = [MountFlag::NoSuid, MountFlag::NoDev, MountFlag::NoExec];
    let top = sys.join("fs/cgroup");
    // sysfs takes no directories: those of v1's hierarchies need a tmpfs to be made in.
    if cgroups.iter().any(|cgroup| !cgroup.v2 && cgroup.lab_path.is_some()) {
        mount_at("tmpfs", &top, "tmpfs", &quiet, Some("mode=0755,size=1m"))
            .while_doing("mount /sys/fs/cgroup")?;
    }

    for cgroup in cgroups {
        let Some(path) = &cgroup.lab_path else { continue };
        let target = lab.join(path.trim_start_matches('/'));
        fs::create_dir_all(&target).while_doing("make a directory for a cgroup hierarchy")?;
        if cgroup.v2 {
            mount_at("cgroup2", &target, "cgroup2", &quiet, None)
                .while_doing("mount the v2 cgroup tree")?;
            open_v2_tree(&target, &cgroup.controllers)?;
        } else {
            let controllers = cgroup.controllers.join(",");
            mount_at("cgroup", &target, "cgroup", &quiet, Some(&controllers))
                .while_doing(&format!("mount the {controllers} cgroup hierarchy"))?;
        }
    }
    Ok(())
}

/// Move the host into a leaf of the v2 tree: a group can hand out controllers only while it holds no process itself.
fn open_v2_tree(top: &Path, controllers: &[String]) -> Result<(), RoleFailure> {
    fs::create_dir(top.join("host")).while_doing("make the host's own cgroup")?;
    fs::write(top.join("host/cgroup.procs"), "0")
        .while_doing("move the host into its own cgroup")?;
    for controller in controllers {
        fs::write(top.join("cgroup.subtree_control"), format!("+{controller}"))
            .while_doing(&format!("hand out the {controller} controller"))?;
    }
    Ok(())
}

fn build_dev(dev: &Path) -> Result<(), RoleFailure> {
    // 0755: with the default sticky 1777, opening a device of another owner with O_CREAT is refused.
    mount_at("tmpfs", dev, "tmpfs", &[MountFlag::NoSuid], Some("mode=0755,size=64k"))
        .while_doing("mount the lab's /dev")?;
    for name in DEVICES {
        let (source, target) = (Path::new("/dev").join(name), dev.join(name));
        if source.exists() {
            fs::write(&target, "").while_doing("make a place for a device")?;
            bind_mount(&source, &target).while_doing(&format!("bind /dev/{name}"))?;
        }
    }

    for (link, to) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(to, dev.join(link)).while_doing("make a link in /dev")?;
    }

    for name in ["pts", "shm"] {
        fs::create_dir(dev.join(name)).while_doing("make a directory in /dev")?;
    }

    let noexec = [MountFlag::NoSuid, MountFlag::NoExec];
    // ptmxmode: by default nobody may open a new instance's ptmx, mount(8).
    mount_at(
        "devpts",
        &dev.join("pts"),
        "devpts",
        &noexec,
        Some("newinstance,ptmxmode=0666,mode=0620"),
    )
    .while_doing("mount the lab's /dev/pts")?;
    symlink("pts/ptmx", dev.join("ptmx")).while_doing("make /dev/ptmx")?;
    mount_at(
        "tmpfs",
        &dev.join("shm"),
        "tmpfs",
        &[MountFlag::NoSuid, MountFlag::NoDev],
        Some("mode=1777,size=64m"),
    )
    .while_doing("mount the lab's /dev/shm")
}

fn build_etc(etc: &Path) -> Result<(), RoleFailure> {
    for (name, text) in FILES {
        fs::write(etc.join(name), text).while_doing(&format!("write the lab's /etc/{name}"))?;
    }

    symlink("/proc/self/mounts", etc.join("mtab")).while_doing("make /etc/mtab")?;
    copy_readable(Path::new("/etc/ld.so.cache"), &etc.join("ld.so.cache"));

    // Programs such as vi and awk are links through here.
    if let Ok(entries) = fs::read_dir("/etc/alternatives") {
        let _ = fs::create_dir(etc.join("alternatives"));
        for entry in entries.flatten() {
            if let Ok(link) = fs::read_link(entry.path()) {
                let _ = symlink(link, etc.join("alternatives").join(entry.file_name()));
            }
        }
    }
    Ok(())
}

/// Copy a file that is nice to have: a machine without it, or one that hides it, is fine too.
fn copy_readable(from: &Path, to: &Path) {
    let _ = fs::copy(from, to);
}

/// Mount a tmpfs with huge pages for large files: a copy of an image then takes a third of the time;
/// not every kernel has them.
fn mount_roomy(target: &Path) -> Result<(), Errno> {
    mount_at("tmpfs", target, "tmpfs", &[], Some("mode=0700,size=512m,huge=within_size"))
        .or_else(|_| mount_at("tmpfs", target, "tmpfs", &[], Some("mode=0700,size=512m")))
}

fn mount_at(
    source: &str,
    target: &Path,
    fstype: &str,
    flags: &[MountFlag],
    data: Option<&str>,
) -> Result<(), Errno> {
    let target = target.to_str().ok_or(Errno::EINVAL)?;

    mount::mount_unrecorded(MountCall {
        source: Some(source),
        target,
        fstype: Some(fstype),
        flags,
        data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::{BRIDGE, BRIDGE_ADDRESS, INTERNET};

    #[test]
    fn the_hosts_file_has_the_addresses_of_the_labs_network() {
        let (_, hosts) = FILES.iter().find(|(name, _)| *name == "hosts").expect("the file");
        let ours = format!("{BRIDGE_ADDRESS} host {BRIDGE}\n{INTERNET} internet\n");
        assert!(hosts.ends_with(&ours), "{hosts}");
    }
}
