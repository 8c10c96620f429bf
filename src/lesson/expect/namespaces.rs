//! `namespaces`: which kinds two actors share, or do not.

use serde::{Deserialize, Serialize};

use super::{ExpectKind, ObservedState};
use crate::op::{ActorName, NamespaceKind};
use crate::seen::{Judgement, Seen};
use crate::view::ViewKind;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Namespaces {
    pub of: ActorName,
    #[serde(default)]
    pub differ_from: Option<ActorName>,
    #[serde(default)]
    pub shared_with: Option<ActorName>,
    pub kinds: Vec<NamespaceKind>,
}

impl ExpectKind for Namespaces {
    const SUMMARY: &'static str = "which namespaces an actor has of its own, or shares";

    fn impossible_reason(&self) -> Option<&'static str> {
        if self.kinds.is_empty() {
            return Some("`namespaces` names no kinds");
        }

        match (&self.differ_from, &self.shared_with) {
            (None, None) => Some("`namespaces` needs `differ_from` or `shared_with`"),
            (Some(_), Some(_)) => {
                Some("`namespaces` takes `differ_from` or `shared_with`, not both")
            }
            (Some(other), None) | (None, Some(other)) if *other == self.of => {
                Some("`namespaces` compares an actor with itself")
            }
            _ => None,
        }
    }

    fn pane(&self) -> Option<ViewKind> {
        Some(ViewKind::Namespaces)
    }

    fn deciding_words(&self) -> Vec<String> {
        self.kinds.iter().map(|kind| kind.proc_link_name().to_owned()).collect()
    }

    fn actors(&self) -> Vec<&ActorName> {
        std::iter::once(&self.of).chain(&self.differ_from).chain(&self.shared_with).collect()
    }

    fn judge(&self, world: &ObservedState<'_>) -> Judgement {
        let (other, must_differ) = match (&self.differ_from, &self.shared_with) {
            (Some(other), _) => (other, true),
            (None, Some(other)) => (other, false),
            (None, None) => {
                let fields = ["differ_from", "shared_with"].map(str::to_owned);
                return Judgement::failed(Seen::NeitherGiven(fields));
            }
        };

        let (Some(one), Some(two)) =
            (world.snapshot.living_process_of(&self.of), world.snapshot.living_process_of(other))
        else {
            return Judgement::failed(Seen::NotBoth([self.of.clone(), other.clone()]));
        };

        let inodes = |kind: &NamespaceKind| [one, two].map(|of| of.namespaces.get(kind).copied());
        let wrong: Vec<NamespaceKind> = self
            .kinds
            .iter()
            .copied()
            .filter(|kind| {
                let [left, right] = inodes(kind);
                left.is_none() || right.is_none() || (left != right) != must_differ
            })
            .collect();
        if !wrong.is_empty() {
            let other = other.clone();
            return Judgement::failed(Seen::NamespacesOf {
                kinds: wrong,
                other,
                own: !must_differ,
            });
        }

        let seen = self
            .kinds
            .first()
            .map_or(Seen::Nothing, |kind| Seen::Namespaces { kind: *kind, inodes: inodes(kind) });
        Judgement::held(seen)
    }
}
