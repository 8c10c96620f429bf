//! Styles: what a theme, the number of colours and the characters of the terminal make of each tone. Colour is never the only
//! carrier.

use std::sync::LazyLock;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

use super::highlight::TokenKind;
use crate::app::panes::RowKind;
use crate::app::shells::ShellSide;
use crate::diff::ChangeKind;
use crate::settings::color::{ColorDepth, PaintColor, Rgb};
use crate::settings::theme::{Ground, TextStyle, ThemeData, Tone};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    pub depth: ColorDepth,
    /// Borders in ASCII.
    pub ascii: bool,
    palette: &'static Palette,
    glow: Glow,
}

/// The way that changes are drawn: those that have just come on the screen glow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glow {
    /// In reverse.
    On,
    Off,
}

/// The styles of all tones, in one terminal.
#[derive(Debug, PartialEq, Eq)]
struct Palette {
    /// By the places in `Tone::ALL`.
    styles: Vec<Style>,
    /// The colours of cells that have none of their own, where the theme draws its background.
    ground: Option<(Color, Color)>,
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

    /// The same, once the environment was asked what locale there is.
    pub fn is_ascii(self) -> bool {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = || {
            let named = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
            named.unwrap_or_default().to_lowercase()
        };
        match self {
            BorderCharacters::Ascii => true,
            BorderCharacters::OfLocale => {
                let locale = locale();
                !locale.contains("utf-8") && !locale.contains("utf8")
            }
        }
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
    /// A theme in a terminal with so many colours, whose own background is this. What is made of it stays for as long as the
    /// program runs: it is made once.
    pub fn new(data: &ThemeData, depth: ColorDepth, terminal: Ground) -> Theme {
        let paints = depth != ColorDepth::None && (data.paints || data.ground() != terminal);
        let ground = paints.then(|| {
            let plain = color(data.look(Tone::Plain).color.at(depth));
            // With 16 colours the text of a theme that leaves it to the terminal must show on the background all the same.
            let text = match (plain, data.ground()) {
                (Color::Reset, Ground::Dark) => Color::White,
                (Color::Reset, Ground::Light) => Color::Black,
                (own, _) => own,
            };
            (text, color(data.background.at(depth)))
        });
        let styles = Tone::ALL.iter().map(|(tone, _)| tone_style(data, *tone, depth)).collect();
        let palette = Box::leak(Box::new(Palette { styles, ground }));
        Theme { depth, ascii: false, palette, glow: Glow::Off }
    }

    /// The dark theme in 16 colours, on the terminal's own background.
    pub fn ansi() -> Theme {
        static MADE: LazyLock<Theme> = LazyLock::new(|| Theme::dark(ColorDepth::Ansi16));
        *MADE
    }

    /// Bold, dim and reverse alone.
    pub fn without_colors() -> Theme {
        static MADE: LazyLock<Theme> = LazyLock::new(|| Theme::dark(ColorDepth::None));
        *MADE
    }

    fn dark(depth: ColorDepth) -> Theme {
        Theme::new(&ThemeData::of_ground(Ground::Dark), depth, Ground::Dark)
    }

    pub fn in_ascii(self) -> Theme {
        Theme { ascii: true, ..self }
    }

    /// The theme of a frame in which changes glow or do not.
    pub fn with_glow(self, glow: Glow) -> Theme {
        Theme { glow, ..self }
    }

    pub fn has_colors(self) -> bool {
        self.depth != ColorDepth::None
    }

    pub fn border(self) -> border::Set<'static> {
        if self.ascii { ASCII_BORDER } else { border::PLAIN }
    }

    pub fn tone(self, tone: Tone) -> Style {
        self.palette.styles[tone as usize]
    }

    /// Give every cell without colours of its own those of the theme, where it draws its background.
    pub fn paint_ground(self, buffer: &mut Buffer) {
        let Some((text, background)) = self.palette.ground else { return };
        for cell in &mut buffer.content {
            if cell.fg == Color::Reset {
                cell.fg = text;
            }
            if cell.bg == Color::Reset {
                cell.bg = background;
            }
        }
    }

    pub fn change_style(self, mark: ChangeKind) -> Style {
        let tone = match mark {
            ChangeKind::Same | ChangeKind::Quiet => return Style::new(),
            ChangeKind::Unknown => return self.dim(),
            ChangeKind::Added => Tone::Added,
            ChangeKind::Gone => Tone::Gone,
            ChangeKind::Changed => Tone::Changed,
            ChangeKind::Moved => Tone::Moved,
        };
        match self.glow {
            Glow::On => self.tone(tone).add_modifier(Modifier::REVERSED),
            Glow::Off => self.tone(tone),
        }
    }

    pub fn row_style(self, kind: RowKind) -> Style {
        match kind {
            RowKind::Plain | RowKind::Chart => Style::new(),
            RowKind::Heading => self.bold(),
            RowKind::Dim => self.dim(),
            RowKind::Bad => self.bad(),
        }
    }

    pub fn token_style(self, token: TokenKind) -> Style {
        match token {
            TokenKind::Plain => Style::new(),
            TokenKind::Keyword => self.tone(Tone::Keyword),
            TokenKind::StringLiteral => self.tone(Tone::StringLiteral),
            TokenKind::Constant => self.tone(Tone::Constant),
            TokenKind::Comment => self.dim(),
            TokenKind::Name => self.tone(Tone::Name),
        }
    }

    pub fn dim(self) -> Style {
        self.tone(Tone::Quiet)
    }

    pub fn bold(self) -> Style {
        self.tone(Tone::Title)
    }

    pub fn bad(self) -> Style {
        self.tone(Tone::Wrong)
    }

    pub fn good(self) -> Style {
        self.tone(Tone::Good)
    }

    pub fn code(self) -> Style {
        self.tone(Tone::Code)
    }

    pub fn selected(self) -> Style {
        self.tone(Tone::Selected)
    }

    pub fn line(self) -> Style {
        self.tone(Tone::Line)
    }

    pub fn key(self) -> Style {
        self.tone(Tone::Key)
    }

    /// The side of a lab's walls that keys go to; text says it, too.
    pub fn side(self, side: ShellSide) -> Style {
        let tone = match side {
            ShellSide::Host => Tone::Name,
            ShellSide::Container => Tone::Code,
        };
        self.tone(tone).add_modifier(Modifier::BOLD)
    }

    pub fn focused_border(self) -> Style {
        self.tone(Tone::Focused)
    }
}

fn tone_style(data: &ThemeData, tone: Tone, depth: ColorDepth) -> Style {
    let look = data.look(tone);
    let mut style = Style::new();
    match look.color.at(depth) {
        // What is drawn upon a row keeps the row's colour.
        PaintColor::Default => {}
        own => style = style.fg(color(own)),
    }
    for text_style in look.styles(depth) {
        style = style.add_modifier(match text_style {
            TextStyle::Bold => Modifier::BOLD,
            TextStyle::Dim => Modifier::DIM,
            TextStyle::Italic => Modifier::ITALIC,
            TextStyle::Underlined => Modifier::UNDERLINED,
            TextStyle::Reversed => Modifier::REVERSED,
            TextStyle::CrossedOut => Modifier::CROSSED_OUT,
        });
    }
    style
}

fn color(color: PaintColor) -> Color {
    const ANSI: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match color {
        PaintColor::Default => Color::Reset,
        PaintColor::Index(index) => {
            ANSI.get(usize::from(index)).copied().unwrap_or(Color::Indexed(index))
        }
        PaintColor::Rgb(Rgb(red, green, blue)) => Color::Rgb(red, green, blue),
    }
}
