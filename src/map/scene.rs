//! The **scene**: boxes with rows, and the wires between rows, before anything has a place.

use std::collections::BTreeSet;

use super::MapLens;
use super::canvas::MapTone;
use crate::diff::ChangeKind;
use crate::op::{ActorName, NamespaceKind};
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
    /// Overlays, above the boxes.
    pub stacks: Vec<LayerStack>,
}

/// An overlay: its layers as plates, one on the other, and names that are looked up through them from above.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerStack {
    /// The number of its device, by which mounts of it are known.
    pub device: Option<String>,
    /// Most important first: a narrow place drops from the right.
    pub title: Vec<String>,
    pub mark: Option<ChangeKind>,
    /// From the uppermost one.
    pub plates: Vec<Plate>,
    /// Most telling first: as many are drawn as fit.
    pub columns: Vec<PlateColumn>,
    /// The calls on its files that left no row.
    pub acts: Vec<MapRow>,
}

impl LayerStack {
    /// True if the step made it or took it away, changed something in it, or did something with its files.
    pub(super) fn is_touched(&self) -> bool {
        let changed = self.columns.iter().any(|column| column.changed > 0);
        self.mark.is_some() || changed || !self.acts.is_empty()
    }
}

/// One layer of an overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plate {
    pub name: String,
    pub access: LayerAccess,
    /// The other overlays that have this layer, too.
    pub shared_with: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerAccess {
    Read,
    /// The upper layer: whatever is written goes there.
    Write,
}

/// A name, and what each layer has in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlateColumn {
    pub name: String,
    pub mark: ChangeKind,
    /// One for each plate.
    pub cells: Vec<PlateCell>,
    /// The plate that it was copied up from in this step, into the uppermost one.
    pub copied_from: Option<usize>,
    /// The changed rows of the pane that it stands for.
    pub changed: usize,
}

/// The state of a layer at a name, as the look-up from above meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlateCell {
    /// It has nothing there, and the look-up goes on below.
    Passed,
    /// It has nothing there, and is not asked.
    Empty,
    /// It has the name, and answers.
    Answers,
    /// A directory that those of other layers are merged with.
    Merged,
    /// It has the name, and a layer above hides that.
    Hidden,
    Whiteout,
    /// A directory that hides those below it.
    Opaque,
}

/// The namespaces of all actors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lanes {
    pub actors: Vec<LaneRow>,
    /// The changed rows of the pane that the picture stands for.
    pub changed: usize,
    /// The calls that left no row.
    pub acts: Vec<MapRow>,
}

/// The owner of a row of lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneOwner {
    Actor,
    /// A file that keeps a namespace, by a bind mount.
    File,
}

/// The namespaces of one actor, or the one that a file keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneRow {
    pub name: String,
    pub of: LaneOwner,
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
    pub of: BoxOwner,
    pub mark: Option<ChangeKind>,
    /// Most important first: a narrow box drops from the right.
    pub title: Vec<String>,
    /// In the lower wall.
    pub foot: Vec<String>,
    pub parts: Vec<BoxPart>,
}

/// Whoever a box belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum BoxOwner {
    #[default]
    Nobody,
    Actors(Vec<ActorName>),
    /// A control group, by its path.
    Group(String),
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
    /// A call that the row tells of, in place of a state.
    pub act: Option<ActEnd>,
    /// The mount point or the link that the row shows: what was done to it is told below.
    pub about: Option<String>,
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
            act: None,
            about: None,
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

    /// A row for a call of the step. It stands for no row of a pane.
    pub fn act(end: ActEnd, text: impl Into<String>) -> MapRow {
        let tone = match end {
            ActEnd::Done | ActEnd::Answered => MapTone::Act,
            ActEnd::Refused => MapTone::Refused,
            ActEnd::Wanted => MapTone::Wanted,
            ActEnd::More(_) => MapTone::Quiet,
        };
        let row = MapRow::new(ChangeKind::Same, "").standing_for(0, 0);
        MapRow { act: Some(end), text: Vec::new(), ..row }.lead(" ").and(tone, text)
    }

    /// The row for calls that have none of their own.
    pub fn more_acts(calls: usize) -> MapRow {
        let word = if calls == 1 { "call" } else { "calls" };
        MapRow::act(ActEnd::More(calls), format!("{calls} more {word}"))
    }

    #[must_use]
    pub fn about(self, name: &str) -> MapRow {
        MapRow { about: Some(name.to_owned()), ..self }
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

/// The end of a call of the step that left no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActEnd {
    Done,
    /// An answer came back.
    Answered,
    Refused,
    /// It is to be there, and is not yet, or no longer.
    Wanted,
    /// So many other calls, which have no room.
    More(usize),
}

/// A thing that is to be in a picture, and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapWant {
    pub lens: MapLens,
    /// The actor that is to have it; none where it is nobody's.
    pub actor: Option<ActorName>,
    pub text: String,
}

/// A line between two rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapWire {
    pub ends: [RowAnchor; 2],
    pub kind: WireKind,
    pub mark: ChangeKind,
    /// Short, drawn on the wire.
    pub label: String,
    /// The end at which a packet of this step came in: it went out at the other.
    pub entered_at: Option<usize>,
}

impl MapWire {
    pub fn new(ends: [RowAnchor; 2], kind: WireKind, mark: ChangeKind) -> MapWire {
        MapWire { ends, kind, mark, label: String::new(), entered_at: None }
    }
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
        let columns = self.stacks.iter().flat_map(|stack| &stack.columns);
        let columns = columns.map(|column| column.changed).sum::<usize>();
        boxes + columns + self.lanes.as_ref().map_or(0, |lanes| lanes.changed)
    }

    /// Something in it has a mark.
    pub fn is_lit(&self) -> bool {
        let lamps = self.lanes.iter().flat_map(|lanes| &lanes.actors).flat_map(|row| &row.lamps);
        self.changed() > 0 || lamps.flatten().any(|lamp| lamp.mark.is_change())
    }

    pub fn is_empty(&self) -> bool {
        let has_boxes = !self.left.is_empty() || !self.right.is_empty();
        !has_boxes && self.lanes.is_none() && self.stacks.is_empty()
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
    snapshot.living_process_of(&ActorName::host())
}

/// Each once, in the order of their first sight.
pub(super) fn distinct<T: Clone + Ord>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    all.into_iter().filter(|one| seen.insert(one.clone())).collect()
}
