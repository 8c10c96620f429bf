//! `unpack`: the image's layers, bottom first, copied into a plain directory, as `docker export | tar -x` leaves them.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

/// The directories that hold the layers of a lab's image, bottom first.
const LAYERS: [&str; 2] = ["/image/base", "/image/tools"];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpack {
    pub to: String,
}

impl ActionKind for Unpack {
    const SUMMARY: &'static str = "copies the image's layers into a plain directory";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        let make = format!("mkdir -p {}", self.to);
        // By itself cp(1) writes through a link of the layer below, into what that leads to.
        let copies =
            LAYERS.iter().map(|layer| format!("cp -a --remove-destination {layer}/. {}", self.to));
        std::iter::once(make).chain(copies).collect()
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let make = Op::Mkdir { path: self.to.clone(), parents: true };
        let copies = LAYERS
            .iter()
            .map(|layer| Op::CopyTree { from: (*layer).to_owned(), to: self.to.clone() });
        Ok(std::iter::once(make).chain(copies).collect())
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}
