//! Facts that expectations ask for beyond a snapshot: a file's content, the processes that a mounted /proc lists.

use std::path::Path;

use nix::errno::Errno;

use super::bounds;
use super::processes::parse_stat;
use super::rootdir::{NumberedEntries, RootDir, file_kind};
use crate::fact::{FileFact, ProcCount, ProcListing};

/// The file at `path` as that process sees it; none when there is no such file. An error where that can't be told: the
/// process has ended, or the way to the file is barred.
pub fn file_fact(pid: u32, path: &str) -> Result<Option<FileFact>, Errno> {
    let root = RootDir::open(Path::new("/proc"), pid)?;
    let stat = match root.stat(path) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
        other => other?,
    };
    let mut content = root.read(path, bounds::MAX_SMALL_FILE_BYTES + 1).unwrap_or_default();
    let is_cut = content.len() > bounds::MAX_SMALL_FILE_BYTES;
    content.truncate(bounds::MAX_SMALL_FILE_BYTES);
    Ok(Some(FileFact {
        kind: file_kind(&stat),
        content: String::from_utf8_lossy(&content).into_owned(),
        is_cut,
        size: stat.st_size.unsigned_abs(),
    }))
}

/// Look for the process with this start time and name in the proc file system that `viewer` has at /proc. Its pid
/// there depends on which pid namespace that proc belongs to.
pub fn proc_listing(viewer: u32, start_time: u64, comm: &str) -> ProcListing {
    let Ok(root) = RootDir::open(Path::new("/proc"), viewer) else { return ProcListing::Missing };
    let listed = pids(&root);
    let is_it = |pid: &u32| {
        let stat = root.read_small(&format!("proc/{pid}/stat")).and_then(|text| parse_stat(&text));
        stat.is_some_and(|stat| stat.start_time == start_time && stat.comm == comm)
    };

    match listed.found.iter().any(is_it) {
        true => ProcListing::Listed,
        false if listed.is_cut => ProcListing::Unknown,
        false => ProcListing::Missing,
    }
}

/// The number of processes listed by the proc file system that `viewer` has at /proc.
pub fn proc_count(viewer: u32) -> ProcCount {
    let listed =
        RootDir::open(Path::new("/proc"), viewer).map(|root| pids(&root)).unwrap_or_default();
    ProcCount { count: listed.found.len(), is_cut: listed.is_cut }
}

/// The pids that /proc lists; empty where there is no proc file system.
fn pids(root: &RootDir) -> NumberedEntries {
    root.proc_pids("proc", bounds::MAX_PROC_ENTRIES).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::processes::read_stat;

    #[test]
    fn the_start_of_a_file_is_read_and_the_rest_said_to_be_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        let me = std::process::id();
        let fact = || file_fact(me, path.to_str().expect("a name"));

        for (size, is_cut) in [
            (0, false),
            (bounds::MAX_SMALL_FILE_BYTES, false),
            (bounds::MAX_SMALL_FILE_BYTES + 1, true),
        ] {
            std::fs::write(&path, "x".repeat(size)).expect("written");
            let fact = fact().expect("it can be told").expect("there");
            assert_eq!(
                (fact.content.len(), fact.is_cut),
                (size.min(bounds::MAX_SMALL_FILE_BYTES), is_cut),
                "{size}"
            );
        }

        std::fs::remove_file(&path).expect("removed");
        assert_eq!(fact(), Ok(None));
        let below = path.join("below").display().to_string();
        assert_eq!(file_fact(me, &below), Ok(None));
        // Of what can't be reached nothing is told, not even that it is not there.
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).expect("a link");
        let barred = dir.path().join("loop/file").display().to_string();
        assert_eq!(file_fact(me, &barred), Err(Errno::ELOOP));
        assert!(file_fact(0, "/").is_err(), "nobody has this pid");
        // A pipe would block whoever opens it, a device never ends.
        for special in ["/dev/zero", "/dev/full"] {
            let fact = file_fact(me, special).expect("it can be told");
            assert_eq!(fact.map(|fact| fact.content.len()), Some(0), "{special}");
        }
    }

    #[test]
    fn a_proc_lists_this_process() {
        let me = std::process::id();
        let stat = read_stat(Path::new("/proc/self")).expect("we are alive");
        assert!(proc_count(me).count > 0);
        assert_eq!(proc_listing(me, stat.start_time, &stat.comm), ProcListing::Listed);
        assert_eq!(proc_listing(me, stat.start_time, "somebody else"), ProcListing::Missing);
    }
}
