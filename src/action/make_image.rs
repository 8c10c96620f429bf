//! `image`: an image of layers that a layout has: a configuration, a manifest, and a name in the index.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{
    ActorName, BLOBS, BlobName, EMPTY_INDEX, ImageOrder, LAYOUT_MARK, MEDIA_TYPE, Op, config_text,
    descriptor, image_name_field, manifest_text,
};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakeImage {
    /// The directory of the layout.
    pub layout: String,
    pub name: String,
    /// Bottom first, by the names that `pack` gave them. They are stored without compression.
    pub layers: Vec<String>,
}

impl ActionKind for MakeImage {
    const SUMMARY: &'static str = "makes an image of a layout's layers: configuration and manifest";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        let MakeImage { layout, name, layers } = self;
        // A shell fills in what stands between two quotes. A blob that is not compressed has one digest for both numbers.
        let each = |function: &str| {
            let calls = layers.iter().map(|layer| format!("$({function} {layer})"));
            format!("'{}'", calls.collect::<Vec<_>>().join(","))
        };
        let filled = BlobName { digest: "'$2'".into(), bytes: "'$(stat -c %s $B/$2)'".into() };
        let manifest =
            manifest_text("'$T.manifest.v1+json'", "'$(part config.v1+json $d)'", &each("of"));

        vec![
            format!("cd {layout}; B={BLOBS}; T={MEDIA_TYPE}"),
            // A link is `blobs/sha256/` and the digest.
            "id() { echo '\"sha256:'$(readlink $1 | cut -c14-)'\"'; }".into(),
            "of() { part layer.v1.tar $(readlink $1 | cut -c14-); }".into(),
            "put() { d=$(sha256sum < new | cut -c-64); mv new $B/$d; }".into(),
            format!("part() {{ echo '{}'; }}", descriptor("'$T.$1'", &filled, "'$3'")),
            format!("echo '{}' > new; put", config_text(&each("id"))),
            format!("echo '{manifest}' > new; put"),
            format!(
                "echo '{LAYOUT_MARK}' > oci-layout; [ -e index.json ] || echo '{EMPTY_INDEX}' > index.json"
            ),
            format!(
                r"sed -i 's|]}}$|,'$(part manifest.v1+json $d '{}')']}}|;s|\[,|[|' index.json",
                image_name_field(name)
            ),
        ]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let MakeImage { layout, name, layers } = self.clone();
        Ok(vec![Op::MakeImage(ImageOrder { layout, name, layers })])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}
