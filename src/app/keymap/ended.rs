//! The keys after a lesson, and those of the score of a check.

use super::KeyFunction::{Act, Look};
use super::everywhere::{down, first, help, page_down, page_up, quit, redraw, suspend, up};
use super::{Binding, FooterText, HelpText, always, keys};
use crate::app::Model;
use crate::app::catalogue as functions;

/// After a lesson.
pub static ENDED: [Binding<Model>; 5] = [
    Binding {
        key: keys::ended::BACK,
        short: FooterText::Never,
        long: HelpText::Is("back to the lessons"),
        works: always,
        run: Act(functions::back),
    },
    redraw(),
    suspend(),
    help(),
    quit(functions::quit),
];

/// The score.
pub static SCORE: [Binding<Model>; 9] = [
    down(Look(|model| model.scroll += 1)),
    up(Look(|model| model.scroll = model.scroll.saturating_sub(1))),
    page_down(Look(|model| model.scroll += functions::PAGE)),
    page_up(Look(|model| model.scroll = model.scroll.saturating_sub(functions::PAGE))),
    first(Look(|model| model.scroll = 0)),
    redraw(),
    suspend(),
    help(),
    quit(functions::quit),
];
