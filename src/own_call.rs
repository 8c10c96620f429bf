//! An **own call**: one that a learner's program made in a shell of the lab, as it was seen from outside.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::Call;

/// One call, and who made it. Pids are as the machine counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCall {
    /// The shell that it was started from.
    pub shell: u32,
    /// The process group: a shell with job control gives each line that is typed one of its own.
    pub job: u32,
    pub pid: u32,
    pub parent: u32,
    /// The program and its arguments, as they stand when it makes the call. Empty where they could not be read.
    pub command: Vec<String>,
    pub call: Call,
}

/// The own calls that were seen in a lab, or in one turn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCalls {
    /// In the order in which they ended.
    pub calls: Vec<Arc<OwnCall>>,
    /// The number of those that were too many to be kept.
    pub omitted: u64,
    /// True from where nobody heard any more which calls were made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_lost: bool,
    /// The turn that they are of, by a number that differs from turn to turn.
    #[serde(skip)]
    pub turn: u64,
}

impl OwnCalls {
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.omitted == 0 && !self.is_lost
    }
}

impl OwnCall {
    /// True for a call of a shell that reads what is typed: what was typed is one of its own commands (`kill`), or a
    /// redirection.
    pub fn is_by_shell(&self) -> bool {
        let mut words = self.command.iter().map(String::as_str);
        let name = words.next().unwrap_or_default();
        let name = name.rsplit('/').next().unwrap_or_default().trim_start_matches('-');
        let is_shell = match name {
            "bash" | "dash" | "ash" | "sh" => true,
            "busybox" => words.next().is_some_and(|applet| matches!(applet, "sh" | "ash")),
            _ => false,
        };
        // A script, or a command given along, is no shell that is typed into.
        is_shell && words.all(|word| word.starts_with('-') && word != "-c")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallKind, CallResult};

    #[test]
    fn a_shell_that_is_typed_into_is_told_from_one_that_runs_a_script() {
        let check = |command: &[&str], expected: bool| {
            let call = Call {
                kind: CallKind::Syscall,
                name: "kill".into(),
                args: "1, SIGTERM".into(),
                result: CallResult::Value(0),
                nanos: 0,
            };
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            let own = OwnCall { shell: 1, job: 7, pid: 7, parent: 1, command, call };
            assert_eq!(own.is_by_shell(), expected, "{:?}", own.command);
        };
        check(&["bash", "-i"], true);
        check(&["-bash"], true);
        check(&["/bin/busybox", "sh", "-i"], true);
        check(&["bash", "-c", "kill 1"], false);
        check(&["sh", "script"], false);
        check(&["mount", "-t", "proc", "proc", "/proc"], false);
        check(&["busybox", "mount"], false);
        check(&[], false);
    }
}
