//! The doctor: facts read from this machine, what they mean for each lesson, and what would change them.

mod cgroups;
mod cure;
mod disk;
mod environment;
mod facts;
mod hierarchy;
mod ids;
mod kernel;
mod roots;
mod text;
mod unmounted;
mod verdict;

pub use cgroups::MachineCgroups;
pub use facts::{Facts, IdMapping, ProbeResult, UserNamespaces};
pub use hierarchy::{MountedHierarchy, OfferedController, RefusedTree};
pub use ids::LabIdMapping;
pub use kernel::KernelVersion;
pub use roots::MachineRoot;
pub use text::{LeftOutStep, findings_page};
pub use unmounted::UnmountedHierarchy;
pub use verdict::{MIN_KERNEL, can_play, findings};
