//! The scratch file on a disk: no name, nothing but data, no more than its bound; and disks that take none.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use unboxed::engine::link::ActorLinks;
use unboxed::keeper::handle::KeeperHandle;
use unboxed::op::{ActorName, Op};
use unboxed::wire::protocol::LabPlan;

use crate::common::{self, Machine, alone, program};
use crate::{DEAD, clean, has_played, lock, said, start_keeper};

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
        mkfs.args(["-q", "-F"])
            .args(options)
            .arg(&path)
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin");
        let mount = format!("mount -o loop {} /var/tmp; chmod 1777 /var/tmp", path.display());
        let works = mkfs.status().is_ok_and(|status| status.success())
            && prepared(&mount, "true").status.success();
        works.then_some(mount)
    };
    let mut cases = vec![(
        "mount --bind /var/tmp /var/tmp; mount -o remount,bind,ro /var/tmp".to_owned(),
        "EROFS",
    )];
    match (image("small", 64, &[]), image("no-inodes", 400, &["-N", "16"])) {
        (Some(small), Some(no_inodes)) => {
            cases.push((small, "ENOSPC"));
            cases.push((
                format!(
                    "{no_inodes}; i=0; while touch /var/tmp/$i 2>/dev/null; do i=$((i+1)); done"
                ),
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
    let (dead, other) =
        (make(&format!("{DEAD}.scratch.abcdef")), make("unboxed-notes.scratch.abcdef"));
    let lock = lock(&dead);
    assert_eq!(said(&clean()), "nothing was left behind\n");

    drop(lock);
    assert_eq!(said(&clean()), format!("removed {}\n", dead.display()));
    assert!(!dead.exists() && other.exists());
    fs::remove_dir_all(other).expect("it goes");
}

fn lab_with_disk() -> Option<(KeeperHandle, ActorLinks)> {
    let disk = common::facts().disk?.number;
    let (mut keeper, plan) = start_keeper();
    let (_, wire) = keeper.make_lab(&LabPlan { disk: Some(disk), ..plan }).expect("a lab");
    Some((keeper, ActorLinks::open(wire).expect("its host")))
}

/// What a shell in the lab's host prints.
fn output_of(links: &mut ActorLinks, script: &str) -> String {
    let op = Op::Run { argv: ["sh", "-c", script].map(str::to_owned).to_vec() };
    links.perform(&ActorName::host(), op).expect("the host answers").outcome.output().to_owned()
}

#[test]
fn the_scratch_file_has_no_name_and_holds_nothing_but_data() {
    let _turn = alone();
    let before = Machine::now();
    let files = || common::names("/var/tmp");
    let earlier = files();
    let Some((keeper, mut links)) = lab_with_disk() else { return };
    let new: Vec<_> = files().difference(&earlier).cloned().collect();
    assert!(new.iter().all(|name| !name.contains(&keeper.pid().to_string())), "{new:?}");

    let mut shell = |script: &str| output_of(&mut links, script);
    let mount = shell("grep ' /scratch ' /proc/self/mountinfo");
    assert!(mount.contains("nosuid,nodev,noexec"), "{mount}");
    // mount(2), by number: MS_REMOUNT|MS_BIND without each of the three.
    let script = "perl -e '$t = \"/scratch\"; for (2|4, 2|8, 4|8) { print syscall(SYS_mount, 0, $t, 0, 32|4096|$_, 0) }'";
    let answers = shell(&script.replace("SYS_mount", &libc_mount().to_string()));
    assert!(answers.ends_with("-1-1-1"), "a flag was taken back: {answers}");
    let executed = shell(
        "cp /usr/bin/env /scratch && chmod 4755 /scratch && /scratch true 2>&1 || echo refused",
    );
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
    let _turn = alone();
    let before = Machine::now();
    let Some((keeper, mut links)) = lab_with_disk() else { return };
    let mut shell = |script: &str| output_of(&mut links, script);
    let fallocate = if cfg!(target_arch = "x86_64") { 285 } else { 47 };
    // Each past 1 GiB: what reaches the end of the file does not count, what is taken beyond it does. FALLOC_FL_KEEP_SIZE alone
    // and with ZERO_RANGE, and the older requests for the same: FS_IOC_RESVSP, FS_IOC_RESVSP64, FS_IOC_ZERO_RANGE.
    let reserve = |request: &str| {
        format!("$s = pack(\"ssx4qqiIx16\", 0, 0, 0, 1100 << 20); ioctl(F, {request}, $s)")
    };
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
        let numbers: Vec<u64> =
            numbers.split_whitespace().filter_map(|word| word.parse().ok()).collect();
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
