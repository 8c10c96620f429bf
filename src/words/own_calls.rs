//! Words on the calls of the learner's programs.

use crate::action::paths::shell_words;
use crate::own_call::OwnCall;
use crate::text::safe;

/// A program's command line, as it is typed.
pub fn command_line(command: &[String]) -> String {
    safe(&shell_words(command))
}

/// The program that has made a call.
pub fn who_called(own: &OwnCall) -> String {
    if own.command.is_empty() {
        format!("process {}", own.pid)
    } else if own.is_by_shell() {
        "typed in the shell".to_owned()
    } else {
        command_line(&own.command)
    }
}
