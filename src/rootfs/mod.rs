//! Root file systems: a fixture names programs, a plan says which files of this machine they need, `write` makes them.
//!
//! Only `write` touches anything, and only below the directory it is given.

mod busybox;
mod closure;
mod elf;
mod fixture;
mod host;
mod plan;
mod write;

pub use fixture::{Fixture, FixtureError};
pub use plan::{
    EntryKind, FileSource, ImageEntry, ImagePlan, Layer, MissingProgram, RootfsError, plan_image,
};
pub use write::{WriteResult, write_image};
