//! The **map**: a picture of the lab, made from the snapshots that the panes show, and lit by their diff. Pure.
//!
//! `MapScene::of` says what is there (boxes, rows, cables), `drawing::draw` places that on a grid of cells.

mod act_rows;
mod acts;
mod canvas;
mod drawing;
mod folding;
mod groups;
mod lanes;
mod mounts;
mod network;
mod plates;
mod processes;
mod scene;
mod spacing;
mod stacks;
#[cfg(test)]
mod tests;
mod way;
mod wires;

pub use self::act_rows::act_sign;
pub use self::canvas::{Canvas, CanvasCell, MapTone, sign};
pub use self::drawing::{Glyphs, draw, draw_spaced, wanted_height};
pub use self::folding::{MapLine, folded, heights, left_out_text, with_packs_in_rows};
pub use self::scene::{
    BoxEdge, BoxPart, LaneLamp, LaneOwner, LaneRow, Lanes, LayerAccess, LayerStack, MapBox, MapRow,
    MapScene, MapWant, MapWire, PieceShape, PlateCell, PlateColumn, RowAnchor, RowPiece, WireKind,
};
pub use self::spacing::MapSpacing;
pub use self::stacks::is_asked;

use serde::{Deserialize, Serialize};

use crate::diff::Diff;
use crate::op::OpRecord;
use crate::snapshot::Snapshot;
use crate::view::ViewKind;

/// The question that a picture answers. Lessons call it by the view that lists the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    #[serde(rename = "cgroups")]
    Groups,
    /// Overlays: the layer that answers for each name.
    Files,
}

impl MapLens {
    pub const ALL: [MapLens; 6] = [
        MapLens::Namespaces,
        MapLens::Processes,
        MapLens::Mounts,
        MapLens::Network,
        MapLens::Groups,
        MapLens::Files,
    ];

    /// The picture of what a view lists, where it has one: files are places of the trees of mounts, unless there are
    /// layers to be seen.
    pub fn of_view(view: ViewKind, diff: &Diff) -> Option<MapLens> {
        match view {
            ViewKind::Namespaces => Some(MapLens::Namespaces),
            ViewKind::Processes => Some(MapLens::Processes),
            ViewKind::Files if !diff.overlays.is_empty() => Some(MapLens::Files),
            ViewKind::Mounts | ViewKind::Files => Some(MapLens::Mounts),
            ViewKind::Network => Some(MapLens::Network),
            ViewKind::Cgroups => Some(MapLens::Groups),
            ViewKind::Calls => None,
        }
    }

    /// The picture of the first of these views that has one.
    pub fn of_views(views: &[ViewKind], diff: &Diff) -> Option<MapLens> {
        views.iter().find_map(|view| MapLens::of_view(*view, diff))
    }

    /// The view that lists the same.
    pub fn view(self) -> ViewKind {
        match self {
            MapLens::Namespaces => ViewKind::Namespaces,
            MapLens::Processes => ViewKind::Processes,
            MapLens::Mounts => ViewKind::Mounts,
            MapLens::Network => ViewKind::Network,
            MapLens::Groups => ViewKind::Cgroups,
            MapLens::Files => ViewKind::Files,
        }
    }
}

impl MapScene {
    /// The scene of two states, the changes between them marked, with the calls that left no row.
    pub fn of(
        lens: MapLens,
        before: &Snapshot,
        after: &Snapshot,
        diff: &Diff,
        ops: &[OpRecord],
    ) -> MapScene {
        let mut scene = match lens {
            MapLens::Namespaces => lanes::scene(before, after, diff),
            MapLens::Processes => processes::scene(before, after, diff),
            MapLens::Mounts => mounts::scene(after, diff),
            MapLens::Network => network::scene(before, after, diff, ops),
            MapLens::Groups => groups::scene(before, after, diff),
            MapLens::Files => plates::scene(before, after, diff),
        };
        acts::add(&mut scene, lens, after, ops);
        // Where there is no room for all overlays, those that the step is about are seen.
        scene.stacks.sort_by_key(|stack| !stack.is_touched());
        scene
    }

    /// The same with what is wanted and is not there.
    #[must_use]
    pub fn with_wanted(mut self, lens: MapLens, wants: &[MapWant]) -> MapScene {
        acts::add_wanted(&mut self, lens, wants);
        self
    }
}
