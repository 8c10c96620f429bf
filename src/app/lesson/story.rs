//! The story of a step on the screen, and the text beside it.

/// The text that stands beside the step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Beside {
    #[default]
    Shell,
    Docker,
    Oci,
    Notes,
}

impl Beside {
    pub fn next(self) -> Beside {
        match self {
            Beside::Shell => Beside::Docker,
            Beside::Docker => Beside::Oci,
            Beside::Oci => Beside::Notes,
            Beside::Notes => Beside::Shell,
        }
    }
}

/// The state of the story's panel and of the one below it.
#[derive(Debug, Default)]
pub struct StoryPanel {
    /// Lines scrolled down; what is too many counts as the end.
    pub scroll: usize,
    pub beside: Beside,
}

impl StoryPanel {
    pub fn scroll_to_top(&mut self) {
        self.scroll = 0;
    }

    pub fn read_on(&mut self) {
        const LINES: usize = 3;
        self.scroll += LINES;
    }

    pub fn turn_beside(&mut self) {
        self.beside = self.beside.next();
    }
}
