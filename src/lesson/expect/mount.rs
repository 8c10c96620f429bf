//! `mount`: a row of an actor's mount table, or its absence. `mounts`: how many rows there are.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, ObservedState, host, or_unread};
use crate::op::ActorName;
use crate::seen::{CutList, Judgement, Seen};
use crate::snapshot::{self, Omitted};
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    #[serde(rename = "in", default = "host")]
    pub actor: ActorName,
    pub target: String,
    #[serde(rename = "type", default)]
    pub fstype: Option<String>,
    /// The word of `findmnt -o PROPAGATION`: `private`, `shared` …
    #[serde(default)]
    pub propagation: Option<String>,
    /// One option that must be among the mount's.
    #[serde(default)]
    pub option: Option<String>,
    /// The directory of its file system that is mounted here: not `/` where it is a bind mount of a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// In one peer group with this actor's mount at the same place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_of: Option<ActorName>,
    #[serde(default)]
    pub absent: bool,
}

impl Mount {
    fn is_match(&self, row: &snapshot::Mount) -> bool {
        let same = |wanted: &Option<String>, value: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == value)
        };
        row.target == self.target
            && same(&self.fstype, &row.fstype)
            && same(&self.propagation, row.propagation.word())
            && same(&self.root, &row.root)
            && self
                .option
                .as_deref()
                .is_none_or(|wanted| row.options.split(',').any(|option| option == wanted))
    }
}

impl ExpectKind for Mount {
    const SUMMARY: &'static str = "a mount is there, of this type and with this option, or is not";

    fn impossible_reason(&self) -> Option<&'static str> {
        let wants_more =
            self.fstype.is_some() || self.propagation.is_some() || self.option.is_some();
        let wants_more = wants_more || self.root.is_some() || self.peer_of.is_some();
        (self.absent && wants_more)
            .then_some("a mount that is absent has no type, propagation, option, root or peer")
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Mounts)
    }

    fn deciding_words(&self) -> Vec<String> {
        vec![self.target.clone()]
    }

    fn actors(&self) -> Vec<&ActorName> {
        std::iter::once(&self.actor).chain(&self.peer_of).collect()
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let Some(table) = world.snapshot.mounts_of(&self.actor) else {
            return Judgement::failed(Seen::NoActor(self.actor.clone()));
        };

        let peers = match &self.peer_of {
            None => None,
            Some(other) => match world.snapshot.mounts_of(other) {
                Some(table) => Some(table),
                None => return Judgement::failed(Seen::NoActor(other.clone())),
            },
        };
        let is_peer = |row: &snapshot::Mount| {
            peers.is_none_or(|other| {
                let mut rows = other.rows.iter().filter(|it| it.target == row.target);
                row.propagation.shared.is_some()
                    && rows.any(|it| it.propagation.shared == row.propagation.shared)
            })
        };

        // Of several mounts on one target, the last is on top.
        let fitting = table.rows.iter().rev().find(|row| self.is_match(row) && is_peer(row));
        let nearest =
            fitting.or_else(|| table.rows.iter().rev().find(|row| row.target == self.target));
        let listed = table.rows.len();
        let seen = || match nearest {
            Some(row) => Seen::Mount(row.clone()),
            None => Seen::NoMount { target: self.target.clone(), listed },
        };

        // What is not among those that were read may be behind them.
        let omitted = if fitting.is_some() { Omitted::Nothing } else { table.omitted };
        // A table without any row was not there to be read, and nothing is absent from it.
        let ok = fitting.is_some() != self.absent && omitted.is_nothing() && listed > 0;
        Judgement::new(ok, or_unread(omitted, CutList::Mounts, listed, seen))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mounts {
    #[serde(rename = "in", default = "host")]
    pub actor: ActorName,
    #[serde(default)]
    pub at_most: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<usize>,
    /// Every mount of this actor is there too, at the same place.
    #[serde(default)]
    pub like: Option<ActorName>,
    /// None is shared with another namespace.
    #[serde(default)]
    pub all: Option<String>,
}

impl ExpectKind for Mounts {
    const SUMMARY: &'static str =
        "an actor's mounts: how many, all of one propagation, as another's";

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Mounts)
    }

    fn actors(&self) -> Vec<&ActorName> {
        std::iter::once(&self.actor).chain(&self.like).collect()
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let Some(table) = world.snapshot.mounts_of(&self.actor) else {
            return Judgement::failed(Seen::NoActor(self.actor.clone()));
        };

        let listed = table.rows.len();
        let counterpart = self.like.as_ref().and_then(|other| world.snapshot.mounts_of(other));
        if [Some(table), counterpart].into_iter().flatten().any(is_without_rows) {
            return Judgement::failed(Seen::MountCount(0));
        }

        let count = match table.omitted {
            Omitted::Nothing | Omitted::Uncounted => listed,
            Omitted::Rows(others) => listed + others,
        };
        let few = self.at_most.is_none_or(|most| count <= most);
        let many = self.at_least.is_none_or(|least| count >= least);
        let missing = self.like.as_ref().and_then(|other| {
            let Some(model) = world.snapshot.mounts_of(other) else {
                return Some(Seen::NoActor(other.clone()));
            };
            let here =
                |row: &&snapshot::Mount| !table.rows.iter().any(|own| own.target == row.target);
            model
                .rows
                .iter()
                .find(here)
                .map(|row| Seen::MountMissing { target: row.target.clone() })
        });
        let odd = self
            .all
            .as_ref()
            .and_then(|word| table.rows.iter().find(|row| row.propagation.word() != word))
            .map(|row| Seen::MountIs {
                target: row.target.clone(),
                propagation: row.propagation.clone(),
            });

        let counted = || Seen::MountCount(count);
        let is_cut = |table: &snapshot::MountTable| !table.omitted.is_nothing();
        // A mount that is odd, or one too many, is so whatever else there is.
        let cut = match (&missing, &odd) {
            (_, Some(_)) => None,
            (Some(_), None) => Some(table).filter(|table| is_cut(table)),
            (None, None) if !few => None,
            (None, None) if !many && table.omitted != Omitted::Uncounted => None,
            (None, None) => {
                // What was read is enough for `like`, not for a word about all of them, or about a number that nobody
                // counted.
                let is_enough = self.at_least.is_some() && many;
                let counts = self.at_most.is_some() || (self.like.is_none() && !is_enough);
                let counts = counts || !many;
                let matters = self.all.is_some() || (counts && table.omitted == Omitted::Uncounted);
                let own = Some(table).filter(|table| matters && is_cut(table));
                own.or(counterpart.filter(|other| is_cut(other)))
            }
        };

        if let Some(cut) = cut {
            let seen = or_unread(cut.omitted, CutList::Mounts, cut.rows.len(), counted);
            return Judgement::failed(seen);
        }
        let ok = few && many && missing.is_none() && odd.is_none();
        Judgement::new(ok, missing.or(odd).unwrap_or_else(counted))
    }
}

/// True for a table that was not there to be read: every root has a mount.
fn is_without_rows(table: &snapshot::MountTable) -> bool {
    table.rows.is_empty() && table.omitted.is_nothing()
}
