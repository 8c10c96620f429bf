//! `overlay`: which layer an entry of a merged directory comes from.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, ObservedState, or_unread};
use crate::op::ActorName;
use crate::seen::{CutList, Judgement, Seen};
use crate::snapshot::{self, InUpper, Omitted, OverlayEntry};
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Relative to the merged directory.
    pub entry: String,
    pub from: From,
    /// The lower layer whose entry it is, or would be without the upper one; counted as in the Files pane: 0 is the
    /// topmost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<usize>,
    /// The directory where the overlay is mounted, when there are several.
    #[serde(default)]
    pub merged: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    Lower,
    Upper,
    /// In the upper layer, hiding one in a lower.
    Both,
    Whiteout,
    /// A directory of the upper layer that hides those below it whole.
    Opaque,
}

impl From {
    pub fn of(entry: &OverlayEntry) -> From {
        match (entry.upper, entry.in_lowers.is_empty()) {
            (InUpper::Whiteout, _) => From::Whiteout,
            (InUpper::Absent, _) if entry.hiding_lower().is_some() => From::Whiteout,
            (InUpper::Absent, _) => From::Lower,
            (InUpper::Present | InUpper::Opaque, true) => From::Upper,
            (InUpper::Present, false) => From::Both,
            (InUpper::Opaque, false) => From::Opaque,
        }
    }
}

impl ExpectKind for Overlay {
    const SUMMARY: &'static str = "the layer that an entry of an overlay comes from";

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Files)
    }

    fn deciding_words(&self) -> Vec<String> {
        self.entry.rsplit('/').next().map(str::to_owned).into_iter().collect()
    }

    fn impossible_reason(&self) -> Option<&'static str> {
        (self.from == From::Upper && self.lower.is_some())
            .then_some("an entry of the upper layer alone is in no lower one")
    }

    fn actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let overlays = world
            .snapshot
            .overlays
            .iter()
            .filter(|overlay| self.merged.as_ref().is_none_or(|at| *at == overlay.merged));
        let entry =
            overlays.flat_map(|overlay| &overlay.entries).find(|entry| entry.path == self.entry);

        match entry {
            Some(entry) => {
                let is_there = |lower| entry.in_lowers.iter().min() == Some(&lower);
                let is_so = From::of(entry) == self.from && self.lower.is_none_or(is_there);
                Judgement::new(is_so, Seen::OverlayEntry(entry.clone()))
            }
            None => {
                let overlays = &world.snapshot.overlays;
                let omitted = overlays
                    .iter()
                    .map(snapshot::Overlay::omitted)
                    .fold(Omitted::Nothing, Omitted::plus);
                let listed = overlays.iter().map(|overlay| overlay.entries.len()).sum();
                let none = || Seen::NoOverlayEntry { overlays: overlays.len() };
                let omitted = omitted.plus(world.snapshot.overlays_omitted);
                Judgement::failed(or_unread(omitted, CutList::OverlayEntries, listed, none))
            }
        }
    }
}
