//! The keepers of a session: one at a time, and another where that is lost.

use std::path::PathBuf;
use std::sync::Arc;

use super::Event;
use super::options::SessionOptions;
use super::waiting::WaitContext;
use crate::image::Image;
use crate::keeper::handle::{KeeperError, KeeperHandle, UnpackingListener};

/// The program and the image that each keeper of a session is started with.
#[derive(Debug)]
pub(super) struct KeeperSource {
    /// This program's own binary.
    program: PathBuf,
    /// The image of all labs, where it is not the default one.
    image: Option<Arc<Image>>,
}

impl KeeperSource {
    pub fn of(options: &SessionOptions) -> KeeperSource {
        KeeperSource { program: options.program.clone(), image: options.image.clone() }
    }

    /// Start a keeper; whoever listens hears how far the image is laid out.
    pub fn start(&self, waiting: &WaitContext) -> Result<KeeperHandle, KeeperError> {
        let mut keeper = KeeperHandle::start(&self.program)?;
        if let Some(image) = &self.image {
            let listener = waiting.listener().cloned();
            let unpacking = UnpackingListener::new(move |progress| {
                if let Some(listener) = &listener {
                    let _ = listener.send(Event::Unpacking(progress));
                }
            });
            keeper.use_image(image, unpacking)?;
        }
        Ok(keeper)
    }
}
