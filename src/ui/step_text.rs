//! The text of a step as lines that grow downwards, and which of them matter now.

use std::ops::Range;

use ratatui::text::Line;

use crate::app::pointing::PointTarget;

/// The text of a step, which grows downwards: the question stays, and what came of it is appended.
#[derive(Debug, Default)]
pub struct StepText {
    pub lines: Vec<Line<'static>>,
    /// The lines that matter now: they come into sight.
    pub now: Range<usize>,
    /// The lines that stand for something that can be asked about.
    pub targets: Vec<(usize, PointTarget)>,
}

/// The part of a step's text that comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstPart {
    Story,
    /// The goals of the learner's turn: there is room for little more.
    Goals,
}

impl StepText {
    /// Append lines below an empty one.
    pub fn append(&mut self, lines: Vec<Line<'static>>) {
        if !lines.is_empty() {
            self.lines.extend((!self.lines.is_empty()).then(Line::default));
            self.lines.extend(lines);
        }
    }

    /// The same for lines that matter now.
    pub fn append_now(&mut self, lines: Vec<Line<'static>>) {
        // The empty line before them is not theirs.
        let begin = self.lines.len() + usize::from(!self.lines.is_empty());
        let start = if self.now.is_empty() { begin } else { self.now.start };
        self.append(lines);
        self.now = start..self.lines.len().max(start);
    }

    /// The same for a text that knows what matters now in it.
    pub fn append_text(&mut self, other: StepText) {
        let begin = self.lines.len() + usize::from(!self.lines.is_empty());
        if !other.now.is_empty() {
            // What mattered before stays in sight.
            let start = if self.now.is_empty() { begin + other.now.start } else { self.now.start };
            self.now = start..begin + other.now.end;
        }
        let targets = other.targets.into_iter();
        self.targets.extend(targets.map(|(line, target)| (begin + line, target)));
        self.append(other.lines);
    }
}
