//! A grid of cells, each with a character and a tone.

use unicode_width::UnicodeWidthChar;

use crate::diff::ChangeKind;
use crate::text::safe;

/// The meaning that a cell's colour stands for; themes decide which colour that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MapTone {
    #[default]
    Plain,
    /// As it was.
    Quiet,
    /// Walls and wires.
    Line,
    /// The name of a box.
    Title,
    /// A change of this step.
    Change(ChangeKind),
    /// A call of this step that left no row.
    Act,
    /// The same, refused.
    Refused,
    /// A thing that is missing.
    Wanted,
}

impl MapTone {
    /// The tone of a row with this mark.
    pub fn of_mark(mark: ChangeKind) -> MapTone {
        if mark.is_change() { MapTone::Change(mark) } else { MapTone::Quiet }
    }
}

/// One column of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanvasCell {
    /// None behind a character that is two columns wide.
    pub letter: Option<char>,
    pub tone: MapTone,
}

/// The sign of a mark, one column wide.
pub fn sign(mark: ChangeKind) -> char {
    match mark {
        ChangeKind::Moved => '↦',
        ChangeKind::Gone => '−',
        ChangeKind::Same
        | ChangeKind::Quiet
        | ChangeKind::Added
        | ChangeKind::Changed
        | ChangeKind::Unknown => mark.sign(),
    }
}

const BLANK: CanvasCell = CanvasCell { letter: Some(' '), tone: MapTone::Plain };

/// A grid of cells. What is written outside of it is not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canvas {
    width: usize,
    cells: Vec<CanvasCell>,
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, cells: vec![BLANK; width * height] }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.cells.len().checked_div(self.width).unwrap_or(0)
    }

    /// The rows, from above.
    pub fn rows(&self) -> impl Iterator<Item = &[CanvasCell]> {
        self.cells.chunks(self.width.max(1))
    }

    /// The text alone, without blanks at the ends of lines.
    pub fn text(&self) -> String {
        self.rows()
            .map(|row| {
                let line: String = row.iter().filter_map(|cell| cell.letter).collect();
                format!("{}\n", line.trim_end())
            })
            .collect()
    }

    pub fn letter(&self, x: usize, y: usize) -> Option<char> {
        self.place(x, y).and_then(|place| self.cells[place].letter)
    }

    fn place(&self, x: usize, y: usize) -> Option<usize> {
        (x < self.width && y < self.height()).then(|| y * self.width + x)
    }

    /// Write one character that is one column wide.
    pub fn put(&mut self, x: usize, y: usize, letter: char, tone: MapTone) {
        let Some(place) = self.place(x, y) else { return };
        // Half a character that is two columns wide would move all that is right of it.
        if self.cells[place].letter.is_none() && x > 0 {
            self.cells[place - 1].letter = Some(' ');
        }
        if x + 1 < self.width && self.cells[place + 1].letter.is_none() {
            self.cells[place + 1].letter = Some(' ');
        }
        self.cells[place] = CanvasCell { letter: Some(letter), tone };
    }

    /// Write a text from a column on, `room` columns at most; returns how many it took. Text of a lab holds anything:
    /// control characters and those of no width are not written.
    pub fn write(&mut self, x: usize, y: usize, room: usize, text: &str, tone: MapTone) -> usize {
        let mut taken = 0;
        for letter in safe(text).chars() {
            let columns = letter.width().unwrap_or(0);
            if columns == 0 {
                continue;
            }
            if taken + columns > room || x + taken + columns > self.width {
                break;
            }

            self.put(x + taken, y, letter, tone);
            if columns == 2
                && let Some(place) = self.place(x + taken + 1, y)
            {
                self.cells[place] = CanvasCell { letter: None, tone };
            }
            taken += columns;
        }
        taken
    }

    /// The same with lines and signs that every terminal has, cell for cell.
    pub fn in_ascii(mut self) -> Canvas {
        for cell in &mut self.cells {
            cell.letter = cell.letter.map(ascii);
        }
        self
    }
}

/// The ASCII character that stands for a sign of the map; all others stay.
fn ascii(letter: char) -> char {
    match letter {
        '╭' | '╮' | '╰' | '╯' | '┌' | '┐' | '└' | '┘' | '┼' | '╗' | '╝' | '╔' | '╚' | '├' => {
            '+'
        }
        '─' | '┄' | '−' => '-',
        '═' => '=',
        '╪' => '#',
        '╌' => '.',
        '│' | '║' | '▕' | '▏' => '|',
        '┆' | '╎' => ':',
        '●' => '*',
        '○' => 'o',
        '◉' => '@',
        '◆' => '&',
        '▸' | '↦' => '>',
        '█' | '▉' | '▊' | '▋' | '▌' | '▍' | '▎' | '■' => '#',
        '□' => '_',
        '◧' => 'D',
        '✕' => 'x',
        '▲' => '^',
        '▞' => '%',
        '▒' => ':',
        '⊘' => '!',
        '╵' => '\'',
        '‖' => '"',
        '×' => 'x',
        '✔' => 'v',
        '◂' => '<',
        '·' => ',',
        '…' => '~',
        other => other,
    }
}
