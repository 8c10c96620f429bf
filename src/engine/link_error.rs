//! The reasons why an actor could not be asked.

use crate::op::ActorName;
use crate::seen::{Seen, Stall};
use crate::wire::protocol::RoleFailure;
use crate::words;

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("{actor} is gone")]
    ActorGone { actor: ActorName },
    /// It is asked nothing more until it has answered.
    #[error("{actor} does not answer{}", why.map_or(String::new(), |why| format!(": {}", words::stall(why))))]
    Silent { actor: ActorName, why: Option<Stall> },
    /// It is asked nothing any more: whatever is behind its wire now is no actor.
    #[error("{actor} is lost: {why}")]
    Lost { actor: ActorName, why: String },
    #[error("there is no actor `{0}`")]
    UnknownActor(ActorName),
    #[error("the lab could not be set up")]
    BuildFailed(#[from] RoleFailure),
    /// A shell or a stand-in could not be started.
    #[error(transparent)]
    StartFailed(RoleFailure),
    /// The lab is to be dropped: nobody waits for it any more.
    #[error("the lab is being dropped")]
    Cancelled,
}

impl LinkError {
    /// The fact for a verdict, where an actor that can't be asked is an outcome and no fault.
    pub fn as_outcome(&self) -> Option<Seen> {
        match self {
            LinkError::ActorGone { actor } => Some(Seen::ActorGone(actor.clone())),
            LinkError::Silent { actor, why } => {
                Some(Seen::ActorSilent { actor: actor.clone(), why: *why })
            }
            LinkError::Lost { actor, why } => {
                Some(Seen::ActorLost { actor: actor.clone(), why: why.clone() })
            }
            LinkError::UnknownActor(_)
            | LinkError::BuildFailed(_)
            | LinkError::StartFailed(_)
            | LinkError::Cancelled => None,
        }
    }
}
