//! What expectations ask for beyond a snapshot.

use crate::snapshot::FileKind;

/// A file as an actor sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFact {
    pub kind: FileKind,
    /// Of a regular file, the first 64 KiB; what is no UTF-8 is replaced.
    pub content: String,
    /// There is more than the content.
    pub is_cut: bool,
    /// Bytes.
    pub size: u64,
}

/// Whether a proc file system lists a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    Listed,
    Missing,
    /// It is not among the first; there are more than are looked at.
    Unknown,
}

/// How many processes the proc file system that `viewer` has at /proc lists: that many, or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcCount {
    pub count: usize,
    pub is_cut: bool,
}
