//! The first screen: what this program is, the first keys, and the two ways to learn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::markdown;
use super::theme::Theme;
use crate::app::keymap::{Key, keys};
use crate::app::{AfterWelcome, LearningWay, Welcome};
use crate::text::{padded, wrapped};

/// Wider rows are hard to read.
const MAX_COLUMNS: u16 = 76;

const ABOUT: &str = "You are about to build Linux containers, one system call at a time, in a **lab** that can't hurt this machine. \
     Nothing is simulated: what you see is what the kernel says.";

pub fn draw(welcome: &Welcome, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    frame.render_widget(Clear, area);
    let width = MAX_COLUMNS.min(area.width.saturating_sub(4));
    let lines = lines(welcome, usize::from(width), theme);
    let height = (lines.len() as u16).min(area.height);
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 3,
        width,
        height,
    };
    frame.render_widget(Paragraph::new(lines), place);
}

fn lines(welcome: &Welcome, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled("unboxed", theme.bold()), Line::default()];
    lines.extend(markdown::lines(ABOUT, columns, theme));
    lines.push(Line::default());
    let (hint, back) = (keys::lesson::HINT, keys::lesson::LOOK_BACK);
    let both = format!("{back} {}", keys::lesson::LOOK_FORWARD);
    for (key, text) in [
        (name(keys::lesson::RUN), "does the next thing, and shows what it changed".to_owned()),
        (both, "look back and forward; nothing is undone by that".to_owned()),
        (
            name(keys::lesson::YOUR_TURN),
            format!("your turn: do the step in a shell, and the kernel judges ({hint}: a hint)"),
        ),
        (name(keys::everywhere::HELP), "all other keys".to_owned()),
    ] {
        lines.extend(key_lines(&key, &text, columns, theme));
    }

    lines.extend([Line::default(), Line::styled("How do you want to learn?", theme.bold())]);
    lines.push(Line::default());
    for (way, title, about) in ways() {
        let is_chosen = welcome.chosen == way;
        let mark = if is_chosen { ">" } else { " " };
        let title = padded(&format!(" {mark} {title} "), columns);
        let style = if is_chosen { theme.selected() } else { theme.bold() };
        lines.push(Line::styled(title, style));
        let about = wrapped(&about, columns.saturating_sub(5)).into_iter();
        lines.extend(about.map(|row| Line::from(format!("     {row}"))));
    }

    lines.push(Line::default());
    let (turn, choose, later) = (keys::welcome::TURN, keys::welcome::CHOOSE, keys::welcome::LATER);
    let (way, next) = (keys::everywhere::WAY, keys::everywhere::DOWN);
    let later_means = match welcome.then {
        AfterWelcome::Back => "back",
        AfterWelcome::Catalogue | AfterWelcome::Lesson { .. } | AfterWelcome::Programs(_) => {
            "ask me next time"
        }
    };
    let keys = format!(
        "{turn} or {next}: the other    {choose}: learn in this way    {later}: {later_means}"
    );
    lines.push(Line::styled(keys, theme.bold()));
    lines.push(Line::styled(format!("{way} brings this back at any time."), theme.dim()));
    lines
}

fn name(key: Key) -> String {
    key.to_string()
}

/// The two ways, each with its title and what it means.
fn ways() -> [(LearningWay, &'static str, String); 2] {
    let (run, turn, hint) = (keys::lesson::RUN, keys::lesson::YOUR_TURN, keys::lesson::HINT);
    [
        (
            LearningWay::Shown,
            "Show me each step; I try when I like",
            format!("First the command and what it does. {turn} whenever you want to type."),
        ),
        (
            LearningWay::Typed,
            "I type; show me when I ask",
            format!(
                "First what is to become true, and a shell. {hint} gives a hint, {run} shows the step."
            ),
        ),
    ]
}

fn key_lines(key: &str, text: &str, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    const KEY: usize = 9;
    let rows = wrapped(text, columns.saturating_sub(KEY + 3)).into_iter().enumerate();
    rows.map(|(row, text)| {
        let key = if row == 0 { key } else { "" };
        let key = Span::styled(format!("   {}", padded(key, KEY)), theme.bold());
        Line::from(vec![key, Span::raw(text)])
    })
    .collect()
}
