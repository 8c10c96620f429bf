//! The facts that expectations ask for beyond a snapshot.

use serde::{Deserialize, Serialize};

use crate::snapshot::FileKind;

/// A file as an actor sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFact {
    pub kind: FileKind,
    /// The first 64 KiB of a regular file; what is no UTF-8 is replaced.
    pub content: String,
    /// True if there is more than the content.
    pub is_cut: bool,
    /// The size in bytes.
    pub size: u64,
}

/// The blobs of an image layout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayoutFact {
    pub blobs: usize,
    /// Layers that more than one image of the index has.
    pub shared: usize,
    /// Blobs whose digest is another than their name, where they were read.
    pub damaged: usize,
    /// True if there is more than was read.
    pub is_cut: bool,
}

/// The depth to which blobs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlobReading {
    /// Their names, and the images of the index.
    Listed,
    /// All their bytes too, for their digests.
    Hashed,
}

/// The answer of a proc file system that is asked for a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcListing {
    Listed,
    Missing,
    /// It is not among the first; there are more than are looked at.
    Unknown,
}

/// The number of processes that an actor's /proc lists: that many, or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcCount {
    pub count: usize,
    /// True if there are more.
    pub is_cut: bool,
}
