//! Panics of roles, which have no terminal to print them to: each is caught, logged, and told to
//! whoever waits for the role.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::process;

/// The place and message of the last panic in this process.
static LAST: Mutex<Option<String>> = Mutex::new(None);
/// The exit status of a Rust program that panicked.
const PANICKED: i32 = 101;
static IS_ARMED: AtomicBool = AtomicBool::new(false);

/// The hook of a role: panics are remembered and logged, not printed. What is forked from here inherits it.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let told = panic_text(panic);
        tracing::error!("panicked {told}");
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
    }));
}

/// Have this process panic at its next `panic_if_armed`. For tests alone.
pub fn arm() {
    IS_ARMED.store(true, Ordering::Relaxed);
}

pub fn panic_if_armed() {
    assert!(!IS_ARMED.load(Ordering::Relaxed), "a test asked for it");
}

/// The result of `run`, or the place and message of its panic. A process that was forked within `run` ends where it
/// panics: it must not go on as the process it was forked from.
pub fn catch_panic<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let forks = process::fork_depth();
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| {
        if process::fork_depth() != forks {
            process::exit_now(PANICKED);
        }

        let last = LAST.lock().unwrap_or_else(PoisonError::into_inner).take();
        last.unwrap_or_else(|| "somewhere".to_owned())
    })
}

/// `at src/keeper/mod.rs:12:5: the message`.
pub fn panic_text(panic: &PanicHookInfo<'_>) -> String {
    let place =
        panic.location().map_or_else(|| "somewhere".to_owned(), |place| format!("at {place}"));
    let payload = panic.payload();
    let written = payload.downcast_ref::<String>().map(String::as_str);
    let message =
        written.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
    format!("{place}: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place_and_message() {
        let hook = std::panic::take_hook();
        install_hook();
        let went_well = catch_panic(|| 7);
        let panicked = catch_panic(|| panic!("two {}", "words"));
        std::panic::set_hook(hook);
        assert_eq!(went_well, Ok(7));
        let told = panicked.map(|()| String::new()).expect_err("it panicked");
        assert!(
            told.starts_with("at src/kernel/panics.rs:") && told.ends_with(": two words"),
            "{told}"
        );
    }
}
