//! What this machine allows: facts read from it, what they mean for each lesson, and what would change them.

mod cgroups;
mod cure;
mod disk;
mod facts;
mod text;
mod unmounted;
mod verdict;

pub use cgroups::{Cgroups, Hierarchy, Layout, Offered};
pub use facts::{Environment, Facts, IdRange, Kernel, ProbeResult, Roots, Subordinate, UserNamespaces};
pub use text::render;
pub use unmounted::{Obstacle, Unmounted};
pub use verdict::{Finding, LEAST_KERNEL, Playable, State, can_play, findings};
