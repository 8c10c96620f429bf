//! The overlay on top of the screen: help, lists with search, questions.

use crate::engine::Request;
use crate::explain::Entry;
use crate::explain::card::Card;
use crate::op::ActorName;
use crate::progress::LearningWay;
use crate::prompt::Prompt;

use super::keymap::Binding;
use super::{LessonView, PlaySource};
use crate::text::{hard_wrapped, wrapped};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScreenOverlay {
    None,
    Help {
        scroll: usize,
    },
    List(SearchList),
    /// Typing a search for the focused pane.
    Search {
        query: String,
    },
    Confirm(Confirm),
    Programs(ProgramList),
    Welcome(Welcome),
    Card(CardView),
}

/// The first screen, while it lies over another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    pub chosen: LearningWay,
    pub then: AfterWelcome,
}

/// The step from the first screen to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterWelcome {
    /// Back to where a key has opened it.
    Back,
    /// The program was started for the first time, and goes to the catalogue.
    Catalogue,
    /// The same, and goes to a lesson.
    Lesson { id: String, from: PlaySource },
    /// The same, and asks about the programs of a lesson from a file.
    Programs(ProgramList),
}

/// A card on something, and how far it is scrolled down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardView {
    pub card: Card,
    pub scroll: usize,
}

impl CardView {
    pub fn new(card: Card) -> CardView {
        CardView { card, scroll: 0 }
    }

    /// Columns and rows of text that a card has at most, on a screen of this size.
    pub fn text_area_size((columns, rows): (u16, u16)) -> (usize, usize) {
        (
            // Two borders, and a blank at either side.
            usize::from(columns.min(MAX_CARD_COLUMNS)).saturating_sub(4),
            // Two borders, the row of keys and an empty one above it; the footer below.
            usize::from(rows).saturating_sub(5).max(1),
        )
    }

    /// The farthest that it can be scrolled.
    pub fn max_scroll(&self, size: (u16, u16)) -> usize {
        let (columns, height) = CardView::text_area_size(size);
        self.card.screen_lines(columns).len().saturating_sub(height)
    }
}

/// A list with a line to search by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchList {
    pub kind: ListKind,
    /// The text that was typed.
    pub query: String,
    /// The chosen line, among those that hold the text.
    pub selected: usize,
}

impl SearchList {
    /// A list that nothing was typed for yet.
    pub fn new(kind: ListKind, selected: usize) -> SearchList {
        SearchList { kind, query: String::new(), selected }
    }
}

/// The kind of entries that a list with search holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    Steps,
    Palette,
    Shells,
    /// The what-ifs of the step that is shown.
    Branches,
    /// The glossary, with the words of the step first.
    Words,
}

/// The programs that a lesson of somebody else's will run, shown before it is opened.
/// One key goes on to the end and then opens it, another leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramList {
    /// The lesson's id.
    pub lesson: String,
    /// The lines to agree to.
    pub lines: Vec<String>,
    /// Rows scrolled down.
    pub scroll: usize,
}

impl ProgramList {
    /// Rows and columns of text on a screen of this size.
    pub fn text_area_size((columns, rows): (u16, u16)) -> (usize, usize) {
        (
            // Two borders, and a blank at either side.
            usize::from(columns.min(MAX_COLUMNS)).saturating_sub(4),
            // Two borders, an empty row and the row of keys; three rows of the screen stay in sight
            // around the box.
            usize::from(rows).saturating_sub(7).max(1),
        )
    }

    /// All rows. Nothing is cut off a command, and none of its blanks is lost; sentences are broken between words.
    pub fn rows(&self, columns: usize) -> Vec<String> {
        let is_command = |line: &str| line.starts_with(' ');
        let rows = |line: &String| {
            if is_command(line) { hard_wrapped(line, columns) } else { wrapped(line, columns) }
        };
        self.lines.iter().flat_map(rows).collect()
    }

    /// The farthest that it can be scrolled.
    pub fn max_scroll(&self, size: (u16, u16)) -> usize {
        let (columns, height) = ProgramList::text_area_size(size);
        self.rows(columns).len().saturating_sub(height)
    }
}

/// A card is a column of text to read.
const MAX_CARD_COLUMNS: u16 = 78;
/// Wider than this, rows are hard to read.
const MAX_COLUMNS: u16 = 110;

/// A question with two answers: a yes does it, and any other key does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    pub prompt: Prompt,
    pub then: Request,
}

/// A line of a list.
#[derive(Debug, Clone)]
pub enum ListEntry {
    Step(usize),
    /// A chapter, by its first step.
    Chapter(usize),
    /// A row of the lesson's keys.
    Key(&'static Binding<LessonView>),
    /// A shell that is open.
    Tab(usize),
    NewShell(ActorName),
    Branch(usize),
    /// A word of the glossary.
    Word(&'static Entry),
}
