//! The program: a role when re-executed as one, a command line otherwise.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == unboxed::keeper::ROLE) {
        return ExitCode::from(unboxed::keeper::main());
    }
    ExitCode::SUCCESS
}
