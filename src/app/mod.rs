//! The state of the screen and how it changes. Pure: `update` takes a message and returns effects, and nothing else
//! happens.

mod asking;
mod by_hand;
mod catalogue;
mod commands;
mod confirmation;
mod copying;
mod ended;
pub mod exam;
pub mod keymap;
pub mod learning;
mod learning_commands;
mod lesson;
mod lists;
mod overlay;
mod overlay_commands;
pub mod panes;
pub mod pointing;
pub mod quiz;
mod quiz_events;
mod shell_commands;
mod shell_events;
pub mod shells;
pub mod stable_ids;
pub mod talk;
pub mod terminal;
mod typed_line;
mod update;
mod welcome;

pub use by_hand::HandLine;
pub use ended::{EndedItem, EndedLesson, MissedQuestion};
pub use lesson::{
    Beside, Direction, LessonLayout, LessonScene, LessonView, MapPictures, MapPlace, Phase,
    PicturePlace, StepMark,
};
pub use lists::entries;
pub use overlay::{
    AfterWelcome, CardView, Confirm, ListEntry, ListKind, ProgramList, ScreenOverlay, SearchList,
    Welcome,
};
pub use update::update;
pub use welcome::{ProgramStart, begin};

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::KeyEvent;

use crate::app::pointing::{PointTarget, Pointing};
use crate::diagnosis::{Blocker, Cure};
use crate::engine::{Event, Request};
use crate::kernel::pty::TerminalSize;
use crate::lesson::model::{Lesson, Minutes};
use crate::lesson::quiz::AnswerMark;
use crate::lesson::warm_up::WarmUpQuestion;
use crate::notice::{Copied, Notice};
pub use crate::progress::{LearningWay, StepHow};
use crate::settings::Motion;
use crate::talk::message::{HubToWindow, WindowToHub};
use crate::tape::TapeOrigin;

/// The source that a lesson plays from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PlaySource {
    #[default]
    Lab,
    Tape,
}

/// A line of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueRow {
    pub number: u32,
    pub id: String,
    pub title: String,
    pub summary: String,
    pub minutes: Minutes,
    pub steps: usize,
    pub chapters: Vec<String>,
    pub questions: usize,
    /// The reason why it can't play here, and what would change that.
    pub blocked: Option<(Blocker, Cure)>,
    /// There is a recording of it.
    pub has_tape: bool,
    /// Titles of steps that are left out on this machine.
    pub left_out: Vec<String>,
    /// Steps behind the learner who was here last, played or jumped over.
    pub left_off: Option<usize>,
    /// Each step that is possible here was played, and none only jumped over or seen on a tape.
    pub is_played: bool,
    /// Steps done by oneself, questions answered right: `done 3  quiz 4/9`.
    pub learnt: String,
}

impl CatalogueRow {
    /// The row of a lesson of which nothing is known but its text: it plays here in whole, and nobody has played it.
    pub fn of_lesson(lesson: &Lesson) -> CatalogueRow {
        CatalogueRow {
            number: lesson.number,
            id: lesson.id.clone(),
            title: lesson.title.clone(),
            summary: lesson.summary.clone(),
            minutes: lesson.minutes,
            steps: lesson.steps.len(),
            chapters: lesson.chapters().iter().map(|one| one.title.to_owned()).collect(),
            questions: lesson.questions().count(),
            blocked: None,
            has_tape: false,
            left_out: Vec::new(),
            left_off: None,
            is_played: false,
            learnt: String::new(),
        }
    }

    /// True if the row is of this very lesson, and not of another with its id.
    pub fn is_of(&self, lesson: &Lesson) -> bool {
        self.id == lesson.id
            && self.title == lesson.title
            && self.summary == lesson.summary
            && self.steps == lesson.steps.len()
    }
}

/// Everything on the screen.
#[derive(Debug)]
pub struct Model {
    pub screen: Screen,
    pub catalogue: Vec<CatalogueRow>,
    /// The chosen line of the catalogue.
    pub chosen: usize,
    pub overlay: ScreenOverlay,
    /// One line above the footer: what a key just did.
    pub notice: Option<Notice>,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Lines scrolled down on the score.
    pub scroll: usize,
    /// The source that lessons are opened from, where they can be.
    pub source: PlaySource,
    /// A check of whole lessons, one after the other.
    pub exam: Option<exam::Exam>,
    pub motion: Motion,
    pub glow: Glow,
    pub way: LearningWay,
    pub is_over: bool,
}

/// The moment in which what the last step changed comes on the screen: it glows, until it has been seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Glow {
    On,
    #[default]
    Off,
}

#[derive(Debug)]
pub enum Screen {
    Catalogue,
    Lesson(Box<LessonView>),
    /// The lab is gone: how the machine compares.
    Ended(Box<EndedLesson>),
    /// The result of a check of one or several lessons.
    Score,
    /// A window of a talk.
    Talk(Box<talk::TalkView>),
}

/// Something that happened, for `update` to take in.
#[derive(Debug)]
pub enum Msg {
    Key(KeyEvent),
    Resize(u16, u16),
    /// Something that is drawn was pointed at.
    Pointed(PointTarget, Pointing),
    /// The glow of what has changed is over.
    GlowEnded,
    Engine(Event),
    /// The lesson that `Effect::OpenLesson` asked for.
    LessonOpened {
        lesson: Arc<Lesson>,
        /// Steps played when the learner was here last.
        left_off: usize,
        /// The origin of the tape that plays instead of a lab.
        tape: Option<TapeOrigin>,
    },
    /// Questions of earlier lessons, to begin the opened one with.
    WarmUp(Vec<WarmUpQuestion>),
    /// Begin the opened lesson behind so many steps, without a question.
    StartAt {
        steps: usize,
    },
    LessonOpenFailed(String),
    Copied(Copied),
    /// The file that `Effect::SaveText` made, or why there is none.
    Saved(Result<String, String>),
    ShellPrinted {
        tab: u32,
        bytes: Vec<u8>,
    },
    /// Its last program has ended.
    ShellEnded(u32),
    Paste(String),
    /// The hub of a talk said something.
    Hub(HubToWindow),
    /// It is gone.
    HubGone,
    /// So much time went by, and it is now so late.
    Tick(Duration, String),
    /// A signal asks the program to end.
    Terminate,
}

/// Something to remember of a lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgressNote {
    /// The number of steps that the learner has behind them, played or jumped over.
    Reached(usize),
    Step {
        id: String,
        how: StepHow,
        hints: usize,
    },
    Answer {
        question: String,
        mark: AnswerMark,
    },
}

/// Something that is to be done outside the model.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start an engine for this lesson and say `Msg::LessonOpened`.
    OpenLesson {
        id: String,
        from: PlaySource,
    },
    SendToEngine(Request),
    /// The learner has seen what this lesson runs, and wants it.
    KeepConsent {
        lesson: String,
    },
    /// Remember something of the learner's.
    SaveNote {
        lesson: String,
        note: ProgressNote,
    },
    /// Remember how the learner wants to learn.
    KeepWay(LearningWay),
    CopyText(String),
    /// Write a text to a new file in the directory that the program was started in, and say `Msg::Saved`.
    SaveText {
        /// The name of the file without its ending.
        name: String,
        text: String,
    },
    /// Send bytes to a shell's terminal.
    TypeIntoShell {
        tab: u32,
        bytes: Vec<u8>,
    },
    ResizeShell {
        tab: u32,
        size: TerminalSize,
    },
    /// Tell the hub of the talk.
    SendToHub(WindowToHub),
    Suspend,
    Redraw,
    Quit,
    /// The same, with what went wrong.
    QuitWithError(String),
}

impl Model {
    pub fn new(catalogue: Vec<CatalogueRow>, size: (u16, u16)) -> Model {
        Model {
            screen: Screen::Catalogue,
            catalogue,
            chosen: 0,
            overlay: ScreenOverlay::None,
            notice: None,
            size,
            scroll: 0,
            source: PlaySource::Lab,
            exam: None,
            motion: Motion::Off,
            glow: Glow::Off,
            way: LearningWay::default(),
            is_over: false,
        }
    }
}

#[cfg(test)]
mod scripts;
