//! The lab that waits while a branch is looked at.

use super::lab::Lab;
use super::transcript::Transcripts;

/// A lab put aside, with what belongs to it.
#[derive(Debug)]
pub(super) struct Aside {
    pub lab: Lab,
    pub played: usize,
    pub transcripts: Transcripts,
}
