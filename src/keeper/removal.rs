//! Removing a lab's control groups: all of them are thawed, released and killed, in every hierarchy, before
//! any is waited for; then they go level by level, by directory descriptors, since paths end at PATH_MAX
//! and groups nest deeper.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::signal::Signal;
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat, fstat};
use nix::unistd::{Pid, UnlinkatFlags, unlinkat};

use crate::kernel::pidfd::Pidfd;
use crate::text;

/// The longest that one removal takes while it gets on, group by group.
const MAX_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest where only processes stand in the way that are not killed.
const HOPELESS_TIMEOUT: Duration = Duration::from_millis(300);
/// Pidfds that are open at a time.
const MAX_OPEN_PIDFDS: usize = 100;
const DIRECTORY: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Values that let processes go which are held back: frozen, waiting for memory, without CPU time. A parent's come
/// before its children's, which could not take effect else.
const RELEASES: [(&CStr, &str); 6] = [
    (c"freezer.state", "THAWED"),
    (c"cgroup.freeze", "0"),
    // In v1 a process that waits for memory does not hear SIGKILL.
    (c"memory.oom_control", "0"),
    // To die takes CPU time.
    (c"cpu.cfs_quota_us", "-1"),
    (c"cpu.max", "max"),
    (c"memory.high", "max"),
];
/// Files that hold limits on block I/O, a line a disk.
const IO_RULES: [&CStr; 5] = [
    c"io.max",
    c"blkio.throttle.read_bps_device",
    c"blkio.throttle.write_bps_device",
    c"blkio.throttle.read_iops_device",
    c"blkio.throttle.write_iops_device",
];

/// A group that could not be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnremovedGroup {
    pub path: PathBuf,
    pub why: String,
}

/// Kill what is in these groups, one lab's, and remove them with all below. A dying process leaves its group late, so
/// this is tried again until `timeout` has passed without progress. Goes on past a group that stays.
pub fn kill_and_remove(groups: &[PathBuf], timeout: Duration) -> Vec<UnremovedGroup> {
    let began = Instant::now();
    let mut deadline = began + timeout;
    let mut pause = Duration::from_millis(2);
    loop {
        let pass = Pass::over(groups, began + MAX_TIMEOUT);
        let is_hopeless = pass.is_hopeless && began.elapsed() >= HOPELESS_TIMEOUT;
        if pass.remains.is_empty() || is_hopeless || Instant::now() >= deadline {
            return pass.remains;
        }
        if pass.removed > 0 {
            deadline = (Instant::now() + timeout).min(began + MAX_TIMEOUT);
        }

        std::thread::sleep(pause);
        pause = (2 * pause).min(Duration::from_millis(40));
    }
}

/// One attempt at all of a lab's groups.
struct Pass {
    remains: Vec<UnremovedGroup>,
    removed: usize,
    /// True if all that stays holds processes that are no lab's, or out of sight.
    is_hopeless: bool,
}

impl Pass {
    fn over(groups: &[PathBuf], deadline: Instant) -> Pass {
        let mut opened: Vec<(&PathBuf, OwnedFd, Obstacles)> = Vec::new();
        let mut pass = Pass { remains: Vec::new(), removed: 0, is_hopeless: true };
        for path in groups {
            match open_top(path) {
                Ok(top) => opened.push((path, top, Obstacles::default())),
                Err(Errno::ENOENT) => {}
                Err(errno) => pass
                    .remains
                    .push(UnremovedGroup { path: path.clone(), why: sentence("open it", errno) }),
            }
        }

        // A process is in a group of each hierarchy, and each of them can hold it back.
        for (_, top, obstacles) in &mut opened {
            obstacles.note(walk(top, deadline, &mut release, &mut |_, _| {}));
        }
        let own_levels = pid_levels("/proc/self/status");
        for (_, top, obstacles) in &mut opened {
            let walked = walk(
                top,
                deadline,
                &mut |group| kill_members(group, own_levels, obstacles),
                &mut |_, _| {},
            );
            obstacles.note(walked);
            // Reaches those too that were forked meanwhile; but it can't tell whose they are.
            if obstacles.outsider.is_none() && !obstacles.out_of_sight {
                let _ = write_at(top, c"cgroup.kill", "1");
            }
        }

        for (path, top, mut obstacles) in opened {
            let mut remove = |parent: &OwnedFd, name: &CStr| match unlinkat(
                parent,
                name,
                UnlinkatFlags::RemoveDir,
            ) {
                Ok(()) => pass.removed += 1,
                Err(errno) => obstacles.errno = Some(errno),
            };
            let walked = walk(&top, deadline, &mut |_| {}, &mut remove);
            obstacles.note(walked);
            match remove_top(path) {
                Ok(()) => pass.removed += 1,
                Err(Errno::ENOENT) => {}
                Err(errno) => {
                    pass.is_hopeless &= obstacles.outsider.is_some() || obstacles.out_of_sight;
                    pass.remains
                        .push(UnremovedGroup { path: path.clone(), why: obstacles.why(errno) });
                }
            }
        }
        pass
    }
}

/// The processes and errors that stood in the way of one removal.
#[derive(Default)]
struct Obstacles {
    /// A process of this very PID namespace, which no process of a lab is in.
    outsider: Option<i32>,
    /// Processes that have no number here.
    out_of_sight: bool,
    /// The last that could not be signalled.
    refused: Option<(i32, Errno)>,
    /// The last that was, and may take its time.
    killed: Option<i32>,
    errno: Option<Errno>,
}

impl Obstacles {
    fn note(&mut self, walked: Result<(), Errno>) {
        self.errno = walked.err().or(self.errno);
    }

    fn why(&self, errno: Errno) -> String {
        let name = |pid: i32| {
            let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            format!("process {pid} ({})", text::safe(comm.trim()))
        };

        if let Some(pid) = self.outsider {
            format!("{} is in it, and is none of a lab's", name(pid))
        } else if let Some((pid, errno)) = self.refused {
            sentence(&format!("kill {}", name(pid)), errno)
        } else if let Some(pid) = self.killed {
            format!("{} was killed and has not ended yet", name(pid))
        } else if self.out_of_sight || errno == Errno::EBUSY && self.errno.is_none() {
            // v1 does not even list these.
            "it holds processes that can't be seen from this PID namespace".into()
        } else {
            sentence("remove it", self.errno.unwrap_or(errno))
        }
    }
}

fn sentence(tried: &str, errno: Errno) -> String {
    format!("could not {tried}: {} ({errno:?})", errno.desc())
}

fn open_top(path: &Path) -> Result<OwnedFd, Errno> {
    let parent = path.parent().ok_or(Errno::EINVAL)?;
    let name = path
        .file_name()
        .and_then(|name| CString::new(name.as_encoded_bytes()).ok())
        .ok_or(Errno::EINVAL)?;
    // The parent may be a link, as a private hierarchy's is (/proc/PID/fd/N); the group may not.
    open_below(
        &openat(AT_FDCWD, parent, DIRECTORY.difference(OFlag::O_NOFOLLOW), Mode::empty())?,
        &name,
    )
}

fn remove_top(path: &Path) -> Result<(), Errno> {
    unlinkat(AT_FDCWD, path, UnlinkatFlags::RemoveDir)
}

/// One level of the way down.
struct Level {
    name: CString,
    inode: u64,
    children: Vec<CString>,
}

/// Go through a directory and all below it: `enter` each, parents first, and `leave` each but the top, children
/// first, with the directory that it lies in. Holds two descriptors, however deep it goes. Goes on past what can't
/// be opened, and tells it.
fn walk(
    top: &OwnedFd,
    deadline: Instant,
    enter: &mut dyn FnMut(&OwnedFd),
    leave: &mut dyn FnMut(&OwnedFd, &CStr),
) -> Result<(), Errno> {
    let mut first_error = Ok(());
    let mut dir = openat(top, c".", DIRECTORY, Mode::empty())?;
    enter(&dir);
    let mut levels = vec![Level {
        name: CString::default(),
        inode: fstat(&dir)?.st_ino,
        children: subdirectories(&dir)?,
    }];

    while let Some(level) = levels.last_mut() {
        if Instant::now() >= deadline {
            return Err(Errno::ETIMEDOUT);
        }
        if let Some(name) = level.children.pop() {
            match open_below(&dir, &name) {
                Ok(child) => {
                    enter(&child);
                    let children = subdirectories(&child).unwrap_or_default();
                    levels.push(Level { name, inode: fstat(&child)?.st_ino, children });
                    dir = child;
                }
                Err(Errno::ENOENT) => {}
                Err(errno) => first_error = first_error.and(Err(errno)),
            }
            continue;
        }

        let Some(done) = levels.pop() else { break };
        let Some(above) = levels.last() else { break };
        dir = openat(&dir, c"..", DIRECTORY, Mode::empty())?;
        // Whoever moves a directory meanwhile must not lead the removal elsewhere.
        if fstat(&dir)?.st_ino != above.inode {
            return Err(Errno::ESTALE);
        }
        leave(&dir, &done.name);
    }
    first_error
}

/// Open a directory in another. A lab's root may have taken its own groups' permissions away, which stops their
/// owner, too, unless that is the machine's root.
fn open_below(dir: &OwnedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let child = openat(dir, name, DIRECTORY, Mode::empty()).or_else(|errno| {
        if errno != Errno::EACCES {
            return Err(errno);
        }
        fchmodat(dir, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
        openat(dir, name, DIRECTORY, Mode::empty())
    })?;
    if fstat(&child)?.st_mode & Mode::S_IRWXU.bits() != Mode::S_IRWXU.bits() {
        let _ = fchmod(&child, Mode::S_IRWXU);
    }
    Ok(child)
}

fn subdirectories(dir: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut listed = Dir::openat(dir, c".", DIRECTORY, Mode::empty())?;
    let directories =
        listed.iter().flatten().filter(|entry| entry.file_type() == Some(Type::Directory));
    let names = directories.map(|entry| entry.file_name().to_owned());
    Ok(names.filter(|name| !matches!(name.to_bytes(), b"." | b"..")).collect())
}

fn open_file(dir: &OwnedFd, name: &CStr, flags: OFlag) -> Result<std::fs::File, Errno> {
    let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let opened = openat(dir, name, flags, Mode::empty()).or_else(|errno| {
        if errno != Errno::EACCES {
            return Err(errno);
        }
        fchmodat(dir, name, Mode::S_IRUSR | Mode::S_IWUSR, FchmodatFlags::FollowSymlink)?;
        openat(dir, name, flags, Mode::empty())
    });
    opened.map(std::fs::File::from)
}

fn read_at(dir: &OwnedFd, name: &CStr) -> String {
    let mut text = String::new();
    if let Ok(mut file) = open_file(dir, name, OFlag::O_RDONLY) {
        let _ = file.read_to_string(&mut text);
    }
    text
}

fn write_at(dir: &OwnedFd, name: &CStr, value: &str) -> Result<(), Errno> {
    let mut file = open_file(dir, name, OFlag::O_WRONLY)?;
    file.write_all(value.as_bytes()).map_err(crate::kernel::errno::to_errno)
}

/// Let go of what a group's settings hold back. A file that is not there belongs to another hierarchy.
fn release(group: &OwnedFd) {
    for (file, value) in RELEASES {
        let _ = write_at(group, file, value);
    }
    // A process that is throttled at its disk hears nothing until its request has gone through.
    for file in IO_RULES {
        for rule in read_at(group, file).lines() {
            let Some(disk) = rule.split(' ').next() else { continue };
            let lifted =
                if file == c"io.max" { "rbps=max wbps=max riops=max wiops=max" } else { "0" };
            let _ = write_at(group, file, &format!("{disk} {lifted}"));
        }
    }
}

fn members(group: &OwnedFd) -> BTreeSet<i32> {
    read_at(group, c"cgroup.procs").lines().filter_map(|line| line.parse().ok()).collect()
}

/// Kill each process of a group that is a lab's. A number may be another process's by the time it is used: so a pidfd
/// is opened, and counts if the number is in the group even then.
fn kill_members(group: &OwnedFd, own_levels: Option<usize>, obstacles: &mut Obstacles) {
    let listed: Vec<i32> = members(group).into_iter().collect();
    for batch in listed.chunks(MAX_OPEN_PIDFDS) {
        let held: Vec<(i32, Pidfd)> =
            batch.iter().filter_map(|&pid| Some((pid, hold(pid, obstacles)?))).collect();
        let still = members(group);

        for (pid, process) in held.into_iter().filter(|(pid, _)| still.contains(pid)) {
            let levels = pid_levels(&format!("/proc/self/fdinfo/{}", process.as_raw_fd()));
            if levels.is_some() && levels <= own_levels {
                obstacles.outsider = Some(pid);
                continue;
            }

            match process.send(Signal::SIGKILL) {
                Ok(()) => obstacles.killed = Some(pid),
                Err(Errno::ESRCH) => {}
                Err(errno) => obstacles.refused = Some((pid, errno)),
            }
        }
    }
}

/// A process of a group by its pidfd; none for what is no process of a lab: 0 stands for all that have no number
/// here, and would be our own process group to kill(2).
fn hold(pid: i32, obstacles: &mut Obstacles) -> Option<Pidfd> {
    if pid <= 0 {
        obstacles.out_of_sight = true;
        return None;
    }
    if pid == 1 || Pid::from_raw(pid) == nix::unistd::getpid() {
        obstacles.outsider = Some(pid);
        return None;
    }
    Pidfd::open(Pid::from_raw(pid)).ok()
}

/// The number of PID namespaces that see a process, from here down: the line `NSpid:` of such a file. A lab's
/// processes are in one more than whoever made the lab.
fn pid_levels(file: &str) -> Option<usize> {
    let text = std::fs::read_to_string(file).ok()?;
    let numbers = text.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    Some(numbers.split_ascii_whitespace().count()).filter(|&count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directories of any file system go the same way.
    #[test]
    fn a_tree_deeper_than_any_path_and_shut_is_removed() {
        let home = tempfile::tempdir().expect("a directory");
        let top = home.path().join("top");
        std::fs::create_dir_all(top.join("wide/shut")).expect("made");
        let name = "n".repeat(200);
        let mut dir = openat(AT_FDCWD, &top, DIRECTORY, Mode::empty()).expect("a directory");
        for _ in 0..60 {
            nix::sys::stat::mkdirat(&dir, name.as_str(), Mode::S_IRWXU).expect("made");
            dir = openat(&dir, name.as_str(), DIRECTORY, Mode::empty()).expect("a directory");
        }

        for path in ["wide/shut", "wide", ""] {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(top.join(path), std::fs::Permissions::from_mode(0o000))
                .expect("its mode");
        }

        assert_eq!(
            kill_and_remove(&[top.clone(), home.path().join("was-never")], Duration::from_secs(1)),
            []
        );
        assert!(!top.exists());
    }

    #[test]
    fn what_stays_is_told_with_its_reason() {
        let home = tempfile::tempdir().expect("a directory");
        let top = home.path().join("top");
        std::fs::create_dir_all(top.join("below")).expect("made");
        // No rmdir(2) takes a directory with a file in it.
        std::fs::write(top.join("below/file"), "").expect("written");
        let remains = kill_and_remove(std::slice::from_ref(&top), Duration::ZERO);
        let why = "could not remove it: Directory not empty (ENOTEMPTY)".to_owned();
        assert_eq!(remains, [UnremovedGroup { path: top, why }]);
    }

    #[test]
    fn a_process_of_our_own_is_no_labs() {
        let own = pid_levels("/proc/self/status");
        assert!(own.is_some_and(|levels| levels >= 1));
        let me = Pidfd::open(nix::unistd::getpid()).expect("a pidfd");
        assert_eq!(pid_levels(&format!("/proc/self/fdinfo/{}", me.as_raw_fd())), own);
        assert_eq!(pid_levels("/proc/self/nothing"), None);

        for number in [0, -1, 1, nix::unistd::getpid().as_raw()] {
            assert!(hold(number, &mut Obstacles::default()).is_none(), "{number}");
        }
    }
}
