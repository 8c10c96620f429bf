//! Errors of a lab: of its making, of its actors, and its end.

use crate::action::LowerError;
use crate::engine::link_error::LinkError;
use crate::failure::Failure;
use crate::keeper::handle::KeeperError;

#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("step `{step}`")]
    Lower {
        step: String,
        #[source]
        cause: LowerError,
    },
    #[error("the lab's first process ended before it had set the lab up")]
    EndedAtStart {
        #[source]
        why: Option<Failure>,
    },
    #[error(
        "the lab is gone: its first process (`unboxed: host`, {pid} on this machine) has ended, and with it all others"
    )]
    Ended {
        pid: u32,
        /// The last thing that was heard of it, where that tells.
        #[source]
        why: Option<Failure>,
    },
}
