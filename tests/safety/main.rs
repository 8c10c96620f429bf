//! A lab holds no privilege over the machine, also under sudo: what root of a lab may not do, tried from within.

#[path = "../common/mod.rs"]
mod common;

mod attempt;
mod inside;

use std::collections::BTreeMap;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::{Command, Stdio};

use attempt::{all_refused, in_lab};
use common::{BareLab, Machine, Sleeper, alone, is_root, unboxed};
use unboxed::op::ActorName;

/// The groups of a process, as it is in them now.
fn groups(process: &Sleeper) -> String {
    std::fs::read_to_string(format!("/proc/{}/cgroup", process.id())).expect("its groups")
}

#[test]
fn a_lab_can_not_touch_the_machine() {
    let _turn = alone();
    let before = Machine::now();
    let name = format!("unboxed-safety-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let _listener = UnixListener::bind_addr(&address).expect("a socket");
    let mut victim = Sleeper::start();

    let mut lab = BareLab::new(&["memory"]);
    all_refused(&in_lab(&mut lab, "machine", &[&victim.id().to_string(), &name]));
    assert!(victim.is_alive());
    lab.end();
    before.assert_comes_back();
}

#[test]
fn system_calls_that_no_lesson_needs_are_refused() {
    let _turn = alone();
    let mut lab = BareLab::new(&[]);
    all_refused(&in_lab(&mut lab, "calls", &[]));
    lab.end();
}

#[test]
fn keys_of_whoever_starts_a_lab_stay_outside() {
    let _turn = alone();
    // SAFETY: joining a keyring without a name takes no pointer; the key's kind, name and content outlive the call.
    let key = unsafe {
        libc::syscall(libc::SYS_keyctl, 1, std::ptr::null::<libc::c_char>());
        let (kind, name) = (c"user".as_ptr(), c"unboxed-safety".as_ptr());
        libc::syscall(libc::SYS_add_key, kind, name, c"sesame".as_ptr(), 6, -3)
    };
    assert!(key > 0, "this thread has a key");

    let mut lab = BareLab::new(&[]);
    all_refused(&in_lab(&mut lab, "keys", &[]));

    // The filter is not all: the lab's keyring is another.
    let status = std::fs::read_to_string("/proc/keys").expect("keys");
    assert!(status.contains("unboxed-safety"));
    let host = lab.links.get(&ActorName::host()).expect("the host").pid;
    let filters = std::fs::read_to_string(format!("/proc/{host}/status")).expect("its status");
    assert!(filters.contains("Seccomp:\t2"), "{filters}");
    lab.end();
}

#[test]
fn descriptors_of_whoever_starts_a_lab_stay_outside() {
    let _turn = alone();
    // As a shell or an editor leaves them: open in all it starts.
    let (directory, file) =
        (std::fs::File::open("/").expect("/"), tempfile::tempfile().expect("a file"));
    for fd in [directory.as_raw_fd(), file.as_raw_fd()] {
        // SAFETY: the flags of a descriptor of our own are set.
        assert_eq!(unsafe { libc::fcntl(fd, libc::F_SETFD, 0) }, 0);
    }
    let mut lab = BareLab::new(&[]);
    drop((directory, file));

    let container = unboxed::op::Op::spawn(
        "container".into(),
        vec![unboxed::op::NamespaceKind::Mount, unboxed::op::NamespaceKind::Pid],
    );
    lab.links.perform(&ActorName::host(), container).expect("the host answers");
    let held = in_lab(&mut lab, "descriptors", &[]);
    let is_harmless = |target: &str| {
        // A process of the lab, which is waited for by it: never one outside, which has no PID here.
        let of_lab = target.strip_prefix("anon_inode:[pidfd] of ");
        of_lab.is_some_and(|pid| pid.parse::<i32>().is_ok_and(|pid| pid > 1))
            || ["/dev/null", "anon_inode:[signalfd]"].contains(&target)
            || ["socket:", "pipe:"].iter().any(|kind| target.starts_with(kind))
    };
    let strays: Vec<_> = held.iter().filter(|one| !is_harmless(&one.detail)).collect();
    assert!(strays.is_empty(), "{strays:#?}");

    // Its own wire, the internet's netlink socket, and its discard port.
    let of_host = held
        .iter()
        .filter(|one| one.what == "descriptor of 1" && one.detail.starts_with("socket:"));
    assert_eq!(of_host.count(), 3, "{held:#?}");
    lab.end();
}

#[test]
fn what_a_lab_says_is_believed_of_the_lab_alone() {
    let _turn = alone();
    let before = Machine::now();
    let mut victim = Sleeper::start();
    let groups_before = groups(&victim);

    let mut lab = BareLab::new(&["memory"]);
    // The host's own wire is among what is written to: the call that runs this may well find it garbled.
    let forged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        in_lab(&mut lab, "forge", &[&victim.id().to_string()]);
    }));
    drop(forged);
    assert!(victim.is_alive());
    assert_eq!(groups(&victim), groups_before);

    // The keeper goes on, and kills its own labs alone.
    lab.another();
    lab.another();
    assert!(lab.links.get(&ActorName::host()).is_some());
    lab.end();
    assert!(victim.is_alive());
    assert_eq!(groups(&victim), groups_before);
    before.assert_comes_back();
}

#[test]
fn the_environment_of_whoever_starts_a_lab_stays_outside() {
    use std::io::{BufRead, BufReader};
    let _turn = alone();
    let mut child = unboxed()
        .args(["run", "1", "--until", "1", "--hold", "--format", "json"])
        .env("UNBOXED_SAFETY_TOKEN", "sesame")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("unboxed starts");
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("its output"))
        .read_line(&mut line)
        .expect("a line");

    let pids: Vec<u32> =
        unboxed::observe::processes::process_tree(std::path::Path::new("/proc"), child.id(), &[])
            .into_iter()
            .map(|(pid, _)| pid)
            .filter(|pid| *pid != child.id())
            .collect();
    assert!(pids.len() >= 3, "keeper, store and host: {pids:?}");
    for pid in pids {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).expect("an environment");
        assert_eq!(String::from_utf8_lossy(&environment), "", "the environment of {pid}");
    }
    drop(child.stdin.take());
    child.wait().expect("its end");
}

#[test]
fn the_program_that_roles_run_can_not_be_changed() {
    let _turn = alone();
    let mut lab = BareLab::new(&[]);
    let tried = in_lab(&mut lab, "executable", &[]);
    assert_eq!(tried[0].detail, "/memfd:unboxed (deleted)");
    all_refused(&tried[1..]);
    lab.end();
}

#[test]
fn a_recording_has_nothing_of_the_environment_of_whoever_made_it() {
    const CURIOUS: &str = r#"
format: 1
number: 99
id: curious
title: Curious
summary: What is in reach.
minutes: 1
steps:
  - id: look
    title: look
    story: What is there?
    actions:
      - run: {command: [sh, -c, "cat /proc/[0-9]*/environ; readlink /proc/1/exe"]}
    expect:
      - process: {actor: host, alive: true}
"#;
    let _turn = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let (lesson, tape) = (folder.path().join("curious.yaml"), folder.path().join("curious.tape"));
    std::fs::write(&lesson, CURIOUS).expect("a lesson");
    let output = unboxed()
        .args(["record", "--yes"])
        .arg(&lesson)
        .arg("-o")
        .arg(&tape)
        .env("UNBOXED_SAFETY_TOKEN", "sesame")
        .output()
        .expect("unboxed starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let tape = unboxed::tape::file::read(std::fs::File::open(&tape).expect("a tape"))
        .expect("it is whole");
    let said = format!("{tape:?}");
    assert!(said.contains("memfd:unboxed"), "the lesson looked around: {said}");
    assert!(!said.contains("sesame") && !said.contains("UNBOXED_SAFETY_TOKEN"));
}

/// Every file below /proc/sys with what it says.
fn settings() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![std::path::PathBuf::from("/proc/sys")];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(entry.path());
            } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
                found.insert(entry.path().display().to_string(), text);
            }
        }
    }
    found
}

#[test]
fn every_setting_that_a_lab_can_write_is_its_own() {
    let _turn = alone();
    // A switch for the whole machine that any network namespace of any user has; only root can keep labs from it.
    const SWITCH: &str = "/net/netfilter/nf_hooks_lwtunnel";
    // What the machine's own life changes.
    const RESTLESS: [&str; 2] = ["/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/random/"];
    let has_tree = unboxed::keeper::cgroups::hierarchies().iter().any(|hierarchy| hierarchy.v2);
    let kept = if is_root() && has_tree { "" } else { SWITCH };

    let before = settings();
    let mut lab = BareLab::new(&[]);
    let tried = in_lab(&mut lab, "settings", &[kept]);
    let after = settings();
    lab.end();

    let written: Vec<&str> =
        tried.iter().filter(|one| one.worked).map(|one| one.what.as_str()).collect();
    assert!(
        written.contains(&"/proc/sys/net/ipv4/ip_forward"),
        "the lab's own settings can be written: {written:?}"
    );
    assert!(written.len() > 50, "{written:?}");
    assert!(!written.iter().any(|path| path.ends_with(SWITCH)), "the machine's own switch");
    for path in written {
        if !RESTLESS.iter().any(|restless| path.starts_with(restless)) {
            assert_eq!(after.get(path), before.get(path), "{path} of the machine changed");
        }
    }
}

#[test]
fn limits_of_a_lab_hold_without_control_groups() {
    let _turn = alone();
    let before = Machine::now();
    let own = std::env::current_exe().expect("this binary");
    let words = ["--exact", "without_groups", "--ignored", "--nocapture", "--test-threads", "1"];
    let mut command = if is_root() {
        let mut command = Command::new("unshare");
        let hidden = "umount -R /sys/fs/cgroup && exec \"$0\" \"$@\"";
        command.args(["--mount", "sh", "-c", hidden]).arg(own);
        command
    } else {
        Command::new(own)
    };
    let output = command.args(words).output().expect("a process without control groups");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    before.assert_comes_back();
}

#[test]
#[ignore = "started where no control groups are in sight"]
fn without_groups() {
    if is_root() {
        assert_eq!(unboxed::keeper::cgroups::hierarchies(), []);
    }
    let mut lab = BareLab::new(&[]);
    let number = |tried: &[attempt::Attempt], what: &str| -> usize {
        let found = tried
            .iter()
            .find(|one| one.what == what)
            .unwrap_or_else(|| panic!("{what}: {tried:?}"));
        found.detail.parse().expect("a number")
    };
    let limits = in_lab(&mut lab, "limits", &[]);
    all_refused(&limits[..limits.len() - 1]);
    let namespaces = number(&limits, "UTS namespaces");
    assert!((100..=256).contains(&namespaces), "{namespaces}");

    // One user has 400; a lab of root has many users, who have 1200 together.
    let processes = number(&in_lab(&mut lab, "bomb", &[]), "processes");
    let most = if is_root() { 1200 } else { 400 };
    assert!((most - 50..=most + 10).contains(&processes), "{processes}");

    let host = lab.links.get(&ActorName::host()).expect("the host").pid;
    let score = std::fs::read_to_string(format!("/proc/{host}/oom_score_adj")).expect("its score");
    assert_eq!(score.trim(), "1000", "a lab is the first to go where memory runs out");
    lab.end();
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
    let now = Machine::now();
    // Others' labs attach and detach, too.
    assert!(now.has_others || before.has_others || now.attached == before.attached, "{now:?}");
    lab.end();
    let facts = common::facts();
    if let Some(tree) =
        facts.cgroups.unmounted_with("net_prio").filter(|tree| tree.obstacle.is_none())
    {
        // The names in this file are those of the machine's devices: what is set is the lab's own group's alone.
        let mut lab = BareLab::new(&["net_prio"]);
        let (output, status) = lab.shell(
            "cd /sys/fs/cgroup/*net_prio* && mkdir g && echo lo 5 > g/net_prio.ifpriomap && cat g/net_prio.ifpriomap",
        );
        assert!(status == 0 && output.starts_with("lo 5\n"), "{output}");
        let mount =
            unboxed::kernel::mount::open_hierarchy(&tree.controllers).expect("the lab's hierarchy");
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
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        attempt::output_in_lab(&mut lab, "reboot", &[]);
    }));
    let why = ended.expect_err("the lab's pid 1 should have died");
    let why = why.downcast_ref::<String>().expect("a message");
    assert!(why.contains("Gone"), "{why}");
    lab.end();
    before.assert_comes_back();
}
