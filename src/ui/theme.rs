//! Styles: the 16 ANSI colours on the terminal's own background, or none at all. Colour is never the only carrier.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

use super::highlight::TokenKind;
use crate::app::panes::RowKind;
use crate::diff::ChangeKind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// False under NO_COLOR: bold, dim and reverse stay.
    pub colors: bool,
    /// Borders in ASCII.
    pub ascii: bool,
}

/// The characters that borders are drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BorderCharacters {
    Ascii,
    /// Lines where the locale is of UTF-8, else ASCII.
    OfLocale,
}

impl BorderCharacters {
    /// By `--ascii`.
    pub fn of_option(ascii: bool) -> BorderCharacters {
        if ascii { BorderCharacters::Ascii } else { BorderCharacters::OfLocale }
    }
}

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

impl Theme {
    /// From the environment: NO_COLOR that is not empty, a locale that is no UTF-8.
    pub fn from_environment(borders: BorderCharacters) -> Theme {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = set("LC_ALL")
            .or_else(|| set("LC_CTYPE"))
            .or_else(|| set("LANG"))
            .unwrap_or_default()
            .to_lowercase();
        let is_utf8 = locale.contains("utf-8") || locale.contains("utf8");
        Theme {
            colors: set("NO_COLOR").is_none(),
            ascii: borders == BorderCharacters::Ascii || !is_utf8,
        }
    }

    pub fn border(self) -> border::Set<'static> {
        if self.ascii { ASCII_BORDER } else { border::PLAIN }
    }

    fn color(self, color: Color) -> Style {
        if self.colors { Style::new().fg(color) } else { Style::new() }
    }

    pub fn change_style(self, mark: ChangeKind) -> Style {
        match mark {
            ChangeKind::Same | ChangeKind::Quiet => Style::new(),
            // Never blue: on black it is the darkest of all, and this is the commonest mark.
            ChangeKind::Added => self.color(Color::Green).add_modifier(Modifier::BOLD),
            ChangeKind::Gone => self.color(Color::Yellow),
            ChangeKind::Changed => self.color(Color::Magenta),
            ChangeKind::Unknown => self.dim(),
            ChangeKind::Moved => self.color(Color::Cyan).add_modifier(Modifier::BOLD),
        }
    }

    pub fn row_style(self, kind: RowKind) -> Style {
        match kind {
            RowKind::Plain | RowKind::Chart => Style::new(),
            RowKind::Heading => Style::new().add_modifier(Modifier::BOLD),
            RowKind::Dim | RowKind::Columns | RowKind::Note => self.dim(),
            RowKind::Bad => self.bad(),
        }
    }

    pub fn token_style(self, token: TokenKind) -> Style {
        match token {
            TokenKind::Plain => Style::new(),
            TokenKind::Keyword => self.color(Color::Magenta),
            TokenKind::StringLiteral => self.color(Color::Green),
            TokenKind::Constant => self.color(Color::Cyan),
            TokenKind::Comment => self.dim(),
            TokenKind::Name => self.color(Color::Yellow),
        }
    }

    pub fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub fn bad(self) -> Style {
        self.color(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub fn good(self) -> Style {
        self.color(Color::Green)
    }

    pub fn code(self) -> Style {
        self.color(Color::Cyan)
    }

    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub fn focused_border(self) -> Style {
        self.color(Color::Cyan).add_modifier(Modifier::BOLD)
    }
}
