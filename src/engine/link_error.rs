//! The reasons why an actor could not be asked.

use crate::op::ActorName;
use crate::wire::protocol::RoleFailure;

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("{actor} is gone")]
    Gone { actor: ActorName },
    /// It is asked nothing more until it has answered.
    #[error("{actor} does not answer{}", why.map_or(String::new(), |why| format!(": {why}")))]
    Silent { actor: ActorName, why: Option<&'static str> },
    /// It is asked nothing any more: whatever is behind its wire now is no actor.
    #[error("{actor} is lost: {why}")]
    Lost { actor: ActorName, why: String },
    #[error("there is no actor `{0}`")]
    Unknown(ActorName),
    #[error("the lab could not be set up")]
    Stillborn(#[from] RoleFailure),
    /// A shell or a stand-in could not be started.
    #[error(transparent)]
    Refused(RoleFailure),
    /// The lab is to be dropped: nobody waits for it any more.
    #[error("the lab is being dropped")]
    Cancelled,
}
