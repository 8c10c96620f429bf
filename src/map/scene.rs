//! The **scene**: boxes with rows, and the wires between rows, before anything has a place.

use std::collections::BTreeSet;

use super::canvas::MapTone;
use crate::diff::ChangeKind;
use crate::op::NamespaceKind;
use crate::snapshot::{Process, Snapshot};

/// The contents of a map, before anything has a place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MapScene {
    /// The lab's host, or what all others are in.
    pub left: Vec<MapBox>,
    /// The containers and whoever else has a wall, in the order of their birth.
    pub right: Vec<MapBox>,
    pub wires: Vec<MapWire>,
    /// The namespaces as lanes, in place of boxes.
    pub lanes: Option<Lanes>,
}

/// The namespaces of all actors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lanes {
    pub actors: Vec<LaneRow>,
    /// The changed rows of the pane that the picture stands for.
    pub changed: usize,
}

/// The namespaces of one actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneRow {
    pub name: String,
    pub mark: ChangeKind,
    /// One for each kind, in the order of `NamespaceKind::ALL`; none where the kernel did not tell.
    pub lamps: Vec<Option<LaneLamp>>,
}

/// An actor's place in one kind of namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneLamp {
    /// Counted from the host's, which is 0.
    pub lane: usize,
    pub mark: ChangeKind,
    /// A few words for what is in the namespace, said where it is seen first.
    pub content: String,
}

/// The end of a wire: a row of the scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowAnchor(pub usize);

/// A boundary that the kernel has: a namespace (round corners: what a process can see) or a control group (square
/// ones: how much it can use).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MapBox {
    pub edge: BoxEdge,
    pub mark: Option<ChangeKind>,
    /// Most important first: a narrow box drops from the right.
    pub title: Vec<String>,
    /// In the lower wall.
    pub foot: Vec<String>,
    pub parts: Vec<BoxPart>,
}

/// The line that a box is drawn with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BoxEdge {
    #[default]
    Namespace,
    Group,
}

#[derive(Debug, Clone, PartialEq)]
pub enum BoxPart {
    Row(MapRow),
    Box(MapBox),
}

/// A line in a box.
#[derive(Debug, Clone, PartialEq)]
pub struct MapRow {
    pub anchor: Option<RowAnchor>,
    pub mark: ChangeKind,
    /// The signs before the text: a branch of a tree, a plug.
    pub lead: String,
    pub text: Vec<RowPiece>,
    /// The names of a pack, in place of a text: as many are drawn as fit, the others are counted.
    pub names: Vec<String>,
    /// The changed rows of the panes that this one stands for.
    pub changed: usize,
    /// The rows of the panes that this one stands for, changed or not.
    pub stands_for: usize,
}

/// A part of a row's text, of one tone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPiece {
    pub text: String,
    pub tone: MapTone,
    /// For letters that stand for a shape: a drawing has the shape itself.
    pub shape: Option<PieceShape>,
}

/// A shape that a grid of cells makes of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceShape {
    /// The end of a link.
    Plug { is_up: bool },
    /// A bar that shows how much of a limit is used.
    Gauge { used: u64, limit: u64 },
}

impl PieceShape {
    /// The part of a gauge that is filled, from 0 to 1; all of it where the limit is 0.
    pub fn share(used: u64, limit: u64) -> f64 {
        if limit == 0 { 1.0 } else { (used as f64 / limit as f64).min(1.0) }
    }
}

impl RowPiece {
    pub fn new(tone: MapTone, text: impl Into<String>) -> RowPiece {
        RowPiece { text: text.into(), tone, shape: None }
    }
}

impl MapRow {
    /// A row that stands for one row of a pane.
    pub fn new(mark: ChangeKind, text: impl Into<String>) -> MapRow {
        MapRow {
            anchor: None,
            mark,
            lead: String::new(),
            text: vec![RowPiece::new(MapTone::of_mark(mark), text)],
            names: Vec::new(),
            changed: usize::from(mark.is_change()),
            stands_for: 1,
        }
    }

    #[must_use]
    pub fn lead(self, lead: impl Into<String>) -> MapRow {
        MapRow { lead: lead.into(), ..self }
    }

    #[must_use]
    pub fn anchor(self, anchor: RowAnchor) -> MapRow {
        MapRow { anchor: Some(anchor), ..self }
    }

    /// The same with more text.
    #[must_use]
    pub fn and(mut self, tone: MapTone, text: impl Into<String>) -> MapRow {
        self.text.push(RowPiece::new(tone, text));
        self
    }

    /// The same with a shape, and the letters that stand for it.
    #[must_use]
    pub fn and_shape(
        mut self,
        shape: PieceShape,
        tone: MapTone,
        text: impl Into<String>,
    ) -> MapRow {
        self.text.push(RowPiece { shape: Some(shape), ..RowPiece::new(tone, text) });
        self
    }

    /// The same, standing for more rows of the panes.
    #[must_use]
    pub fn standing_for(self, rows: usize, changed: usize) -> MapRow {
        MapRow { stands_for: rows, changed, ..self }
    }
}

/// A line between two rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapWire {
    pub ends: [RowAnchor; 2],
    pub kind: WireKind,
    pub mark: ChangeKind,
    /// Short, drawn on the wire.
    pub label: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WireKind {
    /// A veth pair, and packets can pass.
    Cable,
    /// A veth pair of which an end is down.
    DeadCable,
    /// Mounts of one peer group.
    Peers,
    /// One process, a PID on either side.
    Identity,
}

impl MapScene {
    /// The changed rows of panes that the scene stands for.
    pub fn changed(&self) -> usize {
        let boxes = self.left.iter().chain(&self.right).map(MapBox::changed).sum::<usize>();
        boxes + self.lanes.as_ref().map_or(0, |lanes| lanes.changed)
    }

    /// Something in it has a mark.
    pub fn is_lit(&self) -> bool {
        let lamps = self.lanes.iter().flat_map(|lanes| &lanes.actors).flat_map(|row| &row.lamps);
        self.changed() > 0 || lamps.flatten().any(|lamp| lamp.mark.is_change())
    }

    pub fn is_empty(&self) -> bool {
        self.left.is_empty() && self.right.is_empty() && self.lanes.is_none()
    }
}

impl MapBox {
    pub fn changed(&self) -> usize {
        self.parts
            .iter()
            .map(|part| match part {
                BoxPart::Row(row) => row.changed,
                BoxPart::Box(inner) => inner.changed(),
            })
            .sum()
    }

    pub fn push(&mut self, row: MapRow) {
        self.parts.push(BoxPart::Row(row));
    }
}

/// The eight kinds in the lower wall of a box: capitals are a process's own, small ones it shares with the host.
pub(super) fn lamps(process: &Process, host: Option<&Process>) -> Vec<String> {
    NamespaceKind::ALL
        .into_iter()
        .filter_map(|kind| {
            let own = process.namespaces.get(&kind)?;
            let is_own = host.and_then(|it| it.namespaces.get(&kind)).is_some_and(|it| it != own);
            let name = kind.proc_link_name();
            Some(if is_own { name.to_uppercase() } else { name.to_owned() })
        })
        .collect()
}

/// The living process of the lab's host.
pub(super) fn host(snapshot: &Snapshot) -> Option<&Process> {
    snapshot.living_process_of(&crate::op::ActorName::host())
}

/// Each once, in the order of their first sight.
pub(super) fn distinct<T: Clone + Ord>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    all.into_iter().filter(|one| seen.insert(one.clone())).collect()
}
