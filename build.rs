//! Lessons and tapes are part of the binary. A file that is new or gone there must build it again: the macro that takes the folders
//! in tells cargo only of the files that it found the last time. Files that are taken in by their names cargo knows.

/// The folders that the binary takes in whole.
const EMBEDDED: [&str; 2] = ["lessons", "assets/tapes"];

fn main() {
    for folder in EMBEDDED {
        println!("cargo:rerun-if-changed={folder}");
    }
}
