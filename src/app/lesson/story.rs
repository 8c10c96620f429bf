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
    /// Times that it was read on, less those that it was read back.
    presses: isize,
    pub beside: Beside,
}

impl StoryPanel {
    pub fn scroll_to_top(&mut self) {
        self.presses = 0;
    }

    pub fn read_on(&mut self) {
        self.presses += 1;
    }

    pub fn read_back(&mut self) {
        self.presses -= 1;
    }

    /// The first line in sight of a text that begins at `start`, and whose last lines are in sight from `end` on. After
    /// the end the text begins again, and before its beginning lies its end.
    pub fn first_line(&self, start: usize, end: usize) -> usize {
        const LINES: usize = 3;
        let start = start.min(end);
        let behind = (start..end).step_by(LINES).chain([end]);
        // From the first line on, as far as it is above where it began.
        let above = (0..start).step_by(LINES);
        let stops: Vec<usize> = behind.chain(above).collect();
        let place = self.presses.rem_euclid(stops.len() as isize);
        stops[place as usize]
    }

    pub fn turn_beside(&mut self) {
        self.beside = self.beside.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(start: usize, end: usize, presses: &str) -> Vec<usize> {
        let mut story = StoryPanel::default();
        let mut seen = vec![story.first_line(start, end)];
        for press in presses.chars() {
            if press == '+' {
                story.read_on()
            } else {
                story.read_back()
            }
            seen.push(story.first_line(start, end));
        }
        seen
    }

    #[test]
    fn a_story_is_read_to_its_end_and_begins_again_and_back() {
        assert_eq!(lines(0, 0, "+-"), [0, 0, 0], "all of it is in sight");
        assert_eq!(lines(0, 7, "++++"), [0, 3, 6, 7, 0]);
        assert_eq!(lines(0, 7, "-+"), [0, 7, 0]);
        assert_eq!(lines(4, 8, "+++++"), [4, 7, 8, 0, 3, 4]);
        assert_eq!(lines(4, 8, "--+"), [4, 3, 0, 3], "what is above is near");
        assert_eq!(lines(9, 2, "+"), [2, 0], "it is shorter than it was");
    }
}
