//! `overlay`: several directories seen as one, writes going to the upper.

use serde::{Deserialize, Serialize};

use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Topmost first.
    pub lower: Vec<String>,
    /// Takes all writes; without one the overlay is read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<String>,
    /// An empty directory on the file system of `upper`: the kernel's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<String>,
    pub merged: String,
    /// Further options of the file system, as after `-o`: `volatile`, `metacopy=on`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl Overlay {
    /// `userxattr`: without it removing a directory of a lower layer fails in a user namespace (EIO).
    fn data(&self) -> String {
        let mut data = format!("lowerdir={}", self.lower.join(":"));
        let named = [("upperdir", &self.upper), ("workdir", &self.work)];
        for (option, path) in named {
            data.extend(path.iter().map(|path| format!(",{option}={path}")));
        }
        data.push_str(",userxattr");
        data.extend(self.options.iter().map(|option| format!(",{option}")));
        data
    }
}

impl ActionKind for Overlay {
    const SUMMARY: &'static str = "mounts an overlay of lower layers, with an upper one or without";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        vec![format!("mount -t overlay overlay -o {} {}", self.data(), self.merged)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        Ok(vec![Op::Mount {
            source: Some("overlay".into()),
            target: self.merged.clone(),
            fstype: Some("overlay".into()),
            flags: Vec::new(),
            data: Some(self.data()),
        }])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlay_without_an_upper_layer_has_lower_ones_alone() {
        let check = |overlay: &str, expected: &str| {
            let overlay: Overlay = serde_json::from_str(overlay).expect(overlay);
            assert_eq!(
                overlay.shell(&LabFacts::default()),
                [format!("mount -t overlay overlay -o {expected} /m")]
            );
            let written = serde_json::to_string(&overlay).expect("JSON");
            assert_eq!(serde_json::from_str::<Overlay>(&written).expect(&written), overlay);
        };
        check(r#"{"lower": ["/a", "/b"], "merged": "/m"}"#, "lowerdir=/a:/b,userxattr");
        check(
            r#"{"lower": ["/a"], "upper": "/u", "work": "/w", "merged": "/m"}"#,
            "lowerdir=/a,upperdir=/u,workdir=/w,userxattr",
        );
        check(
            r#"{"lower": ["/a"], "upper": "/u", "merged": "/m", "options": ["volatile"]}"#,
            "lowerdir=/a,upperdir=/u,userxattr,volatile",
        );
    }
}
