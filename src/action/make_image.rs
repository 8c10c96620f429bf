//! `image`: an image of layers that a layout has: a configuration, a manifest, and a name in the index.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{
    ActorName, BLOBS, BlobName, EMPTY_INDEX, ImageOrder, LAYOUT_MARK, Op, config_text, index_entry,
    manifest_text,
};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakeImage {
    /// The directory of the layout.
    pub layout: String,
    pub name: String,
    /// Bottom first, by the names that `pack` gave them.
    pub layers: Vec<String>,
}

impl ActionKind for MakeImage {
    const SUMMARY: &'static str =
        "makes an image of a layout's layers: configuration, manifest, index";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        let MakeImage { layout, name, layers } = self;
        // In the quotes of `echo` a shell fills these in.
        let diff_ids: Vec<String> =
            layers.iter().map(|layer| format!("'$(zcat -f < $L/{layer} | sum)'")).collect();
        let descriptors: Vec<String> =
            layers.iter().map(|layer| format!("'$(layer {layer})'")).collect();
        let stored = BlobName { digest: "'$d'".into(), bytes: "'$s'".into() };
        let of_layer =
            BlobName { digest: "'$(sum < $L/$1)'".into(), bytes: "'$(stat -Lc %s $L/$1)'".into() };
        let kind = "layer.v1.tar'$(gzip -tq < $L/$1 2>/dev/null && echo +gzip)'";

        vec![
            format!("L={layout}"),
            "sum() { sha256sum | cut -c-64; }".into(),
            format!(
                "store() {{ d=$(sum < $L/new); s=$(stat -c %s $L/new); mv $L/new $L/{BLOBS}/$d; }}"
            ),
            format!("layer() {{ echo '{}'; }}", of_layer.descriptor(kind, "")),
            format!("echo '{}' > $L/new; store", config_text(&diff_ids)),
            format!("echo '{}' > $L/new; store", manifest_text(&stored, &descriptors)),
            format!("echo '{LAYOUT_MARK}' > $L/oci-layout"),
            format!("test -e $L/index.json || echo '{EMPTY_INDEX}' > $L/index.json"),
            format!(r"sed -i 's|]}}$|,{}]}}|;s|\[,|[|' $L/index.json", index_entry(&stored, name)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::MEDIA_TYPE;

    #[test]
    fn a_line_names_the_parts_as_the_image_specification_does() {
        let image = MakeImage { layout: "/l".into(), name: "web".into(), layers: vec!["a".into()] };
        let lines = image.shell(&LabFacts::default()).join("\n");
        for kind in ["layer.v1.tar", "config.v1+json", "manifest.v1+json"] {
            assert!(lines.contains(&format!("{MEDIA_TYPE}.{kind}")), "{lines}");
        }
    }
}
