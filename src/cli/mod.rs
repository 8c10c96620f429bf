//! The command line: one file per command. `anyhow` lives here and in main.

pub mod words;
