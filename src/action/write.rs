//! `write`: a line of text into a file.

use serde::{Deserialize, Serialize};

use super::paths::shell_word;
use super::pid_text::PidText;
use super::{ActionKind, LabFacts, LowerError, PreflightCheck};
use crate::op::{ActorName, Op, WriteMode};
use crate::snapshot::Snapshot;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    pub path: PidText,
    /// Without its newline.
    pub text: String,
    #[serde(default)]
    pub append: bool,
}

impl ActionKind for Write {
    const SUMMARY: &'static str = "writes a file";

    fn named_actors(&self) -> Vec<&ActorName> {
        self.path.actors().collect()
    }

    fn shell(&self, context: &LabFacts) -> Vec<String> {
        let arrow = if self.append { ">>" } else { ">" };
        vec![format!("echo {} {arrow} {}", shell_word(&self.text), self.path.shell(context))]
    }

    fn lower(&self, context: &LabFacts) -> Result<Vec<Op>, LowerError> {
        // The kernel's files are there or not: none can be created.
        let mode = if self.path.starts_with("/proc/") || self.path.starts_with("/sys/") {
            WriteMode::Existing
        } else if self.append {
            WriteMode::Append
        } else {
            WriteMode::Create
        };
        let (path, text) = (self.path.lower(context)?, format!("{}\n", self.text));
        Ok(vec![Op::WriteFile { path, text, mode }])
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
            let path = PidText::plain("f");
            let write = Write { path, text: text.into(), append: false };
            assert_eq!(write.shell(&LabFacts::default()), [expected]);
        };
        check("plain", "echo plain > f");
        check("two words", "echo 'two words' > f");
        check("it's", "echo 'it'\\''s' > f");
    }
}
