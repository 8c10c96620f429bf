//! `--image`: labs from an image that was made elsewhere, in the place of the machine's own programs.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use crate::doctor::Facts;
use crate::engine::Event;
use crate::engine::events;
use crate::engine::options::SessionOptions;
use crate::engine::session::{Session, SessionError};
use crate::engine::waiting::WaitContext;
use crate::image::{Image, open_image};
use crate::laid_out::UnpackedImage;
use crate::lesson::model::Lesson;
use crate::{text, words};

#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ImageOption {
    /// Build containers from this image: an OCI layout (PATH, or PATH:NAME of several), an archive of one, what `docker save` writes,
    /// or a root file system as a tar file or a directory; lessons are written for the default image, and want at least /bin/sh
    #[arg(long, value_name = "PATH", conflicts_with = "tape")]
    pub image: Option<PathBuf>,
}

impl ImageOption {
    /// The image, if one was named; its layers are not read yet.
    pub fn open(&self) -> anyhow::Result<Option<Arc<Image>>> {
        let Some(path) = &self.image else { return Ok(None) };
        let image = open_image(path)
            .with_context(|| format!("could not use the image {}", path.display()))?;
        Ok(Some(Arc::new(image)))
    }
}

/// A session; on a terminal, one line of standard error says how far its image is laid out.
pub fn open_showing(
    lesson: Arc<Lesson>,
    facts: Facts,
    options: &SessionOptions,
) -> Result<Session, SessionError> {
    if options.image.is_none() || !std::io::stderr().is_terminal() {
        return Session::open(lesson, facts, options);
    }

    let (told, events) = events::channel();
    // It ends with the session, which holds the other end.
    let words_on_it = std::thread::spawn(move || {
        let mut is_line_open = false;
        while let Some(event) = events.recv() {
            let Event::Unpacking(progress) = event else { continue };
            is_line_open = !progress.is_complete();
            let end = if is_line_open { "" } else { "\n" };
            // The words before may have been longer: what is left of them is erased.
            let _ = write!(std::io::stderr(), "\r{}\x1b[K{end}", words::unpacking(progress));
        }
        // An image that fails halfway: what is said of that has a line of its own.
        if is_line_open {
            let _ = writeln!(std::io::stderr());
        }
    });
    let opened = Session::open_waiting(lesson, facts, options, WaitContext::heard_by(told));
    if opened.is_err() {
        let _ = words_on_it.join();
    }
    opened
}

/// Say what was laid out, and what was not.
pub fn print_tally(tally: &UnpackedImage) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}\n", text::safe(&words::unpacked(tally)))?;
    Ok(())
}
