//! The look of the screen in this terminal: by options, settings, the environment, and what the terminal says of itself.

use super::terminal_query::{Questions, ask};
use crate::settings::color::{ColorDepth, Rgb};
use crate::settings::theme::{Ground, ThemeData};
use crate::settings::{AmbiguousWidth, Motion, MouseUse};
use crate::ui::theme::{BorderCharacters, Theme};

/// The way that the screen looks and listens, by options and settings.
#[derive(Debug)]
pub struct ScreenSetup {
    pub borders: BorderCharacters,
    /// None: by the terminal's background.
    pub theme: Option<ThemeData>,
    pub mouse: MouseUse,
    pub motion: Motion,
    pub ambiguous: AmbiguousWidth,
}

/// The theme in this terminal, which is asked for what decides it; and what was typed meanwhile.
pub(super) fn ask_for_theme(setup: &ScreenSetup) -> (Theme, Vec<u8>) {
    let depth = ColorDepth::of_environment(|name| std::env::var(name).ok());
    // The console is dark, draws every character in one column, and would show what it does not know.
    let answers_nothing = std::env::var("TERM").is_ok_and(|term| term == "linux");
    let is_ascii = setup.borders.is_ascii() || setup.ambiguous == AmbiguousWidth::Two;
    let answers = ask(Questions {
        background: depth != ColorDepth::None && !answers_nothing,
        ambiguous: setup.ambiguous == AmbiguousWidth::Asked && !is_ascii && !answers_nothing,
    });

    let is_light = answers.background.is_some_and(Rgb::is_light);
    let terminal = if is_light { Ground::Light } else { Ground::Dark };
    let chosen = setup.theme.clone().unwrap_or_else(|| ThemeData::of_ground(terminal));
    let theme = Theme::new(&chosen, depth, terminal);
    let is_ascii = is_ascii || answers.ambiguous_columns.is_some_and(|columns| columns != 1);
    (if is_ascii { theme.in_ascii() } else { theme }, answers.typed)
}
