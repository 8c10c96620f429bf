//! The user's own settings and themes: TOML, read from text. Whoever opens the files is elsewhere (`cli/settings.rs`).

pub mod color;
mod document;
pub mod theme;

use self::document::Document;
use self::theme::ThemeName;
use crate::notice::SettingMistake;

/// The choice to have the terminal tell of clicks and of the wheel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MouseUse {
    #[default]
    On,
    Off,
}

/// The choice to have changes light up for a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Motion {
    /// Unless there is no colour, or the way to the terminal is long.
    #[default]
    WhereFast,
    Off,
}

/// The columns that the terminal takes for characters whose width differs from one to another (Unicode's class
/// *Ambiguous*: lines of boxes, arrows).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AmbiguousWidth {
    /// Ask the terminal.
    #[default]
    Asked,
    One,
    Two,
}

/// The content of `config.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// None: by the terminal's background.
    pub theme: Option<ThemeName>,
    pub mouse: MouseUse,
    pub motion: Motion,
    pub ambiguous: AmbiguousWidth,
}

impl Settings {
    /// The settings in a text; `file` is the name that mistakes are told with.
    pub fn parse(file: &str, text: &str) -> Result<Settings, SettingMistake> {
        let document = Document::parse(file, text)?;
        let root = document.root()?;
        root.allow_only(&["theme", "mouse", "motion", "ambiguous"])?;

        let theme = match root.get("theme") {
            Some(field) => match field.text()? {
                "auto" => None,
                name => Some(ThemeName(name.to_owned())),
            },
            None => None,
        };
        let mouse = match root.get("mouse") {
            Some(field) => field.one_of(&[("on", MouseUse::On), ("off", MouseUse::Off)])?,
            None => MouseUse::default(),
        };
        let motion = match root.get("motion") {
            Some(field) => field.one_of(&[("on", Motion::WhereFast), ("off", Motion::Off)])?,
            None => Motion::default(),
        };
        let ambiguous = match root.get("ambiguous") {
            Some(field) => field.one_of(&[
                ("ask", AmbiguousWidth::Asked),
                ("one", AmbiguousWidth::One),
                ("two", AmbiguousWidth::Two),
            ])?,
            None => AmbiguousWidth::default(),
        };
        Ok(Settings { theme, mouse, motion, ambiguous })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::setting_mistake;

    #[test]
    fn settings_are_read() {
        let text = "theme = \"light\"\nmouse = \"off\"\nmotion = \"off\"\nambiguous = \"two\"\n";
        assert_eq!(
            Settings::parse("config.toml", text),
            Ok(Settings {
                theme: Some(ThemeName("light".into())),
                mouse: MouseUse::Off,
                motion: Motion::Off,
                ambiguous: AmbiguousWidth::Two,
            })
        );
        assert_eq!(Settings::parse("config.toml", "theme = \"auto\""), Ok(Settings::default()));
        assert_eq!(Settings::parse("config.toml", ""), Ok(Settings::default()));
    }

    #[test]
    fn a_mistake_is_told_with_file_line_and_field() {
        let check = |text: &str, expected: &str| {
            let mistake = Settings::parse("config.toml", text).expect_err(text);
            assert_eq!(setting_mistake(&mistake), expected);
        };
        check("\nmouse = true\n", "config.toml, line 2, mouse: not a text, but a boolean");
        check("mouse = \"yes\"", "config.toml, line 1, mouse: `yes` is none of on, off");
        check("\n\nthemes = \"x\"", "config.toml, line 3, themes: there is no such field; theme?");
        check("zzz = 1", "config.toml, line 1, zzz: there is no such field");
        check("theme = light", "config.toml, line 1: texts stand in quotes");
        let twice = "theme = \"a\"\ntheme = \"b\"";
        check(twice, "config.toml, line 2, theme: it stands here twice");
    }
}
