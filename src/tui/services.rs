//! The screen's side of the rest of the program: what it is started with, what it is given, and what it asks for.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread::JoinHandle;

use super::setup::ScreenSetup;
use crate::app::exam::Exam;
use crate::app::talk::TalkView;
use crate::app::{CatalogueRow, LearningWay, PlaySource, ProgramStart, ProgressNote};
use crate::engine::events::EventReceiver;
use crate::engine::requests::RequestSender;
use crate::lesson::model::Lesson;
use crate::lesson::warm_up::WarmUpQuestion;
use crate::notice::{FileNotice, Notice};
use crate::talk::message::{HubToWindow, WindowToHub};
use crate::tape::TapeOrigin;

/// A lesson with an engine behind it. Dropping `requests` ends the lab.
#[derive(Debug)]
pub struct EngineLink {
    pub lesson: Arc<Lesson>,
    pub requests: RequestSender,
    pub events: EventReceiver,
    pub thread: JoinHandle<()>,
    /// Steps played when the learner was here last.
    pub left_off: usize,
    /// The origin of the tape that plays instead of a lab.
    pub tape: Option<TapeOrigin>,
    /// Questions of earlier lessons, to begin with.
    pub warm_up: Vec<WarmUpQuestion>,
    /// Steps to play before the lesson begins with the next one.
    pub start_at: Option<usize>,
}

/// A window of a talk, and its connection to the hub.
#[derive(Debug)]
pub struct TalkLink {
    pub window: TalkView,
    pub to_hub: Sender<WindowToHub>,
    /// Ends when the hub is gone.
    pub from_hub: Receiver<HubToWindow>,
}

/// The rest of the program, as far as the screen needs it.
pub trait AppServices {
    fn open_lesson(&mut self, id: &str, from: PlaySource) -> anyhow::Result<EngineLink>;

    /// This lesson may run its programs; a notice when that could not be kept.
    fn keep_consent(&mut self, lesson: &str) -> Option<FileNotice>;

    /// Write a text to a new file, whose path is returned; or why there is none.
    fn save_text(&mut self, name: &str, text: &str) -> Result<String, String>;

    /// The way to learn from now on; a notice when it could not be kept.
    fn keep_way(&mut self, way: LearningWay) -> Option<FileNotice>;

    /// Something of the learner's; a notice when it could not be kept.
    fn save_note(&mut self, lesson: &str, note: &ProgressNote) -> Option<FileNotice>;
}

#[derive(Debug)]
pub struct TuiOptions {
    pub setup: ScreenSetup,
    pub catalogue: Vec<CatalogueRow>,
    /// Open this lesson at once.
    pub open: Option<String>,
    pub notice: Option<Notice>,
    /// The directory in which a copy is also put, as a file.
    pub copy_directory: Option<PathBuf>,
    pub way: LearningWay,
    pub start: ProgramStart,
    pub source: PlaySource,
    /// A window of a talk, instead of lessons.
    pub talk: Option<TalkLink>,
    /// Ask the questions of lessons, instead of playing them.
    pub exam: Option<Exam>,
    /// The lines to agree to before a lesson is opened.
    pub consent: Option<Vec<String>>,
}
