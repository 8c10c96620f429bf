//! Colours of a theme, and what is sent of one to a terminal of so many.

/// The number of colours that the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColorDepth {
    /// NO_COLOR: bold, dim and reverse stay.
    None,
    Ansi16,
    Indexed256,
    TrueColor,
}

impl ColorDepth {
    pub const ALL: [ColorDepth; 4] =
        [ColorDepth::None, ColorDepth::Ansi16, ColorDepth::Indexed256, ColorDepth::TrueColor];

    /// The depth by the environment, as `variable` reads it. NO_COLOR counts unless it is empty (no-color.org).
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> ColorDepth {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if set("NO_COLOR").is_some() {
            return ColorDepth::None;
        }

        let term = set("TERM").unwrap_or_default();
        let by_name = if term.contains("direct") {
            ColorDepth::TrueColor
        } else if term.contains("256color") {
            ColorDepth::Indexed256
        } else {
            ColorDepth::Ansi16
        };

        // These say so by their name alone, which ssh passes on; COLORTERM it does not.
        const TRUE_COLOR: [&str; 5] = ["kitty", "alacritty", "foot", "wezterm", "ghostty"];
        if TRUE_COLOR.iter().any(|name| term.contains(name)) {
            return ColorDepth::TrueColor;
        }
        // The console has 16, whatever is inherited; and GNU screen (before 5) takes colours of 24 bits for something else.
        let is_screen = term.starts_with("screen") && set("TMUX").is_none();
        if term == "linux" || is_screen {
            return by_name;
        }

        match set("COLORTERM").as_deref() {
            Some("truecolor" | "24bit") => ColorDepth::TrueColor,
            _ => by_name,
        }
    }
}

/// A colour by its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// `#5fdc8b`.
    pub fn parse(text: &str) -> Option<Rgb> {
        let digits = text.strip_prefix('#').filter(|digits| {
            digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        })?;
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Rgb(red, green, blue))
    }

    /// The colour that has this index in a terminal of 256; the first 16 are the user's own.
    pub fn of_index(index: u8) -> Option<Rgb> {
        const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
        match index {
            0..16 => None,
            16..232 => {
                let level = |of: u8| LEVELS[usize::from(of % 6)];
                let index = index - 16;
                Some(Rgb(level(index / 36), level(index / 6), level(index)))
            }
            232.. => {
                let grey = 8 + 10 * (index - 232);
                Some(Rgb(grey, grey, grey))
            }
        }
    }

    /// Relative luminance, 0 to 1 (WCAG 2.2).
    pub fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// True for a background on which dark text is read better than light.
    pub fn is_light(self) -> bool {
        // Where white and black have the same contrast.
        self.luminance() > 0.179
    }

    fn distance(self, other: Rgb) -> u32 {
        let square = |one: u8, other: u8| u32::from(one.abs_diff(other)).pow(2);
        // The eye tells greens apart best.
        2 * square(self.0, other.0) + 4 * square(self.1, other.1) + 3 * square(self.2, other.2)
    }

    fn nearest_index(self) -> u8 {
        let fixed = (16..=255).filter_map(|index| Some((index, Rgb::of_index(index)?)));
        fixed.min_by_key(|(_, color)| self.distance(*color)).map_or(16, |(index, _)| index)
    }

    fn nearest_ansi(self) -> u8 {
        let Rgb(red, green, blue) = self;
        let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
        if most - least < 48 {
            // Not 8, which is some terminal's background.
            return match most {
                0..64 => 0,
                64..208 => 7,
                208.. => 15,
            };
        }

        // As xterm has them, without the blues: those are hard to read on black.
        const XTERM: [(u8, Rgb); 10] = [
            (1, Rgb(205, 0, 0)),
            (2, Rgb(0, 205, 0)),
            (3, Rgb(205, 205, 0)),
            (5, Rgb(205, 0, 205)),
            (6, Rgb(0, 205, 205)),
            (9, Rgb(255, 0, 0)),
            (10, Rgb(0, 255, 0)),
            (11, Rgb(255, 255, 0)),
            (13, Rgb(255, 0, 255)),
            (14, Rgb(0, 255, 255)),
        ];
        let nearest = XTERM.iter().min_by_key(|(_, color)| self.distance(*color));
        nearest.map_or(7, |(index, _)| *index)
    }
}

/// The colour that a terminal is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaintColor {
    /// The terminal's own for text or background.
    Default,
    /// One of 256, of which the first 16 are the user's own.
    Index(u8),
    Rgb(Rgb),
}

/// A colour as a theme names it: one, or one for each number of colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ThemeColor {
    pub rgb: Option<Rgb>,
    /// In place of the nearest to `rgb`.
    pub indexed: Option<u8>,
    /// In place of the nearest to `rgb`; the inner none is the terminal's own colour.
    pub ansi: Option<Option<u8>>,
}

/// The names of the 16, by their index.
pub const ANSI_NAMES: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

impl ThemeColor {
    pub fn at(self, depth: ColorDepth) -> PaintColor {
        let index = |index: Option<u8>| index.map_or(PaintColor::Default, PaintColor::Index);
        match depth {
            ColorDepth::None => PaintColor::Default,
            ColorDepth::Ansi16 => {
                index(self.ansi.unwrap_or_else(|| self.rgb.map(Rgb::nearest_ansi)))
            }
            ColorDepth::Indexed256 => index(self.indexed.or(self.rgb.map(Rgb::nearest_index))),
            ColorDepth::TrueColor => self.rgb.map_or(PaintColor::Default, PaintColor::Rgb),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_colours_follows_the_environment() {
        let check = |set: &[(&str, &str)], expected: ColorDepth| {
            let variable = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(ColorDepth::of_environment(variable), expected, "{set:?}");
        };
        let truecolor = ("COLORTERM", "truecolor");
        check(&[], ColorDepth::Ansi16);
        check(&[("TERM", "xterm")], ColorDepth::Ansi16);
        check(&[("TERM", "xterm-256color")], ColorDepth::Indexed256);
        check(&[("TERM", "xterm-256color"), truecolor], ColorDepth::TrueColor);
        check(&[("TERM", "xterm-256color"), ("COLORTERM", "")], ColorDepth::Indexed256);
        check(&[("TERM", "xterm-direct")], ColorDepth::TrueColor);
        check(&[("TERM", "xterm-kitty")], ColorDepth::TrueColor);
        check(&[("TERM", "linux"), truecolor], ColorDepth::Ansi16);
        check(&[("TERM", "screen-256color"), truecolor], ColorDepth::Indexed256);
        let tmux = ("TMUX", "/tmp/tmux-0/default,1,0");
        check(&[("TERM", "screen-256color"), truecolor, tmux], ColorDepth::TrueColor);
        check(&[("TERM", "xterm-256color"), truecolor, ("NO_COLOR", "1")], ColorDepth::None);
        check(&[truecolor, ("NO_COLOR", "")], ColorDepth::TrueColor);
    }

    #[test]
    fn a_colour_has_a_nearest_one_in_every_terminal() {
        let color = |text| ThemeColor { rgb: Rgb::parse(text), ..ThemeColor::default() };
        let check = |text, index, ansi| {
            let color = color(text);
            assert_eq!(color.at(ColorDepth::Indexed256), PaintColor::Index(index), "{text}");
            assert_eq!(color.at(ColorDepth::Ansi16), PaintColor::Index(ansi), "{text}");
            assert_eq!(color.at(ColorDepth::None), PaintColor::Default);
        };
        check("#18c030", 35, 2);
        check("#ffffff", 231, 15);
        check("#000000", 16, 0);
        check("#808182", 244, 7);
        for strange in ["5fdc8b", "#5fdc8", "#5fdc8bf", "#+fdc8b", "", "#"] {
            assert_eq!(Rgb::parse(strange), None, "{strange}");
        }
    }
}
