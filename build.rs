//! Lessons, tapes, the page's files and the list of programs are part of the binary. A file that is new or gone there must
//! build it again; the macros that take them in tell cargo only of the files they found the last time.

/// The folders that the binary takes files from.
const EMBEDDED: [&str; 4] = ["lessons", "assets/tapes", "assets/export", "rootfs-fixtures"];

fn main() {
    for folder in EMBEDDED {
        println!("cargo:rerun-if-changed={folder}");
    }
}
