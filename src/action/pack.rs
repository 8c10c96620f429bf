//! `pack`: a directory as a layer of an image layout: a tar archive, stored under its own digest.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, BLOBS, LayerCompression, Op, PackOrder};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    pub from: String,
    /// The directory of the layout; it is made where there is none.
    pub layout: String,
    /// The name of a symbolic link in the layout that leads to the blob.
    #[serde(rename = "as")]
    pub name: String,
    /// `none` or `gzip`.
    #[serde(default)]
    pub compress: LayerCompression,
}

impl ActionKind for Pack {
    const SUMMARY: &'static str = "packs a directory as a layer of an image layout";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        let Pack { from, layout, name, compress } = self;
        let tar = format!(
            "tar -C {from} --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -c ."
        );
        let made = match compress {
            LayerCompression::None => format!("{tar} > {layout}/new"),
            LayerCompression::Gzip => format!("{tar} | gzip -n > {layout}/new"),
        };
        vec![
            format!("mkdir -p {layout}/{BLOBS}"),
            made,
            format!("digest=$(sha256sum < {layout}/new | cut -c-64)"),
            format!("mv {layout}/new {layout}/{BLOBS}/$digest"),
            format!("ln -sfn {BLOBS}/$digest {layout}/{name}"),
        ]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let Pack { from, layout, name, compress } = self.clone();
        Ok(vec![Op::Pack(PackOrder { from, layout, name, compress })])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}
