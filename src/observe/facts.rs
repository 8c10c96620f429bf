//! What expectations ask beyond a snapshot: a file's content, what a mounted /proc lists.

use std::path::Path;

use super::processes::read_stat;
use super::rootdir::{RootDir, kind};
use crate::snapshot::FileKind;

/// The most of a file's content that is looked at.
const LIMIT: usize = 64 * 1024;

/// A file as an actor sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFact {
    pub kind: FileKind,
    /// Of a regular file, the first 64 KiB; what is no UTF-8 is replaced.
    pub content: String,
    /// Bytes.
    pub size: u64,
}

/// None when there is no such file, or no such process any more.
pub fn file(pid: u32, path: &str) -> Option<FileFact> {
    let root = RootDir::open(Path::new("/proc"), pid).ok()?;
    let stat = root.stat(path).ok()?;
    let content = root.read(path, LIMIT).unwrap_or_default();
    Some(FileFact {
        kind: kind(&stat),
        content: String::from_utf8_lossy(&content).into_owned(),
        size: stat.st_size.unsigned_abs(),
    })
}

/// Does the proc file system that `viewer` has at /proc list the process with this start time and name? Its pid there
/// depends on which pid namespace that proc belongs to.
pub fn proc_lists(viewer: u32, start_time: u64, comm: &str) -> bool {
    let proc = format!("/proc/{viewer}/root/proc");
    listed(&proc).any(|pid| {
        let stat = read_stat(&Path::new(&proc).join(pid));
        stat.is_some_and(|stat| stat.start_time == start_time && stat.comm == comm)
    })
}

/// How many processes the proc file system that `viewer` has at /proc lists.
pub fn proc_count(viewer: u32) -> usize {
    listed(&format!("/proc/{viewer}/root/proc")).count()
}

fn listed(proc: &str) -> impl Iterator<Item = String> {
    std::fs::read_dir(proc)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}
