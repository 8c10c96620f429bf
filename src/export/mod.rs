//! **Exports**: a lesson that was played, as something that is read or watched without this program. Pure.
//!
//! Every format tells what a `Reel` holds: one file per format.

pub(crate) mod asked;
mod cast;
mod cast_screen;
mod html;
mod markdown;
mod prose;
mod reel;

use std::io::{self, Write};

use self::reel::Reel;
use crate::lesson::model::Lesson;
use crate::tape::Tape;

/// A format that a lesson is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A recording for asciinema, version 3 of its format.
    Cast,
    /// One page that needs nothing else.
    Html,
    /// A handout, its answers at the end.
    Markdown,
}

/// Write a lesson as its tape has it. The tape must fit the lesson (`Tape::fits`). Errors are the writer's.
pub fn write(form: Form, lesson: &Lesson, tape: &Tape, out: impl Write) -> io::Result<()> {
    let reel = Reel::new(lesson, tape);
    match form {
        Form::Cast => cast::write(&reel, out),
        Form::Html => html::write(&reel, out),
        Form::Markdown => markdown::write(&reel, out),
    }
}
