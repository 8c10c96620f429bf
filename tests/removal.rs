//! What is taken away, and what never: groups of dead keepers however they hold on, nobody else's; and that whatever breaks
//! meanwhile is told in a sentence, with nothing left.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Held, Machine, alone, program, unboxed};
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::Pid;
use unboxed::keeper::cgroups::{Hierarchy, hierarchies};
use unboxed::keeper::handle::KeeperHandle;
use unboxed::lab::protocol::LabPlan;

/// As a keeper would call its first lab that died long ago: no pid is that large.
const DEAD: &str = "unboxed-4194399-1-1-1";
/// A user that nobody is.
const USER: u32 = 64_002;

/// One hierarchy of each version that groups can be made in.
fn trees() -> Vec<Hierarchy> {
    let all = hierarchies();
    let of = |v2| all.iter().find(|tree| tree.v2 == v2 && tree.controllers != ["cpuset"]).cloned();
    [of(true), of(false)].into_iter().flatten().collect()
}

fn clean() -> Output {
    clean_with(unboxed().arg("clean"))
}

/// With no sockets of other runs in reach.
fn clean_with(command: &mut Command) -> Output {
    let home = tempfile::tempdir().expect("a directory");
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    command.env("HOME", home.path()).env_remove("XDG_RUNTIME_DIR").env_remove("XDG_STATE_HOME");
    command.output().expect("it starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The exit code tells of the machine, too, where others may be at work.
fn has_played(said: &str) -> bool {
    said.contains("1 of ") && said.contains("the machine, before and after") && !said.contains("FAIL")
}

fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

#[track_caller]
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ends with the test, whatever comes.
struct Sleeper(Child);

impl Sleeper {
    fn start(command: &mut Command) -> Sleeper {
        Sleeper(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts"))
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).expect("a pid")
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A group by its path, removed with the test.
struct Group(PathBuf);

impl Group {
    fn make(path: PathBuf) -> Group {
        fs::create_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Group(path)
    }

    fn take_in(&self, pid: i32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).expect("a process goes into the group");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..200 {
            if fs::remove_dir(&self.0).is_ok() || !self.0.exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn open_dir(path: &Path) -> OwnedFd {
    openat(AT_FDCWD, path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).expect("a directory")
}

fn nest(top: &Path, depth: usize) {
    let name = "n".repeat(200);
    let mut dir = open_dir(top);
    for _ in 0..depth {
        mkdirat(&dir, name.as_str(), Mode::S_IRWXU).expect("a group");
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        dir = openat(&dir, name.as_str(), flags, Mode::empty()).expect("a group");
    }
}

#[test]
fn groups_deeper_than_any_path_are_removed() {
    let _turn = alone();
    for tree in trees() {
        let top = Group::make(tree.parent.join(DEAD));
        // PATH_MAX is 4096.
        nest(&top.0, 40);
        for number in 0..30 {
            fs::create_dir(top.0.join(format!("wide{number}"))).expect("a group");
        }
        let output = clean();
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(said(&output), format!("removed {}\n", top.0.display()));
        assert!(!top.0.exists());
    }
}

#[test]
fn a_lab_that_nests_groups_and_takes_their_permissions_away_leaves_none() {
    let _turn = alone();
    let before = Machine::now();
    let Some(tree) = trees().into_iter().next_back() else { return };
    let mut lab = common::BareLab::new(&[tree.controllers.first().map_or("unified", String::as_str)]);
    let script = "cd /sys/fs/cgroup/*/ 2>/dev/null || cd /sys/fs/cgroup
        perl -e 'for (1..40) { mkdir \"n\" x 200 or die $!; chdir \"n\" x 200 or die $!; }' || exit 1
        mkdir shut shut/below && chmod 0 shut/below/cgroup.procs shut/below shut . cgroup.procs";
    let (output, status) = lab.shell(script);
    assert_eq!(status, 0, "{output}");
    lab.end();
    before.assert_comes_back();
}

#[test]
fn a_dead_labs_group_that_nobody_may_open_is_swept() {
    let _turn = alone();
    for tree in trees() {
        let top = Group::make(tree.parent.join(DEAD));
        fs::create_dir(top.0.join("below")).expect("a group");
        fs::set_permissions(&top.0, fs::Permissions::from_mode(0o000)).expect("its mode");
        assert_eq!(said(&clean()), format!("removed {}\n", top.0.display()));
    }
}

#[test]
fn what_is_locked_has_an_owner() {
    let _turn = alone();
    for tree in trees() {
        let top = Group::make(tree.parent.join(DEAD));
        let lock = open_dir(&top.0);
        // As the keeper holds it.
        #[allow(deprecated, reason = "nix's Flock would give it up when dropped")]
        nix::fcntl::flock(lock.as_raw_fd(), nix::fcntl::FlockArg::LockExclusive).expect("a lock");
        assert_eq!(said(&clean()), "nothing was left behind\n");
        assert!(top.0.exists());

        drop(lock);
        assert_eq!(said(&clean()), format!("removed {}\n", top.0.display()));
    }
}

#[test]
fn a_process_that_is_no_labs_is_not_killed_and_told_of() {
    let _turn = alone();
    for tree in trees() {
        let top = Group::make(tree.parent.join(DEAD));
        let other = Sleeper::start(Command::new("sleep").arg("1000"));
        top.take_in(other.pid());
        let output = clean();
        assert!(is_alive(other.pid()), "{}", said(&output));
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let expected =
            format!("left {}: process {} (sleep) is in it, and is none of a lab's\n", top.0.display(), other.pid());
        assert_eq!(said(&output), expected);

        drop(other);
        assert!(clean().status.success());
        assert!(!top.0.exists());
    }
}

/// `unshare` with these options, or none where this user may not.
fn inside(options: &[&str]) -> Option<Command> {
    let mut command = Command::new("unshare");
    if !common::is_root() {
        command.arg("-Ur");
    }
    command.args(options);
    let works = |mut probe: Command| probe.arg("true").stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    let mut probe = Command::new("unshare");
    probe.args(command.get_args());
    if !works(probe) {
        common::skip(&format!("unshare {options:?} is refused here"));
        return None;
    }
    Some(command)
}

#[test]
fn a_sweep_from_other_namespaces_leaves_a_living_lab_alone() {
    let _turn = alone();
    let before = Machine::now();
    let held = Held::start("build-a-container", "unshare");
    let host = held.actor("host");
    let groups = Machine::now().cgroups;
    let kinds: [&[&str]; 3] =
        [&["--pid", "--fork", "--mount-proc"], &["--pid", "--fork"], &["--pid", "--cgroup", "--fork", "--mount-proc"]];
    for options in kinds {
        let Some(mut command) = inside(options) else { continue };
        let output = clean_with(command.arg(program()).arg("clean"));
        assert!(is_alive(host), "{options:?}: {}", said(&output));
        assert_eq!(Machine::now().cgroups, groups, "{options:?}");
        assert!(said(&output).lines().all(|line| !line.contains(held.said["lab"].as_str().expect("a lab"))));
    }
    // As a start does it, too.
    if let Some(mut command) = inside(kinds[0]) {
        let output = command.arg(program()).args(["run", "1", "--until", "1"]).output().expect("it starts");
        assert!(is_alive(host), "{}", said(&output));
        assert_eq!(Machine::now().cgroups, groups);
        if common::is_root() {
            assert!(has_played(&said(&output)), "{}", said(&output));
        }
    }
    drop(held);
    before.assert_comes_back();
}

#[test]
fn processes_out_of_sight_are_left_and_the_sweep_survives_them() {
    let _turn = alone();
    for tree in trees() {
        let top = Group::make(tree.parent.join(DEAD));
        let other = Sleeper::start(Command::new("sleep").arg("1000"));
        top.take_in(other.pid());
        let Some(mut command) = inside(&["--pid", "--fork", "--mount-proc"]) else { return };
        let output = clean_with(command.arg(program()).arg("clean"));
        assert!(is_alive(other.pid()), "{}", said(&output));
        assert_eq!(output.status.code(), Some(1), "a sentence, and not a signal: {output:?}");
        assert!(said(&output).contains("can't be seen from this PID namespace"), "{}", said(&output));
    }
}

/// The program where any user can execute it.
fn readable_program() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    let copy = dir.path().join("unboxed");
    fs::copy(program(), &copy).expect("a copy");
    (dir, copy)
}

#[test]
fn one_users_groups_are_not_anothers_to_sweep() {
    let _turn = alone();
    if !common::is_root() {
        return;
    }
    let (_dir, copy) = readable_program();
    for tree in trees() {
        let roots = Group::make(tree.parent.join(DEAD));
        let users = Group::make(tree.parent.join("unboxed-4194399-1-2-1"));
        std::os::unix::fs::chown(&users.0, Some(USER), Some(USER)).expect("an owner");

        let output = clean_with(Command::new(&copy).arg("clean").uid(USER).gid(USER));
        assert_eq!(said(&output), "nothing was left behind\n");
        assert_eq!(said(&clean()), format!("removed {}\n", roots.0.display()));
        assert!(users.0.exists(), "somebody else's");
    }
}

#[test]
fn a_kill_that_fails_is_told() {
    let _turn = alone();
    if !common::is_root() {
        return;
    }
    let (_dir, copy) = readable_program();
    for tree in trees().iter().filter(|tree| !tree.v2) {
        let users = Group::make(tree.parent.join("relx-users"));
        let top = Group::make(users.0.join(DEAD));
        for group in [&users, &top] {
            std::os::unix::fs::chown(&group.0, Some(USER), Some(USER)).expect("an owner");
        }
        // In a PID namespace of its own, as a lab's are, but somebody else's.
        let outer = Sleeper::start(Command::new("unshare").args(["--pid", "--fork", "--kill-child", "sleep", "1000"]));
        wait_until("its child", || children(outer.0.id()).len() == 1);
        let pid = children(outer.0.id())[0];
        wait_until("its name", || fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n"));
        top.take_in(pid);

        let output = clean_with(Command::new(&copy).arg("clean").uid(USER).gid(USER));
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let why = format!("could not kill process {pid} (sleep): Operation not permitted (EPERM)");
        assert_eq!(said(&output), format!("left {}: {why}\n", top.0.display()));
        drop(outer);
    }
}

fn start_keeper() -> (KeeperHandle, LabPlan) {
    let keeper = KeeperHandle::start(program()).expect("the keeper starts");
    (keeper, LabPlan::default())
}

fn children(pid: u32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn store_of(keeper: &KeeperHandle) -> i32 {
    let is_store =
        |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "unboxed: store\n");
    children(keeper.pid()).into_iter().find(|pid| is_alive(*pid) && is_store(pid)).expect("a store")
}

fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("a signal");
}

#[test]
fn a_keeper_that_was_stopped_is_told_and_leaves_nothing() {
    let _turn = alone();
    let before = Machine::now();
    let (mut keeper, plan) = start_keeper();
    let pid = i32::try_from(keeper.pid()).expect("a pid");
    keeper.make_lab(&plan).expect("a lab");
    signal(pid, Signal::SIGSTOP);
    let error = keeper.make_lab(&plan).expect_err("it does not answer").to_string();
    assert!(error.contains("is stopped"), "{error}");
    keeper.end();
    assert!(!is_alive(pid));
    before.assert_comes_back();
}

#[test]
fn a_store_that_died_or_was_stopped_is_replaced_and_leaves_nothing() {
    let _turn = alone();
    let before = Machine::now();
    let (mut keeper, plan) = start_keeper();
    keeper.make_lab(&plan).expect("a lab");
    let store = store_of(&keeper);
    signal(store, Signal::SIGKILL);
    wait_until("its end", || !is_alive(store));
    keeper.make_lab(&plan).expect("a lab of another store");

    let store = store_of(&keeper);
    signal(store, Signal::SIGSTOP);
    let error = keeper.make_lab(&plan).expect_err("it does not answer").to_string();
    assert!(error.contains("talk to the store"), "{error}");
    keeper.make_lab(&plan).expect("a lab of another store");
    keeper.end();
    before.assert_comes_back();
}

#[test]
fn a_keeper_that_was_killed_is_cleaned_up_after_at_once() {
    let _turn = alone();
    let before = Machine::now();
    // Frozen, where this user has groups.
    let has_groups = common::facts().cgroups.is_delegable("freezer");
    let (lesson, step) = if has_groups { ("freezer", "freeze") } else { ("build-a-container", "unshare") };
    let held = Held::start(lesson, step);
    signal(held.keeper(), Signal::SIGKILL);
    drop(held);
    before.assert_comes_back();
    assert_eq!(said(&clean()), "nothing was left behind\n");
}

/// In a mount namespace of its own, with this done to /var/tmp first.
fn run_with_disk(prepare: &str, lesson: &str) -> Output {
    prepared(prepare, &format!("exec \"$0\" run {lesson}"))
}

fn prepared(prepare: &str, then: &str) -> Output {
    let script = format!("set -e; {prepare}; {then}");
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c", &script]).arg(program());
    command.output().expect("it starts")
}

#[test]
fn a_disk_that_takes_no_file_is_told_in_a_sentence_and_hinders_no_other_lesson() {
    let _turn = alone();
    if !common::is_root() || common::facts().disk.is_none() {
        return;
    }
    let before = Machine::now();
    let dir = tempfile::tempdir_in("/var/tmp").expect("a directory");
    // Where there are no loop devices, none.
    let image = |name: &str, mib: u64, options: &[&str]| {
        let path = dir.path().join(name);
        fs::File::create(&path).and_then(|file| file.set_len(mib << 20)).expect("a file");
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.args(["-q", "-F"]).args(options).arg(&path).env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin");
        let mount = format!("mount -o loop {} /var/tmp; chmod 1777 /var/tmp", path.display());
        let works = mkfs.status().is_ok_and(|status| status.success()) && prepared(&mount, "true").status.success();
        works.then_some(mount)
    };
    let mut cases = vec![("mount --bind /var/tmp /var/tmp; mount -o remount,bind,ro /var/tmp".to_owned(), "EROFS")];
    match (image("small", 64, &[]), image("no-inodes", 400, &["-N", "16"])) {
        (Some(small), Some(no_inodes)) => {
            cases.push((small, "ENOSPC"));
            cases.push((
                format!("{no_inodes}; i=0; while touch /var/tmp/$i 2>/dev/null; do i=$((i+1)); done"),
                "ENOSPC",
            ));
        }
        _ => eprintln!("no disk can be made here that is full"),
    }
    for (prepare, errno) in cases {
        let output = run_with_disk(&prepare, "blkio");
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{prepare}: {said}");
        assert!(said.contains("make a scratch file") && said.contains(errno), "{prepare}: {said}");
        assert_eq!(said.lines().count(), 1, "{prepare}: {said}");
        before.assert_comes_back();

        let played = self::said(&run_with_disk(&prepare, "1 --until 1"));
        assert!(has_played(&played), "{prepare}: {played}");
    }
    before.assert_comes_back();
}

#[test]
fn a_scratch_file_whose_lab_never_bound_it_is_swept() {
    let _turn = alone();
    let make = |name: &str| {
        let dir = Path::new("/var/tmp").join(name);
        // Of a run of this test that failed.
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir(&dir).expect("a directory");
        fs::write(dir.join("file"), "x").expect("a file");
        dir
    };
    let (dead, other) = (make(&format!("{DEAD}.scratch.abcdef")), make("unboxed-notes.scratch.abcdef"));
    let lock = open_dir(&dead);
    #[allow(deprecated, reason = "nix's Flock would give it up when dropped")]
    nix::fcntl::flock(lock.as_raw_fd(), nix::fcntl::FlockArg::LockExclusive).expect("a lock");
    assert_eq!(said(&clean()), "nothing was left behind\n");

    drop(lock);
    assert_eq!(said(&clean()), format!("removed {}\n", dead.display()));
    assert!(!dead.exists() && other.exists());
    fs::remove_dir_all(other).expect("it goes");
}

fn lab_with_disk() -> Option<(KeeperHandle, unboxed::engine::link::Links)> {
    let disk = common::facts().disk?.number;
    let (mut keeper, plan) = start_keeper();
    let (_, wire) = keeper.make_lab(&LabPlan { disk: Some(disk), ..plan }).expect("a lab");
    Some((keeper, unboxed::engine::link::Links::open(wire).expect("its host")))
}

#[test]
fn the_scratch_file_has_no_name_and_holds_nothing_but_data() {
    use unboxed::op::{ActorName, Op};
    let _turn = alone();
    let before = Machine::now();
    let files =
        || fs::read_dir("/var/tmp").into_iter().flatten().flatten().map(|e| e.file_name()).collect::<BTreeSet<_>>();
    let earlier = files();
    let Some((keeper, mut links)) = lab_with_disk() else { return };
    let new: Vec<_> = files().difference(&earlier).cloned().collect();
    assert!(new.iter().all(|name| !name.to_string_lossy().contains(&keeper.pid().to_string())), "{new:?}");

    let mut shell = |script: &str| {
        let op = Op::Run { argv: ["sh", "-c", script].map(str::to_owned).to_vec() };
        links.perform(&ActorName::host(), op).expect("the host answers").outcome.output().to_owned()
    };
    let mount = shell("grep ' /scratch ' /proc/self/mountinfo");
    assert!(mount.contains("nosuid,nodev,noexec"), "{mount}");
    // mount(2), by number: MS_REMOUNT|MS_BIND without each of the three.
    let script =
        "perl -e '$t = \"/scratch\"; for (2|4, 2|8, 4|8) { print syscall(SYS_mount, 0, $t, 0, 32|4096|$_, 0) }'";
    let answers = shell(&script.replace("SYS_mount", &libc_mount().to_string()));
    assert!(answers.ends_with("-1-1-1"), "a flag was taken back: {answers}");
    let executed = shell("cp /usr/bin/env /scratch && chmod 4755 /scratch && /scratch true 2>&1 || echo refused");
    assert!(executed.contains("refused"), "{executed}");
    drop(links);
    drop(keeper);
    before.assert_comes_back();
}

fn libc_mount() -> i64 {
    if cfg!(target_arch = "x86_64") { 165 } else { 40 }
}

#[test]
fn no_way_of_writing_takes_more_of_the_disk_than_its_bound() {
    use unboxed::op::{ActorName, Op};
    let _turn = alone();
    let before = Machine::now();
    let Some((keeper, mut links)) = lab_with_disk() else { return };
    let mut shell = |script: &str| {
        let op = Op::Run { argv: ["sh", "-c", script].map(str::to_owned).to_vec() };
        links.perform(&ActorName::host(), op).expect("the host answers").outcome.output().to_owned()
    };
    let fallocate = if cfg!(target_arch = "x86_64") { 285 } else { 47 };
    // Each past 1 GiB: what reaches the end of the file does not count, what is taken beyond it does. FALLOC_FL_KEEP_SIZE alone
    // and with ZERO_RANGE, and the older requests for the same: FS_IOC_RESVSP, FS_IOC_RESVSP64, FS_IOC_ZERO_RANGE.
    let reserve = |request: &str| format!("$s = pack(\"ssx4qqiIx16\", 0, 0, 0, 1100 << 20); ioctl(F, {request}, $s)");
    let ways = [
        format!("syscall({fallocate}, fileno(F), 1, 0, 1100 << 20)"),
        format!("syscall({fallocate}, fileno(F), 17, 0, 1100 << 20)"),
        format!("syscall({fallocate}, fileno(F), 0, 0, 1100 << 20)"),
        reserve("0x40305828"),
        reserve("0x4030582a"),
        reserve("0x40305839"),
        "sysseek(F, 1100 << 20, 0) && syswrite(F, \"x\")".to_owned(),
        "truncate(F, 1100 << 20)".to_owned(),
    ];
    let mut held = Vec::new();
    for way in &ways {
        let script = format!(
            "LC_ALL=C perl -e '$SIG{{XFSZ}} = \"IGNORE\"; open(F, \"+<\", \"/scratch\") or die; {way}'; stat -c '%b %B %s' /scratch; : > /scratch"
        );
        let numbers = shell(&script);
        let numbers: Vec<u64> = numbers.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [.., blocks, size, length] = numbers[..] else { panic!("{way}: {numbers:?}") };
        if blocks * size > 1 << 30 || length > 1 << 30 {
            held.push(format!("{way}: {} MiB", (blocks * size) >> 20));
        }
    }
    assert_eq!(held, [] as [String; 0], "these went past the bound");
    drop(links);
    drop(keeper);
    before.assert_comes_back();
}

/// The v1 hierarchies, by what they are mounted with, and v2 as an empty name: the group of a process in each.
fn groups_of(pid: i32) -> Vec<(String, String)> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("its groups");
    let fields = text.lines().filter_map(|line| line.splitn(3, ':').skip(1).collect::<Vec<_>>().try_into().ok());
    fields.map(|[names, path]: [&str; 2]| (names.to_owned(), path.to_owned())).collect()
}

#[test]
fn a_users_lab_has_a_group_of_its_own_wherever_its_user_could_write() {
    let _turn = alone();
    if !common::is_root() {
        return;
    }
    let (_dir, copy) = readable_program();
    let name = "relx-delegated";
    let delegated: Vec<Group> = hierarchies()
        .iter()
        .filter(|tree| tree.v2 || ["freezer", "devices", "name=systemd"].contains(&tree.controllers.join(",").as_str()))
        .map(|tree| {
            let group = Group::make(tree.parent.join(name));
            for entry in fs::read_dir(&group.0).expect("its files").flatten() {
                let _ = std::os::unix::fs::chown(entry.path(), Some(USER), Some(USER));
            }
            std::os::unix::fs::chown(&group.0, Some(USER), Some(USER)).expect("an owner");
            group
        })
        .collect();
    if delegated.is_empty() {
        common::skip("no hierarchy to delegate a group of");
        return;
    }

    // From inside, and (where that can be walled off: in v1) from outside.
    for enters in [true, false] {
        let from: Vec<&Group> =
            delegated.iter().filter(|group| enters || group.0.join("cgroup.controllers").exists()).collect();
        let script: String =
            from.iter().map(|group| format!("echo $$ > {}/cgroup.procs; ", group.0.display())).collect();
        let script = format!(
            "{script} exec setpriv --reuid {USER} --regid {USER} --clear-groups {} run 1 --until 1 --hold --format json",
            copy.display()
        );
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .env("HOME", "/nonexistent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        std::io::BufRead::read_line(
            &mut std::io::BufReader::new(child.stdout.as_mut().expect("its output")),
            &mut line,
        )
        .expect("a line");
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let host = i32::try_from(said["actors"]["host"].as_i64().expect("a host")).expect("a pid");
        let lab = said["lab"].as_str().expect("a lab").to_owned();

        let groups = groups_of(host);
        let walled = groups.iter().filter(|(_, path)| path.starts_with(&format!("/{name}/{lab}"))).count();
        assert_eq!(walled, delegated.len(), "entered: {enters}: {groups:?}");
        for group in &delegated {
            let root = fs::metadata(group.0.join(&lab)).expect("the lab's own group");
            assert_eq!(root.uid(), USER);
        }
        drop(child.stdin.take());
        assert!(child.wait().expect("its end").success());
        for group in &delegated {
            assert!(!group.0.join(&lab).exists(), "{} was left", group.0.join(&lab).display());
        }
    }
}

#[test]
fn a_user_whose_groups_can_not_be_walled_off_is_told_so() {
    let _turn = alone();
    let trees = hierarchies();
    let Some(tree) = trees.iter().find(|tree| tree.v2).filter(|_| common::is_root()) else { return };
    let (_dir, copy) = readable_program();
    let group = Group::make(tree.parent.join("relx-elsewhere"));
    for path in [group.0.clone(), group.0.join("cgroup.procs")] {
        std::os::unix::fs::chown(path, Some(USER), Some(USER)).expect("an owner");
    }
    let output = Command::new(copy).args(["run", "1", "--until", "1"]).uid(USER).gid(USER).output().expect("it starts");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("wall off the control group {}", group.0.display())), "{said}");
}
