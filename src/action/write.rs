//! `write`: a line of text into a file.

use serde::{Deserialize, Serialize};

use super::paths::shell_word;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op, WriteMode};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    pub path: String,
    /// Without its newline.
    pub text: String,
    #[serde(default)]
    pub append: bool,
}

impl ActionKind for Write {
    const SUMMARY: &'static str = "writes a file";

    fn named_actors(&self) -> Vec<&ActorName> {
        Vec::new()
    }

    fn shell(&self, _: &LabFacts) -> Vec<String> {
        let arrow = if self.append { ">>" } else { ">" };
        vec![format!("echo {} {arrow} {}", shell_word(&self.text), self.path)]
    }

    fn lower(&self, _: &LabFacts) -> Result<Vec<Op>, LowerError> {
        // The kernel's files are there or not: none can be created.
        let mode = if self.path.starts_with("/proc/") || self.path.starts_with("/sys/") {
            WriteMode::Existing
        } else if self.append {
            WriteMode::Append
        } else {
            WriteMode::Create
        };
        Ok(vec![Op::WriteFile { path: self.path.clone(), text: format!("{}\n", self.text), mode }])
    }

    fn preflight(&self, _: &ActorName, _: &Snapshot) -> Vec<PreflightCheck> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_for_the_shell_where_it_must_be() {
        let check = |text: &str, expected: &str| {
            let write = Write { path: "f".into(), text: text.into(), append: false };
            assert_eq!(write.shell(&LabFacts::default()), [expected]);
        };
        check("plain", "echo plain > f");
        check("two words", "echo 'two words' > f");
        check("it's", "echo 'it'\\''s' > f");
    }
}
