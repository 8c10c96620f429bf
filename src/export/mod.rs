//! **Exports**: a lesson that was played, as something that is read or watched without this program. Pure.
//!
//! Every format tells what a `PlayedLesson` holds: one file per format. A script (`script`) tells what the lesson says alone.

pub(crate) mod answered_question;
mod cast;
mod cast_screen;
mod html;
pub mod map;
mod markdown;
mod own_paths;
mod played_lesson;
mod prose;
pub mod script;
mod step_map;

use std::io::{self, Write};

use self::played_lesson::PlayedLesson;
use crate::lesson::model::Lesson;
use crate::tape::Tape;

/// A format that a lesson is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFormat {
    /// A recording for asciinema, version 3 of its format.
    Cast,
    /// One page that needs nothing else.
    Html,
    /// A handout, its answers at the end.
    Markdown,
}

/// Write a lesson as its tape has it. The tape must fit the lesson (`Tape::check_fits`). Errors are the writer's.
pub fn write(
    form: DocumentFormat,
    lesson: &Lesson,
    tape: &Tape,
    out: impl Write,
) -> io::Result<()> {
    let played_lesson = PlayedLesson::new(lesson, tape);
    match form {
        DocumentFormat::Cast => cast::write(&played_lesson, out),
        DocumentFormat::Html => html::write(&played_lesson, out),
        DocumentFormat::Markdown => markdown::write(&played_lesson, out),
    }
}
