//! The **map**: a picture of the lab, made from the snapshots that the panes show, and lit by their diff. Pure.
//!
//! `MapScene::of` says what is there (boxes, rows, cables), `drawing::draw` places that on a grid of cells.

mod canvas;
mod drawing;
mod folding;
mod groups;
mod lanes;
mod mounts;
mod network;
mod processes;
mod scene;
#[cfg(test)]
mod tests;
mod wires;

pub use self::canvas::{Canvas, CanvasCell, MapTone};
pub use self::drawing::{Glyphs, draw, wanted_height};
pub use self::scene::MapScene;

use crate::diff::Diff;
use crate::snapshot::Snapshot;
use crate::view::ViewKind;

/// The question that a picture answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MapLens {
    /// The namespaces that each process is in.
    Namespaces,
    /// Processes, with a PID for each PID namespace.
    Processes,
    /// The trees of mounts, and what is propagated between them.
    Mounts,
    /// Links, cables, addresses, and where packets go.
    Network,
    /// Control groups: who is in them, and how much of each limit is used.
    Groups,
}

impl MapLens {
    pub const ALL: [MapLens; 5] = [
        MapLens::Namespaces,
        MapLens::Processes,
        MapLens::Mounts,
        MapLens::Network,
        MapLens::Groups,
    ];

    /// The picture of what a view lists, where it has one.
    pub fn of_view(view: ViewKind) -> Option<MapLens> {
        match view {
            ViewKind::Namespaces => Some(MapLens::Namespaces),
            ViewKind::Processes => Some(MapLens::Processes),
            ViewKind::Mounts | ViewKind::Files => Some(MapLens::Mounts),
            ViewKind::Network => Some(MapLens::Network),
            ViewKind::Cgroups => Some(MapLens::Groups),
            ViewKind::Calls => None,
        }
    }

    /// The view that lists the same.
    pub fn view(self) -> ViewKind {
        match self {
            MapLens::Namespaces => ViewKind::Namespaces,
            MapLens::Processes => ViewKind::Processes,
            MapLens::Mounts => ViewKind::Mounts,
            MapLens::Network => ViewKind::Network,
            MapLens::Groups => ViewKind::Cgroups,
        }
    }
}

impl MapScene {
    /// The scene of two states, the changes between them marked.
    pub fn of(lens: MapLens, before: &Snapshot, after: &Snapshot, diff: &Diff) -> MapScene {
        match lens {
            MapLens::Namespaces => lanes::scene(before, after, diff),
            MapLens::Processes => processes::scene(before, after, diff),
            MapLens::Mounts => mounts::scene(after, diff),
            MapLens::Network => network::scene(before, after, diff),
            MapLens::Groups => groups::scene(before, after, diff),
        }
    }
}
