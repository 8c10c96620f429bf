//! The program: a role when re-executed as one, a command line otherwise.

use std::process::ExitCode;

fn main() -> ExitCode {
    unboxed::kernel::inherited::reset_process();
    // Roles begin before any thread does.
    match std::env::args_os().nth(1) {
        Some(role) if role == unboxed::keeper::ROLE => {
            return ExitCode::from(unboxed::keeper::main());
        }
        Some(role) if role == unboxed::keeper::probe::ROLE => {
            return ExitCode::from(unboxed::keeper::probe::main());
        }
        _ => {}
    }
    unboxed::cli::main()
}
