//! Themes: one table from what a thing means to the colour that it is drawn in. The program's own are files of the same kind
//! as the user's (`assets/themes`).

use super::color::{ANSI_NAMES, ColorDepth, Rgb, ThemeColor};
use super::document::{Document, Field, Fields};
use crate::notice::{SettingMistake, SettingProblem};

/// The meaning of a piece of the screen. A closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Text of which nothing is said.
    Plain,
    /// Beside the point, or as it was before.
    Quiet,
    /// Rules and frames.
    Line,
    Title,
    Added,
    Gone,
    Changed,
    Moved,
    /// A failure, a refusal.
    Wrong,
    /// An expectation that holds, something that the learner did.
    Good,
    Code,
    Keyword,
    StringLiteral,
    Constant,
    Name,
    /// The name of a key that can be pressed.
    Key,
    Selected,
    /// The frame of what has the keys.
    Focused,
}

impl Tone {
    /// Each with its name in a file.
    pub const ALL: [(Tone, &'static str); 18] = [
        (Tone::Plain, "plain"),
        (Tone::Quiet, "quiet"),
        (Tone::Line, "line"),
        (Tone::Title, "title"),
        (Tone::Added, "added"),
        (Tone::Gone, "gone"),
        (Tone::Changed, "changed"),
        (Tone::Moved, "moved"),
        (Tone::Wrong, "wrong"),
        (Tone::Good, "good"),
        (Tone::Code, "code"),
        (Tone::Keyword, "keyword"),
        (Tone::StringLiteral, "string"),
        (Tone::Constant, "constant"),
        (Tone::Name, "name"),
        (Tone::Key, "key"),
        (Tone::Selected, "selected"),
        (Tone::Focused, "focused"),
    ];

    /// The marks of changes, which must be told apart from each other.
    pub const CHANGES: [Tone; 5] =
        [Tone::Added, Tone::Gone, Tone::Changed, Tone::Moved, Tone::Wrong];
}

/// An attribute of text besides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextStyle {
    Bold,
    Dim,
    Italic,
    Underlined,
    Reversed,
    CrossedOut,
}

impl TextStyle {
    const NAMES: [(&'static str, TextStyle); 6] = [
        ("bold", TextStyle::Bold),
        ("dim", TextStyle::Dim),
        ("italic", TextStyle::Italic),
        ("underlined", TextStyle::Underlined),
        ("reversed", TextStyle::Reversed),
        ("crossed-out", TextStyle::CrossedOut),
    ];
}

/// The look of one tone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToneLook {
    pub color: ThemeColor,
    styles: Vec<TextStyle>,
    /// In the place of `styles` where there are 16 colours or none.
    few_colors: Option<Vec<TextStyle>>,
}

impl ToneLook {
    pub fn styles(&self, depth: ColorDepth) -> &[TextStyle] {
        match &self.few_colors {
            Some(styles) if depth <= ColorDepth::Ansi16 => styles,
            _ => &self.styles,
        }
    }
}

/// The background that a theme is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    Dark,
    Light,
}

/// The name of a theme: one of the program's own, or a file `NAME.toml` in the directory `themes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThemeName(pub String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThemeData {
    /// The background that colours are chosen for.
    pub background: ThemeColor,
    /// It is drawn, whatever the terminal's own is.
    pub paints: bool,
    /// By the places in `Tone::ALL`.
    looks: Vec<ToneLook>,
}

/// The themes that the program has, by name.
pub const OWN_THEMES: [(&str, &str); 3] = [
    ("dark", include_str!("../../assets/themes/dark.toml")),
    ("light", include_str!("../../assets/themes/light.toml")),
    ("high-contrast", include_str!("../../assets/themes/high-contrast.toml")),
];

impl ThemeData {
    /// One of the program's own.
    pub fn own(name: &str) -> Option<ThemeData> {
        let (_, text) = OWN_THEMES.iter().find(|(known, _)| *known == name)?;
        Some(ThemeData::parse(name, text).expect("a test reads each of the program's own themes"))
    }

    /// The theme for a background that nobody has chosen one for.
    pub fn of_ground(ground: Ground) -> ThemeData {
        let name = match ground {
            Ground::Dark => "dark",
            Ground::Light => "light",
        };
        ThemeData::own(name).expect("the program has these")
    }

    /// The theme in a text; what it leaves out is as in the theme that it is based on.
    pub fn parse(file: &str, text: &str) -> Result<ThemeData, SettingMistake> {
        let document = Document::parse(file, text)?;
        let root = document.root()?;
        root.allow_only(&["based-on", "background", "paints", "tones"])?;

        let mut theme = match root.get("based-on") {
            Some(field) => {
                let own = OWN_THEMES.map(|(name, _)| (name, name));
                let base = field.one_of(&own)?;
                ThemeData::own(base).expect("it is one of these")
            }
            None => ThemeData::blank(),
        };
        if let Some(field) = root.get("background") {
            theme.background = color(&field)?;
        }
        if let Some(field) = root.get("paints") {
            theme.paints = field.boolean()?;
        }

        if let Some(tones) = root.get("tones") {
            let tones = tones.fields()?;
            tones.allow_only(&Tone::ALL.map(|(_, name)| name))?;
            for ((_, name), look) in Tone::ALL.iter().zip(&mut theme.looks) {
                if let Some(field) = tones.get(name) {
                    *look = tone_look(&field)?;
                }
            }
        }
        Ok(theme)
    }

    /// Everything in the terminal's own colours.
    fn blank() -> ThemeData {
        ThemeData {
            background: ThemeColor::default(),
            paints: false,
            looks: vec![ToneLook::default(); Tone::ALL.len()],
        }
    }

    pub fn look(&self, tone: Tone) -> &ToneLook {
        &self.looks[tone as usize]
    }

    pub fn ground(&self) -> Ground {
        match self.background.rgb {
            Some(background) if background.is_light() => Ground::Light,
            _ => Ground::Dark,
        }
    }
}

/// `"#5fdc8b"`, `"default"`, or a table.
fn color(field: &Field<'_>) -> Result<ThemeColor, SettingMistake> {
    if !field.is_text() {
        let fields = field.fields()?;
        fields.allow_only(&["rgb", "indexed", "ansi"])?;
        return color_of_fields(&fields);
    }
    match field.text()? {
        "default" => Ok(ThemeColor::default()),
        _ => Ok(ThemeColor { rgb: Some(rgb(field)?), ..ThemeColor::default() }),
    }
}

fn color_of_fields(fields: &Fields<'_>) -> Result<ThemeColor, SettingMistake> {
    let rgb = match fields.get("rgb") {
        Some(field) if field.text()? == "default" => None,
        Some(field) => Some(rgb(&field)?),
        None => None,
    };
    let indexed = match fields.get("indexed") {
        Some(field) => {
            let index = field.integer()?;
            let known = u8::try_from(index);
            Some(known.map_err(|_| field.mistake(SettingProblem::NoIndex(index)))?)
        }
        None => None,
    };
    let ansi = match fields.get("ansi") {
        Some(field) => {
            let mut names = vec![("default", None)];
            names.extend(ANSI_NAMES.iter().copied().zip((0..16).map(Some)));
            Some(field.one_of(&names)?)
        }
        None => None,
    };
    Ok(ThemeColor { rgb, indexed, ansi })
}

fn rgb(field: &Field<'_>) -> Result<Rgb, SettingMistake> {
    let text = field.text()?;
    Rgb::parse(text).ok_or_else(|| field.mistake(SettingProblem::NoColor(text.to_owned())))
}

fn tone_look(field: &Field<'_>) -> Result<ToneLook, SettingMistake> {
    if field.is_text() {
        return Ok(ToneLook { color: color(field)?, ..ToneLook::default() });
    }
    let fields = field.fields()?;
    fields.allow_only(&["rgb", "indexed", "ansi", "style", "few-colors"])?;
    let styles = |name: &str| -> Result<Option<Vec<TextStyle>>, SettingMistake> {
        let Some(field) = fields.get(name) else { return Ok(None) };
        let elements = field.elements()?;
        elements
            .iter()
            .map(|element| element.one_of(&TextStyle::NAMES))
            .collect::<Result<_, _>>()
            .map(Some)
    };
    Ok(ToneLook {
        color: color_of_fields(&fields)?,
        styles: styles("style")?.unwrap_or_default(),
        few_colors: styles("few-colors")?,
    })
}

#[cfg(test)]
mod tests;
