//! A lab holds no privilege over the machine, also under sudo: what a shell in it may not do.

mod common;

use common::{BareLab, Machine, alone};

/// Files of /proc/sys that belong to the lab's own namespaces: network, IPC, the limits of its own user namespace.
fn is_the_labs_own(path: &str) -> bool {
    const OWN: [&str; 4] = ["/proc/sys/net/", "/proc/sys/user/", "/proc/sys/fs/mqueue/", "/proc/sys/kernel/"];
    const OWN_KERNEL: [&str; 13] = [
        "shmall",
        "shmmax",
        "shmmni",
        "shm_rmid_forced",
        "msgmax",
        "msgmnb",
        "msgmni",
        "sem",
        "msg_next_id",
        "sem_next_id",
        "shm_next_id",
        "ns_last_pid",
        "auto_msgmni",
    ];
    match path.strip_prefix("/proc/sys/kernel/") {
        // Host and domain name are the UTS namespace's.
        Some(name) => OWN_KERNEL.contains(&name) || name == "hostname" || name == "domainname" || name == "pid_max",
        None => OWN.iter().any(|prefix| path.starts_with(prefix)),
    }
}

#[test]
fn no_setting_of_the_machine_is_writable_in_a_lab() {
    let _turn = alone();
    let mut lab = BareLab::new(&[]);
    let (output, _) = lab.shell("find /proc/sys -type f -writable 2>/dev/null");
    let foreign: Vec<&str> = output.lines().filter(|path| !is_the_labs_own(path)).collect();
    assert_eq!(foreign, [] as [&str; 0], "these settings are the machine's");
    assert!(output.contains("/proc/sys/net/ipv4/ip_forward"), "the lab's own network settings are: {output}");
    lab.end();
}

#[test]
fn a_lab_can_not_touch_the_machine() {
    let _turn = alone();
    let before = Machine::now();
    let mut lab = BareLab::new(&["memory"]);
    let outsider = std::process::id();
    let refused = |lab: &mut BareLab, script: &str| {
        let (output, status) = lab.shell(script);
        assert_ne!(status, 0, "`{script}` worked in a lab: {output}");
    };
    refused(&mut lab, "echo '|/root/x' > /proc/sys/kernel/core_pattern");
    refused(&mut lab, "echo 1 > /proc/sys/vm/drop_caches");
    refused(&mut lab, "echo b > /proc/sysrq-trigger");
    refused(&mut lab, "mknod /root/disk b 254 0");
    refused(&mut lab, "mknod /root/disk b 8 0");
    refused(&mut lab, "mknod /root/null c 1 3");
    refused(&mut lab, "mount -t ext4 /dev/vda /mnt");
    refused(&mut lab, "mount -o remount,rw /usr");
    refused(&mut lab, "mount -o remount,bind,rw /usr");
    refused(&mut lab, "mount -o remount,bind,rw /image");
    refused(&mut lab, "touch /usr/bin/unboxed-was-here");
    refused(&mut lab, "touch /image/base/unboxed-was-here");
    refused(&mut lab, &format!("kill -0 {outsider}"));
    refused(&mut lab, &format!("test -e /proc/{outsider}"));
    refused(&mut lab, "test -e /home/* || test -e /root/.profile || test -e /etc/shadow");
    refused(&mut lab, "date -s 2001-01-01");
    refused(&mut lab, "dmesg --clear");
    refused(&mut lab, "echo 5 > /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null");
    lab.end();
    before.assert_comes_back();
}

#[test]
fn a_labs_links_are_its_own() {
    let _turn = alone();
    let before = Machine::now();
    let mut lab = BareLab::new(&[]);
    let (output, status) =
        lab.shell("ip link add spare0 type dummy 2>/dev/null || ip link add spare0 type bridge; ip link set lo down");
    assert_eq!(status, 0, "{output}");
    assert_eq!(Machine::now().links, before.links);
    lab.end();
    before.assert_comes_back();
}

#[test]
fn a_lab_can_not_take_a_controller_or_set_a_priority_that_outlives_it() {
    let _turn = alone();
    let before = Machine::now();
    let mut lab = BareLab::new(&[]);
    let (output, status) = lab.shell("mount -t cgroup -o net_cls,net_prio none /mnt");
    assert!(status != 0 || !before.attached.is_empty(), "a lab made a hierarchy: {output}");
    assert_eq!(Machine::now().attached, before.attached);
    lab.end();
    let facts = common::facts();
    if let Some(tree) = facts.cgroups.unmounted_with("net_prio").filter(|tree| tree.obstacle.is_none()) {
        use std::os::fd::AsRawFd;
        // The names in this file are those of the machine's devices: what is set is the lab's own group's alone.
        let mut lab = BareLab::new(&["net_prio"]);
        let (output, status) = lab.shell(
            "cd /sys/fs/cgroup/*net_prio* && mkdir g && echo lo 5 > g/net_prio.ifpriomap && cat g/net_prio.ifpriomap",
        );
        assert!(status == 0 && output.starts_with("lo 5\n"), "{output}");
        let mount = unboxed::kernel::mount::open_hierarchy(&tree.controllers).expect("the lab's hierarchy");
        let top = format!("/proc/self/fd/{}/net_prio.ifpriomap", mount.as_raw_fd());
        assert!(std::fs::read_to_string(&top).expect("the machine's own").starts_with("lo 0\n"));
        drop(mount);
        lab.end();
    }
    before.assert_comes_back();
}

#[test]
fn a_reboot_in_a_lab_ends_the_lab_alone() {
    let _turn = alone();
    let before = Machine::now();
    let mut lab = BareLab::new(&[]);
    // reboot(LINUX_REBOOT_CMD_RESTART), by number: nothing on the machine may be listening for it.
    let op = unboxed::op::Op::Run {
        argv: ["perl", "-e", "syscall(169, 0xfee1dead, 672274793, 0x1234567, 0)"].map(str::to_owned).to_vec(),
    };
    let answer = lab.links.perform(&unboxed::op::ActorName::host(), op);
    assert!(answer.is_err(), "the lab's pid 1 should have died: {answer:?}");
    lab.end();
    before.assert_comes_back();
}
