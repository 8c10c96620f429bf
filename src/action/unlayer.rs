//! `unlayer`: a layer of a layout into a directory, once its digest is found to be what its name says.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op, UnlayerOrder, WhiteoutForm};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlayer {
    /// The directory of the layout.
    pub layout: String,
    /// The name that `pack` gave the layer.
    pub layer: String,
    /// The directory to unpack into; it is made where there is none.
    pub to: String,
    /// `keep`, as they are in the archive, or `convert`, as an overlay has them.
    pub whiteouts: WhiteoutForm,
}

impl ActionKind for Unlayer {
    const SUMMARY: &'static str = "unpacks a layer of an image layout into a directory";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        let Unlayer { layout, layer, to, whiteouts } = self;
        let blob = format!("{layout}/{layer}");
        let mut lines = vec![
            format!("mkdir -p {to}"),
            format!(
                "echo \"$(basename $(readlink {blob}))  {blob}\" | sha256sum -c && tar -C {to} -xf {blob}"
            ),
        ];
        match whiteouts {
            WhiteoutForm::Keep => {}
            WhiteoutForm::Convert => {
                // setfattr(1) is a package of its own on many machines; tar(1) can set the attribute as well.
                let opaque = "tar -C $d --no-recursion \
                              --pax-option=SCHILY.xattr.user.overlay.opaque:=y -c . | \
                              tar -C $d --xattrs-include='user.*' -x";
                lines.push(format!(
                    "find {to} -name .wh..wh..opq | while read f; do d=${{f%/*}}; rm $f; {opaque}; done"
                ));
                lines.push(format!(
                    "find {to} -name '.wh.*' | while read f; do rm $f; mknod ${{f%/*}}/${{f##*/.wh.}} c 0 0; done"
                ));
            }
        }
        lines
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        let Unlayer { layout, layer, to, whiteouts } = self.clone();
        Ok(vec![Op::Unlayer(UnlayerOrder { layout, layer, to, whiteouts })])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}
