//! The files of settings and themes, and the options of the screen that count more than they.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use super::input::open_regular_file;
use crate::kernel::home;
use crate::notice::{Notice, SettingMistake, SettingProblem};
use crate::settings::theme::{OWN_THEMES, ThemeData};
use crate::settings::{MouseUse, Settings};
use crate::tui::ScreenSetup;
use crate::ui::theme::BorderCharacters;
use crate::words;

const SETTINGS_FILE: &str = "config.toml";
const THEME_DIRECTORY: &str = "themes";
/// The bytes that a file of settings may have.
const MAX_SIZE: u64 = 64 * 1024;

/// The look of the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ScreenOptions {
    /// Borders and trees in ASCII
    #[arg(long)]
    ascii: bool,
    /// dark, light, high-contrast, a theme of your own in ~/.config/unboxed/themes, or a file (without it: as the terminal's
    /// background asks for)
    #[arg(long, value_name = "NAME|FILE")]
    theme: Option<String>,
    /// Leave the mouse to the terminal
    #[arg(long)]
    no_mouse: bool,
}

/// The setup of the screen, and the first mistake in a file that is not used for it.
pub(super) fn screen_setup(
    options: &ScreenOptions,
) -> anyhow::Result<(ScreenSetup, Option<Notice>)> {
    let dir = home::config_directory();
    let (settings, mut mistake) = match read_settings(dir.as_deref()) {
        Ok(settings) => (settings, None),
        Err(mistake) => (Settings::default(), Some(mistake)),
    };

    let named = match (&options.theme, settings.theme) {
        (Some(name), _) if name == "auto" => None,
        (Some(name), _) => Some(name.clone()),
        (None, kept) => kept.map(|name| name.0),
    };
    let theme = match named.map(|name| read_theme(&name, dir.as_deref())).transpose() {
        Ok(theme) => theme,
        // What was just typed is put right sooner than what is in a file.
        Err(SettingMistake {
            file, problem: problem @ SettingProblem::NoSuchTheme { .. }, ..
        }) if options.theme.as_ref() == Some(&file) => {
            let said = SettingMistake { file, line: None, field: String::new(), problem };
            bail!("--theme {}", words::setting_mistake(&said))
        }
        Err(other) => {
            mistake.get_or_insert(other);
            None
        }
    };

    let setup = ScreenSetup {
        borders: BorderCharacters::of_option(options.ascii),
        theme,
        mouse: if options.no_mouse { MouseUse::Off } else { settings.mouse },
        motion: settings.motion,
        ambiguous: settings.ambiguous,
    };
    Ok((setup, mistake.map(Notice::Setting)))
}

fn read_settings(dir: Option<&Path>) -> Result<Settings, SettingMistake> {
    let path = dir.map(|dir| dir.join(SETTINGS_FILE)).filter(|path| path.exists());
    let Some(path) = path else { return Ok(Settings::default()) };
    let text = read_text(&path)?;
    Settings::parse(&path.display().to_string(), &text)
}

/// A theme by its name or path.
fn read_theme(name: &str, dir: Option<&Path>) -> Result<ThemeData, SettingMistake> {
    if let Some(own) = ThemeData::own(name) {
        return Ok(own);
    }

    let path = if name.contains('/') || name.ends_with(".toml") {
        PathBuf::from(name)
    } else {
        let themes = dir.map(|dir| dir.join(THEME_DIRECTORY));
        let file = themes.as_ref().map(|themes| themes.join(format!("{name}.toml")));
        file.filter(|file| file.exists()).ok_or_else(|| SettingMistake {
            file: name.to_owned(),
            line: None,
            field: String::new(),
            problem: SettingProblem::NoSuchTheme { known: known_themes(themes.as_deref()) },
        })?
    };
    let text = read_text(&path)?;
    ThemeData::parse(&path.display().to_string(), &text)
}

fn known_themes(dir: Option<&Path>) -> String {
    let files = dir.and_then(|dir| dir.read_dir().ok()).into_iter().flatten().flatten();
    let mut names: Vec<String> = files
        .filter_map(|file| file.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    let own = OWN_THEMES.iter().map(|(name, _)| (*name).to_owned());
    own.chain(names).collect::<Vec<_>>().join(", ")
}

fn read_text(path: &Path) -> Result<String, SettingMistake> {
    let read = || -> anyhow::Result<String> {
        let mut text = String::new();
        open_regular_file(path)?.take(MAX_SIZE + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_SIZE {
            bail!("it has more than {} KiB", MAX_SIZE >> 10);
        }
        Ok(text)
    };
    read().map_err(|error| SettingMistake {
        file: path.display().to_string(),
        line: None,
        field: String::new(),
        problem: SettingProblem::NotRead(format!("{error:#}")),
    })
}
