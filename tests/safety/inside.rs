//! What is tried as root of a lab. Each function runs in a lab only, started by a test of this program.
// In the lab, where everything may be tried.
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::MsFlags;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::attempt::{arguments, tell};

/// A system call of numbers, or of pointers as numbers.
fn call(number: libc::c_long, arguments: [libc::c_long; 5]) -> Result<libc::c_long, Errno> {
    let [a, b, c, d, e] = arguments;
    // SAFETY: every pointer that is given is 0 or one to memory that outlives the call.
    Errno::result(unsafe { libc::syscall(number, a, b, c, d, e) })
}

fn own(number: libc::c_long) -> OwnedFd {
    // SAFETY: the kernel has just made this descriptor.
    unsafe { OwnedFd::from_raw_fd(number as i32) }
}

fn write_to(path: impl AsRef<Path>, text: &str) -> std::io::Result<()> {
    fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

fn processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("the lab's /proc");
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[test]
#[ignore = "runs in a lab"]
fn machine() {
    for setting in [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/vm/drop_caches",
        "/proc/sys/vm/swappiness",
        "/proc/sysrq-trigger",
        "/proc/irq/default_smp_affinity",
    ] {
        tell(format!("write {setting}"), write_to(setting, "1").map(|()| ""));
    }
    for (kind, major, minor) in [
        (SFlag::S_IFBLK, 254, 0),
        (SFlag::S_IFBLK, 8, 0),
        (SFlag::S_IFCHR, 1, 3),
        (SFlag::S_IFCHR, 1, 1),
    ] {
        let made = mknod("/root/device", kind, Mode::S_IRUSR, makedev(major, minor));
        tell(format!("mknod {major}:{minor}"), made.map(|()| ""));
    }
    for (source, fstype) in [
        ("/dev/vda", "ext4"),
        ("/dev/sda1", "ext4"),
        ("none", "debugfs"),
        ("none", "tracefs"),
        ("none", "securityfs"),
        ("none", "devtmpfs"),
        ("none", "pstore"),
    ] {
        let mounted =
            nix::mount::mount(Some(source), "/mnt", Some(fstype), MsFlags::empty(), None::<&str>);
        tell(format!("mount {fstype} of {source}"), mounted.map(|()| ""));
    }
    for sealed in ["/usr", "/image"] {
        for flags in [MsFlags::MS_REMOUNT | MsFlags::MS_BIND, MsFlags::MS_REMOUNT] {
            let mounted =
                nix::mount::mount(None::<&str>, sealed, None::<&str>, flags, None::<&str>);
            tell(format!("remount {sealed} to be written"), mounted.map(|()| ""));
        }
        tell(
            format!("write below {sealed}"),
            fs::write(format!("{sealed}/was-here"), "").map(|()| ""),
        );
    }
    let outsider: i32 = arguments()[0].parse().expect("a pid");
    let pid = nix::unistd::Pid::from_raw(outsider);
    tell("see a process outside", fs::metadata(format!("/proc/{outsider}")).map(|_| ""));
    tell("signal a process outside", nix::sys::signal::kill(pid, None).map(|()| ""));
    tell("open a process outside", call(libc::SYS_pidfd_open, [outsider.into(), 0, 0, 0, 0]));
    for file in [
        "/etc/shadow",
        "/root/.profile",
        "/home/.",
        "/dev/kmsg",
        "/dev/mem",
        "/dev/fuse",
        "/dev/kvm",
    ] {
        let there = if file.ends_with('.') {
            // The lab has an ordinary user of its own.
            let is_machines = |name: &std::io::Result<fs::DirEntry>| {
                name.as_ref().is_ok_and(|name| name.file_name() != "ann")
            };
            fs::read_dir(file)
                .and_then(|mut names| {
                    names.find(is_machines).ok_or(std::io::ErrorKind::NotFound.into())
                })
                .map(drop)
        } else {
            fs::read(file).map(drop)
        };
        tell(format!("read {file}"), there.map(|()| ""));
    }
    let abstract_name = SocketAddr::from_abstract_name(&arguments()[1]).expect("a name");
    let connected = std::os::unix::net::UnixStream::connect_addr(&abstract_name);
    tell("connect to an abstract socket of the machine", connected.map(|_| ""));
}

#[test]
#[ignore = "runs in a lab"]
fn calls() {
    for number in unboxed::kernel::seccomp::REFUSED_CALLS {
        match call(*number, [0; 5]) {
            Err(Errno::EPERM) => tell(format!("call {number}"), Err::<&str, _>(Errno::EPERM)),
            other => tell(
                format!("call {number} is not refused as it should"),
                Ok::<_, Errno>(format!("{other:?}")),
            ),
        }
    }
    for family in [
        libc::AF_VSOCK,
        libc::AF_ALG,
        libc::AF_BLUETOOTH,
        libc::AF_CAN,
        libc::AF_XDP,
        libc::AF_TIPC,
    ] {
        let made = call(libc::SYS_socket, [family.into(), libc::SOCK_DGRAM.into(), 0, 0, 0]);
        tell(format!("a socket of family {family}"), made);
    }
    let file = fs::File::create("/root/sparse").expect("a file");
    let space =
        nix::fcntl::fallocate(&file, nix::fcntl::FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, 1 << 21);
    tell("space beyond the end of a file", space.map(|()| ""));
}

#[test]
#[ignore = "runs in a lab"]
fn keys() {
    const SEARCH: libc::c_long = 10;
    let (kind, name) = (c"user", c"unboxed-safety");
    let (kind, name) = (kind.as_ptr() as libc::c_long, name.as_ptr() as libc::c_long);
    for (keyring, number) in [("session", -3), ("user", -4), ("user session", -5)] {
        tell(
            format!("find a key of the {keyring} keyring"),
            call(libc::SYS_keyctl, [SEARCH, number, kind, name, 0]),
        );
    }
    tell("request a key", call(libc::SYS_request_key, [kind, name, 0, 0, 0]));
}

/// Every descriptor of every process, and what can be done with those of pid 1.
#[test]
#[ignore = "runs in a lab"]
fn descriptors() {
    let me = std::process::id();
    for pid in processes().into_iter().filter(|pid| pid.unsigned_abs() != me) {
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
            let target = fs::read_link(entry.path()).unwrap_or_default();
            let number = entry.file_name();
            let told = match named_process(&format!("/proc/{pid}/fdinfo/{}", number.display())) {
                Some(of) => format!("{} of {of}", target.display()),
                None => target.display().to_string(),
            };
            tell(format!("descriptor of {pid}"), Ok::<_, Errno>(told));
        }
    }
}

/// The process that a pidfd names, as the lab's /proc counts: 0 for one outside the lab. None for other descriptors.
fn named_process(fdinfo: &str) -> Option<i32> {
    let text = fs::read_to_string(fdinfo).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
}

/// What a lab's root says in the place of others, over every socket that its processes hold.
#[test]
#[ignore = "runs in a lab"]
fn forge() {
    let victim = &arguments()[0];
    let messages = [
        format!("{{\"Forked\":{{\"pid\":{victim}}}}}"),
        format!("{{\"Forked\":{victim}}}"),
        "\"Forked\"".to_owned(),
        "{\"Forked\":{\"pid\":-1}}".to_owned(),
        "{\"Ready\":{\"missing\":[]}}".to_owned(),
        "\"DropNewest\"".to_owned(),
    ];
    let me = std::process::id();
    for pid in processes().into_iter().filter(|pid| pid.unsigned_abs() != me) {
        let Ok(process) = call(libc::SYS_pidfd_open, [pid.into(), 0, 0, 0, 0]).map(own) else {
            continue;
        };
        for number in 0..64 {
            let taken = call(libc::SYS_pidfd_getfd, [process.as_raw_fd().into(), number, 0, 0, 0]);
            let Ok(socket) = taken.map(own) else { continue };
            for message in &messages {
                let mut frame = u32::try_from(message.len()).expect("short").to_le_bytes().to_vec();
                frame.extend_from_slice(message.as_bytes());
                let flags = nix::sys::socket::MsgFlags::MSG_DONTWAIT
                    | nix::sys::socket::MsgFlags::MSG_NOSIGNAL;
                let sent = nix::sys::socket::send(socket.as_raw_fd(), &frame, flags);
                tell(format!("{message} over descriptor {number} of {pid}"), sent);
            }
        }
    }
}

#[test]
#[ignore = "runs in a lab"]
fn executable() {
    let path = fs::read_link("/proc/1/exe").expect("pid 1's program");
    tell("pid 1 runs", Ok::<_, Errno>(path.display()));
    let opened = fs::OpenOptions::new().write(true).open("/proc/1/exe");
    tell(
        "write to pid 1's program",
        opened.and_then(|mut file| file.write_all(b"#!")).map(|()| ""),
    );
}

/// Every file below /proc/sys that opens for writing, and what came of writing another number there.
#[test]
#[ignore = "runs in a lab"]
fn settings() {
    let passed_over = arguments();
    let mut waiting = vec![PathBuf::from("/proc/sys")];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(path);
            } else if !passed_over
                .iter()
                .any(|name| path.as_os_str().as_bytes().ends_with(name.as_bytes()))
            {
                change(&path);
            }
        }
    }
}

fn change(path: &Path) {
    let Ok(mut file) = fs::OpenOptions::new().write(true).open(path) else { return };
    let text = fs::read_to_string(path).unwrap_or_default();
    let Ok(number) = text.trim().parse::<i64>() else {
        tell(path.display(), file.write_all(text.as_bytes()).map(|()| "the same text"));
        return;
    };
    // One of them is in the setting's range, or none.
    let wrote = [number + 1, number - 1, 1 - number]
        .into_iter()
        .find(|other| write_to(path, &other.to_string()).is_ok());
    tell(path.display(), wrote.ok_or("no other number fits"));
}

/// Processes of as many users as the lab has, until the kernel allows no more; how many there were.
#[test]
#[ignore = "runs in a lab"]
fn bomb() {
    const ENOUGH: usize = 4000;
    let (count, counted) = nix::unistd::pipe().expect("a pipe");
    let mut begun = Vec::new();
    for user in 0..12 {
        // SAFETY: the child makes system calls only.
        match unsafe { nix::unistd::fork() } {
            Ok(nix::unistd::ForkResult::Child) => {
                let is_user = user == 0 || nix::unistd::setuid(user.into()).is_ok();
                let mut forked = 0;
                while is_user && forked < ENOUGH / 12 + 100 {
                    // SAFETY: as above.
                    match unsafe { nix::unistd::fork() } {
                        Ok(nix::unistd::ForkResult::Child) => loop {
                            nix::unistd::pause();
                        },
                        Ok(nix::unistd::ForkResult::Parent { .. }) => forked += 1,
                        Err(_) => break,
                    }
                }
                let _ = nix::unistd::write(&counted, b"x");
                loop {
                    nix::unistd::pause();
                }
            }
            Ok(nix::unistd::ForkResult::Parent { child }) => begun.push(child),
            Err(_) => break,
        }
    }
    for _ in &begun {
        nix::unistd::read(&count, &mut [0]).expect("each says when it is done");
    }
    tell("processes", Ok::<_, Errno>(processes().len()));
    let mine = i32::try_from(std::process::id()).expect("a pid");
    for pid in processes().into_iter().filter(|pid| *pid > 1 && *pid != mine) {
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid),
            nix::sys::signal::Signal::SIGKILL,
        );
    }
}

/// Bounds that a lab can't raise.
#[test]
#[ignore = "runs in a lab"]
fn limits() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    for limit in [
        Resource::RLIMIT_NPROC,
        Resource::RLIMIT_AS,
        Resource::RLIMIT_FSIZE,
        Resource::RLIMIT_NOFILE,
        Resource::RLIMIT_CORE,
        Resource::RLIMIT_MEMLOCK,
        Resource::RLIMIT_MSGQUEUE,
        Resource::RLIMIT_SIGPENDING,
    ] {
        let (_, hard) = getrlimit(limit).expect("a limit");
        tell(
            format!("raise {limit:?} of {hard}"),
            setrlimit(limit, hard + 1, hard + 1).map(|()| ""),
        );
    }
    tell("lower RLIMIT_CORE", setrlimit(Resource::RLIMIT_CORE, 0, 0).map(|()| ""));
    let mut unshared = 0;
    // In a process of its own each, so that they are all there at once.
    while unshared < 600 {
        // SAFETY: the child makes system calls only.
        match unsafe { nix::unistd::fork() } {
            Ok(nix::unistd::ForkResult::Child) => {
                let made = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUTS);
                if made.is_err() {
                    unboxed::kernel::process::exit_now(1);
                }
                loop {
                    nix::unistd::pause();
                }
            }
            Ok(nix::unistd::ForkResult::Parent { .. }) => unshared += 1,
            Err(_) => break,
        }
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    let inodes = |pid: &i32| fs::read_link(format!("/proc/{pid}/ns/uts")).ok();
    let mut namespaces: Vec<PathBuf> = processes().iter().filter_map(inodes).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    tell("UTS namespaces", Ok::<_, Errno>(namespaces.len()));
    let mine = i32::try_from(std::process::id()).expect("a pid");
    for pid in processes().into_iter().filter(|pid| *pid > 1 && *pid != mine) {
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid),
            nix::sys::signal::Signal::SIGKILL,
        );
    }
}

/// reboot(2) ends this lab: the caller never hears of it.
#[test]
#[ignore = "runs in a lab"]
fn reboot() {
    let _ = call(libc::SYS_reboot, [0xfee1_dead, 672_274_793, 0x0123_4567, 0, 0]);
}
