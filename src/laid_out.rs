//! An image on its way into the labs: how far it is laid out, and what came of it.

use serde::{Deserialize, Serialize};

/// The progress of an image that is laid out, in bytes of its layers as they are stored; of a directory, in bytes of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpackProgress {
    pub done: u64,
    /// None while a directory is copied: what is in it is found on the way.
    pub total: Option<u64>,
}

impl UnpackProgress {
    pub fn is_complete(self) -> bool {
        self.total.is_some_and(|total| self.done >= total)
    }
}

/// The tally of an image that was laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpackedImage {
    pub layers: usize,
    /// The entries of all layers: what was left out, what takes something away, and what a later layer took away count, too.
    pub entries: usize,
    /// The bytes of all files that were written.
    pub bytes: u64,
    /// Directories that the image lacked, and that steps mount on: they are made, empty.
    pub added: usize,
    /// Device nodes that were left out: making them takes the machine's root.
    pub devices: usize,
    /// Files whose owner has no id in the lab's user namespace: they are root's there.
    pub unmapped: usize,
    /// Files of a directory that can't be read with the lab's ids, and are missing.
    pub unreadable: usize,
}
