//! A terminal that is written to over time, page by page: what does not fit on a page begins a new one, so that
//! nothing scrolls. The only escape sequences are those made here; text is shown with what can't be seen in it
//! escaped.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::text::{padded, prose, safe, shortened};

/// The terminal's size, in cells.
pub const COLUMNS: usize = 100;
pub const ROWS: usize = 30;
/// The width of a line of text.
pub const LINE_WIDTH: usize = COLUMNS - 2;

/// The time between two keys, for a line that appears, and for a word that is read, in seconds.
const SECONDS_PER_KEY: f64 = 0.035;
const SECONDS_PER_LINE: f64 = 0.05;
const SECONDS_PER_WORD: f64 = 0.22;
/// The bounds of a pause for reading, and of the typing of one line, in seconds.
const MIN_READING_SECONDS: f64 = 0.8;
const MAX_READING_SECONDS: f64 = 8.0;
const MAX_TYPING_SECONDS: f64 = 2.5;

/// Something that happens, so many seconds after what came before it.
#[derive(Debug, Clone, PartialEq)]
pub struct CastEvent {
    pub after: f64,
    pub what: CastEventKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CastEventKind {
    Output(String),
    Marker(String),
}

#[derive(Debug, Default)]
pub struct CastScreen {
    events: Vec<CastEvent>,
    title: String,
    /// The rows of the page that are taken.
    row: usize,
    /// The seconds to let go by before the next cue.
    wait: f64,
    /// The words that nobody had time to read yet.
    unread: usize,
}

impl CastScreen {
    pub fn into_events(self) -> Vec<CastEvent> {
        self.events
    }

    /// The seconds that have not gone by yet.
    pub fn pending_seconds(&self) -> f64 {
        self.wait
    }

    fn event(&mut self, what: CastEventKind) {
        let after = std::mem::take(&mut self.wait);
        self.events.push(CastEvent { after, what });
    }

    pub fn add_marker(&mut self, label: &str) {
        self.event(CastEventKind::Marker(prose(label)));
    }

    /// An empty page with a title on top.
    pub fn start_page(&mut self, title: &str) {
        self.title = prose(title);
        self.begin_page("");
    }

    fn begin_page(&mut self, note: &str) {
        let title = padded(&format!(" {}{note}", self.title), COLUMNS - 1);
        let bar = painted(&Line::styled(title, Style::new().add_modifier(Modifier::REVERSED)));
        self.event(CastEventKind::Output(format!("\x1b[2J\x1b[H{bar}\r\n\r\n")));
        self.row = 2;
    }

    /// Let time go by to read what has appeared since the last pause.
    pub fn wait_for_reading(&mut self) {
        if self.unread > 0 {
            self.wait += (self.unread as f64 * SECONDS_PER_WORD)
                .clamp(MIN_READING_SECONDS, MAX_READING_SECONDS);
            self.unread = 0;
        }
    }

    /// Let as much time go by as a program took before it went on printing; never less than a line takes to appear.
    pub fn wait_ms(&mut self, millis: u64) {
        self.wait += (millis as f64 / 1000.0 - SECONDS_PER_LINE).max(0.0);
    }

    /// Keep the rows that are to come together, where a page can hold them.
    pub fn keep_together(&mut self, rows: usize) {
        if self.row + rows > ROWS - 1 && self.row > 2 {
            self.wait_for_reading();
            self.begin_page(" (goes on)");
        }
    }

    /// An empty row, unless the page is empty.
    pub fn blank_line(&mut self) {
        if self.row > 2 && self.row < ROWS - 1 {
            self.output("\r\n".to_owned());
            self.row += 1;
        }
    }

    /// One line; cut where it is too long.
    pub fn print_line(&mut self, line: &Line<'_>) {
        self.keep_together(1);
        self.unread += line.to_string().split_whitespace().count();
        self.wait += SECONDS_PER_LINE;
        self.output(format!("{}\r\n", painted(&cut(line))));
        self.row += 1;
    }

    pub fn print_lines<'a>(&mut self, lines: impl IntoIterator<Item = Line<'a>>) {
        for line in lines {
            if line.width() == 0 { self.blank_line() } else { self.print_line(&line) }
        }
    }

    /// A command typed at a prompt, key by key; it goes on in the next row where it is too long.
    pub fn type_command(&mut self, prompt: &str, pieces: &[(Style, String)]) {
        let prompt = safe(prompt);
        let mut letters: Vec<(Style, String)> = Vec::new();
        for (style, text) in pieces {
            for letter in safe(text).chars() {
                match letters.last_mut() {
                    // A mark is typed with the letter that carries it.
                    Some((_, last)) if letter.width() == Some(0) => last.push(letter),
                    _ => letters.push((*style, letter.to_string())),
                }
            }
        }

        let columns: usize = letters.iter().map(|(_, letter)| letter.width()).sum();
        self.keep_together((prompt.width() + columns) / LINE_WIDTH + 2);

        let prompt = shortened(&prompt, LINE_WIDTH / 2);
        let mut used = prompt.width();
        self.output(painted(&Line::styled(prompt, Style::new().add_modifier(Modifier::DIM))));
        self.wait += MIN_READING_SECONDS;

        let key = SECONDS_PER_KEY.min(MAX_TYPING_SECONDS / letters.len().max(1) as f64);
        for (style, letter) in letters {
            let width = letter.width();
            if used + width > LINE_WIDTH {
                self.keep_together(2);
                self.output("\r\n".to_owned());
                self.row += 1;
                used = 0;
            }
            used += width;
            self.output(painted(&Line::styled(letter, style)));
            self.wait += key;
        }

        self.wait += MIN_READING_SECONDS / 2.0;
        self.output("\r\n".to_owned());
        self.row += 1;
    }

    fn output(&mut self, text: String) {
        self.event(CastEventKind::Output(text));
    }
}

fn cut<'a>(line: &Line<'a>) -> Line<'a> {
    if prose(&line.to_string()).width() <= LINE_WIDTH {
        return line.clone();
    }
    let mut left = LINE_WIDTH;
    let mut spans = Vec::new();
    for span in &line.spans {
        let text = shortened(&prose(&span.content), left);
        left -= text.width();
        spans.push(Span::styled(text, span.style));
    }
    Line { spans, ..line.clone() }
}

/// A line with the sequences for its styles.
fn painted(line: &Line<'_>) -> String {
    line.spans
        .iter()
        .map(|span| {
            let codes = codes(line.style.patch(span.style));
            let text = prose(&span.content);
            if codes.is_empty() { text } else { format!("\x1b[{}m{text}\x1b[0m", codes.join(";")) }
        })
        .collect()
}

/// The codes of a style: "Select Graphic Rendition", ECMA-48 8.3.117.
fn codes(style: Style) -> Vec<&'static str> {
    const MODIFIERS: [(Modifier, &str); 4] = [
        (Modifier::BOLD, "1"),
        (Modifier::DIM, "2"),
        (Modifier::ITALIC, "3"),
        (Modifier::REVERSED, "7"),
    ];
    // The colours that `ui::theme` uses.
    const COLORS: [(Color, &str); 6] = [
        (Color::Red, "31"),
        (Color::Green, "32"),
        (Color::Yellow, "33"),
        (Color::Blue, "34"),
        (Color::Magenta, "35"),
        (Color::Cyan, "36"),
    ];

    let modifiers = MODIFIERS
        .iter()
        .filter(|(one, _)| style.add_modifier.contains(*one))
        .map(|(_, code)| *code);
    let color = COLORS.iter().find(|(one, _)| style.fg == Some(*one)).map(|(_, code)| *code);
    modifiers.chain(color).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(stage: CastScreen) -> Vec<String> {
        let (rows, columns) = (ROWS as u16, COLUMNS as u16);
        let mut parser = vt100::Parser::new(
            rows.try_into().expect("rows"),
            columns.try_into().expect("columns"),
            1000,
        );
        for event in stage.into_events() {
            match event.what {
                CastEventKind::Output(text) => parser.process(text.as_bytes()),
                CastEventKind::Marker(_) => {}
            }
        }

        parser.screen_mut().set_scrollback(usize::MAX);
        assert_eq!(parser.screen().scrollback(), 0, "it scrolled");
        parser.screen().contents().lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_does_not_fit_begins_a_new_page() {
        let mut stage = CastScreen::default();
        stage.start_page("Title");
        for number in 0..ROWS {
            stage.print_line(&Line::from(format!("row {number}")));
        }

        let rows = shown(stage);
        assert_eq!(rows[0].trim_end(), " Title (goes on)");
        assert_eq!(rows[2], format!("row {}", ROWS - 3));
    }

    #[test]
    fn hostile_text_and_long_lines_stay_in_their_place() {
        let mut stage = CastScreen::default();
        stage.start_page("\u{1b}]0;x\u{7}");
        stage.type_command("\u{1b}c# ", &[(Style::new(), "あ\u{1b}[2J".repeat(80))]);
        stage.print_line(&Line::from("x\u{1b}[2J\u{9b}3J".repeat(50)));
        stage.print_line(&Line::from("last"));
        let rows = shown(stage);
        assert!(rows[0].starts_with(" \\x1b]0;x\\x07"), "{rows:#?}");
        assert_eq!(rows.last().map(String::as_str), Some("last"));
        assert!(rows.iter().all(|row| row.trim_end().width() <= LINE_WIDTH), "{rows:#?}");
    }

    #[test]
    fn time_to_read_grows_with_the_words() {
        let pause = |words: usize| {
            let mut stage = CastScreen::default();
            stage.start_page("");
            stage.print_line(&Line::from("word ".repeat(words)));
            stage.wait_for_reading();
            stage.pending_seconds()
        };
        assert!(pause(1) < pause(10) && pause(10) < pause(30));
        assert!(pause(1) >= MIN_READING_SECONDS && pause(10_000) <= MAX_READING_SECONDS);
    }
}
