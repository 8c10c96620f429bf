//! `file`: a file or directory as an actor sees it, or its absence.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, FactRequest, ObservedState, host};
use crate::action::cgroup::Bytes;
use crate::op::ActorName;
use crate::seen::{Judgement, Seen};
use crate::snapshot::FileKind;
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    #[serde(rename = "in", default = "host")]
    pub actor: ActorName,
    pub path: String,
    pub is: Presence,
    #[serde(default)]
    pub contains: Option<String>,
    /// Its size: a number of bytes, or with `KiB`, `MiB`, `GiB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Bytes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Anything at all.
    Present,
    File,
    Directory,
    Absent,
}

impl ExpectKind for File {
    const SUMMARY: &'static str = "a file as an actor sees it: there, gone, with this text";

    fn impossible_reason(&self) -> Option<&'static str> {
        match (self.is, &self.contains) {
            (Presence::Absent, Some(_)) => Some("a file that is absent contains nothing"),
            (Presence::Directory, Some(_)) => Some("a directory contains no text"),
            (Presence::Absent | Presence::Directory, None) if self.size.is_some() => {
                Some("only a file has a size")
            }
            _ => None,
        }
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Files)
    }

    fn deciding_words(&self) -> Vec<String> {
        self.path.rsplit('/').next().map(str::to_owned).into_iter().collect()
    }

    fn actors(&self) -> Vec<&ActorName> {
        vec![&self.actor]
    }

    fn required_facts(&self) -> Vec<FactRequest> {
        vec![FactRequest::File { actor: self.actor.clone(), path: self.path.clone() }]
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let Some(answer) = world.facts.files.get(&(self.actor.clone(), self.path.clone())) else {
            return Judgement::failed(Seen::NoActor(self.actor.clone()));
        };
        let Some(fact) = answer else {
            return Judgement::new(self.is == Presence::Absent, Seen::NoFile);
        };

        let right_kind = match self.is {
            Presence::Present => true,
            Presence::File => fact.kind == FileKind::File,
            Presence::Directory => fact.kind == FileKind::Directory,
            Presence::Absent => false,
        };
        let right_size = self.size.is_none_or(|size| size.0 == fact.size);
        let says_it = self.contains.as_deref().is_none_or(|text| fact.content.contains(text));
        if right_kind && !says_it && fact.is_cut {
            let read = fact.content.len();
            return Judgement::failed(Seen::FileUnread { path: self.path.clone(), read });
        }

        let first_line = fact.content.lines().next().unwrap_or_default();
        let first_line = first_line.to_owned();
        Judgement::new(
            right_kind && right_size && says_it,
            Seen::File { kind: fact.kind, size: fact.size, first_line },
        )
    }
}
