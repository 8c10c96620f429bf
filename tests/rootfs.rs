//! The default image, written for real and entered with the machine's own tools.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};

use unboxed::rootfs::{EntryKind, Fixture, plan_image, write_image};

/// Stacks both layers, mounts a /proc and the /dev of the machine, and runs the line in there, all in namespaces that end with it.
fn in_image(layers: &Path, line: &str) -> Output {
    let script = format!(
        "mkdir -p {0}/merged && mount -t overlay image -o lowerdir={0}/tools:{0}/base {0}/merged && \
         mount -t proc proc {0}/merged/proc && mount --rbind /dev {0}/merged/dev && exec chroot {0}/merged /bin/sh -c '{line}'",
        layers.display()
    );
    Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            &script,
        ])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .expect("unshare is installed")
}

/// True when this machine can't make such namespaces, which CI does not forgive.
fn must_skip() -> bool {
    let output =
        Command::new("unshare").args(["--user", "--map-root-user", "--mount", "true"]).output();
    let works = output.as_ref().is_ok_and(|output| output.status.success());
    if !works {
        assert!(std::env::var_os("UNBOXED_MUST_WORK").is_none(), "no user namespaces: {output:?}");
        eprintln!("skipped: no user namespaces here: {output:?}");
    }
    !works
}

#[test]
fn every_program_of_the_default_image_starts_in_it() {
    if must_skip() {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let plan = plan_image(&Fixture::embedded(), Path::new("/")).expect("this machine has a shell");
    let written = write_image(&plan, dir.path()).expect("written");
    eprintln!("{written:?}, missing: {:?}", plan.missing);

    let is_missing = |name: &str| plan.missing.iter().any(|missing| missing.program == name);
    let check = |line: &str, expected: &str| {
        let name = line.split([' ', ';']).next().expect("a word");
        if is_missing(name) {
            assert!(
                std::env::var_os("UNBOXED_MUST_WORK").is_none(),
                "{name} is not on this machine"
            );
            eprintln!("skipped: {name} is not on this machine");
            return;
        }
        let output = in_image(dir.path(), line);
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && text.contains(expected),
            "{line}: {}\n{text}",
            output.status
        );
    };
    check("sh -c \"echo inner\"", "inner");
    check("ls -l /", "usr");
    check("cat /etc/os-release", "ID=unboxed");
    check("ps -ef", "ps -ef");
    check("hostname", "");
    check("id", "uid=0(root) gid=0(root)");
    check("sleep 0; echo slept", "slept");
    check("stat -c %a /tmp", "1777");
    check("readlink /etc/mtab", "../proc/self/mounts");
    check("dd if=/etc/hosts of=/proc/self/fd/1 bs=4 count=2", "127.0.0.");
    check("ip -V", "ip");
    check("unshare --version", "util-linux");
    check("nsenter --version", "util-linux");
    check("mount", "image on / type overlay");
    check("umount /proc && ls /proc && echo gone", "gone");
    check("grep root /etc/passwd", "/root:/bin/sh");
    check("kill -0 $$ && echo alive", "alive");
    check("ping -c 1 -W 1 127.0.0.1; echo asked", "asked");
    check("top -b -n 1", "PID");
    let all = plan.layers.iter().flat_map(|layer| &layer.entries);
    for entry in all.filter(|entry| matches!(entry.what, EntryKind::File { mode: 0o755, .. })) {
        let Some(name) =
            entry.path.strip_prefix("usr/bin/").or(entry.path.strip_prefix("usr/sbin/"))
        else {
            continue;
        };
        // By its own name busybox takes that of a program first.
        let question = if name == "busybox" { "true" } else { "--version" };
        let output = in_image(dir.path(), &format!("exec {name} {question} </etc/hosts"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            !errors.contains("shared librar") && output.status.code() != Some(127),
            "{name}: {errors}"
        );
    }
}

#[test]
fn two_images_of_this_machine_are_the_same_to_the_byte() {
    let plan = plan_image(&Fixture::embedded(), Path::new("/")).expect("this machine has a shell");
    let (first, second) = (tempfile::tempdir().expect("made"), tempfile::tempdir().expect("made"));
    assert_eq!(
        write_image(&plan, first.path()).expect("written"),
        write_image(&plan, second.path()).expect("written")
    );
    for layer in &plan.layers {
        for entry in &layer.entries {
            let path = Path::new(&layer.name).join(&entry.path);
            let (one, two) = (first.path().join(&path), second.path().join(&path));
            let (a, b) =
                (one.symlink_metadata().expect("there"), two.symlink_metadata().expect("there"));
            assert_eq!(
                (a.mode(), a.mtime(), a.nlink()),
                (b.mode(), b.mtime(), b.nlink()),
                "{}",
                path.display()
            );
            assert_eq!(a.mtime(), 0, "{}", path.display());
            assert_eq!(a.permissions().mode() & 0o6000, 0, "{}", path.display());
            if a.is_file() {
                assert!(
                    std::fs::read(&one).expect("read") == std::fs::read(&two).expect("read"),
                    "{}",
                    path.display()
                );
            }
        }
    }
}
