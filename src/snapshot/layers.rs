//! An entry of an overlay, layer by layer.

use serde::{Deserialize, Serialize};

use super::FileKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlayEntry {
    /// Relative to the merged directory, no leading slash.
    pub path: String,
    pub kind: FileKind,
    /// Indices into `lowers` of the layers that have it.
    pub in_lowers: Vec<usize>,
    /// Those of the layers that have a whiteout in its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lower_whiteouts: Vec<usize>,
    /// Those of the layers whose directory hides the ones below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lower_opaques: Vec<usize>,
    pub upper: InUpper,
    /// Visible in the merged directory.
    pub merged: bool,
}

impl OverlayEntry {
    /// The state of each layer, the upper one first, where so many lower ones lie below it.
    pub fn layers(&self, lowers: usize) -> Vec<InUpper> {
        let lower = |index: usize| {
            if self.lower_whiteouts.contains(&index) {
                InUpper::Whiteout
            } else if self.lower_opaques.contains(&index) {
                InUpper::Opaque
            } else if self.in_lowers.contains(&index) {
                InUpper::Present
            } else {
                InUpper::Absent
            }
        };
        std::iter::once(self.upper).chain((0..lowers).map(lower)).collect()
    }

    /// The lower layer whose whiteout hides the entry: none below the upper one answers before it.
    pub fn hiding_lower(&self) -> Option<usize> {
        let whiteout = self.lower_whiteouts.iter().min().copied()?;
        let is_first = self.in_lowers.iter().all(|index| *index > whiteout);
        (self.upper == InUpper::Absent && is_first).then_some(whiteout)
    }
}

/// The state of the upper layer at an entry's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InUpper {
    Absent,
    Present,
    /// A character device 0,0: the entry is deleted.
    Whiteout,
    /// A directory that hides the lower ones (xattr `overlay.opaque`).
    Opaque,
}
