//! Texts of actions in which `{pid:ACTOR}` stands for the PID of an actor, as the lab's host counts.

use serde::{Deserialize, Serialize};

use super::{LabFacts, LowerError};
use crate::op::ActorName;

/// The beginning of what stands for a PID.
const OPENING: &str = "{pid:";

/// A text with actors in the places of their PIDs: a lesson is written, and played again, without any number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PidText {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Plain(String),
    PidOf(ActorName),
}

impl PidText {
    /// A text that is taken as it stands: with no actor in it, whatever it says.
    pub fn plain(text: impl Into<String>) -> PidText {
        PidText { parts: vec![Part::Plain(text.into())] }
    }

    /// The actors whose PIDs it has.
    pub fn actors(&self) -> impl Iterator<Item = &ActorName> {
        self.parts.iter().filter_map(|part| match part {
            Part::Plain(_) => None,
            Part::PidOf(actor) => Some(actor),
        })
    }

    /// The text for the kernel; an error names the actor that has no PID.
    pub fn lower(&self, context: &LabFacts) -> Result<String, LowerError> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Plain(text) => Ok(text.clone()),
                Part::PidOf(actor) => context.lab_pid(actor).map(|pid| pid.to_string()),
            })
            .collect()
    }

    /// The text for a shell; `PID` where nobody knows the number.
    pub fn shell(&self, context: &LabFacts) -> String {
        let words = self.parts.iter().map(|part| match part {
            Part::Plain(text) => text.clone(),
            Part::PidOf(actor) => context.shown_pid(actor),
        });
        words.collect()
    }

    pub fn starts_with(&self, start: &str) -> bool {
        self.to_string().starts_with(start)
    }
}

impl std::fmt::Display for PidText {
    /// As its author wrote it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Plain(text) => f.write_str(text),
            Part::PidOf(actor) => write!(f, "{OPENING}{actor}}}"),
        })
    }
}

impl TryFrom<String> for PidText {
    type Error = String;

    fn try_from(text: String) -> Result<PidText, String> {
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        let mut plain = String::new();

        while let Some(at) = rest.find(OPENING) {
            let (before, after) = (&rest[..at], &rest[at + OPENING.len()..]);
            plain.push_str(before);
            // A shell's `${pid:-1}` is its own.
            if before.ends_with('$') {
                plain.push_str(OPENING);
                rest = after;
                continue;
            }

            let end =
                after.find('}').ok_or_else(|| format!("`{text}` has a `{{pid:` without a `}}`"))?;
            let name = &after[..end];
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
            if name.is_empty() || !name.chars().all(is_name) {
                return Err(format!(
                    "`{name}` is no actor's name: {{pid:ACTOR}} has its letters alone"
                ));
            }
            if !plain.is_empty() {
                parts.push(Part::Plain(std::mem::take(&mut plain)));
            }
            parts.push(Part::PidOf(name.into()));
            rest = &after[end + 1..];
        }

        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Plain(plain));
        }
        Ok(PidText { parts })
    }
}

impl From<PidText> for String {
    fn from(text: PidText) -> String {
        text.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_stands_for_its_pid_in_this_lab() {
        let context = LabFacts { lab_pids: [("box".into(), 7)].into(), ..LabFacts::default() };
        let check = |text: &str, lowered: Result<&str, LowerError>, shell: &str| {
            let read = PidText::try_from(text.to_owned()).expect(text);
            assert_eq!(read.lower(&context), lowered.map(str::to_owned), "{text}");
            assert_eq!(read.shell(&context), shell, "{text}");
            assert_eq!(String::from(read), text, "written as it was read");
        };

        check("", Ok(""), "");
        check("/proc/self", Ok("/proc/self"), "/proc/self");
        check("/proc/{pid:box}/ns/uts", Ok("/proc/7/ns/uts"), "/proc/7/ns/uts");
        check("{pid:box}{pid:box}", Ok("77"), "77");
        check("${pid:-1} {pid:box}", Ok("${pid:-1} 7"), "${pid:-1} 7");
        check("{pid:gone}", Err(LowerError::NoActor("gone".into())), "PID");
    }

    #[test]
    fn what_stands_for_no_actor_is_refused() {
        for wrong in ["{pid:", "a {pid:box", "{pid:}", "{pid:a b}", "{pid:{pid:box}}"] {
            assert!(PidText::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
