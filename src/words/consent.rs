//! The words about the programs of a lesson from a file, before it is first played.

/// The head of the list of programs. `name` is the lesson's file.
pub fn program_question(name: &str) -> String {
    format!("{name} is not one of unboxed's own lessons. It will run these programs:")
}

/// The sentences that tell what those programs can do from within the lab.
pub fn program_risk() -> &'static str {
    "They run in a lab. It can read the machine's /usr, but none of your files, and sees none of your processes; \
     it has no network, and what it does ends with it."
}
