//! The thing that a row is about, by its place in what the pane was made from; and its card.

use super::{CompareMode, PaneData};
use crate::action::LabFacts;
use crate::diff::{ChangeKind, Diff, DiffRow, NetworkDiff, OwnerChange};
use crate::explain::card::{Card, OriginKind};
use crate::explain::{CardData, Topic};
use crate::op::{ActorName, NamespaceKind};
use crate::snapshot::{Overlay, PlacedIpcObject};
use crate::view::ChartKind;

/// Places are those in the diff of the two states that panes compare, or in the list of what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowSubject {
    Mount {
        table: usize,
        place: usize,
    },
    Process {
        place: usize,
    },
    Namespaces(NamespaceKind),
    HostName {
        place: usize,
    },
    IpcObject {
        place: usize,
    },
    /// The content of a namespace.
    NamespaceContent {
        place: usize,
    },
    Link {
        section: usize,
        place: usize,
    },
    Address {
        section: usize,
        place: usize,
    },
    Route {
        section: usize,
        place: usize,
    },
    Neighbour {
        section: usize,
        place: usize,
    },
    Traffic {
        section: usize,
        place: usize,
    },
    Rule {
        section: usize,
        place: usize,
    },
    Forwarding {
        section: usize,
    },
    Group {
        group: usize,
    },
    GroupFile {
        group: usize,
        place: usize,
    },
    /// A lower layer of an overlay by its place, or else the upper one.
    Layer {
        section: usize,
        lower: Option<usize>,
    },
    OverlayEntry {
        section: usize,
        place: usize,
    },
    Entry {
        section: usize,
        place: usize,
    },
    Chart(ChartKind),
    Call {
        op: usize,
        call: usize,
    },
    /// A call of the learner's programs.
    OwnCall {
        place: usize,
    },
}

fn value<T>(rows: &[DiffRow<T>], place: usize) -> Option<&T> {
    rows.get(place)?.latest_value()
}

/// The mark of the row that fits, where it is the mark of a change.
fn mark<T>(rows: &[DiffRow<T>], fits: impl Fn(&T) -> bool) -> Option<OriginKind> {
    let row =
        rows.iter().find(|row| row.mark.is_change() && row.latest_value().is_some_and(&fits))?;
    Some(OriginKind::Mark(row.mark))
}

/// The mark of a change that a step made to the row at a place of a network's list.
fn mark_in_step<T>(
    (now, then): (&NetworkDiff, &NetworkDiff),
    place: usize,
    list: impl Fn(&NetworkDiff) -> &[DiffRow<T>],
    is_same: impl Fn(&T, &T) -> bool,
) -> Option<OriginKind> {
    let row = value(list(now), place)?;
    mark(list(then), |it| is_same(it, row))
}

impl RowSubject {
    /// The card, but for the step that made the thing.
    pub fn card(self, panes: &PaneData<'_>, facts: &LabFacts) -> Option<Card> {
        let label = self.label(panes).unwrap_or_default();
        let topic = self.topic(panes, &label)?;
        Some(topic.card(&CardData { snapshot: panes.after, facts }))
    }

    /// The stable id of a mount.
    fn label(self, panes: &PaneData<'_>) -> Option<String> {
        let RowSubject::Mount { table, place } = self else { return None };
        let mount = value(&panes.diff.mounts.get(table)?.rows, place)?;
        Some(panes.stable_ids.mount_label(mount.id, panes.raw))
    }

    fn topic<'a>(self, panes: &PaneData<'a>, label: &'a str) -> Option<Topic<'a>> {
        let diff = panes.diff;
        Some(match self {
            RowSubject::Mount { table, place } => {
                let section = diff.mounts.get(table)?;
                Topic::Mount { actor: &section.owner, label, mount: value(&section.rows, place)? }
            }
            RowSubject::Process { place } => Topic::Process(value(&diff.processes, place)?),
            RowSubject::Namespaces(kind) => Topic::Namespaces { kind },
            RowSubject::HostName { place } => {
                let (actor, name) = host_name(panes, place)?;
                Topic::HostName { actor, name }
            }
            RowSubject::IpcObject { place } => {
                let it = value(&diff.ipc, place)?;
                Topic::IpcObject { actor: &it.actor, object: &it.object }
            }
            RowSubject::NamespaceContent { place } => {
                Topic::NamespaceContent(value(&diff.contents, place)?)
            }
            RowSubject::Link { section, place } => {
                let network = diff.networks.get(section)?;
                Topic::Link { network: &network.name, link: value(&network.links, place)? }
            }
            RowSubject::Address { section, place } => {
                let network = diff.networks.get(section)?;
                Topic::Address {
                    network: &network.name,
                    address: value(&network.addresses, place)?,
                }
            }
            RowSubject::Route { section, place } => {
                let network = diff.networks.get(section)?;
                Topic::Route { network: &network.name, route: value(&network.routes, place)? }
            }
            RowSubject::Neighbour { section, place } => {
                let network = diff.networks.get(section)?;
                let neighbour = value(&network.neighbours, place)?;
                Topic::Neighbour { network: &network.name, neighbour }
            }
            RowSubject::Traffic { section, place } => {
                let network = diff.networks.get(section)?;
                Topic::Traffic { network: &network.name, traffic: value(&network.traffic, place)? }
            }
            RowSubject::Rule { section, place } => {
                let network = diff.networks.get(section)?;
                Topic::Rule { network: &network.name, rule: value(&network.rules, place)? }
            }
            RowSubject::Forwarding { section } => {
                Topic::Forwarding { network: &diff.networks.get(section)?.name }
            }
            RowSubject::Group { group } => {
                let owner = &diff.cgroups.get(group)?.owner;
                Topic::Group { hierarchy: &owner.hierarchy, path: &owner.path }
            }
            RowSubject::GroupFile { group, place } => {
                let section = diff.cgroups.get(group)?;
                let file = value(&section.rows, place)?;
                let owner = &section.owner;
                Topic::GroupFile { hierarchy: &owner.hierarchy, path: &owner.path, file }
            }
            RowSubject::Layer { section, lower } => {
                Topic::Layer { overlay: overlay(panes, section)?, lower }
            }
            RowSubject::OverlayEntry { section, place } => {
                let entry = value(&diff.overlays.get(section)?.rows, place)?;
                Topic::OverlayEntry { overlay: overlay(panes, section)?, entry }
            }
            RowSubject::Entry { section, place } => {
                let section = diff.directories.get(section)?;
                let entry = value(&section.rows, place)?;
                Topic::Entry { actor: &section.owner.actor, path: &section.owner.path, entry }
            }
            RowSubject::Chart(of) => {
                let series = panes.charts.iter().find(|series| series.chart.of == of)?;
                Topic::Chart { group: &series.chart.group, of }
            }
            RowSubject::Call { op, call } => {
                let record = panes.ops.get(op)?;
                Topic::Call { op: &record.op, call: record.calls.get(call)? }
            }
            RowSubject::OwnCall { place } => Topic::OwnCall(panes.own_calls.calls.get(place)?),
        })
    }

    /// The change that a step made to this very thing, by the diff of that step, in the same lab.
    pub fn done_by(self, panes: &PaneData<'_>, step: &Diff) -> Option<OriginKind> {
        let shown = panes.diff;
        match self {
            RowSubject::Mount { table, place } => {
                let section = shown.mounts.get(table)?;
                let mount = value(&section.rows, place)?;
                let then = step.mounts.iter().find(|it| it.owner == section.owner)?;
                let is_it = |row: &crate::snapshot::Mount| {
                    row.id == mount.id && row.device == mount.device && row.root == mount.root
                };
                let copied = match &then.owner_change {
                    OwnerChange::CopyOf(from) => Some(OriginKind::CopiedFrom(from.clone())),
                    OwnerChange::Old
                    | OwnerChange::New
                    | OwnerChange::Gone
                    | OwnerChange::Unknown => None,
                };
                let is_there = then.rows.iter().any(|row| row.latest_value().is_some_and(is_it));
                mark(&then.rows, is_it).or(copied.filter(|_| is_there))
            }
            RowSubject::Process { place } => {
                let process = value(&shown.processes, place)?;
                mark(&step.processes, |it| {
                    it.pid == process.pid && it.start_time == process.start_time
                })
            }
            RowSubject::Namespaces(kind) => mark(&step.namespaces, |it| it.kind == kind),
            RowSubject::HostName { place } => {
                let (actor, _) = host_name(panes, place)?;
                mark(&step.hostnames, |(of, _)| of == actor)
            }
            RowSubject::IpcObject { place } => {
                let PlacedIpcObject { ns, object, .. } = value(&shown.ipc, place)?;
                mark(&step.ipc, |it| {
                    (it.ns, it.object.kind, it.object.id) == (*ns, object.kind, object.id)
                })
            }
            RowSubject::NamespaceContent { place } => {
                let content = value(&shown.contents, place)?;
                let kind = content.holds.kind();
                mark(&step.contents, |it| it.inode == content.inode && it.holds.kind() == kind)
            }
            RowSubject::Link { .. }
            | RowSubject::Address { .. }
            | RowSubject::Route { .. }
            | RowSubject::Neighbour { .. }
            | RowSubject::Traffic { .. }
            | RowSubject::Rule { .. }
            | RowSubject::Forwarding { .. } => self.done_to_network(shown, step),
            RowSubject::Group { group } => {
                let owner = &shown.cgroups.get(group)?.owner;
                let then = step.cgroups.iter().find(|section| section.owner == *owner)?;
                match then.owner_change {
                    OwnerChange::New => Some(OriginKind::Mark(ChangeKind::Added)),
                    OwnerChange::Gone => Some(OriginKind::Mark(ChangeKind::Gone)),
                    OwnerChange::Old | OwnerChange::CopyOf(_) | OwnerChange::Unknown => None,
                }
            }
            RowSubject::GroupFile { group, place } => {
                let section = shown.cgroups.get(group)?;
                let file = value(&section.rows, place)?;
                let then = step.cgroups.iter().find(|it| it.owner == section.owner)?;
                mark(&then.rows, |it| it.name == file.name)
            }
            RowSubject::OverlayEntry { section, place } => {
                let section = shown.overlays.get(section)?;
                let entry = value(&section.rows, place)?;
                let then = step.overlays.iter().find(|it| it.owner == section.owner)?;
                mark(&then.rows, |it| it.path == entry.path)
            }
            RowSubject::Entry { section, place } => {
                let section = shown.directories.get(section)?;
                let entry = value(&section.rows, place)?;
                let then = step.directories.iter().find(|it| it.owner == section.owner)?;
                mark(&then.rows, |it| it.name == entry.name)
            }
            RowSubject::Layer { .. }
            | RowSubject::Chart(_)
            | RowSubject::Call { .. }
            | RowSubject::OwnCall { .. } => None,
        }
    }

    fn done_to_network(self, shown: &Diff, step: &Diff) -> Option<OriginKind> {
        let of = |section: usize| {
            let now = shown.networks.get(section)?;
            Some((now, step.networks.iter().find(|it| it.name == now.name)?))
        };
        match self {
            RowSubject::Link { section, place } => mark_in_step(
                of(section)?,
                place,
                |it| &it.links,
                |a, b| a.index == b.index && a.kind == b.kind,
            ),
            RowSubject::Address { section, place } => mark_in_step(
                of(section)?,
                place,
                |it| &it.addresses,
                |a, b| a.ip == b.ip && a.dev == b.dev,
            ),
            RowSubject::Route { section, place } => mark_in_step(
                of(section)?,
                place,
                |it| &it.routes,
                |a, b| a.to == b.to && a.dev == b.dev,
            ),
            RowSubject::Neighbour { section, place } => mark_in_step(
                of(section)?,
                place,
                |it| &it.neighbours,
                |a, b| a.ip == b.ip && a.dev == b.dev,
            ),
            RowSubject::Traffic { section, place } => {
                mark_in_step(of(section)?, place, |it| &it.traffic, |a, b| a.text == b.text)
            }
            RowSubject::Rule { section, place } => {
                mark_in_step(of(section)?, place, |it| &it.rules, |a, b| a.text == b.text)
            }
            RowSubject::Forwarding { section } => mark(&of(section)?.1.forwarding, |_| true),
            RowSubject::Mount { .. }
            | RowSubject::Process { .. }
            | RowSubject::Namespaces(_)
            | RowSubject::HostName { .. }
            | RowSubject::IpcObject { .. }
            | RowSubject::NamespaceContent { .. }
            | RowSubject::Group { .. }
            | RowSubject::GroupFile { .. }
            | RowSubject::Layer { .. }
            | RowSubject::OverlayEntry { .. }
            | RowSubject::Entry { .. }
            | RowSubject::Chart(_)
            | RowSubject::Call { .. }
            | RowSubject::OwnCall { .. } => None,
        }
    }

    /// Something of the lab's state, which was there from the beginning if no step made it.
    pub fn is_state(self) -> bool {
        !matches!(
            self,
            RowSubject::Chart(_)
                | RowSubject::Call { .. }
                | RowSubject::OwnCall { .. }
                | RowSubject::Layer { .. }
        )
    }
}

fn host_name<'a>(panes: &PaneData<'a>, place: usize) -> Option<(&'a ActorName, &'a String)> {
    let shown = if panes.compare == CompareMode::Before { panes.before } else { panes.after };
    shown.hostnames.iter().nth(place)
}

fn overlay<'a>(panes: &PaneData<'a>, section: usize) -> Option<&'a Overlay> {
    let owner = &panes.diff.overlays.get(section)?.owner;
    panes.after.overlays.iter().chain(&panes.before.overlays).find(|it| owner.is_of(it))
}
