//! The doctor: facts read from this machine, what they mean for each lesson, and what would change them.

mod cgroups;
mod cure;
mod disk;
mod facts;
mod hierarchy;
mod kernel;
mod roots;
mod text;
mod unmounted;
mod verdict;

pub use cgroups::Cgroups;
pub use facts::{Facts, IdMapping, ProbeResult, Subordinate, UserNamespaces};
pub use hierarchy::{MountedHierarchy, OfferedController};
pub use kernel::Kernel;
pub use roots::Roots;
pub use text::render;
pub use unmounted::Unmounted;
pub use verdict::{LEAST_KERNEL, can_play, findings};
