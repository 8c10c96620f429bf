//! The options of a session.

use std::path::PathBuf;
use std::sync::Arc;

use crate::image::Image;
use crate::wire::protocol::PanickingRole;

/// The options that a session is opened with, besides its lesson.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// This program's own binary, see `KeeperHandle::start`.
    pub program: PathBuf,
    /// The image of all labs, in the place of the default one.
    pub image: Option<Arc<Image>>,
    /// Keep the next lab ready: for front ends that rewind.
    pub spare: bool,
    /// Watch which calls are made in shells: for front ends that show them.
    pub own_calls: bool,
    /// The role that a test has panic, see `LabPlan`.
    pub panics: Option<PanickingRole>,
}

impl SessionOptions {
    /// The variable that names the role a test has panic, in a debug build: `keeper`, `store`, `host` or `actor`.
    pub const PANIC_VARIABLE: &str = "UNBOXED_TEST_PANIC";

    /// The options of a front end that plays on and on.
    pub fn new_for(program: impl Into<PathBuf>) -> SessionOptions {
        let wanted =
            std::env::var(SessionOptions::PANIC_VARIABLE).ok().filter(|_| cfg!(debug_assertions));
        let panics = wanted.and_then(|role| match role.as_str() {
            "keeper" => Some(PanickingRole::Keeper),
            "store" => Some(PanickingRole::Store),
            "host" => Some(PanickingRole::Host),
            "actor" => Some(PanickingRole::Actor),
            _ => None,
        });

        SessionOptions {
            program: program.into(),
            image: None,
            spare: false,
            own_calls: true,
            panics,
        }
    }

    /// The options of one that rewinds.
    pub fn with_spare(program: impl Into<PathBuf>) -> SessionOptions {
        SessionOptions { spare: true, ..SessionOptions::new_for(program) }
    }
}
